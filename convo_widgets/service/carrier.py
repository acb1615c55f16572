"""A carrier that is not there: what would become of a message on SMS and WhatsApp, step by step.

The fate of a message follows from the address and the index, so it is the same each time. Whoever reports another
receipt from outside (`POST .../Receipts`) takes over: nothing more is simulated for that message and addressee.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from convo_widgets.service import receipts
from convo_widgets.service.agenda import Agenda
from convo_widgets.service.loops import Keep
from convo_widgets.service.store import Change, Source, Store

MOST = 20_000
"""Messages under way; what is sent beyond that gets no receipts."""
UNREACHABLE, UNKNOWN, OUTSIDE_WINDOW = 30003, 30005, 63016
"""Error codes: the phone is off, there is no such phone, too long since the addressee wrote."""
Act = Callable[[datetime, Callable[[Change], None], Source], None]
Step = tuple[float, str, int]
"""Seconds after the step before, status, error code."""


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
        sql = (
            "SELECT participants.sid, participants.type, participants.address FROM messages "
            "JOIN participants ON participants.conversation = messages.conversation AND type IN ('sms', 'whatsapp') "
            "AND participants.sid IS NOT messages.participant_sid "
            "WHERE messages.conversation = ? AND messages.idx = ?"
        )
        for place in sent:
            for sid, type, address in self._store.rows(sql, *place):
                self._plan((*place, sid), None, fate(type, address, place[1]), when or self._agenda.now)

    def _plan(self, place: tuple[int, int, str], before: str | None, steps: list[Step], when: datetime) -> None:
        if steps and len(self._agenda) < MOST:
            later = when + timedelta(seconds=steps[0][0])
            self._agenda.add(later, partial(self._step, place, before, steps))

    def _step(self, place: tuple[int, int, str], before: str | None, steps: list[Step], when: datetime) -> None:
        """Report the first of the steps, unless somebody else has reported since; then plan the next."""
        (_, status, code), *later = steps
        sql = "SELECT status FROM receipts WHERE conversation = ? AND idx = ? AND participant_sid = ?"
        if self._store.value(sql, *place) != before:
            return
        self._act(when, partial(_report, place, status, code), Source("API"))
        self._plan(place, status, later, when)


def _report(place: tuple[int, int, str], status: str, code: int, change: Change) -> None:
    conversation = change.store.row("SELECT * FROM conversations WHERE id = ?", place[0])
    message = change.store.row("SELECT * FROM messages WHERE conversation = ? AND idx = ?", *place[:2])
    if conversation is not None and message is not None:
        receipts.report(change, conversation, message, place[2], status, code)


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
