"""What was acknowledged stays: `convo-widgets serve --data` is killed, ended, and runs out of disk, all under load."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import convo_widgets as cw
from convo_widgets.service.store import Store
from convo_widgets.service.tables import VERSION
from convo_widgets.service.tokens import Tokens
from convo_widgets.wire import protocol

from .conftest import ROOMS, Reply, Wire
from .http import ask

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
KEY, SECRET = "SK" + "1" * 32, "the same at every start of this service"
KILLS = {"full": 45, "relaxed": 15}
"""By durability; neither loses anything when the process ends."""
LOAD = (0.02, 0.4)
"""Seconds of load before a kill."""


class Nursery:
    """Where commands come from; see `nursery.py`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process, self.errors = process, folder / "stderr"
        self.started: list[Running] = []

    async def start(self, *argv: str, **order: Any) -> Running:
        """Start a command."""
        assert self.process.stdin is not None
        order |= {"argv": argv, "errors": str(self.errors)}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.started.append(Running((await self.said())["pid"]))
        return self.started[-1]

    async def said(self) -> Any:
        """The next line of the command."""
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            return json.loads(await self.process.stdout.readline())


class Running:
    """A command that runs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._file = os.pidfd_open(pid)
        self._over = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._file, self._end)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs: later the number may be another's."""
        if not self._over.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._file, number)

    async def ended(self) -> None:
        """Wait until it is no more."""
        async with asyncio.timeout(20):
            await self._over.wait()

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)
        self._over.set()


