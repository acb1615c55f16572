"""Events: handlers, waiting, iterating, and what bad handlers cannot do."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.client.events import Emitter
from tests.client.people import People, Seen, write

pytestmark = pytest.mark.both


class Source(Emitter):
    """Something that announces two events."""

    EVENTS = frozenset({"one", "two"})


async def test_handlers_run_in_their_order() -> None:
    """In the order of their subscription; one that is switched off meanwhile is still called this time."""
    source, seen = Source(), []
    offs = [source.on("one", lambda payload, n=number: seen.append((n, payload))) for number in range(50)]
    source._emit("one", "x")
    assert seen == [(number, "x") for number in range(50)]
    for off in offs[:49]:
        off()
    seen.clear()
    source._emit("one", "y")
    source._emit("two", "z")
    assert seen == [(49, "y")]
    offs[49]()
    offs[49]()
    source._emit("one", "y")
    assert seen == [(49, "y")]


async def test_the_same_handler_twice() -> None:
    """Each subscription ends with its own off, however often that is called."""
    source, seen = Source(), []
    first, second = source.on("one", seen.append), source.on("one", seen.append)
    source._emit("one", 1)
    assert seen == [1, 1]
    first()
    first()
    source._emit("one", 2)
    assert seen == [1, 1, 2]
    second()
    source._emit("one", 3)
    assert seen == [1, 1, 2]


async def test_fifty_listeners_come_and_go(people: People) -> None:
    """Fifty listeners on a live conversation hear each message; switched off, none does."""
    mine, theirs = await people.pair()
    heard: list[tuple[int, int]] = []
    offs = [theirs.on("messageAdded", lambda m, n=number: heard.append((n, m.index))) for number in range(50)]
    watch = Seen(theirs)
    await mine.send_message("one")
    await watch.until(lambda: watch.of(theirs, "messageAdded") != [])
    assert heard == [(number, 0) for number in range(50)]
    for off in offs:
        off()
    await mine.send_message("two")
    await watch.until(lambda: len(watch.of(theirs, "messageAdded")) == 2)
    assert len(heard) == 50


async def test_a_handler_that_raises_stops_nobody(people: People, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; the next handler, the next event and the connection go on. So with an async one."""
    mine, theirs = await people.pair()

    def bad(message: Any) -> None:
        raise ValueError("a plain fault")

    async def worse(message: Any) -> None:
        raise KeyError("an async fault")

    theirs.on("messageAdded", bad)
    theirs.on("messageAdded", worse)
    seen = Seen(theirs)
    await write(mine, 2)
    await seen.until(lambda: len(seen.of(theirs, "messageAdded")) == 2)
    assert theirs.client.connection_state == "connected"
    assert await theirs.get_messages_count() == 2
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [str(record.exc_info[1]) for record in errors if record.exc_info].count("a plain fault") == 2
    assert sum("an async fault" in str(record.exc_info[1]) for record in errors if record.exc_info) == 2


async def test_an_async_handler_acts_on_the_conversation(people: People) -> None:
    """An answering machine: the handler awaits requests on the same client."""
    mine, theirs = await people.pair()

    async def answer(message: cw.Message) -> None:
        if message.author != theirs.client.user.identity:
            await theirs.send_message(f"re: {message.body}")

    theirs.on("messageAdded", answer)
    seen = Seen(mine)
    await write(mine, 3)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 6)
    assert {message.body for message in seen.of(mine, "messageAdded")} == {"0", "1", "2", "re: 0", "re: 1", "re: 2"}


async def test_replay() -> None:
    """`on_with_replay` gets the last one there was, and then what comes."""
    source, seen = Source(), []
    source.on_with_replay("one", seen.append)
    assert seen == []
    source._emit("one", 1)
    source._emit("one", 2)
    late: list[Any] = []
    off = source.on_with_replay("one", late.append)
    assert late == [2]
    source._emit("one", 3)
    assert (seen, late) == ([1, 2, 3], [2, 3])
    off()
    source._emit("one", 4)
    assert late == [2, 3]


