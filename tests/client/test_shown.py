"""How nouns look in a notebook: short, on one line, escaped, and without a secret."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import convo_widgets as cw
from convo_widgets.client import shown
from convo_widgets.client.paginator import Paginator
from tests.client.people import Expected, People

EVIL = "<script>alert(1)</script>\n\x00\u202e\"'&" + "x" * 5000
TAGS = {"div", "table", "caption", "tbody", "tr", "th", "td", "bdi", "span"}


class Reader(HTMLParser):
    """Which tags and attributes there are, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Keep it."""
        self.text += data


def check(noun: Any, *secrets: str) -> str:
    """The text that a notebook shows, after a look at everything."""
    html = noun._repr_html_()
    read = Reader(html)
    assert set(read.tags) <= TAGS
    assert read.attributes <= {"style", "scope"}
    assert len(html) < 20_000
    line = repr(noun)
    assert line.isprintable()
    assert len(line) < 1000
    for secret in secrets:
        assert secret not in html
        assert secret not in line
    return read.text


@given(st.text() | st.integers() | st.none() | st.booleans() | st.lists(st.text()))
def test_any_value_is_text(value: Any) -> None:
    """Whatever stands in a cell makes no tag."""
    assert set(Reader(shown.cell(value)).tags) <= {"bdi", "span"}
    assert len(shown.line(value)) < 300


def test_emoji_stay_whole() -> None:
    """What holds an emoji together is no control character."""
    assert "👩‍👩‍👧‍👦" in shown.cell("👩‍👩‍👧‍👦")


def test_values_are_words() -> None:
    """Whether is yes or no, times are of UTC, and large numbers can be read."""
    values = [True, False, 1234567, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None, "x"]
    words = ["yes", "no", "1,234,567", "2026-01-02 03:04:05 UTC", "none", "x"]
    assert [Reader(shown.cell(value)).text for value in values] == words


async def test_nouns_of_strangers(people: People) -> None:
    """Names, bodies and attributes that try to be HTML, or to fill the page, are a few lines of text."""
    mine, theirs = await people.pair(friendly_name=EVIL[:200], attributes={"a": EVIL})
    await mine.client.user.update_friendly_name(EVIL[:200])
    added = Expected(theirs, "messageAdded")
    await (
        mine.prepare_message()
        .set_body(EVIL)
        .set_attributes({"a": EVIL[:1000]})
        .set_subject(EVIL[:200])
        .add_media(cw.FileMedia(b"x", "text/html", EVIL[:100].replace("\x00", "")))
        .build_and_send()
    )
    message = await added
    token = people.token("alice")
    for noun in (mine, theirs, message, await mine.get_messages(), mine.client.user, message.attached_media[0]):
        text = check(noun, token)
        assert "alert(1)" in text
    participant = await mine.get_participant_by_identity(mine.client.user.identity)
    assert mine.client.user.identity in check(participant)
    client = mine.client
    text = check(client, await client._tokens.current(), people.service.api_secret)
    assert all(word in text for word in (client.user.identity, people.service.url, "connected", "token expires"))


def test_nouns_without_a_service() -> None:
    """Push notifications, templates, tokens, pages."""
    payload = {"data": {"twi_message_type": EVIL, "twi_title": EVIL, "twi_body": EVIL, "conversation_title": EVIL}}
    assert "alert(1)" in check(cw.Client.parse_push_notification(payload))
    variables = [cw.ContentTemplateVariable(EVIL, EVIL)] * 100
    content: dict[str, cw.ContentData] = {EVIL: cw.ContentDataOther("{}")}
    assert "alert(1)" in check(cw.ContentTemplate("HX1", EVIL, variables, content, None, None))
    assert "alert(1)" in check(cw.Media(EVIL, EVIL, EVIL, 5, EVIL))
    page: Paginator[str] = Paginator([EVIL] * 100, prev=None, next=None)
    assert "… and 70 more" in check(page)


def test_a_token_report_shows_no_token(canary: str) -> None:
    """What it says, and not the token."""
    assert "no identity" in check(cw.explain_token(canary), canary)
