"""The power goes off: what `disk.py` says may be left after any operation of SQLite is opened, and looked at."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

import convo_widgets as cw
from convo_widgets.service.local import LocalService
from convo_widgets.service.store import Durability, Store
from convo_widgets.wire import protocol

from .conftest import ROOMS, Wire
from .disk import SYSTEM, Cut, Disk, Op
from .http import Account, ask

pytestmark = pytest.mark.skipif(SYSTEM is None, reason="needs the SQLite of this Python within reach of ctypes")
DATA = "data.sqlite3"
HOW = ("nothing", "all", "some", "some")
SEED = random.Random().randrange(1 << 32)


@dataclass
class Told:
    """What people were told, each with how much had been done to the disk by then.

    Attributes:
        sent: (done, index, text) of messages that were acknowledged; the text is the id of the act too.
        heard: (done, id, index) of new messages that a follower heard of.
    """

    sent: list[tuple[int, int, str]] = field(default_factory=list)
    heard: list[tuple[int, int, int]] = field(default_factory=list)


class Follower(Wire):
    """A connection that notes when it hears of a message."""

    disk: Disk
    notes: Told

    def _sort(self, event: protocol.Event) -> None:
        before = len(self.told)
        super()._sort(event)
        for _, payload in self.told[before:]:
            if payload["event_type"] == "list_item_added":
                self.notes.heard.append((len(self.disk.log), payload["event"]["id"], payload["event"]["item_index"]))


async def work(disk: Disk, durability: Durability) -> Told:
    """Two hundred acts on a new service: one after the other, then many at a time; then its disk is left alone."""
    told = Told()
    with LocalService(Path(disk.folder) / DATA, seed=None, durability=durability) as service:
        follower = Follower(await connect(service.ws_url, compression=None))
        follower.disk, follower.notes = disk, told
        wires = [follower, *[Wire(await connect(service.ws_url, compression=None)) for _ in range(4)]]
        for wire in wires:
            await wire.init(service.token("alice"))
        sid = await wires[1].room()
        await follower.follow(f"{sid}.messages", "list", 1)

        async def send(wire: Wire, text: str) -> None:
            reply = await wire.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": text}, text[:40])
            assert reply.status == 201, reply
            told.sent.append((len(disk.log), reply.body["index"], text))

        for number in range(80):
            await send(wires[1], f"one by one {number} " + "x" * random.Random(number).randrange(4000))
            if number % 20 == 7:
                await wires[1].ask("POST", f"{ROOMS}/{sid}/Messages/{number}", {"attributes": '{"n": 1}'})
        media = f"{service.url}/v1/Services/{service.service_sid}/Media"
        await ask("POST", media, b"m" * 100_000, X_Twilio_Token=service.token("alice"), Content_Type="text/plain")
        await Account(service).post("/Conversations", {"FriendlyName": "of the account"})

        async def send_many(number: int) -> None:
            for n in range(30):
                await send(wires[number], f"of {number}: {n} " + "y" * 800)

        await asyncio.gather(*(send_many(number) for number in range(1, 5)))
        while len(told.heard) < len(told.sent):
            await follower.sync(lambda _: len(told.heard) == len(told.sent))
        done = list(disk.log)
        for wire in wires:
            await wire.close()
    disk.log[:] = done
    return told


class Found:
    """What is there after a power cut."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        self.store = store = Store(folder / DATA, durability=durability)
        assert store.value("PRAGMA integrity_check") == "ok"
        assert store.row("PRAGMA foreign_key_check") is None
        self.texts = {row["idx"]: row["body"] for row in store.rows("SELECT idx, body FROM messages")}
        self.acts = {row["id"] for row in store.rows("SELECT id FROM mutations WHERE identity = 'alice'")}
        rows = store.rows("SELECT item FROM events WHERE event_type = 'list_item_added'")
        self.events = {int(row["item"]) for row in rows}

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def check_whole(self) -> None:
        """Each act is there whole or not at all, and those before it are there too."""
        assert sorted(self.texts) == list(range(len(self.texts)))
        assert self.events == set(self.texts)
        assert {text[:40] for text in self.texts.values()} <= self.acts

    def lost(self, told: Told, done: int) -> list[int]:
        """Indexes of messages that had been acknowledged, and are not there as they were."""
        sent = [(index, text) for at, index, text in told.sent if at <= done]
        return [index for index, text in sent if self.texts.get(index) != text or text[:40] not in self.acts]

    def check_positions(self, told: Told, done: int) -> None:
        """A position is known exactly if what it stands for is there; and all that comes is above it."""
        for at, id, index in told.heard:
            if at <= done:
                assert self.store.was_here(id) == (index in self.texts)
                assert id < self.store.newest


