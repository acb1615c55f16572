"""What else the genuine SDKs can be asked, where no other test needs it: each version with whatever it has."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.service.http import ask

from .sides import SdkError
from .test_push import PAYLOADS
from .together import Together, part

pytestmark = pytest.mark.asyncio(loop_scope="session")
FORMS = {"text/plain": part(b"plain", "text/plain"), "text/html": part(b"<p>", "text/html")}


async def test_finding(both: Together) -> None:
    """A conversation by its sid, by its name, and in the list; one that is not there is refused."""
    sid = await both.room(uniqueName=f"found {both.version}")
    alice = both.sdk["alice"]
    assert (await alice.client("getConversationBySid", sid))["sid"] == sid
    assert (await alice.client("getConversationByUniqueName", f"found {both.version}"))["sid"] == sid
    assert sid in [one["sid"] for one in (await alice.client("getSubscribedConversations"))["items"]]
    assert sid in str(await alice.get({"conversation": sid}, "links" if both.version == "2" else "sid"))
    with pytest.raises(SdkError):
        await alice.client("getConversationByUniqueName", "nobody's")


# --- Objects -------------------------------------------------------------------------------------------------------


async def test_objects_announce(both: Together) -> None:
    """What the client announces, the conversation, the message, the participant and the user announce as well."""
    sid, alice, bob = await both.room(), both.sdk["alice"], both.ours["bob"]
    await bob.conversation(sid, "sendMessage", "first")
    await both.settled()
    person = await alice.conversation(sid, "getParticipantByIdentity", "bob")
    await alice.client("getUser", "bob")
    here = {"conversation": sid}
    for on in (here, here | {"message": 0}, here | {"participant": person["sid"]}, {"user": "bob"}):
        await alice.op("listen", on=on)
    binding = {"Bindings.Email.Address": f"{sid}@desk.example", "Bindings.Email.Name": "Desk É"}
    for act, told, of in (
        (bob.conversation(sid, "typing"), "typingStarted", ("Conversation", "Participant")),
        (bob.conversation(sid, "sendMessage", "second"), "typingEnded", ("Conversation", "Participant")),
        (bob.conversation(sid, "sendMessage", "third"), "messageAdded", ("Conversation",)),
        (bob.message(sid, 0, "updateBody", "changed"), "messageUpdated", ("Conversation", "Message")),
        (bob.message(sid, 0, "remove"), "messageRemoved", ("Conversation",)),
        (
            bob.participant(sid, person["sid"], "updateAttributes", [1]),
            "participantUpdated",
            ("Conversation", "Participant"),
        ),
        (bob.conversation(sid, "updateFriendlyName", "É"), "conversationUpdated", ("Conversation",)),
        (both.account.post(f"/Conversations/{sid}", binding), "conversationUpdated", ("Conversation",)),
        (bob.user("bob", "updateFriendlyName", sid), "userUpdated", ("User",)),
        (bob.conversation(sid, "leave"), "participantLeft", ("Conversation",)),
        (alice.conversation(sid, "add", "bob"), "participantJoined", ("Conversation",)),
        (alice.user("bob", "unsubscribe"), "userUnsubscribed", ("User",)),
        (alice.conversation(sid, "delete"), "conversationRemoved", ("Conversation",)),
    ):
        count = len(alice.events)
        await act
        for class_name in of:
            name = own(told, class_name)
            for one in (told, name):  # either may come first
                await alice.wait(one, lambda _, one=one, count=count: one in dict(alice.events[count:]))
            since = dict(alice.events[count:])
            assert same(since[name]) == same(since[told]), name
    if both.version == "3":
        seen = [told["conversation"]["bindings"] for told in alice.seen("conversationUpdated")]
        assert {"email": {"name": "Desk É", "projected_address": f"{sid}@desk.example"}} in seen


def own(told: str, class_name: str) -> str:
    """What an object calls what the client calls by the name of its class."""
    short = {"Updated": "updated", "Removed": "removed"}.get(told.removeprefix(class_name.lower()), told)
    return f"{class_name}:{short}"


def same(payload: Any) -> Any:
    """Which thing, and why."""
    things = [payload[name] for name in ("message", "participant", "conversation", "user") if name in payload]
    thing = next((one for one in things if isinstance(one, dict)), payload)
    return (thing.get("sid") or thing.get("identity"), payload.get("updateReasons"))


async def test_what_the_account_corrects(both: Together) -> None:
    """Author, subject and times that the account writes anew are told with their reasons."""
    sid, alice = await both.room(), both.sdk["alice"]
    await alice.op("send", conversation=sid, body="x", subject="before")
    await both.settled()
    message = (await alice.conversation(sid, "getMessages"))["items"][0]
    bob = await alice.conversation(sid, "getParticipantByIdentity", "bob")
    when = {"DateCreated": "2020-01-02T03:04:05Z"}
    fields = {"Author": "bob", "Subject": "after"} | when
    await both.account.post(f"/Conversations/{sid}/Messages/{message['sid']}", fields)
    told = await alice.wait("messageUpdated", lambda told: told["message"]["sid"] == message["sid"])
    assert set(told["updateReasons"]) >= {"author", "subject", "dateCreated"}
    assert (told["message"]["author"], told["message"]["subject"]) == ("bob", "after")
    await both.account.post(f"/Conversations/{sid}/Participants/{bob['sid']}", when)
    await alice.wait("participantUpdated", lambda told: "dateCreated" in told["updateReasons"])
    number = f"+4477{int(sid[2:], 16) % 10**8:08}"
    await alice.conversation(sid, "addNonChatParticipant", "+15550100", number, {})
    tom = await alice.wait("participantJoined", lambda told: told["type"] == "sms" and told["conversation"] == sid)
    moved = {"MessagingBinding.ProxyAddress": "+15550101"}
    await both.account.post(f"/Conversations/{sid}/Participants/{tom['sid']}", moved)
    if both.version == "3":
        told = await alice.wait("participantUpdated", lambda told: "bindings" in told["updateReasons"])
        assert told["participant"]["bindings"]["sms"]["proxy_address"] == "+15550101"


async def test_people(both: Together) -> None:
    """A participant by sid and by identity, the author of a message, the user behind; removed by itself."""
    sid, alice = await both.room(), both.sdk["alice"]
    await both.sdk["bob"].conversation(sid, "sendMessage", "hi")
    await both.settled()
    bob = await alice.conversation(sid, "getParticipantByIdentity", "bob")
    assert await alice.conversation(sid, "getParticipantBySid", bob["sid"]) == bob
    assert await alice.message(sid, 0, "getParticipant") == bob
    assert (await alice.participant(sid, bob["sid"], "getUser"))["identity"] == "bob"
    assert "bob" in [one["identity"] for one in await alice.client("getSubscribedUsers")]
    await alice.participant(sid, bob["sid"], "remove")
    assert (await alice.wait("participantLeft", lambda told: told["sid"] == bob["sid"]))["identity"] == "bob"


# --- Messages ------------------------------------------------------------------------------------------------------


async def test_media(both: Together) -> None:
    """Media with a builder and without one, and an email's forms from the newer client: all can be fetched."""
    sid, alice, bob = await both.room(), both.sdk["alice"], both.sdk["bob"]
    files = [part(b"\x89PNG", "image/png", "höhe.png"), part(b"x" * 100_000, "application/octet-stream")]
    args = {"body": "See", "subject": "Re: é", "attributes": [1], "media": files}
    unsent = await alice.op("unsent", conversation=sid, **args)
    assert (unsent["text"], unsent["attributes"], unsent["mediaContent"]) == ("See", [1], ["media", "media"])
    assert unsent["emailOptions"] == {"subject": "Re: é"}
    await alice.op("send", conversation=sid, **args)
    await alice.op("sendMedium", conversation=sid, medium=files[0], attributes={"n": 1})
    await alice.conversation(sid, "sendMessage", "plain", {}, {"subject": "Re: me"})
    await both.ours["alice"].op("send", conversation=sid, media=files, email=FORMS, history=FORMS)
    await both.settled()
    page = await bob.conversation(sid, "getMessages")
    assert [one["subject"] for one in page["items"]] == ["Re: é", None, "Re: me", None]
    for index, count in ((0, 2), (1, 1), (3, 6)):
        found = await bob.op("media", conversation=sid, message=index)
        assert [one["status"] for one in found] == [200] * count
        assert [one["base64"] for one in found][:1] == [files[0]["base64"]]
        sids, urls = await bob.op("attach", conversation=sid, message=index)
        assert len(set(sids)) == count
        contents = [(await ask("GET", url)).content for url in urls]
        assert base64.b64decode(files[0]["base64"]) in contents
    assert {one["category"] for one in found} == {"media", "body", "history"}


