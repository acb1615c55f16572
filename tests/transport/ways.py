"""The ways in which a connection can end, as acts of the service's end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fakes import Peer

from convo_widgets.wire.frame import MAX_FRAME, encode
from convo_widgets.wire.schema import Header, Status

Way = Callable[[Peer], Awaitable[None]]


def closing(code: int, error_code: int | None = None, backoff_ms: int = 0) -> Way:
    """A close frame with this status."""

    async def way(peer: Peer) -> None:
        await peer.close(Status(code, "CLOSED", error_code, "so it was"), backoff_ms)

    return way


def hanging_up(code: int) -> Way:
    """A proper end of the WebSocket, without a close frame of ours."""

    async def way(peer: Peer) -> None:
        await peer.hang_up(code)

    return way


def sending(data: bytes | str) -> Way:
    """Something that is no frame."""

    async def way(peer: Peer) -> None:
        await peer.send(data)

    return way


async def dropping(peer: Peer) -> None:
    """Reset, as when a cable is cut."""
    peer.drop()


async def half_a_frame(peer: Peer) -> None:
    """A WebSocket frame that says 4096 bytes, holds three and ends there."""
    peer.drop(b"\x82\x7e\x10\x00TWI")


async def bad_websocket(peer: Peer) -> None:
    """Bytes that are no WebSocket at all."""
    peer.drop(b"HTTP/1.1 500 Oops\r\n\r\n")


MENDED: dict[str, Way] = {
    "close 308": closing(308),
    "close 308 with back-off": closing(308, backoff_ms=1),
    "close 429": closing(429),
    "close 500": closing(500),
    "close 0": closing(0),
    "close 999 with back-off": closing(999, 12345, backoff_ms=1),
    "websocket 1000": hanging_up(1000),
    "websocket 1001": hanging_up(1001),
    "websocket 1011": hanging_up(1011),
    "websocket 1012": hanging_up(1012),
    "websocket 4000": hanging_up(4000),
    "drop": dropping,
    "half a frame": half_a_frame,
    "bad websocket": bad_websocket,
    "garbage": sending(b"\x00\xff" * 40),
    "lying length": sending(b"TWILSOCK V3.0 9999999\r\n{}\r\n"),
    "text": sending("TWILSOCK V3.0 2\r\n{}\r\n"),
    "too large": sending(b"TWILSOCK V3.0 " + b" " * MAX_FRAME),
    "deep": sending(b"TWILSOCK V3.0 50000\r\n" + b"[" * 50_000 + b"\r\n"),
}
"""Ends after which a link comes back by itself."""

FINAL: dict[str, tuple[Way, str]] = {
    "close 401": (closing(401, 20101), "TokenInvalid"),
    "close 401 expired": (closing(401, 20104), "TokenExpired"),
    "close 410": (closing(410, 20104), "TokenExpired"),
    "close 406": (closing(406), "LocalProtocolError"),
    "close 417": (closing(417), "LocalProtocolError"),
}
"""Ends after which it does not, without a new token; and the error that says so."""


def without_status(id: str) -> bytes:
    """A reply that breaks the rules."""
    return encode(Header("reply", id))
