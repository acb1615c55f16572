"""The genuine SDKs make, find, join, change and delete conversations on the embedded service."""

from __future__ import annotations

from typing import Any

import pytest

from convo_widgets.service.local import LocalService

from .conftest import Sdk, SdkError, Start


def of(sid: str) -> Any:
    """Whether a payload is about a conversation."""
    return lambda payload: payload["sid"] == sid


def reason(name: str) -> Any:
    """Whether an update was for a reason."""
    return lambda payload: name in payload["updateReasons"]


async def joined_room(sdk: Sdk) -> str:
    """A new conversation that its maker has joined and looked at: whoever comes later is announced."""
    sid = (await sdk.client("createConversation", {}))["sid"]
    await sdk.conversation(sid, "join")
    await sdk.conversation(sid, "getParticipants")
    return str(sid)


async def test_the_demo_is_listed(start: Start) -> None:
    """A user of the demo sees all conversations that it is in, with their data."""
    with LocalService(seed="demo") as service:
        dana = await start(service, "dana")
        page = await dana.client("getSubscribedConversations")
        found = {item["uniqueName"]: item for item in page["items"]}
        order = found["order-48213"]
        assert (order["friendlyName"], order["status"]) == ("Order 48213, broken cup", "joined")
        assert order["attributes"] == {"queue": "orders", "priority": "high"}
        assert order["state"]["current"] == "active"
        assert order["lastMessage"]["index"] == 44
        assert order["lastReadMessageIndex"] == 41
        assert await dana.conversation(order["sid"], "getUnreadMessagesCount") == 3
        assert await dana.conversation(order["sid"], "getMessagesCount") == 45
        assert await dana.conversation(order["sid"], "getParticipantsCount") == 3
        people = await dana.conversation(order["sid"], "getParticipants")
        assert {person["identity"] for person in people} == {"dana", "priya", "marta"}


async def test_more_conversations_than_a_page(service: LocalService, start: Start) -> None:
    """All of 120 conversations arrive, over the pages of the list and of the map."""
    maker = await start(service, "alice")
    for number in range(120):
        made = await maker.client("createConversation", {"uniqueName": f"room-{number}"})
        await maker.conversation(made["sid"], "join")
    reader = await start(service, "alice")
    page = await reader.client("getSubscribedConversations")
    found = [item["uniqueName"] for item in page["items"]]
    while page["hasNextPage"]:
        page = await reader.page(page, "nextPage")
        found += [item["uniqueName"] for item in page["items"]]
    assert sorted(found) == sorted(f"room-{number}" for number in range(120))


async def test_create_and_join(service: LocalService, start: Start) -> None:
    """The creator is no participant until it joins, and is told when it has."""
    alice = await start(service, "alice")
    options = {"friendlyName": "Team", "uniqueName": "team/1 ü", "attributes": {"a": [1, None, "é"]}}
    made = await alice.client("createConversation", options)
    assert (made["friendlyName"], made["uniqueName"]) == ("Team", "team/1 ü")
    assert made["attributes"] == {"a": [1, None, "é"]}
    assert made["createdBy"] == "alice"
    assert made["status"] == "notParticipating"
    await alice.conversation(made["sid"], "join")
    joined = await alice.wait("conversationJoined", of(made["sid"]))
    assert joined["status"] == "joined"
    assert await alice.get({"conversation": made["sid"]}, "status") == "joined"
    again = await alice.client("getConversationByUniqueName", "team/1 ü")
    assert again["sid"] == made["sid"]


async def test_others_come_and_go(service: LocalService, start: Start) -> None:
    """Who is added, changed and removed is told to all, with the reasons."""
    alice, bob = await start(service, "alice"), await start(service, "bob")
    sid = await joined_room(alice)
    await alice.conversation(sid, "add", "bob", {"side": "left"})
    await bob.wait("conversationJoined", of(sid))
    joined = await alice.wait("participantJoined", lambda person: person["identity"] == "bob")
    assert joined["attributes"] == {"side": "left"}
    assert joined["type"] == "chat"
    await bob.participant(sid, joined["sid"], "updateAttributes", {"side": "right"})
    updated = await alice.wait("participantUpdated", reason("attributes"))
    assert updated["participant"]["attributes"] == {"side": "right"}
    await alice.conversation(sid, "removeParticipant", "bob")
    await bob.wait("conversationLeft", of(sid))
    await bob.wait("conversationRemoved", of(sid))
    left = await alice.wait("participantLeft")
    assert left["identity"] == "bob"


async def test_leave_and_come_back(service: LocalService, start: Start) -> None:
    """Who leaves is out, and may be added again."""
    alice, bob = await start(service, "alice"), await start(service, "bob")
    sid = await joined_room(alice)
    await alice.conversation(sid, "add", "bob")
    await bob.wait("conversationJoined", of(sid))
    await alice.wait("participantJoined")
    await bob.conversation(sid, "leave")
    await bob.wait("conversationRemoved", of(sid))
    await alice.wait("participantLeft")
    with pytest.raises(SdkError):
        await bob.client("peekConversationBySid" if bob.version == "3" else "getConversationBySid", sid)
    await alice.conversation(sid, "add", "bob")
    await bob.wait("conversationJoined", lambda _: len(bob.seen("conversationJoined")) == 2)
    await alice.wait("participantJoined", lambda _: len(alice.seen("participantJoined")) == 2)


