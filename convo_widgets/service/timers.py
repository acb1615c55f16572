"""Conversations that become inactive, and are closed, when nothing happens in them for a while.

`due` is the earliest time at which the state may have to change. Messages do not move it: whoever comes at that time
sees whether there were any, and comes again later.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from sqlite3 import Row
from typing import TYPE_CHECKING

from convo_widgets.service import limits, tell, webhooks
from convo_widgets.service.store import Change, Source, Store, iso, now
from convo_widgets.wire.schema import time_of

if TYPE_CHECKING:
    from convo_widgets.service.services import Services

EVERY = 1.0
"""Seconds between two looks."""
TOGETHER = 100
"""Conversations in a transaction."""


def dates(store: Store, row: Row) -> dict[str, str]:
    """When a conversation becomes inactive, and is closed, if nothing happens in it: `date_inactive`, `date_closed`."""
    after = {"date_inactive": row["inactive_after"], "date_closed": row["closed_after"]}
    if row["state"] == "closed" or not any(after.values()):
        return {}
    if row["state"] == "inactive":
        del after["date_inactive"]
    newest = "SELECT date_created FROM messages WHERE conversation = ? ORDER BY idx DESC LIMIT 1"
    times = [time_of(row["state_updated"]), time_of(store.value(newest, row["id"]))]
    last = max(time for time in times if time is not None)
    return {name: _later(last, length) for name, length in after.items() if length}


def plan(change: Change, id: int) -> None:
    """A conversation was made, or its state or timers changed."""
    row = change.store.row("SELECT * FROM conversations WHERE id = ?", id)
    assert row is not None
    due = min(dates(change.store, row).values(), default=None)
    if due != row["due"]:
        change.run("UPDATE conversations SET due = ? WHERE id = ?", due, id)


def wake(change: Change, conversation: Row) -> None:
    """Something happens in a conversation: an inactive one becomes active."""
    if conversation["state"] == "inactive":
        _move(change, conversation, "active", "EVENT")


def sweep(change: Change) -> None:
    """Change the states whose time has come."""
    change.source = Source("API")
    sql = "SELECT * FROM conversations WHERE due <= ? ORDER BY due LIMIT ?"
    for row in change.store.rows(sql, change.time, TOGETHER):
        times = dates(change.store, row)
        if times.get("date_closed", "~") <= change.time:
            _move(change, row, "closed", "TIMER")
        elif times.get("date_inactive", "~") <= change.time:
            _move(change, row, "inactive", "TIMER")
        else:
            plan(change, row["id"])


async def run(services: Services) -> None:
    """Look again and again whether a time has come; first, let carriers go on where they were."""
    for backend in services:
        backend.carrier.start()
    while True:
        await asyncio.sleep(EVERY)
        for backend in services:
            if backend.store.value("SELECT EXISTS (SELECT 1 FROM conversations WHERE due <= ?)", now()):
                backend.attempt("a timer", sweep)


def _move(change: Change, row: Row, state: str, reason: str) -> None:
    values = (state, change.time, change.time, row["id"])
    change.run("UPDATE conversations SET state = ?, state_updated = ?, date_updated = ? WHERE id = ?", *values)
    plan(change, row["id"])
    tell.channel(change, row["id"])
    webhooks.conversation(change, "Updated", row["id"], row["state"], reason)


def _later(time: datetime, length: str) -> str:
    try:
        return iso(time + timedelta(seconds=limits.seconds(length) or 0))
    except OverflowError:  # a time near the last year
        return iso(datetime.max.replace(tzinfo=UTC))
