"""The same act at the genuine SDK and at our client: the same events, reasons and values, for actor and audience."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from .sides import Side
from .together import PEOPLE, Together

pytestmark = pytest.mark.asyncio(loop_scope="session")
DESK = "+15550100"
Act = Callable[["Scene"], Coroutine[Any, Any, Any]]


@dataclass
class Scene:
    """Where an act happens.

    Attributes:
        actor: Alice's client that acts.
        other: Bob's client of the same kind.
        sid: the conversation.
        bob: Bob's membership.
        phone: a number that nobody else has.
        role: what Bob becomes.
    """

    together: Together
    actor: Side
    other: Side
    sid: str
    bob: str
    phone: str
    role: str
    tom: str = ""

    @property
    def email(self) -> list[Any]:
        """The options of a participant by email, which 2.0.0 has not."""
        return [] if self.together.version == "2" else [{"email": {"name": "Ann", "level": "cc"}}]

    def conversation(self, method: str, *args: Any) -> Coroutine[Any, Any, Any]:
        """Alice acts on the conversation."""
        return self.actor.conversation(self.sid, method, *args)

    def message(self, method: str, *args: Any) -> Coroutine[Any, Any, Any]:
        """Alice acts on the first message."""
        return self.actor.message(self.sid, 0, method, *args)

    async def last_message(self, method: str) -> None:
        """Alice acts on the last message."""
        page = await self.conversation("getMessages", 1)
        await self.actor.message(self.sid, page["items"][0]["index"], method)

    async def receipt(self, status: str) -> None:
        """The carrier of the participant by phone reports of the last message."""
        people = await self.conversation("getParticipants")
        self.tom = next(one["sid"] for one in people if one["type"] == "sms")
        message = (await self.conversation("getMessages", 1))["items"][0]["sid"]
        await self.account(f"/Messages/{message}/Receipts", ParticipantSid=self.tom, Status=status)

    async def typed(self, text: str) -> None:
        """Alice is typing, still or again where the machine was so slow that she was not any more, and sends it."""
        await self.conversation("typing")
        await self.conversation("sendMessage", text)

    def account(self, path: str, method: str = "POST", **fields: Any) -> Coroutine[Any, Any, Any]:
        """The account acts on the conversation."""
        return self.together.account.ask(method, f"/Conversations/{self.sid}{path}", fields)


ACTS: dict[str, tuple[Act, str]] = {
    # of the conversation
    "friendly name": (lambda s: s.conversation("updateFriendlyName", "New"), "conversationUpdated"),
    "unique name": (lambda s: s.conversation("updateUniqueName", f"u {s.sid}"), "conversationUpdated"),
    "no unique name": (lambda s: s.conversation("updateUniqueName", ""), "conversationUpdated"),
    "attributes": (lambda s: s.conversation("updateAttributes", {"a": [1, None, {"é": 0.5}]}), "conversationUpdated"),
    "attributes that are no object": (lambda s: s.conversation("updateAttributes", [1, "x"]), "conversationUpdated"),
    "attributes that are text": (lambda s: s.conversation("updateAttributes", "x"), "conversationUpdated"),
    "attributes null": (lambda s: s.conversation("updateAttributes", None), "conversationUpdated"),
    "inactive": (lambda s: s.account("", State="inactive"), "conversationUpdated"),
    "active": (lambda s: s.account("", State="active"), "conversationUpdated"),
    # of messages
    "a message": (lambda s: s.conversation("sendMessage", "hi", {"n": 1}), "messageAdded"),
    "a message of the other": (lambda s: s.other.conversation(s.sid, "sendMessage", "ho"), "messageAdded"),
    "a message of the account": (lambda s: s.account("/Messages", Body="x", Author="desk"), "messageAdded"),
    "its body": (lambda s: s.message("updateBody", "changed"), "messageUpdated"),
    "its attributes": (lambda s: s.message("updateAttributes", {"b": None}), "messageUpdated"),
    "the same attributes again": (lambda s: s.message("updateAttributes", {"b": None}), "messageUpdated"),
    "attributes of a message null": (lambda s: s.message("updateAttributes", None), "messageUpdated"),
    # of reading
    "all read": (lambda s: s.conversation("setAllMessagesRead"), "participantUpdated"),
    "read back": (lambda s: s.conversation("updateLastReadMessageIndex", 0), "participantUpdated"),
    "read on": (lambda s: s.conversation("advanceLastReadMessageIndex", 1), "participantUpdated"),
    "not back": (lambda s: s.conversation("advanceLastReadMessageIndex", 0), "participantUpdated"),
    "nothing read": (lambda s: s.conversation("setAllMessagesUnread"), "participantUpdated"),
    "muted": (lambda s: s.conversation("setUserNotificationLevel", "muted"), "conversationUpdated"),
    "not muted": (lambda s: s.conversation("setUserNotificationLevel", "default"), "conversationUpdated"),
    "typing": (lambda s: s.conversation("typing"), "typingStarted"),
    "done": (lambda s: s.typed("done"), "typingEnded"),
    # of people
    "a participant's attributes": (
        lambda s: s.other.participant(s.sid, s.bob, "updateAttributes", {"c": 1}),
        "participantUpdated",
    ),
    "an account's change of them": (
        lambda s: s.account(f"/Participants/{s.bob}", Attributes='{"d":2}'),
        "participantUpdated",
    ),
    "a role": (lambda s: s.account(f"/Participants/{s.bob}", RoleSid=s.role), "participantUpdated"),
    "by phone": (lambda s: s.conversation("addNonChatParticipant", DESK, s.phone, {"e": 3}), "participantJoined"),
    "by email": (
        lambda s: s.conversation("addNonChatParticipant", "desk@y.example", f"{s.sid}@x.example", {}, *s.email),
        "participantJoined",
    ),
    "a message to them": (lambda s: s.conversation("sendMessage", "to the phone"), "messageAdded"),
    "a carrier's word": (lambda s: s.receipt("sent"), "messageUpdated"),
    "a carrier's next word": (lambda s: s.receipt("read"), "messageUpdated"),
    "the same word again": (lambda s: s.receipt("read"), ""),
    "somebody removed": (lambda s: s.conversation("removeParticipant", s.tom), "participantLeft"),
    # of users
    "a user's name": (lambda s: s.other.user("bob", "updateFriendlyName", s.sid), "userUpdated"),
    "a user's attributes": (lambda s: s.other.user("bob", "updateAttributes", [s.sid]), "userUpdated"),
    "a user's attributes null": (lambda s: s.other.user("bob", "updateAttributes", None), "userUpdated"),
    "a device": (lambda s: s.other.client("setPushRegistrationId", "fcm", s.sid), "userUpdated"),
    "no device": (lambda s: s.other.client("unsetPushRegistrationId", "fcm"), "userUpdated"),
    # of membership
    "the last message removed": (lambda s: s.last_message("remove"), "messageRemoved"),
    "a message removed": (lambda s: s.message("remove"), "messageRemoved"),
    "removed": (lambda s: s.conversation("removeParticipant", "bob"), "conversationLeft"),
    "added": (lambda s: s.conversation("add", "bob", {"f": 4}), "conversationJoined"),
    "left": (lambda s: s.other.conversation(s.sid, "leave"), "participantLeft"),
    "again": (lambda s: s.conversation("add", "bob"), "conversationJoined"),
    "closed": (lambda s: s.account("", State="closed"), "conversationUpdated"),
    "deleted": (lambda s: s.conversation("delete"), "conversationRemoved"),
}


@pytest_asyncio.fixture(loop_scope="session")
async def scene(both: Together, actor: str) -> AsyncIterator[Scene]:
    """A new conversation, with all memberships, messages and users looked at that are to change."""
    sid = await both.room(friendlyName="Before")
    people = await both.sdk["alice"].conversation(sid, "getParticipants")
    bob = next(one["sid"] for one in people if one["identity"] == "bob")
    for side in (both.sdk["alice"], both.ours["alice"]):
        await side.client("getUser", "bob")
    roles = (await both.account.ask("GET", "/Roles")).body["roles"]
    role = next(one["sid"] for one in roles if one["type"] == "conversation" and "admin" in one["friendly_name"])
    phone = f"+4477009{int(sid[2:], 16) % 10**5:05}"
    yield Scene(both, both.side(actor), both.side(actor, "bob"), sid, bob, phone, role)


async def test_every_change(scene: Scene) -> None:
    """Of each kind of change both clients of a person hear the same, be it who acted or who looks on."""
    found = []
    for name, (act, event) in ACTS.items():
        watched = await scene.together.watch(act(scene))
        if event and not await watched.until(event):
            found.append(f"{name}: the SDK says no {event}")
        for person in PEOPLE:
            found += [f"{name}, at {person}: {line}" for line in await watched.differences(person)]
    assert not found, "\n".join(found)
