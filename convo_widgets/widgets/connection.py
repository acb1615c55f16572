"""How a client's connection is, and everything that the client announces, for those who want to see how it works."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import traitlets

from convo_widgets.client.client import Client
from convo_widgets.client.recorded import told
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.transport.observer import ConnectionFault
from convo_widgets.widgets._base import Widget, bundle, number, scrubbed
from convo_widgets.widgets._names import mask
from convo_widgets.widgets._telling import short
from convo_widgets.widgets._transcript import isolated
from convo_widgets.wire import json
from convo_widgets.wire.recording import RecordedEvent

LIMIT = 2000  # events that are kept
LARGEST = 64 * 1024  # bytes of an event's payload that are kept
ROOM = 16 * 1024 * 1024  # bytes of all of them
PAGE = 500  # events that a view is told at a time
COPIED = 4 * 1024 * 1024  # bytes of JSON that a view is given to copy
TOLD_EVERY = 0.2  # seconds between two hints to the views that something happened
TICK = 10.0  # seconds between two updates of the token's time
FRESH = 5.0  # seconds for which a measured latency holds, however many views ask for it
TIMES = 50  # reconnects whose time is kept


@dataclass(frozen=True, slots=True)
class _Entry:
    """An event that was announced.

    Attributes:
        event: without its payload.
        text: in a line, what happened.
        payload: as JSON.
    """

    id: int
    event: RecordedEvent
    text: str
    payload: bytes

    def row(self) -> dict[str, Any]:
        """What a view lists."""
        event = self.event
        return {
            "id": self.id,
            "time": event.time.timestamp() * 1000,
            "name": event.name,
            "actor": None if event.actor is None else mask(event.actor),
            "text": self.text,
        }

    def whole(self) -> RecordedEvent:
        """The event with its payload."""
        return msgspec.structs.replace(self.event, payload=json.decode(self.payload))


class Connection(Widget):
    """How a client's connection is: state, token, latency, reconnects, and a log of all that the client announces.

    Nothing in it is a secret: no token, no key, no address of a medium. The latency is measured while somebody looks.

    Attributes:
        state: the client's `connection_state`; "connected", "connecting", "disconnecting", "disconnected" or "denied".
        identity: who the client is.
        service: host of the service, or the cloud's region.
        token_seconds_left: seconds until the token ends, negative afterwards; None where the token does not say. It is
            set every ten seconds; views count down between.
        latency: seconds that the service last took to answer; None before the first view asked, and without an answer.
        reconnects: how often the connection came back.
        last_error: the last fault in words, empty while there was none.
    """

    _esm = bundle("connection.js")
    _css = bundle("connection.css")

    state = traitlets.Unicode("connecting").tag(sync=True)
    identity = traitlets.Unicode().tag(sync=True)
    service = traitlets.Unicode().tag(sync=True)
    token_seconds_left = traitlets.Float(None, allow_none=True).tag(sync=True)
    latency = traitlets.Float(None, allow_none=True).tag(sync=True)
    reconnects = traitlets.Int(0).tag(sync=True)
    last_error = traitlets.Unicode().tag(sync=True)
    _since = traitlets.Float().tag(sync=True)
    _last_error_at = traitlets.Float(None, allow_none=True).tag(sync=True)
    _reconnected: traitlets.List[float] = traitlets.List().tag(sync=True)
    _renewable = traitlets.Bool(False).tag(sync=True)

    REQUESTS = frozenset({"look", "renew", "events", "payload", "copy", "clear"})

    def __init__(self, client: Client, **traits: Any) -> None:
        if not isinstance(client, Client):
            raise UsageError(f"Connection shows a Client, not {type(client).__name__}.")
        self._client = client
        self._entries: deque[_Entry] = deque()
        self._size = 0
        self._next_id = 1
        self._hint_timer: asyncio.TimerHandle | None = None
        self._tick_timer: asyncio.TimerHandle | None = None
        self._measured = float("-inf")
        self._measuring: asyncio.Task[None] | None = None
        self._was_open = client.connection_state == "connected"
        super().__init__(**{"height": 320, **traits})
        self.identity = client.user.identity
        self.service = _service(client)
        self._renewable = client._tokens.renewable
        self._since = client._session.link.since.timestamp() * 1000
        for name in sorted(client.EVENTS):
            self._listen(client, name, to=lambda payload, name=name: self._happened(name, payload))
        self._listen(client, "connectionError", to=self._failed)
        self._watch(client)
        self.state = client.connection_state
        self._tick()
        self._keep()

    def __repr__(self) -> str:
        return f"<Connection of {self._client!r}>"

    @property
    def client(self) -> Client:
        """Whose connection is shown."""
        return self._client

    @property
    def events(self) -> list[RecordedEvent]:
        """What the client announced since the widget was made or its log cleared: the newest 2,000, oldest first."""
        return [entry.whole() for entry in self._entries]

    def clear(self) -> None:
        """Forget the events so far, in all views."""
        self._entries.clear()
        self._size = 0
        self._hint_soon()

    def on_change(self, callback: Any, remove: bool = False) -> None:
        """Call it with the connection's state whenever that changes.

        Args:
            callback: sync or async, takes the state.
            remove: do not call it any more.
        """
        self._register("change", callback, remove)

    def _end(self) -> None:
        for timer in (self._hint_timer, self._tick_timer):
            if timer is not None:
                timer.cancel()
        super()._end()

    # -- what the client tells

    def _connection_changed(self, state: str) -> None:
        super()._connection_changed(state)
        if state == "connected":
            if self._was_open:
                self.reconnects += 1
                self._reconnected = [*self._reconnected, _now()][-TIMES:]
            self._was_open = True
        else:
            self.latency = None
        self._since = self._client._session.link.since.timestamp() * 1000
        self.state = state
        self.identity = self._client.user.identity
        self._look_at_token()
        self._call("change", state)

    def _failed(self, fault: ConnectionFault) -> None:
        self.last_error = scrubbed(fault.message)[:1000]
        self._last_error_at = _now()

    def _happened(self, name: str, payload: Any) -> None:
        sid, conversation_sid, actor, fields = told(payload)
        data = scrubbed(json.encode({} if fields is None else fields).decode()).encode()
        if len(data) > LARGEST:
            data = json.encode({"left_out": f"{len(data):,} bytes are more than are kept here"})
        event = RecordedEvent(datetime.now(UTC), name, sid, conversation_sid, actor)
        entry = _Entry(self._next_id, event, scrubbed(short(name, fields)), data)
        self._next_id += 1
        self._entries.append(entry)
        self._size += len(data)
        while len(self._entries) > LIMIT or self._size > ROOM:
            self._size -= len(self._entries.popleft().payload)
        self._hint_soon()

    # -- what the views are told, and ask for

    def _hint_soon(self) -> None:
        if self._hint_timer is None and not self._closed:
            self._hint_timer = self._loop.call_later(TOLD_EVERY, self._hint)

    def _hint(self) -> None:
        """Say that there is something to ask for; who does not look asks for nothing."""
        self._hint_timer = None
        self._change("log", **self._bounds())

    def _bounds(self) -> dict[str, int]:
        return {"first": self._entries[0].id if self._entries else self._next_id, "next": self._next_id}

    def _tick(self) -> None:
        self._look_at_token()
        self._tick_timer = self._loop.call_later(TICK, self._tick)

    def _look_at_token(self) -> None:
        report = self._client._tokens.report
        self.token_seconds_left = None if report.expires_at is None else round(report.seconds_left, 1)

    async def _answer_look(self, _params: dict[str, Any]) -> dict[str, Any]:
        """Somebody looks: measure the latency, once for all views."""
        if self._measuring is None and time.monotonic() - self._measured > FRESH:
            self._measuring = self._spawn(self._measure())
        if self._measuring is not None:
            await asyncio.wait([self._measuring])
        self._look_at_token()
        return {"latency": self.latency, "token_seconds_left": self.token_seconds_left, **self._bounds()}

    async def _measure(self) -> None:
        try:
            self.latency = await self._client.ping()
        except ConvoError:
            self.latency = None
        finally:
            self._measured = time.monotonic()
            self._measuring = None

    async def _answer_renew(self, _params: dict[str, Any]) -> None:
        try:
            await self._client.renew_token()
        finally:
            self._look_at_token()

    async def _answer_events(self, params: dict[str, Any]) -> dict[str, Any]:
        """The next events after the one with this id; a view that lags asks until it has all."""
        after = number(params, "after")
        rows = (entry.row() for entry in self._entries if entry.id > after)
        return {"events": list(itertools.islice(rows, PAGE)), **self._bounds()}

    async def _answer_payload(self, params: dict[str, Any]) -> str | None:
        """An event's payload as readable JSON; None where it is kept no more."""
        id = number(params, "id")
        entry = next((entry for entry in self._entries if entry.id == id), None)
        return None if entry is None else msgspec.json.format(entry.payload, indent=2).decode()

    async def _answer_copy(self, params: dict[str, Any]) -> str:
        """Events as JSON Lines, as a `Recorder` writes them."""
        ids = params.get("ids")
        if not isinstance(ids, list):
            raise UsageError("The view asked for events without saying which.")
        wanted = set(ids[:LIMIT]) if all(isinstance(id, int) for id in ids) else set()
        lines, size = [], 0
        for entry in self._entries:
            if entry.id in wanted:
                lines.append(json.encode(entry.whole()).decode())
                size += len(lines[-1])
                if size > COPIED:
                    raise UsageError("That is too much to copy: filter for fewer events, or use a Recorder.")
        return "\n".join(lines)

    async def _answer_clear(self, _params: dict[str, Any]) -> None:
        self.clear()

    def _static_html(self) -> str:
        words = [self.state, f"as {self.identity}", self.service, f"{self.reconnects} reconnects", self.last_error]
        return f"<p>Connection: {isolated(' · '.join(word for word in words if word))}</p>"


def _service(client: Client) -> str:
    """Where the service is, without anything that could be a secret."""
    if client.service is not None:
        return "local service"
    if client.url is not None:
        parts = urlsplit(client.url)
        return f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    host = urlsplit(client._endpoints.socket).hostname or ""
    return f"cloud, {host.split('.')[1]}" if host.count(".") > 1 else "cloud"


def _now() -> float:
    """Milliseconds since the epoch."""
    return time.time() * 1000
