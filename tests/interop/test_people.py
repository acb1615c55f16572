"""Who is in a conversation, and who they are: seen alike by the genuine SDK and by our client."""

from __future__ import annotations

from typing import Any

import pytest

from .ours import Ours
from .sides import Sdk, Side
from .together import Together

pytestmark = pytest.mark.asyncio(loop_scope="session")
COMING_AND_GOING = ("conversationAdded", "conversationJoined", "conversationLeft", "conversationRemoved")


def history(side: Side, sid: str) -> list[str]:
    """The comings and goings of one's own in a conversation, in their order."""
    return [name for name, told in side.events if name in COMING_AND_GOING and told["sid"] == sid]


async def test_coming_and_going(both: Together, actor: str) -> None:
    """Joined, left, added again, removed, and deleted: the same events in the same order."""
    sid, maker = await both.room(), both.side(actor)
    other = both.side(actor, "bob")
    sides = (both.sdk["bob"], both.ours["bob"])
    for act, last in (
        (lambda: other.conversation(sid, "leave"), "conversationRemoved"),
        (lambda: maker.conversation(sid, "add", "bob"), "conversationJoined"),
        (lambda: maker.conversation(sid, "removeParticipant", "bob"), "conversationRemoved"),
        (lambda: maker.conversation(sid, "add", "bob"), "conversationJoined"),
        (lambda: maker.conversation(sid, "delete"), "conversationRemoved"),
    ):
        count = history(sides[0], sid).count(last)
        await act()
        for side in sides:
            while history(side, sid).count(last) <= count:
                await side.news()
    there, here = [history(side, sid) for side in sides]
    assert here == there
    assert here[:2] == ["conversationAdded", "conversationJoined"]


async def test_joining_what_one_found(newest: Together, actor: str) -> None:
    """Who may look at a conversation finds it, joins it, and is a participant with the same data at both."""
    # made with ours: the SDK has it that the maker has read up to 0, until one joins
    sid = (await newest.ours["alice"].client("createConversation", {"friendlyName": "Found"}))["sid"]
    peeked = await newest.agreed(lambda side: side.client("peekConversationBySid", sid))
    assert (peeked["status"], peeked["friendlyName"]) == ("notParticipating", "Found")
    await newest.side(actor).conversation(sid, "join")
    for side in (newest.sdk["alice"], newest.ours["alice"]):
        await side.wait("conversationJoined", lambda told: told["sid"] == sid)
    seen = await newest.agreed(lambda side: side.op("see", on={"conversation": sid}))
    assert (seen["status"], seen["createdBy"]) == ("joined", "alice")
    people = await newest.agreed(lambda side: side.conversation(sid, "getParticipants"))
    assert [(one["identity"], one["type"]) for one in people] == [("alice", "chat")]


async def test_people_of_other_channels(newest: Together, actor: str) -> None:
    """By SMS, WhatsApp and email: the same bindings, attributes and answers; told apart by sid, and removed."""
    sid, side = await newest.room(), newest.side(actor)
    digits = f"{int(sid[2:], 16) % 10**8:08}"
    email = {"email": {"name": "Ann É", "level": "cc"}}
    for kind, proxy, address, *options in (
        ("sms", "+15550100", f"+44{digits}"),
        ("whatsapp", "whatsapp:+15550100", f"whatsapp:+44{digits}"),
        ("email", "desk@y.example", f"ann.{sid}@x.example", email),
    ):
        made = await side.conversation(sid, "addNonChatParticipant", proxy, address, {"kind": kind}, *options)
        assert made["messaging_binding"]["type"] == kind
        await newest.settled()
        for name in ("alice", "bob"):
            seen = await newest.agreed(
                lambda s, sid=sid, made=made: s.conversation(sid, "getParticipantBySid", made["sid"]), name
            )
            assert (seen["type"], seen["identity"], seen["attributes"]) == (kind, None, {"kind": kind})
            assert seen["bindings"][kind]["address"] == address
    await side.participant(sid, made["sid"], "updateAttributes", {"kind": None})
    watched = await newest.watch(side.participant(sid, made["sid"], "remove"))
    assert await watched.differences("alice") == await watched.differences("bob") == []
    (left,) = (told for name, told in watched.heard(newest.ours["bob"]) if name == "participantLeft")
    assert (left["sid"], left["attributes"]) == (made["sid"], {"kind": None})


