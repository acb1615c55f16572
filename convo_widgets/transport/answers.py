"""Requests that are on their way, each with who waits for its answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from convo_widgets.errors import ConnectionLost, ConvoError, RequestTimeout


@dataclass(frozen=True, slots=True)
class Response:
    """Answer to a request: HTTP status, headers, body bytes."""

    status: int
    body: bytes
    headers: dict[str, Any]


@dataclass(slots=True)
class _Waiting:
    future: asyncio.Future[Any]
    what: str
    repeatable: bool


class Answers:
    """The answers that are awaited on one connection, by the ids of their frames."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self, id: str, what: str, *, repeatable: bool, timeout: float) -> Any:
        """The answer to a request that goes out.

        Raises:
            ConnectionLost: the connection broke before.
            RequestTimeout: it did not come within so many seconds.
        """
        waiting = self._waiting[id] = _Waiting(asyncio.get_running_loop().create_future(), what, repeatable)
        try:
            async with asyncio.timeout(timeout):
                return await waiting.future
        except TimeoutError:
            raise RequestTimeout(what, may_have_happened=not repeatable) from None
        finally:
            self._waiting.pop(id, None)
            if waiting.future.done() and not waiting.future.cancelled():
                waiting.future.exception()  # both ways may tell of the same loss: one is enough

    def give(self, id: str, value: Any) -> None:
        """The answer has come."""
        waiting = self._waiting.pop(id, None)
        if waiting is not None and not waiting.future.done():
            waiting.future.set_result(value)

    def fail(self, id: str, error: ConvoError) -> None:
        """The answer is no."""
        waiting = self._waiting.pop(id, None)
        if waiting is not None and not waiting.future.done():
            waiting.future.set_exception(error)

    def lose(self) -> None:
        """None of them will come any more."""
        waiting, self._waiting = self._waiting, {}
        for request in waiting.values():
            if not request.future.done():
                error = ConnectionLost(request.what, may_have_happened=not request.repeatable)
                request.future.set_exception(error)
