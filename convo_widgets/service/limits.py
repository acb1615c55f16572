"""What the service takes: lengths, shapes, and the code of each refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from convo_widgets.service.refusals import Refused
from convo_widgets.wire import json

NAME = 256
"""Longest friendly name, unique name, identity, address and subject, in characters."""
CONVERSATION_ATTRIBUTES = 16 * 1024
"""Bytes of JSON; of a conversation, and of a user."""
ATTRIBUTES = 4 * 1024
"""Bytes of JSON; of a message or a participant."""
PARTICIPANTS, NON_CHAT = 1000, 50
"""Most participants of a conversation, and most who are not on chat."""
CONVERSATIONS = 1000
"""Most conversations of a user, those that are closed not counted."""
BODY = 32 * 1024
"""Bytes of UTF-8 in the text of a message."""

OUTSIDE = {"sms": 5, "whatsapp": 16}
"""Megabytes of media that a message to a channel outside may have."""
OUTSIDE_TEXT = 1600
"""Characters of text that a message to such a channel may have."""
TEXT_TOO_LONG, MEDIA_TOO_LARGE = 21617, 11751
"""Error codes of receipts: why a channel does not take a message."""

SYSTEM = "system"
"""Author of what the account does in nobody's name; no user may be called so."""
MB = 1024 * 1024
UNSENT_MEDIA = 100
"""Uploads of a user that belong to no message."""
EMAIL_TYPES = ("text/plain", "text/html")
"""Types of an email's body and history."""

_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
_PHONE = re.compile(r"\+[1-9]\d{4,14}")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,80}/[\w!#$&^.+-]{1,80}", re.ASCII)
_DURATION = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?", re.ASCII)
_PARAMETERS = re.compile(r"( ?; ?[\w-]{1,40}=(\"[\w .:/+-]{0,80}\"|[\w.:/+-]{1,80})){0,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Media:
    """What a message may carry: how many media, how large each and all together (1 MB is 1,048,576 bytes)."""

    count: int = 10
    single_mb: int = 150
    total_mb: int = 150


DEFAULT_MEDIA = Media()


def is_sid(value: str, prefix: str) -> bool:
    """Whether it is a sid of that kind."""
    return value.startswith(prefix) and _SID.fullmatch(value) is not None


def media_type(value: str, category: str) -> str:
    """The content type of an upload.

    Raises:
        Refused: 20422 unknown category, 50511 no type, or none that an email's body or history may have.
    """
    if category not in ("media", "body", "history"):
        raise Refused(20422, "Category is media, body or history")
    if not value:
        value = "application/octet-stream"
    kind, _, _ = value.partition(";")
    kind = kind.strip().lower()
    if not _MEDIA_TYPE.fullmatch(kind) or not _PARAMETERS.fullmatch(value.strip()[len(kind) :]):
        raise Refused(50511)
    if category != "media" and kind not in EMAIL_TYPES:
        raise Refused(50511, f"of an email: {' or '.join(EMAIL_TYPES)}")
    return value.strip()


def name(value: str | UnsetType | None, what: str) -> str | None:
    """A name of at most `NAME` characters; an empty one is none."""
    if not value:
        return None
    if len(value) > NAME:
        raise Refused(20422, f"{what} has at most {NAME} characters")
    return value


def unique_name(value: str | UnsetType | None) -> str | None:
    """A unique name; one that looks like a sid would hide another conversation."""
    found = name(value, "unique_name")
    if found and _SID.fullmatch(found):
        raise Refused(20422, "unique_name must not look like a sid")
    return found


class Timer(NamedTuple):
    """A timer: its shortest length in seconds, the codes for one that is shorter and for one that cannot be read."""

    least: float
    short: int
    bad: int


INACTIVE, CLOSED = Timer(60, 50375, 50379), Timer(600, 50376, 50380)


def duration(value: str | None, timer: Timer) -> str | None:
    """An ISO 8601 duration of days and less, as PT15M; an empty one, or one of no time, is none.

    Raises:
        Refused: 50379 or 50380 where it is none, 50375 or 50376 where it is too short.
    """
    if not value:
        return None
    length = seconds(value)
    if length is None:
        raise Refused(timer.bad, "a timer is an ISO 8601 duration of days, hours, minutes and seconds, as PT15M")
    if 0 < length < timer.least:
        raise Refused(timer.short)
    return value if length else None


def seconds(value: str) -> float | None:
    """Seconds in an ISO 8601 duration of days and less; None where it is none."""
    match = _DURATION.fullmatch(value)
    if match is None or not any(match.groups()):
        return None
    return sum(float(amount or 0) * unit for amount, unit in zip(match.groups(), (86_400, 3600, 60, 1), strict=True))


def identity(value: str) -> str:
    """The identity of a user."""
    if not value:
        raise Refused(20422, "identity is empty")
    if len(value) > NAME:
        raise Refused(50207, f"at most {NAME} characters")
    if value == SYSTEM:
        raise Refused(50203)
    return value


def attributes(value: str | UnsetType | None, limit: int) -> str:
    """Attributes as JSON text, `{}` where there are none.

    Raises:
        Refused: 50303 where they are longer than the limit in bytes, 50304 where they are not JSON.
    """
    if value is None or value is UNSET:
        return "{}"
    if len(value.encode()) > limit:
        raise Refused(50303, f"at most {limit:,} bytes of JSON")
    try:
        return json.encode(json.decode(value)).decode()
    except (json.BadJSON, RecursionError) as error:
        raise Refused(50304, "a string that holds JSON is expected") from error


def body(value: str | UnsetType | None, *, needed: bool = True) -> str | None:
    """The text of a message; where it is not `needed`, an empty one is none.

    Raises:
        Refused: 50503 where it is empty, 50504 where it is too long.
    """
    if not value:
        if needed:
            raise Refused(50503)
        return None
    if len(value.encode()) > BODY:
        raise Refused(50504, f"at most {BODY:,} bytes of UTF-8")
    return value


def unfit(type: str, length: int, size: int) -> int:
    """Why a channel outside does not take a message of so many characters and bytes of media; 0 where it does."""
    if length > OUTSIDE_TEXT:
        return TEXT_TOO_LONG
    return MEDIA_TOO_LARGE if size > OUTSIDE[type] * MB else 0


def binding(address: str | None, proxy_address: str | None, *, grouped: bool = False) -> str:
    """The type of a participant who is not on chat, by the address; in a group of telephones none needs a proxy.

    Raises:
        Refused: 50407 bad address, 50408 bad proxy address, 50409 both the same.
    """
    kind = _kind(address)
    if kind is None:
        raise Refused(50407, "a phone number as +15550100, whatsapp:+15550100, messenger:id or an email address")
    if proxy_address is None and (kind == "email" or (grouped and kind == "sms")):
        return kind
    if address == proxy_address:
        raise Refused(50409)
    if _kind(proxy_address) != kind:
        raise Refused(50408, f"an address of type {kind} is expected")
    return kind


def projected(address: str) -> str:
    """The number that a participant on chat has in a group of telephones.

    Raises:
        Refused: 50407 where it is none.
    """
    if _kind(address) != "sms":
        raise Refused(50407, "a projected address is a phone number as +15550100")
    return address


def _kind(address: str | None) -> str | None:
    if not address or len(address) > NAME:
        return None
    if _PHONE.fullmatch(address):
        return "sms"
    channel, colon, rest = address.partition(":")
    if colon and channel == "whatsapp" and _PHONE.fullmatch(rest):
        return "whatsapp"
    if colon and channel == "messenger" and rest:
        return "messenger"
    return "email" if _EMAIL.fullmatch(address) else None
