"""One service for all tests of the client, and the people of each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

import convo_widgets as cw
from tests.client.people import People, visitors
from tests.client.proxy import Proxy


@pytest.fixture(scope="session")
def service() -> Iterator[cw.LocalService]:
    """An empty service."""
    with cw.LocalService(seed=None) as running:
        yield running


@pytest.fixture
async def people(service: cw.LocalService) -> AsyncIterator[People]:
    """The people of one test, who leave nothing behind."""
    async with visitors(service) as everybody:
        yield everybody


@pytest.fixture
async def proxy(service: cw.LocalService) -> AsyncIterator[Proxy]:
    """A cable to the service that can be cut."""
    async with Proxy(service.port) as cable:
        yield cable


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back soon after a cut: the waiting itself is tested with the back-off."""
    monkeypatch.setattr("convo_widgets.transport.backoff.FIRST", 0.05)