async def test_a_template(newest: Together) -> None:
    """A template is built and sent in one go."""
    sid = await newest.room()
    fields = {"friendly_name": "one go", "types": {"twilio/text": {"body": "Hello"}}}
    made = await newest.account.post("/Content", fields, json="yes")
    await newest.sdk["alice"].op("template", conversation=sid, content_sid=made["sid"])
    await newest.sdk["bob"].wait("messageAdded", lambda told: told["contentSid"] == made["sid"])


@pytest.mark.parametrize("channel", ["", "whatsapp:"], ids=["sms", "whatsapp"])
async def test_receipts(both: Together, channel: str) -> None:
    """Each word of a carrier about the one addressee is the word about all, and stands in detail."""
    sid, alice, bob = await both.room(), both.sdk["alice"], both.sdk["bob"]
    address = f"{channel}+4477{int(sid[2:], 16) % 10**8:08}"
    await alice.conversation(sid, "addNonChatParticipant", f"{channel}+15550100", address, {})
    await both.settled()
    tom = next(one for one in await alice.conversation(sid, "getParticipants") if one["identity"] is None)
    words = ["delivered", "read", "failed", "undelivered", "sent"]
    for index, word in enumerate(words):
        await alice.conversation(sid, "sendMessage", word)
        told = await bob.wait("messageAdded", lambda m, i=index: (m["conversation"], m["index"]) == (sid, i))
        report = {"ParticipantSid": tom["sid"], "Status": word, "ErrorCode": "30003" if word[-6:] == "failed" else ""}
        await both.account.post(f"/Conversations/{sid}/Messages/{told['sid']}/Receipts", report)
        told = await bob.wait("messageUpdated", lambda told, sid=told["sid"]: told["message"]["sid"] == sid)
        assert told["updateReasons"] == ["deliveryReceipt"]
        whole = told["message"]["aggregatedDeliveryReceipt"]
        assert (whole["total"], whole[word]) == (1, "all")
        (receipt,) = await bob.message(sid, index, "getDetailedDeliveryReceipts")
        assert (receipt["status"], receipt["participantSid"]) == (word, tom["sid"])


# --- Push ----------------------------------------------------------------------------------------------------------


async def test_push(both: Together) -> None:
    """Payloads of each type are read, and one that is handed over is announced."""
    alice = both.sdk["alice"]
    found = [await alice.client("parsePushNotification", payload) for payload in PAYLOADS[:6]]
    assert {one["type"] for one in found[:1]} == {"twilio.conversations.new_message"}
    apn = await alice.client("parsePushNotification", PAYLOADS[7])
    assert (apn["badge"], apn["body"], apn["sound"]) == (3, "text", "s")
    await alice.client("handlePushNotification", PAYLOADS[0])
    assert (await alice.wait("pushNotification"))["title"] == "T"
    assert (await alice.op("constants"))["NEW_MESSAGE"] == "twilio.conversations.new_message"
    await alice.client("setPushRegistrationId", "apn", "a device")
    await alice.client("removePushRegistrations", "apn", "a device")
    await alice.client("unsetPushRegistrationId", "apn")
