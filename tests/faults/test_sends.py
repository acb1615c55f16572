"""What a sender is told when the first try lost its answer and the second one hears something else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

import convo_widgets as cw
from tests.client.people import People, Seen
from tests.faults.proxy import Passing, Proxy, answer, lose_reply, request

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
    proxy.fault(SENDING, answer(429, headers={"Retry-After": "60"}))
    with pytest.raises(cw.Throttled) as caught:
        await mine.send_message("no")
    assert caught.value.retry_after == 60
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


def sends(first: int, refused: list[int]) -> Callable[[Passing], bool]:
    """Sends from a number on, by their text; those that are met are noted."""

    def match(one: Passing) -> bool:
        if not SENDING(one) or one.frame is None or (text := int(json.loads(one.frame.payload)["body"])) < first:
            return False
        refused.append(text)
        return True

    return match


async def test_order_over_refusals(people: People, proxy: Proxy) -> None:
    """A hundred at once, most of them refused as too many, some again: there once, in the order of the calls."""
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    refused: list[int] = []
    proxy.fault(sends(20, refused), answer(429, headers={"Retry-After": "0.05"}), times=82)
    sent = await asyncio.gather(*(mine.send_message(f"{number}") for number in range(100)))
    assert sent == list(range(100))
    assert refused[:80] == list(range(20, 100))
    assert refused[80:] == [20, 20]  # one at a time from then on
    assert [one.body for one in (await theirs.get_messages(100)).items] == [f"{number}" for number in range(100)]


async def test_overtaken(people: People, proxy: Proxy) -> None:
    """What was refused while a later one was taken is not sent behind it: its sender is told, and the rest is there."""
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    proxy.fault(sends(3, []), answer(429, headers={"Retry-After": "0.05"}))
    said = await asyncio.gather(*(mine.send_message(f"{number}") for number in range(6)), return_exceptions=True)
    assert isinstance(said.pop(3), cw.Throttled)
    assert said == list(range(5))
    assert [one.body for one in (await theirs.get_messages()).items] == ["0", "1", "2", "4", "5"]
    assert await mine.send_message("3") == 5


async def test_patience_ends(people: People, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is refused again and again hears it in the end, and so does who waited behind; nothing of it is there."""
    monkeypatch.setattr("convo_widgets.client.lanes.PATIENCE", 0.3)
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    proxy.fault(sends(0, []), answer(429, headers={"Retry-After": "0.1"}), times=1000)
    said = await asyncio.gather(*(mine.send_message(f"{number}") for number in range(5)), return_exceptions=True)
    assert [type(one) for one in said] == [cw.Throttled] * 5
    assert (await theirs.get_messages()).items == []
    proxy.faults.clear()
    assert await mine.send_message("9") == 0
