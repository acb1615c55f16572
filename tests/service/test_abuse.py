"""One bad client never disturbs another: whatever somebody does to the service, the others are answered."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket as sockets
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from convo_widgets.service import app, server, socket
from convo_widgets.service.local import LocalService
from convo_widgets.wire import frame, protocol
from convo_widgets.wire.schema import Header, HttpRequest

from .conftest import ROOMS, Connect, Wire

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
UPGRADE = (
    b"GET /v3/wsconnect HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def dial(service: LocalService, *, window: int | None = None) -> Streams:
    """A bare connection; with a small `window` the kernel takes little for one who does not read."""
    made = sockets.socket()
    if window:
        made.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, window)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", service.port))
    return await asyncio.open_connection(sock=made, limit=1 << 16)


async def upgrade(service: LocalService, *, window: int | None = None) -> Streams:
    """A bare connection that has become a socket."""
    reader, writer = await dial(service, window=window)
    writer.write(UPGRADE)
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def message(data: bytes, length: int | None = None, first: int = 0x82) -> bytes:
    """A masked WebSocket frame, which may lie about its length."""
    return struct.pack("!BBQ4x", first, 0xFF, len(data) if length is None else length) + data


async def told(streams: Streams, what: bytes) -> None:
    """Wait until the service says something, then vanish."""
    async with asyncio.timeout(20):
        await streams[0].readuntil(what)
    streams[1].transport.abort()


async def cut(streams: Streams) -> None:
    """Wait until the service ends the connection."""
    async with asyncio.timeout(20):
        with suppress(ConnectionError):
            await streams[0].read()
    streams[1].transport.abort()


async def ready(service: LocalService, streams: Streams, identity: str = "bad") -> None:
    """Introduce a bare socket."""
    said = protocol.Protocol("client")
    said.init(service.token(identity))
    streams[1].write(b"".join(map(message, said.take())))
    await streams[0].readuntil(b"continuation_token")


# --- What bad clients do -------------------------------------------------------------------------------------------


async def slow_upgrades(service: LocalService, wire: Connect) -> None:
    """Many that never finish their request; each is cut."""
    made = [await dial(service) for _ in range(50)]
    for place in range(20):
        for _, writer in made:
            writer.write(UPGRADE[place : place + 1])
    await asyncio.gather(*map(cut, made))


async def no_init(service: LocalService, wire: Connect) -> None:
    """Many that never say who they are; each is told, and closed."""
    made = [await upgrade(service) for _ in range(50)]
    await asyncio.gather(*(told(streams, b"408") for streams in made))


async def never_reads(service: LocalService, wire: Connect) -> None:
    """Some that ask for much, and read nothing of it."""
    bad = await wire("bad")
    sid = await bad.room()
    for _ in range(10):
        await bad.post(f"{ROOMS}/{sid}/Messages", {"body": "x" * 32768})
    made = [await upgrade(service, window=4096) for _ in range(5)]
    for streams in made:
        await ready(service, streams)
        said = protocol.Protocol("client")
        said.state = "ready"
        for _ in range(100):
            said.request(HttpRequest("x", f"/v3/Lists/{sid}.messages/Items", "GET"))
        streams[1].write(b"".join(map(message, said.take())))
    for _ in range(20):
        assert await bad.identity() == "bad"
    for _, writer in made:
        writer.transport.abort()


async def huge_frames(service: LocalService, wire: Connect) -> None:
    """Frames of 16 MiB, and some that only say so or say more; none is kept in memory."""
    for length in (16 << 20, 1 << 62):
        streams = await upgrade(service)
        streams[1].write(message(b"x" * 1000, length))
        await told(streams, b"\x03\xf1")  # 1009
    for _ in range(3):
        bad = await wire("bad")
        with suppress(ConnectionClosed):
            await bad.socket.send(b"x" * (16 << 20))
        await bad.ended()


async def lies(service: LocalService, wire: Connect) -> None:
    """Frames whose numbers are not true, or of compressed nonsense; each ends its own connection."""
    for data in (
        b"TWILSOCK V3.0 99999999\r\n{}\r\n",
        b"TWILSOCK V3.0 -1\r\n{}\r\n",
        frame.encode(Header("ping", "TM1"))[:-5],
        frame.encode(Header("message", "TM1")).replace(b'"payload_size":0', b'"payload_size":999999999'),
    ):
        streams = await upgrade(service)
        await ready(service, streams)
        streams[1].write(message(data))
        await told(streams, b"406")
    streams = await upgrade(service)
    streams[1].write(message(b"\x00" * 1000, first=0xC2))  # nobody agreed on compression
    await told(streams, b"\x03\xea")  # 1002


async def subscriptions(service: LocalService, wire: Connect) -> None:
    """10,000 subscriptions, to objects that are there and to others."""
    bad = await wire("bad")
    sid = await bad.room()
    objects = [(f"{sid}.messages", "list"), ("ES" + "0" * 32, "list"), (f"{sid}.roster", "map"), ("x" * 1000, "map")]
    for _ in range(100):
        requests = [
            {"object_sid": objects[n % 4][0], "object_type": objects[n % 4][1], "last_event_id": n} for n in range(100)
        ]
        body = {"action": "establish", "correlation_id": 1, "requests": requests, "event_protocol_version": 4}
        assert (await bad.ask("POST", "/v4/Subscriptions", body)).status == 200


async def flood(service: LocalService, wire: Connect) -> None:
    """Thousands of messages without waiting for an answer."""
    bad = await wire("bad")
    sid = await bad.room()
    for _ in range(5000):
        request = HttpRequest("x", f"{ROOMS}/{sid}/Messages", "POST")
        bad.protocol.request(request, b'{"body":"x"}')
    await bad.flush()
    await bad._until(lambda: len(bad._replies) == 5000)


async def endless_uploads(service: LocalService, wire: Connect) -> None:
    """Uploads that do not say how long they are, and go on; each is cut at the limit."""
    head = (
        f"POST /v1/Services/{service.service_sid}/Media HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"X-Twilio-Token: {service.token('bad')}\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for _ in range(5):
        streams = await dial(service)
        streams[1].write(head.encode())
        for _ in range(17):  # a piece more than a megabyte
            streams[1].write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await streams[1].drain()
        await told(streams, b" 413 ")


async def deep_json(service: LocalService, wire: Connect) -> None:
    """JSON that is 100,000 levels deep, wherever JSON may be."""
    bad = await wire("bad")
    sid = await bad.room()
    deep = "[" * 100_000 + "]" * 100_000
    for body in (deep.encode(), b'{"attributes":' + deep.encode() + b"}"):
        assert (await bad.ask("POST", f"{ROOMS}/{sid}/Messages", body)).code == 20422
    assert (await bad.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x", "attributes": deep[:4000]})).code == 50304
    assert (await bad.ask("POST", ROOMS, {"attributes": deep[90_000:106_000]})).code == 50304


async def a_thousand_sockets(service: LocalService, wire: Connect) -> None:
    """As many sockets as are let in, and more; those beyond are told so, and room that is given back is room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    made: list[Streams] = []
    refused = 0
    try:
        while refused < 5 and len(made) < app.CONNECTIONS + 100:
            streams = await dial(service)
            made.append(streams)
            streams[1].write(UPGRADE)
            told = await streams[0].readline()
            refused += b" 101 " not in told
            assert told.split()[1] in (b"101", b"429", b"503"), told
        assert refused == 5
        assert len(made) > 900
    finally:
        for _, writer in made:
            writer.transport.abort()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def resets(service: LocalService, wire: Connect) -> None:
    """Connections that vanish at any point, with a reset."""
    for place in range(0, len(UPGRADE) + 1, 7):
        _, writer = await dial(service)
        writer.write(UPGRADE[:place])
        writer.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        await asyncio.sleep(0)
        writer.transport.abort()


