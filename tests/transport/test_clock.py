"""Time that went by unseen is noticed; time that went by is not."""

from __future__ import annotations

import asyncio
import time

import pytest

from convo_widgets.transport.clock import ClockWatch


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, and call a second much."""
    monkeypatch.setattr("convo_widgets.transport.clock.EVERY", 0.01)
    monkeypatch.setattr("convo_widgets.transport.clock.LOST", 1.0)


class Wall:
    """A wall clock that can be set."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.looks: asyncio.Queue[None] = asyncio.Queue()
        self.jumps: asyncio.Queue[float] = asyncio.Queue()

    def __call__(self) -> float:
        """The time."""
        self.looks.put_nowait(None)
        return time.time() + self.ahead


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
async def test_a_machine_that_slept_or_a_clock_that_was_set(seconds: float) -> None:
    """The wall clock went on without the loop's: said once."""
    wall = Wall()
    watch = ClockWatch(wall.jumps.put_nowait, wall)
    watch.start()
    wall.ahead = seconds
    assert await asyncio.wait_for(wall.jumps.get(), 5) == pytest.approx(seconds, abs=2)
    for _ in range(10):
        await asyncio.wait_for(wall.looks.get(), 5)
    assert wall.jumps.empty()
    watch.stop()


async def test_a_blocked_loop() -> None:
    """Nothing of ours ran for so long, so the watch comes late."""
    wall = Wall()
    watch = ClockWatch(wall.jumps.put_nowait, wall)
    watch.start()
    time.sleep(1.2)  # noqa: ASYNC251 -- the loop is to be blocked
    assert await asyncio.wait_for(wall.jumps.get(), 5) == pytest.approx(1.2, abs=0.5)
    watch.stop()


async def test_a_stopped_watch_is_silent() -> None:
    """And leaves no timer."""
    wall = Wall()
    watch = ClockWatch(wall.jumps.put_nowait, wall)
    watch.start()
    watch.stop()
    looks, wall.ahead = wall.looks.qsize(), 3600.0
    await asyncio.sleep(0.05)  # there is nothing to wait for
    assert (wall.looks.qsize(), wall.jumps.empty()) == (looks, True)
