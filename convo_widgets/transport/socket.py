"""Opening and closing a WebSocket, with websockets' errors made ours and its log kept from telling tokens."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException

from convo_widgets.errors import ConnectFailed
from convo_widgets.wire import frame

CLOSE_TIMEOUT = 1.0  # seconds that a goodbye may take

_wire_log = logging.getLogger("convo_widgets.websockets")
_wire_log.setLevel(logging.INFO)  # below that, websockets logs frames, and the first one holds the token
_wire_log.addFilter(lambda record: record.levelno >= logging.INFO)  # also for who sets another level


class _Connect(connect):
    """websockets' own, but a redirect is an answer like any other: the token is for this service alone."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_socket(uri: str, *, open_timeout: float, ping_interval: float, ping_timeout: float) -> ClientConnection:
    """An open socket; the times are in seconds.

    Raises:
        ConnectFailed: nobody answers there, or it is no WebSocket.
    """
    try:
        proxy: dict[str, Any] = {"proxy": None} if _is_loopback(uri) else {}
        return await _Connect(
            uri,
            compression=None,
            max_size=frame.MAX_FRAME,
            open_timeout=open_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            close_timeout=CLOSE_TIMEOUT,
            logger=_wire_log,
            user_agent_header=None,
            **proxy,
        )
    except InvalidURI:
        pass  # its text quotes the address, which may hold a password, so it is no cause of ours
    except (OSError, WebSocketException, TimeoutError, ValueError) as error:
        raise ConnectFailed(shown(uri), _cause(error)) from error.with_traceback(None)
    raise ConnectFailed(shown(uri), "that is no address of a socket (ws:// or wss://)")


async def close_socket(socket: ClientConnection) -> None:
    """Close it properly, or by force where the peer does not even read."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await socket.close()
    except TimeoutError:
        socket.transport.abort()
        await socket.wait_closed()
    except BaseException:  # cancelled: nothing may stay open
        socket.transport.abort()
        raise


async def probe_socket(socket: ClientConnection, timeout: float) -> None:
    """Cut the socket, if its peer shows no sign of life within so many seconds."""
    try:
        async with asyncio.timeout(timeout):
            await (await socket.ping())
    except (TimeoutError, OSError, WebSocketException):
        socket.transport.abort()


def _is_loopback(uri: str) -> bool:
    return urlsplit(uri).hostname in ("127.0.0.1", "localhost", "::1")


def shown(uri: str) -> str:
    """The address without anything that could be a secret."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def _cause(error: BaseException) -> str:
    """Why a connection could not be made, in words."""
    if isinstance(error, InvalidStatus):
        return f"it answered {error.response.status_code} instead of opening a socket"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "nothing listens there"
    return str(error) or type(error).__name__
