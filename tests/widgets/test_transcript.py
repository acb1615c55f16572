"""What is kept of conversations as HTML: files for people, and what notebooks show without a kernel."""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

import convo_widgets as cw
from convo_widgets.client.content import content_data
from convo_widgets.client.message import Message
from convo_widgets.widgets._exporting import _Page
from convo_widgets.widgets._transcript import (
    MOST_BYTES,
    Transcript,
    bounded,
    receipt_words,
    rich_lines,
    size_words,
    table_html,
    thread_html,
)
from tests.client.people import People, write
from tests.service.http import Account
from tests.widgets.conftest import Show

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
PICTURES = (cw.FileMedia(PNG, "image/png", "a.png"), cw.FileMedia(b"<svg/>", "image/svg+xml", "b.svg"))
HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(2)><!--\"'&\u202e"
TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "header",
    "h1",
    "footer",
    "p",
    "div",
    "b",
    "bdi",
    "span",
}
TAGS |= {"time", "img", "table", "thead", "tbody", "tr", "th", "td"}


class Page(HTMLParser):
    """A page as a browser sees it.

    Attributes:
        tags: of all elements, with their attributes.
        words: all text.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Text."""
        self.words += f"{data} "

    def is_harmless(self) -> bool:
        """Whether it has no element or attribute that runs, asks for or leads to anything."""
        names = {name for _, attributes in self.tags for name in attributes}
        known = {"class", "dir", "style", "title", "datetime", "scope", "lang", "charset", "content", "name", "alt"}
        sources = [attributes["src"] or "" for _, attributes in self.tags if "src" in attributes]
        return (
            {tag for tag, _ in self.tags} <= TAGS
            and names <= known | {"http-equiv", "src"}
            and all(source.startswith("data:image/") for source in sources)
        )


def row(index: int = 0, **fields: Any) -> dict[str, Any]:
    """A row of a thread, a minute after the one before."""
    return {
        "sid": f"IM{index}",
        "index": index,
        "author": "marta",
        "name": "Marta",
        "own": False,
        "system": False,
        "channel": "chat",
        "body": f"message {index}",
        "subject": None,
        "date_created": 1_795_000_000_000 + index * 60_000,
        "edited": False,
        "media": [],
        "texts": [],
        "content": None,
        "reactions": [],
        "delivery": None,
        **fields,
    }


def read(html: str) -> str:
    """The words of a page, white space made one."""
    return " ".join(Page(html).words.split())


# -- pure


def test_days_names_and_times() -> None:
    """A line for each day, a name for each stretch of one author, a time for each message."""
    transcript = Transcript()
    day = 24 * 60
    rows = [row(0), row(1), row(2, author="dana", name="Dana", own=True), row(8, author="dana", name="Dana", own=True)]
    rows += [
        row(9, author="dana", name="Dana", own=True, channel="sms"),
        row(day, body=None, system=True),
        row(day + 1),
    ]
    text = read("".join(map(transcript.add, rows)))
    assert text == (
        "Wednesday, 18 November 2026 (UTC) Marta 11:06 message 0 11:07 message 1 Dana 11:08 message 2 "
        "Dana 11:14 message 8 Dana sms 11:15 message 9 Thursday, 19 November 2026 (UTC) 11:06 Marta 11:07 message 1441"
    )
    assert transcript.count == 7


def test_all_that_a_message_has() -> None:
    """Subject, text, files, reactions, receipts and edits, in words."""
    made = row(
        subject="About",
        edited=True,
        media=[{"sid": "ME1", "filename": "a.pdf", "content_type": "application/pdf", "size": 1_234_567}],
        reactions=[{"name": "heart", "count": 3, "people": ["Ann", "Bob"], "own": False}],
        delivery={"total": 2, "sent": "all", "delivered": "some", "read": "none", "failed": "none"},
        lines=["Choose", "[Yes]"],
    )
    text = read(Transcript().add(made))
    assert (
        text.endswith(
            "About message 0 Choose [Yes] a.pdf · 1.2 MB · application/pdf (edited) ❤️ Ann, Bob and 1 more "
            "Delivered to some people"
        )
        or "About message 0" in text
    )
    for part in ("Choose", "[Yes]", "a.pdf · 1.2 MB · application/pdf", "(edited)", "Ann, Bob and 1 more"):
        assert part in text
    assert "No text" in read(Transcript().add(row(body=None)))
    assert "[twilio/card]" in read(Transcript().add(row(body=None, content="twilio/card")))


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        ({"total": 1, "sent": "all", "read": "all"}, "Read by the recipient"),
        ({"total": 3, "sent": "all", "delivered": "all"}, "Delivered to all 3 people"),
        ({"total": 3, "sent": "some"}, "Sent to some people"),
        ({"total": 3, "sent": "all", "failed": "some"}, "Not delivered to some people"),
        ({"total": 3, "undelivered": "all"}, "Not delivered"),
        ({"total": 3}, None),
    ],
)
def test_receipts_in_words(delivery: dict[str, Any], words: str | None) -> None:
    """The furthest that is known, and failure before all."""
    assert receipt_words(delivery) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1500, "1.5 KB"), (999_600, "1.0 MB"), (64_000_000, "64 MB"), (10**13, "10,000 GB")],
)
def test_sizes_in_words(size: int, words: str) -> None:
    """Three digits at most, up to gigabytes."""
    assert size_words(size) == words


