"""Services to make DataFrames from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

import convo_widgets as cw

Connect = Callable[..., Awaitable[cw.Client]]


@pytest.fixture(scope="session")
def service() -> Iterator[cw.LocalService]:
    """An empty service."""
    with cw.LocalService(seed=None) as running:
        yield running


@pytest.fixture(scope="session")
def demo() -> Iterator[cw.LocalService]:
    """The demo's support desk."""
    with cw.LocalService(seed="demo") as running:
        yield running


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects people to a service; when they have gone, no task is left and no failure went unseen."""
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    before = asyncio.all_tasks()
    clients: list[cw.Client] = []

    async def make(service: cw.LocalService, identity: str, url: str | None = None) -> cw.Client:
        clients.append(await cw.connect(service.token(identity), url=url or service.url))
        return clients[-1]

    yield make
    await asyncio.gather(*(client.shutdown() for client in clients))
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()
    assert faults == []
