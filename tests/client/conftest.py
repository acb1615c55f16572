"""One service for all tests of the client, and the people of each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

import convo_widgets as cw
from tests.client.people import People, visitors
from tests.client.proxy import Proxy, Wire


def pytest_configure(config: pytest.Config) -> None:
    """What tests may say."""
    config.addinivalue_line("markers", "both: runs over sockets, and with a service in the loop of the test")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run who says so on both services; a fixture that is shared is on the one behind the port."""
    names = set(metafunc.fixturenames)
    if metafunc.definition.get_closest_marker("both") and "service" in names and "long_one" not in names:
        metafunc.parametrize("service", ["sockets", "in process"], indirect=True)


@pytest.fixture(scope="session")
def listening() -> Iterator[cw.LocalService]:
    """An empty service behind a port."""
    with cw.LocalService(seed=None) as running:
        yield running


@pytest.fixture
async def service(request: pytest.FixtureRequest, listening: cw.LocalService) -> AsyncIterator[cw.LocalService]:
    """An empty service: the one behind a port, or one of the test's own, in its loop."""
    if getattr(request, "param", "sockets") == "sockets":
        yield listening
        return
    async with cw.LocalService(seed=None, in_process=True) as running:
        yield running


@pytest.fixture
async def people(service: cw.LocalService) -> AsyncIterator[People]:
    """The people of one test, who leave nothing behind."""
    async with visitors(service) as everybody:
        yield everybody


@pytest.fixture
async def proxy(service: cw.LocalService, people: People) -> AsyncIterator[Proxy | Wire]:
    """A cable to the service that can be cut."""
    if service.transport is not None:
        wire = Wire(service.transport)
        people.ways[wire.url] = wire
        yield wire
        return
    async with Proxy(service.port) as cable:
        yield cable


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back soon after a cut: the waiting itself is tested with the back-off."""
    monkeypatch.setattr("convo_widgets.transport.backoff.FIRST", 0.05)
