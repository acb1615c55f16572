"""What the other end of a Twilsock connection did, as a `Protocol` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from convo_widgets.wire.schema import HttpRequest, Status


@dataclass(frozen=True, slots=True)
class Malformed:
    """The peer broke the rules; `reason` quotes nothing that it sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer ended it: 308 stay away for `backoff_ms`, 410 token expired, 401 refused, 406 and 417 protocol error."""

    status: Status
    backoff_ms: int = 0


@dataclass(frozen=True, slots=True)
class Initialized:
    """To the client: init was accepted."""

    continuation_token: str | None

    def __repr__(self) -> str:
        return "Initialized()"


@dataclass(frozen=True, slots=True)
class Refused:
    """To the client: `init` or `update` was refused; 401 and 403 are about the token, 429 says when to come back."""

    method: Literal["init", "update"]
    id: str
    status: Status
    backoff_ms: int = 0


@dataclass(frozen=True, slots=True)
class Updated:
    """To the client: the new token was taken."""

    id: str


class Replied(Struct, frozen=True):
    """To the client: the answer to a request; `status` is that of HTTP, or of the envelope where that failed."""

    id: str
    status: Status
    headers: dict[str, Any]
    body: bytes


class Notified(Struct, frozen=True):
    """To the client: something happened."""

    message_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class TokenAboutToExpire:
    """To the client: time to send a new token."""


@dataclass(frozen=True, slots=True)
class InitRequested:
    """To the service: a client introduces itself; answer with `accept` or `refuse`."""

    id: str
    token: str
    continuation_token: str | None

    def __repr__(self) -> str:
        return f"InitRequested(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class UpdateRequested:
    """To the service: a client has a new token; answer with `reply` or `refuse`."""

    id: str
    token: str

    def __repr__(self) -> str:
        return f"UpdateRequested(id={self.id!r})"


class Requested(Struct, frozen=True):
    """To the service: an HTTP request in a frame; answer with `reply`."""

    id: str
    request: HttpRequest
    body: bytes


Event = (
    Malformed
    | Closed
    | Initialized
    | Refused
    | Updated
    | Replied
    | Notified
    | TokenAboutToExpire
    | InitRequested
    | UpdateRequested
    | Requested
)
