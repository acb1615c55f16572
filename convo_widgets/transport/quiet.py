"""httpx, kept quiet: its errors made ours, and its log and httpcore's kept from telling addresses.

Temporary addresses are signed: who has one may read the medium. What others do with httpx in this program is logged as
ever.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, TypeVar

import httpx

from convo_widgets.errors import ConnectFailed, ConnectionLost, RemoteProtocolError, RequestTimeout
from convo_widgets.transport.socket import shown

T = TypeVar("T")


def new_client(timeout: httpx.Timeout) -> httpx.AsyncClient:
    """A client that follows no redirect by itself, and speaks to this machine without a proxy."""
    here: dict[str, Any] = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
    return httpx.AsyncClient(timeout=timeout, follow_redirects=False, mounts=here)


class translated(AbstractContextManager[None]):  # noqa: N801 - reads as a verb
    """Errors of httpx as ours; their tracebacks stay out of sight, for these knew the token and the signature."""

    def __init__(self, url: str, what: str) -> None:
        self._url, self._what = url, what

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        ours = self._ours(error)
        if ours is not None:
            raise ours from None

    def _ours(self, error: BaseException | None) -> Exception | None:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            return ConnectFailed(shown(self._url), _cause(error))
        if isinstance(error, httpx.TimeoutException):
            return RequestTimeout(self._what, may_have_happened=True)
        if isinstance(error, httpx.HTTPError | httpx.StreamError):
            return ConnectionLost(self._what, may_have_happened=True)
        if isinstance(error, httpx.InvalidURL):
            return RemoteProtocolError(f"The service gave an address for {self._what} that cannot be used.")
        return None


def _cause(error: Exception) -> str:
    """Why nobody could be reached, in words."""
    if isinstance(error, httpx.TimeoutException):
        return "it does not answer"
    text = str(error)
    return "nothing listens there" if "All connection attempts failed" in text or "Errno 111" in text else text


_ours: ContextVar[bool] = ContextVar("convo_widgets_http", default=False)
_LOGGERS = ("httpx", *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")))


def _is_not_ours(record: logging.LogRecord) -> bool:
    return not _ours.get()


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_is_not_ours)


async def quietly(act: Callable[[], Awaitable[T]]) -> T:
    """Do it without httpx and httpcore logging it."""
    mark = _ours.set(True)
    try:
        return await act()
    finally:
        _ours.reset(mark)
