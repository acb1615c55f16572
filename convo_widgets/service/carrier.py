"""A carrier that is not there: what would become of a message on SMS and WhatsApp, step by step.

The fate of a message follows from the address and the index, so it is the same each time. Whoever reports another
receipt from outside (`POST .../Receipts`) takes over: nothing more is simulated for that message and addressee.
What is under way is kept with the messages (`carried`: how many steps were done, when the next one is due), so that
the service goes on with it after a restart.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial

from convo_widgets.service import delivery
from convo_widgets.service.agenda import Agenda
from convo_widgets.service.loops import Keep
from convo_widgets.service.store import Change, Source, Store, iso
from convo_widgets.wire.schema import time_of

MOST = 20_000
"""Messages under way; what is sent beyond that gets no receipts."""
UNREACHABLE, UNKNOWN, OUTSIDE_WINDOW = 30003, 30005, 63016
"""Error codes: the phone is off, there is no such phone, too long since the addressee wrote."""
Act = Callable[[datetime, Callable[[Change], None], Source], None]
Step = tuple[float, str, int]
"""Seconds after the step before, status, error code."""
Place = tuple[int, int, str]
"""A message, by conversation and index, and the participant that it goes to."""


class Carrier:
    """Reports sent, delivered, read, failed and undelivered for messages to SMS and WhatsApp.

    Args:
        act: does something in a transaction of the store, planned for a time, and tells it.
        agenda: when; one that nobody else runs is run here.
        keep: begins a task that ends with the service.
    """

    def __init__(self, store: Store, act: Act, agenda: Agenda, keep: Keep) -> None:
        self._store = store
        self._act = act
        self._agenda = agenda
        self._keep = keep
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run the agenda until nothing is under way; in the service's loop."""
        if len(self._agenda) and (self._running is None or self._running.done()):
            self._running = self._keep(self._agenda.run())

    def carry(self, sent: Iterable[tuple[int, int]], when: datetime | None = None) -> None:
        """Plan what becomes of messages (conversation row, index) that were sent just now, or at a time."""
        for place, steps in self._addressees(sent):
            self._plan(place, steps, 0, (when or self._agenda.now) + timedelta(seconds=steps[0][0]))

    def note(self, change: Change) -> None:
        """Keep what is to become of messages that are being sent, for a service that starts again meanwhile."""
        for place, steps in self._addressees(change.sent):
            due = iso(self._agenda.now + timedelta(seconds=steps[0][0]))
            change.run("INSERT INTO carried VALUES (?, ?, ?, 0, ?)", *place, due)

    def resume(self) -> None:
        """Plan what an earlier service has left, and forget what others have reported on since."""
        sql = (
            "SELECT carried.*, type, address, status FROM carried "
            "JOIN participants ON participants.sid = carried.participant_sid "
            "LEFT JOIN receipts USING (conversation, idx, participant_sid) ORDER BY due LIMIT ?"
        )
        if not self._store.value("SELECT EXISTS (SELECT 1 FROM carried)"):
            return
        left: list[tuple[int, int, str, int, str]] = []
        for row in self._store.rows(sql, MOST):
            place = row["conversation"], row["idx"], row["participant_sid"]
            steps, done = fate(row["type"], row["address"], row["idx"]), row["steps"]
            if done < len(steps) and row["status"] == _status(steps, done):
                due = time_of(row["due"]) or self._agenda.now
                self._plan(place, steps, done, due)
                left.append((*place, done, row["due"]))
        with self._store.write() as change:
            change.run("DELETE FROM carried")
            self._store.run_many("INSERT INTO carried VALUES (?, ?, ?, ?, ?)", left)

    def _addressees(self, sent: Iterable[tuple[int, int]]) -> Iterator[tuple[Place, list[Step]]]:
        """Whom on other channels messages go to, and what becomes of each."""
        sql = (
            "SELECT participants.sid, participants.type, participants.address FROM messages "
            "JOIN participants ON participants.conversation = messages.conversation AND type IN ('sms', 'whatsapp') "
            "AND participants.sid IS NOT messages.participant_sid "
            "WHERE messages.conversation = ? AND messages.idx = ?"
        )
        for place in sent:
            for sid, type, address in self._store.rows(sql, *place):
                yield (*place, sid), fate(type, address, place[1])

    def _plan(self, place: Place, steps: list[Step], done: int, when: datetime) -> None:
        if len(self._agenda) < MOST:
            self._agenda.add(when, partial(self._step, place, steps, done))

    def _step(self, place: Place, steps: list[Step], done: int, when: datetime) -> None:
        """Report the next of the steps, unless somebody else has reported since; then plan the one after it."""
        sql = "SELECT status FROM receipts WHERE conversation = ? AND idx = ? AND participant_sid = ?"
        if self._store.value(sql, *place) != _status(steps, done):
            return
        later = when + timedelta(seconds=steps[done + 1][0]) if done + 1 < len(steps) else None
        self._act(when, partial(_report, place, steps[done], later), Source("API"))
        if later is not None:
            self._plan(place, steps, done + 1, later)


def _status(steps: list[Step], done: int) -> str | None:
    """What was reported last, when so many steps are done."""
    return steps[done - 1][1] if done else None


def _report(place: Place, step: Step, later: datetime | None, change: Change) -> None:
    _, status, code = step
    if later is None:
        change.run("DELETE FROM carried WHERE conversation = ? AND idx = ? AND participant_sid = ?", *place)
    else:
        sql = "UPDATE carried SET steps = steps + 1, due = ? WHERE conversation = ? AND idx = ? AND participant_sid = ?"
        change.run(sql, iso(later), *place)
    conversation = change.store.row("SELECT * FROM conversations WHERE id = ?", place[0])
    message = change.store.row("SELECT * FROM messages WHERE conversation = ? AND idx = ?", *place[:2])
    if conversation is not None and message is not None:
        delivery.report(change, conversation, message, place[2], status, code)


def fate(type: str, address: str, index: int) -> list[Step]:
    """What becomes of a message for one addressee."""
    dice = random.Random(f"{address} {index}")  # noqa: S311 - a play
    chance = dice.random()
    sent = (dice.uniform(0.4, 1.5), "sent", 0)
    arrived = (dice.uniform(0.8, 4), "delivered", 0)
    if type == "sms":
        if chance < 0.02:
            return [(dice.uniform(0.4, 1.5), "failed", UNKNOWN)]
        if chance < 0.06:
            return [sent, (dice.uniform(5, 20), "undelivered", UNREACHABLE)]
        return [sent, arrived]
    if chance < 0.03:
        return [(dice.uniform(0.4, 1.5), "failed", OUTSIDE_WINDOW)]
    if chance < 0.15:
        return [sent, arrived]
    return [sent, arrived, (dice.uniform(2, 60), "read", 0)]
