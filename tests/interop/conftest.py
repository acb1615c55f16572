"""Fixtures: the genuine SDKs in Node, beside an embedded service."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from convo_widgets.service.local import LocalService

HERE = Path(__file__).parent
PATIENCE = 15.0
"""Seconds for anything that the SDK is to say."""


class SdkError(Exception):
    """A call of the SDK failed: `.name`, `.status`, `.code`, `.body` as the SDK told them."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message"))
        self.name = error.get("name")
        self.status = error.get("status")
        self.code = error.get("code")
        self.body = error.get("body")


class Sdk:
    """One genuine client in a Node process of its own.

    Attributes:
        events: whatever it announced, oldest first, as (name, payload).
    """

    def __init__(self, process: asyncio.subprocess.Process, version: str) -> None:
        self.version = version
        self.events: list[tuple[str, Any]] = []
        self._process = process
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, version: str) -> Sdk:
        """Start Node with one version of the SDK."""
        node = shutil.which("node")
        if node is None:
            pytest.fail("Node.js is missing: install Node 20 or newer")
        if not (HERE / "node_modules" / f"conversations-{version}").is_dir():
            pytest.fail("The genuine SDKs are not installed: run `npm ci` in tests/interop, or `make test`")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            node, "driver.mjs", version, cwd=HERE, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 24,
        )  # fmt: skip
        sdk = cls(process, version)
        await sdk.wait("ready")
        return sdk

    async def connect(
        self,
        service: LocalService,
        identity: str,
        *,
        token: str | None = None,
        ws_url: str | None = None,
        **options: Any,
    ) -> Sdk:
        """Connect to a service (through another socket address, if one is given); wait until the SDK is initialized."""
        token = service.token(identity) if token is None else token
        await self.op("connect", token=token, url=service.url, ws_url=ws_url or service.ws_url, options=options)
        return self

    async def op(self, op: str, **args: Any) -> Any:
        """Run one op of the driver."""
        id = len(self._waiting)
        future = self._waiting[id] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": id, "op": op, "args": args}).encode() + b"\n")
        async with asyncio.timeout(PATIENCE * 2):
            return await future

    async def client(self, method: str, *args: Any) -> Any:
        """Call a method of the client."""
        return await self.op("call", on="client", method=method, args=args)

    async def conversation(self, sid: str, method: str, *args: Any) -> Any:
        """Call a method of a conversation."""
        return await self.op("call", on={"conversation": sid}, method=method, args=args)

    async def message(self, sid: str, index: int, method: str, *args: Any) -> Any:
        """Call a method of a message."""
        return await self.op("call", on={"conversation": sid, "message": index}, method=method, args=args)

    async def participant(self, sid: str, participant: str, method: str, *args: Any) -> Any:
        """Call a method of a participant."""
        on = {"conversation": sid, "participant": participant}
        return await self.op("call", on=on, method=method, args=args)

    async def user(self, identity: str, method: str, *args: Any) -> Any:
        """Call a method of a user."""
        return await self.op("call", on={"user": identity}, method=method, args=args)

    async def page(self, page: dict[str, Any], method: str) -> Any:
        """Go on from a page: nextPage or prevPage."""
        return await self.op("call", on={"page": page["page"]}, method=method)

    async def get(self, on: Any, name: str) -> Any:
        """A property of the client ("client") or of an object."""
        return await self.op("get", on=on, name=name)

    def seen(self, name: str) -> list[Any]:
        """Payloads of the events of a name so far."""
        return [payload for event, payload in self.events if event == name]

    async def wait(self, name: str, match: Callable[[Any], bool] = lambda payload: True) -> Any:
        """The first event of a name, also an earlier one, whose payload matches."""

        def found() -> list[Any]:
            return [payload for payload in self.seen(name) if match(payload)]

        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(found)
        except TimeoutError:
            names = [event for event, _ in self.events]
            pytest.fail(f"SDK {self.version} never announced the {name!r} that was waited for; it announced {names}")
        return found()[0]

    async def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader
        for future in self._waiting.values():
            future.cancel()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "event" in told:
                async with self._news:
                    self.events.append((told["event"], told.get("payload")))
                    self._news.notify_all()
                continue
            future = self._waiting[told["id"]]
            if future.done():
                continue
            if told["ok"]:
                future.set_result(told.get("result"))
            else:
                future.set_exception(SdkError(told["error"]))


@pytest.fixture
def service() -> Any:
    """An empty service on a free port."""
    with LocalService(seed=None) as running:
        yield running


@pytest.fixture(params=["3", "2"], ids=["sdk-3.0.1", "sdk-2.0.0"])
def version(request: pytest.FixtureRequest) -> str:
    """Each version of the genuine SDK."""
    return str(request.param)


class Cable:
    """A TCP line to a service that can be cut, and mended.

    Attributes:
        ws_url: address of the service's socket through the line.
    """

    def __init__(self, service: LocalService) -> None:
        self._port = service.port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._whole = True

    async def start(self) -> Cable:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.ws_url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v3/wsconnect"
        return self

    def cut(self) -> None:
        """Break every connection without a word, and let no new one through."""
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Let new connections through."""
        self._whole = True

    async def stop(self) -> None:
        """Close it."""
        self.cut()
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.transport.abort()
            self._writers.discard(sink)


@pytest.fixture
async def cable(service: LocalService) -> AsyncIterator[Cable]:
    """A line to the service that can be cut."""
    line = await Cable(service).start()
    yield line
    await line.stop()


Start = Callable[..., Awaitable[Sdk]]


@pytest.fixture
async def start(version: str) -> AsyncIterator[Start]:
    """A function that starts a genuine client; without a service, one that is not connected."""
    started: list[Sdk] = []

    async def make(service: LocalService | None = None, identity: str = "", **options: Any) -> Sdk:
        sdk = await Sdk.start(version)
        started.append(sdk)
        return sdk if service is None else await sdk.connect(service, identity, **options)

    yield make
    await asyncio.gather(*(sdk.stop() for sdk in started))
