"""What fails at the genuine SDK fails at our client, with the same status and code."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from .sides import SdkError, Side
from .together import Together

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOWHERE = "CH" + "0" * 32
Act = Callable[[Side, str], Coroutine[Any, Any, Any]]

ACTS: dict[str, Act] = {
    # Alice, in her own conversation
    "no such conversation": lambda s, sid: s.client("getConversationBySid", NOWHERE),
    "nothing to peek at": lambda s, sid: s.client("peekConversationBySid", NOWHERE),
    "no such unique name": lambda s, sid: s.client("getConversationByUniqueName", "no such / name"),
    "a taken unique name": lambda s, sid: s.client("createConversation", {"uniqueName": f"taken {sid}"}),
    "another's unique name": lambda s, sid: s.conversation(sid, "updateUniqueName", "taken"),
    "too long a name": lambda s, sid: s.conversation(sid, "updateFriendlyName", "x" * 300),
    "too long attributes": lambda s, sid: s.conversation(sid, "updateAttributes", {"x": "y" * 20_000}),
    "too long a body": lambda s, sid: s.conversation(sid, "sendMessage", "x" * 33_000),
    "too long message attributes": lambda s, sid: s.conversation(sid, "sendMessage", "x", {"x": "y" * 5000}),
    "an empty message": lambda s, sid: s.conversation(sid, "sendMessage", ""),
    "an empty edit": lambda s, sid: s.message(sid, 0, "updateBody", ""),
    "too long an edit": lambda s, sid: s.message(sid, 0, "updateBody", "é" * 17_000),
    "somebody who is in": lambda s, sid: s.conversation(sid, "add", "bob"),
    "nobody": lambda s, sid: s.conversation(sid, "add", ""),
    "somebody who is not in": lambda s, sid: s.conversation(sid, "removeParticipant", "carl"),
    "addresses in use": lambda s, sid: s.conversation(sid, "addNonChatParticipant", "+15550100", number(sid)),
    "no address": lambda s, sid: s.conversation(sid, "addNonChatParticipant", "+15550100", ""),
    "a bad address": lambda s, sid: s.conversation(sid, "addNonChatParticipant", "+15550100", "x"),
    "two channels": lambda s, sid: s.conversation(sid, "addNonChatParticipant", "+15550100", "a@x.example"),
    "one address twice": lambda s, sid: s.conversation(sid, "addNonChatParticipant", "+15550100", "+15550100"),
    "an index that is none": lambda s, sid: s.conversation(sid, "updateLastReadMessageIndex", -1),
    "a level that is none": lambda s, sid: s.conversation(sid, "setUserNotificationLevel", "loud"),
    "a page of nothing": lambda s, sid: s.conversation(sid, "getMessages", 0),
    "a page of less": lambda s, sid: s.conversation(sid, "getMessages", -5),
    "a direction that is none": lambda s, sid: s.conversation(sid, "getMessages", 5, 0, "up"),
    "no such user": lambda s, sid: s.client("getUser", "no such user"),
    "another's name": lambda s, sid: s.user("bob", "updateFriendlyName", "x"),
    "another's attributes": lambda s, sid: s.user("bob", "updateAttributes", {}),
    "a channel that is none": lambda s, sid: s.client("setPushRegistrationId", "gcm", "x"),
    "an empty device": lambda s, sid: s.client("setPushRegistrationId", "fcm", ""),
    "a push of nothing": lambda s, sid: s.client("handlePushNotification", {}),
}
BOBS: dict[str, Act] = {
    "another's message": lambda s, sid: s.message(sid, 0, "updateBody", "mine"),
    "another's message's attributes": lambda s, sid: s.message(sid, 0, "updateAttributes", {}),
    "another's message removed": lambda s, sid: s.message(sid, 0, "remove"),
    "the maker removed": lambda s, sid: s.conversation(sid, "removeParticipant", "alice"),
    "a conversation deleted": lambda s, sid: s.conversation(sid, "delete"),
    "one's own place emptied twice": lambda s, sid: s.conversation(sid, "removeParticipant", "nobody"),
}
CLOSED: dict[str, Act] = {
    "a message": lambda s, sid: s.conversation(sid, "sendMessage", "late"),
    "an edit": lambda s, sid: s.message(sid, 0, "updateBody", "late"),
    "somebody": lambda s, sid: s.conversation(sid, "add", "carl"),
    "typing": lambda s, sid: s.conversation(sid, "typing"),
    "a name": lambda s, sid: s.conversation(sid, "updateFriendlyName", "late"),
}
NO_MEDIUM = "ME" + "0" * 32
DIFFERENT: list[tuple[Act, tuple[Any, ...], tuple[Any, ...]]] = [
    (lambda s, sid: s.conversation(sid, "join"), (409, 50433), ("done",)),
    (lambda s, _: s.client("getTemporaryContentUrlsForMediaSids", [NO_MEDIUM]), (None, None), (404, 20404)),
    (lambda s, _: s.client("getTemporaryContentUrlsForMediaSids", []), (None, None), ("done",)),
]
"""What ends otherwise on purpose, there and here: docs/client.md has them all."""
OUTSIDE: dict[str, Act] = {
    "a count": lambda s, sid: s.conversation(sid, "getUnreadMessagesCount"),
    "a conversation": lambda s, sid: s.client("getConversationBySid", sid),
    "a peek": lambda s, sid: s.client("peekConversationBySid", sid),
    "by name": lambda s, sid: s.client("getConversationByUniqueName", f"taken {sid}"),
}


def number(sid: str) -> str:
    """A phone number that no other conversation has."""
    return f"+44{int(sid[2:], 16) % 10**9:09}"


async def outcome(act: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """Status and code of a failure, or that there was none."""
    try:
        await act
    except SdkError as error:
        return (error.status, error.code)
    return ("done",)


async def compare(together: Together, acts: dict[str, Act], sid: str, name: str) -> list[str]:
    """The acts that end differently."""
    found = []
    for what, act in acts.items():
        there, here = [await outcome(act(side, sid)) for side in (together.sdk[name], together.ours[name])]
        if there != here:
            found.append(f"{what}: the SDK {there}, ours {here}")
    return found


async def test_the_same_failures(newest: Together) -> None:
    """Of one's own conversation, of another's, of a closed one and from outside."""
    sid = await newest.room()
    taken = (await newest.ours["alice"].client("createConversation", {}))["sid"]
    await newest.ours["alice"].conversation(taken, "join")
    await newest.ours["alice"].conversation(sid, "updateUniqueName", f"taken {sid}")
    await newest.ours["alice"].conversation(taken, "updateUniqueName", "taken")
    await newest.ours["alice"].conversation(sid, "addNonChatParticipant", "+15550100", number(sid))
    await newest.ours["alice"].conversation(sid, "sendMessage", "hers")
    await newest.settled()
    found = await compare(newest, ACTS, sid, "alice")
    found += await compare(newest, BOBS, sid, "bob")
    await newest.account.post(f"/Conversations/{sid}", {"State": "closed"})
    await newest.settled()
    found += await compare(newest, CLOSED, sid, "alice")
    await newest.account.ask("DELETE", f"/Conversations/{sid}/Participants/bob")
    for side in (newest.sdk["bob"], newest.ours["bob"]):
        await side.wait("conversationRemoved", lambda told: told["sid"] == sid)
    found += await compare(newest, OUTSIDE, sid, "bob")
    assert not found, "\n".join(found)


async def test_what_differs(newest: Together) -> None:
    """The few that end otherwise still do, on both sides."""
    sid = await newest.room()
    for act, there, here in DIFFERENT:
        assert await outcome(act(newest.sdk["alice"], sid)) == there
        assert await outcome(act(newest.ours["alice"], sid)) == here
