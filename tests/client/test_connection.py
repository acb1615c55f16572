"""Connecting and its end: states, errors that say what to do, shutting down at any moment."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator

import jwt
import pytest

import convo_widgets as cw
from tests.client.people import Expected, People, Seen
from tests.client.proxy import Proxy

pytestmark = pytest.mark.both


async def test_a_client_is_ready(people: People) -> None:
    """After connecting: connected, initialized, oneself known."""
    alice = await people.client("alice")
    assert alice.connection_state == "connected"
    assert alice.version == cw.__version__
    assert alice.reachability_enabled in (True, False)
    assert alice.url == people.service.url
    assert alice.service is None
    assert alice.user.identity == people.identity("alice")
    assert "connected" in repr(alice)
    assert people.identity("alice") in repr(alice)
    told: list[tuple[str, object]] = []
    for name in ("initialized", "stateChanged", "connectionStateChanged"):
        alice.on_with_replay(name, lambda payload, name=name: told.append((name, payload)))
    assert told == [("initialized", alice), ("stateChanged", "initialized"), ("connectionStateChanged", "connected")]


async def test_two_clients_in_one_loop(people: People) -> None:
    """Clients do not get in each other's way: one ends, the other goes on."""
    mine, theirs = await people.pair()
    await mine.client.shutdown()
    assert await theirs.send_message("still here") == 0
    assert theirs.client.connection_state == "connected"


async def test_the_client_as_a_context(people: People) -> None:
    """It is shut down at the end of its block, also after an error."""
    with pytest.raises(KeyError):
        async with await people.client("alice") as alice:
            raise KeyError("mine")
    assert alice.connection_state == "disconnected"


async def test_shutting_down_twice(people: People) -> None:
    """The second time does nothing; the states come once; afterwards each call says what happened."""
    alice = await people.client("alice")
    (made,) = await people.room(alice)
    seen = Seen(alice)
    await asyncio.gather(alice.shutdown(), alice.shutdown())
    await alice.shutdown()
    assert seen.of(alice, "connectionStateChanged") == ["disconnecting", "disconnected"]
    for act in (
        made.send_message("late"),
        made.get_messages(),
        alice.create_conversation(),
        alice.get_user("somebody"),
        alice.update_token(people.token("alice")),
    ):
        with pytest.raises(cw.UsageError, match="shut down"):
            await act
    assert alice.connection_state == "disconnected"


async def test_shutting_down_before_anything_was_listed(people: People) -> None:
    """Who waits for the first listing is told that it will not come."""
    await people.pair()
    again = await people.client("alice")
    listing = asyncio.create_task(again.get_subscribed_conversations())
    await asyncio.sleep(0)
    await again.shutdown()
    with pytest.raises(cw.UsageError, match="shut down"):
        await listing


async def test_shutting_down_while_connecting(people: People, proxy: Proxy) -> None:
    """A connect that is given up leaves nothing behind."""
    proxy.swallow()
    connecting = asyncio.ensure_future(_connect(people, people.token("alice"), proxy.url))
    await proxy.swallowed()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting


async def test_shutting_down_during_a_request(people: People, proxy: Proxy) -> None:
    """A request whose answer is on the way ends at once and says that it may have happened; a read just ends."""
    alice = await people.client("alice", proxy.url)
    (made,) = await people.room(alice)
    proxy.swallow()
    sending = asyncio.create_task(made.send_message("on its way"))
    await proxy.swallowed()
    reading = asyncio.create_task(made.get_messages())
    await asyncio.sleep(0)
    await asyncio.wait_for(alice.shutdown(), 5)
    with pytest.raises(cw.ConnectionLost, match=r"sending a message.*may have happened") as caught:
        await sending
    assert caught.value.may_have_happened
    with pytest.raises((cw.UsageError, cw.ConnectionLost)):
        await reading


async def test_shutting_down_in_a_handler(people: People) -> None:
    """An async handler may end its own client."""
    mine, theirs = await people.pair()
    done = asyncio.Event()

    async def end(_: object) -> None:
        await theirs.client.shutdown()
        done.set()

    theirs.on("messageAdded", end)
    await mine.send_message("stop")
    await asyncio.wait_for(done.wait(), 5)
    assert theirs.client.connection_state == "disconnected"


async def test_a_hundred_clients_leave_nothing(people: People) -> None:
    """Clients come and go; the check at the end of each test finds no task of theirs."""
    for _ in range(4):
        for client in await asyncio.gather(*(people.client(f"guest{number}") for number in range(25))):
            await client.shutdown()
    gc.collect()


# --- Who cannot be connected to ------------------------------------------------------------------------------------


async def _connect(people: People, token: object, url: str) -> cw.Client:
    return await cw.Client.create(token, **people.way(url))  # type: ignore[arg-type]


async def test_nobody_listens(people: People) -> None:
    """No service: ConnectFailed with the address and what to look at."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(cw.ConnectFailed, match=f"127.0.0.1:{port}: nothing listens there.*Is the service running"):
            await _connect(people, people.token("alice"), f"http://127.0.0.1:{port}")


@pytest.fixture
async def stranger() -> AsyncIterator[str]:
    """An HTTP server that is not ours: it answers each request with a page."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_an_http_server_that_is_not_ours(people: People, stranger: str) -> None:
    """It answers, but opens no socket: ConnectFailed says what it did."""
    with pytest.raises(cw.ConnectFailed, match="answered 200 instead of opening a socket"):
        await _connect(people, people.token("alice"), stranger)


