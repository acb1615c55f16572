"""A service that lies, talks nonsense or never ends: our errors or a warning; no hang, no leak, no foreign error."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convo_widgets as cw
from tests.client.people import Expected, People, Seen
from tests.faults.proxy import (
    Act,
    Cable,
    Passing,
    Proxy,
    answer,
    close,
    message,
    method,
    notification,
    nth,
    replies,
    request,
    rewrite,
)

PATIENCE = 20.0
"""Seconds after which something hangs."""
MEMORY = 150 << 20
"""Bytes that all the nonsense may leave behind."""
FRAMES = 45
"""Frames that the service sends in a session, about."""


class Tracebacks(logging.Handler):
    """Errors of others that were logged: each is a fault of ours, for the service may say what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep those with a traceback."""
        if record.exc_info is not None and not isinstance(record.exc_info[1], cw.ConvoError):
            self.all.append(logging.Formatter().format(record))


@pytest.fixture(autouse=True)
def tracebacks() -> Iterator[Tracebacks]:
    """What our log holds of other errors: nothing."""
    handler = Tracebacks()
    log = logging.getLogger("convo_widgets")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)
    assert handler.all == [], handler.all[0]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no answer for long: most of them never come here."""
    monkeypatch.setattr("convo_widgets.transport.link.REPLY_TIMEOUT", 0.2)
    monkeypatch.setattr("convo_widgets.transport.link.CONNECTION_TIMEOUT", 0.7)
    monkeypatch.setattr("convo_widgets.transport.link.OPEN_TIMEOUT", 0.4)
    monkeypatch.setattr("convo_widgets.client.requests.READ_RETRIES", (0.01, 0.02))


# --- Mutations ----------------------------------------------------------------------------------------------------

MARK = "@@here@@"
MISSING = object()
RAW = [
    "null", "true", "-1", "0", "1e999", "NaN", "-Infinity", "1.5", "9" * 25, "-" + "9" * 25, "9" * 400, '""', '"x"',
    '"\\ud800"', '"\\u0000"', json.dumps("x" * 300_000), "[]", "{}", '[[["x"]]]', '{"a":{"b":[1]}}', "[" * 100_000,
    '{"a":' * 2_000 + "1" + "}" * 2_000, "[" + "1," * 50_000 + "1]", '1,"status":7,"x":1', '"CH' + "0" * 32 + '"',
    '"../../etc/passwd"', '"http://127.0.0.1:1/x"', '"%s%n{0}"', '"2026-99-99T99:99Z"', '"<script>"',
]  # fmt: skip
BODIES = [
    b"",
    b"null",
    b"\xff\xfe\x00",
    b"<html><body>502 Bad Gateway</body></html>",
    b"{",
    b"[]",
    b"5",
    b"[" * 200_000,
]
HEADS = [
    b"", b"{}", b"null", b"[" * 50_000, b'{"method":"reply","id":5}', b'{"method":"close","id":"TM1"}',
    b'{"method":"close","id":"TM1","status":{"code":"x"}}', b'{"method":"reply","id":"TM1","status":{"code":1e400}}',
    b'{"method":"notification","id":"TM1","message_type":"twilio.sync.event"}', b'{"method":"nonsense","id":"TM1"}',
    b'{"method":"client_update","id":"TM1","client_update_type":"token_about_to_expire"}',
]  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """What becomes of the `number`-th frame of a connection.

    Attributes:
        number: which frame.
        place: "body" or "head": a value in that JSON, found by `path`, is another; "bodies" or "heads": all of it is.
        path: numbers that choose the way down the JSON.
        choice: which of the values above; None takes the value away.
    """

    number: int
    place: str
    path: tuple[int, ...]
    choice: int | None

    def act(self) -> Act:
        """As an act of the proxy."""
        if self.place == "bodies":
            return rewrite(lambda _: BODIES[(self.choice or 0) % len(BODIES)])
        if self.place == "heads":
            return rewrite(bytes, lambda _: HEADS[(self.choice or 0) % len(HEADS)])
        return rewrite(self._mutate) if self.place == "body" else rewrite(bytes, self._mutate)

    def _mutate(self, data: bytes) -> bytes:
        if not data:
            return data
        tree = json.loads(data)
        here: Any = {"": tree}
        key: Any = ""
        for step in self.path:
            inner = here[key]
            if not isinstance(inner, dict | list) or not inner:
                break
            here, key = inner, list(inner)[step % len(inner)] if isinstance(inner, dict) else step % len(inner)
        if self.choice is None:
            del here[key]
            return json.dumps(tree if here is not tree or key else None).encode()
        root = {"": tree} if key == "" and here.get("") is tree else None
        here[key] = MARK
        text = json.dumps(MARK if root is not None else tree)
        return text.replace(f'"{MARK}"', RAW[self.choice % len(RAW)]).encode()


