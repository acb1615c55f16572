"""An event in a line, for people who read along."""

from __future__ import annotations

from typing import Any

from convo_widgets.widgets._names import mask
from convo_widgets.wire.recording import RecordedConversation, RecordedMessage, RecordedParticipant, RecordedUser

LONGEST = 200  # characters

_SAID = {
    "typingStarted": "writes",
    "typingEnded": "writes no more",
    "tokenAboutToExpire": "a new token is due",
    "tokenExpired": "the token's time is over",
    "initialized": "the client is ready",
}


def short(name: str, fields: Any) -> str:
    """What happened, from what a `Recorder` would keep of the payload."""
    words = [_SAID.get(name, ""), *_words(fields)]
    return " · ".join(word for word in (" ".join(one.split()) for one in words) if word)[:LONGEST]


def _words(fields: Any) -> list[str]:
    reasons = ", ".join(getattr(fields, "reasons", ()))
    match fields:
        case RecordedMessage():
            files = ", ".join(one.filename or one.content_type for one in fields.media)
            return [f"#{fields.index}", reasons, str(fields.body or fields.subject or files)[:LONGEST]]
        case RecordedParticipant():
            address = fields.bindings.get(fields.type, {}).get("address")
            return [fields.identity or mask(str(address or fields.sid)), reasons]
        case RecordedConversation():
            return [fields.friendly_name or fields.unique_name or "", reasons]
        case RecordedUser():
            return [fields.friendly_name or fields.identity, reasons]
        case dict():
            return [f"{key.replace('_', ' ')}: {value}" for key, value in fields.items() if value is not None]
    return []
