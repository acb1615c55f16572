"""The genuine SDK with what else belongs to messages and users: media, email, templates, receipts, push, roles."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from convo_widgets.service.local import LocalService
from convo_widgets.service.seeds import samples
from tests.service.http import Account

from .conftest import Sdk, SdkError, Start
from .test_messages import together

PNG = samples.make("a", "image/png")


def part(content: bytes, content_type: str, filename: str | None = None) -> dict[str, Any]:
    """Something to attach."""
    return {"contentType": content_type, "filename": filename, "base64": base64.b64encode(content).decode()}


@pytest.fixture
async def newest(service: LocalService) -> AsyncIterator[Any]:
    """A function that starts clients of SDK 3.0.1, which has what 2.0.0 has not."""
    started: list[Sdk] = []

    async def make(target: LocalService, identity: str) -> Sdk:
        sdk = await Sdk.start("3")
        started.append(sdk)
        return await sdk.connect(target, identity)

    yield make
    await asyncio.gather(*(sdk.stop() for sdk in started))


async def test_media(service: LocalService, newest: Start) -> None:
    """Several media, an email's bodies and its history go out and come back byte for byte."""
    sid, (alice, bob) = await together(newest, service, "alice", "bob")
    media = [part(PNG, "image/png", "höhe ä.png"), part(b"\0\xff" * 200_000, "application/octet-stream", "b.bin")]
    email = {"text/plain": part(b"plain", "text/plain"), "text/html": part(b"<p>hi</p>", "text/html")}
    history = {"text/plain": part(b"before", "text/plain")}
    await alice.op(
        "send", conversation=sid, subject="Re: cups", body="See this", media=media, email=email, history=history
    )
    got = await bob.wait("messageAdded")
    assert (got["subject"], got["type"], [one["filename"] for one in got["attachedMedia"]]) == (
        *("Re: cups", "media"),
        ["höhe ä.png", "b.bin"],
    )
    found = await bob.op("media", conversation=sid, message=0)
    assert all(one["status"] == 200 for one in found)
    assert [(one["category"], base64.b64decode(one["base64"])) for one in found] == [
        ("media", PNG),
        ("media", b"\0\xff" * 200_000),
        ("body", b"plain"),
        ("body", b"<p>hi</p>"),
        ("history", b"before"),
    ]
    limits = await alice.get({"conversation": sid}, "limits")
    assert limits["mediaAttachmentsCountLimit"] == 10


async def test_template(service: LocalService, newest: Start) -> None:
    """A template is found, sent with a variable, and understood on the other side as rich content."""
    sid, (alice, bob) = await together(newest, service, "alice", "bob")
    types = {
        "twilio/card": {
            "title": "Hello {{name}}",
            "actions": [{"type": "URL", "title": "Go", "url": "https://x.example"}],
        }
    }
    for number in range(101):  # more than a page of the SDK
        fields = {"friendly_name": f"t{number}", "variables": {"name": "you"}, "types": types}
        made = await Account(service).post("/Content", fields, json="yes")
    templates = await alice.client("getContentTemplates")
    assert len({template["sid"] for template in templates}) == 101
    await alice.op("send", conversation=sid, content={"sid": made["sid"], "values": {"name": "Bob"}})
    assert (await bob.wait("messageAdded"))["body"] == "Hello Bob"
    content = await bob.message(sid, 0, "getContentData")
    assert (content["type"], content["title"]) == ("card", "Hello Bob")
    assert content["actions"][0]["url"] == "https://x.example"


async def test_receipts_recipients_metadata(service: LocalService, newest: Start) -> None:
    """What carriers and channels say of a message."""
    sid, (alice,) = await together(newest, service, "alice")
    account = Account(service)
    email = {"MessagingBinding.Address": "ann@x.example", "MessagingBinding.ProxyAddress": "desk@y.example"}
    member = (await account.post(f"/Conversations/{sid}/Participants", email | {"MessagingBinding.Name": "Ann"}))["sid"]
    metadata = {"Body": "x", "ChannelMetadata": '{"type":"email","data":{"subject":"Hi"}}', "Author": "ann@x.example"}
    await alice.conversation(sid, "getMessages")
    message = await account.post(f"/Conversations/{sid}/Messages", metadata)
    await alice.conversation(sid, "sendMessage", "plain")
    await alice.wait("messageAdded", lambda told: told["index"] == 1)
    for number in range(60):  # more than a page of receipts
        binding = {"MessagingBinding.Address": f"+4477009003{number:02}", "MessagingBinding.ProxyAddress": "+15550100"}
        one = (await account.post(f"/Conversations/{sid}/Participants", binding))["sid"]
        await account.post(
            f"/Conversations/{sid}/Messages/{message['sid']}/Receipts", {"ParticipantSid": one, "Status": "sent"}
        )
        await account.ask("DELETE", f"/Conversations/{sid}/Participants/{one}")  # fifty are not on chat at most
    await account.post(
        f"/Conversations/{sid}/Messages/{message['sid']}/Receipts", {"ParticipantSid": member, "Status": "read"}
    )
    updated = await alice.wait(
        "messageUpdated", lambda told: told["message"]["aggregatedDeliveryReceipt"]["read"] == "some"
    )
    assert updated["updateReasons"] == ["deliveryReceipt"]
    assert updated["message"]["aggregatedDeliveryReceipt"]["total"] == 61
    receipts = await alice.message(sid, 0, "getDetailedDeliveryReceipts")
    assert (len(receipts), receipts[-1]["status"], receipts[-1]["participantSid"]) == (61, "read", member)
    recipients = await alice.message(sid, 0, "getMessageRecipients")
    assert [(one["level"], one["address"]) for one in recipients] == [
        ("from", "ann@x.example"),
        ("to", "desk@y.example"),
    ]
    assert len((await alice.conversation(sid, "getMessageRecipients"))["items"]) == 4
    assert (await alice.message(sid, 0, "getChannelMetadata"))["data"] == {"subject": "Hi"}
    assert await alice.message(sid, 1, "getChannelMetadata") is None