mutations = st.builds(
    Mutation,
    number=st.integers(1, FRAMES),
    place=st.sampled_from(["body"] * 6 + ["head", "bodies", "heads"]),
    path=st.lists(st.integers(0, 20), min_size=1, max_size=6).map(tuple),
    choice=st.none() | st.integers(0, len(RAW) - 1),
)


# --- A session that believes nothing -------------------------------------------------------------------------------


async def _session(people: People, proxy: Proxy, bob: cw.Client, name: str) -> cw.Client | None:
    """Do a bit of everything; errors of ours are fine, others are not."""
    room = await bob.create_conversation()
    await room.join()
    await room.add(people.identity(name))
    await room.send_message("hello")
    try:
        client = await cw.connect(people.token(name), url=proxy.url)
    except cw.ConvoError:
        return None
    with contextlib.suppress(cw.ConvoError):
        await client.get_user(bob.user.identity)
    views: list[cw.Conversation] = []
    with contextlib.suppress(cw.ConvoError, TimeoutError):
        async with asyncio.timeout(0.7):
            views = await client.get_subscribed_conversations()
    with contextlib.suppress(cw.ConvoError):
        views = views or [await client.get_conversation_by_sid(room.sid)]
    for view in views:
        acts: list[Callable[[], Awaitable[Any]]] = [
            lambda view=view: view.send_message("here"),  # type: ignore[misc]
            lambda view=view: view.get_messages(3),  # type: ignore[misc]
            view.get_participants,
            view.typing,
            view.get_messages_count,
            view.get_unread_messages_count,
            lambda view=view: view.advance_last_read_message_index(0),  # type: ignore[misc]
            lambda view=view: view.update_attributes({"a": 1}),  # type: ignore[misc]
        ]
        await asyncio.gather(room.send_message("there"), room.typing())
        for act in acts:
            with contextlib.suppress(cw.ConvoError):
                await act()
        with contextlib.suppress(cw.ConvoError):
            for one in (await view.get_messages()).items:
                repr(one), one.body, one.attributes, one.date_created, one.media, one.aggregated_delivery_receipt
        repr(view), view._repr_html_() if hasattr(view, "_repr_html_") else None
    return client


async def _check_honest(client: cw.Client, proxy: Proxy) -> None:
    """If it says that it is connected, it is: a request is answered."""
    proxy.faults.clear()
    try:
        async with asyncio.timeout(PATIENCE):
            while client.connection_state == "connecting":
                await client.wait_for("connectionStateChanged")
            if client.connection_state == "connected":
                assert client._session.link._socket is not None
                with contextlib.suppress(cw.ReplyError, cw.RemoteProtocolError, cw.ConnectionLost):
                    await client.get_conversation_by_unique_name("nobody")
            else:
                assert client.connection_state in ("denied", "disconnected")
                with pytest.raises(cw.ConvoError):
                    await client.get_conversation_by_unique_name("nobody")
    finally:
        await client.shutdown()


@pytest.mark.timeout(240)
def test_mutated_frames(service: cw.LocalService) -> None:
    """Real frames of real sessions with something wrong in them, as hypothesis likes it."""
    names, before = itertools.count(), psutil.Process().memory_info().rss

    @settings(max_examples=150)
    @given(st.lists(mutations, min_size=1, max_size=3))
    def one(chosen: list[Mutation]) -> None:
        asyncio.run(_one(service, chosen, f"alice-{next(names)}"))

    one()
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    print(f"{grown >> 20} MiB more after {next(names)} sessions")
    assert grown < MEMORY


async def _one(service: cw.LocalService, chosen: list[Mutation], name: str) -> None:
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    people = People(service)
    async with Proxy(service.port) as proxy, asyncio.timeout(2 * PATIENCE):
        bob = await cw.connect(people.token("bob"), url=service.url)
        for mutation in chosen:
            proxy.fault(nth("down", mutation.number), mutation.act())
        client = await _session(people, proxy, bob, name)
        if client is not None:
            await _check_honest(client, proxy)
        await bob.shutdown()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
    assert faults == [], faults


# --- One by one ----------------------------------------------------------------------------------------------------


def _json(change: Callable[[Any], Any]) -> Act:
    """Change the payload, as JSON."""

    def rewriting(body: bytes) -> bytes:
        tree = json.loads(body)
        change(tree)
        return json.dumps(tree).encode()

    return rewrite(rewriting)


