"""Moving about in a thread, as a page sees it: unread, read, searching, going to a message, selecting."""

from __future__ import annotations

import asyncio

import pytest

import convo_widgets as cw
from convo_widgets.widgets import _finding
from tests.client.people import PATIENCE, Expected, People, write
from tests.widgets.conftest import Show


async def test_what_is_unread(people: People, show: Show) -> None:
    """A view is told its reader's horizon and how many messages of others lie behind it, also where few are sent."""
    mine, theirs = await people.pair()
    _, view = show(mine)
    opened = await view.result("open", count=50)
    assert (opened["horizon"], opened["unread"], opened["goal"]) == (None, 0, None)
    await write(theirs, 4)
    await mine.send_message("own")
    await mine.update_last_read_message_index(1)
    await view.until(lambda: len(view.changes("added")) == 5)
    opened = await view.result("open", count=50)
    assert (opened["horizon"], opened["unread"]) == (mine.last_read_message_index, 2)
    await write(theirs, 3)
    opened = await view.result("open", count=2)
    assert opened["unread"] == await mine.get_unread_messages_count() == 6


async def test_around(people: People, show: Show) -> None:
    """The messages on both sides of an index, over gaps and at the ends."""
    mine, theirs = await people.pair()
    await write(mine, 100)
    for message in (await mine.get_messages(100)).items[45:55]:
        await message.remove()
    _, view = show(theirs)

    async def around(index: int, count: int) -> tuple[list[int], bool, bool]:
        page = await view.result("around", index=index, count=count)
        return [row["index"] for row in page["messages"]], page["has_older"], page["has_newer"]

    assert await around(50, 3) == ([42, 43, 44, 55, 56, 57], True, True)
    assert await around(20, 2) == ([18, 19, 20, 21], True, True)
    assert await around(0, 3) == ([0, 1, 2], False, True)
    assert await around(99, 3) == ([96, 97, 98, 99], True, False)
    assert await around(10**9, 2) == ([98, 99], True, False)
    assert await around(-5, 1) == ([0], False, True)


