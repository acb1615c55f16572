"""Group commit: writes of all connections that wait at the same time are done in one transaction.

Whatever came in one turn of the loop is done in the next one. While a commit is on its way to the disk, requests gather
in the sockets, so the slower the disk, the more share a commit. A connection does nothing else until its writes are
answered, so it has one group of them here at most, and its order is kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from convo_widgets.service.calls import Call
from convo_widgets.service.hub import Follower

T = TypeVar("T")
ENOUGH = 64
"""Calls in a transaction, after which the others wait for the next one: what keeps the loop for no longer."""


class Together(Generic[T]):
    """Writes that wait for their commit.

    Args:
        answer: does some calls in a transaction; what it says to each, in order; never raises.
        here: whether a connection is still there: what nobody hears the answer of is not done.
    """

    def __init__(self, answer: Callable[[list[Call]], list[T]], here: Callable[[Follower], bool]) -> None:
        self._answer = answer
        self._here = here
        self._waiting: deque[tuple[list[Call], asyncio.Future[list[T]]]] = deque()

    async def write(self, calls: list[Call]) -> list[T]:
        """What is said to some writes of one connection; nothing if it ended before they were done."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._settle)
        said: asyncio.Future[list[T]] = loop.create_future()
        self._waiting.append((calls, said))
        return await said

    def _settle(self) -> None:
        groups: list[tuple[list[Call], asyncio.Future[list[T]]]] = []
        count = 0
        while self._waiting and count < ENOUGH:
            calls, said = self._waiting.popleft()
            if said.cancelled():
                continue
            if not self._here(calls[0].follower):
                said.set_result([])
                continue
            groups.append((calls, said))
            count += len(calls)
        answers = iter(self._answer([call for calls, _ in groups for call in calls])) if groups else iter(())
        for calls, said in groups:
            said.set_result([next(answers) for _ in calls])
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._settle)
