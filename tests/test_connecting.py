"""`connect` in all its forms."""

from __future__ import annotations

import asyncio

import pytest

import convo_widgets as cw


@pytest.fixture(scope="module")
def service() -> object:
    """A service without data."""
    with cw.LocalService(seed=None) as running:
        yield running


async def test_without_arguments_it_brings_its_own_service() -> None:
    """No account, no token: dana of the demo desk, and the service ends with the block."""
    async with cw.connect() as client:
        assert client.user.identity == "dana"
        assert client.user.friendly_name == "Dana Kim"
        assert len(await client.get_subscribed_conversations()) == 12
        service = client.service
        assert service.running
    assert not service.running
    assert client.connection_state == "disconnected"


async def test_awaited(service: cw.LocalService) -> None:
    """`await connect(...)` gives a client that has to be shut down."""
    client = await cw.connect(service.token("alice"), service=service)
    assert client.connection_state == "connected"
    assert repr(client) == f"<Client 'alice' at {service.url}, connected>"
    await client.shutdown()
    await client.shutdown()
    assert client.connection_state == "disconnected"


async def test_by_url(service: cw.LocalService) -> None:
    """A service anywhere is reached by its address, with or without a slash."""
    for url in (service.url, service.url + "/"):
        async with cw.connect(service.token("alice"), url=url) as client:
            assert client.user.identity == "alice"


async def test_with_a_service_but_no_token(service: cw.LocalService) -> None:
    """Without a token it is dana, on a service without data too."""
    async with cw.connect(service=service) as client:
        assert client.user.identity == "dana"
    assert service.running


async def test_token_functions(service: cw.LocalService) -> None:
    """A token may come from a function, sync or async."""

    async def fetch() -> str:
        await asyncio.sleep(0)
        return service.token("bob")

    for provider in (fetch, lambda: service.token("bob")):
        async with cw.connect(provider, service=service) as client:
            assert client.user.identity == "bob"


async def test_arguments_that_do_not_fit(service: cw.LocalService) -> None:
    """Both a url and a service, or a url without a token: said at once, before anything is started."""
    with pytest.raises(cw.UsageError, match="not both"):
        cw.connect("a.b.c", url=service.url, service=service)
    with pytest.raises(cw.UsageError, match="needs a token"):
        cw.connect(url=service.url)


async def test_a_failed_connect_leaves_nothing_behind(service: cw.LocalService) -> None:
    """Whatever was started for a connection that failed is gone."""
    before = asyncio.all_tasks()
    with pytest.raises(cw.TokenExpired):
        await cw.connect(service.token("alice", ttl=-60), service=service)
    with pytest.raises(cw.ConnectFailed):
        await cw.connect(service.token("alice"), url="http://127.0.0.1:9")
    assert asyncio.all_tasks() == before
