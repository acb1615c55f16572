"""What a sender is told when the first try lost its answer and the second one hears something else."""

from __future__ import annotations

import asyncio

import pytest

import convo_widgets as cw
from tests.client.people import People, Seen
from tests.faults.proxy import Proxy, answer, lose_reply, request

SENDING = request("POST", "/Messages$")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 500, 503])
async def test_a_no_to_the_second_try(people: People, proxy: Proxy, status: int) -> None:
    """It says nothing about the first: the message is there, and the error says that it may be."""
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    lost = proxy.fault(SENDING, lose_reply())
    proxy.fault(lambda one: lost.hits > 0 and SENDING(one) and proxy.accepted > 1, answer(status))
    with pytest.raises(cw.ConnectionLost, match="look before you repeat") as caught:
        await mine.send_message("there")
    assert caught.value.may_have_happened
    assert isinstance(caught.value.__cause__, cw.ReplyError)
    assert [one.body for one in (await theirs.get_messages()).items] == ["there"]


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_it_had_happened_and_cannot_be_read(people: People, proxy: Proxy, status: int) -> None:
    """The service knows the second try (202), and does not give the result: it is told that it may have happened."""
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    proxy.fault(SENDING, lose_reply())
    unread = proxy.fault(request("GET", "/Messages/"), answer(status), times=10)
    with pytest.raises(cw.ConnectionLost) as caught:
        await mine.send_message("there")
    assert unread.hits > 0
    assert caught.value.may_have_happened
    assert [one.body for one in (await theirs.get_messages()).items] == ["there"]


async def test_a_no_to_the_first_try(people: People, proxy: Proxy) -> None:
    """It has not happened, and the error is the service's own."""
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    proxy.fault(SENDING, answer(429, headers={"Retry-After": "7"}))
    with pytest.raises(cw.Throttled) as caught:
        await mine.send_message("no")
    assert caught.value.retry_after == 7
    assert (await theirs.get_messages()).items == []


async def test_order_over_cuts(people: People, proxy: Proxy) -> None:
    """A hundred in flight, answers lost twice: there once, in the order in which they were written."""
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    seen = Seen(mine)
    proxy.fault(lambda one: SENDING(one) and one.number >= 20, lose_reply(), times=2)
    sent = await asyncio.gather(*(mine.send_message(f"{number}") for number in range(100)))
    assert proxy.count("cut") >= 1
    assert sent == list(range(100))
    there = (await theirs.get_messages(100)).items
    assert [one.body for one in there] == [f"{number}" for number in range(100)]
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 100)
    assert [one.index for one in seen.of(mine, "messageAdded")] == list(range(100))
