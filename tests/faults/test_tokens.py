"""Tokens that end at the worst moment, and functions that give none, late ones, old ones and somebody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

import convo_widgets as cw
from tests.client.people import Expected, People, Seen, write
from tests.faults.proxy import Act, Proxy, close, drop, lose_reply, method, request

EXPIRED = 20104


def _connected(client: cw.Client) -> Expected:
    return Expected(client, "connectionStateChanged", lambda state: state == "connected")


class Function:
    """A token function that does as it is told.

    Attributes:
        calls: how often it was called.
        next: what it does at the next calls; a good token after them.
    """

    def __init__(self, good: Callable[[], str]) -> None:
        self._good = good
        self.calls = 0
        self.next: list[Callable[[], str]] = []
        self.called = asyncio.Event()

    async def __call__(self) -> str:
        """A token, or what was asked for instead."""
        self.calls += 1
        self.called.set()
        return (self.next.pop(0) if self.next else self._good)()


async def _over(people: People, proxy: Proxy, token: object = None) -> tuple[cw.Conversation, cw.Conversation]:
    alice, bob = await people.client("alice", proxy.url, token=token), await people.client("bob")
    mine, theirs = await people.room(alice, bob)
    return mine, theirs


# --- It ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("acted", [False, True], ids=["before the act", "after the act"])
async def test_it_ends_during_a_send(people: People, proxy: Proxy, acted: bool) -> None:
    """With a function nobody notices: a new token, the send again, there once."""
    mine, theirs = await _over(people, proxy, Function(lambda: people.token("alice")))
    seen = Seen(mine, mine.client)
    end = close(410, error_code=EXPIRED)
    fault = proxy.fault(request("POST", "/Messages$"), lose_reply(end) if acted else end)
    assert await mine.send_message("once") == 0
    assert fault.hits == 1
    await seen.until(lambda: seen.of(mine, "messageAdded") != [])
    assert [one.body for one in (await theirs.get_messages()).items] == ["once"]
    assert seen.of(mine.client, "tokenExpired") == [mine.client]
    assert seen.of(mine.client, "connectionStateChanged") == ["connecting", "connected"]


@pytest.mark.parametrize("acted", [False, True], ids=["before the act", "after the act"])
async def test_a_fixed_one_ends_during_a_send(people: People, proxy: Proxy, acted: bool) -> None:
    """The sender is told that it may have happened; with a new token all is there, nothing twice."""
    mine, theirs = await _over(people, proxy)
    seen = Seen(mine)
    end = close(410, error_code=EXPIRED)
    proxy.fault(request("POST", "/Messages$"), lose_reply(end) if acted else end)
    with pytest.raises(cw.ConnectionLost) as caught:
        await mine.send_message("who knows")
    assert caught.value.may_have_happened
    assert mine.client.connection_state == "disconnected"
    with pytest.raises(cw.TokenExpired):
        await mine.send_message("no")
    await mine.client.update_token(people.token("alice"))
    assert await mine.send_message("yes") == int(acted)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 1 + acted)
    texts = ["who knows", "yes"] if acted else ["yes"]
    assert [one.body for one in (await theirs.get_messages()).items] == texts
    assert [one.body for one in seen.of(mine, "messageAdded")] == texts


async def test_nobody_was_warned(people: People, proxy: Proxy) -> None:
    """The warning is lost, the service ends it (410): the client asks its function and is back by itself."""
    warning = proxy.fault(method("client_update", "down"), drop(), times=100)
    ttl = iter([2.0])
    function = Function(lambda: people.token("alice", ttl=next(ttl, 3600.0)))
    mine, theirs = await _over(people, proxy, function)
    seen = Seen(mine, mine.client)
    back = _connected(mine.client)
    await back
    assert warning.hits >= 1
    assert seen.of(mine.client, "tokenExpired") == [mine.client]
    assert function.calls == 2
    await write(theirs, 2)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 2)


# --- The function -------------------------------------------------------------------------------------------------


def _raise() -> str:
    raise OSError("no network")


@pytest.mark.parametrize("bad", ["raises", "expired", "garbage", "nothing", "somebody else's"])
async def test_the_function_fails_at_a_reconnect(people: People, proxy: Proxy, bad: str) -> None:
    """It is asked again until it gives a good one; meanwhile the client is never somebody else."""
    function = Function(lambda: people.token("alice"))
    mine, theirs = await _over(people, proxy, function)
    seen = Seen(mine, mine.client)
    given: dict[str, Callable[[], str]] = {
        "raises": _raise,
        "expired": lambda: people.token("alice", ttl=-60),
        "garbage": lambda: "garbage",
        "nothing": lambda: None,  # type: ignore[dict-item,return-value]
        "somebody else's": lambda: people.token("bob"),
    }
    function.next = [given[bad]] * 3
    before, back = function.calls, _connected(mine.client)
    proxy.cut()
    await write(theirs, 2)
    await back
    assert function.calls == before + 4
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 2)
    assert await mine.send_message("me") == 2
    (last,) = (await theirs.get_messages(1)).items
    assert last.author == people.identity("alice")
    assert seen.of(mine.client, "conversationRemoved") == []


async def test_the_function_hangs_at_a_reconnect(people: People, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up in time and asked again."""
    hangs = asyncio.Event()
    hang = False

    async def fetch() -> str:
        if hang and not hangs.is_set():
            hangs.set()
            await asyncio.Event().wait()
        return people.token("alice")

    mine, _ = await _over(people, proxy, fetch)
    monkeypatch.setattr("convo_widgets.client.tokens.PROVIDER_TIMEOUT", 0.05)
    hang, back = True, _connected(mine.client)
    proxy.cut()
    await back
    assert hangs.is_set()
    assert await mine.send_message("back") == 0


