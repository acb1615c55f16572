"""Noticing that time was lost: a laptop that slept, a process that was stopped, a loop that was blocked for long.

A loop's clock stands still while the machine sleeps, and timers that should have fired meanwhile fire late or much too
late. The wall clock tells: where it went on further than the loop's own clock, or where the watch itself is late, the
network may have changed its mind about us.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

EVERY = 2.0  # seconds between two looks
LOST = 10.0  # seconds that must be missing to count


class ClockWatch:
    """Calls `on_jump(seconds)` when that much time went by unseen (negative where the wall clock was set back)."""

    def __init__(self, on_jump: Callable[[float], None], wall: Callable[[], float] = time.time) -> None:
        self._on_jump = on_jump
        self._wall = wall
        self._timer: asyncio.TimerHandle | None = None
        self._expected = 0.0

    def start(self) -> None:
        """Watch from now on."""
        self.stop()
        self._expected = self._wall() + EVERY
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._look)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        missing = self._wall() - self._expected
        self.start()
        if abs(missing) >= LOST:
            self._on_jump(missing)
