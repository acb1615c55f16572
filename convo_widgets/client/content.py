"""Rich content: what a message that was made from a template shows.

The names and discriminants are the SDK's. What does not have the shape that its type promises, and types that came
later, are `ContentDataOther`, whose raw data holds everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from convo_widgets.wire import json

RICH = "application/x-vnd.com.twilio.rich."
"""What the content types of rich bodies begin with."""
RICH_LIMIT = 1_000_000  # bytes of a rich body


@dataclass(frozen=True, slots=True)
class ContentDataReply:
    """A button that sends back its title. `id` is told to the service, not shown."""

    title: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ContentDataListItem:
    """An item of a list picker. `id` is told to the service, not shown."""

    id: str
    item: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ContentDataActionUrl:
    """A button that opens an address; `raw_data` is all of it as JSON."""

    title: str
    url: str
    raw_data: str = field(repr=False)
    type: Literal["url"] = field(default="url", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataActionPhone:
    """A button that calls a phone number; `raw_data` is all of it as JSON."""

    title: str
    phone: str
    raw_data: str = field(repr=False)
    type: Literal["phone"] = field(default="phone", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataActionReply:
    """A button that sends back its title; `raw_data` is all of it as JSON."""

    title: str
    id: str
    index: int
    raw_data: str = field(repr=False)
    type: Literal["reply"] = field(default="reply", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataActionOther:
    """A button of a kind that is not known here; `raw_data` is all of it as JSON."""

    raw_data: str
    type: Literal["other"] = field(default="other", init=False)


ContentDataAction = ContentDataActionUrl | ContentDataActionPhone | ContentDataActionReply | ContentDataActionOther


@dataclass(frozen=True, slots=True)
class ContentDataText:
    """Text alone (``twilio/text``); `raw_data` is all of it as JSON."""

    body: str
    raw_data: str = field(repr=False)
    type: Literal["text"] = field(default="text", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataMedia:
    """Media by their addresses, with a text (``twilio/media``); `raw_data` is all of it as JSON."""

    body: str | None
    media: list[str]
    raw_data: str = field(repr=False)
    type: Literal["media"] = field(default="media", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataLocation:
    """A place on earth, in degrees (``twilio/location``); `raw_data` is all of it as JSON."""

    longitude: float
    latitude: float
    label: str | None
    raw_data: str = field(repr=False)
    type: Literal["location"] = field(default="location", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataQuickReply:
    """A question with buttons for its answers (``twilio/quick-reply``); `raw_data` is all of it as JSON."""

    body: str
    replies: list[ContentDataReply]
    raw_data: str = field(repr=False)
    type: Literal["quickReply"] = field(default="quickReply", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataCallToAction:
    """A text with buttons that do something (``twilio/call-to-action``); `raw_data` is all of it as JSON."""

    body: str
    actions: list[ContentDataAction]
    raw_data: str = field(repr=False)
    type: Literal["callToAction"] = field(default="callToAction", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataListPicker:
    """A button that opens a list to choose from (``twilio/list-picker``); `raw_data` is all of it as JSON."""

    body: str
    button: str
    items: list[ContentDataListItem]
    raw_data: str = field(repr=False)
    type: Literal["listPicker"] = field(default="listPicker", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataCard:
    """A card with title, media and buttons (``twilio/card``); `raw_data` is all of it as JSON."""

    title: str
    subtitle: str | None
    media: list[str]
    actions: list[ContentDataAction]
    raw_data: str = field(repr=False)
    type: Literal["card"] = field(default="card", init=False)


@dataclass(frozen=True, slots=True)
class ContentDataOther:
    """Content of a type that is not known here, or of another shape; `raw_data` is all of it as JSON."""

    raw_data: str
    type: Literal["other"] = field(default="other", init=False)


ContentData = (
    ContentDataText
    | ContentDataMedia
    | ContentDataLocation
    | ContentDataQuickReply
    | ContentDataCallToAction
    | ContentDataListPicker
    | ContentDataCard
    | ContentDataOther
)


def content_data(type: str, data: Any) -> ContentData:
    """Content of a type ("twilio/card") from its parsed JSON; never raises."""
    raw = _raw(data)
    read = _READERS.get(type)
    if read is not None and isinstance(data, dict):
        try:
            return read(_Fields(data), raw)
        except _Misfit:
            pass
    return ContentDataOther(raw)


def rich_type(content_type: str) -> str:
    """The type of content that a rich body has: ``application/x-vnd.com.twilio.rich.twilio.card`` is "twilio/card"."""
    return content_type.partition(";")[0].strip().removeprefix(RICH).replace(".", "/", 1)


class _Misfit(Exception):
    """Data that is not as its type promises."""


class _Fields:
    """Fields of a JSON object, by the type that they must have."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def text(self, name: str) -> str:
        value = self._data.get(name)
        if not isinstance(value, str):
            raise _Misfit
        return value

    def maybe_text(self, name: str) -> str | None:
        return None if self._data.get(name) is None else self.text(name)

    def number(self, name: str) -> float:
        value = self._data.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _Misfit
        return value

    def values(self, name: str, default: bool = False) -> list[Any]:
        value = self._data.get(name)
        if value is None and default:
            return []
        if not isinstance(value, list):
            raise _Misfit
        return value

    def texts(self, name: str, default: bool = False) -> list[str]:
        values = self.values(name, default)
        if not all(isinstance(value, str) for value in values):
            raise _Misfit
        return values

    def objects(self, name: str, default: bool = False) -> list[_Fields]:
        values = self.values(name, default)
        if not all(isinstance(value, dict) for value in values):
            raise _Misfit
        return [_Fields(value) for value in values]

    def actions(self, default: bool = False) -> list[ContentDataAction]:
        return [one.action() for one in self.objects("actions", default)]

    def action(self) -> ContentDataAction:
        raw = _raw(self._data)
        try:
            match self._data.get("type"):
                case "URL":
                    return ContentDataActionUrl(self.text("title"), self.maybe_text("url") or "", raw)
                case "PHONE_NUMBER":
                    return ContentDataActionPhone(self.text("title"), self.maybe_text("phone") or "", raw)
                case "QUICK_REPLY":
                    index = self._data.get("index")
                    place = index if isinstance(index, int) and not isinstance(index, bool) else 0
                    return ContentDataActionReply(self.text("title"), self.maybe_text("id") or "", place, raw)
        except _Misfit:
            pass
        return ContentDataActionOther(raw)


