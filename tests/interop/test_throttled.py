"""What clients do where the service takes only so many writes a second."""

from __future__ import annotations

import asyncio

import pytest

import convo_widgets as cw
from convo_widgets.service.local import LocalService

from .conftest import SdkError, Start
from .test_messages import together

BURST = 200


async def test_the_sdk_gives_it_back(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The genuine SDK does not try a write again: what was refused fails with the service's code, the rest is there."""
    monkeypatch.setattr("convo_widgets.service.pace.WINDOW", 3600.0)
    with LocalService(seed=None, write_limit=30) as service:
        alice = await start(service, "alice")
        sid = (await alice.client("createConversation", {}))["sid"]
        await alice.conversation(sid, "join")  # the first of the thirty
        sends = (alice.conversation(sid, "sendMessage", f"{number}") for number in range(60))
        said = await asyncio.gather(*sends, return_exceptions=True)
        assert said[:29] == list(range(29))
        assert [(one.status, one.code) for one in said[29:] if isinstance(one, SdkError)] == [(429, 20429)] * 31


async def test_the_sdk_comes_back(service: LocalService, start: Start) -> None:
    """Given up with 1013, it connects again by itself, and what it missed is told."""
    sid, (alice, bob) = await together(start, service, "alice", "bob")
    await bob.conversation(sid, "getMessages")
    (connection,) = (one for one in service.faults.connections if getattr(one, "identity", "") == "bob")
    service._running.loop.call_soon_threadsafe(connection.give_up)
    assert await alice.conversation(sid, "sendMessage", "while away") == 0
    assert (await bob.wait("messageAdded"))["body"] == "while away"


async def test_ours_waits() -> None:
    """Our client sends a write again that was one too many: two hundred at once are all there, once and in order."""
    with LocalService(seed=None, write_limit=30) as service:
        async with await cw.connect(service.token("alice"), url=service.url) as client:
            conversation = await client.create_conversation()
            await conversation.join()
            assert await asyncio.gather(*(conversation.send_message(f"{n}") for n in range(BURST))) == [*range(BURST)]
            found = [message.body async for message in conversation.history()]
            assert found == [f"{number}" for number in range(BURST)]


async def test_ours_has_only_so_much_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the wait would be too long, the first ones are done, in order, and each other one says that it was not."""
    monkeypatch.setattr("convo_widgets.service.pace.WINDOW", 3600.0)
    monkeypatch.setattr("convo_widgets.client.lanes.PATIENCE", 1.5)
    with LocalService(seed=None, write_limit=30) as service:
        async with await cw.connect(service.token("alice"), url=service.url) as client:
            conversation = await client.create_conversation()
            await conversation.join()
            sends = (conversation.send_message(f"{number}") for number in range(BURST))
            said = await asyncio.gather(*sends, return_exceptions=True)
            assert said[:29] == list(range(29))
            assert {(type(one), getattr(one, "retry_after", 0)) for one in said[29:]} == {(cw.Throttled, 1.0)}
            assert [message.body async for message in conversation.history()] == [f"{n}" for n in range(29)]
