"""What happens to the program around a client: killed tasks, cancelled cells, busy loops, sleep, bad listeners."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import psutil
import pytest

import convo_widgets as cw
from convo_widgets.wire import json as wire_json
from convo_widgets.wire.schema import Header
from tests.client.people import Expected, People, Seen, sockets, write
from tests.faults.proxy import Proxy

ROOT = Path(__file__).parent.parent.parent
BURST = 50_000
MEMORY = 6_000
"""Bytes of memory that a message may cost at most."""
SLEEP = 3.0
"""Seconds that a machine sleeps."""


def _connected(client: cw.Client) -> Expected:
    return Expected(client, "connectionStateChanged", lambda state: state == "connected")


def _listeners(*sources: Any) -> int:
    return sum(len(handlers) for one in sources for handlers in (one._handlers or {}).values()) + sum(
        len(one._taps or []) for one in sources
    )


# --- Killed and cancelled -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["convo-widgets link", "every task of ours"])
async def test_a_killed_task(people: People, name: str) -> None:
    """Somebody cancels all tasks that they find: the client says that it is disconnected, and a token revives it."""
    mine, theirs = await people.pair()
    seen = Seen(mine, mine.client)
    ours = [task for task in asyncio.all_tasks() if task.get_name().startswith("convo-widgets")]
    mine_only = [task for task in ours if task is mine.client._session.link._task]
    assert len(mine_only) == 1
    killed, clients = (
        (mine_only, [mine.client]) if name == "convo-widgets link" else (ours, [mine.client, theirs.client])
    )
    gone = [Expected(one, "connectionStateChanged", lambda state: state == "disconnected") for one in clients]
    for task in killed:
        task.cancel()
    for one in gone:
        await one
    with pytest.raises(cw.UsageError, match="cancelled"):
        await mine.send_message("no")
    if theirs.client in clients:
        await theirs.client.update_token(people.token("bob"))
    await mine.client.update_token(people.token("alice"))
    await write(theirs, 2)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 2)


@types.coroutine
def _cancelled_at(act: Coroutine[Any, Any, Any], number: int) -> Generator[Any, Any, bool]:
    """Run an act, and cancel its task just as it begins to wait for the `number`-th time; whether it ended before."""
    step: Callable[[], Any] = lambda: act.send(None)  # noqa: E731
    for count in itertools.count(1):
        try:
            waited = step()
        except StopIteration:
            return True
        if count == number:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        try:
            got = yield waited
        except BaseException as error:
            step = lambda error=error: act.throw(error)  # noqa: E731
        else:
            step = lambda got=got: act.send(got)  # noqa: E731
    raise AssertionError


async def _cell(act: Coroutine[Any, Any, Any], number: int) -> bool:
    """A notebook's cell that is interrupted at its `number`-th await; whether it ended before that."""

    async def cell() -> bool:
        return await _cancelled_at(act, number)

    task = asyncio.create_task(cell())
    try:
        return await task
    except asyncio.CancelledError:
        assert task.cancelled()
        return False


Act = Callable[["Room"], Coroutine[Any, Any, Any]]


class Room:
    """What the acts of the cancelled cells act upon."""

    def __init__(self, people: People, mine: cw.Conversation, theirs: cw.Conversation, message: cw.Message) -> None:
        self.people, self.mine, self.theirs, self.message = people, mine, theirs, message
        self.client = mine.client
        self.numbers = itertools.count()

    def name(self) -> str:
        """One that nobody has yet."""
        return self.people.identity(f"name{next(self.numbers)}")


async def _all_history(room: Room) -> None:
    page = await room.mine.get_messages(2)
    while page.has_prev_page:
        page = await page.prev_page()


async def _connect(room: Room) -> None:
    await (await cw.connect(room.people.token("alice"), url=room.people.service.url)).shutdown()


async def _leave_and_join(room: Room) -> None:
    await room.mine.leave()
    await room.mine.join()


async def _stay_a_while(room: Room) -> None:
    async with cw.connect(room.people.token("alice"), url=room.people.service.url) as client:
        await client.get_subscribed_conversations()


