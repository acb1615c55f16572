"""Scripts: what customers and agents say to each other, and a plan of who does what when that a seed makes of it.

A script is written by a person, in JSON: `support-desk.json` beside this file is one. Making a plan touches no service,
and the same script, seed and rate always make the same.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from convo_widgets.errors import UsageError
from convo_widgets.service.seeds import samples
from convo_widgets.service.seeds.transcript import Medium, Person
from convo_widgets.wire import json

Channel = Literal["chat", "sms", "whatsapp", "email"]
Role = Literal["customer", "agent", "second", "bot"]
AT_A_TIME = 5.0
"""Seconds after which a typing notice is renewed."""
LONGEST = 30.0
"""Most seconds that a message takes to be written."""
AGAIN = 0.25
"""How often a customer is one who has been here before."""
_WORD = re.compile(r"\{(\w+)\}")


class _Strict(Struct, forbid_unknown_fields=True):
    """A misspelt field is an error, not a silence."""


class Step(_Strict):
    """One thing that somebody does, after so many seconds (at least, at most), as often as `chance` says.

    Attributes:
        say: texts of a message, one of which is taken; ``{word}`` stands for a word of the case, or for a first name:
            ``{customer}``, ``{agent}``, ``{second}``.
        media: a file that goes with it.
        edit: texts for the last message of the same person, one of which is taken.
        react: name of a reaction to the last message of somebody else, for example "heart".
        set: attributes of the conversation, each with values, one of which is taken.
        join: come into the conversation; whoever does something comes by itself.
        leave: leave it.
        read: read it to the end; whoever writes has read.
        close: close it.
    """

    who: Role
    after: tuple[float, float] = (4, 20)
    chance: float = 1
    say: list[str] = []
    media: Medium | None = None
    edit: list[str] = []
    react: str = ""
    set: dict[str, list[Any]] = {}
    join: bool = False
    leave: bool = False
    read: bool = False
    close: bool = False


class Case(_Strict):
    """What a customer may come with; a `weight` of 2 comes twice as often as one of 1."""

    topic: str
    steps: list[Step]
    channels: list[Channel] = field(default_factory=lambda: ["chat", "sms", "whatsapp", "email"])
    weight: float = 1
    words: dict[str, list[str]] = {}
    attributes: dict[str, Any] = {}


class Names(_Strict):
    """First and last names of customers."""

    first: list[str]
    last: list[str]


class Script(_Strict):
    """The whole file.

    Attributes:
        desk: the desk's own address on each channel but chat.
        agents: users who answer.
        bot: the user who answers first, if anybody does.
        members: identities who are in every conversation and do nothing.
    """

    agents: list[Person]
    customers: Names
    desk: dict[Channel, str]
    cases: list[Case]
    bot: Person | None = None
    members: list[str] = []


def load(name: str | PathLike[str]) -> Script:
    """A script of ours by its name, or one from a file.

    Raises:
        UsageError: there is none, or it does not fit; the message says where.
    """
    try:
        own = files(__package__).joinpath(f"{name}.json") if name == "support-desk" else None
        data = own.read_bytes() if own is not None else Path(name).expanduser().read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"There is no script {str(name)!r}: it is 'support-desk', or the path of a file") from error
    except OSError as error:
        raise UsageError(f"The script {name} cannot be read: {error.strerror or error}") from error
    try:
        script = json.decode(data, Script)
    except json.BadJSON as error:
        raise UsageError(f"The script {name} does not fit: {error}") from error
    for fault in _faults(script):
        raise UsageError(f"The script {name} does not fit: {fault}")
    return script


def _faults(script: Script) -> Iterator[str]:
    """What is wrong in it, in words."""
    if len(script.agents) < 2 or not (script.customers.first and script.customers.last and script.cases):
        yield "it needs two agents, names of customers, and cases"
    for case in script.cases:
        where = f"the case {case.topic!r}"
        if not case.channels or not case.steps or case.weight <= 0:
            yield f"{where} needs channels, steps and a weight above 0"
        missing = [one for one in case.channels if one != "chat" and one not in script.desk]
        if missing:
            yield f"{where} has the channel {missing[0]!r}, and the desk no address there"
        for number, step in enumerate(case.steps):
            yield from (f"{where}, step {number}: {fault}" for fault in _faults_of(script, case, step))


def _faults_of(script: Script, case: Case, step: Step) -> Iterator[str]:
    acts = [step.say or step.media, step.edit, step.react, step.set, step.join, step.leave, step.read, step.close]
    if sum(map(bool, acts)) != 1:
        yield "it does one thing: say, edit, react, set, join, leave, read or close"
    if not 0 <= step.after[0] <= step.after[1] <= 1e6 or not 0 <= step.chance <= 1:
        yield "after is two numbers of seconds, the smaller one first, and chance one from 0 to 1"
    if step.who == "bot" and script.bot is None:
        yield "there is no bot"
    if any(not values for values in step.set.values()) or any(not values for values in case.words.values()):
        yield "there is nothing to choose from"
    if step.media is not None and not samples.make(step.media.filename, step.media.content_type):
        yield f"there is no sample of {step.media.content_type}"
    known = {*case.words, "customer", "agent", "second"}
    unknown = {word for text in [case.topic, *step.say, *step.edit] for word in _WORD.findall(text)} - known
    if unknown:
        yield f"{min(unknown)!r} is no word of the case"


# --- A plan --------------------------------------------------------------------------------------------------------


class Beat(Struct, frozen=True):
    """Somebody does something, so many seconds after the conversation was opened."""

    at: float
    who: Role
    does: Literal["type", "say", "edit", "react", "set", "join", "leave", "read", "close"]
    text: str = ""
    media: Medium | None = None
    attributes: dict[str, Any] = {}


class Guest(Struct, frozen=True):
    """A customer: a user on chat, else somebody with an address."""

    name: str
    identity: str | None = None
    address: str | None = None


class Scene(Struct, frozen=True):
    """One conversation from its beginning to its end.

    Attributes:
        at: seconds after the whole began.
        staff: who plays the agent, the second and the bot.
    """

    number: int
    at: float
    topic: str
    subject: str
    channel: Channel
    customer: Guest
    staff: dict[Role, Person]
    attributes: dict[str, Any]
    beats: list[Beat]


def scenes(script: Script, seed: int | str, rate: float) -> Iterator[Scene]:
    """One scene after the other, without end: so close together that there are `rate` messages a minute on average."""
    dice = random.Random(f"{seed}")  # noqa: S311 - a play
    apart = _length(script) / rate * 60
    first, last = (dice.sample(names, len(names)) for names in (script.customers.first, script.customers.last))
    at, people, busy, free = 0.0, 0, list[tuple[float, int]](), list[int]()
    number = 0
    while True:
        free += [one for end, one in busy if end < at]
        busy = [(end, one) for end, one in busy if end >= at]
        if free and dice.random() < AGAIN:
            person = free.pop(dice.randrange(len(free)))
        else:
            person, people = people, people + 1
        scene = _scene(script, seed, number, at, (person, *_name(first, last, person)))
        yield scene
        busy.append((at + scene.beats[-1].at if scene.beats else at, person))
        at += dice.expovariate(1 / apart)
        number += 1


def _length(script: Script) -> float:
    """Messages of a scene on average, at least one."""
    weights = sum(case.weight for case in script.cases)
    told = sum(case.weight * step.chance for case in script.cases for step in case.steps if step.say or step.media)
    return max(1.0, told / weights)


def _name(first: list[str], last: list[str], person: int) -> tuple[str, str]:
    """The name of a person by number, another for each until all are taken; and what tells namesakes apart."""
    row, place = divmod(person, len(first))
    namesake = person // (len(first) * len(last))
    return f"{first[place]} {last[(place + row) % len(last)]}", str(namesake + 1) if namesake else ""


def _scene(script: Script, seed: int | str, number: int, at: float, person: tuple[int, str, str]) -> Scene:
    dice = random.Random(f"{seed} {number}")  # noqa: S311 - a play
    case = dice.choices(script.cases, [case.weight for case in script.cases])[0]
    channel = dice.choice(case.channels)
    customer = _guest(channel, *person)
    agent, second = dice.sample(script.agents, 2)
    staff: dict[Role, Person] = {"agent": agent, "second": second}
    if script.bot is not None:
        staff["bot"] = script.bot
    words = {word: dice.choice(values) for word, values in case.words.items()}
    words |= {"customer": customer.name.split()[0]}
    words |= {role: _first_name(one) for role, one in staff.items()}
    topic = _fill(case.topic, words)
    return Scene(
        number=number,
        at=at,
        topic=f"{topic}, {customer.name}",
        subject=topic if channel == "email" else "",
        channel=channel,
        customer=customer,
        staff=staff,
        attributes=case.attributes | {"simulation": {"seed": seed, "number": number}},
        beats=list(_beats(case, words, dice, typed=channel == "chat")),
    )


def _beats(case: Case, words: dict[str, str], dice: random.Random, *, typed: bool) -> Iterator[Beat]:
    """What happens in a scene; a customer who is not on chat is never seen to type, to read or to react."""
    at = 0.0
    for step in case.steps:
        at += dice.uniform(*step.after)
        seen = typed or step.who != "customer"
        skipped = dice.random() >= step.chance
        if skipped or not (seen or step.say or step.media):
            continue
        if step.say or step.media:
            text = _fill(dice.choice(step.say), words) if step.say else ""
            writing = min(LONGEST, 1 + len(text) * dice.uniform(0.06, 0.14))
            if seen:
                yield Beat(at, step.who, "read")
                beginnings = range(int(writing / AT_A_TIME) + 1) if step.who != "bot" else ()
                yield from (Beat(at + AT_A_TIME * turn, step.who, "type") for turn in beginnings)
            at += writing
            yield Beat(at, step.who, "say", text, step.media)
        elif step.edit:
            yield Beat(at, step.who, "edit", _fill(dice.choice(step.edit), words))
        elif step.react:
            yield Beat(at, step.who, "react", step.react)
        elif step.set:
            chosen = {name: dice.choice(values) for name, values in step.set.items()}
            yield Beat(at, step.who, "set", attributes=chosen)
        else:
            yield Beat(
                at, step.who, "join" if step.join else "leave" if step.leave else "read" if step.read else "close"
            )


def _guest(channel: Channel, person: int, name: str, namesake: str) -> Guest:
    """A customer; telephones have numbers that are kept for plays, and mail goes nowhere."""
    plain = re.sub(r"[^a-z]+", ".", _ascii(name).lower()).strip(".") + namesake
    phone = f"+1{212 + person // 100 % 700}55501{person % 100:02}"
    match channel:
        case "chat":
            return Guest(name, identity=plain)
        case "email":
            return Guest(name, address=f"{plain}@example.com")
        case "whatsapp":
            return Guest(name, address=f"whatsapp:{phone}")
    return Guest(name, address=phone)


def _ascii(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or "guest"


def _first_name(person: Person) -> str:
    return (person.friendly_name or person.identity).split()[0]


def _fill(text: str, words: dict[str, str]) -> str:
    return _WORD.sub(lambda match: words[match[1]], text)
