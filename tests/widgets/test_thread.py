"""The Thread widget, as a page sees it."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.widgets._names import mask
from tests.client.people import Expected, People, Seen, write
from tests.client.proxy import Proxy
from tests.widgets.conftest import Show


def bodies(messages: list[dict[str, Any]]) -> list[Any]:
    """Texts of rows."""
    return [message["body"] for message in messages]


async def test_opening(people: People, show: Show) -> None:
    """The newest messages as rows, whether there are older ones, and where the batches stand."""
    mine, theirs = await people.pair(friendly_name="A & B")
    await theirs.client.user.update_friendly_name("Bob B.")
    await write(theirs, 3)
    await mine.send_message("own", subject="About")
    thread, view = show(mine)
    opened = await view.result("open", count=3)
    assert bodies(opened["messages"]) == ["1", "2", "own"]
    assert (opened["has_older"], opened["seq"], opened["typing"]) == (True, 0, [])
    row = opened["messages"][0]
    message = (await mine.get_messages()).items[1]
    assert row == {
        "sid": message.sid,
        "index": 1,
        "author": theirs.client.user.identity,
        "name": "Bob B.",
        "own": False,
        "system": False,
        "channel": "chat",
        "plain": False,
        "body": "1",
        "subject": None,
        "date_created": message.date_created.timestamp() * 1000,  # type: ignore[union-attr]
        "edited": False,
        "media": [],
        "texts": [],
        "content": None,
        "reactions": [],
        "delivery": None,
    }
    assert opened["messages"][2]["own"]
    assert opened["messages"][2]["subject"] == "About"
    await view.until(lambda: len(view.state["_recent"]) == 4 and view.state["_header"])
    assert view.state["_header"] == {
        "title": "A & B",
        "state": "active",
        "names": [mine.client.user.identity, "Bob B."],
        "identity": mine.client.user.identity,
    }
    assert view.state["conversation_sid"] == mine.sid
    assert view.state["_connection"] == "connected"
    assert (view.state["read_only"], view.state["theme"], view.state["height"]) == (False, "auto", 480)
    assert thread.conversation is mine
    assert mine.sid in repr(thread)


async def test_older_and_newer(people: People, show: Show) -> None:
    """Pages before and after a message, over the gaps, to the ends."""
    mine, theirs = await people.pair()
    await write(mine, 130)
    for message in (await mine.get_messages(130)).items[60:70]:
        await message.remove()
    _, view = show(theirs)
    older = await view.result("older", before=75, count=50)
    assert [row["index"] for row in older["messages"]] == [*range(15, 60), *range(70, 75)]
    assert older["has_older"]
    first = await view.result("older", before=15, count=50)
    assert [row["index"] for row in first["messages"]] == list(range(15))
    assert not first["has_older"]
    newer = await view.result("newer", after=59, count=30)
    assert [row["index"] for row in newer["messages"]] == list(range(70, 100))
    assert newer["has_newer"]
    last = await view.result("newer", after=99, count=200)
    assert [row["index"] for row in last["messages"]] == list(range(100, 130))
    assert not last["has_newer"]
    assert len((await view.result("newer", after=-1, count=5000))["messages"]) == 120
    assert len((await view.result("open", count=0))["messages"]) == 1


async def test_changes_are_told(people: People, show: Show) -> None:
    """Added, edited, removed, typing: each once, in order, numbered from 1 on."""
    mine, theirs = await people.pair()
    _, view = show(mine)
    await view.result("open", count=50)
    await theirs.typing()
    await view.until(lambda: view.changes("typing"))
    assert view.changes("typing")[0]["names"] == [theirs.client.user.identity]
    await theirs.send_message("hello <b>")
    await view.until(lambda: view.changes("added") and len(view.changes("typing")) == 2)
    assert view.changes("typing")[1]["names"] == []
    (added,) = view.changes("added")
    assert added["message"]["body"] == "hello <b>"
    assert "local_id" not in added
    message = (await theirs.get_messages()).items[0]
    await message.update_body("edited")
    await view.until(lambda: view.changes("updated"))
    assert view.changes("updated")[-1]["message"]["body"] == "edited"
    assert view.changes("updated")[-1]["message"]["edited"]
    await message.remove()
    await view.until(lambda: view.changes("removed"))
    assert view.changes("removed") == [{"type": "removed", "index": 0, "sid": message.sid}]


async def test_sending(people: People, show: Show) -> None:
    """What is written in the page reaches the others; the page's own id comes back with the message or the answer."""
    mine, theirs = await people.pair()
    _, view = show(mine)
    await view.result("open", count=50)
    added = Expected(theirs, "messageAdded")
    assert await view.result("send", body="<i>hi</i> 🎉", local_id="mine-1") == {"index": 0}
    assert (await added).body == "<i>hi</i> 🎉"
    await view.until(lambda: view.changes("added"))
    (change,) = view.changes("added")
    assert change["local_id"] == "mine-1"
    assert change["message"]["own"]


