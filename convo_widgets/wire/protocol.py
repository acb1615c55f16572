"""Twilsock as a pure state machine, for either end.

Theory of operation
===================

A `Protocol` is fed the binary messages of one WebSocket connection and says what they mean; it is told what to do and
says which bytes to write. It knows no sockets, no clock and no loop::

    events = protocol.receive(data)        # what the peer did
    for data in protocol.take(): ...       # what to write now, acknowledgements included

One `Protocol` lives as long as one connection. Both ends run the same class with another `role`, since most rules are
the same: one frame a message, requests answered by `reply` frames of the same id, `close` from either side.

The client's rules:

1. `init` first. Until it is answered, nothing else may be sent; the answer makes the state "ready", or ends it.
2. Every frame that is not a reply is acknowledged with a 200 reply at once, before anybody looks at it.
3. A reply settles the request of its id. A reply to no request is ignored: it answers one that was given up.
4. `close` from the service ends it; what was waiting will have no answer.

The service's rules:

1. Nothing counts before an `init` was accepted: any other request is refused with 401.
2. Each request is answered once, by `reply`, `accept` or `refuse`; the replies to notifications are dropped.
3. A connection that is closed says nothing more: a late answer is dropped, for the peer may leave at any time.

What a peer sent wrong becomes a `Malformed` event and closes the state; what *we* do wrong raises `LocalProtocolError`.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Literal
from uuid import uuid4

from convo_widgets.errors import LocalProtocolError
from convo_widgets.wire import frame, json
from convo_widgets.wire.events import (
    Closed,
    Event,
    Initialized,
    InitRequested,
    Malformed,
    Notified,
    Refused,
    Replied,
    Requested,
    TokenAboutToExpire,
    Updated,
    UpdateRequested,
)
from convo_widgets.wire.schema import (
    ClosePayload,
    ContinuationStatus,
    Header,
    HttpRequest,
    Registration,
    Status,
    Storage,
)

JSON = "application/json"
MOST_BACKOFF = 86_400_000  # milliseconds: a number beyond a day is none
GRANT = "ip_messaging"
CAPABILITIES = ["client_update", "offline_storage", "telemetry.v1"]
MESSAGE_TYPES = [
    "twilio.ipmsg.typing_indicator",
    "twilio.sync.event",
    "com.twilio.rtd.cds.document",
    "com.twilio.rtd.cds.list",
    "com.twilio.rtd.cds.map",
]

State = Literal["new", "initializing", "ready", "closed"]

_OK = Status(200, "OK")
_PROCESS = str(uuid4())[:24]
_NUMBERS = count(1)


def new_id() -> str:
    """An id of a frame: `TM` and a UUID in shape. Its last part counts: an id must be unique and need not be secret."""
    return f"TM{_PROCESS}{next(_NUMBERS):012x}"


def notification(message_type: str, body: bytes) -> bytes:
    """The frame that tells a client that something happened."""
    return frame.encode(Header("notification", new_id(), payload_type=JSON, message_type=message_type), body)


class Protocol:
    """One end of one Twilsock connection.

    Attributes:
        role: which end this is.
        state: "new" until init, "initializing" until its answer, "ready", and "closed" for good.
    """

    def __init__(self, role: Literal["client", "service"]) -> None:
        self.role = role
        self.state: State = "new"
        self._waiting: dict[str, str] = {}  # request id -> method, on the client's end
        self._outgoing: list[bytes] = []

    def receive(self, data: bytes) -> list[Event]:
        """What one binary WebSocket message of the peer means; never raises on what it holds."""
        if self.state == "closed":
            return []
        got = frame.decode(data)
        if isinstance(got, frame.BadFrame):
            return [self._fail(got.reason)]
        event = self._receive_client(got) if self.role == "client" else self._receive_service(got)
        return [] if event is None else [event]

    @property
    def has_outgoing(self) -> bool:
        """Whether there is something to write."""
        return bool(self._outgoing)

    def take(self) -> list[bytes]:
        """The messages to write now, in order; each is handed out once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    # -- the client's end

    def init(self, token: str, continuation_token: str | None = None, metadata: dict[str, Any] | None = None) -> str:
        """Introduce ourselves; the answer is `Initialized` or `Refused`."""
        self._demand("client", "new")
        self.state = "initializing"
        registration = Registration(GRANT, "ers", 0, MESSAGE_TYPES)
        return self._ask(
            "init",
            token=token,
            continuation_token=continuation_token,
            metadata=metadata or {},
            registrations=[registration],
            capabilities=CAPABILITIES,
        )

    def request(self, request: HttpRequest, body: bytes = b"") -> str:
        """Send an HTTP request inside a frame; the answer is `Replied` with the returned id."""
        self._demand("client", "ready")
        kind = request.headers.get("Content-Type", JSON)
        return self._ask("message", body, payload_type=kind, active_grant=GRANT, http_request=request)

    def update(self, token: str) -> str:
        """Send a new token; the answer is `Updated` or `Refused` with the returned id."""
        self._demand("client", "ready")
        return self._ask("update", token=token)

    def forget(self, id: str) -> None:
        """Nobody waits for this answer any more."""
        self._waiting.pop(id, None)

    def _ask(self, method: str, body: bytes = b"", payload_type: str = JSON, **fields: Any) -> str:
        id = new_id()
        self._waiting[id] = method
        self._write(Header(method, id, payload_type=payload_type if body else None, **fields), body)
        return id

    def _receive_client(self, got: frame.Frame) -> Event | None:
        header = got.header
        if header.method == "reply":
            return self._settle(header, got.payload)
        self._write(Header("reply", header.id, payload_type=JSON, status=_OK))
        match header.method:
            case "notification":
                return Notified(header.message_type or "", got.payload)
            case "client_update" if header.client_update_type == "token_about_to_expire":
                return TokenAboutToExpire()
            case "close":
                self.state = "closed"
                return Closed(header.status or Status(0), _backoff(got.payload))
        return None  # ping, and whatever a newer service says: the acknowledgement is the whole answer

    def _settle(self, header: Header, body: bytes) -> Event | None:
        method = self._waiting.pop(header.id, None)
        if method is None:
            return None
        status = header.status
        if status is None:
            return self._fail("a reply without a status")
        good = 200 <= status.code < 300
        if method == "message":
            return Replied(header.id, header.http_status or status if good else status, header.http_headers or {}, body)
        if method == "init":
            self.state = "ready" if good else "closed"
            if good:
                token = header.continuation_token
                return Initialized(token if isinstance(token, str) else None)
        elif good:
            return Updated(header.id)
        return Refused("init" if method == "init" else "update", header.id, status, _backoff(body))

    # -- the service's end

    def accept(self, id: str, *, continuation_token: str, reissued: bool, storage_id: str) -> None:
        """Answer an init with yes."""
        self._demand("service", "initializing")
        self.state = "ready"
        self._write(
            Header(
                "reply",
                id,
                status=Status(200, "OK"),
                continuation_token=continuation_token,
                continuation_token_status=ContinuationStatus(reissued),
                capabilities=CAPABILITIES,
                offline_storage={GRANT: Storage(storage_id)},
                init_registrations=[],
                debug_info={},
            )
        )

    def refuse(self, id: str, status: Status) -> None:
        """Answer an init or update with no; a refused init ends the connection."""
        self._demand("service", "initializing", "ready", "closed")
        self._write(Header("reply", id, status=status))
        if self.state == "initializing":
            self.state = "closed"

    def reply(
        self,
        id: str,
        status: Status | None = None,
        body: bytes = b"",
        headers: dict[str, Any] | None = None,
    ) -> None:
        """Answer a request; `status` is that of HTTP, and missing for what is no HTTP request."""
        self._demand("service", "ready", "closed")
        self._write(
            Header(
                "reply",
                id,
                payload_type=JSON if body else None,
                status=_OK,
                http_status=status,
                http_headers=headers,
            ),
            body,
        )

    def notify(self, message_type: str, body: bytes) -> None:
        """Tell the client that something happened."""
        self.forward(notification(message_type, body))

    def forward(self, data: bytes) -> None:
        """Send the frame of a `notification`, which may go to many."""
        self._demand("service", "ready")
        self._outgoing.append(data)

    def warn_expiry(self) -> None:
        """Tell the client that its token is about to expire."""
        self._demand("service", "ready")
        self._write(Header("client_update", new_id(), client_update_type="token_about_to_expire"))

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._demand("service", "ready")
        self._write(Header("ping", new_id()))

    def _receive_service(self, got: frame.Frame) -> Event | None:
        header = got.header
        match header.method:
            case "reply" | "telemetry.v1":
                return None
            case "close":
                self.state = "closed"
                return Closed(Status(200))
            case "init" if self.state == "new":
                self.state = "initializing"
                token = header.continuation_token
                return InitRequested(header.id, header.token or "", token if isinstance(token, str) else None)
        if self.state != "ready":
            self._write(Header("reply", header.id, status=Status(401, "UNAUTHORIZED", description="init comes first")))
            return None
        match header.method:
            case "update":
                return UpdateRequested(header.id, header.token or "")
            case "message" if header.http_request is not None:
                return Requested(header.id, header.http_request, got.payload)
            case "put_notification_ctx" | "delete_notification_ctx":
                self.reply(header.id)
                return None
        self._write(Header("reply", header.id, status=Status(400, "BAD_REQUEST", description="unknown method")))
        return None

    # -- both

    def close(self, status: Status | None = None, backoff_ms: int = 0) -> None:
        """Say goodbye; a client gives no status, a service says why and for how long to stay away."""
        if self.state == "closed":
            return
        body = json.encode({"backoff_policy": {"reconnect_min_ms": backoff_ms}}) if backoff_ms else b""
        self._write(Header("close", new_id(), payload_type=JSON if body else None, status=status), body)
        self.state = "closed"

    def _fail(self, reason: str) -> Malformed:
        """The peer broke the rules: nothing after that can be trusted."""
        if self.role == "service":
            self.close(Status(406, "NOT_ACCEPTABLE", description=f"protocol error: {reason}"))
        self.state = "closed"
        return Malformed(reason)

    def _demand(self, role: str, *states: State) -> None:
        if self.role != role or self.state not in states:
            allowed = f"only a {role} that is {' or '.join(states)} may do that"
            raise LocalProtocolError(f"{allowed}; this is a {self.role}, {self.state}")

    def _write(self, header: Header, body: bytes = b"") -> None:
        if self.state != "closed":
            self._outgoing.append(frame.encode(header, body))


def _backoff(body: bytes) -> int:
    """The back-off in milliseconds that a payload asks for, 0 where it asks for none."""
    try:
        policy = json.decode(body or b"{}", ClosePayload).backoff_policy
    except json.BadJSON:
        return 0
    return min(max(0, policy.reconnect_min_ms), MOST_BACKOFF) if policy else 0
