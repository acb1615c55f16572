"""A WebSocket without a network: two queues in memory, each with a bound and an end.

The client's end is what a transport calls a connection; the service's end is an ASGI WebSocket with the extension
``convo.pipe``, as the server over sockets offers it. Whoever sends waits while much waits to be read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from starlette.types import ASGIApp, Scope

from convo_widgets.service.socket import LARGEST_FRAME

FULL = 1 << 20
"""Bytes that wait to be read, above which nothing more is sent."""
LEAVE_WITHIN = 1.0
"""Seconds for the service to see that somebody has left."""


class Lane:
    """One direction: what was sent waits until it is taken."""

    def __init__(self) -> None:
        self.ended = False
        self._messages: deque[bytes] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, messages: Iterable[bytes]) -> None:
        """Send messages, once there is room.

        Raises:
            ConnectionError: nobody takes any more.
        """
        while not self.has_room:
            if self.ended:
                raise ConnectionResetError("the other end is gone")
            await self._room.wait()
        self.put_now(messages)

    @property
    def has_room(self) -> bool:
        """Whether it has not ended, and not much waits."""
        return self._room.is_set() and not self.ended

    def put_now(self, messages: Iterable[bytes]) -> None:
        """Send messages; only while there is room."""
        for message in messages:
            self._messages.append(message)
            self._size += len(message)
        if self._size > FULL:
            self._room.clear()
        self._news.set()

    async def take(self, most: int) -> list[bytes]:
        """What has arrived, in order, at most that many and one at least; none are the end."""
        await self._news.wait()
        taken = [self._messages.popleft() for _ in range(min(most, len(self._messages)))]
        self._size -= sum(map(len, taken))
        if self._size <= FULL:
            self._room.set()
        if not self._messages and not self.ended:
            self._news.clear()
        return taken

    def end(self, *, lost: bool = False) -> None:
        """Send nothing more; what is on its way arrives, unless it is lost."""
        self.ended = True
        if lost:
            self._messages.clear()
            self._size = 0
        self._news.set()
        self._room.set()


class Line:
    """One WebSocket to an ASGI app, which `serve` runs.

    Attributes:
        answer: to the handshake, None or the HTTP status of a refusal.
    """

    def __init__(self, host: str, path: str, query: str) -> None:
        self.answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._up, self._down = Lane(), Lane()  # to the service, to the client
        self._greeted = False
        self._served: asyncio.Task[Any] | None = None
        self._scope: Scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"host", host.encode())],
            "subprotocols": [],
            "client": None,
            "server": None,
            "extensions": {"websocket.http.response": {}, "convo.pipe": self},
        }

    # -- the client's end

    async def receive(self) -> list[bytes | str]:
        """Every message that has arrived, one at least.

        Raises:
            ConnectionError: there will be no more.
        """
        messages = await self._down.take(1 << 20)
        if not messages:
            raise ConnectionResetError("the service has ended the connection")
        return list(messages)

    async def send_all(self, messages: Iterable[bytes]) -> None:
        """Send messages; waits while too much waits for the service.

        Raises:
            ConnectionError: they may not have arrived.
        """
        sent = list(messages)
        if any(len(message) > LARGEST_FRAME for message in sent):
            self._up.end()
            self._down.end()
        await self._up.put(sent)

    async def probe(self, timeout: float) -> None:
        """Nothing to do: an end is told at once."""

    async def leave(self) -> None:
        """Close it; when this returns, the service has seen it."""
        self._up.end()
        self._down.end(lost=True)
        if self._served is not None:
            await asyncio.wait({self._served}, timeout=LEAVE_WITHIN)

    # -- the service's end

    async def serve(self, app: ASGIApp) -> None:
        """Let the app serve this connection."""
        self._served = asyncio.current_task()
        try:
            await app(self._scope, self._receive, self._send)
        finally:
            self._up.end(lost=True)
            self._down.end()
            self._answered(500)

    async def receive_many(self, most: int) -> list[Any]:
        """The messages that wait, at most that many; where there is none, the next one."""
        messages = await self._up.take(most)
        return [{"type": "websocket.receive", "bytes": one} for one in messages] or [
            {"type": "websocket.disconnect", "code": 1005}
        ]

    async def send_many(self, messages: list[bytes]) -> None:
        """Send messages, once the peer has room."""
        await self._down.put(messages)

    @property
    def has_room(self) -> bool:
        """Whether the peer is there, and what is sent now need not wait."""
        return self._down.has_room

    def send_now(self, messages: list[bytes]) -> None:
        """Send them at once; only while there is room."""
        self._down.put_now(messages)

    def abort(self) -> None:
        """Cut it: what is on its way is lost."""
        self._up.end(lost=True)
        self._down.end(lost=True)

    async def _receive(self) -> Any:
        if not self._greeted:
            self._greeted = True
            return {"type": "websocket.connect"}
        return (await self.receive_many(1))[0]

    async def _send(self, message: Any) -> None:
        match message["type"]:
            case "websocket.accept":
                self._answered(None)
            case "websocket.http.response.start":
                self._answered(message["status"])
            case "websocket.send":
                await self._down.put([message["bytes"]])
            case "websocket.close":
                self._answered(403)
                self._up.end()
                self._down.end()

    def _answered(self, status: int | None) -> None:
        if not self.answer.done():
            self.answer.set_result(status)