def _more(tree: Any) -> None:
    tree["meta"]["next_token"] = "more"
    tree["meta"]["previous_token"] = "more"


@pytest.mark.parametrize(
    ("path", "act"),
    [
        ("/MyConversations$", lambda client, _: client.get_subscribed_conversations()),
        ("/v3/Maps/.*/Items", lambda client, _: client.get_subscribed_conversations()),
        ("/v3/Lists/.*/Items", lambda _, room: room.get_messages(5000)),
        ("/v3/Lists/.*/Items", lambda _, room: _count(room.history())),
        ("/v3/Lists/.*/Items", lambda _, room: _count(room.history(order="desc"))),
    ],
    ids=["the listing", "the roster", "a page", "history", "history backwards"],
)
async def test_pages_without_end(people: People, proxy: Proxy, path: str, act: Any) -> None:
    """Every page says that there is another one, and it is the same one: reading ends, in little memory."""
    bob = await people.client("bob")
    (theirs,) = await people.room(bob)
    for number in range(5):
        await theirs.send_message(f"{number}")
    await theirs.add(people.identity("alice"))
    pages: dict[str, bytes] = {}
    asked = request("GET", path)
    counted = itertools.count()

    async def same(cable: Cable, passing: Passing) -> bool:
        assert passing.frame is not None
        assert passing.frame.header.http_request is not None
        where = passing.frame.header.http_request.path
        if next(counted) < 500 and where in pages:
            return await answer(200, json.loads(pages[where]))(cable, passing)

        def keep(body: bytes) -> bytes:
            tree = json.loads(body)
            _more(tree)
            return pages.setdefault(where, json.dumps(tree).encode())

        cable.proxy.fault(lambda one: one.way == "down" and one.id == passing.id, rewrite(keep))
        return True

    proxy.fault(asked, same, times=10**6)
    async with asyncio.timeout(PATIENCE):
        client = people.keep(await cw.connect(people.token("alice"), url=proxy.url))
        (room,) = await client.get_subscribed_conversations()
        with contextlib.suppress(cw.RemoteProtocolError):
            await act(client, room)
    assert 1 <= next(counted) < 50


async def _count(messages: Any) -> int:
    count = 0
    async for _ in messages:
        count += 1
    return count


@pytest.mark.parametrize("number", [0, -1, 1, 10**12, 10**30, int("9" * 400)])
@pytest.mark.parametrize("field", ["estimated_delivery_in_ms", "max_batch_size", "ttl_in_s"])
async def test_absurd_subscriptions(people: People, proxy: Proxy, field: str, number: int) -> None:
    """Whatever number it writes: events arrive, and after a cut too."""
    proxy.fault(replies("POST", "/v4/Subscriptions"), _json(lambda tree: tree.update({field: number})), times=10**6)
    alice, bob = await people.client("alice", proxy.url), await people.client("bob")
    mine, theirs = await people.room(alice, bob)
    seen = Seen(mine)
    await theirs.send_message("0")
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 1)
    proxy.cut()
    await theirs.send_message("1")
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 2)


@pytest.mark.parametrize("number", [-5, 10**12, int("9" * 400), "soon", None, [1]])
@pytest.mark.parametrize("code", [308, 429, 503])
async def test_absurd_back_offs(
    people: People, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, code: int, number: Any
) -> None:
    """A service that sends us away for a thousand years is asked again much sooner."""
    monkeypatch.setattr("convo_widgets.transport.link.LONGEST_AWAY", 0.1)
    mine, _ = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    back = Expected(mine.client, "connectionStateChanged", lambda state: state == "connected")

    async def away(cable: Cable, passing: Passing) -> bool:
        policy = json.dumps({"backoff_policy": {"reconnect_min_ms": number}}).encode()
        head = {"method": "close", "id": "TM1", "payload_type": "application/json", "payload_size": len(policy)}
        said = json.dumps(head | {"status": {"code": code, "status": "AWAY"}}).encode()
        await cable.write("down", message(b"TWILSOCK V3.0 %d\r\n%b\r\n%b" % (len(said), said, policy)))
        return False

    proxy.fault(request("POST", "/Messages$"), away)
    index = await mine.send_message("once")
    await back
    assert index == 0


