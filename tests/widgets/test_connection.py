"""The Connection widget says how the connection really is, and tells every event but no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.widgets import connection as module
from tests.client.people import PATIENCE, Expected, People

from .conftest import View

Shown = tuple[cw.Connection, View]


def show(client: cw.Client, **traits: Any) -> Shown:
    """The widget, and what a page has of it."""
    widget = cw.Connection(client, **traits)
    assert isinstance(widget.comm, View)
    return widget, widget.comm


async def until_open(client: cw.Client) -> None:
    """Wait for the connection."""
    if client.connection_state != "connected":
        await client.wait_for("connectionStateChanged", PATIENCE, lambda state: state == "connected")


async def rows(view: View) -> list[dict[str, Any]]:
    """Every event that a view lists."""
    answer = await view.result("events", after=0)
    return list(answer["events"])


async def test_says_how_it_is(people: People) -> None:
    """State, identity, service and the token's time are there at once; the latency once somebody looks."""
    alice = await people.client("alice")
    widget, view = show(alice)
    assert (widget.state, widget.identity) == ("connected", alice.user.identity)
    assert widget.service == people.service.url.removeprefix("http://")
    assert widget.token_seconds_left is not None
    assert 3500 < widget.token_seconds_left <= 3600
    assert widget.latency is None
    answer = await view.result("look")
    assert answer["latency"] == widget.latency == view.state["latency"] > 0
    measured = widget.latency
    await view.result("look")
    assert widget.latency == measured  # of several views, only the first asks
    widget.close()


async def test_nobody_looks(people: People) -> None:
    """Without a view nothing is asked of the service."""
    alice = await people.client("alice")
    asked: list[str] = []
    exchange = alice._session.exchange

    async def counted(method: str, url: str, *rest: Any, **keys: Any) -> Any:
        asked.append(keys["what"])
        return await exchange(method, url, *rest, **keys)

    alice._session.exchange = counted  # type: ignore[method-assign]
    widget, view = show(alice)
    widget._tick()
    await alice.get_subscribed_conversations()
    assert "a ping" not in asked
    await view.result("look")
    assert asked.count("a ping") == 1
    widget.close()


async def test_reconnects(people: People) -> None:
    """A lost connection is told with its reason, counted, and comes back; callbacks and observers hear of it."""
    alice = await people.client("alice")
    widget, view = show(alice)
    states: list[str] = []
    widget.on_change(states.append)
    back = Expected(alice, "connectionStateChanged", lambda state: state == "connected")
    people.service.faults.drop_connections()
    await back
    assert widget.reconnects == len(widget._reconnected) == 1
    assert widget.state == "connected"
    assert widget.last_error
    await view.until(lambda: len(states) == 2)
    assert states == ["connecting", "connected"]
    assert [event.payload["state"] for event in widget.events if event.name == "connectionStateChanged"] == states
    widget.close()


async def test_renews_a_token(people: People) -> None:
    """The button asks a token function; with a token given as text it says what to do, also after a denial."""
    lives = iter([60.0, 3600.0])
    alice = await people.client("alice", token=lambda: people.token("alice", ttl=next(lives)))
    widget, view = show(alice)
    assert widget.token_seconds_left is not None
    assert widget.token_seconds_left < 61
    await view.result("renew")
    assert widget.token_seconds_left > 3500
    widget.close()

    bob = await people.client("bob")
    widget, view = show(bob)
    answer = await view.ask("renew")
    assert "update_token" in answer["error"]["message"]
    with pytest.raises(cw.TokenExpired):
        await bob.update_token(people.token("bob", ttl=-60))
    await view.until(lambda: view.state["state"] == "denied")
    assert "expired" in widget.last_error
    assert (await view.result("look"))["latency"] is None
    await bob.update_token(people.token("bob"))
    await view.until(lambda: view.state["state"] == "connected")
    widget.close()


async def test_tokens_expire(people: People) -> None:
    """The service ends a token's time: the client with a function comes back, and the log says what happened."""
    alice = await people.client("alice", token=lambda: people.token("alice"))
    widget, view = show(alice)
    expired = Expected(alice, "tokenExpired")
    people.service.faults.expire_tokens()
    await expired
    await until_open(alice)
    await view.until(lambda: widget.reconnects == 1 and view.state["state"] == "connected")
    assert {"tokenExpired", "connectionError"} <= {event.name for event in widget.events}
    widget.close()


async def test_restart_and_a_wrong_token() -> None:
    """A service that restarts is told as a reconnect; somebody else's token is refused, and all stays as it was."""
    with cw.LocalService(seed=None) as service:
        async with cw.connect(service.token("alice"), service=service) as alice:
            widget, view = show(alice)
            back = Expected(alice, "connectionStateChanged", lambda state: state == "connected")
            service.faults.restart()
            await back
            assert (widget.state, widget.reconnects) == ("connected", 1)
            with pytest.raises(cw.TokenInvalid):
                await alice.update_token(service.token("bob"))
            assert (widget.state, widget.identity) == ("connected", "alice")
            assert (await view.result("look"))["latency"] > 0
            widget.close()


