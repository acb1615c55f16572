"""What goes on beside the calls of the user: tasks, and what is tried until it is done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from convo_widgets.errors import (
    ConvoError,
    Forbidden,
    NotFound,
    RemoteProtocolError,
    ServiceFailed,
    Throttled,
    TokenError,
    TransportError,
)
from convo_widgets.transport.backoff import fibonacci

log = logging.getLogger("convo_widgets")

T = TypeVar("T")
PASSING = (TransportError, TokenError, Throttled, ServiceFailed, RemoteProtocolError)
"""What may go well another time: also an answer that could not be read."""


class Tasks:
    """Tasks that end with their session."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._reopened = asyncio.Event()  # by the next connection

    def spawn(self, coroutine: Any, what: str) -> asyncio.Task[Any]:
        """Run a coroutine beside everything else; its failure is logged, and `close` cancels it."""
        task = asyncio.get_running_loop().create_task(coroutine, name=f"convo-widgets {what}")
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, ConvoError):
            log.warning("%s failed: %s", task.get_name(), error)
        elif error is not None:
            log.error("%s failed", task.get_name(), exc_info=error)

    async def cancel(self) -> None:
        """End all of them, but the one that asks for it."""
        tasks = self._running - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def persist(self, act: Callable[[], Awaitable[None]], what: str) -> asyncio.Task[None]:
        """Do what must not be lost to a bad hour: again, later, until it is done or the service says no for good."""
        return self.spawn(self._persist(act, what), what)

    async def _persist(self, act: Callable[[], Awaitable[None]], what: str) -> None:
        for delay in fibonacci():
            reopened = self._reopened  # before the try: a connection that comes during it counts
            try:
                return await act()
            except PASSING as error:
                log.info("%s failed and is tried again: %s", what, error)
            except (NotFound, Forbidden) as error:  # it is no more, or no more ours
                log.info("%s is not to be: %s", what, error)
                return None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reopened.wait(), delay)
        return None

    def reopened(self) -> None:
        """There is a connection again: what failed may be tried at once."""
        self._reopened.set()
        self._reopened = asyncio.Event()


async def together(*coroutines: Coroutine[Any, Any, T]) -> list[T]:
    """What these return, done at once; the first failure ends the others and is raised as it is."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
