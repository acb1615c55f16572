"""Push payloads and registrations: the genuine SDK and our client read them alike."""

from __future__ import annotations

from typing import Any

import pytest

from .sides import SdkError, Side
from .together import Together

pytestmark = pytest.mark.asyncio(loop_scope="session")
NEW = "twilio.conversations.new_message"
ABOUT = {"conversation_sid": "CH1", "conversation_title": "É", "message_sid": "IM1", "media": '{"sid":"ME1"}'}
PAYLOADS: list[Any] = [
    {"data": {"twi_message_type": NEW, "twi_title": "T", "twi_body": "B", "twi_sound": "s", "twi_action": "a"} | ABOUT},
    {"data": {"twi_message_type": NEW, "twi_title": "T", "twi_body": "", "message_index": "7"}},
    {"data": {"twi_message_type": NEW, "message_index": 0, "media_count": "2", "media": '{"a":[1]}'}},
    {"data": {"twi_message_type": "twilio.conversations.added_to_conversation", "media": "{"}},
    {"data": {"twi_message_type": "twilio.conversations.removed_from_conversation", "message_index": "x"}},
    {"data": {"twi_message_type": "x", "unknown": 1}},
    {"data": {"twi_title": "T"}},
    {"aps": {"alert": "text", "badge": 3, "sound": "s", "category": "c"}, "twi_message_type": NEW} | ABOUT,
    {"aps": {"alert": {"title": "T", "body": "B"}, "badge": 0}, "twi_message_type": NEW, "message_index": 7},
    {"aps": {"alert": {"body": "B"}}, "twi_message_type": "x", "data": {"twi_message_type": "y"}},
    {"aps": {}, "twi_message_type": NEW},
    {"aps": {}},
    {"data": {}},
    {},
    {"notification": {"title": "T"}},
]


async def read(side: Side, payload: Any) -> Any:
    """What it is read as, without what it does not say; or that it is refused."""
    try:
        told = await side.client("parsePushNotification", payload)
    except SdkError:
        return "refused"
    return told | {"data": {name: value for name, value in told["data"].items() if value is not None}}


async def test_payloads(newest: Together) -> None:
    """Of FCM, of APN and of neither; whole, with holes, and with fields of other kinds."""
    for payload in PAYLOADS:
        there, here = [await read(side, payload) for side in (newest.sdk["alice"], newest.ours["alice"])]
        assert here == there, payload


async def test_constants(newest: Together) -> None:
    """The types of notifications are called the same."""
    names = await newest.agreed(lambda side: side.op("constants"))
    assert names["NEW_MESSAGE"] == NEW


async def test_handled(newest: Together) -> None:
    """A payload that is handed over is announced with the same content."""
    for side in (newest.sdk["alice"], newest.ours["alice"]):
        await side.client("handlePushNotification", PAYLOADS[0])
    there, here = [await side.wait("pushNotification") for side in (newest.sdk["alice"], newest.ours["alice"])]
    assert {name: here[name] for name in ("title", "body", "sound", "badge", "action", "type")} == {
        name: there[name] for name in ("title", "body", "sound", "badge", "action", "type")
    }


async def test_registrations(newest: Together, actor: str) -> None:
    """A device that is registered makes one notifiable for everybody; let go by either client, no more."""
    watchers = (newest.sdk["alice"], newest.ours["alice"])
    for side in watchers:
        await side.client("getUser", "bob")
    other = newest.ours["bob"] if actor == "sdk" else newest.sdk["bob"]
    mine = newest.side(actor, "bob")
    for act, value in (
        (mine.client("setPushRegistrationId", "fcm", "one"), True),
        (mine.client("unsetPushRegistrationId", "fcm"), False),
        (mine.client("setPushRegistrationId", "apn", "two"), True),
        (other.client("removePushRegistrations", "apn", "two"), False),
    ):
        watched = await newest.watch(act)
        assert await watched.until("userUpdated")
        assert await watched.differences("alice") == []
        (told,) = (told for name, told in watched.heard(newest.ours["alice"]) if name == "userUpdated")
        assert told["updateReasons"] == ["reachabilityNotifiable"]
        assert told["user"]["isNotifiable"] is value
    await mine.client("unsetPushRegistrationId", "apn")  # it would register it again with the next
