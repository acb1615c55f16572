"""Who is in a conversation, live: a table to sort, filter, search, select and change."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, get_args

import traitlets

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.message import Message
from convo_widgets.client.participant import Participant, ParticipantBindingOptions, ParticipantEmailLevel
from convo_widgets.client.user import User
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.widgets._base import bundle
from convo_widgets.widgets._conversation import OfConversation
from convo_widgets.widgets._counting import Counting
from convo_widgets.widgets._errands import Errands
from convo_widgets.widgets._names import Names
from convo_widgets.widgets._roles import roles_of
from convo_widgets.widgets._rows import Column, Row, Wish
from convo_widgets.widgets._table import Table
from convo_widgets.wire import json

REFRESH = 0.25  # seconds between two looks at everybody, when each message leaves them all further behind
UNSEEN = 80  # people out of sight whose names and presence are looked up; a client follows about 100 users at a time


class Participants(OfConversation, Table):
    """The participants of a conversation, as they come, go, read and write.

    From the view people can be added and removed and their attributes edited, as far as one's role allows.

    Attributes:
        selected: sids (MB...) of the selected participants.
        read_only: offer no changes, and refuse them.
        counted: messages of the history, the newest ones, that are counted by author for the column "sent", which
            says "12+" where there are older ones. 0 counts nothing.
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
        Column("read", "Read to", "number"),
        Column("behind", "Unread", "number"),
        Column("sent", "Sent", "number"),
        Column("joined", "Joined", "time"),
    )
    REQUESTS = Table.REQUESTS | {"add", "remove", "attributes", "change"}

    read_only = traitlets.Bool(False).tag(sync=True)
    counted = traitlets.Int(1000, min=0, max=1_000_000).tag(sync=True)

    def __init__(self, conversation: Conversation, **traits: Any) -> None:
        self._users: dict[str, User] = {}
        self._people: dict[str, Participant] = {}
        self._roles: dict[str, str] = {}
        self._refresh_timer: asyncio.TimerHandle | None = None
        self._counting: asyncio.Task[Any] | None = None
        self._counts = Counting(conversation, 0)
        self._looking = Errands(self._spawn, self._look_up, self._whom)
        super().__init__(conversation, Wish("name"), **traits)

    # -- which conversation

    async def _load(self) -> None:
        self._let_go()
        self._loading, self._problem = True, ""
        try:
            await self._read_all()
        except ConvoError as error:
            self._problem = str(error)
            raise
        finally:
            self._loading = False

    async def _read_all(self) -> None:
        conversation, client = self._conversation, self._conversation.client
        self._counts = Counting(conversation, self.counted)
        self._watch(client)
        self._listen(conversation, "participantJoined", to=self._joined)
        self._listen(conversation, "participantLeft", to=self._left)
        self._listen(conversation, "participantUpdated", to=lambda update: self._changed(update.participant))
        self._listen(conversation, "typingStarted", "typingEnded", to=self._changed)
        self._listen(conversation, "messageAdded", to=self._added)
        self._listen(conversation, "messageRemoved", to=self._removed)
        self._listen(conversation, "updated", to=lambda _: self._refresh_soon())
        self._listen(conversation, "discontinuity", to=lambda _: self._spawn(self._read()))
        self._listen(client, "userUpdated", to=lambda update: self._user_changed(update.user))
        self._listen(client, "userUnsubscribed", to=self._user_lost)
        self._listen(client, "conversationLeft", to=self._shut_out)
        self._listen(client, "conversationJoined", to=self._let_in)
        await self._read()
        self._counting = self._spawn(self._count(self._counts))

    def _let_go(self) -> None:
        for waiting in (self._refresh_timer, self._counting):
            if waiting is not None:
                waiting.cancel()
        self._refresh_timer = self._counting = None
        self._looking.clear()
        super()._let_go()

    def _forget(self) -> None:
        super()._forget()
        self._users.clear()
        self._people.clear()
        self.selected = []
        self._reset([])
        self._to_top()

    async def _read(self) -> None:
        people = await self._conversation.get_participants()
        self._people = {one.sid: one for one in people}
        self._roles = roles_of(people, self._conversation.created_by)
        self._reset([self._row(one) for one in people])
        self._looking.add(*(one.identity for one in people if one.identity))

    @traitlets.observe("counted")
    def _count_anew(self, _change: Any) -> None:
        if self._counting is not None and not self._closed:
            self._counting.cancel()
            self._counts = Counting(self._conversation, self.counted)
            self._counting = self._spawn(self._count(self._counts))

    async def _count(self, counts: Counting) -> None:
        try:
            await counts.read()
        except ConvoError:  # the column stays empty: nobody needs it so much
            return
        self._refresh()

    async def _answer_rows(self, params: dict[str, Any]) -> dict[str, Any]:
        await self._loaded()
        answer = await super()._answer_rows(params)
        self._looking.go_on()
        return answer

    # -- what the conversation tells

    def _shut_out(self, conversation: Conversation) -> None:
        if conversation is self._conversation:
            self._problem = "You are not in this conversation any more: this is how it was."

    def _let_in(self, conversation: Conversation) -> None:
        if conversation is self._conversation:
            self._ready = self._spawn(self._load())

    def _connection_changed(self, state: str) -> None:
        super()._connection_changed(state)
        if state == "connected":  # what could not be looked up meanwhile
            self._looking.add(*(one.identity for one in self._people.values() if one.identity))

    def _joined(self, participant: Participant) -> None:
        self._people[participant.sid] = participant
        self._changed(participant)
        self._refresh_soon()  # what the roles are called may be clearer now
        if participant.identity:
            self._looking.add(participant.identity)

    def _left(self, participant: Participant) -> None:
        self._people.pop(participant.sid, None)
        self._drop(participant.sid)
        self._refresh_soon()

    def _changed(self, participant: Participant) -> None:
        if participant.sid in self._people:
            self._put(self._row(participant))

    def _added(self, message: Message) -> None:
        self._counts.added(message)
        self._refresh_soon()

    def _removed(self, message: Message) -> None:
        self._counts.removed(message)
        self._refresh_soon()

    def _refresh_soon(self) -> None:
        """Everybody may have changed, as with each message; looked at together, a few times a second."""
        if self._refresh_timer is None and not self._closed:
            self._refresh_timer = self._loop.call_later(REFRESH, self._refresh)

    def _refresh(self) -> None:
        if self._refresh_timer is not None:
            self._refresh_timer.cancel()
            self._refresh_timer = None
        self._roles = roles_of(self._people.values(), self._conversation.created_by)
        for participant in self._people.values():
            self._put(self._row(participant))

    # -- the users behind them

    def _whom(self, waiting: Collection[str]) -> str | None:
        """Whom to look up next: those in sight first, and of the others not so many that they push each other out."""
        for sid in self._in_sight():
            participant = self._people.get(sid)
            if participant is not None and participant.identity in waiting:
                return participant.identity
        return next(iter(waiting), None) if len(self._users) < UNSEEN else None

    async def _look_up(self, identity: str) -> None:
        if identity in self._users:
            return
        names = self._names
        try:
            user = await self._conversation.client.get_user(identity)
            await names.look_up(identity)
        except ConvoError:
            return  # they keep their identity as a name, and nobody knows whether they are online
        if names is self._names:
            self._users[identity] = user
            self._user_changed(user)

    def _user_changed(self, user: User) -> None:
        if self._users.get(user.identity) is user:
            self._names.rename(user.identity, user.friendly_name)
            for participant in [one for one in self._people.values() if one.identity == user.identity]:
                self._changed(participant)

    def _user_lost(self, user: User) -> None:
        """They are followed no more: nobody knows whether they are online."""
        if self._users.pop(user.identity, None) is not None:
            for participant in [one for one in self._people.values() if one.identity == user.identity]:
                self._changed(participant)
                self._looking.add(user.identity)

    # -- what the view asks for

    async def _answer_add(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_writable()
        address, proxy = _text(params, "address"), _text(params, "proxy")
        if not address:
            raise UsageError("Say whom to add: an identity, or an address.")
        if not proxy:
            reply = await self._conversation.add(address)
        else:
            options: ParticipantBindingOptions | None = None
            if "@" in address:
                level: ParticipantEmailLevel = (
                    "cc" if params.get("level") == "cc" else get_args(ParticipantEmailLevel)[0]
                )
                options = {"email": {"level": level}}
                if name := _text(params, "name"):
                    options["email"]["name"] = name
            reply = await self._conversation.add_non_chat_participant(proxy, address, None, options)
        return {"sid": reply.sid}

    async def _answer_remove(self, params: dict[str, Any]) -> None:
        self._check_writable()
        await self._conversation.remove_participant(self._participant(params))

    async def _answer_attributes(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"text": json.encode(self._participant(params).attributes).decode()}

    async def _answer_change(self, params: dict[str, Any]) -> None:
        self._check_writable()
        participant = self._participant(params)
        try:
            attributes = json.decode(_text(params, "text"))
        except json.BadJSON as error:
            raise UsageError(f"The attributes are no JSON: {error}") from None
        await participant.update_attributes(attributes)

    def _check_writable(self) -> None:
        if self.read_only:
            raise UsageError("This table is read-only.")

    def _participant(self, params: dict[str, Any]) -> Participant:
        participant = self._people.get(_text(params, "sid"))
        if participant is None:
            raise UsageError("They are not in this conversation any more.")
        return participant

    # -- rows

    def _row(self, participant: Participant) -> Row:
        user = self._users.get(participant.identity or "")
        joined, role = participant.date_created, participant.role_sid
        return {
            "sid": participant.sid,
            "author": participant.identity or participant.sid,
            "name": self._names.of_participant(participant),
            "own": participant.identity is not None and participant.identity == self._conversation.client.user.identity,
            "address": participant.identity or Names.address(participant),
            "channel": participant.type,
            "role": None if role is None else self._roles.get(role, role),
            "role_sid": role,
            "online": None if user is None else user.is_online,
            "typing": participant.is_typing,
            "read": participant.last_read_message_index,
            "behind": self._behind(participant),
            "sent": self._counts.of(participant),
            "sent_more": self._counts.is_part,
            "joined": None if joined is None else round(joined.timestamp() * 1000),
        }

    def _behind(self, participant: Participant) -> int | None:
        """How many messages came since somebody read; nobody knows where somebody reads who is not on chat."""
        last, read = self._conversation.last_message, participant.last_read_message_index
        if last is None or last.index is None or (read is None and participant.identity is None):
            return None
        return max(0, last.index - (-1 if read is None else read))


def _text(params: dict[str, Any], name: str) -> str:
    value = params.get(name)
    return value.strip() if isinstance(value, str) else ""
