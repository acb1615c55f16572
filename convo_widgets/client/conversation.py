"""Conversations."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import UNSET

from convo_widgets.client.builder import MessageBuilder, SendEmailOptions, UnsentMessage
from convo_widgets.client.events import Emitter
from convo_widgets.client.facts import (
    ConversationBindings,
    ConversationState,
    ConversationStatus,
    LastMessage,
    Links,
    NotificationLevel,
)
from convo_widgets.client.files import ConversationLimits, UnsentMedia
from convo_widgets.client.followed import Followed
from convo_widgets.client.history import Order
from convo_widgets.client.membership import Membership
from convo_widgets.client.message import Message
from convo_widgets.client.messages import Direction, MessageRecord, Messages
from convo_widgets.client.paginator import Paginator
from convo_widgets.client.participant import Participant, ParticipantBindingOptions
from convo_widgets.client.participants import Participants
from convo_widgets.client.recipients import RecipientDescriptor, recipient_page
from convo_widgets.client.session import PAGE_LIMIT
from convo_widgets.client.shown import line, table
from convo_widgets.errors import UsageError
from convo_widgets.transport.http import Progress
from convo_widgets.wire import json
from convo_widgets.wire.schema import (
    ConversationReply,
    MessageReply,
    MessagingBinding,
    MyConversation,
    NewConversation,
    NewMessage,
    NewParticipant,
    ParticipantReply,
)

if TYPE_CHECKING:
    from convo_widgets.client.client import Client

PREFETCH = 24  # pages that are read ahead


class Conversation(Emitter):
    """A thread of messages between people, on chat and other channels.

    Whatever asks the service may raise a `TransportError` where no answer came, and a `ReplyError` where it is no; the
    methods name what to expect.

    Attributes:
        sid: its sid (CH...).
        status: "joined" or "notParticipating".
        unique_name: its name in programs; None where it has none.
        friendly_name: its name for people.
        attributes: its JSON.
        created_by: the identity that made it.
        state: whether it goes on; None where the service did not say.
        last_message: where the newest message stands; None where there is none.
        last_read_message_index: how far one has read oneself; None before that was ever set.
        notification_level: "default" or "muted".
        bindings: its addresses on other channels.
        date_created: in UTC.
        date_updated: in UTC.

    Events:
        discontinuity: what was known could not be continued and is read anew; payload a `Discontinuity`.
        messageAdded: there is a new message; payload the `Message`.
        messageRemoved: a message that was seen was removed; payload the `Message`.
        messageUpdated: a message that was seen changed; payload a `MessageUpdated`.
        participantJoined: somebody is in it now; payload the `Participant`.
        participantLeft: somebody is not in it any more; payload the `Participant`.
        participantUpdated: a participant changed; payload a `ParticipantUpdated`.
        removed: it is no more, or one may not see it any more; payload the conversation.
        typingEnded: a participant stopped writing, or their message is there; payload the `Participant`.
        typingStarted: a participant began to write; payload the `Participant`.
        updated: something of it changed, by whomever; payload a `ConversationUpdated`, with the reasons.
    """

    EVENTS: ClassVar[frozenset[str]] = frozenset(
        {
            "discontinuity",
            "messageAdded",
            "messageRemoved",
            "messageUpdated",
            "participantJoined",
            "participantLeft",
            "participantUpdated",
            "removed",
            "typingEnded",
            "typingStarted",
            "updated",
        }
    )

    def __init__(self, client: Client, sid: str, links: Links) -> None:
        super().__init__()
        self._client = client
        self._links = links
        self._messages = Messages(self)
        self._participants = Participants(self)
        self._membership = Membership(self)
        self._followed = Followed(self)
        self.sid = sid
        self.status: ConversationStatus = "notParticipating"
        self.unique_name: str | None = None
        self.friendly_name: str | None = None
        self.attributes: Any = {}
        self.created_by: str | None = None
        self.state: ConversationState | None = None
        self.last_message: LastMessage | None = None
        self.last_read_message_index: int | None = None
        self.notification_level: NotificationLevel = "default"
        self.bindings: ConversationBindings = {}
        self.date_created: datetime | None = None
        self.date_updated: datetime | None = None

    def __repr__(self) -> str:
        name = self.friendly_name or self.unique_name or ""
        return f"<Conversation {self.sid} {line(name)}, {self.status}>"

    def _repr_html_(self) -> str:
        rows = {
            "sid": self.sid,
            "friendly name": self.friendly_name,
            "unique name": self.unique_name,
            "status": self.status,
            "state": self.state.current if self.state else None,
            "attributes": line(self.attributes, 75) if self.attributes else None,
            "last message": self.last_message.date_created if self.last_message else None,
            "read up to": self.last_read_message_index,
            "created by": self.created_by,
            "created": self.date_created,
        }
        return table("Conversation", rows)

    @property
    def client(self) -> Client:
        """The client that it belongs to."""
        return self._client

    @property
    def limits(self) -> ConversationLimits:
        """What its messages may carry."""
        return self._client._limits

    # -- messages

    async def get_messages(
        self, page_size: int = 30, anchor: int | None = None, direction: Direction = "backwards"
    ) -> Paginator[Message]:
        """A page of messages, in the order of their indexes.

        Args:
            page_size: how many, at least 1; more than 100 are fetched in several requests.
            anchor: the index that the page ends at (backwards) or starts at (forward), inclusive; it need not exist.
                None is the end, or for forward the beginning.
            direction: which way the page lies from the anchor.

        Raises:
            UsageError: one is not in this conversation.
        """
        self._check_joined("read messages")
        if page_size < 1:
            raise UsageError(f"page_size is {page_size}: a page has at least one message.")
        if anchor is not None and anchor < 0:
            raise UsageError(f"anchor is {anchor}: the first message has index 0.")
        if direction not in ("backwards", "forward"):
            raise UsageError(f"direction is {direction!r}: it is 'backwards' or 'forward'.")
        return await self._messages.page(page_size, anchor, direction)

    def history(
        self,
        order: Order = "asc",
        *,
        start: int | None = None,
        end: int | None = None,
        page_size: int = PAGE_LIMIT,
        prefetch: int = PREFETCH,
    ) -> AsyncGenerator[Message]:
        """Every message, each once and in order: ``async for message in conversation.history()``.

        Pages are read ahead in parallel, and nothing is kept of what was read: it takes the same memory for a hundred
        messages as for a million. A message that somebody still holds goes on being updated. A lost connection in
        between is waited for; ending the loop early leaves nothing under way.

        Args:
            order: "asc" from the oldest message to the newest there is when one gets there, or "desc" from the newest.
            start: lowest index, inclusive; it need not exist. None is the beginning.
            end: highest index, inclusive. None is the end.
            page_size: messages to ask for at a time, 1 to 100.
            prefetch: pages to have on their way or waiting, at least 1; 1 reads one page after the other.

        Raises:
            UsageError: one is not in this conversation, or an argument does not fit.
            Forbidden: one was removed from it meanwhile.
            TransportError: the connection stayed lost.
        """
        self._check_joined("read messages")
        if order not in ("asc", "desc"):
            raise UsageError(f"order is {order!r}: it is 'asc' or 'desc'.")
        if any(bound is not None and bound < 0 for bound in (start, end)):
            raise UsageError(f"start is {start} and end {end}: the first message has index 0.")
        _check_reading(page_size, prefetch)
        return self._messages.history(order, start, end, page_size, prefetch)

    def message_records(
        self, direction: Direction = "backwards", *, page_size: int = PAGE_LIMIT, prefetch: int = PREFETCH
    ) -> AsyncGenerator[list[MessageRecord]]:
        """Every message as pages of (index, data), for bulk readers: no `Message` is made, nothing is kept.

        Args:
            direction: from the newest "backwards", or "forward" from the oldest; pages too are in this order.
            page_size: as for `history`.
            prefetch: as for `history`.

        Raises:
            UsageError: one is not in this conversation, or an argument does not fit.
            Forbidden: one was removed from it meanwhile.
        """
        self._check_joined("read messages")
        _check_reading(page_size, prefetch)
        return self._messages.records("desc" if direction == "backwards" else "asc", page_size, prefetch)

    async def send_message(
        self,
        message: str | UnsentMedia | Sequence[UnsentMedia] | None = None,
        attributes: Any = None,
        email_options: SendEmailOptions | None = None,
        *,
        subject: str | None = None,
        on_progress: Progress | None = None,
    ) -> int:
        """Write a message; returns its index.

        It is sent once: should the connection break meanwhile, the service recognises the second try. Cancelling the
        task while media are uploaded stops that, and nothing is sent. `prepare_message` can do more.

        Args:
            message: text, at most 32 KB of UTF-8, which is never read as HTML; or a medium, or a list of media:
                `FileMedia`, paths, files that are open for reading bytes.
            attributes: any JSON.
            email_options: of an email: ``{"subject": ...}``.
            subject: the same, shorter.
            on_progress: called with the bytes of media that are uploaded and all there are.

        Raises:
            TooLarge: the body is over 32 KB, or a medium over the `limits`; nothing was sent.
            UsageError: too many media, or a file that cannot be read; nothing was sent.
            Forbidden: one may not write here.
            ReplyError: the conversation is closed (50377), and whatever else the service minds.
            TransportError: no answer came; `may_have_happened` says what that means.
        """
        subject = subject if subject is not None else (email_options or {}).get("subject")
        return await UnsentMessage.of(self, message, attributes, subject).send(on_progress)

    def prepare_message(self) -> MessageBuilder:
        """A builder for a message with several parts: ``prepare_message().set_body("Look").add_media("a.png")...``."""
        return MessageBuilder(self)

    async def _send(self, message: NewMessage, mutation: str) -> int:
        reply = await self._client._session.post(
            self._links.messages, message, MessageReply, what="sending a message", mutation=mutation
        )
        self._membership.stopped_typing()
        return reply.index

    async def get_message_recipients(self, page_size: int | None = None) -> Paginator[RecipientDescriptor]:
        """Who the emails of this conversation went to, page by page.

        Args:
            page_size: messages of a page, each of which may have several recipients; None lets the service choose.
        """
        return await recipient_page(self._client._session, self._links.self, page_size)

    async def typing(self) -> None:
        """Tell the others that one is writing; at most one word every few seconds really goes out."""
        await self._membership.tell_typing()

    async def get_messages_count(self) -> int:
        """How many messages there are; may lag a moment behind."""
        count = (await self._fetch()).messages_count
        return 0 if count is UNSET else count

    async def get_unread_messages_count(self) -> int | None:
        """How many messages lie behind one's read horizon; None while that was never set (which is not 0)."""
        return await self._membership.count_unread()

    async def advance_last_read_message_index(self, index: int) -> int | None:
        """Move one's read horizon forward to `index`, never back; returns the unread count.

        Raises:
            UsageError: one is not in this conversation.
        """
        known = self.last_read_message_index
        return await self._set_horizon(index if known is None else max(index, known))

    async def update_last_read_message_index(self, index: int | None) -> int | None:
        """Set one's read horizon, backwards too; None removes it. Returns the unread count.

        Raises:
            UsageError: one is not in this conversation, or no message can have this index.
            ReplyError: the newest message has a lower index (50421).
        """
        return await self._set_horizon(index)

    async def set_all_messages_read(self) -> int | None:
        """Set one's read horizon to the newest message; returns the unread count.

        Raises:
            UsageError: one is not in this conversation.
        """
        newest = (await self.get_messages(1)).items
        return await self.advance_last_read_message_index(newest[-1].index) if newest else 0

    async def set_all_messages_unread(self) -> int | None:
        """Remove one's read horizon; returns the unread count (None).

        Raises:
            UsageError: one is not in this conversation.
        """
        return await self._set_horizon(None)

    async def _set_horizon(self, index: int | None) -> int | None:
        self._check_joined("set what was read")
        return await self._membership.set_horizon(index)

    async def set_user_notification_level(self, notification_level: NotificationLevel) -> None:
        """Choose "default" or "muted" push notifications for oneself.

        Raises:
            UsageError: it is neither.
        """
        await self._membership.set_notification_level(notification_level)

    # -- participants

    async def get_participants(self) -> list[Participant]:
        """Everybody in it.

        Raises:
            UsageError: one is not in this conversation.
        """
        self._check_joined("see the participants")
        return self._participants.all()

    async def get_participant_by_sid(self, sid: str) -> Participant | None:
        """The participant with this sid (MB...); None where there is none."""
        return self._participants.by_sid(sid)

    async def get_participant_by_identity(self, identity: str) -> Participant | None:
        """The participant with this identity; None where there is none."""
        return self._participants.by_identity(identity)

    async def get_participants_count(self) -> int:
        """How many participants there are; may lag a moment behind."""
        count = (await self._fetch()).participants_count
        return 0 if count is UNSET else count

    async def add(self, identity: str, attributes: Any = None) -> ParticipantReply:
        """Add somebody on chat.

        Raises:
            Conflict: they are in it already.
            Forbidden: one may not.
        """
        if not identity:
            raise UsageError("A participant on chat has an identity.")
        return await self._participants.add(NewParticipant(identity=identity), attributes)

    async def add_non_chat_participant(
        self,
        proxy_address: str,
        address: str,
        attributes: Any = None,
        binding_options: ParticipantBindingOptions | None = None,
    ) -> ParticipantReply:
        """Add somebody on another channel: SMS, WhatsApp, email.

        Args:
            proxy_address: the service's own address on that channel, for example "+15550001111".
            address: theirs: "+15552223333", "whatsapp:+15552223333", "ann@example.org".
            attributes: any JSON.
            binding_options: for an email: ``{"email": {"name": "Ann", "level": "to"}}``; the level is "to" or "cc".

        Raises:
            Conflict: the pair of addresses is in use.
            Forbidden: one may not.
            ReplyError: an address does not fit its channel.
        """
        if not proxy_address or not address:
            raise UsageError("A participant who is not on chat needs an address and a proxy_address.")
        email = (binding_options or {}).get("email", {})
        binding = MessagingBinding(address, proxy_address, name=email.get("name"), level=email.get("level"))
        return await self._participants.add(NewParticipant(messaging_binding=binding), attributes)

    async def remove_participant(self, participant: Participant | str) -> None:
        """Take somebody out: a participant, its sid, or an identity.

        Raises:
            NotFound: they are not in it.
            Forbidden: one may not.
        """
        await self._participants.remove(participant.sid if isinstance(participant, Participant) else participant)

    async def join(self) -> Conversation:
        """Become a participant; returns when its messages and participants can be read.

        Raises:
            Forbidden: one may not.
        """
        if self.status != "joined":
            await self.add(self._client.user.identity)
            await self._client._conversations.joined(self)
        return self

    async def leave(self) -> Conversation:
        """Stop being a participant."""
        if self.status == "joined":
            await self.remove_participant(self._client.user.identity)
            await self._client._conversations.left(self)
        return self

    # -- the conversation itself

    async def update_friendly_name(self, friendly_name: str) -> Conversation:
        """Change its name for people; at most 256 characters.

        Raises:
            Forbidden: one may not.
        """
        return await self._change(NewConversation(friendly_name=friendly_name), "renaming a conversation")

    async def update_unique_name(self, unique_name: str | None) -> Conversation:
        """Change its name in programs; None removes it.

        Raises:
            Conflict: another conversation has it.
        """
        return await self._change(NewConversation(unique_name=unique_name or ""), "renaming a conversation")

    async def update_attributes(self, attributes: Any) -> Conversation:
        """Replace its attributes (any JSON, at most 16 KB).

        Raises:
            TooLarge: they have more.
            Forbidden: one may not.
        """
        text = json.encode(attributes).decode()
        return await self._change(NewConversation(attributes=text), "changing a conversation's attributes")

    async def get_attributes(self) -> Any:
        """Its attributes."""
        return self.attributes

    async def delete(self) -> Conversation:
        """Delete it for everybody, with all its messages.

        Raises:
            Forbidden: one may not.
        """
        await self._client._session.mutate("DELETE", self._links.self, {}, what="deleting a conversation")
        await self._client._conversations.left(self)
        return self

    async def _change(self, body: NewConversation, what: str) -> Conversation:
        await self._client._session.post(self._links.self, body, ConversationReply, what=what)
        return self

    async def _fetch(self) -> MyConversation:
        return await self._client._session.get(self._links.self, MyConversation, what="reading a conversation")

    # -- checks

    def _check_joined(self, what: str) -> None:
        if not self._messages.is_open:
            raise UsageError(f"One cannot {what} from outside: `await conversation.join()` first.")

    def _announce(self, name: str, payload: Any) -> None:
        """Tell it here and at the client."""
        self._emit(name, payload)
        self._client._emit(name, payload)


def _check_reading(page_size: int, prefetch: int) -> None:
    if not 1 <= page_size <= PAGE_LIMIT:
        raise UsageError(f"page_size is {page_size}: a page has 1 to {PAGE_LIMIT} messages.")
    if prefetch < 1:
        raise UsageError(f"prefetch is {prefetch}: at least one page has to be read at a time.")
