"""What a role does not allow fails alike at the genuine SDK and at our client, and is done once the role allows it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from .sides import SdkError, Side
from .test_errors import number
from .together import Together, part

pytestmark = pytest.mark.asyncio(loop_scope="session")
Act = Callable[[Side, str], Coroutine[Any, Any, Any]]
HERE: dict[str, Act] = {
    "sendMessage": lambda s, sid: s.conversation(sid, "sendMessage", "heard"),
    "sendMediaMessage": lambda s, sid: s.op("send", conversation=sid, media=[part(b"x", "text/plain")]),
    "editOwnMessage": lambda s, sid: s.message(sid, 0, "updateBody", "better"),
    "editOwnMessageAttributes": lambda s, sid: s.message(sid, 0, "updateAttributes", {"a": 1}),
    "deleteOwnMessage": lambda s, sid: s.message(sid, 0, "remove"),
    "editAnyMessage": lambda s, sid: s.message(sid, 1, "updateBody", "his now"),
    "editAnyMessageAttributes": lambda s, sid: s.message(sid, 1, "updateAttributes", {"a": 1}),
    "deleteAnyMessage": lambda s, sid: s.message(sid, 1, "remove"),
    "editConversationName": lambda s, sid: s.conversation(sid, "updateUniqueName", f"named {sid}"),
    "editConversationAttributes": lambda s, sid: s.conversation(sid, "updateAttributes", {"a": 1}),
    "editNotificationLevel": lambda s, sid: s.conversation(sid, "setUserNotificationLevel", "muted"),
    "addParticipant": lambda s, sid: s.conversation(sid, "add", "carl"),
    "addNonChatParticipant": lambda s, sid: s.conversation(sid, "addNonChatParticipant", "+15550100", number(sid)),
    "removeParticipant": lambda s, sid: s.conversation(sid, "removeParticipant", "carl"),
    "leaveConversation": lambda s, sid: s.conversation(sid, "leave"),
}
"""What Bob's role in a conversation allows; message 0 is his, 1 is Alice's."""
EVERYWHERE: dict[str, Act] = {
    "createConversation": lambda s, sid: s.client("createConversation", {}),
    "editOwnUserInfo": lambda s, sid: s.user("bob", "updateAttributes", {}),
    "editAnyUserInfo": lambda s, sid: s.user("alice", "updateAttributes", {}),
    "deleteConversation": lambda s, sid: s.conversation(sid, "delete"),
}
"""What his role in the service allows, in every conversation."""


async def role(together: Together, type: str, path: str) -> str:
    """A role that allows next to nothing, given to somebody; its sid."""
    permission = {"conversation": "editOwnParticipantAttributes", "service": "joinConversation"}[type]
    made = await together.account.post("/Roles", {"FriendlyName": "x", "Type": type, "Permission": permission})
    await together.account.post(path, {"RoleSid": made["sid"]})
    return str(made["sid"])


async def refused(act: Coroutine[Any, Any, Any]) -> tuple[int | None, int | None]:
    """Status and code of what must fail."""
    with pytest.raises(SdkError) as error:
        await act
    return error.value.status, error.value.code


async def test_sending(both: Together, actor: str) -> None:
    """Who may not send is told so and nobody hears of it; who is allowed to sends at once, on the same connection."""
    sid, bob = await both.room(), both.side(actor, "bob")
    muted = await role(both, "conversation", f"/Conversations/{sid}/Participants/bob")
    watched = await both.watch(_refuse(bob.conversation(sid, "sendMessage", "unheard")))
    for side in both.everybody():
        assert "messageAdded" not in [name for name, _ in watched.heard(side)]
    await both.account.post(f"/Roles/{muted}", {"Permission": "sendMessage"})
    assert await bob.conversation(sid, "sendMessage", "heard") == 0
    for side in both.everybody():
        told = await side.wait("messageAdded", lambda told: told["conversation"] == sid)
        assert (told["body"], told["author"]) == ("heard", "bob")


async def _refuse(act: Coroutine[Any, Any, Any]) -> None:
    assert await refused(act) == (403, 50107)


async def test_each_permission(newest: Together, actor: str) -> None:
    """Each act is refused with 50107, and done as soon as the role allows it; so it is by the role in the service."""
    sid, bob = await newest.room(), newest.side(actor, "bob")
    for name in ("bob", "alice"):
        await newest.side(actor, name).conversation(sid, "sendMessage", f"of {name}")
    for side in newest.everybody():
        await side.wait("messageAdded", lambda told: told["body"] == "of alice" and told["conversation"] == sid)
    here = await role(newest, "conversation", f"/Conversations/{sid}/Participants/bob")
    before = (await newest.account.ask("GET", "/Users/bob")).body["role_sid"]
    try:
        everywhere = await role(newest, "service", "/Users/bob")
        for acts, given in ((HERE, here), (EVERYWHERE, everywhere)):
            if acts is EVERYWHERE:
                await newest.account.post(f"/Conversations/{sid}/Participants", {"Identity": "bob", "RoleSid": here})
                await bob.wait("conversationJoined", lambda told: told["sid"] == sid)
            for permission, act in acts.items():
                assert await refused(act(bob, sid)) == (403, 50107), permission
                await newest.account.post(f"/Roles/{given}", {"Permission": permission})
                await act(bob, sid)
    finally:
        await newest.account.post("/Users/bob", {"RoleSid": before})
