"""What the views of a thread write, as a page says it."""

from __future__ import annotations

import asyncio
import gc
import hashlib
from typing import Any

import httpx
import pytest

import convo_widgets as cw
from convo_widgets.client.files import MB
from convo_widgets.widgets import _sending
from convo_widgets.widgets._sending import CHUNK
from tests.client.people import PATIENCE, Expected, People
from tests.client.proxy import Proxy
from tests.widgets.conftest import Show, View


def file(id: str, size: int, name: str = "a.bin", type: str = "") -> dict[str, Any]:
    """A file as a view announces it."""
    return {"id": id, "name": name, "type": type, "size": size}


async def bring(view: View, local_id: str, id: str, data: bytes, chunk: int = CHUNK) -> None:
    """A view brings a file in chunks."""
    for start in range(0, len(data), chunk):
        piece = data[start : start + chunk]
        answer = await view.ask("upload", [piece], local_id=local_id, id=id, offset=start)
        assert answer["result"] == {"offset": start + len(piece)}, answer


async def test_files_travel_in_chunks(people: People, show: Show) -> None:
    """Two files of several chunks and no text reach the others as they were, with their names and types."""
    mine, theirs = await people.pair()
    _, view = show(mine)
    await view.result("open", count=50)
    big, small = hashlib.shake_128(b"big").digest(2 * MB + 5), b"%PDF small"
    files = [file("f1", len(big), "big.bin"), file("f2", len(small), "report.pdf", "application/pdf")]
    message = {"local_id": "m1", "body": "", "files": files}
    missing = [{"id": "f1", "offset": 0}, {"id": "f2", "offset": 0}]
    assert await view.result("send", **message) == {"missing": missing}
    await bring(view, "m1", "f1", big)
    assert await view.result("send", **message) == {"missing": missing[1:]}
    await bring(view, "m1", "f2", small)
    added = Expected(theirs, "messageAdded")
    assert await view.result("send", **message) == {"index": 0}
    got = await added
    assert [(one.filename, one.content_type) for one in got.attached_media] == [
        ("big.bin", "application/octet-stream"),
        ("report.pdf", "application/pdf"),
    ]
    assert [await one.read() for one in got.attached_media] == [big, small]
    assert not got.body
    progress = [one for one in view.sent if one["kind"] == "progress"]
    assert progress[-1] == {
        "kind": "progress",
        "local_id": "m1",
        "through": len(big + small),
        "total": len(big + small),
    }


async def test_a_chunk_that_does_not_fit(people: People, show: Show) -> None:
    """It is left out, and the answer says where to go on; more than was announced is refused."""
    mine, _ = await people.pair()
    _, view = show(mine)
    message = {"local_id": "m1", "body": "x", "files": [file("f1", 10)]}
    await view.result("send", **message)
    for offset, piece, after in ((5, b"later", 0), (0, b"first", 5), (0, b"first", 5)):
        answer = await view.ask("upload", [piece], local_id="m1", id="f1", offset=offset)
        assert answer["result"] == {"offset": after}
    assert await view.result("send", **message) == {"missing": [{"id": "f1", "offset": 5}]}
    for params, buffers in (
        ({"local_id": "m1", "id": "f1", "offset": 5}, [b"too many bytes"]),
        ({"local_id": "m1", "id": "f1", "offset": 0}, [bytes(CHUNK + 1)]),
        ({"local_id": "m1", "id": "f1", "offset": 5}, []),
        ({"local_id": "m1", "id": "f2", "offset": 0}, [b"x"]),
        ({"local_id": "m2", "id": "f1", "offset": 0}, [b"x"]),
        ({"local_id": "m1", "id": 1, "offset": "0"}, [b"x"]),
    ):
        answer = await view.ask("upload", buffers, **params)
        assert not answer["ok"], params
        assert answer["error"]["type"] == "UsageError"