def _raw(data: Any) -> str:
    return json.encode(data).decode()


_READERS: dict[str, Callable[[_Fields, str], ContentData]] = {
    "twilio/text": lambda data, raw: ContentDataText(data.text("body"), raw),
    "twilio/media": lambda data, raw: ContentDataMedia(data.maybe_text("body"), data.texts("media"), raw),
    "twilio/location": lambda data, raw: ContentDataLocation(
        data.number("longitude"), data.number("latitude"), data.maybe_text("label"), raw
    ),
    "twilio/quick-reply": lambda data, raw: ContentDataQuickReply(
        data.text("body"),
        [ContentDataReply(one.text("title"), one.maybe_text("id")) for one in data.objects("actions")],
        raw,
    ),
    "twilio/call-to-action": lambda data, raw: ContentDataCallToAction(data.text("body"), data.actions(), raw),
    "twilio/list-picker": lambda data, raw: ContentDataListPicker(
        data.text("body"),
        data.text("button"),
        [
            ContentDataListItem(one.text("id"), one.text("item"), one.maybe_text("description"))
            for one in data.objects("items")
        ],
        raw,
    ),
    "twilio/card": lambda data, raw: ContentDataCard(
        data.text("title"),
        data.maybe_text("subtitle"),
        data.texts("media", default=True),
        data.actions(default=True),
        raw,
    ),
}
