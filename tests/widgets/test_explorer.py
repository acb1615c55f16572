"""The Explorer: three widgets that follow each other, and exports of what is chosen."""

from __future__ import annotations

import ast
import asyncio
import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import convo_widgets as cw
from convo_widgets.widgets import _parts
from convo_widgets.widgets import explorer as module
from tests.client.people import Expected, People, write

from .conftest import View


class Desk:
    """An explorer of alice, and two conversations: "first" (three messages) and "second" (a dangerous one)."""

    def __init__(self, people: People, alice: cw.Client, rooms: list[cw.Conversation]) -> None:
        self.people, self.alice = people, alice
        self.first, self.second = rooms
        self.explorer = cw.Explorer(alice, selected_sid=self.first.sid)
        assert isinstance(self.explorer.comm, View)
        self.view = self.explorer.comm


@pytest.fixture
async def desk(people: People, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Desk]:
    """It shows the first conversation."""
    monkeypatch.setattr(_parts, "SNAPSHOT_INTERVAL", 0.01)
    monkeypatch.chdir(tmp_path)
    alice = await people.client("alice")
    rooms = [(await people.room(alice, friendly_name=name))[0] for name in ("Order / first", "Second")]
    await write(rooms[0], 3)
    await rooms[1].send_message("=HYPERLINK(1)")
    made = Desk(people, alice, rooms)
    await made.explorer.ready()
    yield made
    made.explorer.close()


async def run(code: str, client: cw.Client, **names: Any) -> Any:
    """What the code of a cell makes of `df`."""
    space: dict[str, Any] = {"client": client, **names}
    compiled = compile(code, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, space)
    if asyncio.iscoroutine(result):
        await result
    return space["df"]


async def test_parts_follow_each_other(desk: Desk) -> None:
    """The inbox's selection, the thread, the participants and the explorer are of one conversation, whoever changes."""
    explorer = desk.explorer
    assert explorer.thread is not None
    assert explorer.participants is not None
    assert explorer.thread.conversation.sid == explorer.inbox.selected_sid == desk.first.sid
    explorer.inbox.selected_sid = desk.second.sid
    await explorer.ready()
    assert explorer.thread.conversation.sid == explorer.participants.conversation.sid == desk.second.sid
    explorer.thread.conversation_sid = desk.first.sid
    await desk.view.until(lambda: explorer.inbox.selected_sid == desk.first.sid)
    await explorer.ready()
    assert explorer.participants.conversation.sid == desk.first.sid
    desk.view.say({"kind": "part", "part": "inbox", "state": {"selected": [desk.second.sid]}})
    await desk.view.until(lambda: explorer.selected_sid == desk.second.sid)


async def test_begins_with_the_newest(desk: Desk) -> None:
    """Without a choice it shows what is on top of the inbox."""
    other = cw.Explorer(desk.alice)
    assert await other.ready() is other
    assert other.selected_sid == other.inbox.visible[0]
    assert other.thread is not None
    other.close()


async def test_no_conversations(people: People) -> None:
    """It is empty and ready, and shows the first one that comes when it is chosen."""
    bob = await people.client("bob")
    explorer = await cw.Explorer(bob).ready()
    assert (explorer.selected_sid, explorer.thread, explorer.participants) == ("", None, None)
    with pytest.raises(cw.UsageError, match="No conversation is chosen"):
        await explorer.to_frame()
    (room,) = await people.room(bob)
    explorer.selected_sid = room.sid
    await explorer.ready()
    assert explorer.thread is not None
    explorer.close()


async def test_a_conversation_that_is_not_there(desk: Desk) -> None:
    """A wrong sid is shown as a fault, and what was shown before stays."""
    desk.explorer.selected_sid = "CH" + "0" * 32
    await desk.explorer.ready()
    assert desk.explorer.selected_sid == desk.first.sid
    faults = [one for one in desk.view.sent if one["kind"] == "faults"]
    assert "cannot be shown" in faults[-1]["faults"][0]["what"]


async def test_removed_under_the_reader(desk: Desk) -> None:
    """The explorer says which one is gone, and goes on with the next choice."""
    gone = Expected(desk.alice, "conversationRemoved")
    await desk.first.delete()
    await gone
    await desk.view.until(lambda: desk.view.state["selected_sid"] == "")
    assert desk.view.state["_gone"] == "Order / first"
    desk.explorer.selected_sid = desk.second.sid
    await desk.explorer.ready()
    assert desk.explorer.thread is not None
    assert desk.explorer.thread.conversation.sid == desk.second.sid
    assert desk.view.state["_gone"] == ""


async def test_frame(desk: Desk) -> None:
    """The button makes `frame`, and says what to type next; the Python that is copied makes the same."""
    answer = await desk.view.result("frame")
    frame = desk.explorer.frame
    assert frame is not None
    assert answer["rows"] == len(frame) == 3
    assert answer["python"] == "df = explorer.frame"
    assert "explorer.frame" in desk.view.state["_hint"]
    code = await desk.view.result("python")
    assert code == desk.explorer.python()
    assert "token" not in code
    pd.testing.assert_frame_equal(await run(code, desk.alice), frame)


