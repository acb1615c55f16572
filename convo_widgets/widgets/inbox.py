"""All conversations of a client, live: what is new, what is unread, and which one to look at."""

from __future__ import annotations

import asyncio
from typing import Any

import pandas as pd
import traitlets

from convo_widgets.client.client import Client
from convo_widgets.client.conversation import Conversation
from convo_widgets.client.facts import ConversationUpdated
from convo_widgets.client.message import Message
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.widgets._base import bundle
from convo_widgets.widgets._names import Names
from convo_widgets.widgets._rows import Column, Row, Wish
from convo_widgets.widgets._table import Table

AT_ONCE = 8  # conversations whose newest message is read at the same time
PREVIEW = 200  # characters of a message that a row holds


class Inbox(Table):
    """The conversations that a client has joined, newest first.

    Attributes:
        selected_sid: sid (CH...) of the selected conversation, empty while there is none.
        selected: the same as a list.
    """

    _esm = bundle("inbox.js")
    _css = bundle("inbox.css")

    COLUMNS = (
        Column("title", "Title", searched=True),
        Column("unique_name", "Unique name", searched=True),
        Column("state", "State", facet=True),
        Column("channel", "Channel", facet=True),
        Column("unread", "Unread", "number"),
        Column("is_unread", "Unread only", "flag"),
        Column("last_text", "Last message", searched=True),
        Column("last_author", "Last author", searched=True),
        Column("last_date", "Last activity", "time"),
    )

    selected_sid = traitlets.Unicode().tag(sync=True)

    def __init__(self, client: Client, **traits: Any) -> None:
        if not isinstance(client, Client):
            raise UsageError(f"Inbox shows a Client's conversations, not {type(client).__name__}.")
        self._client = client
        self._conversations: dict[str, Conversation] = {}
        self._people: dict[str, Names] = {}
        self._newest: dict[str, Message] = {}
        self._unread: dict[str, int | None] = {}
        self._reading = asyncio.Semaphore(AT_ONCE)
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

    def to_frame(self, visible: bool = False) -> pd.DataFrame:
        """The rows as a DataFrame, one a conversation.

        Args:
            visible: only those that search and filters let through, in the order of the view.
        """
        rows = [self._rows[key] for key in self.visible] if visible else self._rows.all()
        names = ["sid", *(column.name for column in self.COLUMNS if column.name != "is_unread")]
        frame = pd.DataFrame([[row[name] for name in names] for row in rows], columns=names)
        return frame.astype({"unread": "Int64"}).assign(
            last_date=pd.to_datetime(frame["last_date"], unit="ms", utc=True)
        )

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
        self._listen(client, "conversationJoined", to=self._joined)
        self._listen(client, "conversationLeft", "conversationRemoved", to=self._left)
        self._listen(client, "conversationUpdated", to=self._updated)
        self._listen(client, "messageAdded", to=self._added)
        self._listen(client, "messageUpdated", to=lambda update: self._edited(update.message))
        self._listen(client, "messageRemoved", to=self._removed)
        for conversation in await client.get_subscribed_conversations():
            self._joined(conversation)

    def _joined(self, conversation: Conversation) -> None:
        if conversation.sid in self._conversations:
            return
        self._conversations[conversation.sid] = conversation
        self._people[conversation.sid] = Names(conversation)
        self._show(conversation)
        self._spawn(self._read(conversation))

    def _left(self, conversation: Conversation) -> None:
        for known in (self._conversations, self._people, self._newest, self._unread):
            known.pop(conversation.sid, None)
        self._drop(conversation.sid)

    def _updated(self, update: ConversationUpdated) -> None:
        conversation = update.conversation
        if conversation.sid not in self._conversations:
            return
        self._show(conversation)
        if "lastReadMessageIndex" in update.update_reasons:
            self._spawn(self._count(conversation))

    def _added(self, message: Message) -> None:
        conversation = message.conversation
        if conversation.sid not in self._conversations:
            return
        self._newest[conversation.sid] = message
        unread = self._unread.get(conversation.sid)
        if message.author != self._client.user.identity and unread is not None:
            self._unread[conversation.sid] = unread + 1
        self._show(conversation)
        self._learn(conversation, message)

    def _edited(self, message: Message) -> None:
        if self._newest.get(message.conversation.sid) is message:
            self._show(message.conversation)

    def _removed(self, message: Message) -> None:
        if message.conversation.sid in self._conversations:
            self._spawn(self._read(message.conversation))

    # -- what has to be asked for

    async def _read(self, conversation: Conversation) -> None:
        """Read the newest message, and count what is unread."""
        try:
            async with self._reading:
                people = await conversation.get_participants()
                for participant in people:
                    self._people[conversation.sid].meet(participant)
                newest = (await conversation.get_messages(1)).items
                if newest:
                    self._newest[conversation.sid] = newest[-1]
                else:
                    self._newest.pop(conversation.sid, None)
                await self._count(conversation)
        except (ConvoError, KeyError):  # it was left meanwhile, or there is no connection: its row says what is known
            return
        if newest:
            self._learn(conversation, newest[-1])

    async def _count(self, conversation: Conversation) -> None:
        unread = await conversation.get_unread_messages_count()
        if conversation.sid in self._conversations:
            self._unread[conversation.sid] = unread
            self._show(conversation)

    def _learn(self, conversation: Conversation, message: Message) -> None:
        names = self._people[conversation.sid]
        if names.knows(message.author):
            return

        async def learn(author: str) -> None:
            await names.look_up(author)
            if conversation.sid in self._conversations:
                self._show(conversation)

        self._spawn(learn(message.author or ""))

    # -- rows

    def _show(self, conversation: Conversation) -> None:
        self._put(self._row(conversation))

    def _row(self, conversation: Conversation) -> Row:
        sid = conversation.sid
        names, newest, unread = self._people[sid], self._newest.get(sid), self._unread.get(sid)
        last = conversation.last_message
        date = newest.date_created if newest is not None else last.date_created if last is not None else None
        date = date or conversation.date_created
        return {
            "sid": sid,
            "title": conversation.friendly_name or conversation.unique_name or sid,
            "unique_name": conversation.unique_name,
            "state": conversation.state.current if conversation.state else "active",
            "channel": names.main_channel(),
            "muted": conversation.notification_level == "muted",
            "unread": unread,
            "is_unread": bool(unread),
            "last_text": None if newest is None else _preview(newest),
            "last_author": None if newest is None else names.of(newest.author),
            "last_own": newest is not None and newest.author == self._client.user.identity,
            "last_date": None if date is None else date.timestamp() * 1000,
        }


def _preview(message: Message) -> str:
    """A message in a line: its text, else its subject, else its first file."""
    media = message.attached_media
    text = message.body or message.subject or (media[0].filename or media[0].content_type if media else "")
    return " ".join(text.split())[:PREVIEW]
