"""The Inbox widget: every conversation of a client, as they come, go and change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import traitlets

import convo_widgets as cw
from convo_widgets.client.events import Discontinuity
from convo_widgets.widgets._errands import AT_ONCE, Errands
from tests.client.people import Expected, People, write

from .conftest import Shown, View

Desk = tuple[cw.Inbox, View, cw.Conversation, cw.Conversation]


@pytest.fixture
async def desk(people: People, view_of: Shown) -> Desk:
    """Alice's inbox with one conversation, what a page has of it, and the conversation as she and bob see it."""
    mine, theirs = await people.pair(friendly_name="Room")
    inbox = cw.Inbox(mine.client)
    view = view_of(inbox)
    await view.result("rows", view="page", start=0, count=50)
    await inbox.loaded()
    await read(inbox)
    return inbox, view, mine, theirs


async def read(inbox: cw.Inbox) -> None:
    """Wait until everything that is to be read is."""
    while inbox._tasks:
        await asyncio.wait(inbox._tasks)


async def test_what_is_new(desk: Desk) -> None:
    """A message moves its conversation to the top, with its text, its author and how much is unread."""
    inbox, view, mine, theirs = desk
    other = await (await mine.client.create_conversation(friendly_name="Other")).join()
    await view.until(lambda: inbox.visible == [other.sid, mine.sid])
    await mine.update_last_read_message_index(None)
    await theirs.client.user.update_friendly_name("Bob")
    await theirs.send_message("Hello   there\n" + "x" * 1000)
    await view.until(lambda: inbox.visible == [mine.sid, other.sid])
    row = await view.until(lambda: (one := inbox._rows[mine.sid])["last_author"] == "Bob" and one)
    assert row["last_text"].startswith("Hello there xxx")
    assert len(row["last_text"]) == 200
    assert (row["last_own"], row["unread"], row["is_unread"]) == (False, None, False)
    await mine.send_message("mine")
    await view.until(lambda: inbox._rows[mine.sid]["last_own"])


async def test_unread_follows_reading(desk: Desk) -> None:
    """The count is the service's: up with each message, and right at once when it was read elsewhere."""
    inbox, view, mine, theirs = desk
    await theirs.send_message("0")
    await mine.set_all_messages_read()
    await view.until(lambda: inbox._rows[mine.sid]["unread"] == 0)
    await write(theirs, 3)
    await view.until(lambda: inbox._rows[mine.sid]["unread"] == 3)
    inbox.view_state = {"filters": {"is_unread": ["yes"]}}
    assert inbox.visible == [mine.sid]
    await mine.update_last_read_message_index(2)
    await view.until(lambda: inbox._rows[mine.sid]["unread"] == 1)
    await mine.set_all_messages_read()
    await view.until(lambda: inbox.visible == [])
    assert await mine.get_unread_messages_count() == 0


async def test_removed_newest_message(desk: Desk) -> None:
    """The one before it takes its place; an edited one has its new text; without any there is none."""
    inbox, view, mine, theirs = desk
    await write(theirs, 2)
    await view.until(lambda: inbox._rows[mine.sid]["last_text"] == "1")
    newest = (await theirs.get_messages(1)).items[0]
    await newest.update_body("edited")
    await view.until(lambda: inbox._rows[mine.sid]["last_text"] == "edited")
    await newest.remove()
    await view.until(lambda: inbox._rows[mine.sid]["last_text"] == "0")
    await (await theirs.get_messages(1)).items[0].remove()
    await view.until(lambda: inbox._rows[mine.sid]["last_text"] is None)


async def test_typing_and_muting(desk: Desk) -> None:
    """Who writes is told until they stop; a muted conversation is marked."""
    inbox, view, mine, theirs = desk
    await theirs.typing()
    await view.until(lambda: inbox._rows[mine.sid]["typing"] == [theirs.client.user.identity])
    await theirs.send_message("done")
    await view.until(lambda: inbox._rows[mine.sid]["typing"] == [])
    await view.result("mute", sid=mine.sid, muted=True)
    await view.until(lambda: inbox._rows[mine.sid]["muted"])
    assert mine.notification_level == "muted"
    await view.result("read", sid=mine.sid)
    await view.until(lambda: inbox._rows[mine.sid]["unread"] == 0)


