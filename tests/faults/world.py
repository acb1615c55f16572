"""The people of the state machine: clients behind cables of their own, what they did, and what they were told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import convo_widgets as cw
from tests.faults.proxy import Passing, Proxy, Way, Where

PATIENCE = 20.0
"""Seconds for everybody to agree once the network is good again."""
KEY = {"api_key": f"SK{0:032}", "api_secret": "the same at every start of this service"}
FILES = ("", "-wal", "-shm")


class Actor:
    """A client behind a cable.

    Attributes:
        room: the conversation, as this client sees it.
        there: the messages that were announced and not removed, by index.
        announced: index of every `messageAdded`, in order.
        stayed: whether it has been in the conversation all the time.
        heeded: whether no write of it was ever refused: where that answer is lost, a second try may come late.
        breaks: how many times the service said that something may be missing.
    """

    def __init__(self, name: str, proxy: Proxy, client: cw.Client, room: cw.Conversation) -> None:
        self.name, self.proxy, self.client, self.room = name, proxy, client, room
        self.there: dict[int, cw.Message] = {}
        self.announced: list[int] = []
        self.stayed = self.heeded = True
        self.breaks = 0
        room.on("messageAdded", self._added)
        room.on("messageRemoved", lambda message: self.there.pop(message.index, None))
        room.on("discontinuity", self._discontinued)

    def _added(self, message: cw.Message) -> None:
        self.announced.append(message.index)
        self.there[message.index] = message

    def _discontinued(self, _: object) -> None:
        """Whoever keeps a copy reads it again, which `settle` does: numbers may come again."""
        self.breaks += 1
        self.stayed = False
        self.announced.clear()


class World:
    """A service with a file, two clients behind cables, and what was sent.

    Attributes:
        sent: what became of each message: its index, or the error that its sender was told.
        cuts: connections that were broken so far.
        restarts: of the service.
        has_backup: whether there is a copy of its file that was not put back.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "service.sqlite3"
        self.service = cw.LocalService(self._file, seed=None, **KEY)
        self.actors: list[Actor] = []
        self.sent: dict[str, int | cw.ConvoError] = {}
        self.faults: list[dict[str, Any]] = []
        self.restarts = 0
        self.has_backup = False
        self._is_old = False
        self.acts: set[asyncio.Task[None]] = set()
        self._foreign: list[BaseException] = []
        self._numbers = itertools.count()

    @property
    def cuts(self) -> int:
        """Connections that were broken so far."""
        counted = ("cut", "closed by a fault", "refused")
        return sum(actor.proxy.count(what) for actor in self.actors for what in counted)

    async def open(self) -> None:
        """Everybody comes, and sees everybody."""
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.faults.append(context))
        async with await self._judge() as judge:
            room = await judge.create_conversation(friendly_name="at first", unique_name="room")
            await room.join()
            for name in ("alice", "bob"):
                await room.add(name)
        for name in ("alice", "bob"):
            proxy = await Proxy(self.service.port).__aenter__()
            client = await cw.connect(self.service.token(name), url=proxy.url)
            (mine,) = await client.get_subscribed_conversations()
            self.actors.append(Actor(name, proxy, client, mine))

    async def close(self) -> None:
        """Everybody goes; nothing is left, and nothing went unseen."""
        for actor in self.actors:
            await actor.client.shutdown()
            await actor.proxy.__aexit__(None, None, None)
        await asyncio.to_thread(self.service.stop)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert self.faults == [], self.faults

    async def restart(self) -> None:
        """The service ends and starts again, on its file and its port; meanwhile somebody makes a backup."""
        await self._restart(lambda: self._copy("", ".backup"))
        self.has_backup = True

    async def turn_back(self) -> None:
        """The service is restored from its backup: what happened since then never did."""
        await self._restart(lambda: self._copy(".backup", ""))
        self.has_backup, self._is_old = False, True

    async def _restart(self, meanwhile: Callable[[], None]) -> None:
        self.restarts += 1
        for actor in self.actors:  # it would wait for who is in a black hole
            actor.proxy.cut()
        port = self.service.port
        await asyncio.to_thread(self.service.stop)
        meanwhile()
        self.service = await asyncio.to_thread(lambda: cw.LocalService(self._file, port=port, seed=None, **KEY))

    def _copy(self, source: str, target: str) -> None:
        for end in FILES:
            there, here = Path(f"{self._file}{source}{end}"), Path(f"{self._file}{target}{end}")
            if there.exists():
                shutil.copy(there, here)
            else:
                here.unlink(missing_ok=True)

    # -- acts

    def start(self, act: Coroutine[Any, Any, object]) -> None:
        """Let somebody do something, while other things happen."""
        task = asyncio.ensure_future(self._run(act))
        self.acts.add(task)
        task.add_done_callback(self.acts.discard)

    async def _run(self, act: Coroutine[Any, Any, object]) -> None:
        try:
            await act
        except cw.ConvoError:
            pass  # whatever was told: what counts is that all agree afterwards
        except Exception as error:
            self._foreign.append(error)

    async def send(self, actor: Actor) -> None:
        """Write a message with a text of its own."""
        text = f"{actor.name}{next(self._numbers)}"
        self.sent[text] = cw.UsageError("on its way")  # in the order in which they are written
        try:
            self.sent[text] = await actor.room.send_message(text)
        except cw.ConvoError as error:
            self.sent[text] = error

    # -- truth

    async def settle(self) -> None:
        """The network breaks once more and is good again, everybody is done: all see what the service knows."""
        for actor in self.actors:
            actor.proxy.faults.clear()
            actor.proxy.restore()
            actor.proxy.cut()
        async with asyncio.timeout(3 * PATIENCE):
            while self.acts:
                await asyncio.gather(*self.acts)
        assert self._foreign == []
        async with await self._judge() as judge:
            (room,) = await judge.get_subscribed_conversations()
            truth = await _seen(room)
            for actor in self.actors:
                await self._agree(actor, truth)
        self._check_sent(truth["messages"])

    async def _judge(self) -> cw.Client:
        for _ in range(5):
            with contextlib.suppress(cw.ConnectFailed):  # times are short here, and the machine may be busy
                return await cw.connect(self.service.token("judge"), url=self.service.url)
        raise AssertionError("the service does not answer")

    async def _agree(self, actor: Actor, truth: dict[str, Any]) -> None:
        """Wait until this client sees the truth."""
        news = asyncio.Event()
        offs = [
            source.on(name, lambda _: news.set()) for source in (actor.client, actor.room) for name in source.EVENTS
        ]
        difference = "no look yet"
        try:
            async with asyncio.timeout(PATIENCE):
                while difference := await self._difference(actor, truth):
                    news.clear()
                    with contextlib.suppress(TimeoutError):  # what is asked for here may change without an event
                        await asyncio.wait_for(news.wait(), 0.2)
        except TimeoutError:
            raise AssertionError(f"{actor.name} ({actor.client!r}) sees otherwise: {difference}") from None
        finally:
            for off in offs:
                off()

    async def _difference(self, actor: Actor, truth: dict[str, Any]) -> str:
        if actor.client.connection_state != "connected":
            return "not connected"
        is_in = actor.name in truth["participants"]
        if (actor.room.status == "joined") != is_in:
            return f"status {actor.room.status!r}, while the service says {'in' if is_in else 'out'}"
        if not is_in:
            actor.stayed = False
            return ""
        if not actor.room._messages.is_open:
            return "not open yet"
        assert actor.announced == sorted(set(actor.announced)), f"{actor.announced}: twice, or out of order"
        told = truth["messages"]
        if actor.stayed:
            told = {index: _content(message) for index, message in actor.there.items()}
        if told != truth["messages"]:
            return f"told {_without(told, truth['messages'])}, there is {_without(truth['messages'], told)}"
        seen = await _seen(actor.room)
        differences = [f"{key}: {seen[key]} is {truth[key]}" for key in truth if seen[key] != truth[key]]
        horizon = truth["participants"][actor.name][1]
        if actor.room.last_read_message_index != horizon:
            differences.append(f"own horizon {actor.room.last_read_message_index} is {horizon}")
        return "; ".join(differences)

    def _check_sent(self, messages: dict[int, Any]) -> None:
        """Each message is there once, or its sender knows."""
        texts = [body.partition(" ")[0] for _, body, _, _ in messages.values()]
        assert len(texts) == len(set(texts)), f"sent twice: {texts}"
        if self._is_old:  # what was answered before may be gone
            return
        for actor in (one for one in self.actors if one.heeded):
            indexes = [
                index for text, index in self.sent.items() if isinstance(index, int) and text.startswith(actor.name)
            ]
            assert indexes == sorted(indexes), f"out of the order in which {actor.name} wrote them: {self.sent}"
        for text, outcome in self.sent.items():
            if text in texts and isinstance(outcome, cw.ConvoError):
                assert getattr(outcome, "may_have_happened", False), f"{text} is there: {outcome!r}"
        for index, (_, body, _, _) in messages.items():
            outcome = self.sent[body.partition(" ")[0]]
            assert isinstance(outcome, cw.ConvoError) or outcome == index


async def _seen(room: cw.Conversation) -> dict[str, Any]:
    """All that a client sees of a conversation."""
    messages = (await room.get_messages(1000, 0, "forward")).items
    return {
        "messages": {message.index: _content(message) for message in messages},
        "participants": {
            one.identity: (one.attributes, one.last_read_message_index) for one in await room.get_participants()
        },
        "friendly_name": room.friendly_name,
        "attributes": room.attributes,
    }


def _without(these: dict[int, Any], those: dict[int, Any]) -> dict[int, Any]:
    return {index: one for index, one in these.items() if those.get(index) != one}


def _content(message: cw.Message) -> tuple[str, str, Any, str | None]:
    return message.sid, message.body or "", message.attributes, message.author


def after(count: int, way: Way) -> Where:
    """The frame before which so many more have passed this way."""
    left = itertools.count(count, -1)
    return lambda one: one.way == way and one.number > 0 and next(left) <= 0


def reading(one: Passing) -> bool:
    """Requests that only read."""
    asked = None if one.frame is None else one.frame.header.http_request
    return one.way == "up" and asked is not None and asked.method == "GET"