@pytest.fixture(scope="module")
def port() -> int:
    """A port that is the same at every start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[Nursery]:
    """Ready to start commands."""
    pipe = asyncio.subprocess.PIPE
    path = str(Path(__file__).parent / "nursery.py")
    environment = os.environ | {"CONVO_WIDGETS_API_KEY": KEY, "CONVO_WIDGETS_API_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(sys.executable, "-P", path, stdin=pipe, stdout=pipe, env=environment)
    nursery = Nursery(process, tmp_path)
    yield nursery
    for running in nursery.started:
        running.send(signal.SIGKILL)
        await running.ended()
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


@dataclass
class Log:
    """What senders were told, and what a follower heard.

    Attributes:
        acknowledged: text of a message by index.
        places: path of a message by mutation id.
        unknown: mutation ids of messages that nothing was heard of.
        heard: index of each message that was announced, in order.
        position: the newest event that the follower knows.
    """

    acknowledged: dict[int, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    heard: list[int] = field(default_factory=list)
    position: int = 1

    def take(self, mutation: str, reply: Reply) -> None:
        """A send was acknowledged."""
        assert reply.status == 201, reply
        assert reply.body["index"] not in self.acknowledged
        self.acknowledged[reply.body["index"]] = mutation
        self.places[mutation] = reply.body["sid"]
        self.unknown.discard(mutation)

    def hear(self, wire: Wire) -> None:
        """What a connection was told of new messages; ids never go back."""
        for event in wire.seen("list_item_added"):
            assert event["id"] > self.position
            self.position = event["id"]
            self.heard.append(event["item_index"])


class Desk:
    """The service of a data file, as `convo-widgets serve` runs it, and a conversation in it."""

    def __init__(self, nursery: Nursery, data: Path, port: int, durability: str = "full") -> None:
        self.nursery, self.data, self.port, self.log = nursery, data, port, Log()
        self.durability = durability
        self.sid = ""

    async def start(self, **order: Any) -> Running:
        """Start the service; it answers."""
        argv = ["serve", "--json", "--seed", "none", "--data", str(self.data), "--port", str(self.port)]
        argv += ["--durability", self.durability]
        running = await self.nursery.start(*argv, **order)
        self.told = await self.nursery.said()
        assert "url" in self.told, self.nursery.errors.read_text()
        self.tokens = Tokens(self.told["account_sid"], self.told["service_sid"], KEY, SECRET)
        return running

    async def wire(self, identity: str = "alice") -> Wire:
        """A connection."""
        made = Wire(await connect(self.told["ws_url"], compression=None))
        assert isinstance(await made.init(self.tokens.mint(identity)), protocol.Initialized)
        if not self.sid:
            self.sid = await made.room()
        return made

    async def send(self, wire: Wire, mutation: str) -> Reply:
        """Send a message whose text is its mutation id."""
        return await wire.ask("POST", f"{ROOMS}/{self.sid}/Messages", {"body": mutation}, mutation)

    async def write(self, wire: Wire, name: str) -> None:
        """Send until the connection is over."""
        for number in range(1_000_000):
            mutation = f"{name}-{number}"
            self.log.unknown.add(mutation)
            try:
                self.log.take(mutation, await self.send(wire, mutation))
            except ConnectionClosed:
                return

    async def stored(self, wire: Wire) -> dict[int, str]:
        """Text of every message that is there, by index."""
        found: dict[int, str] = {}
        while True:
            page = await wire.get(f"/v3/Lists/{self.sid}.messages/Items", PageSize="100", From=str(len(found)))
            found |= {item["index"]: item["data"]["text"] for item in page["items"]}
            if page["meta"]["next_token"] is None:
                return found

    async def follow(self, wire: Wire) -> None:
        """Follow the messages from where the log is."""
        sid = (await wire.objects(self.sid))["messages"]
        while (await wire.follow(sid, "list", self.log.position))["event"]["replay_status"] != "completed":
            self.log.hear(wire)
            wire.told.clear()

    def check_file(self, copy: Path) -> None:
        """The file, as the end of the process left it, is whole."""
        for end in ("", "-wal"):
            if Path(f"{self.data}{end}").exists():
                shutil.copy(f"{self.data}{end}", f"{copy}{end}")
        with contextlib.closing(sqlite3.connect(copy)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("PRAGMA foreign_key_check").fetchone() is None
        for end in ("", "-wal", "-shm"):
            Path(f"{copy}{end}").unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def load(desk: Desk, name: str) -> AsyncIterator[list[Wire]]:
    """Six connections that send for as long as it goes on, so that they share commits, after one that follows."""
    wires = [await desk.wire() for _ in range(7)]
    await desk.follow(wires[0])
    tasks = [asyncio.create_task(desk.write(wire, f"{name}-{n}")) for n, wire in enumerate(wires[1:])]
    yield wires
    for wire in wires:
        await wire.ended()
    for task in tasks:  # it may wait for an answer that will not come
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    desk.log.hear(wires[0])
    for wire in wires:
        await wire.close()


@pytest.mark.parametrize("durability", KILLS)
async def test_killed_again_and_again(nursery: Nursery, tmp_path: Path, port: int, durability: str) -> None:
    """Killed at any moment: every acknowledged message is there, once; ids go on; sending again does nothing twice.

    A follower, and a client of ours that lives through all of it, are told of every message once and in order.
    """
    chance = random.Random()
    desk = Desk(nursery, tmp_path / "data.sqlite3", port, durability)
    log, client, announced, news = desk.log, None, list[int](), asyncio.Event()
    for round in range(KILLS[durability]):
        running = await desk.start()
        before = dict(log.places)
        first = await desk.wire()
        if client is None:
            client = await cw.connect(desk.tokens.mint("alice"), url=desk.told["url"])
            room = await client.get_conversation_by_sid(desk.sid)
            room.on("messageAdded", lambda message: (announced.append(message.index), news.set()))
        assert (await first.get(f"/v3/Documents/{desk.sid}.channel"))["last_event_id"] >= log.position
        for mutation in chance.sample(sorted(before), min(5, len(before))):
            again = await desk.send(first, mutation)
            assert (again.status, again.body["resource_url"].rpartition("/")[2]) == (202, before[mutation])
        for mutation in sorted(log.unknown):  # as a client does that does not know
            again = await desk.send(first, mutation)
            if again.status == 202:
                message = await first.get(again.body["resource_url"])
                again = Reply(201, message)
            log.take(mutation, again)
        await first.close()
        async with load(desk, str(round)):
            await asyncio.sleep(chance.uniform(*LOAD))
            running.send(signal.SIGKILL)
        await running.ended()
        if round % 8 == 0:
            desk.check_file(tmp_path / "copy.sqlite3")
    running = await desk.start()
    wire = await desk.wire()
    found = await desk.stored(wire)
    assert {index: found.get(index) for index in log.acknowledged} == log.acknowledged
    assert len(set(found.values())) == len(found)
    assert set(found.values()) <= set(log.acknowledged.values()) | log.unknown
    await desk.follow(wire)
    log.hear(wire)
    assert log.heard == sorted(found)
    assert client is not None
    async with asyncio.timeout(60):
        while not announced or announced[-1] < max(found):
            news.clear()
            await news.wait()
    assert announced == sorted(index for index in found if index >= announced[0])
    await client.shutdown()
    await wire.close()
    running.send(signal.SIGTERM)
    await running.ended()
    desk.check_file(tmp_path / "copy.sqlite3")
    assert len(log.acknowledged) > 10 * KILLS[durability]
    assert nursery.errors.read_text() == ""


async def test_ended_under_load(nursery: Nursery, tmp_path: Path, port: int) -> None:
    """SIGTERM: everybody is told, the file is closed, nothing acknowledged is lost, and nothing is said about it."""
    desk = Desk(nursery, tmp_path / "data.sqlite3", port)
    for round in range(3):
        running = await desk.start()
        async with load(desk, str(round)) as wires:
            await wires[1]._until(lambda: len(desk.log.acknowledged) > 20)
            started = time.monotonic()
            running.send(signal.SIGTERM)
        assert (await nursery.said())["code"] == 0
        await running.ended()
        assert time.monotonic() - started < 5
        assert [wire.socket.close_code for wire in wires] == [1012] * len(wires)
        assert not Path(f"{desk.data}-wal").exists()
        desk.check_file(tmp_path / "copy.sqlite3")
    running = await desk.start()
    wire = await desk.wire()
    found = await desk.stored(wire)
    assert {index: found.get(index) for index in desk.log.acknowledged} == desk.log.acknowledged
    await wire.close()
    running.send(signal.SIGTERM)
    await running.ended()
    assert nursery.errors.read_text() == ""


# --- The disk ------------------------------------------------------------------------------------------------------


async def test_full_disk(nursery: Nursery, tmp_path: Path, port: int) -> None:
    """On a full disk whatever would be stored is refused and said to be; reading goes on, and with room everything.

    What was acknowledged is there, what was refused is not and was told to nobody.
    """
    desk = Desk(nursery, tmp_path / "data.sqlite3", port)
    running = await desk.start(file_size=1 << 20)
    alice = await desk.wire()
    await desk.follow(alice)
    for number in range(10_000):
        reply = await desk.send(alice, f"{number}")
        if reply.status != 201:
            break
        desk.log.take(f"{number}", reply)
    assert (reply.status, reply.code) == (503, 20503)
    assert "disk is full" in reply.body["message"]
    assert (await desk.stored(alice)).keys() == desk.log.acknowledged.keys()
    refused = [await desk.send(alice, f"refused {n}") for n in range(5)]
    assert [reply.code for reply in refused] == [20503] * 5
    media = f"{desk.told['url']}/v1/Services/{desk.told['service_sid']}/Media"
    upload = await ask(
        "POST", media, b"x" * 100_000, X_Twilio_Token=desk.tokens.mint("alice"), Content_Type="text/plain"
    )
    assert (upload.status, upload.code) == (503, 20503)
    basic = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    of_account = await ask("POST", f"{desk.told['url']}/v1/Conversations", b"", Authorization=f"Basic {basic}")
    assert (of_account.status, of_account.code) == (503, 20503)
    stranger = Wire(await connect(desk.told["ws_url"], compression=None))
    told = await stranger.init(desk.tokens.mint("somebody new"))
    assert isinstance(told, protocol.Refused)
    assert (told.status.code, told.status.error_code) == (503, 20503)
    await stranger.close()
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for number in range(20):
        desk.log.take(f"again {number}", await desk.send(alice, f"again {number}"))
    desk.log.take("refused 0", await desk.send(alice, "refused 0"))  # it was not done: the same id does it now
    await (await desk.wire("somebody new")).close()
    desk.log.hear(alice)
    assert await desk.stored(alice) == desk.log.acknowledged
    assert desk.log.heard == sorted(desk.log.acknowledged)
    running.send(signal.SIGKILL)
    await running.ended()
    await alice.close()
    desk.check_file(tmp_path / "copy.sqlite3")
    said = nursery.errors.read_text().splitlines()
    assert said
    assert all("the disk is full" in line for line in said), said


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    for inside in made.iterdir():
        if inside.is_dir():
            inside.chmod(0o755)
    shutil.rmtree(made)


def _read_only(data: Path) -> None:
    Store(data).close()
    data.chmod(0o444)
    data.parent.chmod(0o555)


def _other(data: Path) -> None:
    with contextlib.closing(sqlite3.connect(data)) as database:
        database.execute("CREATE TABLE mine (x)")


def _newer(data: Path) -> None:
    Store(data).close()
    with contextlib.closing(sqlite3.connect(data)) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")


NO_START: dict[str, tuple[Callable[[Path], object], str, dict[str, Any]]] = {
    "full": (lambda data: None, "full|disk I/O error", {"file_size": 8192}),
    "full for the seed": (lambda data: Store(data).close(), "full|disk I/O error", {"file_size": 1 << 18}),
    "read-only": (_read_only, "is read-only", {"nobody": True}),
    "no folder": (lambda data: data.parent.rmdir(), "check the folder", {}),
    "a folder": (lambda data: data.mkdir(), "check the folder", {}),
    "text": (lambda data: data.write_text("my notes " * 500), "not a database", {}),
    "another database": (_other, "something else", {}),
    "newer": (_newer, "a newer version", {}),
}


async def test_start_is_refused(nursery: Nursery, folder: Path) -> None:
    """A file that cannot be used is told in one sentence, without a traceback."""
    for name, (prepare, expected, order) in NO_START.items():
        here = folder / name
        here.mkdir()
        prepare(here / "data.sqlite3")
        nursery.errors = folder / f"{name}.txt"
        await nursery.start("serve", "--json", "--seed", "demo", "--data", str(here / "data.sqlite3"), **order)
        code, said = (await nursery.said())["code"], nursery.errors.read_text()
        assert code == 1, (name, said)
        assert re.fullmatch(f"convo-widgets: The data file .*({expected}).*\n", said), (name, said)


def test_durability(tmp_path: Path) -> None:
    """Every commit is on the disk, unless somebody asks by name for less."""
    for durability, level in (("full", 2), ("relaxed", 1)):
        store = Store(tmp_path / durability, durability=durability)  # type: ignore[arg-type]
        assert store.value("PRAGMA synchronous") == level
        assert store.value("PRAGMA journal_mode") == "wal"
        store.close()
    store = Store(tmp_path / "full")
    assert store.value("PRAGMA synchronous") == 2
    store.close()
    with pytest.raises(cw.UsageError, match="'full' or 'relaxed'"):
        cw.LocalService(seed=None, durability="fast")  # type: ignore[arg-type]
