"""Everything that can be read of an object is the same at the genuine SDK and at our client."""

from __future__ import annotations

from typing import Any

import pytest

from .sides import Side
from .together import PEOPLE, Together, part

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def full(together: Together, actor: Side) -> str:
    """A conversation with something of everything in it; its sid."""
    account = together.account
    sid = await together.room(friendlyName="É 🏺", attributes={"deep": [None, True, {"é": 1.5}]})
    await actor.conversation(sid, "updateUniqueName", f"full {sid}")
    binding = {"MessagingBinding.Address": f"whatsapp:+4477{int(sid[2:], 16) % 10**8:08}"}
    binding["MessagingBinding.ProxyAddress"] = "whatsapp:+15550100"
    await account.post(f"/Conversations/{sid}/Participants", binding | {"Attributes": '{"by": "account"}'})
    await actor.conversation(sid, "addNonChatParticipant", "desk@y.example", f"{sid}@x.example", {})
    text = {"text/plain": part("é".encode(), "text/plain")} if actor.version != "2" else {}
    media = [part(b"\x89PNG", "image/png", "100% é?.png"), part(b"x" * 1000, "application/octet-stream")]
    await actor.conversation(sid, "sendMessage", "plain")
    await actor.op("send", conversation=sid, body="full", subject="Re: é", attributes=[1], media=media, email=text)
    await actor.op("send", conversation=sid, media=media[:1], history=text)
    await account.post(f"/Conversations/{sid}/Messages", {"Body": "of the desk", "Author": "desk"})
    message = await account.post(f"/Conversations/{sid}/Messages", {"Body": "to be removed", "Author": "desk"})
    await actor.message(sid, 0, "updateBody", "edited")
    await account.ask("DELETE", f"/Conversations/{sid}/Messages/{message['sid']}")
    await actor.conversation(sid, "setAllMessagesRead")
    await actor.conversation(sid, "setUserNotificationLevel", "muted")
    await account.post(f"/Conversations/{sid}", {"State": "inactive"})
    name = {"Bindings.Email.Address": f"{sid}@desk.example", "Bindings.Email.Name": "Desk É"}
    await account.post(f"/Conversations/{sid}", name)
    await together.settled()
    return sid


async def compare(together: Together, sid: str) -> None:
    """Everybody's two clients say the same of all of it."""
    where = {"conversation": sid}
    for name in PEOPLE:
        told = await together.agreed(lambda side: side.op("see", on=where), name)
        assert (told["sid"], told["state"]["current"]) == (sid, "inactive")
        assert await together.agreed(lambda side: side.conversation(sid, "getAttributes"), name) == told["attributes"]
        people = await together.agreed(lambda side: listed(side, sid, "getParticipants", "sid"), name)
        assert [one["type"] for one in people].count("chat") == len(PEOPLE)
        page = await together.agreed(lambda side: side.conversation(sid, "getMessages", 10), name)
        assert [message["index"] for message in page["items"]] == [0, 1, 2, 3]
        counts = [
            [await together.agreed(lambda side, what=what: side.conversation(sid, f"get{what}Count"), name)]
            for what in ("Messages", "Participants", "UnreadMessages")
        ]
        assert counts == [[4], [4], [0 if name == "alice" else None]]
        for user in PEOPLE:
            await together.agreed(lambda side, user=user: side.client("getUser", user), name)
        for of in ("user", "reachabilityEnabled", "connectionState"):
            await together.agreed(lambda side, of=of: side.get("client", of), name)


async def listed(side: Side, sid: str, method: str, key: str) -> list[Any]:
    """A list of a conversation, in an order that does not depend on when things became known."""
    return sorted(await side.conversation(sid, method), key=lambda one: one[key])


async def test_who_saw_it_happen(both: Together, actor: str) -> None:
    """Who was there when it was made has the same conversation, participants, messages, counts and users at both."""
    await compare(both, await full(both, both.side(actor)))


async def test_who_comes_later(newest: Together) -> None:
    """And so has who reads it all afterwards (2.0.0 does not know then how far it has read)."""
    sid = await full(newest, newest.ours["alice"])
    later = await Together(newest.service).start(newest.version)
    try:
        await compare(later, sid)
    finally:
        await later.stop()
