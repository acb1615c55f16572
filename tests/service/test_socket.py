"""The connection: what is malformed, too much, too slow or too late, and the life of a token."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from convo_widgets.service import server, socket
from convo_widgets.service.local import LocalService
from convo_widgets.wire import frame, json, protocol
from convo_widgets.wire.schema import Header, HttpRequest, Status

from .conftest import CONFIGURATION, ROOMS, Connect, Wire


def is_close(code: int) -> Any:
    """Whether an event is a close with that code."""
    return lambda event: isinstance(event, protocol.Closed) and event.status.code == code


async def test_init(wire: Connect, service: LocalService) -> None:
    """A good token is accepted; the continuation token is kept over a reconnect."""
    alice = await wire()
    accepted = await alice.init(service.token("alice"))
    assert isinstance(accepted, protocol.Initialized)
    again = await wire()
    again.protocol.init(service.token("alice"), accepted.continuation_token)
    await again.flush()
    assert await again.wait(lambda event: isinstance(event, protocol.Initialized)) == accepted


async def test_init_comes_first(wire: Connect) -> None:
    """Whatever comes before init is refused, and does nothing."""
    stranger = await wire()
    stranger.protocol.state = "ready"
    request = HttpRequest("127.0.0.1", CONFIGURATION, "GET")
    for _ in range(2):
        stranger.protocol.request(request)
    await stranger.flush()
    await stranger._until(lambda: len(stranger._replies) == 2)
    for reply in stranger._replies.values():
        assert isinstance(reply, protocol.Replied)
        assert reply.status.code == 401


async def test_init_comes_in_time(wire: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that never introduces itself is closed."""
    monkeypatch.setattr(socket, "INIT_WITHIN", 0.1)
    silent = await wire()
    await silent.wait(is_close(408))
    await silent.ended()


def framed(header: bytes, payload: bytes = b"") -> bytes:
    """A frame with any header."""
    return b"TWILSOCK V3.0 %d\r\n%b\r\n%b" % (len(header), header, payload)


