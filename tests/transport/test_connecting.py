"""Making a connection: against a real server that refuses, hangs or misbehaves, and one that does not."""

from __future__ import annotations

import asyncio

import pytest
from fakes import FakeService, accept, ignore, refuse

from convo_widgets.errors import (
    ConnectFailed,
    ConvoError,
    LocalProtocolError,
    ReplyError,
    ServiceFailed,
    TokenError,
    TokenExpired,
    TokenInvalid,
    TransportError,
    UsageError,
)
from convo_widgets.transport import link as transport
from convo_widgets.transport.backoff import FIRST, JITTER, LAST, fibonacci
from convo_widgets.wire import json
from convo_widgets.wire.events import InitRequested
from convo_widgets.wire.frame import encode
from convo_widgets.wire.schema import Header, HttpRequest, Status

from .ways import FINAL, MENDED

GET = HttpRequest("h", "/p", "GET")


async def test_connect_and_ask(service, bench, canary):
    """Init with the token, connected, and a request that comes back with its answer."""
    one = bench()
    assert (one.link.state, one.link.is_open, one.link.has_ended) == ("unknown", False, True)
    await one.link.start()
    assert (one.link.state, one.link.is_open, one.link.has_ended) == ("connected", True, False)
    assert one.told.states == ["connecting", "connected"]
    peer = await service.peer()
    init = await peer.heard(InitRequested)
    assert (init.token, init.continuation_token) == (canary, None)
    answer = await one.link.request(GET, b"hello", what="asking", repeatable=True)
    assert (answer.status, json.decode(answer.body)) == (200, {"path": "/p", "body": "hello"})
    assert answer.headers == {"Content-Type": "application/json"}
    assert one.told.faults == []


async def test_nobody_listens(bench, closed_port):
    """The error says where, that nothing is there, and what to look at; it is not tried again."""
    one = bench(f"ws://127.0.0.1:{closed_port}/v3/wsconnect")
    with pytest.raises(ConnectFailed, match="nothing listens there") as caught:
        await one.link.start()
    assert caught.value.url == f"ws://127.0.0.1:{closed_port}"
    assert one.told.states == ["connecting", "disconnected"]
    assert [fault.terminal for fault in one.told.faults] == [True]
    assert one.tokens.calls == 1
    with pytest.raises(ConnectFailed):
        await one.link.request(GET, what="asking", repeatable=True)


@pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 407, 502, 503])
async def test_an_answer_that_is_no_socket(service, bench, status):
    """A proxy, a page, a service that is down: its status is in the error."""
    service.http_status = status
    one = bench()
    with pytest.raises(ConnectFailed, match=f"it answered {status} instead"):
        await one.link.start()
    assert one.link.state == "disconnected"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(service, bench, status):
    """The token is for this service: whoever it points at never hears from us."""
    async with FakeService.running() as elsewhere:
        service.http_status, service.location = status, elsewhere.uri
        with pytest.raises(ConnectFailed, match=f"it answered {status}"):
            await bench().link.start()
        assert elsewhere.peers == []


async def test_a_handshake_that_hangs(bench, silent_uri, monkeypatch):
    """Somebody takes the connection and says nothing."""
    monkeypatch.setattr(transport, "OPEN_TIMEOUT", 0.05)
    one = bench(silent_uri)
    with pytest.raises(ConnectFailed, match="it does not answer"):
        await one.link.start()
    assert one.link.state == "disconnected"


async def test_an_init_that_hangs(service, bench, monkeypatch):
    """The socket opens, and the introduction is never answered."""
    monkeypatch.setattr(transport, "OPEN_TIMEOUT", 0.05)
    service.on_init = ignore
    with pytest.raises(ConnectFailed, match="does not answer the introduction"):
        await bench().link.start()
    await (await service.peer()).ended()


async def test_the_patience_for_init_ends_with_it(service, bench, monkeypatch):
    """A connection that is made lives longer than its making may take."""
    monkeypatch.setattr(transport, "OPEN_TIMEOUT", 0.1)
    one = bench()
    await one.link.start()
    started = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < started + 0.2:
        await one.link.request(GET, what="asking", repeatable=True)
    assert one.told.states == ["connecting", "connected"]


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://127.0.0.1:1/",
        "ws://127.0.0.1:99999/",
        "ws://[::1/",
        "ws:///x",
        "nonsense",
        "ws://\x00/",
        "ws://a b/",
    ],
)
async def test_an_address_that_is_none(bench, uri):
    """One error, whatever is wrong with it."""
    one = bench(uri or " ")
    with pytest.raises(ConnectFailed) as caught:
        await one.link.start()
    assert "Could not connect to" in str(caught.value)
    assert one.link.state == "disconnected"


