"""Members of a conversation, on whatever channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict, cast

from convo_widgets.client.events import Emitter
from convo_widgets.client.shown import line, table
from convo_widgets.client.user import User
from convo_widgets.errors import UsageError
from convo_widgets.wire import json
from convo_widgets.wire.schema import NewParticipant, ParticipantData, ParticipantReply, attributes_of, time_of

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation

ParticipantType = str  # "chat", "sms", "whatsapp", "email", "messenger" ... new channels appear
ParticipantEmailLevel = Literal["to", "cc"]
ParticipantUpdateReason = Literal[
    "attributes",
    "dateCreated",
    "dateUpdated",
    "roleSid",
    "lastReadMessageIndex",
    "lastReadTimestamp",
    "bindings",
]


class ParticipantEmailBinding(TypedDict, total=False):
    """Address of a participant on email."""

    name: str
    address: str
    level: ParticipantEmailLevel


class ParticipantBindings(TypedDict, total=False):
    """Addresses of a participant on other channels, as the service tells them, also those that came later."""

    email: ParticipantEmailBinding


class ParticipantBindingOptions(TypedDict, total=False):
    """Options of `Conversation.add_non_chat_participant`: name and level on email."""

    email: ParticipantEmailBinding


@dataclass(frozen=True, slots=True)
class ParticipantUpdated:
    """Payload of "updated" and "participantUpdated"."""

    participant: Participant
    update_reasons: list[ParticipantUpdateReason]


class Participant(Emitter):
    """A member of a conversation.

    Attributes:
        conversation: the conversation.
        sid: sid of the membership (MB...), not of the person.
        identity: who, on chat; None on other channels.
        type: the channel: "chat", "sms", "whatsapp", "email", ...
        attributes: JSON of the membership.
        bindings: the addresses on other channels, by channel.
        role_sid: what they may do.
        last_read_message_index: how far they have read; None before they have.
        last_read_timestamp: when they read it, in UTC.
        is_typing: whether they are writing just now.
        date_created: when they joined, in UTC.
        date_updated: in UTC.

    Events:
        typingEnded: they stopped writing, or their message is there; payload the participant.
        typingStarted: they began to write; payload the participant.
        updated: something of it changed, by whomever; payload a `ParticipantUpdated`, with the reasons.
    """

    EVENTS: ClassVar[frozenset[str]] = frozenset({"updated", "typingStarted", "typingEnded"})

    def __init__(self, conversation: Conversation, sid: str, data: ParticipantData) -> None:
        super().__init__()
        self.conversation = conversation
        self.sid = sid
        self.is_typing = False
        self.identity = data.identity
        self.type: ParticipantType = data.type
        self._data = data
        self._read(data)

    def __repr__(self) -> str:
        return f"<Participant {self.sid} {line(self.identity or self.type)}>"

    def _repr_html_(self) -> str:
        rows = {
            "sid": self.sid,
            "identity": self.identity,
            "type": self.type,
            "attributes": line(self.attributes, 75) if self.attributes else None,
            "bindings": line(self.bindings, 75) if self.bindings else None,
            "read up to": self.last_read_message_index,
            "read": self.last_read_timestamp,
            "typing": self.is_typing,
            "joined": self.date_created,
        }
        return table("Participant", rows)

    def _read(self, data: ParticipantData) -> None:
        self.attributes: Any = attributes_of(data.attributes)
        self.bindings = cast(ParticipantBindings, data.bindings or {})
        self.role_sid = data.role_sid
        self.last_read_message_index = data.last_consumed_message_index
        self.last_read_timestamp = _of_milliseconds(data.last_consumption_timestamp)
        self.date_created = time_of(data.date_created)
        self.date_updated = time_of(data.date_updated)

    async def get_user(self) -> User:
        """The person behind it.

        Raises:
            UsageError: this is not a chat participant, so there is no user.
        """
        if self.identity is None:
            raise UsageError(f"A participant on {self.type} has no user: only chat participants have.")
        return await self.conversation._client.get_user(self.identity)

    async def remove(self) -> None:
        """Take them out of the conversation.

        Raises:
            Forbidden: one may not.
            NotFound: they are not in it any more.
        """
        await self.conversation.remove_participant(self)

    async def update_attributes(self, attributes: Any) -> Participant:
        """Replace the attributes (any JSON).

        Raises:
            Forbidden: one may not.
            NotFound: they are not in it any more.
        """
        body = NewParticipant(attributes=json.encode(attributes).decode())
        url = f"{self.conversation._links.participants}/{self.sid}"
        session = self.conversation._client._session
        await session.post(url, body, ParticipantReply, what="changing a participant's attributes")
        return self

    def _update(self, data: ParticipantData) -> list[ParticipantUpdateReason]:
        """Take newer data; what of it is new."""
        before = [getattr(self, attribute) for attribute, _ in _REASONS]
        for name in _LASTING:
            if getattr(data, name) is None:  # not said again, so as it was
                setattr(data, name, getattr(self._data, name))
        self._data = data
        self._read(data)
        return [
            reason for (attribute, reason), old in zip(_REASONS, before, strict=True) if getattr(self, attribute) != old
        ]


_REASONS: list[tuple[str, ParticipantUpdateReason]] = [
    ("attributes", "attributes"),
    ("date_updated", "dateUpdated"),
    ("date_created", "dateCreated"),
    ("role_sid", "roleSid"),
    ("last_read_message_index", "lastReadMessageIndex"),
    ("last_read_timestamp", "lastReadTimestamp"),
    ("bindings", "bindings"),
]


_LASTING = ("attributes", "date_updated", "date_created", "role_sid", "last_consumption_timestamp", "bindings")


def _of_milliseconds(value: int | None) -> datetime | None:
    try:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
