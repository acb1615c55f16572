"""What stands in many bodies: where a page lies, times, attributes, texts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from convo_widgets.wire import json


class Meta(Struct):
    """Paging of the client API and of Sync: the presence of a token says that there is more on that side."""

    next_token: str | None = None
    previous_token: str | None = None


def time_of(text: str | UnsetType | None) -> datetime | None:
    """The UTC time that an ISO 8601 string means; None for a missing or unreadable one."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: a time zone took it out of the years 1 to 9999
        return None


def attributes_of(value: Any) -> Any:
    """Attributes as parsed JSON, from a JSON string or from the value itself; `{}` where that cannot be read."""
    if not isinstance(value, str):
        return {} if value is None or value is UNSET else value
    try:
        return json.decode(value)
    except json.BadJSON:
        return {}


def mapping_of(value: Any) -> Mapping[Any, Any]:
    """What should be an object of JSON; an empty one where it is none."""
    return value if isinstance(value, Mapping) else {}


def text_of(value: Any) -> str | None:
    """What should be a text; None where it is none, or empty."""
    return value if isinstance(value, str) and value else None
