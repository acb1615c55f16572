"""The genuine SDK and our own client talk in one conversation, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

import convo_widgets as cw

from .conftest import Sdk, Start


@dataclass
class Pair:
    """Both sides of one conversation.

    Attributes:
        ours: our client's conversation, as "alice".
        sdk: the genuine client, as "bob".
        sid: the conversation's sid.
    """

    ours: cw.Conversation
    sdk: Sdk
    sid: str


@pytest.fixture
async def pair(service: cw.LocalService, start: Start) -> AsyncIterator[Pair]:
    """Alice with our client, bob with the genuine SDK; alice made the conversation."""
    async with cw.connect(service.token("alice"), service=service) as client:
        sdk = await start(service, "bob")
        ours = await client.create_conversation(friendly_name="Both", attributes={"deep": {"list": [1, "é"]}})
        await ours.join()
        await ours.add("bob")
        await sdk.wait("conversationJoined", lambda told: told["sid"] == ours.sid)
        await sdk.conversation(ours.sid, "getParticipants")
        yield Pair(ours, sdk, ours.sid)


async def test_messages_both_ways(pair: Pair) -> None:
    """Text, attributes and order are the same on both sides, whoever writes."""
    texts = ["from Python", "<b>é 🏺</b>\n\u0000 ‮", "x" * 32_768]
    for number, text in enumerate(texts):
        assert await pair.ours.send_message(text, {"n": number}) == number
        got = await pair.sdk.wait("messageAdded", lambda told, number=number: told["index"] == number)
        assert (got["author"], got["body"], got["attributes"]) == ("alice", text, {"n": number})
    for number, text in enumerate(texts, 3):
        arrival = asyncio.create_task(pair.ours.wait_for("messageAdded", timeout=15))
        await asyncio.sleep(0)  # lets it subscribe
        assert await pair.sdk.conversation(pair.sid, "sendMessage", text, {"n": number}) == number
        message = await arrival
        assert (message.index, message.author, message.body) == (number, "bob", text)
        assert message.attributes == {"n": number}


async def test_edit_and_remove_both_ways(pair: Pair) -> None:
    """A change of one side reaches the other with its reasons."""
    await pair.ours.send_message("ours")
    await pair.sdk.conversation(pair.sid, "sendMessage", "theirs")
    ours, theirs = (await pair.ours.get_messages(2)).items
    await pair.sdk.wait("messageAdded", lambda told: told["index"] == 1)

    await ours.update_body("ours, edited")
    told = await pair.sdk.wait("messageUpdated", lambda told: told["message"]["index"] == 0)
    assert told["message"]["body"] == "ours, edited"
    assert set(told["updateReasons"]) == {"body", "dateUpdated", "lastUpdatedBy"}

    change = asyncio.create_task(theirs.wait_for("updated", timeout=15))
    await asyncio.sleep(0)
    await pair.sdk.message(pair.sid, 1, "updateBody", "theirs, edited")
    update = await change
    assert theirs.body == "theirs, edited"
    assert set(update.update_reasons) == {"body", "dateUpdated", "lastUpdatedBy"}

    removal = asyncio.create_task(pair.ours.wait_for("messageRemoved", timeout=15))
    await asyncio.sleep(0)
    await pair.sdk.message(pair.sid, 1, "remove")
    assert (await removal) is theirs
    await ours.remove()
    assert (await pair.sdk.wait("messageRemoved", lambda told: told["index"] == 0))["sid"] == ours.sid


async def test_typing_both_ways(pair: Pair) -> None:
    """Each sees the other typing, and stop with the message."""
    await pair.ours.typing()
    assert (await pair.sdk.wait("typingStarted"))["identity"] == "alice"
    await pair.ours.send_message("done")
    assert (await pair.sdk.wait("typingEnded"))["identity"] == "alice"

    started = asyncio.create_task(pair.ours.wait_for("typingStarted", timeout=15))
    ended = asyncio.create_task(pair.ours.wait_for("typingEnded", timeout=15))
    await asyncio.sleep(0)
    await pair.sdk.conversation(pair.sid, "typing")
    assert (await started).identity == "bob"
    await pair.sdk.conversation(pair.sid, "sendMessage", "done too")
    assert (await ended).identity == "bob"


async def test_read_horizon_both_ways(pair: Pair) -> None:
    """How far each has read shows at the other."""
    await pair.ours.send_message("one")
    await pair.ours.send_message("two")
    assert await pair.ours.advance_last_read_message_index(1) == 0
    told = await pair.sdk.wait("participantUpdated", lambda told: "lastReadMessageIndex" in told["updateReasons"])
    assert told["participant"]["lastReadMessageIndex"] == 1

    change = asyncio.create_task(
        pair.ours.wait_for("participantUpdated", 15, lambda update: update.participant.identity == "bob")
    )
    await asyncio.sleep(0)
    assert await pair.sdk.conversation(pair.sid, "advanceLastReadMessageIndex", 0) == 1
    update = await change
    assert update.participant.last_read_message_index == 0
    assert "lastReadMessageIndex" in update.update_reasons


async def test_conversation_and_people_both_ways(pair: Pair) -> None:
    """Names, attributes and membership reach the other side."""
    seen = await pair.sdk.get({"conversation": pair.sid}, "attributes")
    assert seen == {"deep": {"list": [1, "é"]}}
    change = asyncio.create_task(
        pair.ours.wait_for("updated", 15, lambda update: "attributes" in update.update_reasons)
    )
    await asyncio.sleep(0)
    await pair.sdk.conversation(pair.sid, "updateAttributes", {"from": "js"})
    await change
    assert pair.ours.attributes == {"from": "js"}

    await pair.ours.update_friendly_name("Renamed")
    await pair.sdk.wait("conversationUpdated", lambda told: "friendlyName" in told["updateReasons"])

    left = asyncio.create_task(pair.ours.wait_for("participantLeft", timeout=15))
    await asyncio.sleep(0)
    await pair.sdk.conversation(pair.sid, "leave")
    assert (await left).identity == "bob"
    await pair.ours.add("bob")
    await pair.sdk.wait("conversationJoined", lambda told: told["sid"] == pair.sid)


async def test_the_same_pages_on_both_sides(pair: Pair) -> None:
    """250 messages, some removed, page the same way here and there."""
    for number in range(250):
        await pair.ours.send_message(f"message {number}")
    for message in (await pair.ours.get_messages(100, 120)).items[::10]:
        await message.remove()
    page = await pair.ours.get_messages(50)
    ours = [message.index for message in page.items]
    while page.has_prev_page:
        page = await page.prev_page()
        ours = [message.index for message in page.items] + ours
    there = await pair.sdk.conversation(pair.sid, "getMessages", 50)
    theirs = [message["index"] for message in there["items"]]
    while there["hasPrevPage"]:
        there = await pair.sdk.page(there, "prevPage")
        theirs = [message["index"] for message in there["items"]] + theirs
    assert ours == theirs
    assert len(ours) == 240
