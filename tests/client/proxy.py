"""A cable between clients and a service: real sockets, which can be cut, plugged out, or made to swallow bytes."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType


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
