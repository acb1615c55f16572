"""The store: all or nothing, one owner, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from convo_widgets.errors import UsageError
from convo_widgets.service import tell
from convo_widgets.service.local import LocalService
from convo_widgets.service.store import Change, Store
from convo_widgets.service.tables import VERSION

from .conftest import CONFIGURATION, MINE, ROOMS, Connect, Wire

SERVE = """
import json, sys
from convo_widgets.errors import UsageError
from convo_widgets.service.local import LocalService
try:
    service = LocalService(sys.argv[1], seed=None, api_secret="s" * 40)
except UsageError as error:
    print(json.dumps({"error": str(error)}), flush=True)
    sys.exit(3)
print(json.dumps({"ws_url": service.ws_url, "token": service.token("alice")}), flush=True)
sys.stdin.read()
"""


async def serve(data: Path) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """A service in a process of its own, and what it said first."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVE, str(data), stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return process, json.loads(await process.stdout.readline())


async def test_second_process_is_refused(tmp_path: Path) -> None:
    """A file that is in use is refused with a sentence, from another process and from this one; the first goes on."""
    data = tmp_path / "data.sqlite3"
    with LocalService(data, seed=None) as service:
        process, told = await serve(data)
        assert "in use by another process" in told["error"]
        assert await process.wait() == 3
        with pytest.raises(UsageError, match="in use"):
            LocalService(data, seed=None)
        first = Wire(await connect(service.ws_url, compression=None))
        await first.init(service.token("alice"))
        await first.room()
        await first.close()
    with LocalService(data, seed=None) as again:  # and free once the first has stopped
        assert again.running


async def test_kept(tmp_path: Path, wire: Connect) -> None:
    """A file keeps account, service and conversations; keys are new, so old tokens are not good any more."""
    data = tmp_path / "data.sqlite3"
    with LocalService(data) as service:
        before = (service.account_sid, service.service_sid)
        old = service.token("dana")
        dana = await wire("dana", to=service)
        page = await dana.get(MINE)
        await dana.close()
    with LocalService(data) as service:  # the seed is not loaded twice
        assert (service.account_sid, service.service_sid) == before
        assert service.api_secret not in old
        stranger = await wire(to=service)
        assert (await stranger.init(old)).status.error_code == 20103  # type: ignore[union-attr]
        dana = await wire("dana", to=service)
        again = await dana.get(MINE)
        assert [one["conversation_sid"] for one in again["conversations"]] == [
            one["conversation_sid"] for one in page["conversations"]
        ]
        await dana.close()


@pytest.mark.parametrize(("version", "word"), [(VERSION + 1, "a newer"), (VERSION - 1, "an earlier")])
def test_other_schemas_are_refused(tmp_path: Path, version: int, word: str) -> None:
    """A file of another version is left alone."""
    data = tmp_path / "data.sqlite3"
    Store(data).close()
    with sqlite3.connect(data) as future:
        future.execute(f"PRAGMA user_version = {version}")
    future.close()
    before = data.read_bytes()
    with pytest.raises(UsageError, match=f"{word} version.*schema {version}"):
        LocalService(data)
    assert data.read_bytes() == before


def test_files_of_others_are_untouched(tmp_path: Path) -> None:
    """Something that is no data file of ours is refused, and stays as it was."""
    text, other = tmp_path / "notes.txt", tmp_path / "other.sqlite3"
    text.write_text("my notes " * 100)
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    for path in (text, other):
        before = path.read_bytes()
        with pytest.raises(UsageError, match=path.name):
            LocalService(path)
        assert path.read_bytes() == before
    with pytest.raises(UsageError, match="cannot be"):
        LocalService(tmp_path / "no" / "folder.sqlite3")
    with pytest.raises(UsageError):
        LocalService(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_file(tmp_path: Path) -> None:
    """A file that cannot be written is refused with a sentence."""
    data = tmp_path / "data.sqlite3"
    Store(data).close()
    data.chmod(0o400)
    with pytest.raises(UsageError, match="rights"):
        LocalService(data)


async def test_all_or_nothing(wire: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a write fails at any of its steps, nothing of it is stored, told or numbered."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await alice.room()
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    messages = (await alice.objects(sid))["messages"]
    await bob.follow(messages, "list", 1)
    before = await alice.get(f"{ROOMS}/{sid}")
    position = (await alice.get(f"/v3/Lists/{messages}"))["last_event_id"]
    run = Store.run
    step = 0
    while True:
        step += 1
        left = step

        def failing(self: Store, sql: str, *values: Any) -> int:
            nonlocal left
            left -= 1
            if left == 0:
                raise sqlite3.OperationalError("disk I/O error")
            return run(self, sql, *values)

        with monkeypatch.context() as patch:
            patch.setattr(Store, "run", failing)
            reply = await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x"}, f"mutation-{step}")
        if reply.status == 201:
            break
        assert (reply.status, reply.code) == (500, 20500)
        assert await alice.get(f"{ROOMS}/{sid}") == before
        assert (await alice.get(f"/v3/Lists/{messages}"))["last_event_id"] == position
    assert step > 4
    assert reply.body["index"] == 0
    await bob.sync(lambda payload: payload["event_type"] == "list_item_added")
    assert [event["id"] for event in bob.seen("list_item_added")] == [position + 1]


async def test_told_after_the_commit(wire: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody hears of a write whose commit failed."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await alice.room()
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    await bob.follow((await alice.objects(sid))["messages"], "list", 1)
    channel = tell.channel

    def fail_late(change: Change, conversation: int) -> None:
        channel(change, conversation)
        change.run("PRAGMA defer_foreign_keys = ON")  # the statement passes, the commit does not
        change.run("INSERT INTO media VALUES ('ME0', 'x', -1, 0, 0, NULL, 'text/plain', 1, 'media', '', '')")

    with monkeypatch.context() as patch:
        patch.setattr(tell, "channel", fail_late)
        assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "unhappened"})).status == 500
    await bob.get(CONFIGURATION)
    assert "unhappened" not in str(bob.told)
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "happened"})
    await bob.sync(lambda payload: payload["event_type"] == "list_item_added")
    assert [event["item_data"]["text"] for event in bob.seen("list_item_added")] == ["happened"]
