"""The chitchat corpus: 7,168 conversations of 1,315 people, from the package `chitchat-dataset` (MIT licence)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msgspec import Struct

from convo_widgets.errors import UsageError
from convo_widgets.service.conversations import VIEWS
from convo_widgets.service.limits import NAME
from convo_widgets.service.messages import INSERT as INSERT_MESSAGE
from convo_widgets.service.participants import FIELDS
from convo_widgets.service.participants import INSERT as INSERT_PARTICIPANT
from convo_widgets.service.store import Store, new_sid
from convo_widgets.service.users import insert as insert_user
from convo_widgets.wire import json

_FIRST = """
Amber Ash Aster Basil Berry Birch Briar Cedar Cider Clay Clover Coral Dawn Dune Ember Fern Flint Frost Ginger
Glen Hazel Heath Honey Indigo Iris Ivory Jade Juniper Lark Laurel Lilac Lime Linden Maple Marble Meadow Mint
Misty Moss Nettle Nova Oak Ocean Olive Onyx Opal Pearl Pepper Pine Plum Poppy Quartz Rain Raven Reed River Robin
Rowan Ruby Rusty Saffron Sage Sandy Scarlet
"""
_LAST = """
Badger Bear Beetle Bison Bittern Bobcat Camel Cicada Condor Cougar Crane Cricket Curlew Deer Dingo Dolphin
Donkey Eagle Egret Falcon Ferret Finch Fox Gazelle Gecko Goose Grouse Hare Hawk Heron Hornet Ibex Ibis Impala
Jackal Jaguar Kestrel Kiwi Koala Lemur Leopard Linnet Lizard Llama Lynx Magpie Marmot Marten Mole Moose Newt
Ocelot Otter Owl Panther Pelican Puffin Quail Rabbit Salmon Seal Stoat Swan Tapir
"""


class _Text(Struct):
    text: str
    timestamp: str
    sender: str


class _Chat(Struct):
    messages: list[list[_Text]]
    start: str
    prompt: str | None = None
    ratings: dict[str, Any] | None = None


def load(store: Store) -> None:
    """Write the whole corpus into an empty store: seconds of work.

    Raises:
        UsageError: the package is missing.
    """
    chats = json.decode(_find().read_bytes(), dict[str, _Chat])
    people = sorted({line.sender for chat in chats.values() for turn in chat.messages for line in turn})
    with store.write() as change:
        for identity, name in zip(people, _names(people), strict=True):
            insert_user(store, identity, change.time, name)
        _Tables(store, chats).write()


def _find() -> Path:
    spec = find_spec("chitchat_dataset")
    if spec is None or spec.origin is None:
        raise UsageError("The seed 'chitchat' needs the package chitchat-dataset: pip install convo-widgets[demo]")
    return Path(spec.origin).with_name("dataset.json")


def _names(people: list[str]) -> Iterator[str]:
    """Readable pseudonyms, the same at each import: the corpus has ids only."""
    first, last = _FIRST.split(), _LAST.split()
    used: set[str] = set()
    for identity in people:
        number = int(identity.replace("-", ""), 16)
        name = f"{first[number % 64]} {last[number // 64 % 64]}"
        while name in used:
            name += " Jr"
        used.add(name)
        yield name


class _Tables:
    """The corpus as rows, written table by table."""

    def __init__(self, store: Store, chats: dict[str, _Chat]) -> None:
        self.store = store
        self.chats = chats
        self.roles = {admin: store.role("conversation", admin=admin) for admin in (True, False)}
        self.sids: dict[tuple[int, str], str] = {}

    def write(self) -> None:
        write = self.store.run_many
        conversations = list(self._conversations())
        write(
            "INSERT INTO conversations (id, sid, unique_name, friendly_name, attributes, state, state_updated, "
            "created_by, next_index, date_created, date_updated) VALUES (?, ?, ?, ?, ?, 'active', ?, ?, ?, ?, ?)",
            conversations,
        )
        objects = (
            (new_sid(prefix), f"{sid}.{view}", type, view, id, date)
            for id, sid, *_, date, _ in conversations
            for view, prefix, type in VIEWS
        )
        write("INSERT INTO sync_objects VALUES (?, ?, ?, ?, ?, ?)", objects)
        write(INSERT_PARTICIPANT, self._participants())
        write(INSERT_MESSAGE, self._messages())

    def _conversations(self) -> Iterator[tuple[Any, ...]]:
        for id, (name, chat) in enumerate(self.chats.items(), 1):
            lines = [line for turn in chat.messages for line in turn]
            attributes = {"corpus": "chitchat", "prompt": chat.prompt, "ratings": chat.ratings}
            friendly = (chat.prompt or f"A chat of {chat.start[:10]}")[:NAME]
            last = lines[-1].timestamp
            text = json.encode(attributes).decode()
            yield id, new_sid("CH"), name, friendly, text, last, lines[0].sender, len(lines), chat.start, last

    def _participants(self) -> Iterator[tuple[Any, ...]]:
        for id, chat in enumerate(self.chats.values(), 1):
            senders = dict.fromkeys(line.sender for turn in chat.messages for line in turn)
            for place, identity in enumerate(senders):
                sid = self.sids[id, identity] = new_sid("MB")
                row: dict[str, Any] = dict.fromkeys(FIELDS)
                row |= {"sid": sid, "conversation": id, "identity": identity, "type": "chat", "attributes": "{}"}
                row |= {"role_sid": self.roles[place == 0], "notification_level": "default"}
                row |= {"date_created": chat.start, "date_updated": chat.start}
                yield tuple(row.values())

    def _messages(self) -> Iterator[tuple[Any, ...]]:
        for id, chat in enumerate(self.chats.values(), 1):
            lines = (line for turn in chat.messages for line in turn)
            for index, line in enumerate(lines):
                time = line.timestamp
                names = (line.sender, self.sids[id, line.sender])
                yield id, index, new_sid("IM"), *names, line.text, None, "{}", None, time, time
