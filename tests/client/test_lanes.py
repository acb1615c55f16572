"""Who goes when, of writes that were refused as too many."""

from __future__ import annotations

import asyncio

import pytest

from convo_widgets.client.lanes import Lane, Place
from convo_widgets.errors import Throttled

NOW = Throttled(429, 20429, "too many", retry_after=0.001)
LATER = Throttled(429, 20429, "too many", retry_after=3600)


async def write(lane: Lane, turn: int, refusals: list[Throttled], sent: list[int], lasts: asyncio.Event) -> None:
    """A write that is refused so many times, then taken; it is on its way until it may end."""
    place = Place(lane, turn)
    try:
        await place.go()
        for refusal in refusals:
            await place.go_again(refusal)
        sent.append(turn)
        await lasts.wait()
        place.taken()
    finally:
        place.leave()


async def test_one_at_a_time() -> None:
    """After a refusal each waits for those before it, newcomers behind all; who gives up is passed over."""
    lane, sent, lasts = Lane(), list[int](), asyncio.Event()
    lasts.set()
    first = [asyncio.create_task(write(lane, turn, [NOW], sent, lasts)) for turn in (3, 1, 2)]
    await asyncio.sleep(0)
    last = asyncio.create_task(write(lane, 4, [], sent, lasts))
    await asyncio.sleep(0)
    assert sent == []
    first[1].cancel()
    await asyncio.gather(*first, last, return_exceptions=True)
    assert sent == [2, 3, 4]
    assert lane.is_empty
    await write(lane, 5, [], sent, lasts)  # nothing is remembered


async def test_nobody_goes_while_another_is_out() -> None:
    """What was refused waits for the answers of those on their way, and is told where a later one was taken."""
    lane, sent, lasts = Lane(), list[int](), asyncio.Event()
    later = asyncio.create_task(write(lane, 2, [], sent, lasts))
    await asyncio.sleep(0)
    refused = asyncio.create_task(write(lane, 1, [NOW], sent, lasts))
    third = asyncio.create_task(write(lane, 3, [NOW], sent, lasts))
    asyncio.get_running_loop().call_later(0.02, lasts.set)
    assert await asyncio.gather(refused, return_exceptions=True) == [NOW]
    assert later.done()
    await third
    assert sent == [2, 3]


async def test_too_long_a_wait() -> None:
    """What the service asks for is longer than the patience: it is told at once, to those who come later too."""
    lane, sent, lasts = Lane(), list[int](), asyncio.Event()
    waiting = [asyncio.create_task(write(lane, turn, [LATER], sent, lasts)) for turn in range(3)]
    with pytest.raises(Throttled):
        await write(lane, 3, [LATER], sent, lasts)
    assert await asyncio.gather(*waiting, return_exceptions=True) == [LATER] * 3
    assert lane.is_empty
    assert sent == []
