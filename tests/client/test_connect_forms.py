"""`connect` on the edge: services that end, failures that leave nothing, the cloud's addresses, many at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

import convo_widgets as cw
from tests.client.people import People


def services() -> set[threading.Thread]:
    """Threads of embedded services."""
    return {thread for thread in threading.enumerate() if thread.name == "convo-widgets service"}


@pytest.mark.parametrize("entered", [True, False])
async def test_a_failure_ends_its_own_service(monkeypatch: pytest.MonkeyPatch, entered: bool) -> None:
    """Where connecting fails, the service that was started for it does not stay."""
    before = services()
    monkeypatch.setattr("convo_widgets.connecting.DEMO_IDENTITY", "x" * 10_000)  # nobody can be called that
    with pytest.raises(cw.ConvoError):
        if entered:
            async with cw.connect():
                pass
        else:
            await cw.connect()
    assert services() <= before


async def test_an_error_in_the_block_ends_its_own_service() -> None:
    """The service that was started for a block ends with it, also after an error."""
    with pytest.raises(KeyError):
        async with cw.connect() as client:
            service = client.service
            assert service.running
            assert client.url == service.url
            raise KeyError("mine")
    assert client.connection_state == "disconnected"
    assert not service.running


async def test_a_stopped_service() -> None:
    """A service that has ended: nobody listens there."""
    with cw.LocalService(seed=None) as service:
        token = service.token("alice")
    with pytest.raises(cw.ConnectFailed, match="nothing listens"):
        await cw.connect(token, service=service)


async def test_awaited_and_entered(people: People) -> None:
    """What was awaited can be entered too."""
    async with await cw.connect(people.token("alice"), service=people.service) as client:
        assert client.connection_state == "connected"
        assert client.service is people.service
    assert client.connection_state == "disconnected"


@pytest.mark.parametrize("region", ["us1", "ie1"])
def test_the_cloud(region: str) -> None:
    """Without an address it is the cloud of a region."""
    client = cw.Client("a.b.c", region=region)
    assert client._endpoints.socket == f"wss://tsock.{region}.twilio.com/v3/wsconnect"
    assert client._endpoints.api == f"https://aim.{region}.twilio.com"
    assert client._endpoints.sync == f"https://cds.{region}.twilio.com"
    assert "the cloud" in repr(client)
    assert client.url is None


async def test_many_at_once(people: People) -> None:
    """Fifty connect together."""
    names = [f"guest{number}" for number in range(50)]
    clients = await asyncio.gather(*(people.client(name) for name in names))
    assert [client.user.identity for client in clients] == [people.identity(name) for name in names]
