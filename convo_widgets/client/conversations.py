"""The conversations that the client knows: one's own, and those that were looked at."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections import deque
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import UNSET

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.facts import Links
from convo_widgets.client.paginator import pages
from convo_widgets.client.tasks import PASSING
from convo_widgets.errors import ConvoError, Forbidden, NotFound, UsageError
from convo_widgets.sync.objects import Change, SyncMap
from convo_widgets.wire import json
from convo_widgets.wire.schema import (
    ConversationObjects,
    ConversationReply,
    MembershipData,
    MyConversation,
    MyConversationPage,
    NewConversation,
    TypingNotice,
)

if TYPE_CHECKING:
    from convo_widgets.client.client import Client

log = logging.getLogger("convo_widgets")

LEAVING = 5.0  # seconds to wait for word that one has left
LISTING = 60.0  # seconds that a listing waits for its conversations to be open
OPENINGS = 100  # conversations that are opened at a time; each costs a few reads


class Conversations:
    """Every `Conversation` once, kept by the my-conversations map."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._session = client._session
        self._known: dict[str, Conversation] = {}
        self._former: weakref.WeakValueDictionary[str, Conversation] = weakref.WeakValueDictionary()
        self._locks: dict[str, asyncio.Lock] = {}
        self._news: dict[str, deque[MembershipData | None]] = {}  # what the map told and is not yet taken; None: left
        self._told: set[str] = set()  # whom the map told of while a listing was under way: newer than the listing
        self._listing: asyncio.Task[None] | None = None
        self._room = asyncio.Semaphore(OPENINGS)

    def known(self) -> list[Conversation]:
        """Those that are known just now."""
        return list(self._known.values())

    async def mine(self) -> list[Conversation]:
        """Those that one has joined, once the first listing is complete."""
        while self._listing is not None and not self._listing.done():  # another one may begin meanwhile
            await asyncio.wait({self._listing})
        if self._listing is not None:
            if self._listing.cancelled():
                raise UsageError("The client was shut down: connect() again.")
            self._listing.result()
        return [one for one in self._known.values() if one.status == "joined"]

    def load(self) -> None:
        """Start to follow the map of one's conversations and to list them all; what the two tell twice counts once."""
        self._listing = self._session.tasks.persist(self._load, "listing the conversations")

    async def _load(self) -> None:
        name = (await self._client._configure()).sync_objects.my_conversations
        opened = await self._session.open("Maps", name)
        self._told.clear()
        self._session.follow(SyncMap(opened.sid, opened.last_event_id), self._changed)
        listed = await self._list()
        former = self._known.keys() - {one.conversation_sid for one in listed} - self._told
        await asyncio.gather(*(self._remove(sid) for sid in former if self._known[sid].status == "joined"))
        openings = [
            self._session.tasks.persist(partial(self._open_listed, one), f"opening conversation {one.conversation_sid}")
            for one in listed
        ]
        if openings:
            await asyncio.wait(openings, timeout=LISTING)  # one that cannot be opened does not hold up the others

    async def _list(self) -> list[MyConversation]:
        """All pages of one's conversations."""
        listed: dict[str, MyConversation] = {}
        url, what = self._client._links.my_conversations, "listing conversations"
        async for page in pages(self._session, url, MyConversationPage, {}, what=what):
            known = len(listed)
            listed.update((one.conversation_sid, one) for one in page.conversations)
            if len(listed) == known:  # a page of nothing new leads nowhere
                break
        return list(listed.values())

    async def _open_listed(self, mine: MyConversation) -> None:
        async with self._room:
            if mine.conversation_sid not in self._told:
                await self._upsert(mine.conversation_sid, _membership(mine))

    async def get_by_sid(self, sid: str) -> Conversation:
        """The conversation with this sid, one's own or one that may be seen."""
        async with self._lock(sid):  # it may just be being opened
            known = self._known.get(sid)
        if known is not None:
            return known
        try:
            return await self._get_mine(sid)
        except NotFound:
            return await self.peek(sid)

    async def get_by_unique_name(self, name: str) -> Conversation:
        """The conversation with this unique name."""
        return await self._get_mine(name)

    async def peek(self, sid: str) -> Conversation:
        """A conversation that one need not have joined: its name, attributes and counts."""
        url = f"{self._client._links.conversations}/{quote(sid, safe='')}"
        seen = await self._session.get(url, MyConversation, what=f"looking up conversation {sid}")
        return await self._upsert(seen.conversation_sid, _membership(seen))

    async def _get_mine(self, name: str) -> Conversation:
        url = f"{self._client._links.my_conversations}/{quote(name, safe='')}"
        mine = await self._session.get(url, MyConversation, what=f"looking up conversation {name!r}")
        return await self._upsert(mine.conversation_sid, _membership(mine))

    async def create(self, body: NewConversation) -> Conversation:
        """Make a conversation; its maker has not joined it yet."""
        links = self._client._links
        reply = await self._session.post(links.conversations, body, ConversationReply, what="creating a conversation")
        objects = reply.sync_objects
        return await self._upsert(reply.sid, _data(reply.sid, "notParticipating", objects))

    async def joined(self, conversation: Conversation) -> None:
        """One has just joined it: make it readable now, rather than when the map's event comes."""
        await self._upsert(conversation.sid, _data(conversation.sid, "joined", conversation._followed.names))

    async def left(self, conversation: Conversation) -> None:
        """One has just left it: return when the map has said so too, for a later join must come after that."""
        if conversation.status == "joined":
            with contextlib.suppress(TimeoutError):
                await self._client.wait_for("conversationLeft", LEAVING, lambda one: one is conversation)

    def removed(self, conversation: Conversation) -> None:
        """It is no more; said once, whether the document or the map tells it first."""
        if self._known.pop(conversation.sid, None) is None:
            return
        self._former[conversation.sid] = conversation
        if conversation.status == "joined":
            conversation.status = "notParticipating"
            self._client._emit("conversationLeft", conversation)
        conversation._followed.close()
        self._client._emit("conversationRemoved", conversation)
        conversation._emit("removed", conversation)

    def renew(self, conversation: Conversation, reason: str) -> asyncio.Task[None]:
        """What is known of it may be of another past than the service's: read it anew."""
        act = partial(self._renew, conversation, reason)
        return self._session.tasks.persist(act, f"reading conversation {conversation.sid} anew")

    async def _renew(self, conversation: Conversation, reason: str) -> None:
        async with self._lock(conversation.sid):
            if self._known.get(conversation.sid) is conversation:
                await conversation._followed.renew(reason)

    def take_typing(self, body: bytes) -> None:
        """Somebody is writing in one of them."""
        try:
            typing = json.decode(body, TypingNotice)
        except json.BadJSON as error:
            log.warning("a typing notice cannot be read and is skipped: %s", error)
            return
        conversation = self._known.get(typing.channel_sid)
        if conversation is not None and typing.identity != self._client.user.identity:
            conversation._participants.started_typing(typing.identity, min(max(typing.typing_timeout, 1), 60))

    def _changed(self, change: Change) -> None:
        if change.kind in ("gone", "lost"):
            self._client._discontinued(self._client, "The service knows another past of one's conversations.")
            self.load()
            return
        if not isinstance(change.key, str):
            return
        self._told.add(change.key)
        data = None if change.kind == "removed" else self._session.item(change.data, MembershipData)
        if data is None and change.kind != "removed":
            return
        news = self._news.setdefault(change.key, deque())
        news.append(data)
        if len(news) == 1:
            self._session.tasks.persist(partial(self._follow, change.key, news), f"following conversation {change.key}")

    async def _follow(self, sid: str, news: deque[MembershipData | None]) -> None:
        """Take what the map says of a conversation, in its order: a leaving and a new join may not become one."""
        while news:
            try:
                await (self._remove(sid) if news[0] is None else self._upsert(sid, news[0]))
            except PASSING:
                raise
            except (NotFound, Forbidden) as error:  # it is over again by the time that it is opened
                log.info("conversation %s cannot be opened: %s", sid, error)
            except ConvoError as error:
                log.warning("conversation %s cannot be opened before its next news: %s", sid, error)
            news.popleft()
        self._news.pop(sid, None)

    async def _remove(self, sid: str) -> None:
        async with self._lock(sid):
            conversation = self._known.get(sid)
            if conversation is not None:
                self.removed(conversation)

    def _lock(self, sid: str) -> asyncio.Lock:
        """Changes of one conversation are taken one after the other, in their order."""
        return self._locks.setdefault(sid, asyncio.Lock())

    async def _upsert(self, sid: str, data: MembershipData) -> Conversation:
        async with self._lock(sid):
            conversation = self._known.get(sid)
            if conversation is None:
                return await self._add(sid, data)
            await self._update(conversation, data)
            return conversation

    async def _add(self, sid: str, data: MembershipData) -> Conversation:
        conversation = self._former.pop(sid, None)  # whoever still holds it goes on with it
        if conversation is None:
            conversation = Conversation(self._client, sid, Links.under(self._client._links.conversations, sid))
        joined = data.status == "joined"
        conversation._membership.take(data)
        try:
            await conversation._followed.open(data, joined=joined)
        except BaseException:
            self._former[sid] = conversation
            conversation._followed.close()
            raise
        self._known[sid] = conversation
        self._client._emit("conversationAdded", conversation)
        if joined:
            conversation.status = "joined"
            self._client._emit("conversationJoined", conversation)
        return conversation

    async def _update(self, conversation: Conversation, data: MembershipData) -> None:
        reasons = conversation._membership.take(data)
        if data.status == "joined" and conversation.status != "joined":
            await conversation._followed.open(data, joined=True)
            conversation.status = "joined"
            conversation._followed.tell(reasons)
            self._client._emit("conversationJoined", conversation)
        elif data.status == "notParticipating" and conversation.status == "joined":
            conversation.status = "notParticipating"
            conversation._followed.close_streams()
            conversation._followed.tell(reasons)
            self._client._emit("conversationLeft", conversation)
        else:
            conversation._followed.tell(reasons)


def _membership(mine: MyConversation) -> MembershipData:
    data = _data(mine.conversation_sid, mine.status, mine.sync_objects)
    data.last_consumed_message_index = mine.last_read_message_index
    data.notification_level = mine.notification_level
    return data


def _data(sid: str, status: str, objects: ConversationObjects) -> MembershipData:
    return MembershipData(
        channel=objects.conversation or f"{sid}.channel",
        status="joined" if status == "joined" else "notParticipating" if status == "notParticipating" else "unknown",
        messages=objects.messages,
        roster=objects.participants,
        last_consumed_message_index=UNSET,
    )
