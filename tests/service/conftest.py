"""Fixtures: an embedded service, and raw clients that speak the wire without any of our client's code."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from convo_widgets.service.local import LocalService
from convo_widgets.wire import json, protocol
from convo_widgets.wire.schema import HttpRequest

PATIENCE = 10.0
T = TypeVar("T")
CONFIGURATION = "/Client/v2/Configuration"
ROOMS = "/Client/v2/Conversations"
MINE = "/Client/v2/MyConversations"


@dataclass(frozen=True)
class Reply:
    """Answer to a request."""

    status: int
    body: Any
    headers: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """The service's error code."""
        return int(self.body["code"])


class Wire:
    """One raw connection.

    Attributes:
        events: what the service did beside replies, oldest first.
        told: the sync notifications among them, as (message_type, payload).
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.protocol = protocol.Protocol("client")
        self.events: list[protocol.Event] = []
        self.told: list[tuple[str, Any]] = []
        self._replies: dict[str, protocol.Event] = {}
        self._numbers = itertools.count(1)
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        self.closed = False

    async def init(self, token: str) -> protocol.Event:
        """Introduce ourselves; the first thing that the service says of it."""
        self.protocol.init(token)
        await self.flush()
        return await self.wait(lambda event: isinstance(event, protocol.Initialized | protocol.Refused))

    async def update(self, token: str) -> protocol.Event:
        """Send a new token."""
        id = self.protocol.update(token)
        await self.flush()
        return await self._settled(id)

    async def ask(
        self, method: str, path: str, body: Any = None, mutation: str | None = None, form: bool = False, **params: str
    ) -> Reply:
        """Send a request and wait for its answer; `path` may be a whole URL."""
        parts = urlsplit(path)
        headers = {"X-Twilio-Mutation-Id": mutation or str(uuid4())} if method != "GET" else {}
        request = HttpRequest(
            parts.netloc, parts.path, method, {k: quote(v, safe="") for k, v in params.items()}, headers
        )
        content = b"" if body is None else body if isinstance(body, bytes) else json.encode(body)
        id = self.protocol.request(request, content)
        await self.flush()
        event = await self._settled(id)
        assert isinstance(event, protocol.Replied), event
        return Reply(event.status.code, json.decode(event.body) if event.body else None, event.headers)

    async def get(self, path: str, **params: str) -> Any:
        """The body of a GET that must succeed."""
        reply = await self.ask("GET", path, **params)
        assert reply.status == 200, reply
        return reply.body

    async def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """The body of a POST that must succeed."""
        reply = await self.ask("POST", path, body or {}, **options)
        assert 200 <= reply.status < 300, reply
        return reply.body

    async def room(self, **fields: Any) -> str:
        """A new conversation that we have joined; its sid."""
        sid = (await self.post(ROOMS, fields))["sid"]
        await self.post(f"{ROOMS}/{sid}/Participants", {"identity": await self.identity()})
        return str(sid)

    async def identity(self) -> str:
        """Who we are."""
        return str((await self.get(CONFIGURATION))["identity"])

    async def objects(self, sid: str) -> dict[str, str]:
        """Sids of a conversation's Sync objects: conversation, participants, messages."""
        return dict((await self.get(f"{ROOMS}/{sid}"))["sync_objects"])

    async def follow(self, sid: str, type: str, last_event_id: int | None = None, action: str = "establish") -> Any:
        """Subscribe; the event that answers it (established, failed or canceled)."""
        correlation = next(self._numbers)
        request = {"object_sid": sid, "object_type": type, "last_event_id": last_event_id}
        body = {"event_protocol_version": 4, "action": action, "correlation_id": correlation, "requests": [request]}
        await self.post("/v4/Subscriptions", body)
        return await self.sync(
            lambda payload: (
                payload["event_type"].startswith("subscription_") and payload["correlation_id"] == correlation
            )
        )

    async def sync(self, match: Callable[[Any], bool]) -> Any:
        """The first sync notification, also an earlier one, that matches."""

        def found() -> list[Any]:
            return [payload for _, payload in self.told if match(payload)]

        await self._until(found)
        return found()[0]

    def seen(self, event_type: str) -> list[Any]:
        """Events of one type so far."""
        return [payload["event"] for _, payload in self.told if payload["event_type"] == event_type]

    async def wait(self, match: Callable[[protocol.Event], bool]) -> protocol.Event:
        """The first event, also an earlier one, that matches."""

        def found() -> list[protocol.Event]:
            return [event for event in self.events if match(event)]

        await self._until(found)
        return found()[0]

    async def ended(self) -> None:
        """Wait until the socket is closed."""
        await self._until(lambda: self.closed)

    async def flush(self) -> None:
        """Write what the protocol has to say."""
        for data in self.protocol.take():
            await self.socket.send(data)

    async def close(self) -> None:
        """Close the socket."""
        await self.socket.close()
        await self._reader

    async def _settled(self, id: str) -> protocol.Event:
        await self._until(lambda: id in self._replies)
        return self._replies.pop(id)

    async def _until(self, ready: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(ready)

    async def _read(self) -> None:
        try:
            async for data in self.socket:
                assert isinstance(data, bytes)
                for event in self.protocol.receive(data):
                    self._sort(event)
                await self.flush()
                async with self._news:
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            self.closed = True
            async with self._news:
                self._news.notify_all()

    def _sort(self, event: protocol.Event) -> None:
        if isinstance(event, protocol.Replied | protocol.Updated):
            self._replies[event.id] = event
            return
        if isinstance(event, protocol.Refused) and event.method == "update":
            self._replies[event.id] = event
        if isinstance(event, protocol.Notified):
            self.told.append((event.message_type, json.decode(event.body)))
        self.events.append(event)


async def inside(service: LocalService, does: Callable[[], T]) -> T:
    """Something in the service's own thread."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(does())
        except BaseException as error:
            done.set_exception(error)

    service._running.loop.call_soon_threadsafe(run)
    return await asyncio.wrap_future(done)


@pytest.fixture
def service() -> Iterator[LocalService]:
    """An empty service."""
    with LocalService(seed=None) as running:
        yield running


Connect = Callable[..., Awaitable[Wire]]


@pytest.fixture
async def wire(service: LocalService) -> AsyncIterator[Connect]:
    """A function that opens raw connections; with an identity, one that is ready."""
    opened: list[Wire] = []

    async def make(identity: str | None = None, to: LocalService | None = None, **options: Any) -> Wire:
        target = to or service
        made = Wire(await connect(target.ws_url, compression=None, max_size=None, **options))
        opened.append(made)
        if identity is not None:
            assert isinstance(await made.init(target.token(identity)), protocol.Initialized)
        return made

    yield make
    for one in opened:
        await one.close()
