"""Tokens over a client's life: renewed, expired, replaced; and shown to nobody."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
import traceback
from typing import Any

import jwt
import pytest

import convo_widgets as cw
from convo_widgets.client.tokens import TokenSource
from tests.client.people import Expected, People, Seen, write
from tests.client.proxy import Proxy

pytestmark = pytest.mark.both


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_token_function_is_called_again(people: People, kind: str) -> None:
    """Before a short token ends, the function is asked for the next one; the connection stays, nothing is lost."""
    calls: list[float] = []
    renewed = asyncio.Event()

    def fetch() -> str:
        calls.append(time.monotonic())
        if len(calls) == 3:
            renewed.set()
        return people.token("alice", ttl=3)

    async def fetch_async() -> str:
        await asyncio.sleep(0)
        return fetch()

    alice = await people.client("alice", token=fetch if kind == "sync" else fetch_async)
    bob = await people.client("bob")
    mine, theirs = await people.room(alice, bob)
    seen = Seen(alice, mine)
    async with asyncio.timeout(10):
        await renewed.wait()
    assert calls[2] - calls[0] < 4  # in time
    assert all(later - earlier > 0.5 for earlier, later in itertools.pairwise(calls))  # and not all the time
    await theirs.send_message("hello")
    await seen.until(lambda: seen.of(mine, "messageAdded") != [])
    assert seen.of(alice, "connectionStateChanged") == []
    assert seen.of(alice, "tokenExpired") == []


async def test_one_is_told_before_a_token_ends(people: People) -> None:
    """`tokenAboutToExpire` gives the client, so that a handler can update the token."""
    alice = people.keep(cw.Client(people.token("alice", ttl=100), **people.way()))
    warned = Expected(alice, "tokenAboutToExpire")
    await alice._start()
    assert await warned is alice
    seen = Seen(alice)
    await alice.update_token(people.token("alice"))
    assert alice.connection_state == "connected"
    assert seen.names(alice) == []


async def test_an_updated_token_is_the_one_that_counts(people: People) -> None:
    """Its end is shown, and what is due after the machine slept is judged by it."""
    alice, newer = await people.client("alice", token=people.token("alice", ttl=60)), people.token("alice", ttl=7200)
    ends = cw.explain_token(newer).expires_at
    assert f"{ends:%H:%M:%S}" not in alice._repr_html_()
    await alice.update_token(newer)
    assert f"{ends:%H:%M:%S}" in alice._repr_html_()


async def test_a_fixed_token_ends(people: People) -> None:
    """Expired: told once, disconnected; a new token brings the client back, and nothing is lost."""
    alice = await people.client("alice", token=people.token("alice", ttl=2))
    bob = await people.client("bob")
    mine, theirs = await people.room(alice, bob)
    seen = Seen(alice, mine)
    await write(theirs, 2)
    await seen.until(lambda: seen.of(alice, "connectionStateChanged") != [])
    assert seen.of(alice, "connectionStateChanged") == ["disconnected"]
    assert seen.of(alice, "tokenExpired") == [alice]
    (fault,) = seen.of(alice, "connectionError")
    assert fault.terminal
    with pytest.raises(cw.TokenExpired, match="update_token"):
        await mine.send_message("too late")
    await write(theirs, 3, start=2)
    await theirs.update_friendly_name("meanwhile")
    await alice.update_token(people.token("alice"))
    assert alice.connection_state == "connected"
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 5 and mine.friendly_name == "meanwhile")
    assert [message.body for message in seen.of(mine, "messageAdded")] == ["0", "1", "2", "3", "4"]
    assert await mine.send_message("back") == 5
    assert seen.of(alice, "tokenExpired") == [alice]


async def test_a_refused_new_token(people: People) -> None:
    """A token that the service refuses ends the connection as denied; a good one brings it back."""
    alice = await people.client("alice")
    (mine,) = await people.room(alice)
    seen = Seen(alice)
    with pytest.raises(cw.TokenExpired):
        await alice.update_token(people.token("alice", ttl=-60))
    await seen.until(lambda: "denied" in seen.of(alice, "connectionStateChanged"))
    with pytest.raises(cw.TokenError):
        await mine.send_message("no")
    for bad in ("garbage", ""):
        with pytest.raises(cw.TokenInvalid):
            await alice.update_token(bad)
    with pytest.raises(cw.TokenInvalid):
        await alice.update_token("a.b.c")
    assert alice.connection_state == "denied"
    await alice.update_token(people.token("alice"))
    assert alice.connection_state == "connected"
    assert await mine.send_message("yes") == 0


async def test_what_is_no_token_changes_nothing(people: People, proxy: Proxy) -> None:
    """Text that is no token is refused here; the connection goes on, also over a cut."""
    alice = await people.client("alice", proxy.url)
    with pytest.raises(cw.TokenInvalid, match="copied whole"):
        await alice.update_token("garbage")
    back = Expected(alice, "connectionStateChanged", lambda state: state == "connected")
    proxy.cut()
    await back


async def test_a_token_of_somebody_else(people: People) -> None:
    """A client cannot become another person; it stays who it is."""
    alice = await people.client("alice")
    seen = Seen(alice)
    with pytest.raises(cw.TokenInvalid, match="another identity"):
        await alice.update_token(people.token("bob"))
    await alice.update_token(people.token("alice"))
    assert seen.all == []


async def test_updating_beside_a_function(people: People, proxy: Proxy) -> None:
    """A token given by hand brings a client with a function back too; the function is asked again after it."""
    calls: list[str] = []
    good = people.token("alice")

    def fetch() -> str:
        calls.append("called")
        return good

    alice = await people.client("alice", proxy.url, token=fetch)
    await alice.update_token(people.token("alice"))
    assert calls == ["called"]
    for expected in (1, 2):  # the one given by hand serves once, then the function is asked
        back = Expected(alice, "connectionStateChanged", lambda state: state == "connected")
        proxy.cut()
        await back
        assert len(calls) == expected


@pytest.mark.parametrize("failure", [ValueError("the vault is shut"), RuntimeError(), TimeoutError("slow")])
async def test_a_function_that_raises(people: People, failure: Exception) -> None:
    """A TokenError that names what was raised, and has it as its cause."""

    async def fetch() -> str:
        raise failure

    with pytest.raises(cw.TokenError, match="token function") as caught:
        await cw.connect(fetch, service=people.service)
    assert caught.value.__cause__ is failure


async def test_a_function_that_hangs(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up in time."""
    monkeypatch.setattr("convo_widgets.client.tokens.PROVIDER_TIMEOUT", 0.05)

    async def fetch() -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(cw.TokenError, match="gave nothing"):
        await cw.connect(fetch, service=people.service)