async def test_many_sent_at_once(people: People, show: Show) -> None:
    """Twenty of them, beside what others write: each has its own id, and nothing is kept afterwards."""
    mine, theirs = await people.pair()
    thread, view = show(mine)
    await view.result("open", count=50)
    *answers, _ = await asyncio.gather(
        *(view.result("send", body=f"own {number}", local_id=f"id {number}") for number in range(20)), write(theirs, 20)
    )
    await view.until(lambda: len(view.changes("added")) == 40)
    indexes = {answer["index"]: f"id {number}" for number, answer in enumerate(answers)}
    for change in view.changes("added"):
        message = change["message"]
        assert message["own"] == (message["index"] in indexes)
        if message["own"]:  # the batch or the answer, whichever came first, has told the page which one it is
            assert message["body"] == indexes[message["index"]].replace("id", "own")
        assert change.get("local_id") in (None, indexes.get(message["index"]))
    assert thread._local_ids == {}


async def test_an_answer_after_the_event(people: People, show: Show) -> None:
    """The message is told before its answer comes: the page matches them by index, and the widget keeps nothing."""
    async with Proxy(people.service.port) as proxy:
        alice, bob = await people.client("alice", proxy.url), await people.client("bob")
        mine, _ = await people.room(alice, bob)
        thread, view = show(mine)
        await view.result("open", count=50)
        proxy.swallow()
        sending = asyncio.create_task(view.result("send", body="once", local_id="x"))
        await proxy.swallowed()
        seen = Expected(mine, "messageAdded")
        proxy.restore()
        proxy.cut()
        await seen
        assert await sending == {"index": 0}
        await view.until(lambda: view.changes("added"))
        assert len(view.changes("added")) == 1
        await mine.send_message("later")
        await view.until(lambda: len(view.changes("added")) == 2)
        assert thread._local_ids == {}


async def test_typing(people: People, show: Show) -> None:
    """A word of typing in the page reaches the others; one's own is not told back."""
    mine, theirs = await people.pair()
    _, view = show(mine)
    started = Expected(theirs, "typingStarted")
    assert await view.result("typing") is None
    assert (await started).identity == mine.client.user.identity
    assert view.changes("typing") == []


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("open", {}),
        ("open", {"count": "many"}),
        ("open", {"count": None}),
        ("open", {"count": float("inf")}),
        ("older", {"count": 5}),
        ("older", {"count": 5, "before": []}),
        ("older", {"count": 5, "before": -3}),
        ("newer", {"count": 5, "after": float("nan")}),
        ("send", {}),
        ("send", {"body": "no id"}),
        ("send", {"body": None, "local_id": "x"}),
        ("send", {"body": {"a": 1}, "local_id": "x"}),
        ("send", {"body": "", "local_id": "x"}),
        ("send", {"body": "x" * 33 * 1024, "local_id": "x"}),
        ("close", {}),
        ("__init__", {}),
        ("_answer_open", {}),
        ("", {}),
    ],
)
async def test_requests_that_make_no_sense(people: People, show: Show, method: str, params: dict[str, Any]) -> None:
    """Each is answered with an error that has a sentence; nothing was sent, and the next request works."""
    mine, _ = await people.pair()
    _, view = show(mine)
    response = await view.ask(method, **params)
    assert response["ok"] is False
    assert response["error"]["type"]
    assert " " in response["error"]["message"]
    assert (await view.result("open", count=5))["messages"] == []