@pytest.mark.parametrize(
    "files",
    [
        "f1",
        ["f1"],
        [{"id": "f1"}],
        [file("f1", 0)],
        [{**file("f1", 1), "id": 5}],
        [file(f"f{number}", 1) for number in range(11)],
        [file("f1", 80 * MB), file("f2", 80 * MB)],
        [file("f1", 10**18)],
    ],
)
async def test_files_that_are_refused(people: People, show: Show, files: Any) -> None:
    """No files, too many, too large: refused before a byte is kept."""
    mine, _ = await people.pair()
    thread, view = show(mine)
    answer = await view.ask("send", local_id="m1", body="x", files=files)
    assert answer["error"]["type"] == "UsageError"
    assert thread._outgoing == {}


async def test_what_is_kept_is_bounded(people: People, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits longest makes room, and after some minutes all of it is gone."""
    mine, _ = await people.pair()
    thread, view = show(mine)
    for number in range(5):
        await view.result("send", local_id=f"m{number}", body="", files=[file("f1", 100 * MB)])
    assert list(thread._outgoing) == ["m2", "m3", "m4"]
    for number in range(100):
        await view.result("send", local_id=f"s{number}", body="", files=[file("f1", 1)])
    assert len(thread._outgoing) == _sending.MOST_WAITING
    monkeypatch.setattr(_sending, "IDLE", 0)
    for local_id in list(thread._outgoing):
        thread._rest(local_id, thread._outgoing[local_id])
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(0, passed.set)
    await passed.wait()
    assert thread._outgoing == {}


async def test_the_same_message_twice(people: People, show: Show) -> None:
    """A view that asks again, at once or later, gets the same answer: there is one message."""
    mine, theirs = await people.pair()
    _, view = show(mine)
    answers = await asyncio.gather(*(view.result("send", local_id="m1", body="once") for _ in range(3)))
    assert answers == [{"index": 0}] * 3
    assert await view.result("send", local_id="m1", body="once") == {"index": 0}
    assert await view.result("send", local_id="m2", body="last") == {"index": 1}
    assert [one.body for one in (await theirs.get_messages()).items] == ["once", "last"]


async def test_a_second_try_after_no_answer(
    people: People, show: Show, service: cw.LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message whose answers were all lost and that is sent again, with the same id, is there once."""
    monkeypatch.setattr("convo_widgets.transport.link.REPLY_TIMEOUT", 0.2)
    monkeypatch.setattr("convo_widgets.client.requests.MUTATION_TRIES", 1)
    theirs = await people.client("bob")
    async with Proxy(service.port) as proxy:
        mine, view_of_theirs = await people.room(await people.client("alice", proxy.url), theirs)
        _, view = show(mine)
        added = Expected(view_of_theirs, "messageAdded")
        proxy.swallow()
        answer = await view.ask("send", local_id="m1", body="once")
        assert answer["error"]["type"] in ("RequestTimeout", "ConnectionLost")
        assert "may have happened" in answer["error"]["message"]
        await added
        proxy.restore()
        monkeypatch.setattr("convo_widgets.transport.link.REPLY_TIMEOUT", PATIENCE)
        assert await view.result("send", local_id="m1", body="once") == {"index": 0}
        assert await view.result("send", local_id="m2", body="next") == {"index": 1}
        assert [one.body for one in (await view_of_theirs.get_messages()).items] == ["once", "next"]


async def test_a_failure_keeps_the_files(people: People, show: Show, service: cw.LocalService) -> None:
    """After a no, the second try needs no bytes again; when it is through, nothing is kept."""
    mine, theirs = await people.pair()
    thread, view = show(mine)
    message = {"local_id": "m1", "body": "look", "files": [file("f1", 5, "a.txt", "text/plain")]}
    await view.result("send", **message)
    await bring(view, "m1", "f1", b"hello")
    service.faults.fail("/Messages$", status=500, method="POST")
    answer = await view.ask("send", **message)
    assert answer["error"]["type"] == "ServiceFailed"
    assert await view.result("send", **message) == {"index": 0}
    got = (await theirs.get_messages()).items[0]
    assert (got.body, await got.attached_media[0].read()) == ("look", b"hello")
    assert thread._outgoing == {}


async def test_cancelling(people: People, show: Show, service: cw.LocalService) -> None:
    """While a file goes up nothing is sent; afterwards it is too late, and the answer says so."""
    mine, theirs = await people.pair()
    thread, view = show(mine)
    data = bytes(3 * MB)
    message = {"local_id": "m1", "body": "no", "files": [file("f1", len(data), "a.txt", "text/plain")]}
    await view.result("send", **message)
    assert await view.result("cancel", local_id="m1") == {"cancelled": True}
    await view.result("send", **message)
    await bring(view, "m1", "f1", data)
    spool = thread._outgoing["m1"].files["f1"]._spool
    service.faults.latency(300)
    try:
        sending = asyncio.create_task(view.ask("send", **message))
        await view.until(lambda: any(one["kind"] == "progress" for one in view.sent))
        assert await view.result("cancel", local_id="m1") == {"cancelled": True}
        answer = await sending
    finally:
        service.faults.clear()
    assert "nothing was sent" in answer["error"]["message"]
    assert thread._outgoing == {}
    assert spool is not None
    assert spool.closed
    assert await view.result("send", local_id="m2", body="yes") == {"index": 0}
    assert await view.result("cancel", local_id="m2") == {"cancelled": False}
    assert [one.body for one in (await theirs.get_messages()).items] == ["yes"]


async def test_what_was_not_sent(people: People, show: Show) -> None:
    """A reloaded page asks what became of its messages: those that were sent, or are about to be, are not named."""
    mine, _ = await people.pair()
    thread, view = show(mine)
    await view.result("send", local_id="m1", body="sent")
    await view.result("send", local_id="m2", body="", files=[file("f1", 5)])
    sending = asyncio.create_task(view.result("send", local_id="m3", body="on its way"))
    asked = asyncio.create_task(view.result("unsent", local_ids=["m1", "m2", "m3", "m4", 5]))
    assert await asked == ["m2", "m4"]
    await sending
    assert thread._outgoing == {}


async def test_a_message_for_another_conversation(people: People, show: Show) -> None:
    """What was written before another conversation was shown goes where it was written for."""
    alice = await people.client("alice")
    (one,), (other,) = await people.room(alice), await people.room(alice)
    thread, view = show(one)
    await view.result("open", count=5)
    thread.conversation_sid = other.sid
    await view.until(lambda: view.changes("reset"))
    await view.result("send", local_id="m1", body="for one", conversation_sid=one.sid)
    assert [message.body for message in (await one.get_messages()).items] == ["for one"]
    assert (await other.get_messages()).items == []


async def test_editing_and_removing(people: People, show: Show) -> None:
    """One's own messages change; those of others are refused, and so is what is not there."""
    theirs, mine = await people.pair()
    _, view = show(mine)
    await view.result("open", count=5)
    await mine.send_message("old")
    await theirs.send_message("theirs")
    own, other = (await mine.get_messages()).items
    await view.result("edit", index=0, sid=own.sid, body="new")
    await view.until(lambda: view.changes("updated"))
    assert view.changes("updated")[-1]["message"]["body"] == "new"
    for method in ("edit", "remove"):
        answer = await view.ask(method, index=1, sid=other.sid, body="x")
        assert answer["error"]["type"] == "Forbidden"
        gone = await view.ask(method, index=0, sid=other.sid, body="x")
        assert "not there any more" in gone["error"]["message"]
        odd = await view.ask(method, index="0", sid=own.sid, body="x")
        assert odd["error"]["type"] == "UsageError"
    await view.result("remove", index=0, sid=own.sid)
    await view.until(lambda: view.changes("removed"))
    assert [one.body for one in (await theirs.get_messages()).items] == ["theirs"]


async def test_read_only_refuses_all_of_it(people: People, show: Show) -> None:
    """No way to write is left."""
    mine, _ = await people.pair()
    await mine.send_message("stays")
    (message,) = (await mine.get_messages()).items
    _, view = show(mine, read_only=True)
    for method in ("send", "upload", "edit", "remove"):
        answer = await view.ask(method, index=0, sid=message.sid, local_id="m1", body="x")
        assert answer["error"]["message"] == "This thread is read-only."
    assert [one.body for one in (await mine.get_messages()).items] == ["stays"]


async def test_callbacks(people: People, show: Show, service: cw.LocalService) -> None:
    """`on_send` hears of each message once it is sent, sync or async; `on_error` of each that was not."""
    mine, _ = await people.pair()
    thread, view = show(mine)
    sent: asyncio.Queue[Any] = asyncio.Queue()
    errors: asyncio.Queue[Any] = asyncio.Queue()

    async def later(message: cw.Message) -> None:
        await sent.put(("async", message.body))

    thread.on_send(lambda message: sent.put_nowait(("sync", message.body)))
    thread.on_send(later)
    thread.on_error(errors.put_nowait)
    await view.result("send", local_id="m1", body="one")
    async with asyncio.timeout(PATIENCE):
        assert {await sent.get(), await sent.get()} == {("sync", "one"), ("async", "one")}
    thread.on_send(later, remove=True)
    service.faults.fail("/Messages$", status=403, method="POST")
    await view.ask("send", local_id="m2", body="two")
    async with asyncio.timeout(PATIENCE):
        assert isinstance(await errors.get(), cw.Forbidden)
    await view.result("send", local_id="m2", body="two")
    async with asyncio.timeout(PATIENCE):
        assert await sent.get() == ("sync", "two")
    assert sent.empty()


async def test_whom_one_writes_to(people: People, show: Show) -> None:
    """People on other channels come first, and make messages short."""
    alice = await people.client("alice")
    (mine,) = await people.room(alice)
    await mine.add_non_chat_participant("whatsapp:+15550001111", "whatsapp:+15552223333", {"name": "Marta"})
    await mine.add("carol")
    _, view = show(mine)
    writing = await view.until(lambda: view.state["_writing"].get("others") == 2 and view.state["_writing"])
    assert writing["to"][0] == {"name": "Marta", "channel": "whatsapp"}
    assert writing["to"][1]["channel"] == "chat"
    assert (writing["short"], writing["longest"], writing["why_not"]) == (["whatsapp"], 1600, "")
    assert (writing["most_files"], writing["largest"]) == (10, 150 * MB)
    assert writing["identity"] == alice.user.identity


async def test_why_nobody_can_write(people: People, show: Show, service: cw.LocalService) -> None:
    """Taken out of it, or closed by the account: the view is told, and the kernel refuses."""
    mine, theirs = await people.pair()
    _, view = show(theirs)
    _, other = show(mine)
    await view.until(lambda: view.state["_writing"].get("why_not") == "")
    await mine.remove_participant(theirs.client.user.identity)
    await view.until(lambda: view.state["_writing"].get("why_not") == "left")
    async with httpx.AsyncClient(base_url=service.url, auth=(service.api_key, service.api_secret)) as account:
        (await account.post(f"/v1/Conversations/{mine.sid}", data={"State": "closed"})).raise_for_status()
    await other.until(lambda: other.state["_writing"].get("why_not") == "closed")
    answer = await other.ask("send", local_id="m1", body="too late")
    assert "closed is final" in answer["error"]["message"]


async def test_closing_removes_the_files(people: People, show: Show) -> None:
    """A widget that is closed keeps no file, and no spool is left for the collector to find."""
    mine, _ = await people.pair()
    thread, view = show(mine)
    await view.result("send", local_id="m1", body="", files=[file("f1", 3 * MB)])
    await bring(view, "m1", "f1", bytes(2 * MB))
    spool = thread._outgoing["m1"].files["f1"]._spool
    thread.close()
    assert spool is not None
    assert spool.closed
    gc.collect()
