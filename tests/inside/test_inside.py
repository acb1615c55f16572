"""A service in the loop of the test: its life, what is on the way, and what goes wrong there."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import httpx
import pytest

import convo_widgets as cw
from convo_widgets.service.socket import LARGEST_FRAME
from convo_widgets.wire.protocol import Protocol
from convo_widgets.wire.schema import HttpRequest

TIMES = {"open_timeout": 5.0, "ping_interval": 20.0, "ping_timeout": 20.0}


async def line(service: cw.LocalService, identity: str = "alice") -> tuple[Any, Protocol]:
    """A bare connection that has introduced itself."""
    assert service.transport is not None
    one, protocol = await service.transport.open_socket(service.ws_url, **TIMES), Protocol("client")
    protocol.init(service.token(identity))
    await one.send_all(protocol.take())
    while protocol.state != "ready":
        for data in await one.receive():
            assert isinstance(data, bytes)
            protocol.receive(data)
    return one, protocol


def httpx_to(service: cw.LocalService, app: Any = None, **options: Any) -> httpx.AsyncClient:
    """httpx, to the service or to another app in its place."""
    assert service.transport is not None
    if app is not None:
        service.transport._app = app
    return httpx.AsyncClient(transport=service.transport, base_url=service.url, **options)


# --- Its life ------------------------------------------------------------------------------------------------------


async def test_stopped(service: cw.LocalService) -> None:
    """Nobody gets in any more, who was there loses the connection, and no task is left."""
    before = asyncio.all_tasks()
    other = cw.LocalService(seed=None, in_process=True)
    client = await cw.connect(other.token("alice"), service=other)
    lost = asyncio.ensure_future(client.wait_for("connectionError", timeout=5))
    await asyncio.sleep(0)
    other.stop()
    other.stop()
    assert not (await lost).terminal
    assert (other.running, "stopped" in repr(other)) == (False, True)
    await client.shutdown()
    with pytest.raises(cw.ConnectFailed, match="stopped"):
        await cw.connect(other.token("alice"), service=other)
    async with httpx_to(other) as account:
        with pytest.raises(httpx.ConnectError):
            await account.get("/")
    await other.transport.ended()
    assert asyncio.all_tasks() == before


async def test_forgotten_is_stopped() -> None:
    """A service that nobody holds any more ends itself, and is not held by its own tasks."""
    service = cw.LocalService(seed=None, in_process=True)
    transport, gone = service.transport, weakref.ref(service)
    assert transport is not None
    del service
    gc.collect()
    assert gone() is None
    assert not transport.running
    await transport.ended()


def test_outside_of_a_loop() -> None:
    """Where no loop runs, one is told where to make it."""
    with pytest.raises(cw.UsageError, match="where `await` works"):
        cw.LocalService(seed=None, in_process=True)


async def test_what_it_cannot_have() -> None:
    """It has no port and no host."""
    for wrong in ({"port": 8765}, {"host": "localhost"}):
        with pytest.raises(cw.UsageError, match="listens nowhere"):
            cw.LocalService(seed=None, in_process=True, **wrong)  # type: ignore[arg-type]


async def test_another_loop(service: cw.LocalService) -> None:
    """It serves the loop that it was made in, and says so in another one."""

    async def elsewhere() -> None:
        await cw.connect(service.token("alice"), service=service)

    with pytest.raises(cw.UsageError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, elsewhere())


async def test_from_another_thread(service: cw.LocalService) -> None:
    """Faults, simulations and the end may be asked for from any thread."""
    async with cw.connect(service.token("alice"), service=service) as alice:
        lost = asyncio.ensure_future(alice.wait_for("connectionError", timeout=5))
        await asyncio.to_thread(service.faults.drop_connections)
        await lost
        simulation = await asyncio.to_thread(service.simulate)
        assert simulation.running
        with pytest.raises(cw.UsageError, match="finished"):
            simulation.wait()
        simulation.stop()
        assert not simulation.running
        await simulation.finished()
    await asyncio.to_thread(service.stop)
    assert not service.running


async def test_what_plays_ends_with_it(service: cw.LocalService) -> None:
    """A simulation is over when the service is."""
    simulation = service.simulate()
    service.stop()
    await asyncio.wait_for(simulation.finished(), 5)
    assert not simulation.running


async def test_a_token_that_is_made_to_expire(service: cw.LocalService) -> None:
    """A client with a token function comes back with another one; one without is told."""
    async with (
        cw.connect(lambda: service.token("alice"), service=service) as alice,
        cw.connect(service.token("bob"), service=service) as bob,
    ):
        back = asyncio.ensure_future(alice.wait_for("connectionStateChanged", timeout=5))
        ended = asyncio.ensure_future(bob.wait_for("tokenExpired", timeout=5))
        await asyncio.sleep(0)
        service.faults.expire_tokens()
        await ended
        await back
        await alice.create_conversation()
        assert alice.connection_state == "connected"


# --- What is on the way --------------------------------------------------------------------------------------------


async def test_who_does_not_read_is_not_read(service: cw.LocalService) -> None:
    """Requests of somebody who takes no answer are read no more: whoever sends them waits, and others do not."""
    one, protocol = await line(service)

    async def flood() -> None:
        while True:
            protocol.request(HttpRequest("x", "/Client/v2/Configuration", "GET"))
            await one.send_all(protocol.take())
            await asyncio.sleep(0)

    flooding = asyncio.create_task(flood())
    while one._up._room.is_set():  # noqa: ASYNC110 - nobody tells when it is full
        await asyncio.sleep(0)
    async with cw.connect(service.token("bob"), service=service) as bob:
        await bob.create_conversation()
    assert not flooding.done()
    assert (one._up._size, one._down._size) < (2 << 20, 2 << 20)
    flooding.cancel()
    await one.leave()


async def test_who_never_reads_is_cut(service: cw.LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for somebody is bounded: then the connection is lost."""
    monkeypatch.setattr("convo_widgets.service.socket.CUT_AT", 50_000)
    one, protocol = await line(service)
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(10):
            while True:
                protocol.request(HttpRequest("x", "/Client/v2/Configuration", "GET"))
                await one.send_all(protocol.take())
                await asyncio.sleep(0)
    with pytest.raises(ConnectionError):
        await one.receive()