async def _read_all(room: Room) -> None:
    async for _ in room.mine.history(page_size=2, prefetch=2):
        pass


async def _make_and_delete(room: Room) -> None:
    await (await (await room.client.create_conversation()).join()).delete()


async def _write_and_remove(room: Room) -> None:
    index = await room.mine.send_message("not for long")
    (written,) = (await room.mine.get_messages(1, index)).items
    await written.remove()


async def _add_and_remove(room: Room) -> None:
    identity = room.name()
    await room.mine.add(identity)
    await room.mine.remove_participant(identity)


async def _change_participant(room: Room) -> None:
    participant = await room.mine.get_participant_by_identity(room.client.user.identity)
    assert participant is not None
    await participant.update_attributes({"name": room.name()})


async def _follow_user(room: Room) -> None:
    await (await room.client.get_user(room.theirs.client.user.identity)).unsubscribe()


async def _send_media(room: Room) -> None:
    media = [cw.FileMedia(bytes(300_000), "application/octet-stream", f"{number}.bin") for number in range(3)]
    message = room.mine.prepare_message().set_body("with media")
    for medium in media:
        message = message.add_media(medium)
    index = await message.build_and_send()
    (sent,) = (await room.mine.get_messages(1, index)).items
    await sent.get_temporary_content_urls_for_attached_media()
    assert sent.media is not None
    assert await sent.media.read() == bytes(300_000)
    with tempfile.TemporaryDirectory() as folder:
        saved = await sent.media.download(folder)
        assert saved.read_bytes() == bytes(300_000)
        assert list(saved.parent.iterdir()) == [saved], "no half file stays"


async def _add_over_sms(room: Room) -> None:
    number = next(room.numbers)
    await room.mine.add_non_chat_participant(f"+1555{number:07}", f"+1666{number:07}")


async def _be_pushed(room: Room) -> None:
    await room.client.set_push_registration_id("fcm", room.name())
    await room.client.handle_push_notification({"data": {"twi_message_type": cw.NotificationTypes.NEW_MESSAGE}})
    await room.client.unset_push_registration_id("fcm")
    await room.client.remove_push_registrations("fcm", room.name())


ACTS: dict[str, Act] = {
    "connect": _connect,
    "get_subscribed_conversations": lambda room: room.client.get_subscribed_conversations(),
    "get_conversation_by_sid": lambda room: room.client.get_conversation_by_sid(room.mine.sid),
    "get_conversation_by_unique_name": lambda room: room.client.get_conversation_by_unique_name(room.mine.unique_name),
    "peek_conversation_by_sid": lambda room: room.client.peek_conversation_by_sid(room.mine.sid),
    "create_conversation": lambda room: room.client.create_conversation(unique_name=room.name()),
    "get_user": lambda room: room.client.get_user(room.theirs.client.user.identity),
    "get_subscribed_users": lambda room: room.client.get_subscribed_users(),
    "update_token": lambda room: room.client.update_token(room.people.token("alice")),
    "send_message": lambda room: room.mine.send_message("perhaps"),
    "get_messages": _all_history,
    "get_messages_count": lambda room: room.mine.get_messages_count(),
    "get_unread_messages_count": lambda room: room.mine.get_unread_messages_count(),
    "get_participants": lambda room: room.mine.get_participants(),
    "get_participants_count": lambda room: room.mine.get_participants_count(),
    "typing": lambda room: room.mine.typing(),
    "advance_last_read_message_index": lambda room: room.mine.advance_last_read_message_index(1),
    "set_all_messages_read": lambda room: room.mine.set_all_messages_read(),
    "set_all_messages_unread": lambda room: room.mine.set_all_messages_unread(),
    "set_user_notification_level": lambda room: room.mine.set_user_notification_level("muted"),
    "update_friendly_name": lambda room: room.mine.update_friendly_name(room.name()),
    "update_attributes": lambda room: room.mine.update_attributes({"name": room.name()}),
    "add": lambda room: room.mine.add(room.name()),
    "leave and join": _leave_and_join,
    "message.update_body": lambda room: room.message.update_body(room.name()),
    "message.update_attributes": lambda room: room.message.update_attributes({"name": room.name()}),
    "message.get_participant": lambda room: room.message.get_participant(),
    "user.update_friendly_name": lambda room: room.client.user.update_friendly_name(room.name()),
    "async with connect": _stay_a_while,
    "history": _read_all,
    "delete": _make_and_delete,
    "message.remove": _write_and_remove,
    "remove_participant": _add_and_remove,
    "participant.update_attributes": _change_participant,
    "user.unsubscribe": _follow_user,
    "media": _send_media,
    "add_non_chat_participant": _add_over_sms,
    "push": _be_pushed,
    "update_last_read_message_index": lambda room: room.mine.update_last_read_message_index(None),
    "update_unique_name": lambda room: room.mine.update_unique_name(room.name()),
    "get_content_templates": lambda room: room.client.get_content_templates(),
    "set_push_registration_id": lambda room: room.client.set_push_registration_id("fcm", room.name()),
    "message.get_detailed_delivery_receipts": lambda room: room.message.get_detailed_delivery_receipts(),
    "message.get_channel_metadata": lambda room: room.message.get_channel_metadata(),
    "message.get_message_recipients": lambda room: room.message.get_message_recipients(),
    "get_message_recipients": lambda room: room.mine.get_message_recipients(),
    "wait_for": lambda room: room.mine.wait_for("messageAdded", 0.05),
}


