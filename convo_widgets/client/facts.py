"""What is told of a conversation: the words, values and payloads that its attributes and events are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypedDict

from msgspec import UNSET

from convo_widgets.wire.schema import ConversationData, time_of

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation

ConversationStatus = Literal["notParticipating", "joined"]
NotificationLevel = Literal["default", "muted"]
ConversationUpdateReason = Literal[
    "attributes",
    "createdBy",
    "dateCreated",
    "dateUpdated",
    "friendlyName",
    "lastReadMessageIndex",
    "state",
    "status",
    "uniqueName",
    "lastMessage",
    "notificationLevel",
    "bindings",
]


class ConversationEmailBinding(TypedDict, total=False):
    """Address of a conversation on email."""

    name: str
    projected_address: str


class ConversationSmsBinding(TypedDict, total=False):
    """Address of a conversation on SMS."""

    address: str


class ConversationBindings(TypedDict, total=False):
    """Addresses of a conversation on other channels, as the service tells them."""

    email: ConversationEmailBinding
    sms: ConversationSmsBinding


@dataclass(frozen=True, slots=True)
class ConversationUpdated:
    """Payload of "updated" and "conversationUpdated"."""

    conversation: Conversation
    update_reasons: list[ConversationUpdateReason]


@dataclass(frozen=True, slots=True)
class ConversationState:
    """Whether it goes on.

    Attributes:
        current: "active", "inactive" or "closed"; closed is final.
        date_updated: since when, in UTC.
    """

    current: str
    date_updated: datetime | None


@dataclass(frozen=True, slots=True)
class LastMessage:
    """Where the newest message stands.

    Attributes:
        index: its index.
        date_created: when it was written, in UTC.
    """

    index: int | None
    date_created: datetime | None


@dataclass(frozen=True, slots=True)
class Links:
    """URLs of a conversation and its parts."""

    self: str
    messages: str
    participants: str

    @classmethod
    def under(cls, base: str, sid: str) -> Links:
        """Those of conversation `sid`, by the service's rule."""
        url = f"{base}/{sid}"
        return cls(url, f"{url}/Messages", f"{url}/Participants")


def last_message(data: ConversationData, known: LastMessage | None) -> LastMessage | None:
    """The newest message; what is not said of it is as it was."""
    last = data.last_message
    if not last:
        return None
    index, date = (known.index, known.date_created) if known else (None, None)
    return LastMessage(
        index if last.index is UNSET else last.index, date if last.timestamp is UNSET else time_of(last.timestamp)
    )
