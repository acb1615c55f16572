"""The genuine SDKs send, receive, change and page messages on the embedded service."""

from __future__ import annotations

from typing import Any

import pytest

from convo_widgets.service.local import LocalService

from .conftest import Sdk, SdkError, Start

HTML = "<b onclick=alert(1)>é 🏺 & \u0000 ‮</b>"


async def together(start: Start, service: LocalService, *identities: str) -> tuple[str, list[Sdk]]:
    """Clients in one conversation, which the first of them made."""
    people = [await start(service, identity) for identity in identities]
    sid = (await people[0].client("createConversation", {"friendlyName": "Together"}))["sid"]
    await people[0].conversation(sid, "join")
    await people[0].conversation(sid, "getParticipants")  # whoever is there when the SDK looks is not announced
    for identity, person in zip(identities[1:], people[1:], strict=True):
        await people[0].conversation(sid, "add", identity)
        await person.wait("conversationJoined", lambda payload: payload["sid"] == sid)
        await person.conversation(sid, "getParticipants")
    return sid, people


async def test_send_and_receive(service: LocalService, start: Start) -> None:
    """What one sends the other receives: text as it is, attributes, author, index."""
    sid, (alice, bob) = await together(start, service, "alice", "bob")
    for number, text in enumerate(["Hello", HTML, "x" * 32_768]):
        assert await alice.conversation(sid, "sendMessage", text, {"n": number}) == number
        got = await bob.wait("messageAdded", lambda message, number=number: message["index"] == number)
        assert (got["body"], got["author"], got["attributes"]) == (text, "alice", {"n": number})
    assert await bob.conversation(sid, "sendMessage", "And back") == 3
    assert (await alice.wait("messageAdded", lambda message: message["index"] == 3))["author"] == "bob"
    updated = await alice.wait("conversationUpdated", lambda told: "lastMessage" in told["updateReasons"])
    assert updated["conversation"]["sid"] == sid


async def test_refused(service: LocalService, start: Start) -> None:
    """What is too long comes back as an error with the public code, and nothing is sent."""
    sid, (alice, bob) = await together(start, service, "alice", "bob")
    with pytest.raises(SdkError) as error:
        await alice.conversation(sid, "sendMessage", "x" * 33 * 1024)
    assert (error.value.status, error.value.code) == (413, 50504)
    with pytest.raises(SdkError) as error:
        await alice.conversation(sid, "sendMessage", "x", {"long": "y" * 5000})
    assert error.value.code == 50303
    await alice.conversation(sid, "sendMessage", "fine")
    assert (await bob.wait("messageAdded"))["index"] == 0


async def test_edit_and_remove(service: LocalService, start: Start) -> None:
    """Edits and removals reach the other; only the author and an admin may do them."""
    sid, (alice, bob, carl) = await together(start, service, "alice", "bob", "carl")
    for text in ("one", "two", "three"):
        await bob.conversation(sid, "sendMessage", text)
    for person in (alice, bob):  # the SDK announces nothing of messages that it has neither fetched nor seen come
        assert len((await person.conversation(sid, "getMessages"))["items"]) == 3
    await bob.message(sid, 0, "updateBody", "ONE")
    updated = await alice.wait("messageUpdated", lambda told: "body" in told["updateReasons"])
    assert (updated["message"]["body"], updated["message"]["lastUpdatedBy"]) == ("ONE", "bob")
    await bob.message(sid, 0, "updateAttributes", {"seen": True})
    updated = await alice.wait("messageUpdated", lambda told: "attributes" in told["updateReasons"])
    assert updated["message"]["attributes"] == {"seen": True}
    with pytest.raises(SdkError) as error:
        await carl.message(sid, 0, "updateBody", "mine now")
    assert (error.value.status, error.value.code) == (403, 50107)
    with pytest.raises(SdkError):
        await carl.message(sid, 0, "remove")
    await bob.message(sid, 2, "remove")
    removed = await alice.wait("messageRemoved")
    assert removed["index"] == 2
    await alice.message(sid, 1, "remove")  # the creator is the admin
    await bob.wait("messageRemoved", lambda message: message["index"] == 1)
    assert await bob.conversation(sid, "sendMessage", "four") == 3


