"""Fixtures: the genuine SDKs in Node, beside an embedded service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from convo_widgets.service.local import LocalService

from .sides import Sdk, SdkError, Side
from .together import Together

__all__ = ["Sdk", "SdkError", "Side", "Together"]


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


@pytest.fixture(scope="session")
def common_service() -> Iterator[LocalService]:
    """An empty service that several tests use, each in its own conversations."""
    with LocalService(seed=None) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gatherings(common_service: LocalService) -> AsyncIterator[dict[str, Together]]:
    """Alice and Bob, each with one of the genuine SDKs and with our client, by version; started when one is needed."""
    found: dict[str, Together] = {}
    yield found
    await asyncio.gather(*(together.stop() for together in found.values()))


async def _gathering(found: dict[str, Together], service: LocalService, version: str) -> Together:
    """Alice and Bob; others in their place where they hear of no new conversation any more.

    2.0.0 came to that once in some five whole runs, while its socket stayed open; why is not known yet.
    """
    if version in found and not await found[version].is_well():
        print(f"SDK {version} hears of no new conversation any more: it is started anew")  # noqa: T201
        await found.pop(version).stop()
    if version not in found:
        found[version] = await Together(service).start(version)
    return found[version]


@pytest_asyncio.fixture(loop_scope="session")
async def newest(common_service: LocalService, gatherings: dict[str, Together]) -> Together:
    """Alice and Bob, with SDK 3.0.1."""
    return await _gathering(gatherings, common_service, "3")


@pytest_asyncio.fixture(loop_scope="session")
async def both(common_service: LocalService, gatherings: dict[str, Together], version: str) -> Together:
    """Alice and Bob, with either SDK."""
    return await _gathering(gatherings, common_service, version)


@pytest.fixture(params=["sdk", "python"], ids=["the-sdk-acts", "ours-acts"])
def actor(request: pytest.FixtureRequest) -> str:
    """Which kind of client acts."""
    return str(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at the whole run comes last."""
    items.sort(key=lambda item: item.path.name == "test_whole_surface.py")
