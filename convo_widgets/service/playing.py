"""Something that plays on a running service by itself: how it is started, stopped and waited for, from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from convo_widgets.errors import UsageError
from convo_widgets.service import limits
from convo_widgets.service.agenda import Agenda
from convo_widgets.service.dispatch import Backend, log_fault
from convo_widgets.service.loops import WITHIN, call_in, is_in
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Source

T = TypeVar("T")


class Playing:
    """What plays on the embedded service; it ends by itself, with `stop`, with its ``with`` block, or with the service.

    Attributes:
        conversations: how many it has opened.
        messages: how many it has sent.
        time: the virtual time that it has come to.
    """

    def __init__(self, backend: Backend, agenda: Agenda) -> None:
        self.conversations = 0
        self.messages = 0
        self.time: datetime = agenda.start
        self._backend = backend
        self._agenda = agenda
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._over: Future[None] = Future()

    # -- from any thread

    @property
    def running(self) -> bool:
        """Whether it still plays."""
        return not (self._over.done() or (self._task is not None and self._task.cancelling()))

    def begin(self, loop: asyncio.AbstractEventLoop) -> Self:
        """Play in a service's loop from now on; returns itself."""
        self._loop = loop
        try:
            call_in(loop, self._begin)
        except RuntimeError as error:  # the loop is closed
            raise UsageError("The service was stopped: start one before something can play on it") from error
        return self

    def stop(self) -> None:
        """End it: when this returns, nothing more happens. What was written stays; a second call does nothing."""
        if self._over.done() or self._loop is None or self._task is None:
            return
        if is_in(self._loop):
            self._task.cancel()
            return
        try:
            self._loop.call_soon_threadsafe(self._task.cancel)
        except RuntimeError:  # the service has just ended, and this with it
            return
        self.wait(WITHIN)

    def wait(self, timeout: float | None = None) -> None:
        """Block until it is over.

        Raises:
            TimeoutError: it is not after so many seconds.
            UsageError: it plays in this loop, which would be blocked.
        """
        if self.running and self._loop is not None and is_in(self._loop):
            raise UsageError("This would block the loop that it plays in: `await ....finished()` instead")
        self._over.result(timeout)

    async def finished(self) -> None:
        """Wait until it is over."""
        await asyncio.wait({asyncio.wrap_future(self._over)})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self.running else "over"
        counts = f"{self.conversations:,} conversations, {self.messages:,} messages"
        return f"<{type(self).__name__} {state}, {counts}, {self.time:%Y-%m-%d %H:%M:%S} UTC>"

    # -- in the service's loop

    def _begin(self) -> None:
        self._task = self._backend.keep(self._agenda.run())
        self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log_fault(type(self).__name__.lower(), error)
        self._over.set_result(None)

    def _act(self, when: datetime, does: Callable[[Change], T], source: Source | None) -> T:
        """Do something at a virtual time."""
        self.time = when
        return self._backend.act(partial(_at, when, does), source)


def identities(members: Iterable[str]) -> list[str]:
    """Who is to be in every conversation.

    Raises:
        UsageError: somebody cannot be called so.
    """
    try:
        return [limits.identity(one) for one in ([members] if isinstance(members, str) else members)]
    except Refused as refused:
        raise UsageError(f"members: {refused.message}") from refused


def _at(when: datetime, does: Callable[[Change], T], change: Change) -> T:
    change.at(when)
    return does(change)