async def test_what_is_listed(desk: Desk) -> None:
    """All conversations, or those that search and filters let through, with dates."""
    explorer = desk.explorer
    explorer.scope = "listed"
    frame = await explorer.to_frame()
    assert frame["conversation_sid"].nunique() == 2
    assert "messages_frame(client)" in explorer.python()
    pd.testing.assert_frame_equal(await run(explorer.python(), desk.alice), frame)

    explorer.inbox.view_state = {"search": "second"}
    frame = await explorer.to_frame()
    assert frame["body"].tolist() == ["=HYPERLINK(1)"]
    pd.testing.assert_frame_equal(await run(explorer.python(), desk.alice), frame)

    explorer.inbox.view_state = {"filters": {"state": ["active"]}}
    frame = await explorer.to_frame()
    assert len(frame) == 4
    pd.testing.assert_frame_equal(await run(explorer.python(), desk.alice, explorer=explorer), frame)

    explorer.inbox.view_state = {"search": "nothing like this"}
    assert len(await explorer.to_frame()) == 0

    desk.view.set(since="2020-01-01", until="2020-02-01")
    await desk.view.until(lambda: explorer.until)
    explorer.inbox.view_state = {}
    assert len(await explorer.to_frame()) == 0
    assert "since='2020-01-01', until='2020-02-01'" in explorer.python()
    pd.testing.assert_frame_equal(await run(explorer.python(), desk.alice), explorer.frame)

    explorer.since = "yesterday"
    assert "no time" in (await desk.view.ask("export", kind="csv"))["error"]["message"]


async def test_files(desk: Desk, tmp_path: Path) -> None:
    """Each kind is written whole under a name that says what is in it, and replaces nothing."""
    paths = [await desk.explorer.export("csv"), await desk.explorer.export("csv")]
    assert [path.parent for path in paths] == [tmp_path, tmp_path]
    assert paths[0].name.startswith("order-first-messages-20")
    assert paths[1].stem == f"{paths[0].stem}-2"
    rows = list(csv.DictReader(io.StringIO(paths[0].read_text())))
    assert [row["body"] for row in rows] == ["0", "1", "2"]
    path = await desk.explorer.export("parquet", tmp_path / "deep.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), desk.explorer.frame)
    page = (await desk.explorer.export("html")).read_text()
    assert "Order / first" in page

    desk.explorer.scope = "listed"
    with pytest.raises(cw.UsageError, match="one conversation"):
        await desk.explorer.export("html")
    text = (await desk.explorer.export("csv")).read_text()
    assert '"\'=HYPERLINK(1)"' in text
    with pytest.raises(cw.UsageError, match="cannot be written"):
        await desk.explorer.export("csv", tmp_path / "no" / "such.csv")
    with pytest.raises(cw.UsageError, match="kind"):
        await desk.explorer.export("xlsx")  # type: ignore[arg-type]
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


async def test_downloads(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A view gets the file as bytes; one that is too large is written by the kernel, and the view is told where."""
    sent: list[Any] = []
    monkeypatch.setattr(desk.explorer, "send", lambda content, buffers=None: sent.append((content, buffers)))
    await desk.explorer._respond("1", "export", {"kind": "csv"})
    (content, buffers) = next(one for one in sent if one[0].get("id") == "1")
    assert content["result"]["path"] is None
    assert content["result"]["name"].endswith(".csv")
    assert content["result"]["python"] == "await explorer.export('csv')"
    assert len(buffers[0]) == content["result"]["size"]
    assert list(tmp_path.iterdir()) == []

    monkeypatch.setattr(module, "DOWNLOAD", 10)
    await desk.explorer._respond("2", "export", {"kind": "parquet"})
    (content, buffers) = next(one for one in sent if one[0].get("id") == "2")
    assert buffers is None
    assert Path(content["result"]["path"]).parent == tmp_path
    await desk.explorer._respond("3", "export", {"kind": "../../etc/passwd"})
    assert not next(one for one in sent if one[0].get("id") == "3")[0]["ok"]


async def test_an_export_can_be_cancelled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The view that wants it no more is told so, and the next one works."""
    begun = asyncio.Event()

    async def endless(*_rest: Any, **_options: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(module, "messages_frame", endless)
        asking = asyncio.create_task(desk.view.ask("export", kind="csv"))
        await begun.wait()
        assert "being made" in (await desk.view.ask("frame"))["error"]["message"]
        await desk.view.result("cancel")
        assert "cancelled" in (await asking)["error"]["message"]
    assert (await desk.view.result("frame"))["rows"] == 3


async def test_the_saved_state_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a notebook saves has a limit for each part; a view that asks is told all."""
    monkeypatch.setattr(_parts, "SNAPSHOT_LIMIT", 3000)
    for number in range(3):
        await desk.first.send_message(f"{number} " + "x" * 1500)
    await desk.view.until(lambda: "_recent" not in desk.view.state["_parts"].get("thread", {"_recent": 1}))
    assert desk.view.state["_parts"]["thread"]["conversation_sid"] == desk.first.sid
    assert "xxx" in str((await desk.view.result("parts"))["thread"])


async def test_closed(desk: Desk) -> None:
    """A closed explorer closes its parts and says nothing more; the client goes on."""
    desk.explorer.close()
    count = len(desk.view.sent)
    await desk.first.send_message("nobody sees this")
    assert desk.explorer.connection._closed
    assert desk.explorer.inbox._closed
    assert len(desk.view.sent) == count
    with pytest.raises(cw.UsageError, match="Client"):
        cw.Explorer(desk.first)  # type: ignore[arg-type]
