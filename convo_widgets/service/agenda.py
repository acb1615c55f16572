"""What is to happen, in virtual time: a day of it may pass in a minute."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from math import isfinite
from time import monotonic

from convo_widgets.errors import UsageError
from convo_widgets.wire.schema import time_of

Act = Callable[[datetime], None]
"""Something to do; it is given the time that it was planned for."""
Moment = datetime | str
"""A time, or ISO 8601 text; UTC where it does not say."""
YEARS = range(1970, 2200)


class Agenda:
    """Acts in the order of their times, done in the loop that `run` is in.

    An act gets the time that it was planned for, also where the machine is late: what it writes is the same each time.

    Args:
        start: the virtual time when it is made.
        speed: seconds of virtual time in a second; infinite does everything at once.
    """

    def __init__(self, start: Moment, speed: float = 1.0) -> None:
        if not speed > 0:
            raise UsageError(f"speed={speed}: seconds that pass in a second, above 0; math.inf does not wait at all")
        time = time_of(start) if isinstance(start, str) else start
        if time is None or time.year not in YEARS:
            raise UsageError(f"start={start!s}: a datetime, or ISO 8601 text, from {YEARS.start} to {YEARS.stop - 1}")
        self.start = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        self.speed = speed
        self._began = monotonic()
        self._acts: list[tuple[datetime, int, Act]] = []
        self._numbers = itertools.count()
        self._sooner = asyncio.Event()

    def __len__(self) -> int:
        return len(self._acts)

    @property
    def now(self) -> datetime:
        """The virtual time; where nothing waits, that of the beginning."""
        return self.start + timedelta(seconds=(monotonic() - self._began) * self.speed if isfinite(self.speed) else 0)

    def add(self, when: datetime, act: Act) -> None:
        """Plan an act; of those of one time, the first planned is done first."""
        heappush(self._acts, (when, next(self._numbers), act))
        self._sooner.set()

    async def run(self) -> None:
        """Do what is planned, each in its time, until there is nothing more; then it may be run again."""
        while self._acts:
            wait = self._seconds_to(self._acts[0][0])
            if wait > 0:
                self._sooner.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._sooner.wait()
                continue
            when, _, act = heappop(self._acts)
            act(when)
            await asyncio.sleep(0)  # others have their turn, however many are late

    def _seconds_to(self, when: datetime) -> float:
        return (when - self.start).total_seconds() / self.speed - (monotonic() - self._began)