KNOWN = {
    "message.get_channel_metadata",
    "get_subscribed_conversations",
    "get_subscribed_users",
    "get_participants",
    "message.get_participant",
    "get_conversation_by_sid",
}
"""What is answered without waiting, where it is known."""


@pytest.mark.parametrize("name", ACTS)
async def test_a_cancelled_cell(people: People, name: str) -> None:
    """Interrupted at its first, second, ... await: nothing is left behind, and everything still works."""
    mine, theirs = await people.pair(unique_name=people.identity("room"))
    await write(mine, 5)
    (message,) = (await mine.get_messages(1)).items
    room = Room(people, mine, theirs, message)
    tasks, listeners = asyncio.all_tasks(), _listeners(mine, mine.client)
    for number in itertools.count(1):
        room.mine._typing_until = 0.0
        try:
            if await _cell(ACTS[name](room), number):
                break
        except (cw.Conflict, cw.UsageError, TimeoutError):  # the interrupted one had come so far
            break
        assert mine.client.connection_state == "connected"
        await _settle(mine)
        assert await mine.send_message("still here") > 4
    await _settle(mine)
    assert number > 1 or name in KNOWN
    async with asyncio.timeout(5):  # subscriptions of the last act may be under way
        while asyncio.all_tasks() - tasks:
            await asyncio.wait(asyncio.all_tasks() - tasks)
    link = mine.client._session.link
    assert len(link._answers) == 0
    assert link._protocol._waiting == {}
    assert _listeners(mine, mine.client) == listeners
    seen = Seen(mine)
    await theirs.send_message("and you?")
    await seen.until(lambda: any(one.body == "and you?" for one in seen.of(mine, "messageAdded")))


async def _settle(mine: cw.Conversation) -> None:
    """Be in the conversation, for the service and for the client, wherever leaving or joining was interrupted."""
    async with asyncio.timeout(10):
        with contextlib.suppress(cw.Conflict):  # the service has it so already
            await mine.add(mine.client.user.identity)
        while mine.status != "joined" or not mine._messages.is_open:
            with contextlib.suppress(TimeoutError):
                await mine.client.wait_for("conversationJoined", 0.1)


# --- Many ---------------------------------------------------------------------------------------------------------


