"""Who waits for the connection, and in which order they go on when it is there.

A write keeps its turn over every retry: what was asked for first goes out first, also after a break in which some of
it was lost, so messages of one sender never overtake each other.
"""

from __future__ import annotations

import asyncio
import itertools


class Turns:
    """A gate that opens and closes; whoever waits before it goes through in the order of their turns."""

    def __init__(self) -> None:
        self.is_open = False
        self._numbers = itertools.count()
        self._waiting: dict[tuple[int, int], asyncio.Future[None]] = {}

    def take(self) -> int:
        """A turn behind all that were taken before."""
        return next(self._numbers)

    def open(self) -> None:
        """Let everybody through, in the order of their turns."""
        self.is_open = True
        for key in sorted(self._waiting):
            _wake(self._waiting[key])

    def close(self) -> None:
        """Let nobody through until the next `open`."""
        self.is_open = False

    @property
    def is_free(self) -> bool:
        """Whether it is open and nobody waits before it."""
        return self.is_open and not self._waiting

    async def wait(self, turn: int | None = None) -> None:
        """Wait for the gate to be open and for those before; it may be closed again by the time that this returns."""
        if self.is_free:
            return
        arrival = self.take()
        key = (arrival if turn is None else turn, arrival)
        loop = asyncio.get_running_loop()
        waiter = self._waiting[key] = loop.create_future()
        if self.is_open:  # others were let through and have not yet gone
            loop.call_soon(_wake, waiter)
        try:
            await waiter
        finally:
            del self._waiting[key]


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