async def test_leaving(desk: Desk) -> None:
    """A conversation that was left or deleted vanishes, and is selected no more."""
    inbox, view, mine, _ = desk
    gone, kept = [await (await mine.client.create_conversation()).join() for _ in range(2)]
    await view.until(lambda: len(inbox.visible) == 3)
    inbox.selected_sid = mine.sid
    assert inbox.selected == [mine.sid]
    await view.result("leave_conversation", sid=mine.sid)
    await view.until(lambda: mine.sid not in inbox._rows)
    assert (inbox.selected_sid, inbox.selected, view.state["selected_sid"]) == ("", [], "")
    await gone.delete()
    await view.until(lambda: inbox.visible == [kept.sid])
    assert "any more" in (await view.ask("leave_conversation", sid=mine.sid))["error"]["message"]
    inbox.read_only = True
    assert "read-only" in (await view.ask("read", sid=kept.sid))["error"]["message"]


async def test_titles_and_channels(desk: Desk) -> None:
    """Without a name it is called by who is in it; addresses are masked; the channel is that of a customer."""
    inbox, view, mine, _ = desk
    nameless = await (await mine.client.create_conversation()).join()
    await view.until(lambda: nameless.sid in inbox._rows and inbox._rows[nameless.sid]["title"] == nameless.sid)
    address = f"whatsapp:+4477009{mine.sid[2:4].encode().hex()}01"
    await nameless.add_non_chat_participant("whatsapp:+15550001111", address)
    row = await view.until(lambda: (one := inbox._rows[nameless.sid])["channel"] == "whatsapp" and one)
    assert "••••" in row["title"]
    assert address[9:] not in str(inbox._rows.all())
    inbox.view_state = {"filters": {"channel": ["whatsapp"]}}
    assert inbox.visible == [nameless.sid]
    inbox.view_state = {"search": mine.sid}
    assert inbox.visible == [mine.sid]


async def test_unread_first(desk: Desk) -> None:
    """Sorted by attention, what is unread comes first, the newest first in each half."""
    inbox, view, mine, theirs = desk
    later = await (await mine.client.create_conversation(friendly_name="Later")).join()
    await theirs.send_message("0")
    await mine.set_all_messages_read()
    await theirs.send_message("1")
    await later.send_message("newest")
    await view.until(lambda: inbox.visible == [later.sid, mine.sid] and inbox._rows[mine.sid]["unread"] == 1)
    inbox.view_state = {"sort": "attention", "descending": True}
    assert inbox.visible == [mine.sid, later.sid]


async def test_linked_with_a_thread(desk: Desk, view_of: Shown) -> None:
    """The line of the documentation: choose in the inbox, read in the thread, also when one is left."""
    inbox, view, mine, _ = desk
    other = await (await mine.client.create_conversation(friendly_name="Other")).join()
    await view.until(lambda: other.sid in inbox._rows)
    thread = cw.Thread(other)
    page = view_of(thread)
    traitlets.link((inbox, "selected_sid"), (thread, "conversation_sid"))
    await view.until(lambda: inbox.selected_sid == other.sid)
    view.set(selected=[mine.sid])
    await view.until(lambda: thread.conversation_sid == mine.sid)
    await page.result("open", count=1)
    assert thread.conversation is mine
    await mine.leave()
    await view.until(lambda: inbox.selected_sid == "")
    assert thread.conversation_sid == ""
    view.set(selected=[other.sid])
    await view.until(lambda: thread.conversation_sid == other.sid)


async def test_hundreds_of_conversations(people: People, view_of: Shown) -> None:
    """The first rows are there before the rest is read; previews are read a few at a time, those in sight first."""
    alice = await people.client("alice")
    made = [await (await alice.create_conversation(friendly_name=f"Talk {n}")).join() for n in range(120)]
    for conversation in made:
        await conversation.send_message("Hello")
    fresh = await people.client("alice")
    inbox = cw.Inbox(fresh)
    view = view_of(inbox)
    most = 0
    original = inbox._reading._read
    order: list[str] = []

    async def watched(sid: str) -> None:
        nonlocal most
        most = max(most, len(inbox._reading._running))
        order.append(sid)
        await original(sid)

    inbox._reading._read = watched
    await view.until(lambda: view.state.get("_first", {}).get("rows"))
    await inbox.loaded()
    await view.result("rows", view="page", start=60, count=10)
    await read(inbox)
    assert len(inbox.visible) == 120
    assert most <= AT_ONCE
    assert {row["last_text"] for row in inbox._rows.all()} == {"Hello"}
    assert [row["sid"] for row in inbox._rows.all() if row["unread"]] == []
    assert len(set(order)) == 120


