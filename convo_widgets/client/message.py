"""Messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from convo_widgets.client.events import Emitter
from convo_widgets.client.media import Media
from convo_widgets.client.participant import Participant
from convo_widgets.wire import json
from convo_widgets.wire.schema import Delivery, MessageData, MessageReply, NewMessage, attributes_of, time_of

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation

REMOVED = -1  # in place of an event id
MessageType = Literal["text", "media"]
DeliveryAmount = Literal["none", "some", "all"]
MessageUpdateReason = Literal[
    "body",
    "subject",
    "lastUpdatedBy",
    "author",
    "dateUpdated",
    "dateCreated",
    "attributes",
    "deliveryReceipt",
    "media",
]


@dataclass(frozen=True, slots=True)
class MessageUpdated:
    """Payload of "updated" and "messageUpdated"."""

    message: Message
    update_reasons: list[MessageUpdateReason]


@dataclass(frozen=True, slots=True)
class AggregatedDeliveryReceipt:
    """How far a message got with everybody outside of chat.

    Attributes:
        total: how many it was sent to.
        sent: how many of them it left for: none, some or all; likewise the other amounts.
        delivered: how many it arrived at.
        read: how many have read it.
        failed: how many it failed for.
        undelivered: how many it could not be delivered to.
    """

    total: int
    sent: DeliveryAmount
    delivered: DeliveryAmount
    read: DeliveryAmount
    failed: DeliveryAmount
    undelivered: DeliveryAmount


class Message(Emitter):
    """A message of a conversation.

    Attributes:
        conversation: the conversation.
        index: its place there; grows, and may skip.
    """

    EVENTS: ClassVar[frozenset[str]] = frozenset({"updated"})

    __slots__ = ("__weakref__", "_data", "_event_id", "conversation", "index")

    def __init__(self, conversation: Conversation, index: int, data: MessageData, event_id: int | None = None) -> None:
        super().__init__()
        self.conversation = conversation
        self.index = index
        self._data = data
        self._event_id = event_id  # of the newest event in its state; None where that is not known any more

    def __repr__(self) -> str:
        body = self.body or ""
        short = body if len(body) <= 40 else f"{body[:39]}…"
        return f"<Message {self.index} by {self.author!r}: {short!r}>"

    @property
    def sid(self) -> str:
        """Its sid (IM...)."""
        return self._data.sid

    @property
    def author(self) -> str | None:
        """Who wrote it: an identity, or an address on other channels."""
        return self._data.author

    @property
    def body(self) -> str | None:
        """Its text, as it was written: never HTML."""
        return self._data.text

    @property
    def subject(self) -> str | None:
        """The subject of an email."""
        return self._data.subject

    @property
    def type(self) -> MessageType:
        """Whether it has media."""
        return "media" if self._data.type == "media" else "text"

    @property
    def attributes(self) -> Any:
        """Its JSON."""
        return attributes_of(self._data.attributes)

    @property
    def content_sid(self) -> str | None:
        """The content template that it was made from."""
        return self._data.content_sid

    @property
    def participant_sid(self) -> str | None:
        """Which membership wrote it; None for what the system wrote."""
        return self._data.member_sid

    @property
    def date_created(self) -> datetime | None:
        """When it was written, in UTC."""
        return time_of(self._data.timestamp)

    @property
    def date_updated(self) -> datetime | None:
        """When it last changed, in UTC."""
        return time_of(self._data.date_updated)

    @property
    def last_updated_by(self) -> str | None:
        """Who edited it last; None before the first edit."""
        return self._data.last_updated_by

    @property
    def attached_media(self) -> list[Media]:
        """Its attachments, without email texts."""
        return [Media.from_wire(medium) for medium in self._data.medias or [] if medium.category == "media"]

    @property
    def media(self) -> Media | None:
        """The first attachment."""
        attached = self.attached_media
        return attached[0] if attached else None

    @property
    def aggregated_delivery_receipt(self) -> AggregatedDeliveryReceipt | None:
        """How far it got outside of chat; None where nobody said yet."""
        delivery = self._data.delivery
        if not _is_told(delivery):
            return None
        assert delivery is not None
        return AggregatedDeliveryReceipt(
            delivery.total,
            *(
                amount if amount in ("none", "some", "all") else "none"  # type: ignore[arg-type]
                for amount in (
                    delivery.sent,
                    delivery.delivered,
                    delivery.read,
                    delivery.failed,
                    delivery.undelivered,
                )
            ),
        )

    async def get_participant(self) -> Participant | None:
        """Who wrote it, while they are in the conversation; None afterwards."""
        if self.participant_sid is None:
            return None
        return await self.conversation.get_participant_by_sid(self.participant_sid)

    async def update_body(self, body: str) -> Message:
        """Change the text.

        Raises:
            Forbidden: it is somebody else's.
            NotFound: it was removed.
            TooLarge: more than 32 KB.
        """
        self.conversation._check_body(body)
        return await self._change(NewMessage(body=body), "editing a message")

    async def update_attributes(self, attributes: Any) -> Message:
        """Replace the attributes (any JSON)."""
        return await self._change(
            NewMessage(attributes=json.encode(attributes).decode()), "changing a message's attributes"
        )

    async def remove(self) -> Message:
        """Remove it for everybody; its index is not used again.

        Raises:
            Forbidden: it is somebody else's.
        """
        await self.conversation._client._session.mutate("DELETE", self._url, {}, what="removing a message")
        return self

    @property
    def _url(self) -> str:
        return f"{self.conversation._links.messages}/{self.sid}"

    async def _change(self, body: NewMessage, what: str) -> Message:
        await self.conversation._client._session.post(self._url, body, MessageReply, what=what)
        return self

    def _update(self, data: MessageData) -> list[MessageUpdateReason]:
        """Take newer data; what of it is new."""
        old, self._data = self._data, data
        if not _is_told(data.delivery):
            data.delivery = old.delivery
        for name in ("text", "subject", "last_updated_by", "author", "date_updated", "timestamp"):
            if getattr(data, name) is None:  # not said again, so as it was
                setattr(data, name, getattr(old, name))
        checks: list[tuple[MessageUpdateReason, bool]] = [
            ("body", data.text != old.text),
            ("subject", data.subject != old.subject),
            ("lastUpdatedBy", data.last_updated_by != old.last_updated_by),
            ("author", data.author != old.author),
            ("dateUpdated", time_of(data.date_updated) != time_of(old.date_updated)),
            ("dateCreated", time_of(data.timestamp) != time_of(old.timestamp)),
            ("attributes", attributes_of(data.attributes) != attributes_of(old.attributes)),
            ("deliveryReceipt", data.delivery != old.delivery),
            ("media", (data.medias or []) != (old.medias or [])),
        ]
        return [reason for reason, changed in checks if changed]


def _is_told(delivery: Delivery | None) -> bool:
    """Whether anybody reported anything yet."""
    return delivery is not None and delivery.total > 0
