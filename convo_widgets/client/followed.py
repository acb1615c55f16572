"""What the service says of a conversation: its Sync objects, opened together, followed, and read anew when need be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from convo_widgets.client.facts import ConversationState, ConversationUpdated, ConversationUpdateReason, last_message
from convo_widgets.client.tasks import together
from convo_widgets.errors import NotFound
from convo_widgets.sync.objects import Change, SyncDocument
from convo_widgets.transport.link import CONNECTION_TIMEOUT
from convo_widgets.wire.schema import (
    ConversationData,
    ConversationObjects,
    MembershipData,
    SyncObjectReply,
    attributes_of,
    time_of,
)

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation


class Followed:
    """The document of a conversation and, for a member, its messages and its roster."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._session = conversation._client._session
        self._document: SyncDocument | None = None
        self._names = ConversationObjects()
        self._renewal: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether its document is to be followed."""
        return self._document is not None

    @property
    def names(self) -> ConversationObjects:
        """What the objects are called; those that nobody said by the service's rule."""
        sid, names = self._conversation.sid, self._names
        return ConversationObjects(
            names.conversation or f"{sid}.channel",
            names.participants or f"{sid}.roster",
            names.messages or f"{sid}.messages",
        )

    async def open(self, data: MembershipData, *, joined: bool) -> None:
        """Read and follow what is not open yet.

        Raises:
            NotFound: it was deleted meanwhile.
        """
        self._names.conversation = data.channel
        openings = [] if self.is_open else [self._open_document()]
        named = data.messages is not None and data.roster is not None
        if joined and named:
            self._names.messages, self._names.participants = data.messages, data.roster
            openings.append(self._open_streams())
        await together(*openings)
        if joined and not named:  # the document names them
            await self._open_streams()
        if not self.is_open:
            self.close_streams()
            raise NotFound(404, 50350, f"Conversation {self._conversation.sid} was deleted while it was opened")

    async def _open_document(self) -> None:
        self._take_document(await self._session.open("Documents", self.names.conversation or ""))

    async def _open_streams(self) -> None:
        conversation, names = self._conversation, self.names
        openings = []
        if not conversation._participants.is_open:
            openings.append(conversation._participants.open(names.participants or ""))
        if not conversation._messages.is_open:
            openings.append(conversation._messages.open(names.messages or ""))
        await together(*openings)

    def _take_document(self, opened: SyncObjectReply) -> list[ConversationUpdateReason]:
        data = self._session.item(opened.data, ConversationData)
        self._document = SyncDocument(opened.sid, opened.last_event_id)
        self._session.follow(self._document, self._changed)
        return [] if data is None else self._take(data)

    def close(self) -> None:
        """Follow nothing of it any more."""
        self.close_streams()
        if self._document is not None:
            self._session.unfollow(self._document.sid)
            self._document = None

    def close_streams(self) -> None:
        """Follow its document alone."""
        self._conversation._messages.close()
        self._conversation._participants.close()

    # -- another past

    def lost(self, reason: str) -> None:
        """One of the objects cannot be followed on from where we are: read all of them anew."""
        if self._renewal is None or self._renewal.done():
            self._renewal = self._conversation._client._conversations.renew(self._conversation, reason)

    async def settled(self) -> None:
        """Wait, but not for ever, while things are read anew: what is there until then is of another past."""
        if self._renewal is not None and not self._renewal.done():
            await asyncio.wait({self._renewal}, timeout=CONNECTION_TIMEOUT)

    async def renew(self, reason: str) -> None:
        """Say that something may be missing, and read everything anew; what differs from before is announced.

        Raises:
            Forbidden: one is not in it any more, which its own event tells.
        """
        await self._read_anew(reason)
        while self._is_lost():  # again, while the others were being read
            await self._read_anew(reason)

    async def _read_anew(self, reason: str) -> None:
        conversation, names = self._conversation, self.names
        openings = [self._session.open("Documents", names.conversation or "")]
        if conversation.status == "joined":
            openings.append(self._session.open("Maps", names.participants or ""))
            openings.append(self._session.open("Lists", names.messages or ""))
        document, *streams = await together(*openings)
        if not self.is_open:  # it was removed meanwhile
            return
        conversation._client._discontinued(conversation, reason)
        self.tell(self._take_document(document))
        if streams:
            await conversation._participants.renew(streams[0])
            await conversation._messages.renew(streams[1])

    def _is_lost(self) -> bool:
        objects = (self._document, self._conversation._messages.object, self._conversation._participants.object)
        return any(one is not None and not self._session.is_followed(one) for one in objects)

    # -- news

    def _changed(self, change: Change) -> None:
        if change.kind == "lost":
            self.lost("The service knows another past of this conversation.")
            return
        if change.kind == "gone":
            self._conversation._client._conversations.removed(self._conversation)
            self.close()  # also where it was just being opened
            return
        data = self._session.item(change.data, ConversationData)
        if data is not None:
            self.tell(self._take(data))

    def tell(self, reasons: list[ConversationUpdateReason]) -> None:
        """Announce what of it is new."""
        if reasons:
            update, conversation = ConversationUpdated(self._conversation, reasons), self._conversation
            conversation._emit("updated", update)
            conversation._client._emit("conversationUpdated", update)

    def _take(self, data: ConversationData) -> list[ConversationUpdateReason]:
        """Take newer data of the document; what of it is new."""
        conversation = self._conversation
        self._names.messages = data.messages or self._names.messages
        self._names.participants = data.roster or self._names.participants
        reasons: list[ConversationUpdateReason] = []

        def put(attribute: str, value: Any, reason: ConversationUpdateReason) -> None:
            if value is not UNSET and getattr(conversation, attribute) != value:
                setattr(conversation, attribute, value)
                reasons.append(reason)

        put("unique_name", data.unique_name, "uniqueName")
        put("friendly_name", data.friendly_name, "friendlyName")
        put("created_by", data.created_by, "createdBy")
        if data.attributes is not UNSET:
            put("attributes", attributes_of(data.attributes), "attributes")
        if data.date_created is not UNSET:
            put("date_created", time_of(data.date_created), "dateCreated")
        if data.date_updated is not UNSET:
            put("date_updated", time_of(data.date_updated), "dateUpdated")
        if data.last_message is not UNSET:
            put("last_message", last_message(data, conversation.last_message), "lastMessage")
        if data.state:
            state = ConversationState(data.state.current, time_of(data.state.date_updated))
            put("state", state, "state")
        if data.bindings is not UNSET:
            put("bindings", data.bindings or {}, "bindings")
        return reasons