async def test_most_wanted_first() -> None:
    """Errands ask anew for each free place, keep to their number, run again what was asked for again, and can wait."""
    started: list[str] = []
    gates: dict[str, asyncio.Event] = {}
    wanted = ["b", "a"]
    done = asyncio.Event()

    async def run(key: str) -> None:
        started.append(key)
        await gates.setdefault(key, asyncio.Event()).wait()
        if key == "last":
            done.set()

    tasks: list[asyncio.Task[Any]] = []
    errands = Errands(
        lambda coroutine: tasks.append(asyncio.create_task(coroutine)),
        run,
        lambda waiting: next((key for key in wanted if key in waiting), None),
    )
    errands.add("a", "b", "unwanted")
    await asyncio.sleep(0)
    assert started == ["b", "a"]
    errands.once_more("b")
    errands.once_more("never asked for")
    gates["b"].set()
    gates["a"].set()
    await asyncio.gather(*tasks)
    await asyncio.gather(*tasks)
    assert started == ["b", "a", "b"]
    assert len(errands) == 1
    wanted.append("unwanted")
    gates["unwanted"] = asyncio.Event()
    errands.go_on()
    await asyncio.sleep(0)
    assert started[-1] == "unwanted"
    tasks[-1].cancel()
    await asyncio.wait([tasks[-1]])
    assert len(errands) == 0


async def test_reads_again_after_a_cut(desk: Desk, people: People) -> None:
    """What could not be read for want of a connection is read when there is one."""
    inbox, view, mine, theirs = desk
    inbox._missed.add(mine.sid)
    inbox._newest.clear()
    await theirs.send_message("0")
    await view.until(lambda: inbox._rows[mine.sid]["last_text"] == "0")
    inbox._newest.clear()
    inbox._show(mine.sid)
    inbox._connection_changed("connected")
    await view.until(lambda: inbox._rows[mine.sid]["last_text"] == "0")
    assert inbox._missed == set()


@pytest.mark.parametrize("whole", [True, False])
async def test_discontinuity(desk: Desk, whole: bool) -> None:
    """When the past is another than was known, previews and counts are read anew: of one conversation, or of all."""
    inbox, view, mine, theirs = desk
    await theirs.send_message("there")
    await view.until(lambda: inbox._rows[mine.sid]["last_text"] == "there")
    await read(inbox)
    inbox._newest.clear()
    source = mine.client if whole else mine
    mine.client._emit("discontinuity", Discontinuity(source, "restored"))
    await read(inbox)
    assert inbox._newest[mine.sid].body == "there"


async def test_a_refused_token_is_told(desk: Desk) -> None:
    """How the connection is reaches the page."""
    inbox, view, mine, _ = desk
    mine.client._emit("connectionStateChanged", "denied")
    assert view.state["_connection"] == "denied"
    assert inbox.visible == [mine.sid]


async def test_closing_leaves_nothing(desk: Desk) -> None:
    """A closed inbox listens to nothing, and has no task and no timer."""
    inbox, _, mine, theirs = desk
    client = mine.client
    before = sum(len(each) for each in (client._handlers or {}).values())
    inbox.close()
    heard = Expected(mine, "messageAdded")
    await theirs.send_message("unheard")
    await heard
    assert sum(len(each) for each in (client._handlers or {}).values()) == before - 13
    assert inbox._offs == []


async def test_saved(desk: Desk) -> None:
    """What a notebook keeps is text, and holds no secret."""
    inbox, view, mine, theirs = desk
    await mine.update_friendly_name("<script>alert(1)</script>")
    await theirs.send_message("<img src=x onerror=alert(2)>")
    await view.until(
        lambda: [row["last_text"] for row in view.state["_first"]["rows"]] == ["<img src=x onerror=alert(2)>"]
    )
    html = inbox._static_html()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "eyJ" not in str({name: value for name, value in view.state.items() if name not in ("_esm", "_css")})
