"""Seed files: conversations as a person writes them down, in JSON."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any, Literal

from msgspec import Struct

from convo_widgets.errors import UsageError
from convo_widgets.service import conversations, delivery, media, messages, participants, users
from convo_widgets.service.seeds import samples
from convo_widgets.service.store import Store, iso, new_sid, now
from convo_widgets.service.views import delivery_of
from convo_widgets.wire import json
from convo_widgets.wire.schema import time_of


class _Strict(Struct, forbid_unknown_fields=True):
    """A misspelt field is an error, not a silence."""


class Person(_Strict):
    """A user of the service."""

    identity: str
    friendly_name: str | None = None
    attributes: Any = {}


class Member(_Strict):
    """A participant, by identity or by type and address; `key` is how messages name it."""

    key: str
    identity: str | None = None
    type: Literal["chat", "sms", "whatsapp", "email", "messenger"] = "chat"
    address: str | None = None
    proxy_address: str | None = None
    name: str | None = None
    attributes: Any = {}
    last_read_message_index: int | None = None


class Medium(_Strict):
    """A file of a message; its bytes are not part of a seed: without a `size` it gets a sample of its type."""

    filename: str
    content_type: str
    size: int | None = None


class Receipt(_Strict):
    """How far a message came for one participant."""

    participant: str
    status: Literal["sent", "delivered", "read", "failed", "undelivered"]
    at: str
    error_code: int = 0


class Line(_Strict, rename={"author": "from"}):
    """A message; `from` is a participant's key, also of one who has left, or "system"."""

    at: str
    author: str
    body: str | None = None
    subject: str | None = None
    edited_at: str | None = None
    attributes: Any = {}
    media: list[Medium] = []
    delivery: dict[str, Any] | None = None
    receipts: list[Receipt] = []


class Talk(_Strict):
    """A conversation; the index of a message is its place in the list."""

    participants: list[Member]
    messages: list[Line]
    created_by: str
    date_created: str
    unique_name: str | None = None
    friendly_name: str | None = None
    state: Literal["active", "inactive", "closed"] = "active"
    attributes: Any = {}
    left: list[Member] = []


class Seed(_Strict):
    """The whole file."""

    users: list[Person]
    conversations: list[Talk]


def load(store: Store, data: bytes, name: str) -> None:
    """Fill a store from the bytes of a seed file.

    Raises:
        UsageError: the file does not fit; the message says where.
    """
    try:
        seed = json.decode(data, Seed)
    except json.BadJSON as error:
        raise UsageError(f"The seed {name} does not fit: {error}") from error
    with store.write() as change:
        try:
            for person in seed.users:
                _user(store, person)
            for number, talk in enumerate(seed.conversations):
                _Writer(store, talk).write(f"conversation {number} ({talk.unique_name or talk.friendly_name})")
        except _Misfit as misfit:
            raise UsageError(f"The seed {name} does not fit: {misfit}") from misfit
        assert not change.events


class _Misfit(Exception):
    """What is wrong in a seed, in words."""


def _user(store: Store, person: Person) -> None:
    if store.value("SELECT id FROM users WHERE identity = ?", person.identity):
        raise _Misfit(f"the user {person.identity!r} is there twice")
    users.insert(store, person.identity, now(), person.friendly_name, _text(person.attributes))


