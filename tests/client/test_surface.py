"""Every member of the JavaScript SDK is here under its Python name, of the right kind, and documented."""

from __future__ import annotations

import csv
import inspect
import re
import typing
from pathlib import Path

import pytest

import convo_widgets as cw

ROWS = list(csv.DictReader((Path(__file__).parent / "surface.tsv").read_text().splitlines(), delimiter="\t"))
PAGE = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
ALIASES = {
    "ConnectionState": {"connecting", "connected", "disconnecting", "disconnected", "denied", "unknown"},
    "ConversationStatus": {"notParticipating", "joined"},
    "ConversationUpdateReason": {
        *("attributes", "createdBy", "dateCreated", "dateUpdated", "friendlyName", "lastReadMessageIndex"),
        *("state", "status", "uniqueName", "lastMessage", "notificationLevel", "bindings"),
    },
    "DeliveryAmount": {"none", "some", "all"},
    "DeliveryStatus": {"sent", "delivered", "failed", "read", "undelivered", "queued"},
    "EmailRecipientLevel": {"to", "from", "cc"},
    "MediaCategory": {"media", "body", "history"},
    "MessageType": {"text", "media"},
    "MessageUpdateReason": {
        *("body", "lastUpdatedBy", "dateCreated", "dateUpdated", "attributes", "author"),
        *("deliveryReceipt", "subject", "media"),
    },
    "NotificationLevel": {"default", "muted"},
    "NotificationsChannelType": {"fcm", "apn"},
    "ParticipantEmailLevel": {"to", "cc"},
    "ParticipantUpdateReason": {
        *("attributes", "dateCreated", "dateUpdated", "roleSid", "lastReadMessageIndex", "lastReadTimestamp"),
        "bindings",
    },
    "PushNotificationType": {
        "twilio.conversations.new_message",
        "twilio.conversations.added_to_conversation",
        "twilio.conversations.removed_from_conversation",
    },
    "State": {"failed", "initialized"},
    "UserUpdateReason": {"friendlyName", "attributes", "reachabilityOnline", "reachabilityNotifiable"},
}


def _is_documented_attribute(kind: type, name: str) -> bool:
    """Whether a property has a docstring, or the class lists the attribute among its own."""
    member = inspect.getattr_static(kind, name, None)
    if isinstance(member, property):
        return bool(member.__doc__)
    return _is_listed(kind, "Attributes:", name)


def _is_listed(kind: type, section: str, name: str) -> bool:
    """Whether a section of the class's docstring has a line about it."""
    lines = (kind.__doc__ or "").partition(section)[2].partition("\n\n")[0]
    return re.search(rf"^\s+{name}: \S", lines, re.M) is not None


def _is_method(kind: type, name: str, *, waits: bool) -> bool:
    member = inspect.getattr_static(kind, name, None)
    function = getattr(member, "__func__", member)  # of a class or static method
    documented = bool(kind.__doc__ if name == "__init__" else inspect.getdoc(function))
    return inspect.isroutine(function) and inspect.iscoroutinefunction(function) is waits and documented


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['class']}.{row['python']}")
def test_member(row: dict[str, str]) -> None:
    """It exists on the exported class, of its kind, with a docstring."""
    kind, name = getattr(cw, row["class"]), row["python"]
    assert row["class"] in cw.__all__
    assert kind.__doc__
    match row["kind"]:
        case "attribute":
            assert _is_documented_attribute(kind, name)
        case "coroutine":
            assert _is_method(kind, name, waits=True)
        case "method":
            assert _is_method(kind, name, waits=False)
        case "event":
            assert name in kind.EVENTS
            assert _is_listed(kind, "Events:", name)
        case "constant":
            assert getattr(kind, name) == row["value"]
            assert _is_documented_attribute(kind, name)
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("kind", [cw.Client, cw.Conversation, cw.Message, cw.Participant, cw.User])
def test_every_event_is_documented(kind: type[cw.Client]) -> None:
    """Those of the SDK, and our own."""
    assert [name for name in kind.EVENTS if not _is_listed(kind, "Events:", name)] == []


@pytest.mark.parametrize("name", ALIASES)
def test_alias(name: str) -> None:
    """Each set of strings is a Literal of the SDK's words."""
    assert set(typing.get_args(getattr(cw, name))) == ALIASES[name]


def test_the_page_has_every_member() -> None:
    """The table in docs/client.md is that of the list: (class, SDK member, Python name)."""
    table = PAGE.partition("<!-- surface -->")[2].partition("<!-- /surface -->")[0]
    rows = re.findall(r"^\| (\w*) \| `(\w+)` \| `(\w+)` \| (\w+) \|$", table, re.M)
    assert rows == [(row["class"], row["sdk_member"], row["python"], row["kind"]) for row in ROWS]