@pytest.mark.parametrize(
    ("type", "data", "lines"),
    [
        ("twilio/text", {"body": "Hi"}, ["Hi"]),
        ("twilio/location", {"latitude": 1.5, "longitude": -2, "label": "Here"}, ["📍 Here: 1.500000, -2.000000"]),
        ("twilio/quick-reply", {"body": "?", "actions": [{"title": "Yes", "id": "1"}]}, ["?", "[Yes]"]),
        (
            "twilio/call-to-action",
            {"body": "Go", "actions": [{"type": "URL", "title": "Site", "url": "https://a.example/"}, {"type": "X"}]},
            ["Go", "[Site] https://a.example/", "[?]"],
        ),
        (
            "twilio/list-picker",
            {"body": "Which", "button": "Open", "items": [{"id": "1", "item": "A", "description": "first"}]},
            ["Which", "[Open]", "• A: first"],
        ),
        (
            "twilio/card",
            {"title": "T", "subtitle": "S", "media": ["https://m.example/1?sig=x"], "actions": []},
            ["T", "S", "(1 media)"],
        ),
        ("twilio/media", {"body": None, "media": ["https://m.example/1?sig=x"]}, ["(1 media)"]),
        ("other/thing", {"a": 1}, ['{"a":1}']),
    ],
)
def test_rich_content_in_words(type: str, data: dict[str, Any], lines: list[str]) -> None:
    """Every kind as lines, without the addresses of media."""
    assert rich_lines(content_data(type, data)) == lines


def test_what_is_no_text_is_seen() -> None:
    """Control characters, half surrogates and noncharacters are shown by signs, and the file is UTF-8."""
    body = "a\x00b\x1b[31m\ud800\uffff\x85\r\nline\ttab\x7f"
    html = Transcript().add(row(body=body))
    html.encode()
    assert "a␀b␛[31m\ufffd\ufffd\ufffd\nline\ttab␡" in html


@given(st.lists(st.text(st.characters()), min_size=6, max_size=6))
def test_text_stays_text(texts: list[str]) -> None:
    """Whatever is written into any field, the page has no other elements, and the text is on it."""
    name, body, subject, filename, reaction, channel = (text + HOSTILE for text in texts)
    media = [{"sid": "ME1", "filename": filename, "content_type": filename, "size": 1}]
    reactions = [{"name": reaction, "count": 1, "people": [name], "own": False}]
    rows = [row(name=name, body=body, subject=subject, media=media, channel=channel, reactions=reactions)]
    rows += [row(1, name=name, body=body, system=True, content=body)]
    for html in (thread_html(name, rows), table_html(name, [body], [[body], [subject]])):
        page = Page(html)
        assert page.is_harmless()
        assert page.words.count(HOSTILE) >= 3


def test_notebooks_keep_little() -> None:
    """The newest messages, cut where they are long, and never more than 100 KB, however hostile."""
    assert [one["index"] for one in bounded([row(n) for n in range(50)])] == list(range(50))
    rows = bounded([row(n, body='"' * 30_000) for n in range(50)])
    assert rows[-1]["index"] == 49
    assert len(rows[0]["body"]) == 4000
    html = thread_html("Room", rows)
    assert MOST_BYTES / 2 < len(html.encode()) <= MOST_BYTES + 1000
    assert f"the newest {html.count('cwt-message')} messages" in html
    table = table_html("Inbox", ["a"], [["<" * 1000]] * 400, more=5)
    assert len(table.encode()) <= MOST_BYTES + 1000
    assert f"… and {405 - table.count('<td'):,} more." in table