GARBAGE = {
    "empty": b"",
    "noise": bytes(range(256)),
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "half": b"TWILSOCK V3.0 10\r\n{",
    "lying header": b"TWILSOCK V3.0 9999999\r\n{}\r\n",
    "huge number": b"TWILSOCK V3.0 99999999999999999999\r\n{}\r\n",
    "negative": b"TWILSOCK V3.0 -5\r\n{}\r\n",
    "no json": framed(b"nonsense"),
    "wrong shape": framed(b'{"method": 5, "id": []}'),
    "lying payload": framed(b'{"method":"ping","id":"TM1","payload_size":99}', b"x"),
    "deep header": framed(
        b'{"method":"ping","id":"TM1","payload_size":0,"metadata":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    ),
    "latin-1": framed(b'{"method":"ping\xff","id":"TM1","payload_size":0}'),
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("ready", [True, False], ids=["ready", "new"])
async def test_garbage(wire: Connect, data: bytes, ready: bool, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed frame ends its own connection with 406, with no traceback, and no other connection."""
    neighbour = await wire("bob")
    bad = await wire("alice" if ready else None)
    with caplog.at_level(logging.WARNING):
        await bad.socket.send(data)
        await bad.wait(is_close(406))
        await bad.ended()
        await neighbour.get(CONFIGURATION)
    assert not caplog.records


async def test_text_frames(wire: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """A text message, even one that is no UTF-8, ends the connection with 406."""
    for text in ("hello", "x" * 100_000):
        bad = await wire("alice")
        await bad.socket.send(text)
        await bad.wait(is_close(406))
        await bad.ended()
    bad = await wire("alice")
    bad.socket.protocol.send_text(b"\xff\xfe\xfd")
    bad.socket.transport.write(b"".join(bad.socket.protocol.data_to_send()))
    await bad.wait(is_close(406))
    assert not caplog.records


async def test_too_large(wire: Connect, service: LocalService) -> None:
    """A message above the limit closes the socket with 1009, one just below it is read."""
    bad, good = await wire("alice"), await wire("bob")
    await bad.socket.send(b"x" * (server.LARGEST_FRAME + 1))
    await bad.ended()
    assert bad.socket.close_code == 1009
    reply = await good.ask("POST", ROOMS, b'"' + b"x" * (server.LARGEST_FRAME - 2000) + b'"')
    assert reply.code == 20422


async def test_unknown_methods(wire: Connect) -> None:
    """Methods that a service need not know are refused, and the connection stays."""
    alice = await wire("alice")
    for method in ("telemetry.v1", "put_notification_ctx", "made_up", "message", "init"):
        await alice.socket.send(frame.encode(Header(method, f"TM-{method}")))
    assert await alice.identity() == "alice"


async def test_surrogates_and_controls(wire: Connect) -> None:
    """Half a surrogate pair becomes the replacement character, NUL and controls stay; everybody else is not hurt."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await alice.room()
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    messages = (await alice.objects(sid))["messages"]
    await bob.follow(messages, "list", 1)
    body = b'{"body":"a\\ud83db\\u0000\\u001b \xf0\x9f\x8f\xba","attributes":"{\\"x\\":\\"\\\\udc00\\"}"}'
    assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", body)).status == 201
    event = (await bob.sync(lambda payload: payload["event_type"] == "list_item_added"))["event"]
    assert event["item_data"]["text"] == "a�b\u0000\u001b 🏺"
    assert json.decode(event["item_data"]["attributes"]) == {"x": "�"}
    assert (await alice.ask("GET", f"{ROOMS}/%ED%A0%BD")).code == 50350
    assert (await alice.ask("GET", f"{ROOMS}/%00%FF")).code == 50350


async def test_requests_are_answered_in_order(wire: Connect) -> None:
    """Many requests sent at once are done in the order in which they were sent."""
    alice = await wire("alice")
    sid = await alice.room()
    tasks = [asyncio.create_task(alice.post(f"{ROOMS}/{sid}/Messages", {"body": str(n)})) for n in range(100)]
    replies = await asyncio.gather(*tasks)
    assert [reply["index"] for reply in replies] == list(range(100))


async def test_never_reads(wire: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower that never reads is cut off; those who read get everything."""
    monkeypatch.setattr(socket, "CUT_AT", 1 << 20)
    alice, bob, stuck = await wire("alice"), await wire("bob"), await wire("alice")
    sid = await alice.room()
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    messages = (await alice.objects(sid))["messages"]
    for one in (bob, stuck):
        await one.follow(messages, "list", 1)
    stuck.socket.transport.pause_reading()
    for _ in range(500):
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "x" * 32768})
    await bob.sync(lambda payload: payload["event"].get("item_index") == 499)
    assert [event["item_index"] for event in bob.seen("list_item_added")] == list(range(500))
    stuck.socket.transport.resume_reading()
    await stuck.ended()
    assert len(stuck.seen("list_item_added")) < 500


async def test_asks_and_never_reads(wire: Connect) -> None:
    """One who asks for much and reads nothing is not read either, while others are served."""
    alice, greedy = await wire("alice"), await wire("alice")
    sid = await alice.room()
    for _ in range(20):
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "x" * 32768})
    greedy.socket.transport.pause_reading()
    for _ in range(200):
        greedy.protocol.request(HttpRequest("x", f"/v3/Lists/{sid}.messages/Items", "GET"))
    sending = asyncio.create_task(greedy.flush())
    for _ in range(20):
        assert await alice.identity() == "alice"
    assert not greedy.closed
    greedy.socket.transport.resume_reading()
    await sending
    await greedy._until(lambda: len(greedy._replies) == 200)


async def test_connections_are_limited(wire: Connect) -> None:
    """Beyond the limit the upgrade is refused; room that is given back is room again."""
    with LocalService(seed=None, connections=2) as small:
        first, _second = await wire("alice", small), await wire("bob", small)
        with pytest.raises(InvalidStatus) as refused:
            await wire("carl", small)
        assert refused.value.response.status_code == 429
        await first.close()
        deadline = time.monotonic() + 5
        while True:  # the service may need a moment to see the close
            try:
                await wire("carl", small)
                break
            except InvalidStatus:
                assert time.monotonic() < deadline


async def test_slow_request_head(service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that does not finish its request is cut."""
    monkeypatch.setattr(server, "REQUEST_WITHIN", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0")
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(5):
            if await reader.read() == b"":
                raise ConnectionError
    writer.close()


async def test_latency() -> None:
    """Frames are held back by as much as was asked."""
    with LocalService(seed=None, latency_ms=100) as slow:
        started = time.monotonic()
        alice = Wire(await connect(slow.ws_url, compression=None))
        await alice.init(slow.token("alice"))
        await alice.identity()
        assert time.monotonic() - started >= 0.2
        await alice.close()


# --- Tokens --------------------------------------------------------------------------------------------------------


def mint(service: LocalService, *, secret: str | None = None, headers: Any = None, **changes: Any) -> str:
    """A token of the service with some claims changed; None removes one."""
    claims = jwt.decode(service.token("alice"), options={"verify_signature": False}) | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    headers = {"cty": "twilio-fpa;v=1"} if headers is None else headers
    return jwt.encode(claims, secret or service.api_secret, algorithm="HS256", headers=headers)


def tokens(service: LocalService) -> dict[str, tuple[str, int]]:
    """Bad tokens with their codes."""
    good = service.token("alice")
    chat = {"service_sid": service.service_sid}
    none = jwt.encode({"a": 1}, None, algorithm="none", headers={"cty": "twilio-fpa;v=1"})
    return {
        "empty": ("", 20101),
        "one part": ("abc", 20101),
        "cut": (good[:-60], 20101),
        "surrogate": ("a.b.\ud83d", 20101),
        "no exp": (mint(service, exp=None), 20101),
        "text exp": (mint(service, exp="soon"), 20101),
        "endless exp": (mint(service, exp=float("inf")), 20101),
        "no iss": (mint(service, iss=None), 20101),
        "no cty": (mint(service, headers={}), 20102),
        "alg none": (none, 20102),
        "other key": (mint(service, secret="k" * 40, iss="SK" + "0" * 32), 20103),
        "other issuer": (mint(service, iss="SK" + "0" * 32), 20103),
        "other account": (mint(service, sub="AC" + "0" * 32), 20103),
        "expired": (mint(service, exp=int(time.time()) - 1), 20104),
        "not yet": (mint(service, nbf=int(time.time()) + 100), 20105),
        "no grants": (mint(service, grants=None), 20106),
        "odd grants": (mint(service, grants=["chat"]), 20106),
        "no chat": (mint(service, grants={"identity": "alice"}), 20106),
        "other service": (mint(service, grants={"identity": "alice", "chat": {"service_sid": "IS0"}}), 20106),
        "no identity": (mint(service, grants={"chat": chat}), 20106),
        "empty identity": (mint(service, grants={"identity": "", "chat": chat}), 20106),
        "long identity": (mint(service, grants={"identity": "x" * 257, "chat": chat}), 20106),
        "half character": (mint(service, grants={"identity": "\ud83d", "chat": chat}), 20106),
        "number identity": (mint(service, grants={"identity": 5, "chat": chat}), 20106),
        "wrong signature": (mint(service, secret="k" * 40), 20107),
    }


async def test_bad_tokens(wire: Connect, service: LocalService, caplog: pytest.LogCaptureFixture) -> None:
    """Each bad token is refused with 401, its own code and a sentence, at init and update; nothing is logged."""
    alice = await wire("alice")
    for name, (token, code) in tokens(service).items():
        stranger = await wire()
        refused = await stranger.init(token)
        assert isinstance(refused, protocol.Refused), name
        assert (refused.status.code, refused.status.error_code) == (401, code), name
        assert refused.status.description, name
        await stranger.ended()
        again = await alice.update(token)
        assert isinstance(again, protocol.Refused), name
        assert again.status.error_code == code, name
    assert await alice.identity() == "alice"
    assert not caplog.records


async def test_update_to_another_identity(wire: Connect, service: LocalService) -> None:
    """A connection stays with whom it began."""
    alice = await wire("alice")
    refused = await alice.update(service.token("bob"))
    assert isinstance(refused, protocol.Refused)
    assert (refused.status.code, refused.status.error_code) == (401, 20106)
    assert await alice.identity() == "alice"


async def test_expiry(wire: Connect, service: LocalService) -> None:
    """The owner is told before the end, at once when little is left; at the end comes 410 and the socket closes."""
    alice = await wire()
    await alice.init(service.token("alice", ttl=2))
    await alice.wait(lambda event: isinstance(event, protocol.TokenAboutToExpire))
    assert await alice.identity() == "alice"
    closed = await alice.wait(is_close(410))
    assert isinstance(closed, protocol.Closed)
    assert closed.status == Status(410, "GONE", 20104, "Access token expired")
    await alice.ended()


async def test_warned_in_time(wire: Connect, service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more time left the warning waits until the time before the end."""
    monkeypatch.setattr(socket, "WARN_BEFORE", 1.5)
    alice = await wire()
    await alice.init(service.token("alice", ttl=3))
    await alice.get(CONFIGURATION)
    assert not [event for event in alice.events if isinstance(event, protocol.TokenAboutToExpire)]
    await alice.wait(lambda event: isinstance(event, protocol.TokenAboutToExpire))
    assert not alice.closed


async def test_renewed(wire: Connect, service: LocalService) -> None:
    """After a good update the old end counts no more."""
    alice, other = await wire(), await wire()
    await alice.init(service.token("alice", ttl=2))
    assert isinstance(await alice.update(service.token("alice")), protocol.Updated)
    await other.init(service.token("other", ttl=2))
    await other.wait(is_close(410))  # by now the old token of the first is over too
    assert await alice.identity() == "alice"
    assert not alice.closed


async def test_own_faults_are_logged_without_content(
    wire: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours is a 500 to one request, logged with its place and without what was sent; the rest goes on."""
    from convo_widgets.service import tell

    alice = await wire("alice")
    sid = await alice.room()

    def fail(*values: object) -> None:
        raise RuntimeError("canary-in-the-error")

    with monkeypatch.context() as patch:
        patch.setattr(tell, "message", fail)
        reply = await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "canary-in-the-body"})
    assert (reply.status, reply.code) == (500, 20500)
    assert len(caplog.records) == 1
    assert "RuntimeError" in caplog.text
    assert "canary" not in caplog.text
    assert "canary" not in str(reply.body)
    assert (await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "fine"}))["index"] == 0


async def test_stop_closes_sockets(wire: Connect) -> None:
    """When the service stops, its sockets are closed in order."""
    service = LocalService(seed=None)
    alice = await wire("alice", to=service)
    await asyncio.to_thread(service.stop)
    await alice.ended()
    assert alice.socket.close_code == 1012
    with pytest.raises((ConnectionClosed, OSError)):
        await wire("alice", to=service)
