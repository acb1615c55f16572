"""Messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeGuard

from convo_widgets.client.builder import check_body
from convo_widgets.client.content import RICH, RICH_LIMIT, ContentData, content_data, rich_type
from convo_widgets.client.events import Emitter
from convo_widgets.client.media import Media, MediaCategory
from convo_widgets.client.paginator import pages
from convo_widgets.client.participant import Participant
from convo_widgets.client.receipts import AggregatedDeliveryReceipt, ChannelMetadata, DetailedDeliveryReceipt
from convo_widgets.client.recipients import RecipientDescriptor, recipients_of
from convo_widgets.client.shown import line, table
from convo_widgets.errors import NotFound, RemoteProtocolError
from convo_widgets.wire import json, schema
from convo_widgets.wire.schema import (
    Delivery,
    DeliveryReceiptPage,
    MediaData,
    MessageData,
    MessageReply,
    NewMessage,
    attributes_of,
    time_of,
)

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation

REMOVED = -1  # in place of an event id
NO_METADATA = 50530  # code of a message without any
MessageType = Literal["text", "media"]
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


class Message(Emitter):
    """A message of a conversation.

    Attributes:
        conversation: the conversation.
        index: its place there; grows, and may skip.

    Events:
        updated: something of it changed, by whomever; payload a `MessageUpdated`, with the reasons.
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
        return f"<Message {self.index} by {line(self.author)}: {line(self.body or '', 40)}>"

    def _repr_html_(self) -> str:
        rows = {
            "index": self.index,
            "author": self.author,
            "written": self.date_created,
            "subject": self.subject,
            "body": self.body,
            "media": ", ".join(map(repr, self.attached_media[:3])) or None,
            "attributes": line(self.attributes, 75) if self.attributes else None,
        }
        return table("Message", rows)

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
        return self.get_media_by_categories(["media"])

    @property
    def media(self) -> Media | None:
        """The first attachment."""
        attached = self.attached_media
        return attached[0] if attached else None

    def get_media_by_categories(self, categories: Sequence[MediaCategory]) -> list[Media]:
        """Its media of these categories: "media" for attachments, "body" and "history" for the texts of an email."""
        service = self.conversation._client._media
        return [Media.from_wire(medium, service) for medium in _media(self._data) if medium.category in categories]

    def get_email_body(self, type: str = "text/plain") -> Media | None:
        """The body of an email in one of its forms; None where it has none."""
        return _of_type(self.get_media_by_categories(["body"]), type)

    def get_email_history(self, type: str = "text/plain") -> Media | None:
        """The history of an email in one of its forms; None where it has none."""
        return _of_type(self.get_media_by_categories(["history"]), type)

    async def get_temporary_content_urls_for_media(self, content_set: Sequence[Media]) -> dict[str, str]:
        """New temporary addresses of media, by sid; see `Media.get_content_temporary_url`.

        Raises:
            NotFound: one of them is not there, or not for oneself.
        """
        return await self.get_temporary_content_urls_for_media_sids([medium.sid for medium in content_set])

    async def get_temporary_content_urls_for_media_sids(self, media_sids: Sequence[str]) -> dict[str, str]:
        """The same for the sids of media."""
        return await self.conversation._client._media.urls(media_sids)

    async def get_temporary_content_urls_for_attached_media(self) -> dict[str, str]:
        """The same for all its attachments."""
        return await self.get_temporary_content_urls_for_media(self.attached_media)

    async def get_content_data(self) -> ContentData | None:
        """What a message from a content template shows; None for a plain message.

        Raises:
            RemoteProtocolError: what the service keeps of it cannot be read.
            TransportError: it broke, again and again.
        """
        rich = [one for one in self.get_media_by_categories(["body"]) if one.content_type.startswith(RICH)]
        if self.content_sid is None or not rich:
            return None
        try:
            whole = json.decode(await rich[0].read(RICH_LIMIT))
        except json.BadJSON as error:
            raise RemoteProtocolError(f"The content of message {self.sid} cannot be read: {error}.") from error
        return content_data(rich_type(rich[0].content_type), whole.get("data") if isinstance(whole, dict) else whole)

    async def get_detailed_delivery_receipts(self) -> list[DetailedDeliveryReceipt]:
        """How far it got with each addressee outside of chat."""
        session, link = self.conversation._client._session, self.conversation._client._links.messages_receipts
        url = link.replace("%s", self.conversation.sid, 1).replace("%s", self.sid, 1)
        read = pages(session, url, DeliveryReceiptPage, {}, what="reading delivery receipts")
        return [DetailedDeliveryReceipt.from_wire(one) async for page in read for one in page.delivery_receipts]

    async def get_channel_metadata(self) -> ChannelMetadata | None:
        """What the channel that it came by knows of it; None where there is nothing."""
        if not self._data.channel_metadata:
            return None
        session, what = self.conversation._client._session, "reading channel metadata"
        try:
            answer = await session.get(f"{self._url}/ChannelMetadata", schema.ChannelMetadata, what=what)
        except NotFound as error:
            if error.code == NO_METADATA:
                return None
            raise
        return ChannelMetadata(answer.type, answer.data)

    async def get_message_recipients(self) -> list[RecipientDescriptor]:
        """Who the email went to; nobody for other messages."""
        session, url = self.conversation._client._session, self.conversation._links.self
        return await recipients_of(session, url, self.sid)

    @property
    def aggregated_delivery_receipt(self) -> AggregatedDeliveryReceipt | None:
        """How far it got outside of chat; None where nobody said yet."""
        delivery = self._data.delivery
        return AggregatedDeliveryReceipt.from_wire(delivery) if _is_told(delivery) else None

    async def get_participant(self) -> Participant | None:
        """Who wrote it, while they are in the conversation; None afterwards."""
        found = None
        if self.participant_sid is not None:
            found = await self.conversation.get_participant_by_sid(self.participant_sid)
        if found is None and self.author is not None:  # they may have left and come again
            found = await self.conversation.get_participant_by_identity(self.author)
        return found

    async def update_body(self, body: str) -> Message:
        """Change the text.

        Raises:
            Forbidden: it is somebody else's.
            NotFound: it was removed.
            TooLarge: more than 32 KB.
        """
        check_body(body)
        return await self._change(NewMessage(body=body), "editing a message")

    async def update_attributes(self, attributes: Any) -> Message:
        """Replace the attributes (any JSON, at most 4 KB).

        Raises:
            Forbidden: it is somebody else's.
            NotFound: it was removed.
            TooLarge: they have more.
        """
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
            if getattr(data, name) is None or (name in _NAMES and not getattr(data, name)):  # not said: as it was
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
            ("media", _media(data) != _media(old)),
        ]
        return [reason for reason, changed in checks if changed]


_NAMES = ("subject", "last_updated_by", "author")  # an empty one says nothing


def _media(data: MessageData) -> list[MediaData]:
    """All media; from services that know only one, that one."""
    return data.medias if data.medias is not None else [data.media] if data.media is not None else []


def _of_type(media: list[Media], type: str) -> Media | None:
    return next((medium for medium in media if medium.content_type.partition(";")[0].strip() == type), None)


def _is_told(delivery: Delivery | None) -> TypeGuard[Delivery]:
    """Whether anybody reported anything yet."""
    return delivery is not None and delivery.total > 0