async def test_two_clients_in_one_kernel(people: People) -> None:
    """The same person twice: both are told all, and the end of one is nothing to the other."""
    first, second, bob = await asyncio.gather(*(people.client(name) for name in ("alice", "alice", "bob")))
    (theirs,) = await people.room(bob)
    here = [Expected(client, "conversationJoined") for client in (first, second)]
    await theirs.add(first.user.identity)
    one, two = [await expected for expected in here]
    seen = Seen(one, two)
    await write(theirs, 5)
    await seen.until(lambda: all(len(seen.of(view, "messageAdded")) == 5 for view in (one, two)))
    tasks = asyncio.all_tasks()
    there = sockets(people.service.port)
    await first.shutdown()
    assert sockets(people.service.port) == there - 1
    assert len(asyncio.all_tasks()) < len(tasks)
    await write(theirs, 5, start=5)
    await seen.until(lambda: len(seen.of(two, "messageAdded")) == 10)
    assert len(seen.of(one, "messageAdded")) == 5
    assert await two.send_message("still here") == 10


async def test_a_hundred_conversations(people: People, proxy: Proxy) -> None:
    """All of them are followed, over cuts too; the client takes two tasks or three, not hundreds."""
    alice, bob = await people.client("alice", proxy.url), await people.client("bob")
    theirs = [(await people.room(bob))[0] for _ in range(100)]
    joined = Seen(alice)
    await asyncio.gather(*(one.add(alice.user.identity) for one in theirs))
    await joined.until(lambda: len(joined.of(alice, "conversationJoined")) == 100)
    mine = {one.sid: one for one in await alice.get_subscribed_conversations()}
    seen = Seen(*mine.values())
    for time_ in range(3):
        back = _connected(alice)
        proxy.cut()
        await asyncio.gather(*(one.send_message(f"{time_}") for one in theirs))
        await back
    await seen.until(
        lambda: len(seen.all) >= 300 and all(len(seen.of(one, "messageAdded")) == 3 for one in mine.values())
    )
    for one in mine.values():
        assert [message.body for message in seen.of(one, "messageAdded")] == ["0", "1", "2"]
    assert sum(task.get_name().startswith("convo-widgets") for task in asyncio.all_tasks()) <= 6
    assert sockets(int(proxy.url.rpartition(":")[2])) == 1


async def test_a_burst(people: People, proxy: Proxy) -> None:
    """Fifty thousand events as fast as the socket gives them: all handled, in order, and the memory is that of them."""
    mine, _ = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    (cable,) = proxy._cables
    sid = mine._messages._list.sid  # type: ignore[union-attr]
    indexes: list[int] = []
    handled = asyncio.Event()

    def take(message: cw.Message) -> None:
        indexes.append(message.index)
        if len(indexes) == BURST:
            handled.set()

    mine.on("messageAdded", take)
    before, began = psutil.Process().memory_info().rss, time.monotonic()

    async def pour() -> None:
        for number in range(BURST):
            data = {"sid": f"IM{number:032x}", "author": "bob", "text": f"message {number}", "type": "text"}
            event = {"id": 10**9 + number, "list_sid": sid, "item_index": number, "item_data": data}
            body = wire_json.encode({"event_type": "list_item_added", "event": event})
            header = Header("notification", f"TM{number}", payload_type="application/json")
            header.message_type = "com.twilio.rtd.cds.list"
            await cable.say(header, body)

    await asyncio.gather(pour(), asyncio.wait_for(handled.wait(), 60))
    assert indexes == list(range(BURST))
    assert mine.client.connection_state == "connected"
    assert await mine.get_messages_count() == 0  # it still answers
    grown = psutil.Process().memory_info().rss - before
    print(f"{BURST:,} events in {time.monotonic() - began:.1f} s, {grown / BURST:,.0f} bytes a message")
    assert grown < BURST * MEMORY


# --- Time ---------------------------------------------------------------------------------------------------------


