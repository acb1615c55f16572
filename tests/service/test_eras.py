"""Positions of another past: a store that was restored or made anew never passes for the one a client knew."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from convo_widgets.service.local import LocalService
from convo_widgets.service.store import GAP, Store

from .conftest import ROOMS, Connect, Wire


async def place(wire: Wire, sid: str) -> tuple[str, int]:
    """A conversation's list and the position of it."""
    messages = (await wire.objects(sid))["messages"]
    return messages, int((await wire.get(f"/v3/Lists/{messages}"))["last_event_id"])


async def test_over_a_restart(tmp_path: Path, wire: Connect) -> None:
    """A position of an earlier era is still good: what came after it is replayed."""
    path = tmp_path / "data.sqlite3"
    with LocalService(path, seed=None) as service:
        alice = await wire("alice", to=service)
        sid = await alice.room()
        messages, position = await place(alice, sid)
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "missed"})
    for _ in range(2):
        with LocalService(path, seed=None) as service:
            alice = await wire("alice", to=service)
            established = await alice.follow(messages, "list", position)
            assert [event["item_data"]["text"] for event in alice.seen("list_item_added")] == ["missed"]
            assert established["event"]["last_event_id"] > position + GAP


async def test_restored(tmp_path: Path, wire: Connect) -> None:
    """After a restore, a client that knew more is told a position below its own, and follows from there."""
    path, backup = tmp_path / "data.sqlite3", tmp_path / "backup.sqlite3"
    with LocalService(path, seed=None) as service:
        alice = await wire("alice", to=service)
        sid = await alice.room()
    shutil.copy(path, backup)
    with LocalService(path, seed=None) as service:
        alice = await wire("alice", to=service)
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "lost"})
        messages, position = await place(alice, sid)
    shutil.copy(backup, path)
    with LocalService(path, seed=None) as service:
        alice = await wire("alice", to=service)
        established = await alice.follow(messages, "list", position)
        assert established["event"]["replay_status"] == "completed"
        assert established["event"]["last_event_id"] < position
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "new"})
        told: Any = await alice.sync(lambda payload: payload["event_type"] == "list_item_added")
        assert told["event"]["item_data"]["text"] == "new"
        await alice.close()


def test_positions(tmp_path: Path) -> None:
    """Only ids that were written, or stood at the end of an opening, are positions; all are safe integers of JSON."""
    path = tmp_path / "data.sqlite3"
    known = []
    for _ in range(3):
        store = Store(path)
        known.append(store.newest)
        with store.write() as change:
            change.map_item("MP0", "added", "k", {})
        known.append(store.newest)
        store.close()
    store = Store(path)
    assert all(store.was_here(position) for position in [0, 1, *known, store.newest])
    others = [2, known[0] - 1, known[1] + 1, known[2] - 1, known[5] + 1, store.newest - 1, store.newest + 1, 1 << 62]
    assert not any(store.was_here(position) for position in others)
    assert sorted(known) == known
    assert store.newest < 1 << 53
    store.close()