async def test_a_wrong_path(people: People) -> None:
    """Our service at an address that is not its own: it is refused at once."""
    with pytest.raises(cw.ConnectFailed, match="answered 404"):
        await cw.Client.create(people.token("alice"), **people.way() | {"url": f"{people.service.url}/elsewhere"})


async def test_a_server_that_hangs_up(people: People, proxy: Proxy) -> None:
    """Whoever accepts and hangs up is no service."""
    proxy.refuse()
    with pytest.raises(cw.ConnectFailed):
        await _connect(people, people.token("alice"), proxy.url)


async def test_a_server_that_never_answers(people: People, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence ends in time."""
    monkeypatch.setattr("convo_widgets.transport.link.OPEN_TIMEOUT", 0.2)
    proxy.swallow()
    with pytest.raises(cw.ConnectFailed, match="does not answer"):
        await _connect(people, people.token("alice"), proxy.url)


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8765", "ws://127.0.0.1:8765", "", "http://", "nonsense", "ftp://127.0.0.1/", "http://u:p@127.0.0.1:1"],
)
async def test_a_url_that_is_none(people: People, url: str) -> None:
    """Another address than http(s)://host is a UsageError that shows a good one, and no password."""
    with pytest.raises(cw.UsageError, match=r"url .*(looks like|password)") as caught:
        await _connect(people, people.token("alice"), url)
    assert ":p@" not in str(caught.value)


# --- Who may not ---------------------------------------------------------------------------------------------------


def _signed(people: People, **changes: object) -> str:
    """A token of the service with changed claims; a claim of None is left out."""
    claims = jwt.decode(people.token("alice"), options={"verify_signature": False}) | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, people.service.api_secret, algorithm="HS256", headers={"cty": "twilio-fpa;v=1"})


def _grants(people: People, **changes: object) -> dict[str, object]:
    grants = {"identity": "alice", "chat": {"service_sid": people.service.service_sid}} | changes
    return {name: value for name, value in grants.items() if value is not None}


async def _refused(people: People, token: object, error: type[cw.TokenError], match: str) -> cw.TokenError:
    with pytest.raises(error, match=match) as caught:
        await _connect(people, token, people.service.url)
    assert str(token) not in f"{caught.value!r} {caught.value}"
    return caught.value


async def test_an_expired_token(people: People) -> None:
    """It says since when, and how to come by a new one."""
    error = await _refused(
        people, people.token("alice", ttl=-7200), cw.TokenExpired, "expired 2 hours ago.*update_token"
    )
    assert isinstance(error, cw.TokenExpired)
    assert error.since == pytest.approx(7200, abs=60)


@pytest.mark.parametrize("token", ["garbage", "", "a.b", "a.b.c", "....", "\ud800", "é.é.é", 5, int, b"a.b.c"])
async def test_a_garbled_token(people: People, token: object) -> None:
    """What is no token is said to be none, without showing it."""
    with pytest.raises(cw.TokenInvalid, match=r"copied whole|not one that this service can read|mint") as caught:
        await _connect(people, (lambda: token) if callable(token) else token, people.service.url)
    assert caught.value.reason in ("malformed", "header")


async def test_a_token_cut_short(people: People) -> None:
    """A token that was not copied whole has a wrong signature."""
    error = await _refused(people, people.token("alice")[:-4], cw.TokenInvalid, "signature|read")
    assert isinstance(error, cw.TokenInvalid)


async def test_a_token_for_another_service(people: People) -> None:
    """Its grants do not fit."""
    token = _signed(people, grants=_grants(people, chat={"service_sid": "IS" + "0" * 32}))
    error = await _refused(people, token, cw.TokenInvalid, "this service")
    assert isinstance(error, cw.TokenInvalid)
    assert error.reason == "grants"


async def test_a_token_of_another_key(people: People) -> None:
    """It was signed by somebody else."""
    with cw.LocalService(seed=None) as other:
        error = await _refused(people, other.token("alice"), cw.TokenInvalid, "another API key")
    assert isinstance(error, cw.TokenInvalid)
    assert error.reason == "issuer"


async def test_a_token_with_another_secret(people: People) -> None:
    """The right key's name does not help."""
    claims = jwt.decode(people.token("alice"), options={"verify_signature": False})
    token = jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"cty": "twilio-fpa;v=1"})
    error = await _refused(people, token, cw.TokenInvalid, "secret")
    assert isinstance(error, cw.TokenInvalid)
    assert error.reason == "signature"


async def test_a_token_without_an_identity(people: People) -> None:
    """It must say for whom it is."""
    token = _signed(people, grants=_grants(people, identity=None))
    error = await _refused(people, token, cw.TokenInvalid, "identity")
    assert isinstance(error, cw.TokenInvalid)
    assert error.reason == "grants"


async def test_a_failed_connect_says_so(people: People) -> None:
    """A client made by hand announces that it failed, and that it was denied."""
    client = people.keep(cw.Client(people.token("alice", ttl=-60), **people.way()))
    seen, denied = Seen(client), Expected(client, "connectionStateChanged", lambda state: state == "denied")
    with pytest.raises(cw.TokenExpired):
        await client._start()
    await denied
    assert seen.of(client, "stateChanged") == ["failed"]
    assert len(seen.of(client, "initFailed")) == 1
    (fault,) = seen.of(client, "connectionError")
    assert (fault.terminal, fault.http_status_code, fault.error_code) == (True, 401, 20104)
    assert client.connection_state == "denied"
