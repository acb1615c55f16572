"""Simulated people at work before the genuine SDKs: in the end they show what the account has."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import Any

import pytest

from convo_widgets.service.local import LocalService
from tests.service.http import Account

from .conftest import Start
from .sides import PATIENCE, Sdk

CONVERSATIONS = 12


async def listed(account: Account, path: str, name: str) -> list[Any]:
    """A whole list of the account."""
    answer = await account.ask("GET", f"{path}?PageSize=100")
    assert answer.body["meta"]["next_page_url"] is None
    return list(answer.body[name])


async def exported(account: Account) -> dict[str, Any]:
    """What the account has, by conversation."""
    found = {}
    for one in await listed(account, "/Conversations", "conversations"):
        here = f"/Conversations/{one['sid']}"
        found[one["sid"]] = {
            "name": one["friendly_name"],
            "state": one["state"],
            "messages": {
                each["sid"]: (each["index"], each["author"], each["body"] or "", len(each["media"] or ()))
                for each in await listed(account, f"{here}/Messages", "messages")
            },
            "people": {
                each["sid"]: (each["identity"], each["last_read_message_index"])
                for each in await listed(account, f"{here}/Participants", "participants")
            },
        }
    return found


async def shown(sdk: Sdk) -> dict[str, Any]:
    """What a client has, by conversation."""
    found = {}
    page = await sdk.client("getSubscribedConversations")
    assert not page["hasNextPage"]
    for one in page["items"]:
        messages = await sdk.conversation(one["sid"], "getMessages", 100)
        assert not messages["hasPrevPage"]
        found[one["sid"]] = {
            "name": one["friendlyName"],
            "state": one["state"]["current"],
            "messages": {
                each["sid"]: (each["index"], each["author"], each["body"] or "", len(each["attachedMedia"] or ()))
                for each in messages["items"]
            },
            "people": {
                each["sid"]: (each["identity"], each["lastReadMessageIndex"])
                for each in await sdk.conversation(one["sid"], "getParticipants")
            },
        }
    return found


@pytest.mark.parametrize("speed", [7200, math.inf], ids=["fast", "at-once"])
async def test_what_is_shown_in_the_end(service: LocalService, start: Start, speed: float) -> None:
    """Conversations, states, texts, media, participants and horizons equal the account's, once all events are there."""
    sdk, account = await start(service, "dana"), Account(service)
    await sdk.client("getSubscribedConversations")
    simulation = service.simulate("support-desk", rate=30, speed=speed, conversations=CONVERSATIONS, members=["dana"])
    await simulation.finished()
    last = await account.post("/Conversations", {"FriendlyName": "the end"})
    await account.post(f"/Conversations/{last['sid']}/Participants", {"Identity": "dana"})
    await sdk.wait("conversationJoined", lambda told: told["sid"] == last["sid"])
    expected = await exported(account)
    assert len(expected) == CONVERSATIONS + 1
    assert sum(len(one["messages"]) for one in expected.values()) == simulation.messages
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while await shown(sdk) != expected:
                await sdk.news()
    assert await shown(sdk) == expected
