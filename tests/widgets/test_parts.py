"""A widget inside another one is the widget that it is elsewhere, over its host's comm."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.widgets import _parts
from convo_widgets.widgets._parts import Host
from tests.client.people import People

from .conftest import View


class Pair(Host):
    """A host for these tests."""

    _esm = "export default {render() {}}"

    def _static_html(self) -> str:
        return ""


Shown = tuple[Pair, cw.Thread, View, cw.Conversation]


@pytest.fixture
async def shown(people: People, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A host with a thread, what a page has of it, and the conversation as somebody else sees it."""
    monkeypatch.setattr(_parts, "SNAPSHOT_INTERVAL", 0.01)
    mine, theirs = await people.pair(friendly_name="Room")
    pair = Pair()
    thread = pair._add("thread", lambda tube: cw.Thread(mine, comm=tube))
    assert isinstance(pair.comm, View)
    yield pair, thread, pair.comm, theirs
    pair.close()


async def ask(view: View, method: str, *buffers: bytes, **params: Any) -> Any:
    """A request of the part's view, and the result."""
    id = f"part-{method}-{len(view.sent)}"
    view.say(
        {
            "kind": "part",
            "part": "thread",
            "content": {"kind": "request", "id": id, "method": method, "params": params},
        },
        buffers,
    )
    answer = await view.until(
        lambda: next((one for one in ((each.get("content") or {}) for each in view.sent) if one.get("id") == id), None)
    )
    assert answer["ok"], answer
    return answer["result"]


async def test_files_go_through_the_host(shown: Shown) -> None:
    """The bytes that a view of a part brings reach the others."""
    _, _, view, theirs = shown
    file = {"id": "f1", "name": "a.txt", "type": "text/plain", "size": 5}
    message = {"local_id": "m1", "body": "", "files": [file]}
    assert (await ask(view, "send", **message))["missing"] == [{"id": "f1", "offset": 0}]
    await ask(view, "upload", b"hello", local_id="m1", id="f1", offset=0)
    assert await ask(view, "send", **message) == {"index": 0}
    (got,) = (await theirs.get_messages()).items
    assert await got.attached_media[0].read() == b"hello"


async def test_requests_and_changes(shown: Shown) -> None:
    """A part answers its own view, and its batches come as the host's messages."""
    _, _, view, theirs = shown
    assert (await ask(view, "open", count=10))["messages"] == []
    await theirs.send_message("Hello")

    def added() -> Any:
        contents = [one["content"] for one in view.sent if one.get("kind") == "part" and one.get("content")]
        changes = [change for one in contents if one["kind"] == "batch" for change in one["changes"]]
        return next((change["message"]["body"] for change in changes if change["type"] == "added"), None)

    assert await view.until(added) == "Hello"


async def test_traits_both_ways(shown: Shown) -> None:
    """A view sets a trait of a part and observers hear of it; what Python sets reaches the views."""
    _, thread, view, _ = shown
    seen: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    thread.observe(lambda change: seen.set_result(change["new"]), "read_only")
    view.say({"kind": "part", "part": "thread", "state": {"read_only": True, "_esm": "alert(1)"}})
    assert await seen
    assert "alert(1)" not in str(thread._esm)
    thread.height = 300
    states = [one["state"] for one in view.sent if one.get("kind") == "part" and "state" in one]
    assert {"height": 300} in states


async def test_snapshot_for_new_views(shown: Shown) -> None:
    """New views and saved notebooks begin with the parts' traits, without their code, and can ask for them anew."""
    _, thread, view, theirs = shown
    await theirs.send_message("Saved")
    await view.until(lambda: "Saved" in str(view.state["_parts"]))
    now = await view.result("parts")
    assert now["thread"]["conversation_sid"] == thread.conversation_sid
    assert not [name for name in now["thread"] if name.startswith(("_esm", "_css", "_model", "layout"))]


async def test_closing_ends_the_parts(shown: Shown) -> None:
    """A closed host closes its parts, which then say nothing more."""
    pair, thread, view, theirs = shown
    pair.close()
    count = len(view.sent)
    await theirs.send_message("Nobody is there")
    assert thread._closed
    assert len(view.sent) == count


async def test_nonsense_is_ignored(shown: Shown) -> None:
    """A message for a part that is not there, or of no shape, costs nothing."""
    _, _, view, _ = shown
    for content in (
        {"kind": "part", "part": "nobody"},
        {"kind": "part"},
        {"kind": "part", "part": "thread", "content": 7},
    ):
        view.say(content)
    assert "messages" in await ask(view, "open", count=1)