async def test_what_was_seen_is_read(people: People, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """The horizon goes to the furthest that any view has seen, in few words to the service, and never back."""
    monkeypatch.setattr(_finding, "READ_INTERVAL", 0.5)
    mine, theirs = await people.pair()
    await write(theirs, 10)
    _, view = show(mine)
    _, other = show(mine)
    read = Expected(mine, "updated", lambda _: mine.last_read_message_index == 8)
    told: list[int] = []
    tell = mine.advance_last_read_message_index

    async def count(index: int) -> int | None:
        told.append(index)
        return await tell(index)

    monkeypatch.setattr(mine, "advance_last_read_message_index", count)
    for index in (1, 2, 3, 8, 4):
        await view.result("read", index=index, conversation_sid=mine.sid)
    await other.result("read", index=5, conversation_sid=mine.sid)
    await read
    assert told[-1] == 8
    assert len(told) == 2, "what came meanwhile travels together"
    assert await mine.get_unread_messages_count() == 1


async def test_nothing_is_read_where_it_is_switched_off(people: People, show: Show) -> None:
    """With mark_read=False, views may say what they like."""
    mine, theirs = await people.pair()
    await write(theirs, 3)
    thread, view = show(mine, mark_read=False)
    await view.result("read", index=2, conversation_sid=mine.sid)
    await view.result("open", count=5)
    assert await mine.get_unread_messages_count() is None
    thread.mark_read = True
    read = Expected(mine, "updated", lambda _: mine.last_read_message_index == 1)
    await view.result("read", index=1, conversation_sid=mine.sid)
    await read


async def test_what_was_seen_of_the_conversation_before(people: People, show: Show) -> None:
    """A word that arrives after a switch marks nothing in the conversation that is shown now."""
    mine, _ = await people.pair()
    other = await (await mine.client.create_conversation()).join()
    await write(other, 5)
    thread, view = show(mine)
    thread.conversation_sid = other.sid
    await view.result("open", count=5)
    await view.result("read", index=3, conversation_sid=mine.sid)
    await view.result("hello")
    assert await other.get_unread_messages_count() is None


async def test_an_index_that_cannot_be_read_does_no_harm(people: People, show: Show) -> None:
    """What the service refuses is not asked again, and the next word counts."""
    mine, theirs = await people.pair()
    await write(theirs, 3)
    _, view = show(mine)
    await view.result("read", index=99, conversation_sid=mine.sid)
    await view.result("read", index=-99, conversation_sid=mine.sid)
    assert not (await view.ask("read", index="x"))["ok"]
    async with asyncio.timeout(PATIENCE):
        while mine.last_read_message_index != 2:
            await view.result("read", index=2, conversation_sid=mine.sid)


async def test_a_view_searches_in_steps(people: People, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backwards, a bounded stretch at a time, without regard to case and accents; removed messages are not found."""
    monkeypatch.setattr(_finding, "STEP", 10)
    mine, theirs = await people.pair()
    await write(mine, 20)
    await mine.send_message("A REFÚND, please")
    await mine.send_message("nothing", subject="refund")
    await mine.send_message("a refund that goes")
    await (await mine.get_messages(1)).items[0].remove()
    await write(mine, 5)
    _, view = show(theirs)
    steps = []
    before = None
    while not steps or before is not None:
        step = await view.result("search", query="Refund", before=before)
        before = step["before"]
        steps.append((step["found"], before))
    assert steps == [([20, 21], 18), ([], 8), ([], None)]
    assert (await view.result("search", query="19", before=20))["found"] == [19]
    assert not (await view.ask("search", query="", before=None))["ok"]
    assert not (await view.ask("search", query="x" * 201, before=None))["ok"]


async def test_search_in_python(people: People, show: Show) -> None:
    """All matches come back in order, and the views show them; a view that opens a moment later does so too."""
    mine, theirs = await people.pair()
    await write(mine, 12)
    thread, view = show(theirs)
    assert await thread.search(" 1 ") == [1, 10, 11]
    goal = {"id": 1, "query": "1", "found": [1, 10, 11], "more": False}
    assert [one for one in view.sent if one["kind"] == "goal"] == [{"kind": "goal", **goal}]
    assert (await view.result("open", count=5))["goal"] == goal
    assert await thread.search("no such text") == []
    for nothing in ("", "  ", "\u0301", "x" * 201, None):
        with pytest.raises(cw.UsageError, match="1 to 200"):
            await thread.search(nothing)  # type: ignore[arg-type]


async def test_scroll_to(people: People, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index, a sid or a message; views that are not there yet begin there, but not those of another day."""
    mine, theirs = await people.pair()
    await write(mine, 5)
    message = (await theirs.get_messages()).items[3]
    thread, view = show(theirs)
    thread.scroll_to(2)
    assert (await view.result("open", count=5))["goal"] == {"id": 1, "index": 2}
    await thread.scroll_to(message)
    await thread.scroll_to(message.sid)
    goals = [one for one in view.sent if one["kind"] == "goal"]
    assert [one["index"] for one in goals] == [2, 3, 3]
    assert [one["id"] for one in goals] == [1, 2, 3]
    monkeypatch.setattr(_finding, "GOAL_KEPT", 0.0)
    await thread.scroll_to(4)
    await view.result("hello")
    await thread.scroll_to(4)
    await asyncio.sleep(0.01)
    assert (await view.result("open", count=5))["goal"] is None


async def test_scroll_to_nowhere(people: People, show: Show) -> None:
    """What cannot be a message of this conversation is told at once, an unknown sid when awaited."""
    mine, _ = await people.pair()
    other, _ = await people.pair()
    await write(other, 1)
    thread, _ = show(mine)
    for nonsense in (-1, 1.5, None, True, (await other.get_messages()).items[0]):
        with pytest.raises(cw.UsageError):
            thread.scroll_to(nonsense)  # type: ignore[arg-type]
    with pytest.raises(cw.UsageError, match="no message IM0"):
        await thread.scroll_to("IM0")


async def test_going_to_a_message_of_the_conversation_that_comes_next(people: People, show: Show) -> None:
    """A switch and a scroll_to in one cell: the views go to the message in the new conversation."""
    mine, _ = await people.pair()
    other = await (await mine.client.create_conversation()).join()
    await write(other, 3)
    thread, view = show(mine)
    await view.result("open", count=5)
    thread.selected = ["IM1"]
    thread.conversation_sid = other.sid
    await thread.scroll_to(1)
    assert thread.conversation.sid == other.sid
    assert thread.selected == []
    opened = await view.result("open", count=5)
    assert (len(opened["messages"]), opened["goal"]["index"]) == (3, 1)


async def test_selecting(people: People, show: Show) -> None:
    """`selected` goes both ways, is told to callbacks, and loses what is removed."""
    mine, theirs = await people.pair()
    await write(mine, 2)
    first, second = (await mine.get_messages()).items
    thread, view = show(theirs)
    await view.result("open", count=5)
    told: list[list[str]] = []
    thread.on_select(told.append)
    view.set(selected=[first.sid, second.sid])
    await view.until(lambda: len(thread.selected) == 2)
    await first.remove()
    await view.until(lambda: thread.selected == [second.sid])
    thread.selected = []
    await view.until(lambda: view.state["selected"] == [])
    await view.result("hello")  # callbacks run before what comes later
    assert told == [[first.sid, second.sid], [second.sid], []]
