"""The ways to make a client of the genuine SDKs, and what it can be told."""

from __future__ import annotations

from typing import Any

import pytest

from convo_widgets.service.local import LocalService

from .conftest import SdkError, Start


async def test_created(service: LocalService, start: Start) -> None:
    """The older way to make a client ends when it is ready, and it knows its token and its version."""
    sdk = await start()
    made = await sdk.op("create", token=service.token("created"), url=service.url, ws_url=service.ws_url)
    assert made == {"token": True, "version": True}
    assert (await sdk.get("client", "user"))["identity"] == "created"


@pytest.mark.parametrize("name", ["", "Chat", "IPMessaging"])
async def test_options(service: LocalService, start: Start, name: str) -> None:
    """With every option that means something here, alone or below an older name: at most one user is followed."""
    options: dict[str, Any] = {
        "apiUri": service.url,
        "typingUri": service.url,
        "productId": "ip_messaging",
        "region": "us1",
        "typingIndicatorTimeoutOverride": 1000,
        "consumptionReportIntervalOverride": "PT1S",
        "httpCacheIntervalOverride": "PT0S",
        "userInfosToSubscribeOverride": 1,
        "retryWhenThrottledOverride": False,
        "backoffConfigOverride": {"min": 10, "max": 20, "maxAttemptsCount": 2},
        "channelMetadataCacheCapacity": 1,
        "messageRecipientsCacheCapacity": 1,
    }
    above: dict[str, Any] = {
        "logLevel": "silent",
        "Sync": {},
        "Notification": {},
        "clientMetadata": {"app": "É", "appv": "1"},
        "initRegistrations": [],
        "disableDeepClone": True,
        "throwErrorsAlways": True,
    }
    given = {name: options} if name else options | above
    for identity in ("bob", "carl"):
        await (await start(service, identity)).client("shutdown")
    alice = await start(service, "alice", **given)
    assert (await alice.wait("User:userSubscribed"))["identity"] == "alice"
    for identity in ("bob", "carl"):
        await alice.client("getUser", identity)
    assert (await alice.wait("userUnsubscribed"))["identity"] == "bob"
    assert {one["identity"] for one in await alice.client("getSubscribedUsers")} <= {"alice", "carl"}
    sid = (await alice.client("createConversation", {"access": "public", "friendlyName": "é"}))["sid"]
    await alice.conversation(sid, "join")
    await alice.conversation(sid, "typing")
    service.faults.fail("/Conversations/CH[^/]*$", 429, method="GET", times=1)
    with pytest.raises(SdkError):  # it was told not to try again
        await alice.conversation(sid, "getMessagesCount")
    assert await alice.conversation(sid, "getMessagesCount") == 0