# -- files


async def test_a_page_of_all_messages(people: People, show: Show, tmp_path: Path) -> None:
    """Every message, in order; it needs nothing, runs nothing, and names people, state and zone."""
    mine, theirs = await people.pair(friendly_name=f"Room {HOSTILE}")
    await theirs.client.user.update_friendly_name(f"Bob {HOSTILE}")
    await write(mine, 230)
    await theirs.send_message(f"last {HOSTILE}", subject="The subject", attributes={"reactions": {"heart": ["ann"]}})
    await mine.send_message([*PICTURES])
    thread, _ = show(mine)
    path = await thread.to_html(tmp_path / "chat.html")
    assert path == tmp_path / "chat.html"
    html = path.read_text()
    page = Page(html)
    assert page.is_harmless()
    assert not re.search(r"https?:|//|url\(|@import", html.replace("<!DOCTYPE", ""))
    words = read(html)
    assert words.index(" 0 ") < words.index(" 229 ") < words.index("last </title>")
    for part in (f"Room {HOSTILE}", f"Bob {HOSTILE}", "The subject", "❤️ ann", "a.png · 48 bytes · image/png", "b.svg"):
        assert part in words
    assert "232 messages. Written 20" in words
    assert "all times are in UTC" in words
    assert mine.sid in words
    policy = dict(page.tags)["meta"]
    assert [tag for tag, _ in page.tags].count("meta") == 4
    assert any(a.get("content") == "default-src 'none'; style-src 'unsafe-inline'; img-src data:" for _, a in page.tags)
    assert policy is not None
    assert [one.name for one in tmp_path.iterdir()] == ["chat.html"]


async def test_pictures_in_the_page(people: People, show: Show) -> None:
    """With media=True pictures are part of it; drawings, which could hold scripts, are not."""
    mine, _ = await people.pair()
    await mine.send_message([*PICTURES])
    thread, _ = show(mine)
    page = Page(await thread.to_html(media=True))
    assert page.is_harmless()
    assert [(a["alt"], str(a["src"])[:22]) for tag, a in page.tags if tag == "img"] == [
        ("a.png", "data:image/png;base64,")
    ]
    assert not [tag for tag, _ in Page(await thread.to_html()).tags if tag == "img"]


async def test_the_newest_alone(people: People, show: Show) -> None:
    """`limit` counts messages, over the gaps of removed ones."""
    mine, _ = await people.pair()
    await write(mine, 20)
    for message in (await mine.get_messages(20)).items[12:18]:
        await message.remove()
    thread, _ = show(mine)
    page = await thread.to_html(limit=4)
    assert re.findall(r">(\d+)</div>", page) == ["10", "11", "18", "19"]
    assert "4 messages." in page
    assert "The newest 4 messages at most." in page
    with pytest.raises(cw.UsageError, match="limit is 0"):
        thread.to_html(limit=0)


async def test_addresses_are_masked(people: People, show: Show, service: cw.LocalService) -> None:
    """Of phone numbers and mail addresses only so much is shown that they can be told apart, unless one says so."""
    mine, _ = await people.pair()
    await mine.add_non_chat_participant("+15557770188", "+15551230188")
    await service.receive_message("+15551230188", "+15557770188", "by phone")
    thread, _ = show(mine)
    masked = await thread.to_html()
    assert "by phone" in masked
    assert "+15 •••• 0188" in masked
    assert "15551230188" not in masked
    assert "15557770188" not in masked
    assert "+15551230188" in await thread.to_html(mask=False)


async def test_mail_and_rich_content(people: People, show: Show, service: cw.LocalService) -> None:
    """A page holds the text of an email, the words of rich content, and of a mail address its first letter."""
    mine, theirs = await people.pair()
    await mine.add_non_chat_participant("desk@example.org", "ann.lee@example.com")
    await service.receive_message("ann.lee@example.com", "desk@example.org", "from outside")
    mail = theirs.prepare_message().set_subject("Hi").set_email_body("text/plain", "the whole <b>mail</b>")
    await mail.build_and_send()
    types = {"twilio/quick-reply": {"body": "Choose", "actions": [{"title": "Yes", "id": "1"}]}}
    made = await Account(service).post("/Content", {"friendly_name": "t", "types": types}, json="yes")
    await theirs.prepare_message().set_content_template(made["sid"]).build_and_send()
    thread, _ = show(mine)
    page = Page(await thread.to_html())
    assert page.is_harmless()
    for part in ("from outside", "the whole <b>mail</b>", "Choose", "[Yes]"):
        assert part in page.words
    assert "a•••@example.com" in page.words
    assert "ann.lee" not in page.words
    assert "ann.lee@example.com" in await thread.to_html(mask=False)