@pytest.mark.parametrize("name", [name for name in MENDED if not name.startswith("close 308")])
async def test_an_end_in_place_of_the_answer_to_init(service, bench, name):
    """Before the first connection nothing is mended in silence: whoever connects is told."""
    service.on_init = ignore
    one = bench()
    starting = asyncio.create_task(one.link.start())
    peer = await service.peer()
    await peer.heard(InitRequested)
    await MENDED[name](peer)
    with pytest.raises(ConvoError) as caught:
        await starting
    assert not isinstance(caught.value, LocalProtocolError | UsageError)
    assert (one.link.state, len(service.peers)) == ("disconnected", 1)


@pytest.mark.parametrize("name", list(FINAL))
async def test_a_final_close_in_place_of_the_answer_to_init(service, bench, name):
    """The same for the ends that nothing would help against."""
    way, kind = FINAL[name]
    service.on_init = ignore
    one = bench()
    starting = asyncio.create_task(one.link.start())
    peer = await service.peer()
    await peer.heard(InitRequested)
    await way(peer)
    with pytest.raises(ConvoError) as caught:
        await starting
    assert type(caught.value).__name__ == kind
    assert one.link.state == "disconnected"


async def test_sent_elsewhere_during_init(service, bench):
    """308 is no failure: the next connection is tried at once."""
    service.on_init = ignore
    one = bench()
    starting = asyncio.create_task(one.link.start())
    first = await service.peer()
    await first.heard(InitRequested)
    service.on_init = accept
    await MENDED["close 308"](first)
    await starting
    assert len(service.peers) == 2
    assert one.told.faults == []


# --- init refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (20101, "malformed"),
        (20102, "header"),
        (20103, "issuer"),
        (20105, "not_yet_valid"),
        (20106, "grants"),
        (20107, "signature"),
        (None, "refused"),
        (77777, "refused"),
    ],
)
@pytest.mark.parametrize("renewable", [False, True])
async def test_a_token_that_is_refused(service, bench, status, code, reason, renewable):
    """Denied, at once and for good; the fault has both codes of the service."""
    service.on_init = refuse(status, code, "Access token rejected")
    one = bench(renewable=renewable)
    with pytest.raises(TokenInvalid, match="Access token rejected") as caught:
        await one.link.start()
    assert caught.value.reason == reason
    assert one.told.states == ["connecting", "denied"]
    (fault,) = one.told.faults
    assert (fault.terminal, fault.http_status_code, fault.error_code) == (True, status, code)
    assert (one.told.expired, len(service.peers), one.link.has_ended) == (0, 1, True)
    with pytest.raises(TokenInvalid):
        await one.link.request(GET, what="asking", repeatable=True)


async def test_an_expired_token_at_init(service, bench):
    """Denied too, and said to be expired."""
    service.on_init = refuse(401, 20104, "Access token expired")
    one = bench()
    with pytest.raises(TokenExpired):
        await one.link.start()
    assert (one.link.state, one.told.expired) == ("denied", 1)


async def test_a_new_start_after_denied(service, bench):
    """A better token brings it back, and a shut-down after that is no denial."""
    service.on_init = refuse(401, 20104)
    one = bench()
    with pytest.raises(TokenExpired):
        await one.link.start()
    service.on_init = accept
    await one.link.start()
    assert one.link.state == "connected"
    await one.link.stop()
    assert one.told.states == ["connecting", "denied", "connecting", "connected", "disconnecting", "disconnected"]


@pytest.mark.parametrize(("status", "kind"), [(500, ServiceFailed), (503, ServiceFailed), (418, ReplyError)])
async def test_a_service_that_fails_at_init(service, bench, status, kind):
    """It is said, with its status, and not tried again behind the back of who connects."""
    service.on_init = refuse(status, 20500, "internal error")
    one = bench()
    with pytest.raises(kind, match="internal error") as caught:
        await one.link.start()
    assert caught.value.status == status
    assert (one.link.state, len(service.peers)) == ("disconnected", 1)