class _Writer:
    """Writes one conversation."""

    def __init__(self, store: Store, talk: Talk) -> None:
        self.store = store
        self.talk = talk
        self.sids: dict[str, str] = {}
        self.authors: dict[str, str] = {"system": "system"}

    def write(self, where: str) -> None:
        try:
            self._conversation()
        except (_Misfit, sqlite3.IntegrityError, OverflowError) as misfit:
            raise _Misfit(f"{where}: {misfit}") from misfit

    def _conversation(self) -> None:
        talk, store = self.talk, self.store
        if talk.unique_name and store.value("SELECT 1 FROM conversations WHERE unique_name = ?", talk.unique_name):
            raise _Misfit("its unique name is taken")
        self.row, _ = conversations.insert(
            store,
            created_by=talk.created_by,
            date_created=_time(talk.date_created),
            date_updated=_time(talk.messages[-1].at if talk.messages else talk.date_created),
            unique_name=talk.unique_name,
            friendly_name=talk.friendly_name,
            attributes=_text(talk.attributes),
            state=talk.state,
        )
        for member in talk.participants:
            self._member(member)
        for member in talk.left:
            self._name(member, new_sid("MB"))  # known to its messages only
        for index, line in enumerate(talk.messages):
            try:
                self._message(index, line)
            except _Misfit as misfit:
                raise _Misfit(f"message {index}: {misfit}") from misfit
        store.run("UPDATE conversations SET next_index = ? WHERE id = ?", len(talk.messages), self.row)

    def _member(self, member: Member) -> None:
        store, read = self.store, member.last_read_message_index
        if read is not None and not 0 <= read < len(self.talk.messages):
            raise _Misfit(f"participant {member.key!r} has read a message that is not there")
        if member.identity and not store.value("SELECT 1 FROM users WHERE identity = ?", member.identity):
            users.insert(store, member.identity, _time(self.talk.date_created))
        sid = new_sid("MB")
        self._name(member, sid)
        participants.insert(
            store,
            self.row,
            store.role("conversation", admin=member.identity == self.talk.created_by),
            _time(self.talk.date_created),
            sid=sid,
            type=member.type,
            identity=member.identity,
            address=member.address,
            proxy_address=member.proxy_address,
            name=member.name,
            level="from" if member.type == "email" else None,
            attributes=_text(member.attributes),
            last_read=read,
            last_read_at=None if read is None else _time(self.talk.messages[read].at),
        )

    def _name(self, member: Member, sid: str) -> None:
        """Know a participant by its key."""
        author = member.identity or member.address
        if author is None or (member.identity and member.address) or member.key in self.authors:
            raise _Misfit(f"participant {member.key!r} needs a key of its own and either an identity or an address")
        self.sids[member.key], self.authors[member.key] = sid, author

    def _message(self, index: int, line: Line) -> None:
        if line.author not in self.authors:
            raise _Misfit(f"{line.author!r} is no participant")
        if not line.body and not line.media:
            raise _Misfit("it has no body and no media")
        created = _time(line.at)
        edited = _time(line.edited_at) if line.edited_at else None
        author = self.authors[line.author]
        self.store.run(
            messages.INSERT,
            *(self.row, index, new_sid("IM"), author, self.sids.get(line.author), line.body, line.subject),
            *(_text(line.attributes), author if edited else None, created, edited or created),
        )
        for position, medium in enumerate(line.media):
            self._medium(index, position, medium, author, created)
        self._receipts(index, line)

    def _medium(self, index: int, position: int, medium: Medium, author: str, time: str) -> None:
        sample = b""
        if medium.size is None:
            sample = samples.make(medium.filename, medium.content_type)
            if not sample:
                raise _Misfit(f"{medium.filename!r} needs a size: there is no sample of {medium.content_type}")
        media.insert(
            self.store,
            author=author,
            time=time,
            content_type=medium.content_type,
            pieces=[sample] if sample else [],
            size=medium.size or 0,
            filename=medium.filename,
            message=(self.row, index),
            position=position,
        )

    def _receipts(self, index: int, line: Line) -> None:
        for receipt in line.receipts:
            if receipt.participant not in self.sids:
                raise _Misfit(f"a receipt of {receipt.participant!r}, who is no participant")
            at, sid = _time(receipt.at), self.sids[receipt.participant]
            delivery.insert(self.store, new_sid("DY"), self.row, index, sid, receipt.status, receipt.error_code, at)
        if line.delivery is not None:
            told = delivery_of(Counter(receipt.status for receipt in line.receipts))
            wrong = [name for name, value in line.delivery.items() if getattr(told, name, None) != value]
            if wrong:
                raise _Misfit(f"its delivery says otherwise than its receipts: {', '.join(wrong)}")


def _text(attributes: Any) -> str:
    return json.encode({} if attributes is None else attributes).decode()


def _time(text: str) -> str:
    time = time_of(text)
    if time is None:
        raise _Misfit(f"{text!r} is no time")
    return iso(time)
