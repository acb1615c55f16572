"""Writes that wait together: one commit for all, and each as if it had come alone."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import pytest

from convo_widgets.service import tell, together
from convo_widgets.service.calls import Call
from convo_widgets.service.dispatch import Backend, Said
from convo_widgets.service.store import Change, Store
from convo_widgets.service.tokens import Grant, Tokens
from convo_widgets.wire import json
from convo_widgets.wire.events import Replied, Requested
from convo_widgets.wire.frame import Frame, decode
from convo_widgets.wire.schema import HttpRequest

from .conftest import MINE, ROOMS, Connect


class Person:
    """A connection without a socket: what it is told is kept."""

    def __init__(self, backend: Backend, identity: str) -> None:
        self.identity = identity
        self.followed: set[str] = set()
        self.told: list[Any] = []
        self._backend = backend
        self._mutations = 0
        backend.welcome(Grant(identity, math.inf))
        backend.hub.join(self)

    def notify(self, frame: bytes) -> None:
        """Keep it."""
        got = decode(frame)
        assert isinstance(got, Frame)
        self.told.append(json.decode(got.payload))

    def events(self, event_type: str) -> list[Any]:
        """Events of a type so far."""
        return [one["event"] for one in self.told if one["event_type"] == event_type]

    def ask(self, *requests: tuple[str, str, Any]) -> list[tuple[int, Any]]:
        """Requests that wait together, as (method, path, body); statuses and bodies of their answers."""
        return [_plain(said) for said in self._backend.answer(self._calls(*requests))]

    async def write(self, *requests: tuple[str, str, Any]) -> list[tuple[int, Any]]:
        """The same of requests that write, beside those of others."""
        return [_plain(said) for said in await self._backend.write(self._calls(*requests))]

    def _calls(self, *requests: tuple[str, str, Any]) -> list[Call]:
        calls = []
        for method, path, body in requests:
            self._mutations += 1
            headers = {"X-Twilio-Mutation-Id": (body or {}).pop("mutation", str(self._mutations))}
            request = HttpRequest("127.0.0.1", path, method, {}, headers)
            calls.append(self._backend.call(self, Requested("TM1", request, json.encode(body))))
        return calls

    def one(self, method: str, path: str, body: Any = None) -> Any:
        """The body of a request that must succeed."""
        ((status, answer),) = self.ask((method, path, body))
        assert 200 <= status < 300, answer
        return answer


def _plain(said: Said) -> tuple[int, Any]:
    status, body, _ = said
    return status.code, json.decode(body) if body else None


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A service without a server."""
    store = Store()
    yield Backend(store, Tokens(store.meta("account_sid"), store.meta("service_sid")), "http://127.0.0.1:1")
    store.close()


@pytest.fixture
def alice(backend: Backend) -> Person:
    """Somebody who writes."""
    return Person(backend, "alice")


@pytest.fixture
def room(alice: Person) -> str:
    """A conversation of alice, whose document and messages she follows."""
    made = alice.one("POST", ROOMS, {})
    sid = str(made["sid"])
    alice.one("POST", f"{ROOMS}/{sid}/Participants", {"identity": "alice"})
    requests = [
        {"object_sid": made["sync_objects"][name], "object_type": type, "last_event_id": 1 << 60}
        for name, type in (("conversation", "document"), ("messages", "list"))
    ]
    body = {"event_protocol_version": 4, "action": "establish", "correlation_id": 1, "requests": requests}
    alice.one("POST", "/v4/Subscriptions", body)
    return sid


@pytest.fixture
def others(backend: Backend, alice: Person, room: str) -> list[Person]:
    """Two more who are in it."""
    people = [Person(backend, name) for name in ("ben", "cem")]
    for one in people:
        one.one("POST", f"{ROOMS}/{room}/Participants", {"identity": one.identity})
    alice.told.clear()
    return people


