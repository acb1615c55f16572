"""Who is in a conversation, live: a table to sort, filter, search and select from."""

from __future__ import annotations

from typing import Any

import pandas as pd

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.participant import Participant
from convo_widgets.client.user import User
from convo_widgets.errors import ReplyError, TransportError
from convo_widgets.widgets._base import bundle
from convo_widgets.widgets._conversation import OfConversation
from convo_widgets.widgets._rows import Column, Row, Wish
from convo_widgets.widgets._table import Table


class Participants(OfConversation, Table):
    """The participants of a conversation, as they come, go, read and write.

    Attributes:
        selected: sids (MB...) of the selected participants.
    """

    _esm = bundle("participants.js")
    _css = bundle("participants.css")

    COLUMNS = (
        Column("name", "Name", searched=True),
        Column("address", "Identity", searched=True),
        Column("channel", "Channel", facet=True),
        Column("role", "Role", facet=True),
        Column("online", "Online", "flag"),
        Column("typing", "Typing", "flag"),
        Column("read", "Read up to", "number"),
        Column("behind", "Unread", "number"),
        Column("joined", "Joined", "time"),
    )

    def __init__(self, conversation: Conversation, **traits: Any) -> None:
        self._users: dict[str, User] = {}
        super().__init__(conversation, Wish("name"), **traits)

    def to_frame(self, visible: bool = False) -> pd.DataFrame:
        """The rows as a DataFrame, one a participant, with the columns of the table.

        Args:
            visible: only those that search and filters let through, in the order of the view.
        """
        rows = [self._rows[key] for key in self.visible] if visible else self._rows.all()
        names = ["sid", *(column.name for column in self.COLUMNS)]
        frame = pd.DataFrame([[row[name] for name in names] for row in rows], columns=names)
        return frame.astype({"read": "Int64", "behind": "Int64", "online": "boolean", "typing": "boolean"}).assign(
            joined=pd.to_datetime(frame["joined"], unit="ms", utc=True)
        )

    async def _load(self) -> None:
        conversation = self._conversation
        self._let_go()
        self._users.clear()
        self._watch(conversation.client)
        self._listen(conversation, "participantJoined", "typingStarted", "typingEnded", to=self._changed)
        self._listen(conversation, "participantUpdated", to=lambda update: self._changed(update.participant))
        self._listen(conversation, "participantLeft", to=lambda participant: self._drop(participant.sid))
        self._listen(conversation, "messageAdded", "messageRemoved", to=lambda _: self._all_changed())
        self._listen(conversation, "discontinuity", to=lambda _: self._spawn(self._read()))
        await self._read()

    async def _read(self) -> None:
        people = await self._conversation.get_participants()
        for participant in people:
            self._names.meet(participant)
        self._reset([self._row(participant) for participant in people])
        for participant in people:
            self._learn(participant)

    async def _answer_rows(self, params: dict[str, Any]) -> dict[str, Any]:
        await self._loaded()
        return await super()._answer_rows(params)

    def _changed(self, participant: Participant) -> None:
        self._names.meet(participant)
        self._put(self._row(participant))
        self._learn(participant)

    def _all_changed(self) -> None:
        """Somebody wrote: everybody else is further behind."""

        async def change() -> None:
            for participant in await self._conversation.get_participants():
                if participant.sid in self._rows:
                    self._put(self._row(participant))

        self._spawn(change())

    def _learn(self, participant: Participant) -> None:
        """Look up the user behind a participant, and follow whether they are online."""
        identity = participant.identity
        if identity is None or identity in self._users:
            return

        async def learn() -> None:
            try:
                user = await participant.get_user()
            except (ReplyError, TransportError):
                return
            await self._names.look_up(identity)
            if identity not in self._users:
                self._users[identity] = user
                self._listen(user, "updated", to=lambda _: self._changed(participant))
            self._changed(participant)

        self._spawn(learn())

    def _row(self, participant: Participant) -> Row:
        user = self._users.get(participant.identity or "")
        last, read = self._conversation.last_message, participant.last_read_message_index
        newest = None if last is None else last.index
        joined = participant.date_created
        return {
            "sid": participant.sid,
            "author": participant.identity or participant.sid,
            "name": self._names.of_participant(participant),
            "address": participant.identity or self._names.address(participant),
            "channel": participant.type,
            "role": participant.role_sid,
            "online": None if user is None else user.is_online,
            "typing": participant.is_typing,
            "read": read,
            "behind": None if newest is None else max(0, newest - (-1 if read is None else read)),
            "joined": None if joined is None else joined.timestamp() * 1000,
        }
