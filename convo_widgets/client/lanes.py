"""Writes of which the service takes no more for now: they go again by themselves, one at a time, in their order.

Writes to one address, as the messages of a conversation, make a lane. All may be on their way at the same time, until
one is refused as too many. From then on each waits for those before it, and as long as the service asks, until the
lane is empty. A write that was refused while a later one was taken is not tried again: its sender is told instead.
"""

from __future__ import annotations

import asyncio
import heapq

from convo_widgets.errors import Throttled

PATIENCE = 30.0  # seconds after which a write that is refused as too many is not tried again
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before the next try, where the service does not say


class Lane:
    """The writes to one address that are not answered yet, each by its turn."""

    def __init__(self) -> None:
        self._refusal: Throttled | None = None
        self._out: set[int] = set()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._order: list[int] = []  # a heap of their turns, with some of those that are gone
        self._newest = -1
        self._refused = 0  # in a row
        self._open_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on its way, and nothing waits."""
        return not self._out and not self._waiting

    @property
    def refusal(self) -> Throttled | None:
        """The last one, while any of those that it holds up is not done."""
        return self._refusal and self._refusal.with_traceback(None)

    def add(self, turn: int) -> None:
        """A write goes out."""
        self._out.add(turn)

    def taken(self, turn: int) -> None:
        """The service has taken it."""
        self._newest, self._refused = max(self._newest, turn), 0

    def refuse(self, turn: int, refusal: Throttled) -> None:
        """It was one too many."""
        pause = refusal.retry_after or PAUSES[min(self._refused, len(PAUSES) - 1)]
        self._refusal, self._refused = refusal, self._refused + 1
        self._open_at = max(self._open_at, asyncio.get_running_loop().time() + pause)
        self._out.discard(turn)

    def leave(self, turn: int) -> None:
        """It is done, or given up."""
        self._out.discard(turn)
        self._wake_next()

    async def wait(self, turn: int, deadline: float, refusal: Throttled) -> None:
        """Wait for those before it, then let it out.

        Raises:
            Throttled: `refusal`, where that would be later than the deadline, or a later one was taken.
        """
        waiter = self._waiting[turn] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._order, turn)
        self._wake_next()
        try:
            if self._open_at > deadline:
                raise refusal
            async with asyncio.timeout_at(deadline):
                await waiter
            if self._newest > turn:
                raise refusal
            self._out.add(turn)
        except TimeoutError:
            raise refusal from None
        finally:
            del self._waiting[turn]
            self._wake_next()

    def _wake_next(self) -> None:
        """Let the first of those that wait go, if nothing is out and the pause is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._out:
            return
        if not self._waiting:
            self._refusal = None
            return
        loop = asyncio.get_running_loop()
        if self._open_at > loop.time():
            self._timer = loop.call_at(self._open_at, self._wake_next)
            return
        while self._order[0] not in self._waiting:
            heapq.heappop(self._order)
        first = self._waiting[self._order[0]]
        if not first.done():
            first.set_result(None)


class Place:
    """The place of a write in its lane, for as long as it is tried."""

    def __init__(self, lane: Lane, turn: int) -> None:
        self.turn = turn
        self._lane = lane
        self._deadline = asyncio.get_running_loop().time() + PATIENCE

    async def go(self) -> None:
        """Let it out: at once, or where the service took no more, after those before it.

        Raises:
            Throttled: that would be too late.
        """
        refusal = self._lane.refusal
        if refusal is None:
            self._lane.add(self.turn)
        else:
            await self._lane.wait(self.turn, self._deadline, refusal)

    async def go_again(self, refusal: Throttled) -> None:
        """Let it out again after a refusal, after those before it and a pause.

        Raises:
            Throttled: that would be too late, or a later one was taken.
        """
        self._lane.refuse(self.turn, refusal)
        await self._lane.wait(self.turn, self._deadline, refusal)

    def taken(self) -> None:
        """The service has taken it."""
        self._lane.taken(self.turn)

    def leave(self) -> None:
        """It is done, or given up."""
        self._lane.leave(self.turn)
