"""What a client needs of the world: sockets, HTTP, and somewhere to do what blocks. `network` is the usual one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import httpx

T = TypeVar("T")


class Connection(Protocol):
    """An open socket for binary messages; where it is lost, `receive` and `send_all` raise the builtin OSError."""

    async def receive(self) -> list[bytes | str]:
        """Every message that has arrived, one at least."""

    async def send_all(self, messages: Iterable[bytes]) -> None:
        """Send messages; waits while too much is waiting to go out."""

    async def probe(self, timeout: float) -> None:
        """Cut it, if its peer shows no sign of life within so many seconds."""

    async def leave(self) -> None:
        """Close it properly, or by force where that takes too long; nothing that comes is wanted any more."""


class Transport(Protocol):
    """How a client reaches its service.

    Attributes:
        url: base URL of the one service that it leads to; None where it leads anywhere.
    """

    @property
    def url(self) -> str | None:
        """See above."""

    async def open_socket(
        self, uri: str, *, open_timeout: float, ping_interval: float, ping_timeout: float
    ) -> Connection:
        """An open socket; the times are in seconds.

        Raises:
            ConnectFailed: nobody answers there, or it is no WebSocket.
        """

    def http_client(self, timeout: httpx.Timeout) -> httpx.AsyncClient:
        """A client that follows no redirect by itself; making it may block."""

    async def aside(self, act: Callable[..., T], *arguments: object) -> T:
        """Do what may block, as reading a file; in a thread, where there are threads."""
