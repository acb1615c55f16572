"""The genuine SDKs live through the end of the service: killed under load, and restored from a copy of another past."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.service.conftest import ROOMS, Wire
from tests.service.test_crashes import LOAD, Desk, Nursery, load, nursery, port  # noqa: F401

from .sides import Sdk

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
VERSIONS = ("3", "2")
KILLS = 6
ERA = 2.5
"""Seconds after which the ids of a new era are above those of any that began before (see `store._begin_era`)."""
STARTS = ("first", "again", "restored")


@pytest.fixture
async def sdks() -> AsyncIterator[dict[str, Sdk]]:
    """One client of each version, by version; not connected yet."""
    started = {version: await Sdk.start(version) for version in VERSIONS}
    yield started
    await asyncio.gather(*(sdk.stop() for sdk in started.values()))


async def settle_in(desk: Desk, wire: Wire, sdks: dict[str, Sdk]) -> None:
    """Connect one person for each version, in the conversation of the desk, and let them look at what is there."""
    service: Any = SimpleNamespace(url=desk.told["url"], ws_url=desk.told["ws_url"], token=desk.tokens.mint)
    for version, sdk in sdks.items():
        await sdk.connect(service, f"sdk {version}", httpCacheIntervalOverride="PT0S")
        await wire.post(f"{ROOMS}/{desk.sid}/Participants", {"identity": f"sdk {version}"})
        await sdk.wait("conversationJoined")
        await sdk.conversation(desk.sid, "getMessages")


async def everything(sdk: Sdk, sid: str) -> dict[int, str]:
    """The text of every message that a client finds, by index."""
    page = await sdk.conversation(sid, "getMessages", 100, 0, "forward")
    found = {}
    while True:
        found |= {one["index"]: one["body"] for one in page["items"]}
        if not page["hasNextPage"]:
            return found
        page = await sdk.page(page, "nextPage")


def announced(sdk: Sdk) -> list[int]:
    """The messages that a client was told of, in order."""
    return [message["index"] for message in sdk.seen("messageAdded")]


async def test_killed_under_load(nursery: Nursery, tmp_path: Path, port: int, sdks: dict[str, Sdk]) -> None:  # noqa: F811
    """Killed again and again while both send: each message is told once and in order, and they show what there is."""
    desk, chance = Desk(nursery, tmp_path / "data.sqlite3", port), random.Random()
    for round in range(KILLS):
        running = await desk.start()
        if round == 0:
            wire = await desk.wire()
            await settle_in(desk, wire, sdks)
            await wire.close()
            for version, sdk in sdks.items():
                await sdk.op("flood", conversation=desk.sid, name=f"sdk {version}")
        heard = {sdk: len(announced(sdk)) for sdk in sdks.values()}
        async with load(desk, str(round)):
            for sdk in sdks.values():  # the kill meets them at work, not on their way back
                while len(announced(sdk)) == heard[sdk]:
                    await sdk.news()
            await asyncio.sleep(chance.uniform(*LOAD))
            running.send(signal.SIGKILL)
        await running.ended()
    running = await desk.start()
    acknowledged: dict[str, int] = {}
    for sdk in sdks.values():
        acknowledged |= await sdk.op("rest")
    wire = await desk.wire()
    desk.log.take("last", await desk.send(wire, "last"))
    stored = await desk.stored(wire)
    assert len(set(stored.values())) == len(stored)
    assert {text: index for text, index in acknowledged.items() if stored.get(index) != text} == {}
    assert {index: stored.get(index) for index in desk.log.acknowledged} == desk.log.acknowledged
    for version, sdk in sdks.items():
        assert sum(text.startswith(f"sdk {version}") for text in acknowledged) > KILLS
        await sdk.wait("messageAdded", lambda message: message["body"] == "last")
        assert announced(sdk) == sorted(stored)
        assert await everything(sdk, desk.sid) == stored
        seen = await sdk.op("see", on={"conversation": desk.sid})
        assert seen["lastMessage"]["index"] == max(stored)
        assert await sdk.conversation(desk.sid, "getMessagesCount") == len(stored)
        assert await sdk.conversation(desk.sid, "setAllMessagesRead") == 0
        assert sdk.seen("unhandledRejection") == []
    await wire.close()
    running.send(signal.SIGTERM)
    await running.ended()
    assert nursery.errors.read_text() == ""


async def test_restored(nursery: Nursery, tmp_path: Path, port: int, sdks: dict[str, Sdk]) -> None:  # noqa: F811
    """Restored from an older copy, the service tells what is new since, and each SDK puts it over what is no more.

    What was lost and not written over, they go on showing: the SDK cannot be told of another past.
    """
    desk, copy = Desk(nursery, tmp_path / "data.sqlite3", port), tmp_path / "copy.sqlite3"
    running, wire = await desk.start(), await desk.wire()
    for number in range(5):
        await desk.send(wire, f"common {number}")
    await settle_in(desk, wire, sdks)
    await end(desk, wire, running, signal.SIGTERM)
    shutil.copy(desk.data, copy)
    running, wire = await desk.start(), await desk.wire()
    lost, until = 4, time.monotonic() + ERA
    while time.monotonic() < until:
        lost = (await desk.send(wire, f"lost {lost}")).body["index"]
    for sdk in sdks.values():
        await sdk.wait("messageAdded", lambda message: message["index"] == lost)
    await end(desk, wire, running, signal.SIGKILL)
    for suffix in ("-wal", "-shm"):
        Path(f"{desk.data}{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, desk.data)
    running, wire = await desk.start(), await desk.wire()
    for number in range(3):
        await desk.send(wire, f"new {number}")
    for version, sdk in sdks.items():
        while sdk.seen("connectionStateChanged").count("connected") < len(STARTS):
            await sdk.news()
        await sdk.conversation(desk.sid, "sendMessage", f"of sdk {version}")
    stored = await desk.stored(wire)
    assert len(stored) == 10
    for sdk in sdks.values():
        last = stored[max(stored)]
        await sdk.wait("messageUpdated", lambda told, last=last: told["message"]["body"] == last)
        shown = await everything(sdk, desk.sid)
        assert {index: shown[index] for index in stored} == stored
        assert all(shown[index].startswith("lost") for index in shown.keys() - stored.keys())
    await end(desk, wire, running, signal.SIGTERM)


async def end(desk: Desk, wire: Wire, running: Any, number: signal.Signals) -> None:
    """End the service."""
    running.send(number)
    await running.ended()
    if number == signal.SIGTERM:
        assert (await desk.nursery.said())["code"] == 0
    await wire.close()
