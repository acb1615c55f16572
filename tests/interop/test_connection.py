"""The genuine SDKs lose the connection, renew their tokens, and are refused, by the embedded service."""

from __future__ import annotations

import time

import jwt
import pytest

from convo_widgets.service.local import LocalService

from .conftest import Cable, SdkError, Start
from .test_messages import together


async def test_nothing_lost_nothing_twice(service: LocalService, start: Start, cable: Cable) -> None:
    """What happened while the line was cut is replayed: each message once, in order, edits and removals too."""
    sid, (alice, bob) = await together(start, service, "alice", "bob")
    away = await start(service, "bob", ws_url=cable.ws_url)
    await away.client("getSubscribedConversations")
    for number in range(3):
        await alice.conversation(sid, "sendMessage", f"before {number}")
    await away.wait("messageAdded", lambda message: message["index"] == 2)
    cable.cut()
    await away.wait(
        "connectionStateChanged", lambda state: state in ("disconnected", "connecting") and bool(away.events)
    )
    for number in range(3, 30):
        await alice.conversation(sid, "sendMessage", f"away {number}")
    await alice.message(sid, 1, "updateBody", "edited away")
    await alice.message(sid, 0, "remove")
    await alice.conversation(sid, "updateFriendlyName", "Renamed away")
    cable.mend()
    await away.wait("messageAdded", lambda message: message["index"] == 29)
    await away.wait("messageUpdated", lambda told: told["message"]["body"] == "edited away")
    await away.wait("messageRemoved", lambda message: message["index"] == 0)
    await away.wait("conversationUpdated", lambda told: told["conversation"]["friendlyName"] == "Renamed away")
    await alice.conversation(sid, "sendMessage", "after")
    await away.wait("messageAdded", lambda message: message["index"] == 30)
    await bob.wait("messageAdded", lambda message: message["index"] == 30)
    assert [message["index"] for message in away.seen("messageAdded")] == list(range(31))
    assert [message["index"] for message in bob.seen("messageAdded")] == list(range(31))


async def test_service_restarted(start: Start, tmp_path: object) -> None:
    """A service that comes back on the same port with the same file goes on where it was."""
    secret = {"api_key": "SK" + "0" * 32, "api_secret": "s" * 40}
    with LocalService(f"{tmp_path}/data.sqlite3", seed=None, **secret) as service:
        port = service.port
        sid, (alice, bob) = await together(start, service, "alice", "bob")
        await alice.conversation(sid, "sendMessage", "one")
        await bob.wait("messageAdded")
    with LocalService(f"{tmp_path}/data.sqlite3", port, seed=None, **secret):
        assert await alice.conversation(sid, "sendMessage", "two") == 1
        await bob.wait("messageAdded", lambda message: message["index"] == 1)
    assert [message["index"] for message in bob.seen("messageAdded")] == [0, 1]


async def test_token_refreshed(service: LocalService, start: Start) -> None:
    """A token that is near its end is announced; a new one keeps the connection past it."""
    alice = await start(service, "alice", token=service.token("alice", ttl=3))
    await alice.wait("tokenAboutToExpire")
    await alice.client("updateToken", service.token("alice"))
    other = await start(service, "bob", token=service.token("bob", ttl=3))
    await other.wait("tokenExpired")  # one that was not renewed: by now the first one's old token is over too
    assert await alice.get("client", "connectionState") == "connected"
    assert not alice.seen("tokenExpired")
    await alice.client("createConversation", {})


async def test_token_expired(service: LocalService, start: Start) -> None:
    """At its end the connection is over, and a new token brings it back."""
    alice = await start(service, "alice", token=service.token("alice", ttl=2))
    await alice.wait("tokenExpired")
    await alice.wait("connectionStateChanged", lambda state: state == "disconnected")
    await alice.client("updateToken", service.token("alice"))
    await alice.wait("connectionStateChanged", lambda state: alice.seen("connectionStateChanged")[-1] == "connected")
    await alice.client("createConversation", {})


FOREIGN = {"iss": "SK" + "1" * 32, "sub": "AC" + "1" * 32}


@pytest.mark.parametrize(
    ("kind", "code"),
    [("expired", 20104), ("foreign", 20103), ("garbled", 20101), ("signature", 20107), ("service", 20106)],
)
async def test_token_refused(service: LocalService, start: Start, kind: str, code: int) -> None:
    """A bad token ends in `connectionError`, and `initFailed` where there is one, with the code of what is wrong."""
    good = service.token("alice")
    claims = jwt.decode(good, options={"verify_signature": False})
    headers = {"cty": "twilio-fpa;v=1"}

    def mint(secret: str = service.api_secret, **changes: object) -> str:
        return jwt.encode({**claims, **changes}, secret, algorithm="HS256", headers=headers)

    token = {
        "expired": mint(exp=int(time.time()) - 10),
        "foreign": mint("f" * 40, **FOREIGN),
        "garbled": good[: len(good) // 2],
        "signature": mint("f" * 40),
        "service": mint(grants={"identity": "alice", "chat": {"service_sid": "IS" + "1" * 32}}),
    }[kind]
    sdk = await start()
    with pytest.raises(SdkError):
        await sdk.connect(service, "alice", token=token)
    error = await sdk.wait("connectionError")
    assert (error["errorCode"], error["terminal"]) == (code, True)
    if sdk.version == "3":
        await sdk.wait("initFailed", lambda failed: failed["error"].get("errorCode") == code)  # the first has none
    await sdk.wait("stateChanged", lambda state: state == "failed")
    assert await sdk.get("client", "connectionState") == "denied"
