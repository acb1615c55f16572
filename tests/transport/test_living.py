"""A connection's life: every way in which it ends, what becomes of requests then, and how it comes back."""

from __future__ import annotations

import asyncio

import pytest
from fakes import PATIENCE, accept, echo, ignore, refuse

from convo_widgets.errors import (
    ConnectionLost,
    ConvoError,
    LocalProtocolError,
    RequestTimeout,
    ServiceFailed,
    Throttled,
    TokenError,
    TokenExpired,
    TokenInvalid,
    UsageError,
)
from convo_widgets.transport import link as transport
from convo_widgets.wire import json
from convo_widgets.wire.events import InitRequested, Notified, Requested, UpdateRequested
from convo_widgets.wire.schema import HttpRequest, Status

from .ways import FINAL, MENDED, closing, without_status

GET = HttpRequest("h", "/p", "GET")


def reading(link):
    """A read that is under way."""
    return asyncio.create_task(link.request(GET, what="reading", repeatable=True))


def writing(link, body=b"hello"):
    """A write that is under way."""
    return asyncio.create_task(link.request(GET, body, what="writing", repeatable=False))


def connected(count):
    """When it has been connected so often."""
    return lambda told: told.states.count("connected") >= count


async def at_rest(tasks):
    """Until these are done, whatever came of them."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*tasks, return_exceptions=True)


# --- ends ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(MENDED))
async def test_a_broken_connection_is_mended(service, open_bench, name):
    """It comes back with the continuation token; what was in flight fails at once and says what that means."""
    service.on_request = ignore
    peer = await service.peer()
    read, write = reading(open_bench.link), writing(open_bench.link)
    await peer.heard(Requested, 2)
    service.on_request = echo
    await MENDED[name](peer)
    lost = await at_rest([read, write])
    assert [type(error) for error in lost] == [ConnectionLost, ConnectionLost]
    assert [error.may_have_happened for error in lost] == [False, True]
    assert [error.what for error in lost] == ["reading", "writing"]
    await open_bench.told.until(connected(2))
    assert open_bench.told.states == ["connecting", "connected", "connecting", "connected"]
    again = await (await service.peer(2)).heard(InitRequested)
    assert again.continuation_token == f"continue-{id(peer)}"
    answer = await open_bench.link.request(GET, what="reading", repeatable=True)
    assert answer.status == 200
    assert not any(fault.terminal for fault in open_bench.told.faults)
    assert len(open_bench.told.faults) == (0 if "308" in name else 1)
    await peer.ended()


@pytest.mark.parametrize("name", list(FINAL))
async def test_an_end_for_good(service, open_bench, name):
    """Nothing would help: it ends, says so, and whoever asks is told why."""
    way, kind = FINAL[name]
    service.on_request = ignore
    peer = await service.peer()
    write = writing(open_bench.link)
    await peer.heard(Requested)
    await way(peer)
    (lost,) = await at_rest([write])
    assert isinstance(lost, ConnectionLost)
    assert lost.may_have_happened
    await open_bench.told.until(lambda told: told.states[-1] == "disconnected")
    assert open_bench.told.states == ["connecting", "connected", "disconnected"]
    (fault,) = open_bench.told.faults
    assert fault.terminal
    assert fault.http_status_code == int(name.split()[1])
    assert open_bench.told.expired == (kind == "TokenExpired")
    for _ in range(2):
        with pytest.raises(ConvoError) as caught:
            await open_bench.link.request(GET, what="reading", repeatable=True)
        assert type(caught.value).__name__ == kind
    await open_bench.link.start()
    assert open_bench.link.state == "connected"


@pytest.mark.parametrize("name", ["close 401", "close 401 expired", "close 410"])
async def test_a_token_that_ends_with_a_provider(service, bench, name):
    """Somebody who can give a new token is asked for one, and the connection comes back."""
    one = bench(renewable=True)
    await one.link.start()
    await FINAL[name][0](await service.peer())
    await one.told.until(connected(2))
    assert (one.tokens.calls, [fault.terminal for fault in one.told.faults]) == (2, [False])
    assert one.told.expired == ("410" in name or "expired" in name)


async def test_a_protocol_error_is_the_end_with_a_provider_too(service, bench):
    """406 is about us: a new token changes nothing."""
    one = bench(renewable=True)
    await one.link.start()
    await closing(406)(await service.peer())
    await one.told.until(lambda told: told.states[-1] == "disconnected")
    assert one.tokens.calls == 1


async def test_a_provider_that_fails_at_a_reconnect(service, bench):
    """It is asked again until it gives one; meanwhile the state says connecting."""
    one = bench(renewable=True)
    await one.link.start()
    one.tokens.gives = one.tokens.fail
    (await service.peer()).drop()
    await one.told.until(lambda told: len(told.faults) >= 4)
    assert one.link.state == "connecting"
    one.tokens.gives = None
    await one.told.until(connected(2))
    assert not any(fault.terminal for fault in one.told.faults)


async def test_a_fixed_token_that_is_refused_at_a_reconnect(service, open_bench):
    """Denied, and not tried for ever."""
    service.on_init = refuse(401, 20104)
    (await service.peer()).drop()
    await open_bench.told.until(lambda told: told.states[-1] == "denied")
    assert (len(service.peers), open_bench.told.expired) == (2, 1)


async def test_a_service_that_is_away_for_a_while(service, open_bench, monkeypatch):
    """Whatever it answers until it is back, it is tried again."""
    monkeypatch.setattr(transport, "OPEN_TIMEOUT", 0.1)
    service.http_status = 503
    (await service.peer()).drop()
    await open_bench.told.until(lambda told: len(told.faults) >= 4)
    service.http_status, service.on_init = None, refuse(500)
    await open_bench.told.until(lambda told: any("500" in fault.message for fault in told.faults))
    service.on_init = ignore
    await open_bench.told.until(lambda told: any("introduction" in fault.message for fault in told.faults))
    service.on_init = accept
    await open_bench.told.until(connected(2))
    assert set(open_bench.told.states) == {"connecting", "connected"}


async def test_the_back_off_starts_anew_after_a_connection(service, bench):
    """A link that lived is not made to wait for what happened before."""
    made = []

    def delays():
        made.append(0)
        while True:
            made[-1] += 1
            yield 0.0

    one = bench()
    one.link._delays = delays
    await one.link.start()
    service.http_status = 503
    (await service.peer()).drop()
    await one.told.until(lambda told: len(told.faults) >= 3)
    service.http_status = None
    await one.told.until(connected(2))
    (await service.peer(2)).drop()
    await one.told.until(connected(3))
    assert len(made) == 2  # the first one was not needed
    assert made[0] >= 3
    assert made[1] == 1


async def test_a_dead_line_is_noticed(service, bench, monkeypatch):
    """Nothing comes, no end either: the pings find out."""
    monkeypatch.setattr(transport, "PING_INTERVAL", 0.05)
    monkeypatch.setattr(transport, "PING_TIMEOUT", 0.05)
    one = bench()
    await one.link.start()
    (await service.peer()).stop_reading()
    await one.told.until(connected(2))


async def test_a_reply_that_breaks_the_rules(service, open_bench):
    """Nothing after it can be trusted: a new connection."""
    service.on_request = ignore
    peer = await service.peer()
    read = reading(open_bench.link)
    asked = await peer.heard(Requested)
    await peer.send(without_status(asked.id))
    (lost,) = await at_rest([read])
    assert isinstance(lost, ConnectionLost)
    await open_bench.told.until(connected(2))


# --- notices -------------------------------------------------------------------------------------------------------


async def test_notices_arrive_in_order(service, open_bench):
    """Each as it was sent, once."""
    peer = await service.peer()
    for number in range(50):
        await peer.notify("twilio.sync.event", {"n": number})
    await open_bench.told.until(lambda told: len(told.notices) == 50)
    assert open_bench.told.notices == [Notified("twilio.sync.event", b'{"n":%d}' % n) for n in range(50)]


async def test_a_token_about_to_expire(service, open_bench):
    """It is told; what to do about it is for others."""
    peer = await service.peer()
    peer.protocol.warn_expiry()
    peer.protocol.ping()
    await peer.flush()
    await open_bench.told.until(lambda told: told.warnings == 1)


# --- requests ------------------------------------------------------------------------------------------------------


async def test_many_at_once_answered_backwards(service, open_bench):
    """Each gets its own answer; they went out in the order in which they were asked."""
    asked = []

    def hold(peer, event):
        asked.append(event)
        if len(asked) == 200:
            for one in reversed(asked):
                echo(peer, one)

    service.on_request = hold
    answers = await asyncio.gather(
        *(open_bench.link.request(GET, b"%d" % n, what="asking", repeatable=True) for n in range(200))
    )
    assert [json.decode(answer.body)["body"] for answer in answers] == [str(n) for n in range(200)]
    assert [event.body for event in asked] == [b"%d" % n for n in range(200)]


async def test_no_answer_in_time(service, open_bench, monkeypatch):
    """The request fails and says what that means; a late answer is dropped, and the connection lives."""
    service.on_request = ignore
    with monkeypatch.context() as patched:
        patched.setattr(transport, "REPLY_TIMEOUT", 0.02)
        for repeatable in (True, False):
            with pytest.raises(RequestTimeout, match="No answer in time to asking") as caught:
                await open_bench.link.request(GET, what="asking", repeatable=repeatable)
            assert caught.value.may_have_happened is not repeatable
    peer = await service.peer()
    late = await peer.heard(Requested)
    service.on_request = echo
    echo(peer, late)
    await peer.flush()
    assert (await open_bench.link.request(GET, what="asking", repeatable=True)).status == 200
    assert open_bench.told.states == ["connecting", "connected"]


async def test_a_request_waits_for_the_connection(service, open_bench):
    """Made while there is none, it goes out when there is one again, once."""
    service.http_status = 503
    (await service.peer()).drop()
    await open_bench.told.until(lambda told: len(told.faults) >= 2)
    assert not open_bench.link.is_open
    read, write = reading(open_bench.link), writing(open_bench.link)
    waiting = asyncio.create_task(open_bench.link.wait_open(PATIENCE))
    service.http_status = None
    answers = await at_rest([read, write, waiting])
    assert [answer.status for answer in answers[:2]] == [200, 200]
    peer = await service.peer(2)
    assert len([event for event in peer.events if isinstance(event, Requested)]) == 2


async def test_a_request_does_not_wait_for_ever(service, open_bench, monkeypatch):
    """After a while it says that nothing has happened."""
    monkeypatch.setattr(transport, "CONNECTION_TIMEOUT", 0.03)
    service.http_status = 503
    (await service.peer()).drop()
    await open_bench.told.until(lambda told: told.faults)
    for wait in (
        open_bench.link.request(GET, what="writing", repeatable=False),
        open_bench.link.update("n.e.w"),
        open_bench.link.wait_open(0.01),
    ):
        with pytest.raises(ConnectionLost) as caught:
            await wait
        assert not caught.value.may_have_happened


async def test_a_request_that_waits_for_a_connection_that_never_comes(service, open_bench):
    """The end of the link is the end of waiting, with its reason."""
    service.http_status = 503
    (await service.peer()).drop()
    await open_bench.told.until(lambda told: told.faults)
    write = writing(open_bench.link)
    service.on_init, service.http_status = refuse(403, 20107, "no"), None
    (error,) = await at_rest([write])
    assert isinstance(error, TokenInvalid)


async def test_a_connection_that_is_gone_before_anybody_woke(service, open_bench):
    """Accepted and closed in one breath: who waited for it waits on, and is served by the next."""
    service.http_status = 503
    first = await service.peer()
    first.drop()
    await open_bench.told.until(lambda told: told.faults)

    def accept_and_close(peer, event):
        accept(peer, event)
        peer.protocol.close(Status(308))
        service.on_init = accept

    service.on_init = accept_and_close
    write = writing(open_bench.link)
    service.http_status = None
    (answer,) = await at_rest([write])
    assert not isinstance(answer, BaseException)
    assert answer.status == 200
    assert len(service.peers) == 3


async def test_before_and_after(service, bench):
    """Without a connection there is nothing to ask: the error says which call is missing."""
    one = bench()
    for call in (
        one.link.request(GET, what="asking", repeatable=True),
        one.link.update("n.e.w"),
        one.link.wait_open(1),
    ):
        with pytest.raises(UsageError, match="not connected"):
            await call
    await one.link.start()
    await one.link.stop()
    for call in (
        one.link.request(GET, what="asking", repeatable=True),
        one.link.update("n.e.w"),
        one.link.wait_open(1),
    ):
        with pytest.raises(UsageError, match="shut down"):
            await call


async def test_a_request_that_is_cancelled(service, open_bench):
    """Nobody waits for its answer any more, on either floor; the answer is dropped."""
    service.on_request = ignore
    read = reading(open_bench.link)
    peer = await service.peer()
    asked = await peer.heard(Requested)
    read.cancel()
    (outcome,) = await at_rest([read])
    assert isinstance(outcome, asyncio.CancelledError)
    assert (len(open_bench.link._answers), open_bench.link._protocol._waiting) == (0, {})
    echo(peer, asked)
    await peer.notify("after it")
    await open_bench.told.until(lambda told: told.notices)
    assert open_bench.link.state == "connected"


async def test_a_request_that_is_cancelled_at_any_step(service, open_bench):
    """After any number of steps of the loop, nothing is left waiting and the next request is served."""
    for steps in range(12):
        read = reading(open_bench.link)
        for _ in range(steps):
            await asyncio.sleep(0)
        read.cancel()
        await at_rest([read])
        assert (len(open_bench.link._answers), open_bench.link._protocol._waiting) == (0, {})
    assert (await open_bench.link.request(GET, what="asking", repeatable=True)).status == 200
    assert len(service.peers) == 1


async def test_a_line_that_takes_nothing_and_breaks(service, open_bench):
    """A write that is stuck in the socket fails once, as any other, and nobody is told of it behind his back."""
    peer = await service.peer()
    peer.stop_reading()
    writes = [writing(open_bench.link, b"x" * (1 << 22)) for _ in range(4)]
    await asyncio.wait(writes, timeout=0.05)
    assert not any(write.done() for write in writes)
    peer.drop()
    lost = await at_rest(writes)
    assert {type(error) for error in lost} == {ConnectionLost}
    assert all(error.may_have_happened for error in lost)
    await open_bench.told.until(connected(2))


async def test_an_answer_that_is_no(service, open_bench):
    """A status is an answer: what it means is for others."""

    def no(peer, event):
        peer.protocol.reply(event.id, Status(404, "Not Found"), b'{"code":50350}')

    service.on_request = no
    answer = await open_bench.link.request(GET, what="asking", repeatable=True)
    assert (answer.status, answer.body, answer.headers) == (404, b'{"code":50350}', {})


# --- a new token ---------------------------------------------------------------------------------------------------


async def test_update(service, open_bench):
    """The new token goes to the service, and the connection stays."""
    await open_bench.link.update("n.e.w")
    assert (await (await service.peer()).heard(UpdateRequested)).token == "n.e.w"
    assert open_bench.told.states == ["connecting", "connected"]


@pytest.mark.parametrize(("code", "kind"), [(20107, TokenInvalid), (20104, TokenExpired)])
@pytest.mark.parametrize("status", [401, 403])
async def test_update_refused(service, open_bench, status, code, kind):
    """Denied: who gave the token is told, and so is whoever asks later."""
    service.on_update = refuse(status, code, "Access token rejected")
    with pytest.raises(kind):
        await open_bench.link.update("n.e.w")
    await open_bench.told.until(lambda told: told.states[-1] == "denied")
    with pytest.raises(kind):
        await open_bench.link.request(GET, what="asking", repeatable=True)
    (fault,) = open_bench.told.faults
    assert (fault.terminal, fault.http_status_code, fault.error_code) == (True, status, code)


async def test_update_refused_with_a_provider(service, bench):
    """It is asked for a better one; and a shut-down after that is no denial."""
    one = bench(renewable=True)
    await one.link.start()
    service.on_update = refuse(401, 20107)
    with pytest.raises(TokenError):
        await one.link.update("n.e.w")
    await one.told.until(connected(2))
    await one.link.stop()
    assert one.link.state == "disconnected"
    assert "denied" not in one.told.states


@pytest.mark.parametrize(("status", "kind"), [(429, Throttled), (500, ServiceFailed)])
async def test_update_that_fails(service, open_bench, status, kind):
    """The old token counts on, and so does the connection."""
    service.on_update = refuse(status)
    with pytest.raises(kind):
        await open_bench.link.update("n.e.w")
    assert (await open_bench.link.request(GET, what="asking", repeatable=True)).status == 200
    assert open_bench.told.states == ["connecting", "connected"]


async def test_update_that_is_lost(service, open_bench):
    """Giving a token twice is no harm."""
    service.on_update = ignore
    update = asyncio.create_task(open_bench.link.update("n.e.w"))
    peer = await service.peer()
    await peer.heard(UpdateRequested)
    peer.drop()
    (lost,) = await at_rest([update])
    assert isinstance(lost, ConnectionLost)
    assert not lost.may_have_happened


# --- faults of ours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("notified", None),
        ("token_about_to_expire", None),
        ("faulted", None),
        ("token_expired", None),
        ("state_changed", "connected"),
        ("state_changed", "connecting"),
        ("state_changed", "disconnected"),
        ("state_changed", "disconnecting"),
    ],
)
async def test_an_observer_that_raises(service, bench, caplog, name, value):
    """Whatever it is told when it fails: the state is true, nobody waits for ever, and it is in the log."""
    one = bench()
    one.told.raises = lambda what, which: what == name and value in (None, which)
    service.on_request = ignore
    starting = asyncio.create_task(one.link.start())
    await asyncio.wait([starting], timeout=PATIENCE)
    tasks = [reading(one.link)]
    if one.link.is_open:
        peer = await service.peer()
        await peer.heard(Requested)
        match name:
            case "notified":
                await peer.notify("x")
            case "token_about_to_expire":
                peer.protocol.warn_expiry()
                await peer.flush()
            case "state_changed" if value == "disconnecting":
                await one.link.stop()
            case _:
                await closing(410, 20104)(peer)
    await at_rest([starting, *tasks])
    if one.link._task is not None:
        await asyncio.wait([one.link._task], timeout=PATIENCE)
    assert one.link.has_ended
    assert one.link.state == "disconnected"
    assert not one.link.is_open
    with pytest.raises(ConvoError):
        await one.link.request(GET, what="asking", repeatable=True)
    assert "ZeroDivisionError" in caplog.text


async def test_a_killed_task(service, open_bench):
    """Somebody cancels every task that there is: connected would be a lie."""
    service.on_request = ignore
    read = reading(open_bench.link)
    await (await service.peer()).heard(Requested)
    task = open_bench.link._task
    task.cancel()
    (lost,) = await at_rest([read])
    await asyncio.wait([task], timeout=PATIENCE)
    assert isinstance(lost, ConnectionLost)
    assert (open_bench.link.state, open_bench.link.is_open, open_bench.link.has_ended) == ("disconnected", False, True)
    with pytest.raises(UsageError, match="cancelled"):
        await open_bench.link.request(GET, what="asking", repeatable=True)


async def test_an_end_that_is_told_often_does_not_grow(service, open_bench):
    """The same error is raised for everybody who asks: it must not collect them all."""
    await closing(406)(await service.peer())
    await open_bench.told.until(lambda told: told.states[-1] == "disconnected")
    depths = []
    for _ in range(5):
        with pytest.raises(LocalProtocolError) as caught:
            await open_bench.link.request(GET, what="asking", repeatable=True)
        depths.append(len(caught.traceback))
    assert len(set(depths)) == 1
