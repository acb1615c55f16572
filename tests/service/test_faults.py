"""Trouble on demand: what `service.faults` and the account's address for it make of a running service."""

from __future__ import annotations

import asyncio
import time

import pytest

from convo_widgets.errors import UsageError
from convo_widgets.service.local import LocalService
from convo_widgets.wire import protocol

from .conftest import CONFIGURATION, MINE, ROOMS, Connect
from .http import Account, ask


async def test_fail(service: LocalService, wire: Connect) -> None:
    """So many requests that match fail, with the status and header that were asked for; nothing is done for them."""
    alice = await wire("alice")
    sid = await alice.room()
    service.faults.fail("/Messages$", 429, times=2, retry_after=3, method="post")
    for _ in range(2):
        reply = await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x"}, "the same id")
        assert (reply.status, reply.code, reply.headers["Retry-After"]) == (429, 20429, "3")
    assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x"}, "the same id")).status == 201
    assert (await alice.get(f"{ROOMS}/{sid}"))["messages_count"] == 1
    service.faults.fail("Configuration", 503)
    reply = await alice.ask("GET", CONFIGURATION)
    assert (reply.status, reply.code, "Retry-After" in reply.headers) == (503, 20503, False)
    service.faults.fail(".", 500, times=100)
    service.faults.clear()
    assert (await alice.ask("GET", CONFIGURATION)).status == 200


async def test_fail_media_and_account(service: LocalService, wire: Connect) -> None:
    """Media fail like other requests of users; the account's own fail only where that was asked for."""
    await wire("alice")
    account = Account(service)
    service.faults.fail("/v1/", 503, times=2, retry_after=0.5)
    assert (await account.ask("GET", "/Roles")).status == 200
    url = f"{service.url}/v1/Services/{service.service_sid}/Media/ME0"
    struck = await ask("GET", url)
    assert (struck.status, struck.headers["retry-after"]) == (503, "0.5")
    service.faults.clear()
    service.faults.fail("/v1/Roles", 429, retry_after=1, account=True)
    assert (await ask("GET", url)).status == 401
    struck = await account.ask("GET", "/Roles")
    assert (struck.status, struck.headers["retry-after"]) == (429, "1")
    assert (await account.ask("GET", "/Roles")).status == 200


async def test_over_http(service: LocalService, wire: Connect) -> None:
    """A program in another language asks for the same at an address of the account."""
    alice = await wire("alice")
    fault = {"path": "/MyConversations", "method": "GET", "status": 502, "times": 1, "retry_after": 2}
    assert await Account(service).post("/_local/faults", fault, json="yes") == fault
    reply = await alice.ask("GET", MINE)
    assert (reply.status, reply.headers["Retry-After"]) == (502, "2")
    assert (await alice.ask("GET", MINE)).status == 200
    for wrong in ({"path": "("}, {"path": "a", "status": 200}, {"path": "a" * 501, "status": 500}):
        assert (await Account(service).ask("POST", "/_local/faults", wrong, json="yes")).code == 20422


async def test_trouble_over_http(service: LocalService, wire: Connect) -> None:
    """All other troubles have addresses of their own; what cannot be is refused, and does nothing."""
    alice, account = await wire("alice"), Account(service)
    await account.post("/_local/faults/latency", {"ms": 40}, json="yes")
    assert service.faults.delay == 0.04
    await account.post("/_local/faults/clear", {}, json="yes")
    assert service.faults.delay == 0
    await account.post("/_local/faults/throttle", {"after": 0, "retry_after": 2}, json="yes")
    assert (await alice.ask("GET", CONFIGURATION)).headers["Retry-After"] == "2"
    await account.post("/_local/faults/clear", {}, json="yes")
    for trouble, wrong in (
        ("latency", {"ms": -1}),
        ("latency", {"ms": 1e9}),
        ("latency", {"ms": "long"}),
        ("throttle", {"after": -1}),
        ("throttle", {"after": 1, "retry_after": -1}),
        ("drop", []),
    ):
        assert (await account.ask("POST", f"/_local/faults/{trouble}", wrong, json="yes")).code == 20422
    assert (await account.ask("POST", "/_local/faults/nonsense", {}, json="yes")).code == 20404
    assert (await alice.ask("GET", CONFIGURATION)).status == 200
    await account.post("/_local/faults/drop", {}, json="yes")
    await alice.ended()
    bob = await wire("bob")
    await account.post("/_local/faults/expire-tokens", {}, json="yes")
    closed = await bob.wait(lambda event: isinstance(event, protocol.Closed))
    assert isinstance(closed, protocol.Closed)