@pytest.mark.parametrize("bad", ["raises", "garbage", "somebody else's"])
async def test_the_function_fails_at_a_renewal(people: People, proxy: Proxy, bad: str) -> None:
    """It is asked again while the old token holds: nobody notices."""
    ttl = iter([3.0])
    function = Function(lambda: people.token("alice", ttl=next(ttl, 3600.0)))
    renewed = proxy.fault(method("update"), _pass())
    mine, theirs = await _over(people, proxy, function)
    seen = Seen(mine, mine.client)
    given: dict[str, Callable[[], str]] = {
        "raises": _raise,
        "garbage": lambda: "garbage",
        "somebody else's": lambda: people.token("bob"),
    }
    function.next = [given[bad]]
    await renewed.hit()
    assert function.calls == 3
    assert seen.of(mine.client, "connectionStateChanged") == []
    await write(theirs, 1)
    await seen.until(lambda: seen.of(mine, "messageAdded") != [])
    assert mine.client.user.identity == people.identity("alice")


# --- Races --------------------------------------------------------------------------------------------------------


def _warn_twice() -> Act:
    """The service's warning comes three times at once."""

    async def act(cable, passing):  # type: ignore[no-untyped-def]
        for _ in range(2):
            await cable.write("down", passing.raw)
        return True

    return act


async def test_two_warnings_at_once(people: People, proxy: Proxy) -> None:
    """One renewal, one call of the function."""
    ttl = iter([3.0])
    function = Function(lambda: people.token("alice", ttl=next(ttl, 3600.0)))
    warning = proxy.fault(method("client_update", "down"), _warn_twice())
    renewed = proxy.fault(method("update"), _pass())
    mine, _ = await _over(people, proxy, function)
    seen = Seen(mine.client)
    await renewed.hit()
    assert warning.hits == 1
    assert await mine.send_message("still here") == 0
    assert function.calls == 2
    assert seen.of(mine.client, "connectionStateChanged") == []


def _pass() -> Act:
    async def act(cable, passing):  # type: ignore[no-untyped-def]
        return True

    return act


async def test_by_hand_during_a_renewal(people: People, proxy: Proxy) -> None:
    """The function is asked, and somebody is faster: both tokens are good, and the client stays."""
    gate, asked = asyncio.Event(), asyncio.Event()
    first = True

    async def fetch() -> str:
        nonlocal first
        if first:
            first = False
            return people.token("alice", ttl=3)
        asked.set()
        await gate.wait()
        return people.token("alice")

    mine, _ = await _over(people, proxy, fetch)
    seen = Seen(mine.client)
    async with asyncio.timeout(10):
        await asked.wait()
    updates = proxy.fault(method("update"), _pass(), times=2)
    await mine.client.update_token(people.token("alice"))
    gate.set()
    await updates.hit(2)
    assert await mine.send_message("still here") == 0
    assert seen.of(mine.client, "connectionStateChanged") == []


async def test_ten_by_hand_at_once_over_a_cut(people: People, proxy: Proxy) -> None:
    """Whatever the order: in the end there is a connection."""
    mine, _ = await _over(people, proxy)
    proxy.fault(method("update"), lose_reply())
    async with asyncio.timeout(10):
        await asyncio.gather(*(mine.client.update_token(people.token("alice")) for _ in range(10)))
    assert mine.client.connection_state == "connected"
    assert await mine.send_message("still here") == 0


async def test_denied_at_a_reconnect(people: People, proxy: Proxy) -> None:
    """The service takes the token no more: denied, told once; a new one brings it back, and nothing is lost."""
    mine, theirs = await _over(people, proxy)
    seen = Seen(mine, mine.client)
    denied = Expected(mine.client, "connectionStateChanged", lambda state: state == "denied")
    mine.client._tokens._token = people.token("alice", ttl=-60)  # as after hours without a network
    proxy.cut()
    assert await denied == "denied"
    (fault,) = [fault for fault in seen.of(mine.client, "connectionError") if fault.terminal]
    assert fault.error_code == EXPIRED
    await write(theirs, 3)
    await mine.client.update_token(people.token("alice"))
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 3)
    assert mine.client.connection_state == "connected"
