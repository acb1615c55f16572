"""What a row of the thread shows of a message: what it holds, by whom, and how far it got."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from convo_widgets.client.content import RICH, rich_type
from convo_widgets.client.media import Media
from convo_widgets.client.message import Message
from convo_widgets.widgets._names import Names, mask

MOST_REACTIONS = 24  # kinds of them that one message shows
MOST_NAMES = 20  # people that are named beside one kind; the others are counted
LONGEST_REACTION = 40  # characters of a name that is shown as a reaction


def row_of(message: Message, names: Names, identity: str, *, edited: bool = False) -> dict[str, Any]:
    """A message as the view gets it.

    Args:
        message: the message.
        names: what to call people.
        identity: of the reader, whose own messages and reactions are marked.
        edited: whether somebody saw its text change.
    """
    written, receipt = message.date_created, message.aggregated_delivery_receipt
    rich, texts = _bodies(message)
    return {
        "sid": message.sid,
        "index": message.index,
        "author": _key_of(message),
        "name": names.of(message.author),
        "own": message.author == identity,
        "system": is_system(message),
        "channel": names.channel(message.participant_sid),
        "plain": names.reaches_phones(),
        "body": message.body,
        "subject": message.subject,
        "date_created": None if written is None else written.timestamp() * 1000,
        "edited": edited or _is_edited(message),
        "media": [_medium(one) for one in message.attached_media],
        "texts": [_medium(one) | {"category": one.category} for one in texts],
        "content": rich,
        "reactions": [
            {
                "name": name,
                "count": len(people),
                "people": [names.of(one) for one in people[:MOST_NAMES]],
                "own": identity in people,
            }
            for name, people in reactions_of(message.attributes).items()
        ],
        "delivery": None if receipt is None else asdict(receipt),
    }


def is_system(message: Message) -> bool:
    """Whether the service says it itself."""
    return message.author in (None, "system") and message.participant_sid is None


def _key_of(message: Message) -> str | None:
    """What tells authors apart: an identity, but no phone number: rows are kept in saved notebooks."""
    author = message.author
    return author if author is None or mask(author) == author else message.participant_sid or mask(author)


def reactions_of(attributes: Any) -> dict[str, list[str]]:
    """The reactions in a message's attributes, as the official demo keeps them: identities by the reaction's name."""
    kept = attributes.get("reactions") if isinstance(attributes, dict) else None
    found: dict[str, list[str]] = {}
    for name, people in kept.items() if isinstance(kept, dict) else ():
        some = list(dict.fromkeys(one for one in people if isinstance(one, str))) if isinstance(people, list) else []
        if some and 0 < len(name) <= LONGEST_REACTION and len(found) < MOST_REACTIONS:
            found[name] = some
    return found


def _is_edited(message: Message) -> bool:
    """Whether its text was changed, as far as one can know: who reacts changes the message too."""
    by, attributes = message.last_updated_by, message.attributes
    if by is None or not isinstance(attributes, dict) or "reactions" not in attributes:
        return by is not None
    return by == message.author and not any(by in people for people in reactions_of(attributes).values())


def _bodies(message: Message) -> tuple[str | None, list[Media]]:
    """The type of a message's rich content, if it has any; and the texts of an email."""
    bodies = message.get_media_by_categories(["body", "history"])
    rich = next((one for one in bodies if one.content_type.startswith(RICH)), None)
    texts = [one for one in bodies if not one.content_type.startswith(RICH)]
    return None if rich is None or message.content_sid is None else rich_type(rich.content_type), texts


def _medium(medium: Media) -> dict[str, Any]:
    return {
        "sid": medium.sid,
        "filename": medium.filename,
        "content_type": medium.content_type,
        "size": medium.size,
    }