async def test_a_function_that_fails_for_a_while(people: People, proxy: Proxy) -> None:
    """After a cut the function is asked until it gives a token again; nothing is lost meanwhile."""
    fails = 0
    asked = asyncio.Event()

    def fetch() -> str:
        nonlocal fails
        if fails:
            fails -= 1
            asked.set()
            raise OSError("no network")
        return people.token("alice")

    alice, bob = await people.client("alice", proxy.url, token=fetch), await people.client("bob")
    mine, theirs = await people.room(alice, bob)
    seen = Seen(mine, alice)
    fails = 2
    proxy.cut()
    await asyncio.wait_for(asked.wait(), 5)
    await write(theirs, 2)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 2)
    assert alice.connection_state == "connected"
    faults = [fault.message for fault in seen.of(alice, "connectionError")]
    assert sum("no network" in message for message in faults) == 2


async def test_an_expired_token_of_a_function_asks_it_once(people: People) -> None:
    """To say since when it has expired, the function is not called again."""
    calls: list[int] = []

    def fetch() -> str:
        calls.append(1)
        return people.token("alice", ttl=-300)

    with pytest.raises(cw.TokenExpired, match="5 minutes ago"):
        await cw.connect(fetch, service=people.service)
    assert calls == [1]


# --- What is in a token --------------------------------------------------------------------------------------------


def test_explaining_a_token(service: cw.LocalService) -> None:
    """Who, which service, until when; and that nothing is wrong."""
    report = cw.explain_token(service.token("alice", ttl=600))
    assert (report.identity, report.service_sid) == ("alice", service.service_sid)
    assert (report.account_sid, report.issuer) == (service.account_sid, service.api_key)
    assert report.seconds_left == pytest.approx(600, abs=5)
    assert report.lifetime == pytest.approx(600, abs=2)
    assert report.problems == []
    text = str(report)
    assert "alice" in text
    assert service.service_sid in text
    assert "none that can be seen" in text


@pytest.mark.parametrize(
    ("claims", "header", "problem"),
    [
        ({"exp": 1}, {}, "expired"),
        ({"exp": None}, {}, "does not say when"),
        ({"exp": 1e300}, {}, "does not say when"),
        ({"exp": "soon"}, {}, "does not say when"),
        ({"nbf": 4e9}, {}, "not valid yet"),
        ({"grants": None}, {}, "no identity"),
        ({"grants": "x"}, {}, "no chat grant"),
        ({"grants": {"identity": ["a"], "chat": "x"}}, {}, "no identity"),
        ({"grants": {"identity": "a", "chat": {"service_sid": 5}}}, {}, "no chat grant"),
        ({}, {"cty": "other"}, "cty"),
        ({}, {"alg": "HS512"}, "algorithm"),
    ],
)
def test_what_is_wrong_with_a_token(claims: dict[str, Any], header: dict[str, Any], problem: str) -> None:
    """Each fault is a sentence, and none is an exception."""
    good = {"exp": time.time() + 600, "grants": {"identity": "a", "chat": {"service_sid": "IS1"}}}
    whole = {name: value for name, value in (good | claims).items() if value is not None}
    token = jwt.encode(
        whole, "k" * 64, headers={"cty": "twilio-fpa;v=1"} | header, algorithm=header.get("alg", "HS256")
    )
    report = cw.explain_token(token)
    assert any(problem in one for one in report.problems), report.problems
    assert token not in str(report)


@pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "." * 100, "é.é.é", "\ud800.a.b", "x" * 100_000])
def test_what_is_no_token(token: str) -> None:
    """Anything is explained."""
    (problem,) = cw.explain_token(token).problems
    assert "copied whole" in problem


async def test_a_token_is_renewed_on_demand(people: People) -> None:
    """A token function is asked at once for the next one; a denied client comes back with it."""
    calls: list[float] = []
    ttls = [60.0, 3600.0, -5.0]

    def fetch() -> str:
        calls.append(ttls[min(len(calls), len(ttls) - 1)])
        return people.token("alice", ttl=calls[-1])

    alice = await people.client("alice", token=fetch)
    assert alice._tokens.report.seconds_left < 61
    await alice.renew_token()
    assert alice._tokens.report.seconds_left > 3000
    assert calls == [60.0, 3600.0]
    with pytest.raises(cw.TokenExpired):
        await alice.renew_token()
    assert alice.connection_state == "connected"
    assert alice._tokens.report.seconds_left > 3000


async def test_a_fixed_token_cannot_be_renewed(people: People) -> None:
    """It says what to do instead, and so does a client that was shut down."""
    alice = await people.client("alice")
    with pytest.raises(cw.UsageError, match="update_token"):
        await alice.renew_token()
    await alice.shutdown()
    with pytest.raises(cw.UsageError, match="shut down"):
        await alice.renew_token()
    with pytest.raises(cw.UsageError, match="shut down"):
        await alice.ping()


async def test_ping(people: People, proxy: Proxy) -> None:
    """The time there and back, with what holds it up; without a connection it fails at once."""
    alice = await people.client("alice", proxy.url)
    assert 0 < await alice.ping() < 5
    people.service.faults.latency(80)
    try:
        assert await alice.ping() >= 0.08
    finally:
        people.service.faults.latency(0)
    lost = Expected(alice, "connectionStateChanged", lambda state: state == "connecting")
    proxy.cut()
    await lost
    with pytest.raises(cw.ConnectionLost):
        await alice.ping()


# --- Secrets -------------------------------------------------------------------------------------------------------


async def test_a_token_is_shown_to_nobody(people: People, proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    """Neither logs at their most talkative, nor reprs, nor errors hold a token or what it is signed with."""
    caplog.set_level(logging.DEBUG)
    for name in ("convo_widgets", "convo_widgets.websockets", "websockets", "websockets.client", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    tokens = [people.token("alice"), people.token("alice"), people.token("alice", ttl=-60), people.token("bob")]
    given = iter(tokens[:2])
    alice = await people.client("alice", proxy.url, token=lambda: next(given))
    (mine,) = await people.room(alice)
    await mine.send_message("hello")
    back = Expected(alice, "connectionStateChanged", lambda state: state == "connected")
    proxy.cut()
    await back
    source = TokenSource(tokens[0])
    shown = [repr(alice), repr(alice.__dict__), repr(alice._session.__dict__), repr(alice._session.link.__dict__)]
    shown += [repr(source), repr(mine.__dict__), repr(people.service), str(cw.explain_token(tokens[0]))]
    for attempt in (
        alice.update_token(tokens[3]),
        cw.connect(tokens[2], url=proxy.url)._connect(),
        cw.connect(tokens[0], url="http://127.0.0.1:1")._connect(),
        cw.connect(tokens[0][:-9], url=proxy.url)._connect(),
        cw.connect(lambda: tokens[0] + "\n.", url=proxy.url)._connect(),
    ):
        with pytest.raises(cw.ConvoError) as caught:
            await attempt
        shown += [repr(caught.value), "".join(traceback.format_exception(caught.value))]
    await alice.shutdown()
    shown += [record.getMessage() for record in caplog.records]
    shown += [str(vars(record)) for record in caplog.records]
    secrets = [people.service.api_secret, *(part for token in tokens for part in token.split(".")[1:])]
    for text in shown:
        assert not any(secret in text for secret in secrets), text[:200]
