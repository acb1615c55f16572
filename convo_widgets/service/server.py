"""uvicorn, set up for a small service on a machine where others may knock too."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from socket import socket
from struct import pack
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from convo_widgets.service.socket import LARGEST_FRAME

REQUESTS = 200
"""HTTP connections at once, beside the sockets."""
REQUEST_WITHIN = 10.0
"""Seconds for the head of a request."""
READ_WITHIN = 15.0
"""Seconds for a peer to take what waits for it, some ten thousand bytes."""
STOP_WITHIN = 0.5
"""Seconds for connections to end when the service stops; those that do not are cut."""

SMALL, SEVERAL = 4096, 64
"""Bytes of a message, and how many of them may wait for the app before no more is read."""
TICK = 0.1
"""Seconds between two looks at the clock, for the header Date."""
LOOK = 0.005
"""Seconds between two looks at who is still there when the service stops."""


class HttpProtocol(H11Protocol):
    """HTTP whose peers keep going: uvicorn itself waits for ever for a slow head, and for one who reads no more."""

    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock."""
        super().connection_made(transport)  # type: ignore[arg-type]
        assert isinstance(transport, asyncio.Transport)
        self._late = self.loop.call_later(REQUEST_WITHIN, self._cut_late, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._late.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The peer does not read: give it a while."""
        super().pause_writing()
        self._stalled = self.loop.call_later(READ_WITHIN, self.transport.abort)

    def resume_writing(self) -> None:
        """The peer reads again, or is gone."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()

    def _cut_late(self, transport: asyncio.Transport) -> None:
        if self.cycle is None and transport.get_protocol() is self:  # no request yet, and no upgrade
            transport.abort()


class SocketProtocol(WebSocketsSansIOProtocol):
    """WebSocket beyond ASGI: many messages at a time, and a way to cut it; the app finds it as ``convo.pipe``."""

    def handle_connect(self, event: Any) -> None:
        """Hand itself to the app."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"]["convo.pipe"] = self

    async def send(self, message: Any) -> None:
        """Take an upgrade that was refused for one that was answered: uvicorn logs it as a fault."""
        await super().send(message)
        if self.close_sent and self.initial_response is not None:
            self.handshake_complete = True

    async def receive_many(self, most: int) -> list[Any]:
        """The messages that wait, at most that many; where there is none, the next one."""
        messages: list[Any] = [await self.receive()]
        while len(messages) < most and not self.queue.empty():
            messages.append(self.queue.get_nowait())
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()
        return messages

    async def send_many(self, messages: list[bytes]) -> None:
        """Write binary messages in one system call, once the peer has room."""
        while not self.has_room:
            if self.disconnected or self.conn.state.name != "OPEN":
                raise ClientDisconnected
            await self.writable.wait()
        self.send_now(messages)

    @property
    def has_room(self) -> bool:
        """Whether the peer is there, and what is sent now need not wait."""
        return self.writable.is_set() and not self.disconnected and self.conn.state.name == "OPEN"

    def send_now(self, messages: list[bytes]) -> None:
        """Write them at once; only while there is room."""
        self.transport.write(b"".join([part for message in messages for part in (_head(len(message)), message)]))

    def abort(self) -> None:
        """Cut a peer that does not read; a close would wait for it."""
        self.transport.abort()

    def handle_bytes(self, event: Any) -> None:
        """Take a message, and read on while little waits: most are small and taken at once."""
        if event.fin and len(event.data) <= SMALL and self.queue.qsize() < SEVERAL and not self.close_sent:
            self.queue.put_nowait({"type": "websocket.receive", "bytes": event.data})
        else:
            super().handle_bytes(event)

    def handle_text(self, event: Any) -> None:
        """Say that a text frame came; its bytes need not even be text."""
        self.queue.put_nowait({"type": "websocket.receive", "text": ""})

    def keepalive_timeout(self) -> None:
        """Cut a peer that does not answer: it will not read the goodbye either."""
        super().keepalive_timeout()
        self.transport.abort()


def _head(size: int) -> bytes:
    """What precedes a binary message of a service: whole, unmasked, without extensions."""
    if size < 126:
        return b"\x82%c" % size
    return pack("!BBH", 0x82, 126, size) if size < 1 << 16 else pack("!BBQ", 0x82, 127, size)


class Server(uvicorn.Server):
    """A server that says when it is ready, for an app that takes so many sockets.

    Attributes:
        ready: set in the loop of the server once it takes connections.
    """

    def __init__(self, app: ASGIApp, connections: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=HttpProtocol,
                ws=SocketProtocol,
                ws_max_size=LARGEST_FRAME,
                ws_per_message_deflate=False,
                limit_concurrency=connections + REQUESTS,  # it counts sockets too
                backlog=256,
                h11_max_incomplete_event_size=16 * 1024,
                timeout_keep_alive=5,
                lifespan="off",
                proxy_headers=False,
                server_header=False,
                access_log=False,
                log_config=None,
                log_level="warning",
            )
        )
        self.ready: asyncio.Event = asyncio.Event()
        self._ending = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.ready.set()

    def stop(self) -> None:
        """Say that it shall end; in its own loop."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        """Tick until told to end, which uvicorn itself would notice at its next tick only."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), TICK)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Say goodbye to everybody, and cut those who do not hear it: uvicorn would wait, then log each as a fault."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        await self._quiet()
        for connection in list(state.connections):
            connection.transport.abort()
        await self._quiet()

    async def _quiet(self) -> None:
        """Wait a while until nobody is there any more."""
        clock, state = asyncio.get_running_loop().time, self.server_state
        ends = clock() + STOP_WITHIN
        while (state.connections or state.tasks) and clock() < ends:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(LOOK)
