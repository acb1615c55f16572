"""Beyond what the service bears: it says so, does not grow, and goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.service import load, socket
from convo_widgets.service.account import door
from convo_widgets.service.local import LocalService
from convo_widgets.wire import protocol
from convo_widgets.wire.schema import HttpRequest
from tests.client.people import Expected

from .conftest import ROOMS, Connect
from .http import Account
from .test_abuse import cut, dial, message, ready, told, upgrade

PIPELINED = 40


def load_of(service: LocalService) -> load.Load:
    """What the service has on its hands."""
    return service._running.services.load


def writes(sid: str) -> bytes:
    """Some sends in one go."""
    said = protocol.Protocol("client")
    said.state = "ready"
    for _ in range(PIPELINED):
        said.request(HttpRequest("x", f"{ROOMS}/{sid}/Messages", "POST"), b'{"body":"x"}')
    return b"".join(map(message, said.take()))


async def test_requests_that_wait(service: LocalService, wire: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too many wait, the first few of each connection are done, further ones answered 429 and not done."""
    monkeypatch.setattr(load, "REQUESTS", 0)
    alice = await wire("alice")
    sid = await alice.room()
    flood = await upgrade(service)
    await ready(service, flood, "alice")
    flood[1].write(writes(sid))
    heard = b""
    async with asyncio.timeout(20):
        while heard.count(b'"method":"reply"') < PIPELINED:
            assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "mine"})).status == 201
            heard += await flood[0].read(1 << 16)
    no, done = heard.count(b'"code":20429'), heard.count(b'"code":201,')
    assert no > 0 and done >= load.FIRST and no + done == PIPELINED
    assert heard.count(b'"Retry-After":"1"') == no
    listed = await Account(service).ask("GET", f"/Conversations/{sid}/Messages?PageSize=100")
    assert [one["body"] for one in listed.body["messages"]].count("x") == done
    assert load_of(service).requests == 0
    monkeypatch.setattr(load, "REQUESTS", 1000)
    flood[1].write(writes(sid))
    async with asyncio.timeout(20):
        heard = b""
        while heard.count(b'"code":201,') < PIPELINED:
            heard += await flood[0].read(1 << 16)
    flood[1].transport.abort()


async def test_bytes_that_wait(service: LocalService, wire: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not read is given up when all together have too much waiting; who reads again in time hears 1013."""
    monkeypatch.setattr(load, "BYTES", 1 << 19)
    monkeypatch.setattr(socket, "GOODBYE_WITHIN", 1.0)
    alice = await wire("alice")
    sid = await alice.room()
    for number in range(20):
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": f"{number}" * 16000})
    for late in (False, True):
        if late:
            monkeypatch.setattr(socket, "GOODBYE_WITHIN", 60.0)
        slow = await upgrade(service, window=4096)
        await ready(service, slow, "alice")
        slow[0]._transport.pause_reading()  # type: ignore[attr-defined]
        said = protocol.Protocol("client")
        said.state = "ready"
        for _ in range(100):
            said.request(HttpRequest("x", f"/v3/Lists/{sid}.messages/Items", "GET"))
        slow[1].write(b"".join(map(message, said.take())))
        while len(service.faults.connections) > 1 and not any(one._ending for one in _sockets(service)):
            assert await alice.identity() == "alice"
            assert load_of(service).bytes <= load.BYTES
        slow[0]._transport.resume_reading()  # type: ignore[attr-defined]
        await (told(slow, b"\x03\xf5") if late else cut(slow))
    while len(service.faults.connections) > 1:
        assert await alice.identity() == "alice"
    assert await alice.identity() == "alice"
    assert load_of(service).bytes == 0


def _sockets(service: LocalService) -> tuple[Any, ...]:
    return tuple(service.faults.connections)


async def test_our_client_comes_back(service: LocalService) -> None:
    """Given up with 1013, it connects again, and nothing is missed."""
    async with await cw.connect(lambda: service.token("alice"), url=service.url) as client:
        conversation = await client.create_conversation()
        await conversation.join()
        back = Expected(client, "connectionStateChanged", lambda state: state == "connected")
        for connection in _sockets(service):
            service._running.loop.call_soon_threadsafe(connection.give_up)
        await back
        assert await conversation.send_message("still there") == 0


async def test_requests_of_the_account(service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many at once; one more is told to come back."""
    monkeypatch.setattr(door, "CONCURRENT", 1)
    account = Account(service)
    head = "POST /v1/Conversations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n"
    slow = await dial(service)
    slow[1].write(f"{head}Authorization: {account.headers['Authorization']}\r\n\r\n".encode())
    await slow[0].readuntil(b"100 Continue")
    answer = await account.ask("GET", "/Conversations")
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (429, 20429, "1")
    slow[1].write(b"x")
    await slow[0].readuntil(b"HTTP/1.1")
    slow[1].transport.abort()
    while (await account.ask("GET", "/Conversations")).status != 200:
        pass
