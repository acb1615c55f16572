"""One session, and a cut at every frame boundary of it, both ways: it ends as if nothing had been."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest

import convo_widgets as cw
from tests.client.people import PATIENCE, People
from tests.faults.proxy import Act, Proxy, Way, cut, nth

AT_ONCE = 12
"""Sessions at a time."""


@dataclass
class Told:
    """What a session's events said."""

    added: list[tuple[int, str | None]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    lost: list[cw.ConnectionLost] = field(default_factory=list)


class Session:
    """Everything a person does, once: alice behind the cable, bob not.

    What may fail honestly is tried again, as a person would: connecting (nobody is there yet to mend it) and telling
    that one types (which is not repeated by itself).
    """

    def __init__(self, people: People, bob: cw.Client, proxy: Proxy, number: str) -> None:
        self.people, self.bob, self.proxy = people, bob, proxy
        self.name = f"alice{number}"
        self.told = Told()

    async def play(self) -> None:
        """All of it; then see that it is as it should be."""
        room = await self.bob.create_conversation()
        await room.join()
        await room.add(self.people.identity(self.name))
        client = await self._connect()
        client.on("connectionStateChanged", self.told.states.append)
        try:
            mine = await self._talk(client, room)
            await self._check(client, mine, room)
        finally:
            await client.shutdown()

    async def _connect(self) -> cw.Client:
        while True:
            try:
                return await cw.connect(self.people.token(self.name), url=self.proxy.url)
            except cw.ConnectFailed:
                assert self.proxy.count("cut") == 1

    async def _talk(self, client: cw.Client, room: cw.Conversation) -> cw.Conversation:
        (mine,) = await client.get_subscribed_conversations()
        mine.on("messageAdded", lambda one: self.told.added.append((one.index, one.body)))
        assert await mine.send_message("one") == 0
        two = asyncio.create_task(mine.wait_for("messageAdded", PATIENCE, lambda one: one.body == "two"))
        await asyncio.sleep(0)
        assert await room.send_message("two") == 1
        await two
        (first,) = [one for one in (await mine.get_messages()).items if one.body == "one"]
        edited = asyncio.create_task(first.wait_for("updated", PATIENCE, lambda _: first.body == "one, edited"))
        await asyncio.sleep(0)
        await first.update_body("one, edited")
        await edited
        with contextlib.suppress(cw.ConnectionLost):
            await mine.typing()
        await mine.advance_last_read_message_index(1)
        await client.update_token(self.people.token(self.name))
        await mine.leave()
        return mine

    async def _check(self, client: cw.Client, mine: cw.Conversation, room: cw.Conversation) -> None:
        assert mine.status == "notParticipating"
        assert await client.get_subscribed_conversations() == []
        assert self.told.added == [(0, "one"), (1, "two")]
        assert mine.last_read_message_index == 1
        assert client.connection_state == "connected"
        there = [(one.index, one.body, one.author) for one in (await room.get_messages()).items]
        assert there == [(0, "one, edited", self.people.identity(self.name)), (1, "two", self.bob.user.identity)]
        assert [one.identity for one in await room.get_participants()] == [self.bob.user.identity]


@pytest.mark.timeout(240)
async def test_a_cut_at_every_frame_boundary(people: People) -> None:
    """Before each frame, up and down, with FIN and with RST, and inside of each: the session ends the same."""
    bob = await people.client("bob")
    async with Proxy(people.service.port) as whole:
        await Session(people, bob, whole, "-whole").play()
    frames: dict[Way, int] = {way: whole.count("frame", way) for way in ("up", "down")}
    kinds: list[tuple[str, Act]] = [
        ("FIN", cut()),
        ("RST", cut(rst=True)),
        ("inside", cut(inside=9)),
    ]
    plan = [
        (way, number, kind, act)
        for way, count in frames.items()
        for number in range(1, count + 1)
        for kind, act in kinds
    ]

    room = asyncio.Semaphore(AT_ONCE)

    async def run(way: Way, number: int, kind: str, act: Act) -> int:
        async with room, Proxy(people.service.port) as proxy:
            proxy.fault(nth(way, number, connection=1), act)
            session = Session(people, bob, proxy, f"-{way}-{number}-{kind}")
            try:
                async with asyncio.timeout(3 * PATIENCE):
                    await session.play()
            except Exception as error:
                error.add_note(f"cut by {kind} before frame {number} {way}; {proxy.log[-8:]}")
                raise
            return proxy.count("cut")

    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(run(*one)) for one in plan]
    cuts = sum(one.result() for one in runs)
    print(f"{len(plan)} sessions of {frames['up']} frames up and {frames['down']} down: {cuts} cuts")
    assert cuts > 0.8 * len(plan)  # writes that meet share a document event, so sessions differ by some frames
