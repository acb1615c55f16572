"""Whatever the network does between two people who talk: all agree in the end, and nothing was lost or twice."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.faults.proxy import Way, answer, close, cut, delay, duplicate, lose_reply, notification, request
from tests.faults.world import Actor, World, after, reading

LEAST_CUTS = 200
cuts = 0

who = st.integers(0, 1)
few = st.integers(1, 5)
ways = st.sampled_from(["up", "down"])


class Network(RuleBasedStateMachine):
    """Two people behind bad cables, and the service, which may be started anew."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self._folder.name))
        self.step = 0

    def _run(self, act: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(act)

    def _start(self, act: Coroutine[Any, Any, Any]) -> None:
        async def starting() -> None:
            self.world.start(act)
            await asyncio.sleep(0)

        self._run(starting())

    def _actor(self, number: int) -> Actor:
        return self.world.actors[number]

    def _own(self, actor: Actor, choice: int) -> Any:
        own = [one for one in actor.there.values() if one.author == actor.name]
        return own[choice % len(own)] if own else None

    @initialize()
    def come(self) -> None:
        """Everybody comes."""
        self._run(self.world.open())

    def teardown(self) -> None:
        """All agree; everybody goes."""
        global cuts
        try:
            if self.world.actors:
                self._run(self.world.settle())
                cuts += self.world.cuts
        finally:
            self._run(self.world.close())
            self._runner.close()
            self._folder.cleanup()

    # -- what people do

    @rule(number=who, count=few)
    def send(self, number: int, count: int) -> None:
        """Several messages at once."""
        for _ in range(count):
            self._start(self.world.send(self._actor(number)))

    @rule(number=who, choice=st.integers(0, 50))
    def edit(self, number: int, choice: int) -> None:
        """Change one's message."""
        message = self._own(self._actor(number), choice)
        if message is not None:
            self.step += 1
            self._start(message.update_body(f"{message.body.partition(' ')[0]} edit {self.step}"))

    @rule(number=who, choice=st.integers(0, 50))
    def mark(self, number: int, choice: int) -> None:
        """Change a message's attributes."""
        message = self._own(self._actor(number), choice)
        if message is not None:
            self.step += 1
            self._start(message.update_attributes({"step": self.step}))

    @rule(number=who, choice=st.integers(0, 50))
    def remove(self, number: int, choice: int) -> None:
        """Remove one's message."""
        message = self._own(self._actor(number), choice)
        if message is not None:
            self._start(message.remove())

    @rule(number=who, name=st.booleans())
    def rename(self, number: int, name: bool) -> None:
        """Change the conversation."""
        self.step += 1
        room = self._actor(number).room
        self._start(room.update_friendly_name(f"{self.step}") if name else room.update_attributes({"at": self.step}))

    @rule(number=who, name=st.sampled_from(["carol", "dave"]), there=st.booleans())
    def invite(self, number: int, name: str, there: bool) -> None:
        """Add somebody, or take them out."""
        room = self._actor(number).room
        self._start(room.add(name, {"by": number}) if there else room.remove_participant(name))

    @rule(back=st.booleans())
    def come_or_go(self, back: bool) -> None:
        """Bob leaves or joins."""
        bob = self._actor(1)
        bob.stayed = bob.stayed and back
        bob.heeded = False
        self._start(bob.room.join() if back else bob.room.leave())

    @rule(number=who, index=st.integers(0, 60))
    def read(self, number: int, index: int) -> None:
        """Move the horizon."""
        self._start(self._actor(number).room.advance_last_read_message_index(index))

    @rule(number=who)
    def renew(self, number: int) -> None:
        """Take a new token."""
        actor = self._actor(number)
        self._start(actor.client.update_token(self.world.service.token(actor.name)))

    @rule(number=who)
    def type(self, number: int) -> None:
        """Type."""
        self._start(self._actor(number).room.typing())

    # -- what the network does

    @rule(number=who, rst=st.booleans())
    def cut(self, number: int, rst: bool) -> None:
        """Now."""
        self._run(self._cut(self._actor(number), rst))

    @staticmethod
    async def _cut(actor: Actor, rst: bool) -> None:
        actor.proxy.cut(rst=rst)

    @rule(number=who, count=st.integers(2, 5), rst=st.booleans())
    def cut_and_cut(self, number: int, count: int, rst: bool) -> None:
        """As soon as there is a connection again, several times."""
        self._run(self._cut_and_cut(self._actor(number), count, rst))

    @staticmethod
    async def _cut_and_cut(actor: Actor, count: int, rst: bool) -> None:
        actor.proxy.restore()
        for _ in range(count):
            there = actor.proxy.accepted
            if actor.proxy.cut(rst=rst):
                await actor.proxy.connections(there + 1)
            await actor.proxy.until(lambda: actor.proxy.connected)

    @rule(number=who, count=st.integers(0, 40), way=ways, rst=st.booleans(), inside=st.sampled_from([0, 1, 9, 60]))
    def cut_soon(self, number: int, count: int, way: Way, rst: bool, inside: int) -> None:
        """Before or inside of a frame to come."""
        self._actor(number).proxy.fault(after(count, way), cut(rst=rst, inside=inside))

    @rule(number=who, count=st.integers(0, 20), code=st.sampled_from([308, 1001, 1011, 500, 429]))
    def close(self, number: int, count: int, code: int) -> None:
        """A goodbye in the service's name."""
        self._actor(number).proxy.fault(after(count, "down"), close(code, backoff_ms=20))

    @rule(number=who, way=st.sampled_from([("up",), ("down",), ("up", "down")]))
    def hold(self, number: int, way: tuple[Way, ...]) -> None:
        """A black hole."""
        self._actor(number).proxy.hold(*way)

    @rule(number=who, page=st.booleans())
    def refuse(self, number: int, page: bool) -> None:
        """Nobody is there, or somebody else."""
        proxy = self._actor(number).proxy

        async def refusing() -> None:
            if page:
                proxy.answer_upgrade(503, "<html>gone</html>")
                proxy.cut()
            else:
                proxy.refuse()

        self._run(refusing())

    @rule(number=who)
    def restore(self, number: int) -> None:
        """A good cable."""
        self._actor(number).proxy.restore()

    @rule(number=who)
    def slice(self, number: int) -> None:
        """Byte by byte."""
        self._actor(number).proxy.sliced = True

    @rule(number=who, count=few)
    def repeat(self, number: int, count: int) -> None:
        """The same notification twice."""
        self._actor(number).proxy.fault(notification(), duplicate(), count)

    @rule(number=who, seconds=st.sampled_from([0.01, 0.05]))
    def slow(self, number: int, seconds: float) -> None:
        """Some frames later."""
        self._actor(number).proxy.fault(lambda _: True, delay(seconds), 3)

    @rule(number=who, count=few)
    def lose(self, number: int, count: int) -> None:
        """The answer to an act, after it."""
        self._actor(number).proxy.fault(request("POST", "/(Messages|Participants|Conversations)"), lose_reply(), count)

    @rule(
        number=who,
        status=st.sampled_from([429, 502, 503]),
        after=st.sampled_from([None, "0", "1e999", "-5", "soon"]),
        reads=st.booleans(),
        count=few,
    )
    def fail(self, number: int, status: int, after: str | None, reads: bool, count: int) -> None:
        """The service is too busy, or fails."""
        self._actor(number).heeded = False
        where = reading if reads else request("POST")
        headers = {} if after is None else {"Retry-After": after}
        self._actor(number).proxy.fault(where, answer(status, headers=headers), count)

    @precondition(lambda self: self.world.restarts < 2)  # each takes a fifth of a second
    @rule()
    def restart(self) -> None:
        """The service ends, and starts again."""
        self._run(self.world.restart())

    @precondition(lambda self: self.world.has_backup and self.world.restarts < 3)
    @rule()
    def turn_back(self) -> None:
        """The service is restored from a backup: that is told, and what differs."""
        self._run(self.world.turn_back())

    # -- what time does

    @rule(seconds=st.sampled_from([0, 0.01, 0.05]))
    def pass_time(self, seconds: float) -> None:
        """Let things happen."""
        self._run(asyncio.sleep(seconds))

    @rule()
    def settle(self) -> None:
        """A good network again: all agree."""
        self._run(self.world.settle())


@pytest.mark.timeout(400)
def test_all_agree_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred broken connections and more: what was sent is what is there, is what everybody was told."""
    monkeypatch.setattr("convo_widgets.transport.link.PING_INTERVAL", 0.2)
    monkeypatch.setattr("convo_widgets.transport.link.PING_TIMEOUT", 1.0)
    monkeypatch.setattr("convo_widgets.client.requests.READ_RETRIES", (0.02, 0.05, 0.1))
    while cuts < LEAST_CUTS:
        run_state_machine_as_test(
            Network,
            settings=settings(
                max_examples=24,
                stateful_step_count=50,
                deadline=None,
                phases=[Phase.explicit, Phase.reuse, Phase.generate],  # what timing makes cannot be shrunk
            ),
        )
    print(f"{cuts} connections broken")
