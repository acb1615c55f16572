"""Simulated customers and agents: the plan of `seeds.script`, acted on a running service in virtual time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from sqlite3 import Row
from typing import Any

from convo_widgets.errors import UsageError
from convo_widgets.service import conversations, media, memberships, messages, participants, users
from convo_widgets.service.agenda import Agenda, Moment
from convo_widgets.service.carrier import Carrier
from convo_widgets.service.dispatch import Backend
from convo_widgets.service.playing import Playing, identities
from convo_widgets.service.refusals import Refused
from convo_widgets.service.seeds import samples
from convo_widgets.service.seeds.script import Beat, Role, Scene, Script, scenes
from convo_widgets.service.seeds.transcript import Person
from convo_widgets.service.store import Change, Source
from convo_widgets.wire import json
from convo_widgets.wire.schema import (
    Membership,
    MessagingBinding,
    NewConversation,
    NewMessage,
    NewParticipant,
    NewUserInfo,
    attributes_of,
)


@dataclass
class _Stage:
    """A conversation under way: who is in it, and what each wrote last (indexes)."""

    scene: Scene
    sid: str = ""
    people: dict[Role, str] = field(default_factory=dict)
    wrote: dict[Role, int] = field(default_factory=dict)
    over: bool = False


class Simulation(Playing):
    """A support desk at work, as `LocalService.simulate` starts it.

    Attributes:
        conversations: how many customers have come.
        messages: how many messages were sent.
        time: the virtual time that it has come to.
    """

    def __init__(
        self,
        backend: Backend,
        script: Script,
        *,
        rate: float,
        seed: int | str,
        speed: float,
        start: Moment | None,
        most: int | None,
        members: Iterable[str] | None,
    ) -> None:
        if not 0 < rate < math.inf:
            raise UsageError(f"rate={rate}: messages a minute of virtual time, above 0")
        if most is not None and most < 1:
            raise UsageError(f"conversations={most}: how many at most, 1 or more; None is without end")
        if most is None and math.isinf(speed):
            raise UsageError("Without end and without waiting it would fill the store: give conversations= or a speed=")
        super().__init__(backend, Agenda(start or datetime.now(UTC), speed))
        self._script = script
        self._members = identities(script.members if members is None else members)
        self._most = most
        self._scenes: Iterator[Scene] = scenes(script, seed, rate)
        self._carrier = Carrier(backend.store, self._act, self._agenda, backend.keep)
        self._plan()

    def _plan(self) -> None:
        """Have the next customer come."""
        if self._most is None or self.conversations < self._most:
            scene = next(self._scenes)
            self._agenda.add(self._agenda.start + timedelta(seconds=scene.at), partial(self._open, scene))

    def _open(self, scene: Scene, when: datetime) -> None:
        self.conversations += 1
        stage = _Stage(scene)
        try:
            self._act(when, partial(self._enter, stage), _source(stage, "customer"))
        except Refused:  # the address is in another conversation still, of an earlier run
            stage.over = True
        for beat in () if stage.over else scene.beats:
            self._agenda.add(when + timedelta(seconds=beat.at), partial(self._beat, stage, beat))
        self._plan()

    def _beat(self, stage: _Stage, beat: Beat, when: datetime) -> None:
        """Somebody does something, unless somebody else has closed or removed the conversation meanwhile."""
        if stage.over:
            return
        try:
            if beat.does == "type":
                self._type(stage, beat)
            else:
                self._act(when, partial(self._perform, stage, beat, when), _source(stage, beat.who))
        except Refused:
            stage.over = True

    def _type(self, stage: _Stage, beat: Beat) -> None:
        store, identity = self._backend.store, _identity(stage, beat.who)
        if identity is not None:
            memberships.tell_typing(store, self._backend.hub, conversations.find_by(store, stage.sid), identity)

    # -- in a transaction

    def _enter(self, stage: _Stage, change: Change) -> None:
        """The customer opens a conversation; the members are there from the beginning."""
        scene = stage.scene
        new = NewConversation(friendly_name=scene.topic, attributes=_text(scene.attributes))
        if scene.customer.identity:
            _ensure(change, Person(scene.customer.identity, scene.customer.name, {"role": "customer"}))
        stage.sid = conversations.create(change, new, scene.customer.identity or "system")
        self._come(change, stage, "customer")
        for identity in self._members:
            participants.add(change, conversations.find_by(change.store, stage.sid), NewParticipant(identity))

    def _come(self, change: Change, stage: _Stage, who: Role) -> str:
        """The participant that somebody is in the conversation; its sid."""
        if who not in stage.people:
            conversation = conversations.find_by(change.store, stage.sid)
            if who != "customer":
                _ensure(change, stage.scene.staff[who])
            known = _member(change, conversation, _identity(stage, who))
            stage.people[who] = known or participants.add(change, conversation, self._newcomer(stage, who))
        return stage.people[who]

    def _newcomer(self, stage: _Stage, who: Role) -> NewParticipant:
        identity = _identity(stage, who)
        if identity is not None:
            return NewParticipant(identity)
        scene, customer = stage.scene, stage.scene.customer
        level = "from" if scene.channel == "email" else None
        binding = MessagingBinding(customer.address, self._script.desk[scene.channel], None, customer.name, level)
        return NewParticipant(attributes=_text({"name": customer.name, "role": "customer"}), messaging_binding=binding)

    def _perform(self, stage: _Stage, beat: Beat, when: datetime, change: Change) -> None:
        sid = self._come(change, stage, beat.who)
        conversation = conversations.find_by(change.store, stage.sid)
        match beat.does:
            case "say":
                self._say(change, stage, beat, conversation)
                self._carrier.carry(change.sent, when)
                change.sent = []  # the service's own carrier would work in real time
            case "edit":
                message = self._message(change, conversation, stage.wrote.get(beat.who))
                if message is not None:
                    by = _identity(stage, beat.who) or "system"
                    messages.alter(change, conversation, message, NewMessage(body=beat.text), by)
            case "react":
                self._react(change, stage, beat, conversation)
            case "set":
                new = NewConversation(attributes=_text(_known(conversation) | beat.attributes))
                conversations.alter(change, conversation, new)
            case "leave":
                participants.remove(change, conversation, participants.find_by(change.store, conversation, sid))
                del stage.people[beat.who]
            case "read":
                self._read(change, conversation, sid)
            case "close":
                conversations.alter(change, conversation, NewConversation(), conversations.Terms(state="closed"))

    def _say(self, change: Change, stage: _Stage, beat: Beat, conversation: Row) -> None:
        sid, author = stage.people[beat.who], _identity(stage, beat.who) or stage.scene.customer.address or ""
        new = NewMessage(body=beat.text)
        if stage.scene.subject:
            new.subject = stage.scene.subject if not stage.wrote else f"Re: {stage.scene.subject}"
        if beat.media is not None:
            file = beat.media
            medium = media.insert(
                change.store,
                author=author,
                time=change.time,
                content_type=file.content_type,
                pieces=[samples.make(file.filename, file.content_type)],
                filename=file.filename,
            )
            new.media_sids = [medium]
        sent = messages.send(change, conversation, new, author, sid, most=self._backend.media)
        stage.wrote[beat.who] = sent["idx"]
        self.messages += 1
        if _identity(stage, beat.who):
            self._read(change, conversations.find_by(change.store, stage.sid), sid)

    def _react(self, change: Change, stage: _Stage, beat: Beat, conversation: Row) -> None:
        """As the reactions of chat apps: names in the message's attributes, each with identities."""
        others = [index for who, index in stage.wrote.items() if who != beat.who]
        message = self._message(change, conversation, max(others, default=None))
        identity = _identity(stage, beat.who)
        if message is None or identity is None:
            return
        attributes = _known(message)
        reactions = attributes.get("reactions")
        reactions = reactions if isinstance(reactions, dict) else {}
        people = reactions.get(beat.text)
        reactions[beat.text] = [*(people if isinstance(people, list) else []), identity]
        new = NewMessage(attributes=_text(attributes | {"reactions": reactions}))
        messages.alter(change, conversation, message, new, identity)

    def _read(self, change: Change, conversation: Row, sid: str) -> None:
        if conversation["next_index"]:
            member = participants.find_by(change.store, conversation, sid)
            memberships.alter(change, conversation, member, Membership(conversation["next_index"] - 1))

    def _message(self, change: Change, conversation: Row, index: int | None) -> Row | None:
        sql = "SELECT * FROM messages WHERE conversation = ? AND idx = ?"
        return change.store.row(sql, conversation["id"], index)


def _identity(stage: _Stage, who: Role) -> str | None:
    """Whom a role is played by; None for a customer who is not on chat."""
    return stage.scene.customer.identity if who == "customer" else stage.scene.staff[who].identity


def _known(row: Row) -> dict[str, Any]:
    """Attributes of a noun, none where somebody has put anything else there."""
    attributes = attributes_of(row["attributes"])
    return attributes if isinstance(attributes, dict) else {}


def _source(stage: _Stage, who: Role) -> Source:
    return Source("SDK", _identity(stage, who))


def _member(change: Change, conversation: Row, identity: str | None) -> str | None:
    """The participant that a user is already, as one of the members."""
    sql = "SELECT sid FROM participants WHERE conversation = ? AND identity = ?"
    sid = change.store.value(sql, conversation["id"], identity)
    return None if sid is None else str(sid)


def _ensure(change: Change, person: Person) -> None:
    if change.store.value("SELECT 1 FROM users WHERE identity = ?", person.identity) is None:
        users.create(change, person.identity, NewUserInfo(person.friendly_name, _text(person.attributes)))


def _text(attributes: Any) -> str:
    return json.encode(attributes).decode()