def _throttle(backoff_ms: int):
    """A hook: once 429 with a back-off, then yes."""

    def hook(peer, event):
        peer._service.on_init = accept
        body = json.encode({"backoff_policy": {"reconnect_min_ms": backoff_ms}}) if backoff_ms else b""
        header = Header("reply", event.id, payload_type="application/json", status=Status(429, "SLOW"))
        peer.protocol._outgoing.append(encode(header, body))

    return hook


@pytest.mark.parametrize("backoff_ms", [0, 120])
async def test_too_many_at_init(service, bench, backoff_ms):
    """429 is no refusal: it waits as long as it is told, and tries again."""
    service.on_init = _throttle(backoff_ms)
    one = bench()
    before = asyncio.get_running_loop().time()
    await one.link.start()
    assert asyncio.get_running_loop().time() - before >= backoff_ms / 1000
    assert [(fault.terminal, fault.http_status_code) for fault in one.told.faults] == [(False, 429)]
    assert len(service.peers) == 2


async def test_an_absurd_back_off(service, bench, monkeypatch):
    """A service may not send us away for a thousand years."""
    monkeypatch.setattr(transport, "LONGEST_AWAY", 0.01)
    service.on_init = _throttle(2**62)
    await bench().link.start()
    assert len(service.peers) == 2


# --- tokens --------------------------------------------------------------------------------------------------------


async def test_a_provider_that_raises(service, bench):
    """Before the first connection its error is the answer."""
    one = bench(renewable=True)
    one.tokens.gives = one.tokens.fail
    with pytest.raises(TokenError, match="no network"):
        await one.link.start()
    assert (one.link.state, service.peers) == ("disconnected", [])


async def test_a_provider_that_breaks_its_promise(bench, caplog):
    """Only our errors may come from it; another one ends the link with one of ours, and a trace in the log."""
    one = bench(renewable=True)

    async def break_() -> str:
        raise ZeroDivisionError

    one.tokens.gives = break_
    with pytest.raises(LocalProtocolError, match="ZeroDivisionError"):
        await one.link.start()
    assert one.link.state == "disconnected"
    assert "the connection's task failed" in caplog.text


# --- starting ------------------------------------------------------------------------------------------------------


async def test_start_twice(open_bench):
    """One connection at a time."""
    with pytest.raises(UsageError, match="running already"):
        await open_bench.link.start()
    assert open_bench.link.state == "connected"


@pytest.mark.parametrize("place", ["provider", "handshake", "init"])
async def test_start_that_is_cancelled(service, bench, silent_uri, place):
    """Wherever it is, the connection goes with it."""
    one = bench(silent_uri if place == "handshake" else None)
    service.on_init = ignore
    if place == "provider":
        one.tokens.gives = one.tokens.hang
    starting = asyncio.create_task(one.link.start())
    await one.told.until(lambda told: told.states)
    if place == "init":
        await (await service.peer()).heard(InitRequested)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert (one.link.state, one.link.has_ended) == ("disconnected", True)


async def test_start_that_is_cancelled_at_any_step(service, bench):
    """After any number of steps of the loop: connected or ended, and nothing left."""
    for steps in range(0, 60, 3):
        one = bench()
        starting = asyncio.create_task(one.link.start())
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        assert one.link.state in ("connected", "disconnected", "unknown")
        await one.link.stop()
        assert one.link.state in ("disconnected", "unknown")


# --- back-off ------------------------------------------------------------------------------------------------------


def test_the_back_off_grows_as_fibonacci_and_spreads():
    """1 s to 120 s, each within a fifth; two clients do not come back at once."""
    expected = [1.0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 120, 120, 120]
    waits, others = fibonacci(), fibonacci()
    got = [(next(waits), next(others)) for _ in expected]
    for want, pair in zip(expected, got, strict=True):
        assert all(want * (1 - JITTER) <= one <= want * (1 + JITTER) for one in pair)
    assert any(one != other for one, other in got)
    assert (expected[0], expected[-1]) == (FIRST, LAST)


def test_transport_errors_are_all_of_one_kind():
    """Whoever catches TransportError catches a failed connection."""
    assert issubclass(ConnectFailed, TransportError)