async def test_authors(newest: Together, actor: str) -> None:
    """Who wrote a message, found by the membership, and by the user behind it."""
    sid = await newest.room()
    await newest.side(actor, "bob").conversation(sid, "sendMessage", "hi")
    await newest.settled()
    author = await newest.agreed(lambda side: side.message(sid, 0, "getParticipant"))
    assert author["identity"] == "bob"
    user = await newest.agreed(lambda side: side.participant(sid, author["sid"], "getUser"))
    assert user["identity"] == "bob"
    again = await newest.agreed(lambda side: side.conversation(sid, "getParticipantByIdentity", "bob"))
    assert again == author


async def test_unread(both: Together, actor: str) -> None:
    """Never read is not nothing unread; counts follow the horizon and the messages alike."""
    sid, side = await both.room(), both.side(actor, "bob")
    for number in range(4):
        await both.side(actor).conversation(sid, "sendMessage", str(number))
    answers = [
        (await side.conversation(sid, method, *args), await unread(both, sid))
        for method, *args in (
            ("updateLastReadMessageIndex", 1),
            ("advanceLastReadMessageIndex", 0),
            ("setAllMessagesRead",),
            ("updateLastReadMessageIndex", 0),
            ("setAllMessagesUnread",),
            ("updateLastReadMessageIndex", 3),
            ("updateLastReadMessageIndex", None),
        )
    ]
    assert answers == [(2, 2), (2, 2), (0, 0), (3, 3), (None, None), (0, 0), (None, None)]


async def unread(together: Together, sid: str) -> Any:
    """Bob's count, with his horizon the same at both of his clients."""
    await together.settled()
    await together.agreed(lambda side: side.op("see", on={"conversation": sid}), "bob")
    return await together.agreed(lambda side: side.conversation(sid, "getUnreadMessagesCount"), "bob")


async def test_users(newest: Together) -> None:
    """Followed, let go and followed again; online while there is a connection; what is let go is told no more."""
    service, watchers = newest.service, (newest.sdk["alice"], newest.ours["alice"])
    for kind in ("sdk", "python"):
        name = f"carl {kind} ä%/"
        carl: Side = await Ours().connect(service, name)
        if kind == "sdk":
            await carl.stop()
            carl = await (await Sdk.start("3")).connect(service, name)
        for side in watchers:
            assert (await side.client("getUser", name))["isSubscribed"] is True
            await side.wait("userSubscribed", lambda told, name=name: told["identity"] == name)
        await carl.user(name, "updateFriendlyName", "Carl É")
        await newest.settled()
        user = await newest.agreed(lambda side, name=name: side.op("see", on={"user": name}))
        assert (user["friendlyName"], user["isOnline"], user["isNotifiable"]) == ("Carl É", True, False)
        await carl.stop()
        for side in watchers:
            gone = await side.wait(
                "userUpdated", lambda told, n=name: (told["user"]["identity"], told["user"]["isOnline"]) == (n, False)
            )
            assert gone["updateReasons"] == ["reachabilityOnline"]
        for side in watchers:
            await side.user(name, "unsubscribe")
            assert (await side.wait("userUnsubscribed", lambda told, name=name: told["identity"] == name))[
                "isSubscribed"
            ] is False
    there, here = [{one["identity"] for one in await side.client("getSubscribedUsers")} for side in watchers]
    assert here == there


async def test_typing(both: Together, actor: str) -> None:
    """Writing, and written: told to the other with the same participant, not to oneself."""
    sid, side = await both.room(), both.side(actor)
    watched = await both.watch(side.conversation(sid, "typing"))
    assert await watched.until("typingStarted")
    assert await watched.differences("alice") == await watched.differences("bob") == []
    (started,) = (told for name, told in watched.heard(both.ours["bob"]) if name == "typingStarted")
    assert (started["identity"], started["isTyping"]) == ("alice", True)
    assert watched.heard(both.ours["alice"]) == []
    watched = await both.watch(side.conversation(sid, "sendMessage", "done"))
    assert await watched.until("typingEnded")
    assert await watched.differences("alice") == await watched.differences("bob") == []