async def test_bait_over_http(service: LocalService, wire: Connect) -> None:
    """A pattern that would keep Python busy for years keeps nobody waiting."""
    alice, account = await wire("alice"), Account(service)
    for _ in range(20):
        await account.post("/_local/faults", {"path": "(.+)+(.+)+!$", "status": 503}, json="yes")
    full = await account.ask("POST", "/_local/faults", {"path": "x", "status": 503}, json="yes")
    assert full.code == 20422
    started = time.monotonic()
    assert (await alice.ask("GET", f"/{'a' * 1000}")).status == 404
    assert time.monotonic() - started < 5


async def test_throttle(service: LocalService, wire: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many requests in a second are answered, the others 429, until the second is over."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    alice = await wire("alice")
    service.faults.throttle(after=3, retry_after=1)
    replies = [await alice.ask("GET", CONFIGURATION) for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert replies[-1].headers["Retry-After"] == "1"
    now += 1.0
    assert (await alice.ask("GET", CONFIGURATION)).status == 200


async def test_drop_connections(service: LocalService, wire: Connect) -> None:
    """Every socket is cut without a close frame, from whichever thread it is asked; new ones are taken."""
    alice, bob = await wire("alice"), await wire("bob")
    await asyncio.to_thread(service.faults.drop_connections)
    await alice.ended()
    await bob.ended()
    assert not [event for event in alice.events if isinstance(event, protocol.Closed)]
    assert alice.socket.close_code == 1006
    assert (await (await wire("alice")).ask("GET", CONFIGURATION)).status == 200


async def test_expire_tokens(service: LocalService, wire: Connect) -> None:
    """The tokens in use are over: connections are told so, and with them nobody comes in again; others do."""
    token = service.token("alice")
    alice = await wire()
    await alice.init(token)
    await asyncio.to_thread(service.faults.expire_tokens)
    closed = await alice.wait(lambda event: isinstance(event, protocol.Closed))
    assert isinstance(closed, protocol.Closed)
    assert closed.status is not None
    assert closed.status.code == 410
    again = await wire()
    refused = await again.init(token)
    assert isinstance(refused, protocol.Refused)
    assert refused.status.error_code == 20104
    assert (await (await wire("alice")).ask("GET", CONFIGURATION)).status == 200


async def test_latency(service: LocalService, wire: Connect) -> None:
    """Every frame is held back, for as long as that is asked for."""
    alice = await wire("alice")
    service.faults.latency(ms=150)
    started = time.monotonic()
    await alice.get(CONFIGURATION)
    assert time.monotonic() - started >= 0.15
    service.faults.clear()
    assert service.faults.delay == 0


def test_wrong_faults(service: LocalService) -> None:
    """A fault that cannot be is told where it is asked for."""
    for wrong in ({"status": 200}, {"status": 600}, {"status": 500, "times": 0}):
        with pytest.raises(UsageError):
            service.faults.fail("x", **wrong)
    with pytest.raises(UsageError, match="not closed"):
        service.faults.fail("(", 500)
    with pytest.raises(UsageError):
        service.faults.throttle(-1)
    assert "rules" in repr(service.faults)


@pytest.mark.parametrize("kept", [True, False], ids=["file", "memory"])
async def test_restart(tmp_path: object, wire: Connect, kept: bool) -> None:
    """The same port, keys and data; faults go on, connections do not."""
    with LocalService(f"{tmp_path}/data.sqlite3" if kept else None, seed=None) as service:
        token, url = service.token("alice"), service.url
        alice = await wire("alice", to=service)
        sid = await alice.room(unique_name="kept")
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "before"})
        messages = (await alice.objects(sid))["messages"]
        position = (await alice.get(f"/v3/Lists/{messages}"))["last_event_id"]
        service.faults.fail("Configuration", 503)
        await asyncio.to_thread(service.restart)
        await alice.ended()
        assert (service.running, service.url) == (True, url)
        again = await wire(to=service)
        assert isinstance(await again.init(token), protocol.Initialized)
        assert (await again.ask("GET", CONFIGURATION)).status == 503
        items = (await again.get(f"/v3/Lists/{messages}/Items"))["items"]
        assert [item["data"]["text"] for item in items] == ["before"]
        await again.follow(messages, "list", position)
        await again.post(f"{ROOMS}/{sid}/Messages", {"body": "after"})
        await again.sync(lambda payload: payload["event_type"] == "list_item_added")
        assert [event["item_data"]["text"] for event in again.seen("list_item_added")] == ["after"]
        await again.close()
