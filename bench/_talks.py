"""Conversations to fill the service with, in the form of a seed file."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from bench._harness import READER

AUTHORS = (READER, "ben", "chloe", "dmitri", "elif")
TEXT = (
    "the order parcel arrived again today thanks please could you check my refund invoice address it was not there "
    "yesterday evening still waiting for an answer from your team hello sure let me look one moment that is strange "
    "tracking says delivered but nobody rang naïve café größer 👍 number is correct we will send another one tomorrow"
)
WORDS = TEXT.split()
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def talk(name: str, messages: int, people: int = len(AUTHORS)) -> dict[str, Any]:
    """A conversation of several authors; bodies of 20 to 200 characters, attributes on every fourth message."""
    dice = random.Random(name)
    authors = AUTHORS[:people]
    return {
        "unique_name": name,
        "friendly_name": name.title(),
        "created_by": READER,
        "date_created": BEGIN.isoformat(),
        "attributes": {"topic": "orders"},
        "participants": [{"key": one, "identity": one} for one in authors],
        "messages": [_message(dice, number, authors) for number in range(messages)],
    }


def body(dice: random.Random, number: int) -> str:
    """The text of a message; its number makes it unlike all others."""
    length = dice.randint(20, 200)
    text = f"{number}: "
    while len(text) < length:
        text += f"{dice.choice(WORDS)} "
    return text.rstrip()


def _message(dice: random.Random, number: int, authors: tuple[str, ...]) -> dict[str, Any]:
    attributes = {} if number % 4 else {"ticket": number, "tags": dice.sample(("refund", "late", "vip", "bot"), 2)}
    at = (BEGIN + timedelta(seconds=30 * number)).isoformat()
    return {"at": at, "from": dice.choice(authors), "body": body(dice, number), "attributes": attributes}
