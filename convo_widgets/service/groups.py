"""Groups of telephones (group MMS), in which everybody sees the number of everybody else.

A conversation is one as soon as somebody on chat has a projected address there: the number that telephones show.
"""

from __future__ import annotations

from collections.abc import Collection
from sqlite3 import Row

from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Store

MOST = 10
"""Participants of a group."""
FEWEST = 3
"""Participants from which on no other group may have the same numbers: telephones could not tell the two apart."""


def is_group(store: Store, conversation: int) -> bool:
    """Whether a conversation is a group of telephones."""
    sql = "SELECT EXISTS (SELECT 1 FROM participants WHERE conversation = ? AND projected_address NOTNULL)"
    return bool(store.value(sql, conversation))


def check(store: Store, conversation: int, new: Collection[str] = ()) -> None:
    """After a change of who is in a conversation; `new` are the sids of those who came.

    Raises:
        Refused: 50434 one of them has no number in a group, 50435 those who are here cannot be a group, 50436 they are
            too many for one, 50438 another open group has the same numbers.
    """
    if not is_group(store, conversation):
        return
    people = store.rows("SELECT * FROM participants WHERE conversation = ? ORDER BY id", conversation)
    if len(people) > MOST:
        raise Refused(50436, f"at most {MOST}")
    without = [one["sid"] for one in people if _number(one) is None]
    if any(sid in new for sid in without):
        raise Refused(50434)
    if without:
        raise Refused(50435, "somebody on chat has no projected address")
    if any(one["address"] and one["type"] != "sms" for one in people):
        raise Refused(50435, "only telephones may be in it, and people on chat")
    numbers = {_number(one) for one in people}
    if len(numbers) < len(people):
        raise Refused(50435, "each needs a number of their own")
    if len(people) >= FEWEST:
        _demand_unlike(store, conversation, numbers)


def _number(participant: Row) -> str | None:
    """The number that others see of a participant."""
    number: str | None = participant["address"] or participant["projected_address"]
    return number


def _demand_unlike(store: Store, conversation: int, numbers: Collection[str | None]) -> None:
    sql = "SELECT min(address) FROM participants WHERE conversation = ?"
    somebody = store.value(sql, conversation)
    sql = (
        "SELECT conversation FROM participants JOIN conversations ON conversations.id = conversation "
        "WHERE address = ? AND state <> 'closed' AND conversation <> ?"
    )
    for row in store.rows(sql, somebody, conversation):
        people = store.rows("SELECT * FROM participants WHERE conversation = ? LIMIT ?", row[0], MOST + 1)
        if {_number(one) for one in people} == numbers and is_group(store, row[0]):
            raise Refused(50438)
