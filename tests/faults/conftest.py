"""One service for most of the fault tests, people on it, and short times to come back in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

import convo_widgets as cw
from tests.client.people import People, visitors
from tests.faults.proxy import Proxy


@pytest.fixture(scope="session")
def service() -> Iterator[cw.LocalService]:
    """An empty service."""
    with cw.LocalService(seed=None) as running:
        yield running


@pytest.fixture
async def people(service: cw.LocalService) -> AsyncIterator[People]:
    """The people of one test, who leave nothing behind."""
    async with visitors(service, thorough=True) as everybody:
        yield everybody


@pytest.fixture
async def proxy(service: cw.LocalService) -> AsyncIterator[Proxy]:
    """A cable to the service."""
    async with Proxy(service.port) as cable:
        yield cable


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back soon after a fault: the waiting itself is tested with the back-off."""
    monkeypatch.setattr("convo_widgets.transport.backoff.FIRST", 0.02)