async def test_a_blocked_loop(people: People, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that computes for three seconds, while pings go unanswered: all is made up for afterwards."""
    monkeypatch.setattr("convo_widgets.transport.link.PING_INTERVAL", 0.2)
    monkeypatch.setattr("convo_widgets.transport.link.PING_TIMEOUT", 0.4)
    (mine,) = await people.room(await people.client("alice", proxy.url))
    await mine.add(people.identity("bob"))
    seen = Seen(mine)
    await mine.send_message("before")
    for _ in range(2):
        _write_elsewhere(people, 10)
        time.sleep(SLEEP / 2)  # noqa: ASYNC251
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 21)
    assert [message.index for message in seen.of(mine, "messageAdded")] == list(range(21))
    assert await mine.send_message("after") == 21


def _write_elsewhere(people: People, count: int) -> None:
    """Somebody writes from a loop of their own, while this one is blocked."""

    async def writing() -> None:
        async with cw.connect(people.token("bob"), url=people.service.url) as client:
            (theirs,) = await client.get_subscribed_conversations()
            await write(theirs, count)

    thread = threading.Thread(target=lambda: asyncio.run(writing()))
    thread.start()
    thread.join()


@pytest.mark.parametrize("cut", [False, True], ids=["and the connection holds", "and the connection breaks"])
async def test_a_sleeping_laptop(people: People, proxy: Proxy, cut: bool) -> None:
    """A process that is stopped for some seconds has every message once, in order, soon after it goes on."""
    bob = await people.client("bob")
    (theirs,) = await people.room(bob)
    await theirs.add(people.identity("alice"))
    laptop = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.laptop",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert laptop.stdin is not None
    assert laptop.stdout is not None
    try:
        laptop.stdin.write(json.dumps({"url": proxy.url, "count": 40}).encode() + b"\n")
        async with asyncio.timeout(30):
            assert await laptop.stdout.readline() == b"token?\n"
            laptop.stdin.write(people.token("alice", ttl=SLEEP).encode() + b"\n")  # it ends while it sleeps
            assert await laptop.stdout.readline() == b"ready\n"
            await write(theirs, 10)
            laptop.send_signal(signal.SIGSTOP)
            await write(theirs, 20, start=10)
            await asyncio.sleep(SLEEP)
            if cut:
                proxy.cut()
            laptop.send_signal(signal.SIGCONT)
            await write(theirs, 10, start=30)
            while (line := await laptop.stdout.readline()) == b"token?\n":
                laptop.stdin.write(people.token("alice").encode() + b"\n")
            told = json.loads(line)
            assert told["bodies"] == [str(number) for number in range(40)]
            assert told["state"] == "connected"
            assert await laptop.wait() == 0
    finally:
        if laptop.returncode is None:
            laptop.kill()
            await laptop.wait()


# --- Listeners ----------------------------------------------------------------------------------------------------


async def test_bad_listeners(people: People, proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    """They raise, hang, act again, unsubscribe themselves, also over cuts: the good one is told all, once."""
    mine, theirs = await people.room(await people.client("alice", proxy.url), await people.client("bob"))
    forever, once, told, offs = asyncio.Event(), [], [], []

    async def hang(_: cw.Message) -> None:
        await forever.wait()

    async def fail(_: cw.Message) -> None:
        raise ValueError("later")

    def boom(_: cw.Message) -> None:
        raise ValueError("now")

    def only_once(message: cw.Message) -> None:
        once.append(message.index)
        off_once()
        off_once()

    def again(message: cw.Message) -> None:
        if message.index < 3:
            mine._emit("typingStarted", None)
            offs.append(mine.on("messageAdded", lambda _: offs.pop()() if offs else None))

    off_once = mine.on("messageAdded", only_once)
    for handler in (hang, boom, fail, again):
        mine.on("messageAdded", handler)
    seen = Seen(mine)
    mine.on("messageAdded", lambda message: told.append(message.index))
    mine.client.on("connectionStateChanged", boom)
    mine.client.on("connectionError", boom)
    for number in range(3):
        await theirs.send_message(f"{number}")
        back = _connected(mine.client)
        proxy.cut()
        await back
    await write(theirs, 3, start=3)
    await seen.until(lambda: len(told) == 6)
    assert told == [0, 1, 2, 3, 4, 5]
    assert once == [0]
    raised = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert raised.count("an async event handler raised") >= 5  # the last one is a task of its own
    assert raised.count("an event handler raised") > 6
    forever.set()
    await asyncio.sleep(0)
