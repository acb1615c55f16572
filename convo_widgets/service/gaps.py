"""Indices of a conversation that have no message: those of removed ones, and those that a replay passed over.

Messages are counted by what is missing: a conversation may have a million of them, but hardly many gaps.
"""

from __future__ import annotations

from sqlite3 import Row

from convo_widgets.service.store import Change, Store


def add(change: Change, conversation: int, first: int, last: int) -> None:
    """From now on these have no message; gaps that touch become one."""
    sql = "SELECT first FROM gaps WHERE conversation = ? AND last = ?"
    begins = change.store.value(sql, conversation, first - 1)
    if begins is not None:
        change.run("DELETE FROM gaps WHERE conversation = ? AND last = ?", conversation, first - 1)
    sql = "SELECT first, last FROM gaps WHERE conversation = ? AND last > ? ORDER BY last LIMIT 1"
    after = change.store.row(sql, conversation, last)
    if after is not None and after["first"] == last + 1:
        change.run("DELETE FROM gaps WHERE conversation = ? AND last = ?", conversation, after["last"])
        last = after["last"]
    change.run("INSERT INTO gaps VALUES (?, ?, ?)", conversation, first if begins is None else begins, last)


def messages(store: Store, conversation: Row, above: int = -1) -> int:
    """How many messages there are above an index."""
    sql = "SELECT sum(last - max(first, ?) + 1) FROM gaps WHERE conversation = ? AND last > ?"
    missing = store.value(sql, above + 1, conversation["id"], above) or 0
    return max(0, int(conversation["next_index"]) - 1 - above - int(missing))