async def test_pages_both_ways(service: LocalService, start: Start) -> None:
    """250 messages come back whole and in order, from either end, and from the middle."""
    sid, (alice,) = await together(start, service, "alice")
    for number in range(250):
        await alice.conversation(sid, "sendMessage", f"message {number}")
    reader = await start(service, "alice")
    await reader.client("getSubscribedConversations")
    assert await indexes(reader, sid, "prevPage", 50) == list(range(250))
    assert await indexes(reader, sid, "nextPage", 50, 0, "forward") == list(range(250))
    fresh = await start(service, "alice")
    await fresh.client("getSubscribedConversations")
    assert await indexes(fresh, sid, "nextPage", 100, 0, "forward") == list(range(250))
    middle = await fresh.conversation(sid, "getMessages", 20, 120, "backwards")
    assert [message["index"] for message in middle["items"]] == list(range(101, 121))
    assert (middle["hasPrevPage"], middle["hasNextPage"]) == (True, True)


async def indexes(sdk: Sdk, sid: str, go: str, *args: Any) -> list[int]:
    """All indexes by going on from the first page; the texts must fit them."""
    page = await sdk.conversation(sid, "getMessages", *args)
    more = "hasPrevPage" if go == "prevPage" else "hasNextPage"
    found: list[int] = []
    while True:
        part = [message["index"] for message in page["items"]]
        assert all(message["body"] == f"message {message['index']}" for message in page["items"])
        found = part + found if go == "prevPage" else found + part
        if not page[more]:
            return found
        page = await sdk.page(page, go)


async def test_typing(service: LocalService, start: Start) -> None:
    """Typing starts at the other's, and ends with the message."""
    sid, (alice, bob) = await together(start, service, "alice", "bob")
    await alice.conversation(sid, "typing")
    typist = await bob.wait("typingStarted")
    assert (typist["identity"], typist["isTyping"]) == ("alice", True)
    await alice.conversation(sid, "sendMessage", "done")
    await bob.wait("typingEnded")
    assert not alice.seen("typingStarted")


async def test_read_horizon(service: LocalService, start: Start) -> None:
    """The horizon moves the unread count, and the other sees it."""
    sid, (alice, bob) = await together(start, service, "alice", "bob")
    for number in range(5):
        await alice.conversation(sid, "sendMessage", str(number))
    await bob.wait("messageAdded", lambda message: message["index"] == 4)
    override = {"httpCacheIntervalOverride": "PT0S"}
    reader = await start(service, "bob", **override)
    await reader.client("getSubscribedConversations")
    assert await reader.conversation(sid, "getUnreadMessagesCount") is None
    assert await reader.conversation(sid, "updateLastReadMessageIndex", 1) == 3
    updated = await alice.wait("participantUpdated", lambda told: "lastReadMessageIndex" in told["updateReasons"])
    assert (updated["participant"]["identity"], updated["participant"]["lastReadMessageIndex"]) == ("bob", 1)
    assert await reader.conversation(sid, "getUnreadMessagesCount") == 3
    await bob.wait("conversationUpdated", lambda told: told["conversation"]["lastReadMessageIndex"] == 1)
    assert await reader.conversation(sid, "setAllMessagesRead") == 0
    await reader.conversation(sid, "setAllMessagesUnread")
    assert await reader.conversation(sid, "getUnreadMessagesCount") is None


async def test_notification_level(service: LocalService, start: Start) -> None:
    """A muted conversation is muted on the user's other device too."""
    sid, (alice, other) = await together_twice(start, service)
    await alice.conversation(sid, "setUserNotificationLevel", "muted")
    await other.wait("conversationUpdated", lambda told: told["conversation"]["notificationLevel"] == "muted")


async def together_twice(start: Start, service: LocalService) -> tuple[str, list[Sdk]]:
    """Two devices of one user."""
    sid, (alice,) = await together(start, service, "alice")
    other = await start(service, "alice")
    await other.client("getSubscribedConversations")
    return sid, [alice, other]