async def test_waiting_for_an_event(people: People) -> None:
    """`wait_for` gives the payload of the next one that fits, and leaves nothing behind."""
    mine, theirs = await people.pair()
    waiting = asyncio.create_task(theirs.wait_for("messageAdded", timeout=5, predicate=lambda m: m.body == "2"))
    watch = Seen(theirs)
    await asyncio.sleep(0)
    await write(mine, 4)
    assert (await waiting).body == "2"
    await watch.until(lambda: len(watch.of(theirs, "messageAdded")) == 4)
    with pytest.raises(TimeoutError):
        await theirs.wait_for("removed", timeout=0.01)
    with pytest.raises(TimeoutError):
        await theirs.wait_for("removed", timeout=0)
    assert len(theirs._handlers["removed"]) == 1  # the watch's own


async def test_iterating_over_events(people: People) -> None:
    """Every event of the names asked for, in order, also those that came while one was busy; and no longer."""
    mine, theirs = await people.pair()
    got: list[cw.Event] = []
    started = asyncio.Event()

    async def listen() -> None:
        events = theirs.events("messageAdded", "messageRemoved")
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        started.set()
        got.append(await first)
        while len(got) < 4:
            got.append(await anext(events))
        await events.aclose()  # type: ignore[attr-defined]

    listening = asyncio.create_task(listen())
    await started.wait()
    await write(mine, 3)
    await (await mine.get_messages(1)).items[0].remove()
    await asyncio.wait_for(listening, 5)
    assert [event.name for event in got] == ["messageAdded"] * 3 + ["messageRemoved"]
    assert [event.payload.index for event in got] == [0, 1, 2, 2]
    assert theirs._taps == []


async def test_iterating_over_all_events() -> None:
    """Without names, every event of the object."""
    source = Source()
    events = source.events()
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    source._emit("two", 1)
    source._emit("one", 2)
    assert await first == cw.Event("two", 1)
    assert await anext(events) == cw.Event("one", 2)


async def test_unknown_event_names(people: People) -> None:
    """A misspelt event is an error that lists the right ones, for each way of listening."""
    mine, _ = await people.pair()
    for source in (mine, mine.client, mine.client.user, (await mine.get_participants())[0]):
        for listen in (source.on, source.on_with_replay):
            with pytest.raises(cw.UsageError, match=r"no event 'messageadded'\. It has: .*pdated"):
                listen("messageadded", print)
        with pytest.raises(cw.UsageError, match="no event"):
            await source.wait_for("messageadded", timeout=1)
        with pytest.raises(cw.UsageError, match="no event"):
            await anext(source.events("updated", "messageadded"))


async def test_every_event_of_the_surface_exists() -> None:
    """The names are the SDK's, as the public face lists them, and "discontinuity"."""
    conversation = {f"message{what}" for what in ("Added", "Removed", "Updated")}
    conversation |= {f"participant{what}" for what in ("Joined", "Left", "Updated")}
    conversation |= {"typingStarted", "typingEnded"}
    assert conversation | {"updated", "removed", "discontinuity"} == cw.Conversation.EVENTS
    assert (
        conversation
        | {
            "conversationAdded",
            "conversationJoined",
            "conversationLeft",
            "conversationRemoved",
            "conversationUpdated",
            "discontinuity",
            "pushNotification",
            "tokenAboutToExpire",
            "tokenExpired",
            "userSubscribed",
            "userUnsubscribed",
            "userUpdated",
            "stateChanged",
            "initialized",
            "initFailed",
            "connectionStateChanged",
            "connectionError",
        }
        == cw.Client.EVENTS
    )
    assert {"updated"} == cw.Message.EVENTS
    assert {"updated", "typingStarted", "typingEnded"} == cw.Participant.EVENTS
    assert {"discontinuity", "updated", "userSubscribed", "userUnsubscribed"} == cw.User.EVENTS