Abuse = Callable[[LocalService, Connect], Awaitable[None]]
ABUSES: list[Abuse] = [
    *(slow_upgrades, no_init, never_reads, huge_frames, lies, subscriptions, flood, endless_uploads, deep_json),
    *(a_thousand_sockets, resets),
]


@pytest.mark.parametrize("abuse", ABUSES, ids=lambda abuse: abuse.__name__)
async def test_others_are_answered(
    wire: Connect, abuse: Abuse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While it goes on, two others talk: each of their messages is answered and heard; nothing is logged as a fault."""
    if abuse in (slow_upgrades, no_init):
        monkeypatch.setattr(server, "REQUEST_WITHIN", 0.5)
        monkeypatch.setattr(socket, "INIT_WITHIN", 0.5)
    with LocalService(seed=None, media_mb=1) as service:

        async def here(identity: str | None = None) -> Wire:
            return await wire(identity, to=service)

        alice, bob = await here("alice"), await here("bob")
        sid = await alice.room()
        await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
        await bob.follow((await alice.objects(sid))["messages"], "list", 1)
        bad = asyncio.ensure_future(abuse(service, here))
        sent = 0
        while not bad.done() or sent < 5:
            reply = await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": str(sent)})
            assert reply.status == 201
            await bob.sync(lambda payload, sent=sent: payload["event"].get("item_index") == sent)
            bob.told.clear()
            sent += 1
        await bad
        assert await bob.identity() == "bob"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_stop_waits_for_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Connections that neither read nor answer are cut after half a second, and none is logged as a fault."""
    service = LocalService(seed=None)
    alice = Wire(await connect(service.ws_url, compression=None, max_size=None))
    await alice.init(service.token("alice"))
    sid = await alice.room()
    for _ in range(20):
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "x" * 32768})
    made = [await upgrade(service, window=4096) for _ in range(3)]
    for streams in made:
        await ready(service, streams, "alice")
        said = protocol.Protocol("client")
        said.state = "ready"
        for _ in range(50):
            said.request(HttpRequest("x", f"/v3/Lists/{sid}.messages/Items", "GET"))
        streams[0]._transport.pause_reading()  # type: ignore[attr-defined]
        streams[1].write(b"".join(map(message, said.take())))
    half = await dial(service)
    half[1].write(UPGRADE[:50])
    upload = await dial(service)
    head = f"POST /v1/Services/{service.service_sid}/Media HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n"
    upload[1].write(f"{head}X-Twilio-Token: {service.token('alice')}\r\n\r\nxx".encode())
    assert await alice.identity() == "alice"
    started = time.monotonic()
    await asyncio.to_thread(service.stop)
    assert time.monotonic() - started < 3  # it is half a second, on a machine that has time
    assert not service.running
    await alice.ended()
    assert alice.socket.close_code == 1012
    for streams in (*made, half, upload):
        streams[1].transport.abort()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