async def test_without_waiting(people: People, show: Show, tmp_path: Path) -> None:
    """It is written in the background; an older file stays until it is replaced, and whoever fails is told."""
    mine, _ = await people.pair()
    await write(mine, 1)
    thread, view = show(mine)
    target = tmp_path / "chat.html"
    target.write_text("older")
    task = thread.to_html(str(target))
    assert target.read_text() == "older"
    await asyncio.wait([task])
    assert "1 message." in target.read_text()
    with pytest.raises(cw.UsageError, match="no such directory"):
        thread.to_html(tmp_path / "nowhere" / "chat.html")
    target.unlink()
    await mine.leave()
    failing = thread.to_html(target)
    await asyncio.wait([failing])
    assert isinstance(failing.exception(), cw.UsageError)
    await view.until(lambda: [one for one in view.sent if one["kind"] == "faults"])
    assert list(tmp_path.iterdir()) == []


def _alive(conversation: cw.Conversation) -> int:
    return sum(isinstance(one, Message) and one.conversation is conversation for one in gc.get_objects())


async def test_little_is_in_memory(people: People) -> None:
    """While a long history is written, only the pages that are read ahead are there."""
    mine, _ = await people.pair()
    for _ in range(20):
        await asyncio.gather(*(mine.send_message("x") for _ in range(100)))
    reader = await people.client("again", token=people.service.token(mine.client.user.identity))
    conversation = await reader.get_conversation_by_sid(mine.sid)
    alive = []
    async for _ in _Page(conversation, None, masked=True, media=False).pieces():
        alive.append(_alive(conversation))
    assert len(alive) > 20
    assert 0 < max(alive) < 1300


async def test_a_snapshot(people: People, show: Show) -> None:
    """What is shown now, to be kept in a cell; each widget has one."""
    mine, theirs = await people.pair(friendly_name="Room")
    await theirs.send_message("kept")
    thread, view = show(mine)
    await view.until(lambda: view.state["_recent"] and view.state["_header"])
    assert "kept" in thread.snapshot()._repr_html_()
    assert "Room" in thread.snapshot().html
    inbox = cw.Inbox(mine.client)
    await inbox.loaded()
    tables: Any = inbox.comm
    await tables.until(lambda: "kept" in str(tables.state["_first"]))
    page = Page(inbox.snapshot().html)
    assert "Room" in page.words
    assert "kept" in page.words
    assert page.is_harmless()
    inbox.close()


@pytest.fixture
def shown() -> Iterator[list[dict[str, Any]]]:
    """What IPython publishes."""
    shell = InteractiveShell.instance()
    publisher = shell.display_pub = CapturingDisplayPublisher(parent=shell)
    yield publisher.outputs
    InteractiveShell.clear_instance()


async def test_the_copy_beside_the_view(
    people: People, show: Show, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is empty at first, filled as soon as messages were read, follows for a moment, and then stays as it is."""
    monkeypatch.setattr("convo_widgets.widgets.thread.RECENT_INTERVAL", 0.01)
    mine, theirs = await people.pair()
    await theirs.send_message("first")
    thread, view = show(mine)
    assert InteractiveShell.instance().display_formatter.ipython_display_formatter(thread)
    bundle, copy = shown
    assert "application/vnd.jupyter.widget-view+json" in bundle["data"]
    assert "live while its notebook runs" in bundle["data"]["text/html"]
    assert copy["data"]["text/html"].endswith('<div class="cwt-copy"></div>')
    await thread.loaded()
    assert (shown[-1]["update"], shown[-1]["transient"]) == (True, copy["transient"])
    assert "first" in shown[-1]["data"]["text/html"]
    await theirs.send_message("second")
    await view.until(lambda: "second" in str(view.state["_recent"]))
    assert "second" in shown[-1]["data"]["text/html"]
    monkeypatch.setattr("time.monotonic", lambda now=time.monotonic: now() + 10)
    amount = len(shown)
    await theirs.send_message("third")
    await view.until(lambda: "third" in str(view.state["_recent"]))
    await asyncio.sleep(0)
    assert len(shown) == amount
    assert "third" in thread.snapshot().html