async def test_account_acts(service: LocalService, start: Start) -> None:
    """What the account does to a conversation reaches every SDK: state, messages, roles, removal."""
    sid, (alice, bob) = await together(start, service, "alice", "bob")
    account = Account(service)
    await account.post(f"/Conversations/{sid}/Messages", {"Body": "From the desk", "Author": "desk"})
    assert (await bob.wait("messageAdded"))["author"] == "desk"
    roles = (await account.ask("GET", "/Roles")).body["roles"]
    admin = next(one["sid"] for one in roles if one["type"] == "conversation" and "admin" in one["friendly_name"])
    await account.post(f"/Conversations/{sid}/Participants/bob", {"RoleSid": admin})
    await alice.wait("participantUpdated", lambda told: told["participant"]["roleSid"] == admin)
    await account.post(f"/Conversations/{sid}", {"State": "closed"})
    await alice.wait("conversationUpdated", lambda told: told["conversation"]["state"]["current"] == "closed")
    with pytest.raises(SdkError) as error:
        await alice.conversation(sid, "sendMessage", "late")
    assert error.value.code == 50377
    await account.ask("DELETE", f"/Conversations/{sid}")
    await bob.wait("conversationRemoved", lambda told: told["sid"] == sid)


async def test_service_admin(service: LocalService, newest: Start) -> None:
    """An admin of the service reads and moderates a conversation without being in it."""
    sid, (alice, root) = await together(newest, service, "alice", "root")
    await alice.conversation(sid, "sendMessage", "rude")
    account = Account(service)
    roles = (await account.ask("GET", "/Roles")).body["roles"]
    admin = next(one["sid"] for one in roles if one["type"] == "service" and "admin" in one["friendly_name"])
    await account.ask("DELETE", f"/Conversations/{sid}/Participants/root")
    await root.wait("conversationLeft")
    await account.post("/Users/root", {"RoleSid": admin})
    await root.client("peekConversationBySid", sid)
    assert [one["body"] for one in (await root.conversation(sid, "getMessages"))["items"]] == ["rude"]
    await alice.conversation(sid, "getMessages")
    await root.message(sid, 0, "updateBody", "moderated")
    await alice.wait("messageUpdated", lambda told: told["message"]["body"] == "moderated")


async def test_push_and_reachability(service: LocalService, start: Start) -> None:
    """A device is registered and removed; the other side sees who is online and can be notified."""
    alice, bob = await start(service, "alice"), await start(service, "bob")
    assert await alice.get("client", "reachabilityEnabled") is True
    assert (await alice.client("getUser", "bob"))["identity"] == "bob"
    assert await alice.get({"user": "bob"}, "isOnline") is True
    await bob.client("setPushRegistrationId", "fcm", "a device")
    await alice.wait("userUpdated", lambda told: told["user"]["isNotifiable"] is True)
    await bob.client("unsetPushRegistrationId", "fcm")
    await bob.client("shutdown")
    await alice.wait("userUpdated", lambda told: told["user"]["isOnline"] is False)


async def test_faults(service: LocalService, start: Start) -> None:
    """A fault that was asked for reaches the caller of a mutation, and reads get over it."""
    sid, (alice,) = await together(start, service, "alice")
    service.faults.fail("/Messages$", 429, method="POST")
    with pytest.raises(SdkError) as error:
        await alice.conversation(sid, "sendMessage", "x")
    assert (error.value.status, error.value.code) == (429, 20429)
    service.faults.fail("/Items", 503, times=1)
    assert (await alice.conversation(sid, "getMessages"))["items"] == []
    service.faults.drop_connections()
    await alice.wait(
        "connectionStateChanged", lambda state: alice.seen("connectionStateChanged").count("connected") > 1
    )
    await alice.conversation(sid, "sendMessage", "after all")