async def test_an_absurd_typing_timeout(people: People, proxy: Proxy) -> None:
    """One is told nothing strange, and somebody is not typing for ever."""
    proxy.fault(replies("POST", "[Tt]yping"), _json(lambda tree: tree.update(typing_timeout=int("9" * 400))))
    proxy.fault(notification("typing"), _json(lambda tree: tree.update(typing_timeout=int("9" * 400))))
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    with contextlib.suppress(cw.ConvoError):
        await mine.typing()
    started = Expected(mine, "typingStarted")
    await theirs.typing()
    await started
    (timer,) = mine._participants._typing.values()
    assert timer.when() - asyncio.get_running_loop().time() <= 61


async def test_events_of_another_world(people: People, proxy: Proxy) -> None:
    """Unknown objects, updates of what was never added, removals of nothing, ids from the end of time."""
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    seen = Seen(mine, mine.client)
    lists, roster = mine._messages._list, mine._participants._map
    assert lists is not None
    assert roster is not None
    events: list[dict[str, Any]] = []
    data = {"sid": "IM1", "text": "boo"}
    for sid in (lists.sid, roster.sid, "ES0", "", None, 5):
        for kind, id in itertools.product(("added", "updated", "removed"), (-1, 0, None, 5)):
            for what, key in (("list", "item_index"), ("map", "item_key")):
                event = {"id": id, f"{what}_sid": sid, key: 77 if what == "list" else "MB77", "item_data": data}
                events.append({"event_type": f"{what}_item_{kind}", "event": event})
    (cable,) = proxy._cables
    for number, event in enumerate(events):
        body = json.dumps(event).encode()
        head = {"method": "notification", "id": f"TM{number}", "message_type": "com.twilio.rtd.cds.list"}
        said = json.dumps(head | {"payload_type": "application/json", "payload_size": len(body)}).encode()
        await cable.write("down", message(b"TWILSOCK V3.0 %d\r\n%b\r\n%b" % (len(said), said, body)))
    await theirs.send_message("real")
    await seen.until(lambda: any(one.body == "real" for one in seen.of(mine, "messageAdded")))
    assert mine.client.connection_state == "connected"


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "acts"])
@pytest.mark.parametrize("kind", ["html", "empty", "3xx", "1xx", "999"])
async def test_answers_of_somebody_else(people: People, proxy: Proxy, reads: bool, kind: str) -> None:
    """A proxy's page, nothing at all, a redirect, a status that does not exist: an error of ours each."""
    mine, _ = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    answers: dict[str, Act] = {
        "html": answer(200, "<html>"),
        "empty": answer(200, ""),
        "3xx": answer(302, headers={"Location": "http://127.0.0.1:1/"}),
        "1xx": answer(100),
        "999": answer(999),
    }
    proxy.fault(request("GET" if reads else "POST"), answers[kind], times=10**6)
    acts = [mine.get_messages, mine.get_messages_count] if reads else [partial(mine.send_message, "x"), mine.typing]
    for act in acts:
        with pytest.raises((cw.ReplyError, cw.RemoteProtocolError)):
            await act()
    assert mine.client.connection_state == "connected"


@pytest.mark.parametrize("code", [100, 200, 308, 401, 403, 406, 408, 410, 417, 418, 429, 500, 503, 999, -1])
async def test_every_goodbye(people: People, proxy: Proxy, code: int) -> None:
    """It comes back, or says that it does not."""
    mine, _ = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    seen = Seen(mine.client)
    proxy.fault(method("message"), close(code))
    with contextlib.suppress(cw.ConvoError):
        await mine.get_messages_count()
    await seen.until(lambda: "connectionStateChanged" in seen.names(mine.client))
    final = code in (401, 406, 410, 417)
    told = [fault.terminal for fault in seen.of(mine.client, "connectionError")]
    assert told == [final] * (code != 308)  # that one only sends us elsewhere
    if final:
        with pytest.raises(cw.ConvoError):
            await mine.get_messages_count()
        assert mine.client.connection_state in ("denied", "disconnected")
    else:
        await seen.until(lambda: mine.client.connection_state == "connected")
        assert await mine.send_message("back") == 0


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 407, 429, 500, 502, 503, 504, 599])
async def test_every_answer_to_the_upgrade(people: People, proxy: Proxy, status: int) -> None:
    """A page instead of a socket: who connects is told at once; who was connected comes back when it is over."""
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    seen = Seen(mine, mine.client)
    proxy.answer_upgrade(status, "<html>Sign in to the airport's network</html>")
    with pytest.raises(cw.ConnectFailed, match=str(status)):
        await cw.connect(people.token("alice"), url=proxy.url)
    proxy.cut()
    await seen.until(lambda: len(seen.of(mine.client, "connectionError")) > 2)
    assert all(not fault.terminal for fault in seen.of(mine.client, "connectionError"))
    await theirs.send_message("meanwhile")
    proxy.restore()
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 1)
