"""All conversations of a client, live: what is new, what is unread, and which one to look at."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import traitlets

from convo_widgets.client.client import Client
from convo_widgets.client.conversation import Conversation
from convo_widgets.client.facts import ConversationUpdated
from convo_widgets.client.message import Message
from convo_widgets.client.participant import Participant
from convo_widgets.errors import ConvoError, TransportError, UsageError
from convo_widgets.widgets._base import bundle
from convo_widgets.widgets._errands import Errands
from convo_widgets.widgets._messages import is_system
from convo_widgets.widgets._names import Names
from convo_widgets.widgets._rows import Column, Row, Wish
from convo_widgets.widgets._table import Table

PREVIEW = 200  # characters of a message that a row holds
NAMED = 3  # people whose names make the title of a conversation without one
UNREAD_FIRST = 1e14  # ms: later than every date


class Inbox(Table):
    """The conversations that a client has joined, newest first.

    Attributes:
        selected_sid: sid (CH...) of the selected conversation, empty while there is none.
        selected: the same as a list.
        read_only: do not offer to mark as read, mute or leave, and refuse it.
    """

    _esm = bundle("inbox.js")
    _css = bundle("inbox.css")

    COLUMNS = (
        Column("title", "Title", searched=True),
        Column("unique_name", "Unique name", searched=True),
        Column("state", "State", facet=True),
        Column("channel", "Channel", facet=True),
        Column("muted", "Muted", "flag"),
        Column("unread", "Unread", "number"),
        Column("is_unread", "Unread", "flag", hidden=True),
        Column("attention", "Unread first", "number", hidden=True),
        Column("last_text", "Last message", searched=True),
        Column("last_author", "Last author", searched=True),
        Column("last_date", "Last activity", "time"),
    )
    REQUESTS = Table.REQUESTS | {"read", "mute", "leave_conversation"}

    selected_sid = traitlets.Unicode().tag(sync=True)
    read_only = traitlets.Bool(False).tag(sync=True)

    def __init__(self, client: Client, **traits: Any) -> None:
        if not isinstance(client, Client):
            raise UsageError(f"Inbox shows a Client's conversations, not {type(client).__name__}.")
        self._client = client
        self._conversations: dict[str, Conversation] = {}
        self._people: dict[str, Names] = {}
        self._others: dict[str, list[str]] = {}
        self._newest: dict[str, Message] = {}
        self._unread: dict[str, int | None] = {}
        self._typing: dict[str, dict[str, Participant]] = {}
        self._missed: set[str] = set()  # could not be read: there was no connection
        self._reading = Errands(self._spawn, self._read, self._which)
        super().__init__(Wish("last_date", descending=True), **traits)
        self._ready = self._spawn(self._load())

    def __repr__(self) -> str:
        return f"<Inbox of {self._client!r}>"

    @property
    def client(self) -> Client:
        """Whose conversations are shown."""
        return self._client

    async def loaded(self) -> None:
        """Wait until all conversations are listed."""
        await asyncio.wait([self._ready])

    @traitlets.observe("selected_sid")
    def _one_selected(self, change: Any) -> None:
        self.selected = [change["new"]] if change["new"] else []

    @traitlets.observe("selected")
    def _selected_changed(self, change: Any) -> None:
        self.selected_sid = change["new"][0] if change["new"] else ""

    # -- what the client tells

    async def _load(self) -> None:
        client = self._client
        self._let_go()
        self._watch(client)
        self._listen(client, "conversationJoined", to=lambda one: self._spawn(self._join(one)))
        self._listen(client, "conversationLeft", "conversationRemoved", to=self._left)
        self._listen(client, "conversationUpdated", to=self._updated)
        self._listen(client, "messageAdded", to=self._added)
        self._listen(client, "messageUpdated", to=lambda update: self._edited(update.message))
        self._listen(client, "messageRemoved", to=self._removed)
        self._listen(client, "participantJoined", "participantLeft", to=self._people_changed)
        self._listen(client, "typingStarted", "typingEnded", to=self._typing_changed)
        self._listen(client, "discontinuity", to=self._discontinued)
        try:
            for conversation in client._conversations.known():  # at once; the rest comes as it is opened
                await self._join(conversation)
            for conversation in await client.get_subscribed_conversations():
                await self._join(conversation)
        except ConvoError as error:
            self._problem = str(error)
            raise
        finally:
            self._loading = False

    async def _join(self, conversation: Conversation) -> None:
        sid = conversation.sid
        if sid in self._conversations or conversation.status != "joined" or self._closed:
            return
        self._conversations[sid] = conversation
        self._people[sid] = Names(conversation)
        await self._meet(conversation)
        self._show(sid)
        self._reading.add(sid)

    def _left(self, conversation: Conversation) -> None:
        sid = conversation.sid
        for known in (self._conversations, self._people, self._others, self._newest, self._unread, self._typing):
            known.pop(sid, None)
        self._reading.forget(sid)
        self._drop(sid)

    def _updated(self, update: ConversationUpdated) -> None:
        sid = update.conversation.sid
        if "lastReadMessageIndex" in update.update_reasons:
            self._unread.pop(sid, None)
            if self._guess(update.conversation):
                self._read_again(sid)
        self._show(sid)

    def _added(self, message: Message) -> None:
        sid = message.conversation.sid
        if sid not in self._conversations:
            return
        self._newest[sid] = message
        unread = self._unread.get(sid)
        if unread is not None:
            self._unread[sid] = unread + 1
        self._reading.once_more(sid)  # what is being counted may or may not hold it
        self._show(sid)
        if not self._people[sid].knows(message.author):
            self._spawn(self._learn(sid, message.author or ""))

    def _edited(self, message: Message) -> None:
        if self._newest.get(message.conversation.sid) is message:
            self._show(message.conversation.sid)

    def _removed(self, message: Message) -> None:
        self._read_again(message.conversation.sid)

    def _people_changed(self, participant: Participant) -> None:
        async def meet(conversation: Conversation) -> None:
            if conversation.sid in self._conversations:
                await self._meet(conversation)
                self._show(conversation.sid)

        self._spawn(meet(participant.conversation))

    def _typing_changed(self, participant: Participant) -> None:
        sid = participant.conversation.sid
        typing = self._typing.setdefault(sid, {})
        if participant.is_typing:
            typing[participant.sid] = participant
        else:
            typing.pop(participant.sid, None)
        self._show(sid)

    def _discontinued(self, event: Any) -> None:
        if isinstance(event.source, Conversation):
            self._read_again(event.source.sid)
        elif event.source is self._client:
            self._reading.add(*self._conversations)

    def _connection_changed(self, state: str) -> None:
        super()._connection_changed(state)
        if state == "connected":
            missed, self._missed = self._missed, set()
            self._reading.add(*(sid for sid in missed if sid in self._conversations))

    # -- what has to be asked for

    async def _meet(self, conversation: Conversation) -> None:
        """Learn who is in it; the client knows."""
        try:
            people = await conversation.get_participants()
        except UsageError:  # it was left meanwhile
            return
        names = self._people[conversation.sid]
        names.forget_people()
        for participant in people:
            names.meet(participant)
        own = self._client.user.identity
        others = [names.of_participant(one) for one in people if one.identity != own]
        self._others[conversation.sid] = others[: NAMED + 1]

    def _which(self, waiting: Collection[str]) -> str | None:
        """Which conversation to read next: of those in sight the first, else the newest."""
        seen = next((sid for sid in self._in_sight() if sid in waiting), None)
        return seen or max(waiting, key=lambda sid: self._rows[sid]["last_date"] or 0, default=None)

    def _read_again(self, sid: str) -> None:
        if sid in self._conversations:
            self._reading.add(sid)

    async def _read(self, sid: str) -> None:
        """Read the newest message of a conversation, and count what is unread."""
        conversation = self._conversations.get(sid)
        if conversation is None:
            return
        try:
            newest = (await conversation.get_messages(1)).items
            unread = self._guess(conversation)
            if unread:  # an upper bound: some may have been removed
                unread = await conversation.get_unread_messages_count()
        except TransportError:
            self._missed.add(sid)
            return
        except ConvoError:  # it was left meanwhile: its row says what is known
            return
        if sid in self._conversations:
            self._unread[sid] = unread
            if newest:
                self._newest[sid] = newest[-1]
            else:
                self._newest.pop(sid, None)
            self._show(sid)
            if newest and not self._people[sid].knows(newest[-1].author):
                await self._learn(sid, newest[-1].author or "")

    async def _learn(self, sid: str, author: str) -> None:
        """Learn what somebody is called."""
        if sid in self._people:
            await self._people[sid].look_up(author)
            self._show(sid)

    @staticmethod
    def _guess(conversation: Conversation) -> int | None:
        """How many messages are unread at most, without asking; 0 is certain, and so is None: nothing was ever read."""
        last, horizon = conversation.last_message, conversation.last_read_message_index
        if horizon is None:
            return None
        return 0 if last is None or last.index is None else max(0, last.index - horizon)

    # -- what the view asks for

    async def _answer_read(self, params: dict[str, Any]) -> None:
        await self._asked(params).set_all_messages_read()

    async def _answer_mute(self, params: dict[str, Any]) -> None:
        await self._asked(params).set_user_notification_level("muted" if params.get("muted") is True else "default")

    async def _answer_leave_conversation(self, params: dict[str, Any]) -> None:
        await self._asked(params).leave()

    def _asked(self, params: dict[str, Any]) -> Conversation:
        if self.read_only:
            raise UsageError("This inbox is read-only.")
        conversation = self._conversations.get(str(params.get("sid")))
        if conversation is None:
            raise UsageError("You are not in this conversation any more.")
        return conversation

    # -- rows

    def _show(self, sid: str) -> None:
        conversation = self._conversations.get(sid)
        if conversation is not None:
            self._put(self._row(conversation))

    def _row(self, conversation: Conversation) -> Row:
        sid, own = conversation.sid, self._client.user.identity
        names, newest, last = self._people[sid], self._newest.get(sid), conversation.last_message
        unread = self._unread[sid] if sid in self._unread else self._guess(conversation)
        date = newest.date_created if newest is not None else last.date_created if last is not None else None
        date = date or conversation.date_created
        when = None if date is None else round(date.timestamp() * 1000)
        return {
            "sid": sid,
            "title": conversation.friendly_name or conversation.unique_name or self._named(sid) or sid,
            "unique_name": conversation.unique_name,
            "state": conversation.state.current if conversation.state else "active",
            "channel": names.main_channel(),
            "muted": conversation.notification_level == "muted",
            "unread": unread,
            "is_unread": bool(unread),
            "attention": (when or 0) + (UNREAD_FIRST if unread else 0),
            "last_text": None if newest is None else _preview(newest),
            "last_author": None if newest is None or is_system(newest) else names.of(newest.author),
            "last_own": newest is not None and newest.author == own,
            "last_date": when,
            "typing": [names.of_participant(one) for one in self._typing.get(sid, {}).values()][:NAMED],
        }

    def _named(self, sid: str) -> str:
        others = self._others.get(sid, [])
        return ", ".join(others[:NAMED]) + (", …" if len(others) > NAMED else "")


def _preview(message: Message) -> str:
    """A message in a line: its text, else its subject, else its first file."""
    media = message.attached_media
    text = message.body or message.subject or (media[0].filename or media[0].content_type if media else "")
    return " ".join(text[: 4 * PREVIEW].split())[:PREVIEW]