@pytest.fixture
def commits(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> list[Change]:
    """What was committed and told since."""
    made: list[Change] = []
    publish = backend.hub.publish
    monkeypatch.setattr(backend.hub, "publish", lambda change, see: (made.append(change), publish(change, see)))
    return made


def texts(alice: Person, room: str) -> list[str]:
    """All that is stored."""
    return [item["data"]["text"] for item in alice.one("GET", f"/v3/Lists/{room}.messages/Items")["items"]]


def send(room: str, text: str, **more: str) -> tuple[str, str, Any]:
    """A request that sends a message."""
    return "POST", f"{ROOMS}/{room}/Messages", {"body": text, **more}


def test_one_commit(alice: Person, room: str, backend: Backend, commits: list[Change]) -> None:
    """All are stored and told in order; of the document only the last state is."""
    answers = alice.ask(*(send(room, str(number)) for number in range(5)))
    assert [(status, body["index"]) for status, body in answers] == [(201, number) for number in range(5)]
    assert len(commits) == 1
    assert [event["item_data"]["text"] for event in alice.events("list_item_added")] == list("01234")
    (document,) = alice.events("document_updated")
    assert document["document_data"]["lastMessage"]["index"] == 4
    ids = [one["event"]["id"] for one in alice.told if "id" in one["event"]]
    assert ids == sorted(set(ids))
    assert backend.store.newest == ids[-1]


def test_a_no_among_them(alice: Person, room: str) -> None:
    """What is refused leaves the others as they are."""
    answers = alice.ask(send(room, "a"), send(room, ""), ("POST", f"{ROOMS}/CHx/Messages", {}), send(room, "b"))
    assert [status for status, _ in answers] == [201, 400, 404, 201]
    assert [answers[0][1]["index"], answers[3][1]["index"]] == [0, 1]
    assert texts(alice, room) == ["a", "b"]


def test_a_no_that_had_written(alice: Person, room: str) -> None:
    """What it wrote is undone, and everything else is there once."""
    alice.one(*send(room, "a"))
    half = {"last_read_message_index": 0, "notification_level": "loud"}
    answers = alice.ask(send(room, "b"), ("POST", f"{MINE}/{room}", half), send(room, "c"))
    assert [status for status, _ in answers] == [201, 400, 201]
    assert texts(alice, room) == ["a", "b", "c"]
    assert [event["item_index"] for event in alice.events("list_item_added")] == [0, 1, 2]
    assert alice.one("GET", f"{MINE}/{room}")["last_read_message_index"] is None


def test_a_commit_that_fails(alice: Person, room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the one that cannot be committed is lost, and nobody hears of it."""
    channel = tell.channel
    sent: list[str] = []

    def poison(change: Change, conversation: int) -> None:
        channel(change, conversation)
        sent.append(change.store.value("SELECT body FROM messages ORDER BY idx DESC LIMIT 1"))
        if sent[-1] == "poison":
            change.run("PRAGMA defer_foreign_keys = ON")  # the statement passes, the commit does not
            change.run("INSERT INTO media_bytes (medium, position, bytes) VALUES ('ME0', 0, x'00')")

    monkeypatch.setattr(tell, "channel", poison)
    answers = alice.ask(send(room, "a"), send(room, "poison"), send(room, "b"))
    assert [status for status, _ in answers] == [201, 500, 201]
    assert sent == ["a", "poison", "b"] * 2  # together, then each alone
    assert texts(alice, room) == ["a", "b"]
    assert [event["item_data"]["text"] for event in alice.events("list_item_added")] == ["a", "b"]


def test_the_same_act_twice(alice: Person, room: str) -> None:
    """The second one in a group is known as well."""
    first, second = alice.ask(send(room, "a", mutation="m"), send(room, "a", mutation="m"))
    assert (first[0], second[0]) == (201, 202)
    assert second[1]["resource_url"].endswith(first[1]["sid"])
    assert texts(alice, room) == ["a"]


def test_written_and_deleted(alice: Person, room: str) -> None:
    """Of a conversation that is gone at the end no document is told, but its end is."""
    answers = alice.ask(send(room, "a"), ("DELETE", f"{ROOMS}/{room}", None), send(room, "b"))
    assert [status for status, _ in answers] == [201, 204, 404]
    assert alice.events("document_updated") == []
    assert len(alice.events("document_removed")) == 1


async def test_connections_share_a_commit(
    alice: Person, others: list[Person], room: str, commits: list[Change]
) -> None:
    """All connections' writes of one turn are committed once, each one's in its order, and told so."""
    everybody = [alice, *others]
    wanted = [[f"{one.identity} {number}" for number in range(3)] for one in everybody]
    asked = (one.write(*(send(room, text) for text in mine)) for one, mine in zip(everybody, wanted, strict=True))
    answers = await asyncio.gather(*asked)
    assert len(commits) == 1
    assert [[body["body"] for _, body in mine] for mine in answers] == wanted
    assert [body["index"] for mine in answers for _, body in mine] == list(range(9))
    events = alice.events("list_item_added")
    assert [event["item_data"]["text"] for event in events] == [text for mine in wanted for text in mine]
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})


async def test_no_more_than_enough(alice: Person, others: list[Person], room: str, commits: list[Change]) -> None:
    """Who comes when enough wait is in the next commit."""
    ben, cem = others
    full = [send(room, f"a{number}") for number in range(together.ENOUGH)]
    answers = await asyncio.gather(alice.write(*full), ben.write(send(room, "b")), cem.write(send(room, "c")))
    assert [len(change.sent) for change in commits] == [together.ENOUGH, 2]
    assert answers[2][0][1]["index"] == together.ENOUGH + 1


async def test_a_neighbour_that_fails(alice: Person, others: list[Person], room: str, commits: list[Change]) -> None:
    """What one had written before a no is undone; those beside it are there once, in their order."""
    ben, cem = others
    half = {"last_read_message_index": 0, "notification_level": "loud"}
    alice.one(*send(room, "first"))
    commits.clear()
    answers = await asyncio.gather(
        alice.write(send(room, "a0"), send(room, "a1")),
        ben.write(send(room, "b0"), ("POST", f"{MINE}/{room}", half), send(room, "b1")),
        cem.write(send(room, "c0")),
    )
    assert [[status for status, _ in mine] for mine in answers] == [[201, 201], [201, 400, 201], [201]]
    assert texts(alice, room) == ["first", "a0", "a1", "b0", "b1", "c0"]
    assert [event["item_index"] for event in alice.events("list_item_added")] == list(range(6))
    assert ben.one("GET", f"{MINE}/{room}")["last_read_message_index"] is None
    assert [len(change.sent) for change in commits] == [3, 2]  # two commits, however many wait


async def test_no_room_for_a_neighbour(alice: Person, others: list[Person], room: str, backend: Backend) -> None:
    """Where the disk is full for one, it alone hears so."""
    ben, cem = others
    backend.store.run(f"PRAGMA max_page_count = {backend.store.value('PRAGMA page_count') + 4}")
    large = send(room, "x" * 32_000)
    answers = await asyncio.gather(alice.write(send(room, "a")), ben.write(large, large), cem.write(send(room, "c")))
    assert [[status for status, _ in mine] for mine in answers] == [[201], [503, 503], [201]]
    assert texts(alice, room) == ["a", "c"]
    assert [event["item_data"]["text"] for event in alice.events("list_item_added")] == ["a", "c"]


async def test_who_left_meanwhile(alice: Person, others: list[Person], room: str, backend: Backend) -> None:
    """Of a connection that is over before its turn nothing is done: nobody would hear of it."""
    ben, cem = others
    waiting = [asyncio.ensure_future(one.write(send(room, one.identity))) for one in (alice, ben, cem)]
    asyncio.get_running_loop().call_soon(backend.hub.leave, ben)
    await asyncio.sleep(0)
    waiting[2].cancel()
    assert (await waiting[0])[0][0] == 201
    assert await waiting[1] == []
    assert texts(alice, room) == ["alice"]


async def test_telling_fails(alice: Person, others: list[Person], room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed is not done again when a follower cannot be told."""

    def break_off(frame: bytes) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(alice, "notify", break_off)
        answers = await asyncio.gather(others[0].write(send(room, "b")), others[1].write(send(room, "c")))
    assert [mine[0][0] for mine in answers] == [201, 201]
    assert texts(alice, room) == ["b", "c"]


async def test_many_sockets(wire: Connect) -> None:
    """On real sockets that write and read at the same time each one's answers come in its order, with what it wrote."""
    alice = await wire("alice")
    sid = await alice.room()
    people = [alice, *[await wire(name) for name in ("ben", "cem", "dee")]]
    for name in ("ben", "cem", "dee"):
        await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": name})

    async def write(number: int) -> None:
        person, indices = people[number], []
        for turn in range(15):
            asked = (person.post(f"{ROOMS}/{sid}/Messages", {"body": f"{number} {turn} {part}"}) for part in range(3))
            indices += [body["index"] for body in await asyncio.gather(*asked)]
            page = await person.get(f"/v3/Lists/{sid}.messages/Items", PageSize="100", From=str(indices[-3]))
            assert set(indices[-3:]) <= {item["index"] for item in page["items"]}
        assert indices == sorted(indices)

    await asyncio.gather(*map(write, range(4)))
    first = (await alice.get(f"/v3/Lists/{sid}.messages/Items", PageSize="100"))["items"]
    more = (await alice.get(f"/v3/Lists/{sid}.messages/Items", PageSize="100", From="100"))["items"]
    stored = [item["data"]["text"] for item in first + more]
    for number in range(4):
        mine = [text for text in stored if text.startswith(f"{number} ")]
        assert mine == [f"{number} {turn} {part}" for turn in range(15) for part in range(3)]


async def test_reads_between(wire: Connect) -> None:
    """On a socket a read among writes sees those before it and none after it, and all are answered in order."""
    alice = await wire("alice")
    sid = await alice.room()
    ids = []
    for number in range(20):
        write = HttpRequest("127.0.0.1", f"{ROOMS}/{sid}/Messages", "POST")
        ids.append(alice.protocol.request(write, json.encode({"body": str(number)})))
        ids.append(alice.protocol.request(HttpRequest("127.0.0.1", f"/v3/Lists/{sid}.messages/Items", "GET")))
    order: list[str] = []
    sort = alice._sort
    alice._sort = lambda event: (order.append(event.id) if isinstance(event, Replied) else None, sort(event))  # type: ignore[method-assign]
    for data in alice.protocol.take():
        alice.socket.protocol.send_binary(data)
    alice.socket.transport.write(b"".join(alice.socket.protocol.data_to_send()))  # all in one piece
    bodies = [json.decode((await alice._settled(id)).body) for id in ids]  # type: ignore[union-attr]
    assert order == ids
    assert [body["index"] for body in bodies[::2]] == list(range(20))
    assert [len(body["items"]) for body in bodies[1::2]] == list(range(1, 21))
