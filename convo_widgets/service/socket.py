"""One Twilsock connection: `/v3/wsconnect`.

Requests are handled in the order in which they come; writes share a commit with those of others. What goes out waits
in a bounded queue, and is written all at once in the next turn of the loop, or by a task of its own where it has to
wait for longer. While much waits there, no further request is handled; whoever follows busy objects and never reads is
cut off. What waits over all connections is bounded by `Load`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from typing import Protocol as TypingProtocol
from uuid import UUID, uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from convo_widgets.service import load
from convo_widgets.service.calls import Call
from convo_widgets.service.dispatch import BUSY, fault
from convo_widgets.service.services import Services
from convo_widgets.service.tokens import Grant, TokenRefused
from convo_widgets.wire.events import Closed, Event, InitRequested, Malformed, Requested, UpdateRequested
from convo_widgets.wire.protocol import Protocol
from convo_widgets.wire.schema import Status

LARGEST_FRAME = 256 * 1024
"""Bytes of a WebSocket message of a client: a body of 32 KB with every character escaped, and its attributes."""
INIT_WITHIN = 10.0
"""Seconds for the first good `init`."""
WARN_BEFORE = 180.0
"""Seconds before the end of a token at which its owner is told."""
PING_EVERY = 30.0
PAUSE_AT = 2 << 20
"""Bytes waiting to be written at which no further request is read."""
CUT_AT = 8 << 20
"""Bytes waiting to be written at which the connection is cut."""
TOGETHER = 64
"""Messages that are handled at a time."""
WRITE = 1 << 17
"""Bytes that are written at a time."""
GOODBYE_WITHIN = 1.0
"""Seconds for a connection that is given up to hear why."""


class Pipe(TypingProtocol):
    """What the server offers beyond ASGI."""

    async def receive_many(self, most: int) -> list[Any]:
        """The messages that wait, at most that many; where there is none, the next one."""

    async def send_many(self, messages: list[bytes]) -> None:
        """Write binary messages in one go, once the peer has room."""

    @property
    def has_room(self) -> bool:
        """Whether the peer is there, and what is sent now need not wait."""

    def send_now(self, messages: list[bytes]) -> None:
        """Write them at once; only while there is room."""

    def abort(self) -> None:
        """Cut the connection."""


class Socket:
    """One connection of one user to the service that its token names; a `Follower` of that one's hub.

    Attributes:
        identity: empty until `init` was accepted.
        queued: bytes that wait to be written.
    """

    def __init__(self, services: Services, websocket: WebSocket) -> None:
        self.identity = ""
        self.followed: set[str] = set()
        self._services = services
        self._backend = services.home  # until its token names another one
        self._websocket = websocket
        self._pipe: Pipe = websocket.scope["extensions"]["convo.pipe"]
        self._protocol = Protocol("service")
        self._calls: list[Call] = []
        self._loop = asyncio.get_running_loop()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._expires = 0.0
        self._grant: Grant | None = None
        self._queue: deque[tuple[float, bytes]] = deque()
        self.queued = 0
        self._load = services.load
        self._code = 1000
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._heard = asyncio.Event()
        self._heard.set()
        self._due_soon = False
        self._writing = False
        self._ending = False

    async def serve(self) -> None:
        """Speak until either side ends it; never raises on what the peer sends."""
        await self._websocket.accept()
        self._arm("init", INIT_WITHIN, self._close, Status(408, "REQUEST_TIMEOUT", description="no init came in time"))
        writer = asyncio.create_task(self._write())
        try:
            await self._read()
        except WebSocketDisconnect:
            pass
        finally:
            self._leave()
            if self._ending:
                await asyncio.wait({writer}, timeout=1)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self._forget()

    def notify(self, frame: bytes) -> None:
        """Queue the frame of a notification."""
        if self._protocol.state == "ready":
            self._protocol.forward(frame)
            self._flush()

    # -- in

    async def _read(self) -> None:
        while True:
            for message in await self._pipe.receive_many(TOGETHER):
                if message["type"] == "websocket.disconnect":
                    await self._settle()
                    return
                data = message.get("bytes")
                if data is None:
                    await self._settle()
                    self._close(Status(406, "NOT_ACCEPTABLE", description="protocol error: frames are binary"))
                    continue
                for event in self._protocol.receive(data):
                    await self._handle(event)
                if not self._calls:
                    self._flush()
                    await self._room.wait()
            await self._settle()
            await self._room.wait()
            await self._heard.wait()
            await asyncio.sleep(0)  # a busy connection leaves room for others

    async def _handle(self, event: Event) -> None:
        if isinstance(event, Requested):
            call = self._backend.call(self, event)
            if call.writes and not self._load.takes(len(self._calls)):
                self._protocol.reply(call.id, *BUSY)
                self._heard.clear()
                self._arm("heard", load.DEAF, self._heard.set)
                return
            if not call.writes:
                await self._settle()
            self._calls.append(call)
            self._load.requests += 1
            if not call.writes:
                await self._settle()
            return
        await self._settle()
        match event:
            case InitRequested():
                self._init(event)
            case UpdateRequested():
                self._update(event)
            case Malformed() | Closed():
                self._end()

    async def _settle(self) -> None:
        """Answer the calls that wait: one that reads, or some that write."""
        calls, self._calls = self._calls, []
        try:
            if calls:
                await self._answer(calls)
        finally:
            self._load.requests -= len(calls)

    async def _answer(self, calls: list[Call]) -> None:
        if time.time() >= self._expires:  # the machine slept past the timer
            self._expire()
            return
        if self._backend.store.hooked:
            await self._backend.consult_on(calls)
            if self._ending:
                return
        answers = await self._backend.write(calls) if calls[0].writes else self._backend.answer(calls)
        if self._ending:
            return
        for call, said in zip(calls, answers, strict=True):
            self._protocol.reply(call.id, *said)
        self._flush()

    def _init(self, event: InitRequested) -> None:
        try:
            self._backend = self._services.of_token(event.token)
            grant = self._backend.tokens.check(event.token)
            self._backend.welcome(grant)
        except TokenRefused as refused:
            self._protocol.refuse(event.id, refused.status)
            self._end()
            return
        except Exception as error:  # the store failed
            no = fault("init", error)
            self._protocol.refuse(event.id, Status(no.status, "ERROR", no.code, no.message))
            self._end()
            return
        self.identity = grant.identity
        token = _continuation(event.continuation_token)
        reissued = event.continuation_token is not None and event.continuation_token != token
        self._protocol.accept(event.id, continuation_token=token, reissued=reissued, storage_id=self._storage())
        self._backend.arrive(self)
        self._disarm("init")
        self._arm("ping", PING_EVERY, self._ping)
        self._renew(grant)

    def _storage(self) -> str:
        sql = "SELECT sid FROM users WHERE identity = ?"
        return str(self._backend.store.value(sql, self.identity))

    def _update(self, event: UpdateRequested) -> None:
        try:
            grant = self._backend.tokens.check(event.token)
            if grant.identity != self.identity:
                raise TokenRefused(20106, "The new access token is for another identity")
        except TokenRefused as refused:
            self._protocol.refuse(event.id, refused.status)
            return
        self._protocol.reply(event.id)
        self._renew(grant)

    # -- the token's life

    def _renew(self, grant: Grant) -> None:
        """A good token came: whatever the old one's end was counts no more."""
        self._grant = grant
        self._expires = grant.expires
        left = grant.expires - time.time()
        self._disarm("warn")
        self._arm("expire", left, self._expire)
        if left > WARN_BEFORE:
            self._arm("warn", left - WARN_BEFORE, self._warn)
        else:
            self._warn()

    def _warn(self) -> None:
        if self._protocol.state == "ready":
            self._protocol.warn_expiry()
            self._flush()

    def expire(self) -> None:
        """The token's time has come, or is made to."""
        if self._grant is not None:
            self._backend.tokens.expire(self._grant)
        self._expire()

    def _expire(self) -> None:
        self._close(Status(410, "GONE", 20104, "Access token expired"))

    def _ping(self) -> None:
        if self._protocol.state == "ready":
            self._protocol.ping()
            self._flush()
            self._arm("ping", PING_EVERY, self._ping)

    def _arm(self, name: str, delay: float, act: Callable[..., None], *values: object) -> None:
        self._disarm(name)
        self._timers[name] = self._loop.call_later(max(0.0, delay), act, *values)

    def _disarm(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    # -- out

    def _flush(self) -> None:
        """Queue what the protocol has to say."""
        if self._ending:
            return
        due, size = self._loop.time() + self._backend.latency, 0
        for data in self._protocol.take():
            self._queue.append((due, data))
            size += len(data)
        self.queued += size
        self._load.queue(size)
        if self.queued > CUT_AT:
            self.cut()
        elif self.queued > PAUSE_AT:
            self._room.clear()
        if self._queue and not self._due_soon and not self._writing:
            self._due_soon = True
            self._loop.call_soon(self._pass_on)

    def _pass_on(self) -> None:
        """Write what has gathered in this turn, where nothing has to be waited for; else it is the writer's."""
        self._due_soon = False
        if self._writing or self._ending:
            return
        if self._pipe.has_room and (due := self._due()):
            self._pipe.send_now(due)
        if self.queued <= PAUSE_AT:
            self._room.set()
        if self._queue:
            self._more.set()

    async def _write(self) -> None:
        """Write what has to wait: for its time, for room, or for its turn."""
        try:
            self._writing = True
            while True:
                while self._queue:
                    wait = self._queue[0][0] - self._loop.time()
                    if wait > 0:
                        await asyncio.sleep(wait)
                    await self._pipe.send_many(self._due())
                    if self.queued <= PAUSE_AT:
                        self._room.set()
                if self._ending:
                    await self._websocket.close(self._code)
                    return
                self._more.clear()
                self._writing = False
                await self._more.wait()
                self._writing = True
        except (WebSocketDisconnect, RuntimeError, OSError):
            self._ending = True  # nothing is queued any more, or the reader would wait for room for ever
            self._forget()
            self._room.set()  # it is told of the end in its own way

    def _due(self) -> list[bytes]:
        """What may be written now, as much as goes together."""
        now, size, together = self._loop.time(), 0, []
        while self._queue and size < WRITE and self._queue[0][0] <= now:
            _, data = self._queue.popleft()
            size += len(data)
            together.append(data)
        self.queued -= size
        self._load.wrote(size)
        return together

    def _forget(self) -> None:
        """Nothing of what waits is written."""
        self._queue.clear()
        self._load.wrote(self.queued)
        self.queued = 0

    # -- the end

    def _close(self, status: Status) -> None:
        """Say why, then end it."""
        self._protocol.close(status)
        self._end()

    def _end(self) -> None:
        """Nothing more is said after what waits already."""
        self._flush()
        self._ending = True
        self._leave()
        self._more.set()

    def cut(self) -> None:
        """Lose the connection without a word: the peer does not read, and what waits for it would only grow."""
        self._drop()
        self._pipe.abort()

    def give_up(self) -> None:
        """Send nothing of what waits, for the service bears no more; a peer that reads is told to come back."""
        self._code = 1013
        self._drop()
        self._loop.call_later(GOODBYE_WITHIN, self._pipe.abort)

    def _drop(self) -> None:
        self._ending = True
        self._forget()
        self._leave()
        self._room.set()
        self._more.set()

    def _leave(self) -> None:
        for name in list(self._timers):
            self._disarm(name)
        self._heard.set()
        self._backend.depart(self)


def _continuation(given: str | None) -> str:
    """The token that the client has, if it is one of ours in shape: nothing is kept by it here, so it is as good."""
    try:
        return str(UUID(given))
    except (TypeError, ValueError, AttributeError):
        return str(uuid4())
