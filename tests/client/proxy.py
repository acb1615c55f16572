"""A cable between clients and a service that can be cut, plugged out, or made to swallow what goes back.

`Proxy` is one of real sockets; `Wire`, for a service in this loop, is a transport around the service's own.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any

import convo_widgets as cw


class Proxy:
    """Passes bytes on, until told otherwise.

    Attributes:
        url: where clients connect to.
        accepted: connections so far.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._plugged = asyncio.Event()
        self._plugged.set()
        self._holding = False
        self._held = asyncio.Event()
        self._news = asyncio.Condition()
        self.accepted = 0
        self.url = ""

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._start, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Break every connection, as a cable does: no goodbye."""
        for pair in list(self._pairs):
            for writer in pair:
                writer.transport.abort()

    def refuse(self) -> None:
        """Break every connection and whatever comes, until `restore`."""
        self._plugged.clear()
        self.cut()

    def restore(self) -> None:
        """Pass everything on again."""
        self._holding = False
        self._plugged.set()

    def swallow(self) -> None:
        """Let nothing more of the service arrive: it goes to the service only, until `restore`."""
        self._holding = True
        self._held.clear()

    async def swallowed(self) -> None:
        """Wait until the service has said something that was kept back."""
        async with asyncio.timeout(10):
            await self._held.wait()

    async def connections(self, count: int) -> None:
        """Wait until there were so many connections."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: self.accepted >= count)

    def _start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._accept(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.transport.abort())  # also where it was cancelled before it began

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._news:
            self.accepted += 1
            self._news.notify_all()
        if self._plugged.is_set():
            await self._join(reader, writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        pair = (writer, far_writer)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far_writer, back=False))
                group.create_task(self._pass(far_reader, writer, back=True))
        finally:
            self._pairs.discard(pair)
            far_writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if back and self._holding:
                    self._held.set()
                    continue
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


class Wire:
    """The same for a service in this loop.

    Attributes:
        url: what clients behind it take for the address of the service.
        accepted: connections so far.
    """

    url = "http://localhost"

    def __init__(self, way: Any) -> None:
        self.http_client = way.http_client
        self.aside = way.aside
        self.accepted = 0
        self.holding = False
        self.held = asyncio.Event()
        self._way = way
        self._plugged = True
        self._lines: list[Any] = []
        self._news = asyncio.Condition()

    async def open_socket(self, uri: str, **times: float) -> Tapped:
        """A line of the service's own, with this in between."""
        async with self._news:
            self.accepted += 1
            self._news.notify_all()
        if not self._plugged:
            raise cw.ConnectFailed(self.url, "it hung up")
        self._lines.append(await self._way.open_socket(uri, **times))
        return Tapped(self._lines[-1], self)

    def cut(self) -> None:
        """Break every connection: no goodbye."""
        while self._lines:
            self._lines.pop().abort()

    def refuse(self) -> None:
        """Break every connection and whatever comes, until `restore`."""
        self._plugged = False
        self.cut()

    def restore(self) -> None:
        """Pass everything on again."""
        self._plugged, self.holding = True, False

    def swallow(self) -> None:
        """Let nothing more of the service arrive, until `restore`."""
        self.holding = True
        self.held.clear()

    async def swallowed(self) -> None:
        """Wait until the service has said something that was kept back."""
        async with asyncio.timeout(10):
            await self.held.wait()

    async def connections(self, count: int) -> None:
        """Wait until there were so many connections."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: self.accepted >= count)


class Tapped:
    """A line behind a wire."""

    def __init__(self, line: Any, wire: Wire) -> None:
        self.send_all = line.send_all
        self.leave = line.leave
        self._line = line
        self._wire = wire

    async def receive(self) -> list[bytes | str]:
        """What comes through."""
        while True:
            messages: list[bytes | str] = await self._line.receive()
            if not self._wire.holding:
                return messages
            self._wire.held.set()

    async def probe(self, timeout: float) -> None:
        """Cut it where nothing comes back."""
        if self._wire.holding:
            await asyncio.sleep(timeout)
            self._line.abort()
