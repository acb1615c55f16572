"""Push: payloads read whatever they hold, devices registered and let go, and who can be reached."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convo_widgets as cw
from tests.client.people import Expected, People, reasons

NEW = cw.NotificationTypes.NEW_MESSAGE
ABOUT = {
    "conversation_sid": "CH1",
    "conversation_title": "Support",
    "message_index": "7",
    "message_sid": "IM1",
    "media_count": 2,
    "media": '{"sid":"ME1"}',
}

pytestmark = pytest.mark.both


def test_fcm() -> None:
    """A payload as a device gets it from FCM."""
    data = {"twi_message_type": NEW, "twi_title": "T", "twi_body": "B", "twi_sound": "s", "twi_action": "a"} | ABOUT
    push = cw.Client.parse_push_notification({"data": data})
    assert (push.title, push.body, push.sound, push.badge, push.action, push.type) == ("T", "B", "s", None, "a", NEW)
    assert push.data == cw.PushNotificationData("CH1", "Support", 7, "IM1", {"sid": "ME1"}, 2)


@pytest.mark.parametrize(
    ("alert", "title", "body"),
    [("B", None, "B"), ({"title": "T", "body": "B"}, "T", "B"), (None, None, None), (5, None, None)],
)
def test_apn(alert: Any, title: str | None, body: str | None) -> None:
    """A payload as a device gets it from APN, with its two forms of text."""
    payload = {"aps": {"alert": alert, "sound": "s", "badge": 3, "category": "c"}, "twi_message_type": NEW} | ABOUT
    push = cw.Client.parse_push_notification(payload)
    assert (push.title, push.body, push.sound, push.badge, push.action) == (title, body, "s", 3, "c")
    assert push.data.message_index == 7


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {},
        {"data": {}},
        {"data": None},
        {"aps": {}},
        {"aps": None, "twi_message_type": 5},
        {"other": 1},
    ],
)
def test_what_is_no_push_notification(payload: Any) -> None:
    """It is said so."""
    with pytest.raises(cw.UsageError, match="push notification"):
        cw.Client.parse_push_notification(payload)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
)
_fields = st.dictionaries(st.sampled_from([*ABOUT, "twi_title", "twi_body", "alert", "badge", "sound"]), _values)


@given(_fields, _fields | _values)
def test_no_field_is_too_odd(fields: dict[str, Any], aps: Any) -> None:
    """Whatever a field holds, it is of its kind or None."""
    for payload in ({"data": fields | {"twi_message_type": NEW}}, fields | {"twi_message_type": NEW, "aps": aps}):
        push = cw.Client.parse_push_notification(payload)
        about = push.data
        texts = (push.title, push.body, push.sound, push.action, about.conversation_sid, about.message_sid)
        assert all(text is None or isinstance(text, str) for text in texts)
        assert all(n is None or type(n) is int for n in (push.badge, about.message_index, about.media_count))


async def test_handled_notifications_are_announced(people: People) -> None:
    """The client says "pushNotification", with what was read."""
    alice = await people.client("alice")
    told = Expected(alice, "pushNotification")
    payload = {"data": {"twi_message_type": cw.NotificationTypes.ADDED_TO_CONVERSATION, "twi_body": "hi"}}
    await alice.handle_push_notification(payload)
    push = await told
    assert (push.body, push.type) == ("hi", "twilio.conversations.added_to_conversation")
    assert push == alice.parse_push_notification(payload)
    with pytest.raises(cw.UsageError):
        await alice.handle_push_notification({})


async def test_devices_make_one_notifiable(people: People) -> None:
    """Registered, replaced, let go: others see whether push would reach one; asking twice is asking once."""
    alice, bob = await people.client("alice"), await people.client("bob")
    seen = await bob.get_user(alice.user.identity)
    assert alice.reachability_enabled
    assert (seen.is_online, seen.is_notifiable) == (True, False)

    async def becomes(notifiable: bool, act: Any) -> None:
        updated = Expected(bob, "userUpdated", lambda update: update.user is seen)
        await act
        assert reasons(await updated) == {"reachabilityNotifiable"}
        assert seen.is_notifiable is notifiable

    await becomes(True, alice.set_push_registration_id("fcm", "device-1"))
    await alice.set_push_registration_id("fcm", "device-1")
    await alice.set_push_registration_id("apn", "device-2")
    await alice.unset_push_registration_id("fcm")
    await alice.unset_push_registration_id("fcm")
    assert seen.is_notifiable
    await becomes(False, alice.unset_push_registration_id("apn"))
    await becomes(True, alice.set_push_registration_id("fcm", "device-3"))
    twin = await people.client("alice")
    await becomes(False, twin.remove_push_registrations("fcm", "device-3"))
    await alice.unset_push_registration_id("fcm")
    await twin.remove_push_registrations("fcm", "never-there")
    for wrong in (alice.set_push_registration_id("web", "x"), alice.unset_push_registration_id("web")):
        with pytest.raises(cw.UsageError, match="'fcm' or 'apn'"):
            await wrong
    for empty in (alice.set_push_registration_id("fcm", ""), alice.remove_push_registrations("fcm", "")):
        with pytest.raises(cw.UsageError, match="not empty"):
            await empty


async def test_replacing_a_device_lets_the_old_one_go(people: People) -> None:
    """One channel has one device of a client."""
    alice, bob = await people.client("alice"), await people.client("bob")
    seen = await bob.get_user(alice.user.identity)
    await alice.set_push_registration_id("fcm", "old")
    await alice.set_push_registration_id("fcm", "new")
    gone = Expected(seen, "updated", lambda update: update.user.is_notifiable is False)
    await alice.unset_push_registration_id("fcm")
    await gone


async def test_who_is_online(people: People) -> None:
    """Others see one come and go; letting a user go ends that."""
    alice = await people.client("alice")
    bob = await cw.connect(people.token("bob"), service=people.service)
    seen = await alice.get_user(bob.user.identity)
    assert seen.is_online
    assert (await alice.get_subscribed_users()) == [alice.user, seen]
    updated = Expected(seen, "updated")
    await bob.shutdown()
    assert reasons(await updated) == {"reachabilityOnline"}
    assert seen.is_online is False
    unsubscribed = Expected(alice, "userUnsubscribed")
    await seen.unsubscribe()
    assert await unsubscribed is seen
    assert not seen.is_subscribed


async def test_without_reachability_nothing_is_told() -> None:
    """None is not False."""
    with cw.LocalService(seed=None, reachability=False) as service:
        async with cw.connect(service.token("alice"), service=service) as alice:
            assert alice.reachability_enabled is False
            assert (alice.user.is_online, alice.user.is_notifiable) == (None, None)
