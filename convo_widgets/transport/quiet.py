"""httpx, kept quiet: its errors made ours, and its log and httpcore's kept from telling addresses.

Temporary addresses are signed: who has one may read the medium. What others do with httpx in this program is logged as
ever.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
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


class Secret(str):
    """A text that no repr shows, and so no traceback with its variables either."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


async def quietly(act: Callable[[], Awaitable[T]], url: str, what: str) -> T:
    """Do something with httpx: without a word of it in logs, and with its errors as ours.

    None of ours is raised while httpx's is handled: that one knows the request, with its token and signature.
    """
    mark = _ours.set(True)
    try:
        return await act()
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        failure = _translated(error, url, what)
    finally:
        _ours.reset(mark)
    raise failure


def _translated(error: Exception, url: str, what: str) -> Exception:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return ConnectFailed(shown(url), _cause(error))
    if isinstance(error, httpx.InvalidURL):
        return RemoteProtocolError(f"The service gave an address for {what} that cannot be used.")
    kind = RequestTimeout if isinstance(error, httpx.TimeoutException) else ConnectionLost
    return kind(what, may_have_happened=True)


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
