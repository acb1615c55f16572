"""A recording played again: the conversations happen on this service as a client saw them elsewhere.

What is in a recording is believed in its shape only: an event that does not fit is passed over, as are those that say
nothing of a conversation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from os import PathLike
from pathlib import Path
from sqlite3 import Row
from typing import Any

import msgspec
from msgspec import UNSET

from convo_widgets.errors import UsageError
from convo_widgets.service import (
    conversations,
    delivery,
    gaps,
    limits,
    media,
    memberships,
    messages,
    participants,
    users,
)
from convo_widgets.service.agenda import Agenda, Moment
from convo_widgets.service.dispatch import Backend
from convo_widgets.service.playing import Playing, identities
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Source, iso
from convo_widgets.wire import json, recording
from convo_widgets.wire.recording import (
    RecordedConversation,
    RecordedDelivery,
    RecordedEvent,
    RecordedMessage,
    RecordedParticipant,
    RecordedUser,
)
from convo_widgets.wire.schema import (
    Membership,
    MessagingBinding,
    NewConversation,
    NewMessage,
    NewParticipant,
    NewUserInfo,
    attributes_of,
)

LARGEST = 512 * 1024 * 1024
"""Bytes of a recording."""
LAST = 1 << 31
"""No message has such an index."""
Does = Callable[["Replay", Change, RecordedEvent, Any], None]


def read(path: str | PathLike[str]) -> list[RecordedEvent]:
    """The events of a file.

    Raises:
        UsageError: it cannot be read, is too large, or no recording.
    """
    try:
        file = Path(path).expanduser()
        if file.stat().st_size > LARGEST:
            raise UsageError(f"The recording {path} is too large to be played: at most {LARGEST:,} bytes")
        with file.open("rb") as lines:
            events = list(recording.parse(iter(lambda: lines.readline(recording.LONGEST), b"")))
    except OSError as error:
        raise UsageError(f"The recording {path} cannot be read: {error.strerror or error}") from error
    except recording.BadRecording as error:
        raise UsageError(f"The recording {path} cannot be read: {error}") from error
    if not events:
        raise UsageError(f"There is nothing in the recording {path}")
    return events


class Replay(Playing):
    """A recording under way, as `LocalService.replay` starts it.

    Attributes:
        conversations: how many it has opened.
        messages: how many it has sent.
        time: the virtual time that it has come to.
    """

    def __init__(
        self,
        backend: Backend,
        events: list[RecordedEvent],
        *,
        speed: float,
        start: Moment | None,
        members: Iterable[str],
    ) -> None:
        super().__init__(backend, Agenda(start or events[0].time, speed))
        self._later: timedelta = self._agenda.start - events[0].time
        self._members = identities(members)
        self._events: Iterator[RecordedEvent] = iter(events)
        self._sids: dict[str, str] = {}  # what was called so in the recording is called so here
        self._new: list[str] = []  # of the act under way
        self._recorder: str | None = None
        self._plan(self._agenda.start)

    def _plan(self, earliest: datetime) -> None:
        """Have the next event happen."""
        event = next(self._events, None)
        if event is not None:
            with contextlib.suppress(OverflowError):  # a time that cannot be is now
                earliest = max(earliest, event.time + self._later)  # and a clock may have been put back
            self._agenda.add(earliest, partial(self._happen, event))

    def _happen(self, event: RecordedEvent, when: datetime) -> None:
        does, shape = _EVENTS.get(event.name, (None, None))
        try:
            payload = msgspec.convert(event.payload, shape) if shape is not None else None
            if does is not None:
                self._act(when, partial(self._do, does, event, payload), Source("SDK", event.actor))
        except (Refused, msgspec.ValidationError):  # it cannot be here: the others can
            for sid in self._new:
                self._sids.pop(sid, None)
        self._new.clear()
        self._plan(when)

    def _do(self, does: Does, event: RecordedEvent, payload: Any, change: Change) -> None:
        does(self, change, event, payload)
        change.sent = []  # what became of them is in the recording

    # -- what was said of conversations

    def _start(self, change: Change, event: RecordedEvent, payload: None) -> None:
        self._recorder = event.actor

    def _conversation(self, change: Change, event: RecordedEvent, told: RecordedConversation) -> None:
        """Open it where it is new here, else change what is different; then let those in who are missing."""
        if not event.conversation_sid:
            raise Refused(50350)
        row = self._find(change, event.conversation_sid)
        if row is None:
            row = self._open(change, event.conversation_sid, told)
        else:
            self._alter(change, row, told)
        for one in told.participants or ():
            if one.sid not in self._sids:
                with contextlib.suppress(Refused, msgspec.ValidationError):  # as an address that is busy elsewhere
                    self._join(change, row, one)
        if told.state in ("active", "inactive", "closed") and told.state != row["state"]:
            conversations.alter(change, row, NewConversation(), conversations.Terms(state=told.state))

    def _open(self, change: Change, sid: str, told: RecordedConversation) -> Row:
        taken = change.store.value("SELECT 1 FROM conversations WHERE unique_name = ?", told.unique_name)
        name = None if taken else told.unique_name
        new = NewConversation(told.friendly_name, name, attributes=_text(told.attributes))
        made = told.date_created
        terms = conversations.Terms() if made is None else conversations.Terms(date_created=self._moved(made))
        self._call(
            sid, conversations.create(change, new, limits.name(told.created_by, "created_by") or "system", terms)
        )
        row = self._demand(change, sid)
        for identity in self._members:
            participants.add(change, row, NewParticipant(identity))
        self.conversations += 1
        return row

    def _alter(self, change: Change, row: Row, told: RecordedConversation) -> None:
        new = NewConversation()
        if told.friendly_name != row["friendly_name"]:
            new.friendly_name = told.friendly_name
        if told.attributes != attributes_of(row["attributes"]):
            new.attributes = _text(told.attributes)
        if new != NewConversation():
            conversations.alter(change, row, new)

    def _remove(self, change: Change, event: RecordedEvent, payload: None) -> None:
        conversations.remove(change, self._demand(change, event.conversation_sid)["id"])
        self._sids.pop(event.conversation_sid or "", None)

    def _left(self, change: Change, event: RecordedEvent, payload: None) -> None:
        """The recorder saw no more of it."""
        row = self._demand(change, event.conversation_sid)
        participants.remove(change, row, participants.find_by(change.store, row, self._recorder or ""))

    # -- of participants

    def _came(self, change: Change, event: RecordedEvent, told: RecordedParticipant) -> None:
        if told.sid not in self._sids:
            self._join(change, self._demand(change, event.conversation_sid), told)

    def _join(self, change: Change, row: Row, told: RecordedParticipant) -> None:
        here = told.identity and change.store.value(
            "SELECT sid FROM participants WHERE conversation = ? AND identity = ?", row["id"], told.identity
        )
        binding = told.bindings.get(told.type, {})
        new = NewParticipant(attributes=_text(told.attributes))
        if told.identity is not None:
            new.identity = told.identity
        else:
            names = ("address", "proxy_address", "name", "level")
            new.messaging_binding = msgspec.convert({name: binding.get(name) for name in names}, MessagingBinding)
        dates = {} if told.date_created is None else {"date_created": self._moved(told.date_created)}
        if not here:
            with _reopened(change, row) as active:
                here = participants.add(change, active, new, **dates)
        self._call(told.sid, str(here))
        if told.last_read_message_index is not None:
            self._read(change, row, told)

    def _participant(self, change: Change, event: RecordedEvent, told: RecordedParticipant) -> None:
        row = self._demand(change, event.conversation_sid)
        member = participants.find_by(change.store, row, self._sids.get(told.sid, ""))
        if told.attributes != attributes_of(member["attributes"]):
            participants.alter(change, row, member, NewParticipant(attributes=_text(told.attributes)))
        if told.last_read_message_index != member["last_read"]:
            self._read(change, row, told)

    def _read(self, change: Change, row: Row, told: RecordedParticipant) -> None:
        index = told.last_read_message_index
        if index is not None and 0 <= index < LAST:  # what was read may be from before the recording
            row = self._reserve(change, row, index + 1)
        member = participants.find_by(change.store, row, self._sids[told.sid])
        at = told.last_read_timestamp
        memberships.alter(change, row, member, Membership(index), None if at is None else self._moved(at))

    def _went(self, change: Change, event: RecordedEvent, told: RecordedParticipant) -> None:
        row = self._demand(change, event.conversation_sid)
        participants.remove(change, row, participants.find_by(change.store, row, self._sids.pop(told.sid, "")))

    def _typing(self, change: Change, event: RecordedEvent, told: RecordedParticipant) -> None:
        row = self._demand(change, event.conversation_sid)
        if told.identity is not None:
            memberships.tell_typing(change.store, self._backend.hub, row, told.identity)

    # -- of messages

    def _message(self, change: Change, event: RecordedEvent, told: RecordedMessage) -> None:
        """Send it, at its own index where that is free still, with its media as far as they are told."""
        sid = event.sid or ""
        if sid in self._sids or not 0 <= told.index < LAST:
            return
        row = self._reserve(change, self._demand(change, event.conversation_sid), told.index)
        author = limits.name(told.author, "author") or "system"
        time = change.time if told.date_created is None else self._moved(told.date_created)
        new = NewMessage(told.body or UNSET, told.subject or UNSET, attributes=_text(told.attributes))
        attached = [
            media.insert(
                change.store,
                author=author,
                time=time,
                content_type=limits.media_type(one.content_type, "media"),
                size=max(0, min(one.size, LAST)),
                filename=limits.name(one.filename, "filename"),
            )
            for one in told.media[: self._backend.media.count]
            if one.category == "media"
        ]
        if attached:
            new.media_sids = attached
        dates = (time, time if told.date_updated is None else self._moved(told.date_updated))
        member = self._sids.get(told.participant_sid or "")
        with _reopened(change, row) as active:
            sent = messages.send(change, active, new, author, member, most=self._backend.media, dates=dates)
        self._call(sid, sent["sid"])
        self.messages += 1
        if told.delivery is not None:
            self._deliver(change, row, sent["sid"], told.delivery)

    def _edit(self, change: Change, event: RecordedEvent, told: RecordedMessage) -> None:
        row = self._demand(change, event.conversation_sid)
        message = messages.find(change.store, row, self._sids.get(event.sid or "", ""))
        new = NewMessage()
        if told.body and told.body != message["body"]:
            new.body = told.body
        if told.subject != message["subject"]:
            new.subject = told.subject
        if told.attributes != attributes_of(message["attributes"]):
            new.attributes = _text(told.attributes)
        if new != NewMessage():
            dates = {} if told.date_updated is None else {"date_updated": self._moved(told.date_updated)}
            messages.alter(change, row, message, new, told.last_updated_by or "system", **dates)
        if told.delivery is not None:
            self._deliver(change, row, message["sid"], told.delivery)

    def _deliver(self, change: Change, row: Row, sid: str, told: RecordedDelivery) -> None:
        """Receipts that come to what was told of all together; who of several it was is not told."""
        message = messages.find(change.store, row, sid)
        sql = "SELECT sid FROM participants WHERE conversation = ? AND address NOTNULL AND address <> ? ORDER BY id"
        for place, (member,) in enumerate(change.store.rows(sql, row["id"], message["author"])):
            status = None if place >= told.total else _status(told, first=place == 0)
            place_sql = "SELECT status FROM receipts WHERE conversation = ? AND idx = ? AND participant_sid = ?"
            if status not in (None, change.store.value(place_sql, row["id"], message["idx"], member)):
                delivery.report(change, row, message, member, str(status), 0)

    def _unsend(self, change: Change, event: RecordedEvent, payload: None) -> None:
        row = self._demand(change, event.conversation_sid)
        messages.remove(change, row, messages.find(change.store, row, self._sids.get(event.sid or "", "")))

    # -- of users

    def _user(self, change: Change, event: RecordedEvent, told: RecordedUser) -> None:
        new = NewUserInfo(told.friendly_name, _text(told.attributes))
        row = change.store.row("SELECT * FROM users WHERE identity = ?", told.identity)
        if row is None:
            users.create(change, told.identity, new)
        elif (told.friendly_name, told.attributes) != (row["friendly_name"], attributes_of(row["attributes"])):
            users.alter(change, row, new)

    # -- places

    def _call(self, there: str, here: str) -> None:
        """Know by which sid something of the recording goes here."""
        self._sids[there] = here
        self._new.append(there)

    def _find(self, change: Change, sid: str | None) -> Row | None:
        """What was a conversation there, here."""
        here = self._sids.get(sid or "")
        return None if here is None else change.store.row("SELECT * FROM conversations WHERE sid = ?", here)

    def _demand(self, change: Change, sid: str | None) -> Row:
        row = self._find(change, sid)
        if row is None:
            raise Refused(50350)
        return row

    def _reserve(self, change: Change, row: Row, index: int) -> Row:
        """Let the next message have this index at least: what came before it is not in the recording."""
        if index <= row["next_index"]:
            return row
        gaps.add(change, row["id"], row["next_index"], index - 1)
        change.run("UPDATE conversations SET next_index = ? WHERE id = ?", index, row["id"])
        return conversations.find_by(change.store, row["sid"])

    def _moved(self, time: datetime) -> str:
        try:
            return iso(time + self._later)
        except (OverflowError, ValueError) as error:
            raise Refused(20422, "a time that cannot be") from error


@contextlib.contextmanager
def _reopened(change: Change, row: Row) -> Iterator[Row]:
    """A conversation that is open, for now: a client may have read that it is closed before it heard the last of it."""
    if row["state"] != "closed":
        yield row
        return
    change.run("UPDATE conversations SET state = 'active' WHERE id = ?", row["id"])
    yield conversations.find_by(change.store, row["sid"])
    change.run("UPDATE conversations SET state = 'closed' WHERE id = ?", row["id"])


def _status(told: RecordedDelivery, *, first: bool) -> str | None:
    """The status of one addressee: the furthest that all have, or, of the first one, that some have."""
    enough = ("all", "some") if first else ("all",)
    found = [name for name in ("sent", "delivered", "read", "undelivered", "failed") if getattr(told, name) in enough]
    return found[-1] if found else None


def _text(attributes: Any) -> str:
    return json.encode(attributes).decode()


_EVENTS: dict[str, tuple[Does, Any]] = {
    recording.STARTED: (Replay._start, None),
    recording.KNOWN: (Replay._conversation, RecordedConversation),
    "conversationAdded": (Replay._conversation, RecordedConversation),
    "conversationJoined": (Replay._conversation, RecordedConversation),
    "conversationUpdated": (Replay._conversation, RecordedConversation),
    "conversationLeft": (Replay._left, None),
    "conversationRemoved": (Replay._remove, None),
    "participantJoined": (Replay._came, RecordedParticipant),
    "participantUpdated": (Replay._participant, RecordedParticipant),
    "participantLeft": (Replay._went, RecordedParticipant),
    "typingStarted": (Replay._typing, RecordedParticipant),
    "messageAdded": (Replay._message, RecordedMessage),
    "messageUpdated": (Replay._edit, RecordedMessage),
    "messageRemoved": (Replay._unsend, None),
    "userSubscribed": (Replay._user, RecordedUser),
    "userUpdated": (Replay._user, RecordedUser),
}