async def test_throttled_and_shut_down(people: People) -> None:
    """A service that is too busy gives no latency; a client that was shut down says so and asks for nothing."""
    alice = await people.client("alice")
    widget, view = show(alice)
    people.service.faults.throttle(after=0)
    try:
        assert (await view.result("look"))["latency"] is None
    finally:
        people.service.faults.clear()
    widget._measured = float("-inf")
    assert (await view.result("look"))["latency"] > 0
    await alice.shutdown()
    await view.until(lambda: view.state["state"] == "disconnected")
    widget._measured = float("-inf")
    assert (await view.result("look"))["latency"] is None
    assert "shut down" in (await view.ask("renew"))["error"]["message"]
    widget.close()


async def test_log(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Views are told that there is something, ask for it in pages, and get payloads and copies when they want them."""
    monkeypatch.setattr(module, "PAGE", 3)
    alice, bob = await people.client("alice"), await people.client("bob")
    mine, theirs = await people.room(alice, bob, friendly_name="Room")
    widget, view = show(alice)
    for text in ("one", "two", "three", "four"):
        added = Expected(mine, "messageAdded")
        await theirs.send_message(text, {"mood": text})
        await added
    hint = await view.until(lambda: view.changes("log"))
    assert hint[-1]["next"] > hint[-1]["first"]
    first = await view.result("events", after=0)
    assert len(first["events"]) == 3
    told = list(first["events"])
    while told[-1]["id"] < first["next"] - 1:
        told += (await view.result("events", after=told[-1]["id"]))["events"]
    messages = [row for row in told if row["name"] == "messageAdded"]
    assert [row["text"] for row in messages] == ["#0 · one", "#1 · two", "#2 · three", "#3 · four"]
    assert {row["actor"] for row in messages} == {bob.user.identity}
    payload = json.loads(await view.result("payload", id=messages[1]["id"]))
    assert (payload["body"], payload["attributes"]) == ("two", {"mood": "two"})
    copied = await view.result("copy", ids=[row["id"] for row in messages[:2]])
    lines = [json.loads(line) for line in copied.splitlines()]
    assert [line["payload"]["body"] for line in lines] == ["one", "two"]
    await view.result("clear")
    assert widget.events == []
    assert await view.result("payload", id=messages[1]["id"]) is None
    widget.close()


async def test_log_is_bounded(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest events go, by number and by size; a payload that is too large is left out."""
    monkeypatch.setattr(module, "LIMIT", 10)
    monkeypatch.setattr(module, "LARGEST", 2000)
    alice = await people.client("alice")
    (mine,) = await people.room(alice)
    widget, view = show(alice)
    for number in range(12):
        await mine.send_message(str(number), {"large": "x" * (3000 if number == 11 else 1)})
    await view.until(lambda: any("left_out" in event.payload for event in widget.events))
    assert len(widget.events) == 10
    monkeypatch.setattr(module, "ROOM", 100)
    await mine.update_friendly_name("Room")
    await view.until(lambda: len(widget.events) <= 1)
    widget.close()


async def test_no_secret_is_told(people: People) -> None:
    """Neither traits, nor the log, nor errors hold a token, even where somebody writes one into a message."""
    tokens = [people.token("alice"), people.token("alice", ttl=-5)]
    alice = await people.client("alice", token=tokens[0])
    (mine,) = await people.room(alice)
    widget, view = show(alice)
    await mine.send_message(f"my token is {tokens[0]}", {"token": tokens[0]})
    with pytest.raises(cw.TokenExpired):
        await alice.update_token(tokens[1])
    await view.until(lambda: view.state["state"] == "denied")
    listed = await rows(view)
    payloads = [await view.result("payload", id=row["id"]) for row in listed]
    said = json.dumps([view.sent, view.state, payloads, listed]) + repr(widget) + str(widget.events)
    said += widget._static_html() + await view.result("copy", ids=[row["id"] for row in listed])
    for token in tokens:
        assert token.split(".")[1] not in said
        assert token.split(".")[2] not in said
    widget.close()


async def test_closed(people: People) -> None:
    """A closed widget hears nothing more and leaves the client as it is."""
    alice = await people.client("alice")
    (mine,) = await people.room(alice)
    widget, view = show(alice)
    widget.close()
    count = len(view.sent)
    await mine.send_message("nobody hears this")
    await alice.ping()
    assert widget.events == []
    assert len(view.sent) == count
    with pytest.raises(cw.UsageError, match="Client"):
        cw.Connection(mine)  # type: ignore[arg-type]