@pytest.mark.parametrize(
    "content",
    [
        None,
        5,
        "request",
        [],
        {},
        {"kind": "other"},
        {"kind": "response", "id": "x", "ok": True},
        {"kind": ["request"]},
        {"method": "send", "params": {"body": "x"}},
    ],
)
async def test_foreign_messages(people: People, show: Show, content: Any) -> None:
    """What is no request of ours is not answered."""
    mine, _ = await people.pair()
    _, view = show(mine)
    view.say(content)
    await view.result("open", count=5)
    assert [one["kind"] for one in view.sent] == ["response"]


@pytest.mark.parametrize("params", [None, 5, "x", []])
async def test_parameters_that_are_none(people: People, show: Show, params: Any) -> None:
    """A request without its parameters is refused."""
    mine, _ = await people.pair()
    _, view = show(mine)
    view.say({"kind": "request", "id": "odd", "method": "open", "params": params})
    await view.until(lambda: view.sent)
    assert (view.sent[0]["id"], view.sent[0]["ok"]) == ("odd", False)


async def test_errors_of_the_service_reach_the_page(people: People, show: Show) -> None:
    """The page is told in the error's own words."""
    mine, theirs = await people.pair()
    _, view = show(theirs)
    await view.result("open", count=5)
    await mine.remove_participant(theirs.client.user.identity)
    response = await view.ask("send", body="may I?", local_id="x")
    assert response["error"]["type"] == "Forbidden" or "join" in response["error"]["message"]


async def test_read_only(people: People, show: Show) -> None:
    """A thread to read refuses to send, says nothing of typing, and can be switched."""
    mine, theirs = await people.pair()
    thread, view = show(mine, read_only=True)
    response = await view.ask("send", body="hello", local_id="x")
    assert "read-only" in response["error"]["message"]
    seen = Seen(theirs)
    await view.result("typing")
    thread.read_only = False
    assert view.state["read_only"] is False
    await view.result("send", body="now", local_id="y")
    await seen.until(lambda: seen.of(theirs, "messageAdded") != [])
    assert seen.of(theirs, "typingStarted") == []
    assert [message.body for message in (await theirs.get_messages()).items] == ["now"]


async def test_messages_from_other_threads(people: People, show: Show) -> None:
    """Jupyter may call back in any thread: the work is done on the widget's own loop all the same."""
    mine, _ = await people.pair()
    _, view = show(mine)
    home = threading.get_ident()
    where: list[int] = []
    mine.on("messageAdded", lambda _: where.append(threading.get_ident()))
    params = {"body": "from a thread", "local_id": "x"}
    request = {"kind": "request", "id": "t", "method": "send", "params": params}
    await asyncio.to_thread(view.say, request)
    await view.until(lambda: any(one.get("id") == "t" for one in view.sent) and view.changes("added"))
    assert where == [home]
    await asyncio.to_thread(view.set, read_only=True)
    assert (await view.ask("send", body="x", local_id="y"))["ok"] is False


# --- Batches -------------------------------------------------------------------------------------------------------


async def test_a_burst_travels_together(people: People, show: Show) -> None:
    """What happens within a frame is one message; a hundred messages are a few batches, not a hundred."""
    mine, theirs = await people.pair()
    _, view = show(mine)
    await view.result("open", count=50)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await asyncio.gather(*(theirs.send_message(str(number)) for number in range(100)))
    await view.until(lambda: len(view.changes("added")) == 100)
    assert [change["message"]["index"] for change in view.changes("added")] == list(range(100))
    assert len(view.batches) <= (loop.time() - started) * 60 + 2


async def test_too_much_at_once_is_a_reset(people: People, show: Show) -> None:
    """Five thousand changes in a frame: the page is told to read anew, and goes on from there."""
    mine, theirs = await people.pair()
    thread, view = show(mine)
    await view.result("open", count=50)
    await write(theirs, 1)
    await view.until(lambda: view.changes("added"))
    message = (await mine.get_messages()).items[0]
    before = len(view.sent)
    for _ in range(5000):
        mine._announce("messageUpdated", cw.MessageUpdated(message, ["body"]))
    await view.until(lambda: view.changes("reset"))
    (batch,) = view.sent[before:]
    assert batch["changes"] == [{"type": "reset"}]
    assert (await view.result("open", count=50))["seq"] == batch["seq"]
    await write(theirs, 1, start=1)
    await view.until(lambda: len(view.changes("added")) == 2)
    assert thread._changes == []


