"""Recordings: what a client was told, one line of JSON an event; how it is written, and read again.

A line that was cut, because the writing was interrupted, is no fault where it is the last one, or where another
recording goes on after it. There is no place in these shapes for a token, a key or an address of a medium's bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from convo_widgets.wire import json

VERSION = 1
STARTED, STOPPED, KNOWN = "recordingStarted", "recordingStopped", "conversationKnown"
"""Names of events that are the recorder's own: its begin and end, and what there was at the begin."""
LONGEST = 4 * 1024 * 1024
"""Bytes of a line that is read."""
_BEGIN = b'{"time":"'


class RecordedEvent(Struct, frozen=True, omit_defaults=True):
    """One event of a recording.

    Attributes:
        time: when it was seen, in UTC.
        name: of the event, as "messageAdded"; or "recordingStarted", "recordingStopped", "conversationKnown".
        sid: of what it is about: a message, a participant, a conversation.
        conversation_sid: of the conversation that this is in.
        actor: who did it, where that is told: an identity, or an address on other channels.
        payload: the fields of the noun, by its name: those of `RecordedMessage`, `RecordedParticipant` and so on.
    """

    time: Annotated[datetime, Meta(tz=True)]
    name: str
    sid: str | None = None
    conversation_sid: str | None = None
    actor: str | None = None
    payload: Any = {}


class RecordedMedium(Struct, omit_defaults=True):
    """A medium of a message, without its bytes."""

    sid: str = ""
    filename: str | None = None
    content_type: str = "application/octet-stream"
    size: int = 0
    category: str = "media"


class RecordedDelivery(Struct, omit_defaults=True):
    """How far a message came with those outside of chat: none, some or all of them."""

    total: int = 0
    sent: str = "none"
    delivered: str = "none"
    read: str = "none"
    failed: str = "none"
    undelivered: str = "none"


class RecordedMessage(Struct, omit_defaults=True):
    """A message; `reasons` say what an update changed."""

    index: int
    author: str | None = None
    participant_sid: str | None = None
    body: str | None = None
    subject: str | None = None
    attributes: Any = {}
    content_sid: str | None = None
    last_updated_by: str | None = None
    date_created: datetime | None = None
    date_updated: datetime | None = None
    media: list[RecordedMedium] = []
    delivery: RecordedDelivery | None = None
    reasons: list[str] = []


class RecordedParticipant(Struct, omit_defaults=True):
    """A participant; `bindings` by channel."""

    sid: str
    identity: str | None = None
    type: str = "chat"
    attributes: Any = {}
    bindings: dict[str, dict[str, Any]] = {}
    role_sid: str | None = None
    last_read_message_index: int | None = None
    last_read_timestamp: datetime | None = None
    date_created: datetime | None = None
    date_updated: datetime | None = None
    reasons: list[str] = []


class RecordedConversation(Struct, omit_defaults=True):
    """A conversation; `participants` is None where they are not known."""

    unique_name: str | None = None
    friendly_name: str | None = None
    attributes: Any = {}
    created_by: str | None = None
    state: str | None = None
    status: str | None = None
    last_read_message_index: int | None = None
    notification_level: str | None = None
    date_created: datetime | None = None
    date_updated: datetime | None = None
    participants: list[RecordedParticipant] | None = None
    reasons: list[str] = []


class RecordedUser(Struct, omit_defaults=True):
    """A user."""

    identity: str
    friendly_name: str | None = None
    attributes: Any = {}
    is_online: bool | None = None
    is_notifiable: bool | None = None
    reasons: list[str] = []


class BadRecording(ValueError):
    """It is no recording, or one of its lines is damaged; the text says which."""


def line(event: RecordedEvent) -> bytes:
    """An event as a line."""
    return json.encode(event) + b"\n"


def parse(lines: Iterable[bytes]) -> Iterator[RecordedEvent]:
    """The events of lines.

    Raises:
        BadRecording: a line in the middle cannot be read, or a version is newer.
    """
    fault: str | None = None
    for number, text in enumerate(lines, 1):
        try:
            event = json.decode(text, RecordedEvent)
        except json.BadJSON as error:
            if fault is None and (number > 1 or text.startswith(_BEGIN[: len(text)])):
                fault = f"line {number} cannot be read ({error})"
            else:
                raise BadRecording(fault or "it is no recording") from error
            continue
        if event.name == STARTED:
            fault = None
            _check_version(event)
        elif number == 1:
            raise BadRecording(f"it does not begin with {STARTED}")
        if fault is not None:
            raise BadRecording(fault)
        yield event


def _check_version(event: RecordedEvent) -> None:
    version = event.payload.get("version") if isinstance(event.payload, dict) else None
    if version != VERSION:
        raise BadRecording(f"it is of version {version!r}, and this program reads {VERSION}: update convo-widgets")
