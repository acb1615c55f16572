"""What a service does by itself, as its clients see it: restarts, simulations, faults."""

from __future__ import annotations

import asyncio
import math

import pytest

from tests.client.people import Expected, People, Seen, write

pytestmark = pytest.mark.both


async def test_a_restart(people: People) -> None:
    """From another thread; clients come back, and get what came after it, once and in order."""
    mine, theirs = await people.pair()
    seen = Seen(theirs)
    await write(mine, 3)
    back = Expected(mine.client, "connectionStateChanged", lambda state: state == "connected")
    await asyncio.to_thread(people.service.restart)
    await back
    await write(mine, 3, start=3)
    await seen.until(lambda: len(seen.of(theirs, "messageAdded")) == 6)
    assert [message.index for message in seen.of(theirs, "messageAdded")] == list(range(6))


async def test_a_restart_from_the_same_loop(people: People) -> None:
    """It may block the loop for a moment; the clients in it come back, and nothing is lost, however often."""
    mine, _ = await people.pair()
    for number in range(3):
        people.service.restart()
        assert await mine.send_message(str(number)) == number
    assert await mine.get_messages_count() == 3


async def test_dropped(people: People) -> None:
    """A cut is waited out; the message is sent once."""
    mine, theirs = await people.pair()
    people.service.faults.drop_connections()
    assert await mine.send_message("once") == 0
    assert [message.body for message in (await theirs.get_messages()).items] == ["once"]


async def test_a_simulation(people: People) -> None:
    """Who is a member of its conversations sees them come."""
    dana = await people.client("dana")
    seen = Seen(dana)
    simulation = people.service.simulate(conversations=3, speed=math.inf, members=[dana.user.identity])
    await simulation.finished()
    await seen.until(lambda: len(seen.of(dana, "conversationJoined")) == 3)
    counts = [await one.get_messages_count() for one in seen.of(dana, "conversationJoined")]
    assert sum(counts) == simulation.messages
    assert not simulation.running