async def test_people_without_chat(service: LocalService, start: Start) -> None:
    """Participants by phone and by email are in the roster, with their type."""
    alice = await start(service, "alice")
    sid = await joined_room(alice)
    await alice.conversation(sid, "addNonChatParticipant", "+15550100", "+447700900310", {"name": "Tom"})
    email = {"email": {"name": "Ann", "level": "to"}}
    if alice.version == "2":
        email = {}  # 2.0.0 knows no bindings
    address = ("desk@example.org", "ann@example.org", {})
    await alice.conversation(sid, "addNonChatParticipant", *address, *([email] if email else []))
    tom = await alice.wait("participantJoined", lambda person: person["type"] == "sms")
    ann = await alice.wait("participantJoined", lambda person: person["type"] == "email")
    assert (tom["identity"], tom["attributes"]) == (None, {"name": "Tom"})
    if email:
        assert ann["bindings"]["email"] == {"name": "Ann", "address": "ann@example.org", "level": "to"}


async def test_names_and_attributes(service: LocalService, start: Start) -> None:
    """Changes of a conversation reach the others with their reason."""
    alice, bob = await start(service, "alice"), await start(service, "bob")
    sid = await joined_room(alice)
    await alice.conversation(sid, "add", "bob")
    await bob.wait("conversationJoined", of(sid))
    await alice.conversation(sid, "updateFriendlyName", "New")
    assert (await bob.wait("conversationUpdated", reason("friendlyName")))["conversation"]["friendlyName"] == "New"
    await alice.conversation(sid, "updateUniqueName", "fresh")
    assert (await bob.wait("conversationUpdated", reason("uniqueName")))["conversation"]["uniqueName"] == "fresh"
    await alice.conversation(sid, "updateAttributes", {"deep": {"x": [True]}})
    updated = await bob.wait("conversationUpdated", reason("attributes"))
    assert updated["conversation"]["attributes"] == {"deep": {"x": [True]}}
    await alice.conversation(sid, "updateUniqueName", "")
    await bob.wait("conversationUpdated", lambda told: told["conversation"]["uniqueName"] is None)
    other = (await alice.client("createConversation", {"uniqueName": "fresh"}))["sid"]
    with pytest.raises(SdkError) as taken:
        await bob.conversation(sid, "updateUniqueName", "fresh")
    assert (taken.value.status, taken.value.code) == (409, 50353)
    assert other != sid


async def test_delete(service: LocalService, start: Start) -> None:
    """A deleted conversation is gone for everybody, and said once."""
    alice, bob = await start(service, "alice"), await start(service, "bob")
    sid = (await alice.client("createConversation", {"uniqueName": "gone"}))["sid"]
    await alice.conversation(sid, "join")
    await alice.conversation(sid, "add", "bob")
    await bob.wait("conversationJoined", of(sid))
    await alice.conversation(sid, "delete")
    await bob.wait("conversationRemoved", of(sid))
    await alice.wait("conversationRemoved", of(sid))
    with pytest.raises(SdkError):
        await bob.client("getConversationByUniqueName", "gone")
    made = await alice.client("createConversation", {"uniqueName": "gone"})
    assert made["sid"] != sid
    assert len(bob.seen("conversationRemoved")) == 1


async def test_strangers_stay_out(service: LocalService, start: Start) -> None:
    """Who is not in a conversation cannot look into it."""
    alice, eve = await start(service, "alice"), await start(service, "eve")
    sid = (await alice.client("createConversation", {"uniqueName": "private"}))["sid"]
    await alice.conversation(sid, "join")
    with pytest.raises(SdkError):
        await eve.client("getConversationBySid", sid)
    with pytest.raises(SdkError):
        await eve.client("getConversationByUniqueName", "private")


async def test_users(service: LocalService, start: Start) -> None:
    """A user's name and attributes reach those who follow it."""
    alice, bob = await start(service, "alice"), await start(service, "bob/ä b%41")
    bobs = await alice.client("getUser", "bob/ä b%41") if alice.version == "3" else None
    if bobs is None:  # 2.0.0 does not encode identities
        alice, bob = await start(service, "alice"), await start(service, "bob")
        bobs = await alice.client("getUser", "bob")
    assert bobs["friendlyName"] is None
    me = await bob.get("client", "user")
    await bob.user(me["identity"], "updateFriendlyName", "Bob <b>")
    updated = await alice.wait("userUpdated", reason("friendlyName"))
    assert updated["user"]["friendlyName"] == "Bob <b>"
    await bob.user(me["identity"], "updateAttributes", {"team": "blue"})
    updated = await alice.wait("userUpdated", reason("attributes"))
    if updated["user"]["attributes"] != {"team": "blue"}:  # the first may be that of opening the user
        await alice.wait("userUpdated", lambda told: told["user"]["attributes"] == {"team": "blue"})
    with pytest.raises(SdkError):
        await alice.user(me["identity"], "updateFriendlyName", "Not Bob")