async def test_a_conversation_that_is_read_anew(people: People, show: Show) -> None:
    """The view may show another past than the service's: it is told to read again, and shows what is there."""
    mine, theirs = await people.pair()
    _, view = show(mine)
    await view.result("open", count=50)
    mine._followed.lost("A test says so.")
    await view.until(lambda: view.changes("reset"))
    await write(theirs, 1)
    await view.until(lambda: view.changes("added"))
    assert [row["body"] for row in (await view.result("open", count=50))["messages"]] == ["0"]


async def test_what_the_recent_ones_are(people: People, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last fifty travel with the state, brought up to date soon after changes, not at each."""
    monkeypatch.setattr("convo_widgets.widgets.thread.RECENT_INTERVAL", 0.05)
    mine, theirs = await people.pair()
    await write(theirs, 60)
    _, view = show(mine)
    await view.until(lambda: len(view.state["_recent"]) == 50)
    assert bodies(view.state["_recent"]) == [str(number) for number in range(10, 60)]
    await write(theirs, 10, start=60)
    await view.until(lambda: view.state["_recent"][-1]["body"] == "69")
    assert len(view.state["_recent"]) == 50
    await (await theirs.get_messages(1)).items[0].update_body("edited")
    await view.until(lambda: view.state["_recent"][-1]["body"] == "edited")


# --- Names ---------------------------------------------------------------------------------------------------------


async def test_names_of_people(people: People, show: Show) -> None:
    """The user's friendly name, else the name in the participant's attributes, else the identity."""
    alice = await people.client("alice")
    (mine,) = await people.room(alice)
    for name in ("friendly", "attribute", "both", "neither"):
        client = await people.client(name)
        await mine.add(client.user.identity, {"name": f"Given {name}"} if name in ("attribute", "both") else None)
        if name in ("friendly", "both"):
            await client.user.update_friendly_name(f"Friendly {name}")
        joined = await client.get_conversation_by_sid(mine.sid)
        await joined.send_message(name)
    _, view = show(mine)
    opened = await view.result("open", count=50)
    named = {row["body"]: row["name"] for row in opened["messages"]}
    assert named == {
        "friendly": "Friendly friendly",
        "attribute": "Given attribute",
        "both": "Friendly both",
        "neither": people.identity("neither"),
    }
    await view.until(lambda: len(view.state.get("_header", {}).get("names", [])) == 5)
    assert set(named.values()) < set(view.state["_header"]["names"])


async def test_a_newcomer(people: People, show: Show) -> None:
    """Somebody who comes while the thread is shown: their message is there at once, then their name."""
    alice, bob = await people.client("alice"), await people.client("bob")
    await bob.user.update_friendly_name("Bob B.")
    (mine,) = await people.room(alice)
    _, view = show(mine)
    await view.result("open", count=50)
    joined = Expected(bob, "conversationJoined")
    await mine.add(bob.user.identity)
    await (await joined).send_message("hello")
    await view.until(lambda: view.changes("updated") or (view.changes("added")[:1] and view.changes("added")[0]))
    await view.until(lambda: "Bob B." in [change["message"]["name"] for change in view.changes("added", "updated")])
    await view.until(lambda: len(view.state["_header"]["names"]) == 2)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("+15551234567", "+15 •••• 4567"),
        ("whatsapp:+4917012345678", "+49 •••• 5678"),
        ("sms:+15551234567", "+15 •••• 4567"),
        ("15551234567", "155 •••• 4567"),
        ("messenger:someone", "someone"),
        ("m@example.com", "m@example.com"),
        ("alice", "alice"),
        ("+12", "+12"),
        ("a:b", "a:b"),
        ("", ""),
    ],
)
def test_addresses_are_masked(address: str, shown: str) -> None:
    """Of a phone number only its ends are shown."""
    assert mask(address) == shown


async def test_people_on_other_channels(show: Show, people: People) -> None:
    """Their channel and name are shown; a phone number without a name is masked, also in the static page."""
    with cw.LocalService(seed="demo") as service:
        dana = people.keep(await cw.connect(service.token("dana"), service=service))
        channels = set()
        for conversation in await dana.get_subscribed_conversations():
            thread, view = show(conversation)
            rows = (await view.result("open", count=200))["messages"]
            channels |= {row["channel"] for row in rows}
            assert all(row["name"] for row in rows)
            for row in rows:
                if row["channel"] in ("sms", "whatsapp"):
                    digits = (row["author"] or "").rpartition("+")[2]
                    assert digits not in row["name"]
                    assert digits not in thread._static_html()
        assert channels == {"chat", "sms", "whatsapp", "email"}


async def test_a_name_that_could_not_be_looked_up(people: People, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a connection the address is shown, and the name is looked up again later."""
    monkeypatch.setattr("convo_widgets.transport.link.CONNECTION_TIMEOUT", 0.05)
    async with Proxy(people.service.port) as proxy:
        alice, bob = await people.client("alice", proxy.url), await people.client("bob")
        await bob.user.update_friendly_name("Bob B.")
        mine, theirs = await people.room(alice, bob)
        gone = Expected(alice, "connectionStateChanged")
        proxy.refuse()
        await gone
        _, view = show(mine)
        assert (await view.ask("open", count=5))["error"]["type"] == "ConnectionLost"
        back = Expected(alice, "connectionStateChanged", lambda state: state == "connected")
        monkeypatch.setattr("convo_widgets.transport.link.CONNECTION_TIMEOUT", 10)
        proxy.restore()
        await back
        await write(theirs, 1)
        await view.until(lambda: view.changes("added"))
        opened = await view.result("open", count=5)
        assert [row["name"] for row in opened["messages"]] == ["Bob B."]
        await view.until(lambda: "Bob B." in view.state.get("_header", {}).get("names", []))


# --- Which conversation --------------------------------------------------------------------------------------------


async def _two(people: People, show: Show) -> tuple[Any, ...]:
    alice, bob = await people.client("alice"), await people.client("bob")
    first, bob_first = await people.room(alice, bob, friendly_name="first")
    second, bob_second = await people.room(alice, bob, friendly_name="second")
    await write(first, 2)
    await write(second, 3)
    thread, view = show(first)
    await view.result("open", count=50)
    await view.until(lambda: view.state.get("_header", {}).get("title") == "first")
    return first, second, bob_first, bob_second, thread, view


@pytest.mark.parametrize("side", ["kernel", "page"])
async def test_another_conversation(people: People, show: Show, side: str) -> None:
    """Setting the sid on either side shows another conversation; the old one is let go."""
    first, second, bob_first, bob_second, thread, view = await _two(people, show)
    if side == "kernel":
        thread.conversation_sid = second.sid
    else:
        view.set(conversation_sid=second.sid)
    await view.until(lambda: view.changes("reset"))
    assert thread.conversation is second
    assert bodies((await view.result("open", count=50))["messages"]) == ["0", "1", "2"]
    await view.until(lambda: view.state["_header"]["title"] == "second")
    assert bodies(view.state["_recent"]) == ["0", "1", "2"]
    await bob_first.send_message("not shown")
    await bob_second.send_message("shown")
    await view.until(lambda: view.changes("added"))
    assert bodies([change["message"] for change in view.changes("added")]) == ["shown"]
    assert not any((first._handlers or {}).values())


async def test_an_unknown_conversation(people: People, show: Show, caplog: pytest.LogCaptureFixture) -> None:
    """The sid goes back to what is shown, which stays alive."""
    first, _, bob_first, _, thread, view = await _two(people, show)
    view.set(conversation_sid="CH" + "0" * 32)
    await view.until(lambda: view.state["conversation_sid"] == first.sid)
    assert thread.conversation is first
    await bob_first.send_message("alive")
    await view.until(lambda: view.changes("added"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_back_and_forth(people: People, show: Show) -> None:
    """Whoever switches quickly sees in the end what was asked for last."""
    first, second, bob_first, _, thread, view = await _two(people, show)
    for sid in (second.sid, first.sid, second.sid, "CH" + "0" * 32, first.sid):
        thread.conversation_sid = sid
        await asyncio.sleep(0)
    assert len((await view.result("open", count=50))["messages"]) == 2
    assert thread.conversation is first
    assert thread.conversation_sid == first.sid
    await bob_first.send_message("alive")
    await view.until(lambda: view.changes("added"))
    assert bodies([change["message"] for change in view.changes("added")]) == ["alive"]
    assert not any((second._handlers or {}).values())


async def test_opening_while_switching(people: People, show: Show) -> None:
    """A request of the page during a switch is answered, with the new conversation."""
    _, second, _, _, thread, view = await _two(people, show)
    thread.conversation_sid = second.sid
    opened = await view.result("open", count=50)
    assert len(opened["messages"]) == 3


async def test_two_threads_on_one_conversation(people: People, show: Show) -> None:
    """Both are alive; one closes, the other goes on."""
    mine, theirs = await people.pair()
    one, first = show(mine)
    _, second = show(mine)
    await asyncio.gather(first.result("open", count=5), second.result("open", count=5))
    await theirs.send_message("both")
    await asyncio.gather(*(view.until(lambda view=view: view.changes("added")) for view in (first, second)))  # type: ignore[misc]
    one.close()
    await theirs.send_message("one")
    await second.until(lambda: len(second.changes("added")) == 2)
    assert len(first.changes("added")) == 1


async def test_before_one_has_joined(people: People, show: Show, caplog: pytest.LogCaptureFixture) -> None:
    """A conversation that one is not in says so in the page; after joining the same thread works."""
    alice = await people.client("alice")
    made = await alice.create_conversation(friendly_name="mine")
    _, view = show(made)
    response = await view.ask("open", count=5)
    assert "join()" in response["error"]["message"]
    await made.join()
    await made.send_message("now")
    assert bodies((await view.result("open", count=5))["messages"]) == ["now"]
    await view.until(lambda: view.state["_header"].get("title") == "mine")
    assert all(record.levelno < logging.ERROR for record in caplog.records)


async def test_being_taken_out(people: People, show: Show, caplog: pytest.LogCaptureFixture) -> None:
    """Who is removed while reading keeps what is shown; nothing fails."""
    mine, theirs = await people.pair()
    _, view = show(theirs)
    await mine.send_message("hello")
    await view.until(lambda: view.changes("added"))
    removed = Expected(theirs, "removed")
    await mine.typing()
    await mine.update_friendly_name("bye")
    await mine.remove_participant(theirs.client.user.identity)
    await removed
    assert "join()" in (await view.ask("open", count=5))["error"]["message"]
    assert all(record.levelno < logging.ERROR for record in caplog.records)


# --- Connection ----------------------------------------------------------------------------------------------------


async def test_a_cut(people: People, show: Show) -> None:
    """The page sees the state; after coming back it is told to read anew, so that nothing can be missing."""
    async with Proxy(people.service.port) as proxy:
        alice, bob = await people.client("alice", proxy.url), await people.client("bob")
        mine, theirs = await people.room(alice, bob)
        _, view = show(mine)
        await view.result("open", count=50)
        proxy.refuse()
        await view.until(lambda: view.state["_connection"] == "connecting")
        await write(theirs, 5)
        reading = asyncio.create_task(view.result("open", count=50))  # may be answered before the replay
        proxy.restore()
        await reading
        await view.until(lambda: view.state["_connection"] == "connected" and view.changes("reset"))
        assert bodies((await view.result("open", count=50))["messages"]) == ["0", "1", "2", "3", "4"]
        await theirs.send_message("5")
        await view.until(lambda: "5" in bodies([change["message"] for change in view.changes("added")]))


# --- Life ----------------------------------------------------------------------------------------------------------


async def test_closing_leaves_nothing(people: People) -> None:
    """No listener, no task, no timer; what happens later is not told; a second close does nothing."""
    mine, theirs = await people.pair()
    tasks = asyncio.all_tasks()
    handlers = {name: len(some) for name, some in (mine.client._handlers or {}).items()}
    thread = cw.Thread(mine)
    view: Any = thread.comm
    await view.result("open", count=5)
    seen = Seen(theirs)
    await mine.send_message("one")
    await view.until(lambda: view.changes("added"))
    asking = [asyncio.create_task(view.ask("open", count=5)) for _ in range(3)]
    await asyncio.sleep(0)
    thread.close()
    thread.close()
    assert view.closed
    told = len(view.sent)
    assert not any((mine._handlers or {}).values())
    assert {name: len(some) for name, some in (mine.client._handlers or {}).items() if some} == {
        name: count for name, count in handlers.items() if count
    }
    await mine.send_message("two")
    await seen.until(lambda: len(seen.of(theirs, "messageAdded")) == 2)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert asyncio.all_tasks() - tasks == set()
    assert len(view.sent) == told
    view.say({"kind": "request", "id": "late", "method": "open", "params": {"count": 5}})
    await asyncio.sleep(0)
    await mine.get_messages_count()
    assert len(view.sent) == told


async def test_closing_at_once(people: People, show: Show) -> None:
    """A thread that is closed before it has begun leaves nothing either."""
    mine, _ = await people.pair()
    thread, _ = show(mine)
    thread.close()
    assert not any((mine._handlers or {}).values())


@pytest.mark.parametrize("what", [None, "CH1", 5])
async def test_only_conversations(what: Any) -> None:
    """Anything else is a UsageError that names what was given, and nothing breaks when it is thrown away."""
    with pytest.raises(cw.UsageError, match=f"not {type(what).__name__}"):
        cw.Thread(what)
    gc.collect()


async def test_unknown_arguments(people: People) -> None:
    """A misspelt argument is an error, not a silence; a wrong value too."""
    mine, _ = await people.pair()
    with pytest.raises(cw.UsageError, match="no argument 'hight'"):
        cw.Thread(mine, hight=300)
    with pytest.raises(Exception, match="theme"):
        cw.Thread(mine, theme="pink")
    with pytest.raises(Exception, match="height"):
        cw.Thread(mine, height=5)
    gc.collect()
    assert not any((mine._handlers or {}).values())


async def test_no_running_loop(people: People) -> None:
    """Made where nothing runs, it says where to make it."""
    mine, _ = await people.pair()

    def make() -> None:
        with pytest.raises(cw.UsageError, match="running event loop"):
            cw.Thread(mine)
        gc.collect()

    await asyncio.to_thread(make)


# --- What is saved and shown ---------------------------------------------------------------------------------------

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</ul>"


async def test_the_static_page_is_text(people: People, show: Show) -> None:
    """Names, titles and bodies are escaped; the bundle has the widget, HTML and text."""
    mine, theirs = await people.pair(friendly_name=f"title {NASTY}")
    await theirs.client.user.update_friendly_name(f"name {NASTY}")
    await theirs.send_message(f"body {NASTY}")
    thread, view = show(mine)
    await view.until(lambda: view.state["_recent"])
    bundle = thread._repr_mimebundle_()
    assert bundle is not None
    data, _ = bundle
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert data["text/plain"] == repr(thread)
    for tag in ("<script", "<img", "</ul>\"'"):
        assert tag not in data["text/html"].removesuffix("</ul>")
    assert data["text/html"].count("&lt;script&gt;") == 3
    assert "body" in data["text/html"]


async def test_no_secret_in_the_state(people: People, show: Show) -> None:
    """Neither tokens nor keys are in what a saved notebook holds, nor in what goes to the page."""
    token = people.token("alice")
    alice, bob = await people.client("alice", token=token), await people.client("bob")
    mine, theirs = await people.room(alice, bob)
    thread, view = show(mine)
    await view.result("open", count=5)
    await write(theirs, 1)
    await view.until(lambda: view.changes("added"))
    shown = [str(thread.get_state()), str(view.state), str(view.sent), repr(thread), str(thread._repr_mimebundle_())]
    for text in shown:
        for secret in (people.service.api_secret, people.service.api_key, *token.split(".")[1:], "127.0.0.1"):
            assert secret not in text
