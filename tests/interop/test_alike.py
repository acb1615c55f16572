"""What the genuine SDK and our client say of the same things: the same reasons, media, content, receipts and pushes."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

import convo_widgets as cw
from tests.client.people import Expected, Seen
from tests.service.http import Account

from .conftest import Sdk, Start

UPDATES = {
    "conversationUpdated": "sid",
    "messageUpdated": "index",
    "participantUpdated": "sid",
    "userUpdated": "identity",
}


@dataclass
class Trio:
    """Alice, and bob twice: with our client and with the genuine one.

    Attributes:
        alice: the conversation, as alice sees it.
        bob: as bob sees it with our client.
        sdk: bob's genuine client.
        account: the account of the service.
    """

    alice: cw.Conversation
    bob: cw.Conversation
    sdk: Sdk
    account: Account


@pytest.fixture
async def trio(service: cw.LocalService, start: Start) -> AsyncIterator[Trio]:
    """All in one conversation, with nothing said yet."""
    async with (
        cw.connect(service.token("alice"), service=service) as alice,
        cw.connect(service.token("bob"), service=service) as bob,
    ):
        sdk = await start(service, "bob")
        made = await alice.create_conversation(friendly_name="Both")
        await made.join()
        joined = Expected(bob, "conversationJoined")
        await made.add("bob")
        theirs = await joined
        await sdk.wait("conversationJoined", lambda told: told["sid"] == made.sid)
        await sdk.conversation(made.sid, "getParticipants")
        yield Trio(made, theirs, sdk, Account(service))


def told_by_sdk(sdk: Sdk) -> Counter[tuple[str, Any, frozenset[str]]]:
    """Its updates: event, what of, reasons."""
    return Counter(
        (name, payload[name.removesuffix("Updated")][UPDATES[name]], frozenset(payload["updateReasons"]))
        for name, payload in sdk.events
        if name in UPDATES
    )


def told_by_us(seen: Seen, client: cw.Client) -> Counter[tuple[str, Any, frozenset[str]]]:
    """Ours, likewise."""
    return Counter(
        (
            name,
            getattr(getattr(payload, name.removesuffix("Updated")), UPDATES[name]),
            frozenset(payload.update_reasons),
        )
        for source, name, payload in seen.all
        if source is client and name in UPDATES
    )


async def test_the_same_reasons(trio: Trio) -> None:
    """Whoever changes something, others or oneself, both clients announce it with the same reasons, equally often."""
    alice, bob, sdk, account = trio.alice, trio.bob, trio.sdk, trio.account
    await bob.client.get_user("alice")
    await sdk.client("getUser", "alice")
    me = await alice.get_participant_by_identity("alice")
    assert me is not None
    for number, view in enumerate((alice, bob)):  # each once the one before has come everywhere
        known = Expected(bob, "updated", lambda update: "lastMessage" in update.update_reasons)
        await view.send_message(str(number))
        await known
        await sdk.wait("messageAdded", lambda told, number=number: told["index"] == number)
        await sdk.wait(
            "conversationUpdated",
            lambda told, number=number: (told["conversation"]["lastMessage"] or {}).get("index") == number,
        )
    seen, before = Seen(bob.client), told_by_sdk(sdk)
    one, two = (await alice.get_messages()).items[0], (await bob.get_messages()).items[1]
    # by others
    await alice.update_friendly_name("Other")
    await alice.update_friendly_name("Other")
    await alice.update_unique_name("unique")
    await alice.update_unique_name(None)
    await alice.update_attributes({"a": 1})
    await one.update_body("edited")
    await one.update_attributes([1])
    await one.update_attributes([1])
    await me.update_attributes({"m": 1})
    await alice.update_last_read_message_index(1)
    await alice.update_last_read_message_index(None)
    await alice.client.user.update_friendly_name("Alice")
    await alice.client.user.update_attributes({"u": 1})
    await alice.client.set_push_registration_id("fcm", "device")
    ann = await alice.add_non_chat_participant("+15550100", "+447700900123", {"x": 1})
    await account.post(
        f"/Conversations/{alice.sid}/Messages/{one.sid}/Receipts", {"ParticipantSid": ann.sid, "Status": "read"}
    )
    role = next(
        one["sid"]
        for one in (await account.ask("GET", "/Roles")).body["roles"]
        if one["type"] == "conversation" and one["sid"] != me.role_sid
    )
    await account.post(f"/Conversations/{alice.sid}/Participants/{me.sid}", {"RoleSid": role})
    # by oneself
    await two.update_body("mine")
    await bob.set_user_notification_level("muted")
    await bob.update_last_read_message_index(0)
    await bob.advance_last_read_message_index(1)
    await bob.set_all_messages_unread()
    await bob.client.user.update_friendly_name("Bob")
    await account.post(f"/Conversations/{alice.sid}", {"State": "inactive"})
    await two.remove()
    last = await alice.send_message("last")

    await seen.until(lambda: any(message.index == last for message in seen.of(bob.client, "messageAdded")))
    await sdk.wait("messageAdded", lambda told: told["index"] == last)
    await sdk.wait("conversationUpdated", lambda told: (told["conversation"]["lastMessage"] or {}).get("index") == last)
    await seen.until(lambda: bob.last_message is not None and bob.last_message.index == last)
    theirs, ours = told_by_sdk(sdk) - before, told_by_us(seen, bob.client)
    assert sum(ours.values()) > 25
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


async def test_media_both_ways(trio: Trio, version: str) -> None:
    """Bytes, names, types and categories are the same, whoever sends."""
    if version == "2":
        pytest.skip("2.0.0 names the methods otherwise")
    data = bytes(range(256)) * 1000
    index = await (
        trio.alice.prepare_message()
        .set_body("see")
        .add_media(cw.FileMedia(data, "image/png", "é plot.png"))
        .set_email_body("text/plain", "body é")
        .set_email_history("text/html", b"<p>before</p>")
        .build_and_send()
    )
    await trio.sdk.wait("messageAdded", lambda told: told["index"] == index)
    found = await trio.sdk.op("media", conversation=trio.alice.sid, message=index)
    assert [(one["category"], one["contentType"], base64.b64decode(one["base64"])) for one in found] == [
        ("media", "image/png", data),
        ("body", "text/plain", "body é".encode()),
        ("history", "text/html", b"<p>before</p>"),
    ]
    assert found[0]["filename"] == "é plot.png"

    added = Expected(trio.alice, "messageAdded", lambda message: message.body == "theirs")
    theirs = {"contentType": "text/csv", "filename": "numbers.csv", "base64": base64.b64encode(b"1,2").decode()}
    email = {"text/plain": {"contentType": "text/plain", "base64": base64.b64encode(b"mail").decode()}}
    await trio.sdk.op("send", conversation=trio.alice.sid, body="theirs", media=[theirs, theirs], email=email)
    message = await added
    assert [(one.filename, one.content_type, one.size) for one in message.attached_media] == [
        ("numbers.csv", "text/csv", 3),
        ("numbers.csv", "text/csv", 3),
    ]
    assert await message.attached_media[1].read() == b"1,2"
    assert await message.get_email_body().read() == b"mail"
    limits = await trio.sdk.get({"conversation": trio.alice.sid}, "limits")
    assert limits["mediaAttachmentsCountLimit"] == trio.alice.limits.media_attachments_count_limit
    assert limits["mediaAttachmentSizeLimitInMb"] == trio.alice.limits.media_attachment_size_limit_in_mb
    assert tuple(limits["emailBodiesAllowedContentTypes"]) == trio.alice.limits.email_bodies_allowed_content_types


PUSHES = [
    {
        "data": {
            "twi_message_type": "twilio.conversations.new_message",
            "twi_title": "T",
            "twi_body": "",
            "message_index": "7",
        }
    },
    {"data": {"twi_message_type": "x", "message_index": 0, "media_count": "2", "media": '{"a":[1]}', "twi_sound": "s"}},
    {"data": {"twi_message_type": "x", "media": "{", "conversation_sid": "CH1", "twi_action": "a"}},
    {
        "aps": {"alert": "text", "badge": 3, "sound": "s", "category": "c"},
        "twi_message_type": "x",
        "message_sid": "IM1",
    },
    {"aps": {"alert": {"title": "T", "body": "B"}, "badge": 0}, "twi_message_type": "x", "conversation_title": "C"},
    {"aps": {}, "twi_message_type": "x", "data": {"twi_message_type": "y"}},
    {"aps": {}},
    {"data": {}},
    {},
]


@pytest.mark.parametrize("payload", PUSHES, ids=range(len(PUSHES)))
async def test_the_same_pushes(service: cw.LocalService, start: Start, payload: dict[str, Any], version: str) -> None:
    """A payload is read as the SDK reads it, or refused as it refuses it."""
    if version == "2":
        pytest.skip("older names of the types")
    sdk = await start(service, "bob")
    try:
        theirs = await sdk.client("parsePushNotification", payload)
    except Exception:
        with pytest.raises(cw.UsageError):
            cw.Client.parse_push_notification(payload)
        return
    ours = cw.Client.parse_push_notification(payload)
    names = ("title", "body", "sound", "badge", "action", "type")
    assert {name: getattr(ours, name) for name in names} == {name: theirs[name] for name in names}
    data = {
        "conversationSid": ours.data.conversation_sid,
        "conversationTitle": ours.data.conversation_title,
        "messageIndex": ours.data.message_index,
        "messageSid": ours.data.message_sid,
        "media": ours.data.media,
        "mediaCount": ours.data.media_count,
    }
    assert {name: value for name, value in data.items() if value is not None} == theirs["data"]


async def test_the_same_content_and_carriers(trio: Trio, version: str) -> None:
    """Templates, rich messages, receipts, recipients and metadata are read alike."""
    if version == "2":
        pytest.skip("2.0.0 knows no rich content")
    alice, sdk, account = trio.alice, trio.sdk, trio.account
    actions = [
        {"type": "URL", "title": "Open", "url": "https://x.example/{{1}}"},
        {"type": "PHONE_NUMBER", "title": "Call", "phone": "+15550100"},
        {"type": "QUICK_REPLY", "title": "Yes", "id": "y"},
        {"type": "LATER", "title": "?"},
    ]
    card = {"title": "Hi {{1}}", "subtitle": "S", "media": ["https://x.example/a.png"], "actions": actions}
    types = {"twilio/card": card, "twilio/text": {"body": "Hi {{1}}"}}
    made = await account.post("/Content", {"friendly_name": "c", "variables": {"1": "you"}, "types": types}, json="yes")
    email = {"email": {"name": "Ann", "level": "to"}}
    ann = await alice.add_non_chat_participant("desk@y.example", "ann@x.example", None, email)
    variables = [cw.ContentTemplateVariable("1", "Ü")]
    index = await alice.prepare_message().set_content_template(made["sid"], variables).build_and_send()
    await sdk.wait("messageAdded", lambda told: told["index"] == index)
    message = (await alice.get_messages()).items[-1]
    await account.post(
        f"/Conversations/{alice.sid}/Messages/{message.sid}/Receipts", {"ParticipantSid": ann.sid, "Status": "read"}
    )

    theirs = await sdk.message(alice.sid, index, "getContentData")
    ours = await message.get_content_data()
    assert isinstance(ours, cw.ContentDataCard)
    assert (ours.type, ours.title, ours.subtitle, ours.media) == tuple(
        theirs[name] for name in ("type", "title", "subtitle", "media")
    )
    assert [one.type for one in ours.actions] == [one["type"] for one in theirs["actions"]]
    assert json.loads(ours.raw_data) == json.loads(theirs["rawData"])

    (receipt,) = await message.get_detailed_delivery_receipts()
    (told,) = await sdk.message(alice.sid, index, "getDetailedDeliveryReceipts")
    assert (receipt.sid, receipt.status, receipt.error_code) == (told["sid"], told["status"], told["errorCode"])
    assert (receipt.participant_sid, receipt.channel_message_sid) == (told["participantSid"], told["channelMessageSid"])

    recipients = await message.get_message_recipients()
    named = await sdk.message(alice.sid, index, "getMessageRecipients")
    assert [(one.type, one.level, one.name, one.address) for one in recipients] == [
        (one["type"], one["level"], one["name"], one["address"]) for one in named
    ]
    assert await sdk.message(alice.sid, index, "getChannelMetadata") is await message.get_channel_metadata() is None

    templates = await sdk.client("getContentTemplates")
    for template, said in zip(await alice.client.get_content_templates(), templates, strict=True):
        assert (template.sid, template.friendly_name) == (said["sid"], said["friendlyName"])
        assert [(one.name, one.value) for one in template.variables] == [
            (v["name"], v["value"]) for v in said["variables"]
        ]
        assert [one.type for one in template.variants.values()] == [one["type"] for one in said["variants"].values()]
