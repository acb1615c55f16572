"""Events: subscribe with a handler, wait for one, or iterate over them."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from convo_widgets.errors import UsageError

log = logging.getLogger("convo_widgets")

Handler = Callable[[Any], Awaitable[None] | None]
_running: set[asyncio.Future[None]] = set()  # the loop holds its tasks weakly


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as `events()` yields it.

    Attributes:
        name: as the SDK names it, for example "messageAdded".
        payload: the object, or for updates an object with it and `update_reasons`.
    """

    name: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Discontinuity:
    """Payload of "discontinuity": what was known could not be continued, so it is read anew.

    It comes before the fresh state; what differs from the old one is then announced by the usual events. Whoever keeps
    a copy of their own reads it again from `source`.

    Attributes:
        source: the conversation, the user, or the client (the list of conversations) that is read anew.
        reason: why, as a sentence.
    """

    source: Emitter
    reason: str


class Emitter:
    """What announces events.

    Handlers run in the order of their subscription. One that raises is logged and does not stop the next; one that is
    async runs as a task of its own.
    """

    EVENTS: ClassVar[frozenset[str]] = frozenset()
    __slots__ = ("_handlers", "_last", "_taps")

    def __init__(self) -> None:
        # Made when they are needed: of a hundred thousand messages hardly one is listened to.
        self._handlers: dict[str, dict[object, Handler]] | None = None
        self._taps: list[tuple[frozenset[str], asyncio.Queue[Event]]] | None = None
        self._last: dict[str, Any] | None = None

    def on(self, name: str, handler: Handler) -> Callable[[], None]:
        """Call `handler(payload)` at every such event; returns a function that unsubscribes it.

        Raises:
            UsageError: there is no event of this name here.
        """
        self._check(name)
        if self._handlers is None:
            self._handlers = {}
        handlers, mark = self._handlers.setdefault(name, {}), object()
        handlers[mark] = handler  # by a mark of its own: the same handler may be subscribed twice

        def off() -> None:
            handlers.pop(mark, None)

        return off

    def on_with_replay(self, name: str, handler: Handler) -> Callable[[], None]:
        """Like `on`, and at once also with the last such event there was."""
        off = self.on(name, handler)
        if self._last is not None and name in self._last:
            _call(handler, self._last[name])
        return off

    async def wait_for(
        self, name: str, timeout: float | None = None, predicate: Callable[[Any], bool] | None = None
    ) -> Any:
        """The payload of the next such event (that satisfies `predicate`).

        Args:
            name: the event.
            timeout: seconds to wait at most; None waits for ever.
            predicate: which payloads count.

        Raises:
            TimeoutError: it did not come in time.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(payload: Any) -> None:
            if not future.done() and (predicate is None or predicate(payload)):
                future.set_result(payload)

        off = self.on(name, settle)
        try:
            async with asyncio.timeout(timeout):
                return await future
        finally:
            off()

    async def events(self, *names: str) -> AsyncIterator[Event]:
        """Every event of these names (all, where none is named), from the first `async for` step on, in order."""
        for name in names:
            self._check(name)
        tap = (frozenset(names) or self.EVENTS, asyncio.Queue[Event]())
        if self._taps is None:
            self._taps = []
        taps = self._taps
        taps.append(tap)
        try:
            while True:
                yield await tap[1].get()
        finally:
            taps.remove(tap)

    def _emit(self, name: str, payload: Any) -> None:
        if self._last is None:
            self._last = {}
        self._last[name] = payload
        if self._handlers and (handlers := self._handlers.get(name)):
            for handler in list(handlers.values()):
                _call(handler, payload)
        for names, queue in self._taps or ():
            if name in names:
                queue.put_nowait(Event(name, payload))

    def _check(self, name: str) -> None:
        if name not in self.EVENTS:
            known = ", ".join(sorted(self.EVENTS))
            raise UsageError(f"{type(self).__name__} has no event {name!r}. It has: {known}.")


def _call(handler: Handler, payload: Any) -> None:
    try:
        result = handler(payload)
    except Exception:
        log.exception("an event handler raised")
        return
    if inspect.isawaitable(result):
        task = asyncio.ensure_future(result)
        _running.add(task)
        task.add_done_callback(_finished)


def _finished(task: asyncio.Future[None]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("an async event handler raised", exc_info=error)
