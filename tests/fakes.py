"""A fake at the wire: a real WebSocket server whose service does exactly what a test tells it, well or badly.

It says by itself only what a service must: yes to `init`, and to every request its own path back. Everything else is a
hook: `service.on_init` and `service.on_request` replace the answers, `service.http_status` refuses the handshake, and
each `Peer`, one per connection, can send frames, garbage or half of something, close with any code, or vanish.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from convo_widgets.wire import json
from convo_widgets.wire.events import Event, InitRequested, Requested, UpdateRequested
from convo_widgets.wire.protocol import Protocol
from convo_widgets.wire.schema import Status

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds for anything that a test waits for; only a failing test ever waits so long."""


class Peer:
    """The service's end of one connection.

    Attributes:
        protocol: its state machine; what it has to say goes out with `flush`.
        events: whatever the client did, oldest first, as `Protocol` tells it.
    """

    def __init__(self, service: FakeService, socket: ServerConnection) -> None:
        self.protocol = Protocol("service")
        self.events: list[Event] = []
        self._service = service
        self._socket = socket
        self._news = asyncio.Condition()
        self._ended = asyncio.Event()

    async def serve(self) -> None:
        """Answer until the connection ends."""
        try:
            async for data in self._socket:
                assert isinstance(data, bytes), "a client sends binary messages"
                for event in self.protocol.receive(data):
                    await self._handle(event)
                await self.flush()
        except ConnectionClosed:
            pass
        finally:
            self._ended.set()

    async def _handle(self, event: Event) -> None:
        async with self._news:
            self.events.append(event)
            self._news.notify_all()
        match event:
            case InitRequested():
                self._service.on_init(self, event)
            case UpdateRequested():
                self._service.on_update(self, event)
            case Requested():
                self._service.on_request(self, event)

    async def flush(self) -> None:
        """Send what the protocol has to say."""
        for data in self.protocol.take():
            await self._socket.send(data)

    async def heard(self, kind: type[T], count: int = 1) -> T:
        """The client's `count`-th event of this kind, as soon as it is there."""
        async with asyncio.timeout(PATIENCE), self._news:
            while True:
                found = [event for event in self.events if isinstance(event, kind)]
                if len(found) >= count:
                    return found[count - 1]
                await self._news.wait()

    async def send(self, data: bytes | str) -> None:
        """Send one message as it is, a frame or not."""
        await self._socket.send(data)

    async def notify(self, message_type: str, body: object = None) -> None:
        """Send a notification."""
        self.protocol.notify(message_type, json.encode(body))
        await self.flush()

    async def close(self, status: Status, backoff_ms: int = 0) -> None:
        """Say goodbye in a frame, with this status, and leave the socket to the client."""
        self.protocol.close(status, backoff_ms)
        await self.flush()

    async def hang_up(self, code: int = 1001) -> None:
        """Close the WebSocket properly, without a frame."""
        await self._socket.close(code)

    def drop(self, partial: bytes = b"") -> None:
        """Vanish: no closing handshake, perhaps with some bytes of a message that never ends."""
        if partial:
            self._socket.transport.write(partial)
            self._socket.transport.close()
        else:
            self._socket.transport.abort()

    def stop_reading(self) -> None:
        """Take nothing more from the socket, as a machine that hangs."""
        self._socket.transport.pause_reading()

    async def ended(self) -> None:
        """Until the connection is over."""
        async with asyncio.timeout(PATIENCE):
            await self._ended.wait()


def accept(peer: Peer, event: InitRequested) -> None:
    """Say yes to an introduction."""
    peer.protocol.accept(event.id, continuation_token=f"continue-{id(peer)}", reissued=False, storage_id="S")


def refuse(code: int, error_code: int | None = None, description: str | None = None) -> Callable[[Peer, Event], None]:
    """A hook that says no to `init` or `update`."""

    def hook(peer: Peer, event: Event) -> None:
        assert isinstance(event, InitRequested | UpdateRequested)
        peer.protocol.refuse(event.id, Status(code, "NO", error_code, description))

    return hook


def echo(peer: Peer, event: Requested) -> None:
    """Answer a request with its own path and body."""
    body = json.encode({"path": event.request.path, "body": event.body.decode()})
    peer.protocol.reply(event.id, Status(200, "OK"), body, {"Content-Type": "application/json"})


def ignore(peer: Peer, event: Event) -> None:
    """Give no answer."""


def renew(peer: Peer, event: UpdateRequested) -> None:
    """Take a new token."""
    peer.protocol.reply(event.id)


class FakeService:
    """A server on a port of its own.

    Attributes:
        uri: where it listens.
        peers: every connection that got through its handshake, oldest first.
        http_status: what to answer to a handshake instead of opening a socket.
        location: where such an answer redirects to.
    """

    def __init__(self) -> None:
        self.uri = ""
        self.peers: list[Peer] = []
        self.http_status: int | None = None
        self.location: str | None = None
        self.on_init: Callable[[Peer, InitRequested], None] = accept
        self.on_update: Callable[[Peer, UpdateRequested], None] = renew
        self.on_request: Callable[[Peer, Requested], None] = echo
        self._server: Server | None = None
        self._news = asyncio.Condition()

    async def peer(self, count: int = 1) -> Peer:
        """The `count`-th connection, as soon as it is there."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.peers) >= count)
            return self.peers[count - 1]

    async def _serve(self, socket: ServerConnection) -> None:
        peer = Peer(self, socket)
        async with self._news:
            self.peers.append(peer)
            self._news.notify_all()
        await peer.serve()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.http_status is None:
            return None
        response = connection.respond(HTTPStatus(self.http_status), "no socket here\n")
        if self.location is not None:
            response.headers["Location"] = self.location
        return response

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[FakeService]:
        """A service, for as long as the block runs."""
        service = cls()
        async with serve(
            service._serve,
            "127.0.0.1",
            0,
            process_request=service._answer,
            compression=None,
            close_timeout=0.1,
            max_size=1 << 26,
        ) as server:
            service._server = server
            service.uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v3/wsconnect"
            yield service
            for peer in service.peers:
                peer.drop()
