"""A data file that was damaged, cut or copied badly, and other programs that have it open."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

import convo_widgets as cw
from convo_widgets.service import mounts
from convo_widgets.service.local import LocalService
from convo_widgets.service.store import Store
from convo_widgets.wire import protocol

from .conftest import CONFIGURATION, MINE, ROOMS, Connect, Wire

DATA = "data.sqlite3"
PAGE = 4096


async def fill(wire: Connect, service: LocalService, messages: int) -> str:
    """A conversation with messages in it; its sid."""
    alice = await wire("alice", to=service)
    sid = await alice.room(unique_name="desk")
    for number in range(messages):
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": f"{number} " + "x" * 500})
    await alice.close()
    return sid


async def test_a_damaged_page(tmp_path: Path, wire: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """Whichever page is damaged: no start, in a sentence; or each request is answered, or refused with 503."""
    whole, data = tmp_path / "whole.sqlite3", tmp_path / DATA
    with LocalService(whole, seed=None) as service:
        sid = await fill(wire, service, 30)
    before, chance = whole.read_bytes(), random.Random(7)
    refused, noes = 0, 0
    for page in range(len(before) // PAGE):
        data.write_bytes(before[: page * PAGE] + chance.randbytes(PAGE) + before[(page + 1) * PAGE :])
        try:
            service = LocalService(data, seed=None)
        except cw.UsageError as no:
            assert "damaged" in str(no)
            assert "\n" not in str(no)
            refused += 1
            continue
        with service:
            alice = Wire(await connect(service.ws_url, compression=None))
            if isinstance(await alice.init(service.token("alice")), protocol.Initialized):
                for method, path in (
                    *(("GET", CONFIGURATION), ("GET", MINE), ("GET", f"{ROOMS}/{sid}")),
                    *(("GET", f"/v3/Lists/{sid}.messages/Items"), ("POST", f"{ROOMS}/{sid}/Messages")),
                ):
                    reply = await alice.ask(method, path, {"body": "y"} if method == "POST" else None)
                    assert reply.status in (200, 201, 503), (page, reply)
                    noes += reply.status == 503
            await alice.close()
    assert refused > 2
    assert noes > 2
    for record in caplog.records:
        assert record.exc_info is None
        if record.name == "convo_widgets.service":
            assert "or the file damaged" in record.getMessage()


async def test_a_cut_log(tmp_path: Path, wire: Connect) -> None:
    """Of a -wal that was cut or removed, what is whole counts; who knew more has a position of another past."""
    whole, data = tmp_path / "whole.sqlite3", tmp_path / DATA
    with LocalService(whole, seed=None) as service:
        await fill(wire, service, 1)
    store = Store(whole)
    known = []
    for number in range(20):
        with store.write() as change:
            change.map_item("MP0", "added", str(number), {})
        known.append(store.newest)
    for file in (whole, Path(f"{whole}-wal")):  # as a kill leaves them
        shutil.copy(file, str(file).replace("whole", "killed"))
    store.close()
    log = (tmp_path / "killed.sqlite3-wal").read_bytes()
    for size in (*range(0, len(log), len(log) // 40), len(log)):
        shutil.copy(tmp_path / "killed.sqlite3", data)
        Path(f"{data}-wal").write_bytes(log[:size])
        if size == 0:
            Path(f"{data}-wal").unlink()
        with contextlib.closing(Store(data)) as again:
            assert again.value("PRAGMA integrity_check") == "ok"
            there = again.value("SELECT count(*) FROM events WHERE object_sid = 'MP0'")
            assert [again.was_here(position) for position in known] == [n < there for n in range(20)]
            # with the start itself cut off, nothing tells when it was: the clock is above it but for the same second
            assert again.newest > known[-1] or not there
    assert there == 20


async def test_others_who_read(tmp_path: Path, wire: Connect) -> None:
    """No service starts on a file that somebody reads; while it runs, nobody reads it, and the log stays small."""
    data = tmp_path / DATA
    Store(data).close()
    with contextlib.closing(sqlite3.connect(data, isolation_level=None, timeout=0)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM users").fetchone()
        with pytest.raises(cw.UsageError, match="in use by another process"):
            LocalService(data, seed=None)
        reader.execute("ROLLBACK")
    with LocalService(data, seed=None) as service:
        with contextlib.closing(sqlite3.connect(data, isolation_level=None, timeout=0)) as reader:
            for sql in ("SELECT count(*) FROM users", "BEGIN IMMEDIATE"):
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    reader.execute(sql)
            await fill(wire, service, 400)
        assert Path(f"{data}-wal").stat().st_size < 8 << 20


async def test_backup(tmp_path: Path, wire: Connect) -> None:
    """A copy that is made while people write is whole, replaces an older one, and starts as a past of its own."""
    data, copy = tmp_path / DATA, tmp_path / "copy.sqlite3"
    for kept in (data, None):
        with LocalService(kept, seed=None) as service:
            sid = await fill(wire, service, 5)
            copy.write_text("an older one")
            await asyncio.to_thread(service.backup, copy)
            service.backup(copy)
            alice = await wire("alice", to=service)
            await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "after the copy"})
            position = (await alice.get(f"/v3/Lists/{sid}.messages"))["last_event_id"]
            await alice.close()
            with pytest.raises(cw.UsageError, match="cannot be written"):
                service.backup(tmp_path / "no" / "folder.sqlite3")
            if kept is not None:
                with pytest.raises(cw.UsageError, match="the data file itself"):
                    service.backup(data)
        with pytest.raises(cw.UsageError, match="stopped"):
            service.backup(copy)
        assert {file.name for file in tmp_path.iterdir()} == {DATA, copy.name}
        with LocalService(copy, seed=None) as again:
            alice = await wire("alice", to=again)
            assert (await alice.get(f"{ROOMS}/{sid}"))["messages_count"] == 5
            assert (await alice.follow(f"{sid}.messages", "list", position))["event"]["last_event_id"] < position
            await alice.close()


def test_a_network_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A file on one is used, and the log says what that may cost; the innermost mount counts."""
    table, data = tmp_path / "mountinfo", tmp_path / DATA
    here = str(tmp_path).replace(" ", r"\040")
    lines = ["20 1 0:1 / / rw - ext4 /dev/x rw", f"21 20 0:2 / {here} rw,relatime shared:3 - nfs4 server:/home rw"]
    table.write_text("\n".join([*lines, "cut"]))
    assert mounts.network(data, table) == "nfs4"
    assert mounts.network(tmp_path.parent / "x", table) is None
    assert mounts.network(data, tmp_path / "none") is None
    monkeypatch.setattr(mounts.network, "__defaults__", (table,))
    Store(data).close()
    assert "network file system (nfs4)" in caplog.text
    monkeypatch.undo()
    caplog.clear()
    Store(data).close()
    assert caplog.text == ""


FORK = """
import gc, os, sys
from convo_widgets.service.local import LocalService
service = LocalService(sys.argv[1], seed=None)
for how in ("ends", "stops", "forgets"):
    child = os.fork()
    if child == 0:
        if how == "stops":
            service.stop()
        if how == "forgets":
            del service
            gc.collect()
        sys.exit(0)
    os.waitpid(child, 0)
    print(service.running, os.path.exists(sys.argv[1] + "-wal"))
service.stop()
"""


async def test_a_fork(tmp_path: Path) -> None:
    """A child that was forked off, and ends, takes nothing from the service of its parent."""
    argv = (sys.executable, "-W", "ignore", "-c", FORK, str(tmp_path / DATA))
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(60):
        told, _ = await process.communicate()
    assert (process.returncode, told.decode()) == (0, "True True\n" * 3)