def cuts(log: list[Op], folder: Path, chance: random.Random) -> Iterator[int]:
    """Cut the power before and after each sync, and now and then between two; how many operations were done by then."""
    cut = Cut()
    for op, then in pairwise(log):
        cut.do(op)
        if "sync" in (op.kind, then.kind) or chance.random() < 0.1:
            cut.leave(folder, chance.choice(HOW), chance)
            yield cut.at


@pytest.fixture
def disks(tmp_path: Path) -> tuple[Disk, Disk]:
    """The disk of a service, and one for what is left of it; neither syncs in earnest."""
    made = []
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        made.append(Disk(tmp_path / name))
        made[-1].syncs = False
    return made[0], made[1]


async def test_full(disks: tuple[Disk, Disk], tmp_path: Path) -> None:
    """Whenever the power goes, everything that was acknowledged is there, once; ids go on; the file is whole.

    The same disk without its syncs loses a part, or everything: it is they that keep it.
    """
    before, after = disks
    with before.inserted():
        told = await work(before, "full")
    count, chance = 0, random.Random(SEED)
    with after.inserted():
        for done in cuts(before.log, tmp_path / "after", chance):
            with Found(tmp_path / "after", "full") as found:
                found.check_whole()
                assert found.lost(told, done) == [], (SEED, done)
                found.check_positions(told, done)
            count += 1
        broken = 0
        without = [op for op in before.log if op.kind != "sync"]
        for done in range(100, len(without), 50):
            cut = Cut()
            for op in without[:done]:
                cut.do(op)
            cut.leave(tmp_path / "after", "some", chance)
            broken += _is_broken(tmp_path / "after", told, done)
    assert len(told.sent) == 200
    assert count > 300
    assert broken > 10


def _is_broken(folder: Path, told: Told, done: int) -> bool:
    try:
        with Found(folder, "full") as found:
            return bool(found.lost(told, done))
    except (AssertionError, cw.UsageError, sqlite3.DatabaseError):
        return True


async def test_relaxed(disks: tuple[Disk, Disk], tmp_path: Path) -> None:
    """Relaxed, the last acts may be lost, and are: the file is whole, and no lost position passes for a known one."""
    before, after = disks
    with before.inserted():
        told = await work(before, "relaxed")
    losses = []
    with after.inserted():
        for done in cuts(before.log, tmp_path / "after", random.Random(SEED)):
            with Found(tmp_path / "after", "relaxed") as found:
                found.check_whole()
                losses.append(len(found.lost(told, done)))
                found.check_positions(told, done)
    assert max(losses) > 50


async def test_clients_notice(disks: tuple[Disk, Disk], tmp_path: Path) -> None:
    """A client that knows what a relaxed service has lost is told of a discontinuity, and then has what there is."""
    disk, data = disks[0], tmp_path / "before" / DATA
    keys: dict[str, Any] = {"api_key": "SK" + "2" * 32, "api_secret": "the same at both starts of this service"}
    with disk.inserted(), LocalService(data, seed=None, durability="relaxed", **keys) as service:
        port, client = service.port, await cw.connect(lambda: service.token("alice"), url=service.url)
        room = await (await client.create_conversation(unique_name="kept")).join()
        await room.send_message("kept")
        service.restart()  # whatever was written till here is synced
        await room.send_message("lost")
        done = list(disk.log)
        service.stop()
    cut = Cut()
    for op in done:
        cut.do(op)
    cut.leave(tmp_path / "before", "nothing", random.Random(SEED))
    told = asyncio.ensure_future(client.wait_for("discontinuity", 20))
    removed = asyncio.ensure_future(room.wait_for("messageRemoved", 20))
    await asyncio.sleep(0)
    with LocalService(data, port, None, durability="relaxed", **keys) as again:
        service = again
        await told
        assert (await removed).body == "lost"
        page = await room.get_messages()
        assert [message.body for message in page.items] == ["kept"]
        await client.shutdown()
