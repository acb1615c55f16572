"""What conversations keep in Sync: data of documents and items."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class MembershipData(Struct, rename="camel"):
    """Item of the my-conversations map, keyed by conversation sid."""

    channel: str
    status: str = "joined"
    messages: str | None = None
    roster: str | None = None
    last_consumed_message_index: int | UnsetType | None = UNSET
    notification_level: str | UnsetType | None = UNSET


class LastMessage(Struct):
    """Where a conversation's newest message stands."""

    index: int | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET


class ConversationState(Struct, rename="camel"):
    """active, inactive or closed, and since when."""

    current: str
    date_updated: str | None = None


class ConversationData(Struct, rename="camel"):
    """Data of the conversation document; `attributes` is an object or a JSON string."""

    sid: str | UnsetType = UNSET
    unique_name: str | UnsetType | None = UNSET
    friendly_name: str | UnsetType | None = UNSET
    attributes: Any | UnsetType = UNSET
    created_by: str | UnsetType | None = UNSET
    date_created: str | UnsetType | None = UNSET
    date_updated: str | UnsetType | None = UNSET
    last_message: LastMessage | UnsetType | None = UNSET
    state: ConversationState | UnsetType | None = UNSET
    bindings: dict[str, Any] | UnsetType | None = UNSET
    notification_level: str | UnsetType | None = UNSET
    messages: str | UnsetType | None = UNSET
    roster: str | UnsetType | None = UNSET


class MediaData(Struct, rename="camel", gc=False):
    """A medium of a message, as Sync tells it; `size` in bytes."""

    sid: str
    size: int = 0
    content_type: str = "application/octet-stream"
    filename: str | None = None
    category: str = "media"


class Delivery(Struct, gc=False):
    """How many of a message's addressees it reached: each amount none, some or all."""

    total: int = 0
    sent: str = "none"
    delivered: str = "none"
    read: str = "none"
    failed: str = "none"
    undelivered: str = "none"


class MessageData(Struct, rename="camel", gc=False):
    """Item of the messages list; the item's index is the message's."""

    sid: str
    author: str | None = None
    text: str | None = None
    type: str = "text"
    timestamp: str | None = None
    date_updated: str | None = None
    last_updated_by: str | None = None
    attributes: Any = None
    member_sid: str | None = None
    subject: str | None = None
    content_sid: str | None = None
    channel_metadata: bool = False
    medias: list[MediaData] | None = None
    media: MediaData | None = None
    delivery: Delivery | None = None


class ParticipantData(Struct, rename="camel"):
    """Item of the roster map, keyed by participant sid; the read timestamp is in ms since 1970."""

    identity: str | None = None
    type: str = "chat"
    role_sid: str | None = None
    attributes: Any = None
    date_created: str | None = None
    date_updated: str | None = None
    last_consumed_message_index: int | None = None
    last_consumption_timestamp: int | None = None
    user_info: str | None = None
    bindings: dict[str, Any] | None = None


class UserValue(Struct):
    """Item ``friendlyName`` or ``attributes`` of a user's map."""

    value: str | None = None


class UserReachability(Struct):
    """Item ``reachability`` of a user's map."""

    online: bool | None = None
    notifiable: bool | None = None
