"""One service for most of the fault tests, people on it, and short times to come back in."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest

import convo_widgets as cw
from tests.client.people import People
from tests.faults.proxy import Proxy


@pytest.fixture(scope="session")
def service() -> Iterator[cw.LocalService]:
    """An empty service."""
    with cw.LocalService(seed=None) as running:
        yield running


@pytest.fixture
async def people(service: cw.LocalService) -> AsyncIterator[People]:
    """The people of one test; when they have gone, no task and no socket is left, and no failure went unseen."""
    loop, faults = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    before = asyncio.all_tasks()
    everybody = People(service)
    yield everybody
    await everybody.part()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert left == set()
    assert sockets(service.port) == 0
    gc.collect()  # what nobody awaited is told when it is thrown away
    assert faults == []


def sockets(port: int) -> int:
    """Sockets of this process that lead to a port."""
    return sum(1 for one in psutil.Process().net_connections("tcp") if one.raddr and one.raddr.port == port)


@pytest.fixture
async def proxy(service: cw.LocalService) -> AsyncIterator[Proxy]:
    """A cable to the service."""
    async with Proxy(service.port) as cable:
        yield cable


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back soon after a fault: the waiting itself is tested with the back-off."""
    monkeypatch.setattr("convo_widgets.transport.backoff.FIRST", 0.02)
