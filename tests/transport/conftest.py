"""Fixtures: a fake service, links to it that do not wait between attempts, and a count of what is left over."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from fakes import PATIENCE, FakeService

from convo_widgets.errors import TokenError
from convo_widgets.transport.link import Link
from convo_widgets.transport.observer import ConnectionFault
from convo_widgets.wire.events import Notified


class Told:
    """An observer that keeps what it was told, and raises where a test says so."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.notices: list[Notified] = []
        self.faults: list[ConnectionFault] = []
        self.warnings = 0
        self.expired = 0
        self.jumps: list[float] = []
        self.raises: Callable[[str, Any], bool] = lambda name, value: False
        self._news = asyncio.Event()

    def _tell(self, name: str, value: Any = None) -> None:
        self._news.set()
        if self.raises(name, value):
            raise ZeroDivisionError(f"the observer fails at {name}")

    def state_changed(self, state: str) -> None:
        """Keep it."""
        self.states.append(state)
        self._tell("state_changed", state)

    def notified(self, notice: Notified) -> None:
        """Keep it."""
        self.notices.append(notice)
        self._tell("notified", notice)

    def faulted(self, fault: ConnectionFault) -> None:
        """Keep it."""
        self.faults.append(fault)
        self._tell("faulted", fault)

    def token_about_to_expire(self) -> None:
        """Count it."""
        self.warnings += 1
        self._tell("token_about_to_expire")

    def token_expired(self) -> None:
        """Count it."""
        self.expired += 1
        self._tell("token_expired")

    def clock_jumped(self, seconds: float) -> None:
        """Keep it."""
        self.jumps.append(seconds)
        self._tell("clock_jumped", seconds)

    async def until(self, is_so: Callable[[Told], Any]) -> None:
        """Wait until it was told enough."""
        async with asyncio.timeout(PATIENCE):
            while not is_so(self):
                self._news.clear()
                await self._news.wait()


class Tokens:
    """A provider that counts its calls, and gives or raises what a test says."""

    def __init__(self, token: str) -> None:
        self.calls = 0
        self.gives: Callable[[], Awaitable[str]] | None = None
        self._token = token

    async def fetch(self) -> str:
        """A token."""
        self.calls += 1
        return self._token if self.gives is None else await self.gives()

    async def fail(self) -> str:
        """To be given as `gives`: a provider that raises."""
        raise TokenError("The token function raised OSError: no network")

    async def hang(self) -> str:
        """To be given as `gives`: a provider that never answers."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("unreachable")


class Bench:
    """A link, what it told, and where its tokens come from."""

    def __init__(self, uri: str, token: str, *, renewable: bool = False, wait: float = 0.0) -> None:
        self.told = Told()
        self.tokens = Tokens(token)
        self.link = Link(
            uri,
            fetch_token=self.tokens.fetch,
            renewable=renewable,
            observer=self.told,
            metadata={"sdk": "python"},
            delays=lambda: itertools.repeat(wait),
        )


@pytest.fixture(autouse=True)
async def nothing_left_over() -> AsyncIterator[None]:
    """No task is left, and no exception that nobody asked for."""
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    gc.collect()
    assert not left
    assert not unheard


@pytest.fixture
async def service(nothing_left_over: None) -> AsyncIterator[FakeService]:
    """A fake service on a port of its own."""
    async with FakeService.running() as service:
        yield service


@pytest.fixture
async def bench(service: FakeService, silent_uri: str, canary: str) -> AsyncIterator[Callable[..., Bench]]:
    """Makes links to the service, or elsewhere; all are stopped in the end."""
    benches: list[Bench] = []

    def make(uri: str | None = None, **options: Any) -> Bench:
        benches.append(Bench(uri or service.uri, canary, **options))
        return benches[-1]

    yield make
    for one in benches:
        await one.link.stop()
        assert len(one.link._answers) == 0
        assert one.link._protocol._waiting.keys() <= {"init"} or one.link._protocol.state != "ready"


@pytest.fixture
async def open_bench(bench: Callable[..., Bench]) -> Bench:
    """A link that is connected."""
    one = bench()
    await one.link.start()
    return one


class _Silence(asyncio.Protocol):
    """One connection to somebody who takes everything and says nothing; asyncio closes it when the other end goes."""


@pytest.fixture
async def silent_uri(nothing_left_over: None) -> AsyncIterator[str]:
    """An address that opens a connection and never says a word."""
    async with await asyncio.get_running_loop().create_server(_Silence, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, as long as the test runs."""
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
