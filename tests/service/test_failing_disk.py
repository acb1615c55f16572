"""Each write and each sync of the disk fails once, the first, the second, ... until there are no more of them."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

import convo_widgets as cw
from convo_widgets.service.local import LocalService
from convo_widgets.service.store import Store

from .conftest import ROOMS, Reply, Wire
from .disk import SYSTEM, Disk
from .http import Account, ask

pytestmark = pytest.mark.skipif(SYSTEM is None, reason="needs the SQLite of this Python within reach of ctypes")
DATA = "data.sqlite3"
FAILURES = {
    "a write": ("write", sqlite3.SQLITE_IOERR_WRITE),
    "no room": ("write", sqlite3.SQLITE_FULL),
    "a sync": ("sync", sqlite3.SQLITE_IOERR_FSYNC),
}
each = pytest.mark.parametrize(("kind", "error"), FAILURES.values(), ids=FAILURES)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that does what it is told."""
    made = Disk(tmp_path)
    made.syncs = False
    with made.inserted():
        yield made


@each
@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_opening(disk: Disk, tmp_path: Path, kind: str, error: int, on: bool) -> None:
    """A start that the disk fails is refused in a sentence, or succeeds; the next one finds all that was there."""
    (tmp_path / "before").mkdir()
    store = Store(tmp_path / "before" / DATA)
    with store.write() as change:
        change.map_item("MP0", "added", "k", {})
    known = store.newest
    for file in (tmp_path / "before").iterdir():  # as a kill leaves it
        shutil.copy(file, tmp_path)
    store.close()
    for number in range(1, 1000):
        failed = disk.fail_at(kind, number, error, on=on)
        try:
            Store(tmp_path / DATA).close()
        except cw.UsageError as no:
            assert "cannot be" in str(no)
        disk.recover()
        again = Store(tmp_path / DATA)
        assert again.value("PRAGMA integrity_check") == "ok"
        assert again.was_here(known)
        assert again.newest > known
        assert again.value("SELECT count(*) FROM events") == 1
        again.close()
        if not failed():
            break
    assert number > 3


class Acts:
    """People who do things, each once, and what they were told.

    Attributes:
        done: text of the messages that were acknowledged, by index.
        refused: texts of those that were not.
    """

    def __init__(self, service: LocalService, wire: Wire, sid: str) -> None:
        self.service, self.wire, self.sid = service, wire, sid
        self.done: dict[int, str] = {}
        self.refused: list[str] = []
        self.noes = 0

    async def send(self, text: str) -> Reply:
        """Send a message whose text is the id of the act."""
        reply = await self.wire.ask("POST", f"{ROOMS}/{self.sid}/Messages", {"body": text}, text)
        if reply.status == 201:
            self.done[reply.body["index"]] = text
        else:
            self.refused.append(text)
        self._check(reply)
        return reply

    async def all(self, name: str) -> None:
        """One after the other: a message, some together, a medium, a conversation of the account."""
        await self.send(f"{name}: one")
        await asyncio.gather(*(self.send(f"{name}: of many {n}") for n in range(3)))
        token = self.service.token(name)  # each has so many media that are not sent
        media = f"{self.service.url}/v1/Services/{self.service.service_sid}/Media"
        self._check(await ask("POST", media, b"m" * 50_000, X_Twilio_Token=token, Content_Type="text/plain"))
        self._check(await Account(self.service).ask("POST", "/Conversations", {"FriendlyName": name}))

    def _check(self, reply: Any) -> None:
        if reply.status != 201:
            assert (reply.status, reply.code) == (503, 20503)
            self.noes += 1


@pytest.fixture
async def acts(disk: Disk, tmp_path: Path) -> AsyncIterator[Acts]:
    """Somebody on a service that keeps its data on that disk, in a conversation of her own."""
    with LocalService(tmp_path / DATA, seed=None) as service:
        wire = Wire(await connect(service.ws_url, compression=None))
        await wire.init(service.token("alice"))
        yield Acts(service, wire, await wire.room())
        disk.recover()
        await wire.close()


def left(folder: Path, copy: Path) -> tuple[dict[int, str], set[str]]:
    """What a kill would leave now: texts of the messages by index, and the acts that are known."""
    copy.mkdir(exist_ok=True)
    for file in folder.glob(f"{DATA}*"):
        shutil.copy(file, copy)
    store = Store(copy / DATA)
    assert store.value("PRAGMA integrity_check") == "ok"
    texts = {row["idx"]: row["body"] for row in store.rows("SELECT idx, body FROM messages")}
    known = {row["id"] for row in store.rows("SELECT id FROM mutations")}
    store.close()
    shutil.rmtree(copy)
    return texts, known


@each
async def test_running(
    acts: Acts, disk: Disk, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, error: int
) -> None:
    """What the disk fails is answered 503 and is not done, also after a kill; all else is; then everything goes on."""
    for number in range(1, 1000):
        failed = disk.fail_at(kind, number, error)
        await acts.all(f"{number}")
        disk.recover()
        texts, known = left(tmp_path, tmp_path / "copy")
        assert texts == acts.done
        assert not known & set(acts.refused)
        if not failed():
            break
    assert number > 4
    assert acts.noes > number // 3  # what was written together is tried again, each alone
    again = acts.refused.pop()
    assert (await acts.send(again)).status == 201
    said = [record.getMessage() for record in caplog.records if record.name == "convo_widgets.service"]
    assert said
    assert all("the disk is full, read-only or failing" in text for text in said)


async def test_refused_by_the_sync(acts: Acts, disk: Disk, tmp_path: Path) -> None:
    """What was written whole, but not synced, was refused: it does not come to life when the process ends."""
    disk.fail_at("sync", 1, sqlite3.SQLITE_IOERR_FSYNC)
    assert (await acts.send("written, not synced")).status == 503
    assert left(tmp_path, tmp_path / "copy")[0] == {}
    assert (await acts.send("written, not synced")).status == 201
    assert left(tmp_path, tmp_path / "copy")[0] == {0: "written, not synced"}
