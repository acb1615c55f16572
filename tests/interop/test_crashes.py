"""The genuine SDKs live through the end of the service: killed under load, and restored from a copy of another past."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
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
    """Killed again and again while both send: each message is told once and in order, and what they show is what there is."""
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
    """A service that comes back with an older copy of its file, where other things happen from now on."""
    desk = Desk(nursery, tmp_path / "data.sqlite3", port)
    copy = tmp_path / "copy.sqlite3"
    running = await desk.start()
    wire = await desk.wire()
    for number in range(5):
        await desk.send(wire, f"common {number}")
    await settle_in(desk, wire, sdks)
    await end(desk, wire, running, signal.SIGTERM)
    shutil.copy(desk.data, copy)
    running = await desk.start()
    wire = await desk.wire()
    for number in range(5):
        await desk.send(wire, f"of the past that is lost {number}")
    for sdk in sdks.values():
        await sdk.wait("messageAdded", lambda message: message["index"] == 9)
    await end(desk, wire, running, signal.SIGKILL)
    for suffix in ("-wal", "-shm"):
        Path(f"{desk.data}{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, desk.data)
    counts = {sdk: sdk.seen("connectionStateChanged").count("connected") for sdk in sdks.values()}
    running = await desk.start()
    for sdk in sdks.values():
        await sdk.wait(
            "connectionStateChanged",
            lambda _, sdk=sdk: sdk.seen("connectionStateChanged").count("connected") > counts[sdk],
        )
    wire = await desk.wire()
    for number in range(8):
        await desk.send(wire, f"new {number}")
    stored = await desk.stored(wire)
    import sys
    for version, sdk in sdks.items():
        sent = await sdk.conversation(desk.sid, "sendMessage", f"of sdk {version}")
        await asyncio.sleep(5)
        print(version, announced(sdk), [ (n, p if isinstance(p,str) else '') for n, p in sdk.events][-25:], file=sys.stderr)
        print(version, sent, await everything(sdk, desk.sid), file=sys.stderr)
    print(stored, file=sys.stderr)
    assert 0


async def end(desk: Desk, wire: Wire, running: Any, number: signal.Signals) -> None:
    """End the service."""
    running.send(number)
    await running.ended()
    if number == signal.SIGTERM:
        assert (await desk.nursery.said())["code"] == 0
    await wire.close()
