"""The network: websockets and httpx, and a thread for what blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import httpx

from convo_widgets.transport.quiet import new_client
from convo_widgets.transport.socket import Socket, open_socket

T = TypeVar("T")


class Network:
    """The `Transport` of every client that is given no other."""

    url = None

    async def open_socket(self, uri: str, *, open_timeout: float, ping_interval: float, ping_timeout: float) -> Socket:
        """A WebSocket; see `socket`."""
        return await open_socket(uri, open_timeout=open_timeout, ping_interval=ping_interval, ping_timeout=ping_timeout)

    def http_client(self, timeout: httpx.Timeout) -> httpx.AsyncClient:
        """Httpx over sockets; reads the certificates of this machine."""
        return new_client(timeout)

    async def aside(self, act: Callable[..., T], *arguments: object) -> T:
        """In a thread."""
        return await asyncio.to_thread(act, *arguments)


NETWORK = Network()