async def test_a_frame_that_is_too_large(service: cw.LocalService) -> None:
    """It ends the connection, as over sockets."""
    one, _ = await line(service)
    with pytest.raises(ConnectionError):
        await one.send_all([b"x" * (LARGEST_FRAME + 1)])
    with pytest.raises(ConnectionError):
        await one.receive()


async def test_an_answer_is_made_as_it_is_taken(service: cw.LocalService) -> None:
    """The app waits for who reads; who closes early ends it."""
    made, ended = 0, asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal made
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
                made += 1
        finally:
            ended.set()

    async with httpx_to(service, app) as client, client.stream("GET", "/") as response:
        pieces = response.aiter_raw()
        assert [len(await anext(pieces)) for _ in range(3)] == [1000] * 3
        assert made <= 5
    assert ended.is_set()


async def test_an_answer_that_ends_too_early(service: cw.LocalService, caplog: pytest.LogCaptureFixture) -> None:
    """It is known for what it is; an app that fails before it answers is a 500, and logged."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/fails":
            raise ZeroDivisionError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async with httpx_to(service, app) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/")
        assert (await client.get("/fails")).status_code == 500
    assert "ZeroDivisionError" in caplog.text


async def test_an_answer_that_does_not_come(service: cw.LocalService) -> None:
    """Httpx's time for reading counts here too."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async with httpx_to(service, app, timeout=0.05) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/")


async def test_a_body_that_breaks(service: cw.LocalService) -> None:
    """What the sender's own pieces raise is raised at the sender."""

    async def pieces() -> Any:
        yield b"Body="
        raise KeyError("mine")

    auth = (service.api_key, service.api_secret)
    async with httpx_to(service, auth=auth) as client:
        with pytest.raises(KeyError, match="mine"):
            await client.post("/v1/Conversations", content=pieces())
        assert (await client.get("/v1/Conversations")).json()["conversations"] == []
