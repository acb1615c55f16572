"""Keyed rows in the order, and by the filters, that a reader wants; pure, and quick with a hundred thousand of them.

What is shown is one sorted list of `(sort key, row key)`: a row is put in and taken out by bisection, so a change costs
the same wherever it falls, and nothing is sorted again but when the reader asks for another order.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from convo_widgets.widgets._folded import folded

Row = dict[str, Any]
Place = tuple[tuple[bool, Any], str]


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the rows.

    Attributes:
        name: of the field.
        label: above the column.
        kind: "text", "number", "time" (ms since the epoch) or "flag" (a bool).
        facet: a text of which there are few, each of which can be filtered for.
        searched: whether the search looks into it.
        hidden: only to sort or filter by: in no DataFrame and no saved notebook.
    """

    name: str
    label: str
    kind: Literal["text", "number", "time", "flag"] = "text"
    facet: bool = False
    searched: bool = False
    hidden: bool = False

    def key(self, row: Row) -> tuple[bool, Any]:
        """What a row is sorted by; one without a value comes last."""
        value = row.get(self.name)
        if value is None:
            return True, 0
        return False, folded(str(value)) if self.kind == "text" else float(value)

    def words(self, row: Row) -> str:
        """The value as it is filtered by and as readers without a front end see it: a flag as "yes" or "no"."""
        value = row.get(self.name)
        if value is None:
            return ""
        if self.kind == "flag":
            return "yes" if value else "no"
        if self.kind == "time":
            return when(value)
        return str(value)

    def test(self, wanted: Sequence[str]) -> Callable[[Row], bool]:
        """Whether a row has one of these values: of a number also "> 5" or "<= 5", of a text or time a part of it."""
        if self.facet or self.kind == "flag":
            values = set(wanted)
            return lambda row: self.words(row) in values
        if self.kind == "number":
            tests = [_comparison(one) for one in wanted]
            return lambda row: (value := row.get(self.name)) is not None and any(test(value) for test in tests)
        parts = [folded(one) for one in wanted]

        def has_part(row: Row) -> bool:
            text = folded(self.words(row))
            return any(part in text for part in parts)

        return has_part


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader wants to see.

    Attributes:
        sort: name of a column.
        descending: the other way round; rows without a value still come last.
        filters: texts by column, any of which must fit: see `Column.test`.
        search: words that must all be somewhere in the columns that are searched, or in the key.
    """

    sort: str
    descending: bool = False
    filters: dict[str, list[str]] = field(default_factory=dict)
    search: str = ""


class Rows:
    """Rows by key.

    Args:
        columns: the fields that can be sorted, filtered and searched.
        wish: what is shown.
        key: name of the field that names a row.
    """

    def __init__(self, columns: Sequence[Column], wish: Wish, key: str = "sid") -> None:
        self.columns = {column.name: column for column in columns}
        self.wish = wish
        self._key = key
        self._rows: dict[str, Row] = {}
        self._places: dict[str, Place] = {}
        self._order: list[Place] = []
        self._last: list[Place] = []
        self._tester: _Test | None = None  # of the present wish
        self._facets: dict[str, Counter[str]] = {column.name: Counter() for column in columns if column.facet}

    def __len__(self) -> int:
        """How many rows there are, shown or not."""
        return len(self._rows)

    def __getitem__(self, key: str) -> Row:
        return self._rows[key]

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    @property
    def shown(self) -> int:
        """How many rows are shown."""
        return len(self._order) + len(self._last)

    @property
    def facets(self) -> dict[str, dict[str, int]]:
        """How often each value of a facet occurs in all rows."""
        return {name: dict(counts.most_common()) for name, counts in self._facets.items()}

    def keys(self) -> list[str]:
        """The rows that are shown, in order."""
        return self.window(0, self.shown)

    def all(self) -> list[Row]:
        """Every row, in the order in which they came."""
        return list(self._rows.values())

    def window(self, start: int, count: int) -> list[str]:
        """Keys of some rows that are shown, in order."""
        start, end = max(0, start), max(0, start + count)
        size = len(self._order)
        if self.wish.descending:
            found = self._order[max(0, size - end) : max(0, size - start)][::-1]
        else:
            found = self._order[start:end]
        return [key for _, key in (*found, *self._last[max(0, start - size) : max(0, end - size)])]

    def position(self, key: str) -> int | None:
        """Where a row is shown; None where it is not."""
        place = self._places.get(key)
        if place is None:
            return None
        if place[0][0]:
            return len(self._order) + bisect_left(self._last, place)
        at = bisect_left(self._order, place)
        return len(self._order) - 1 - at if self.wish.descending else at

    def put(self, row: Row) -> bool:
        """Add a row, or let it take the place of the one with its key; whether its place is another now."""
        key = row[self._key]
        old, place = self._rows.get(key), self._places.get(key)
        if old is not None:
            self._hide(key)
            self._count(old, -1)
        self._rows[key] = row
        self._count(row, 1)
        self._show(key, row)
        return self._places.get(key) != place

    def drop(self, key: str) -> None:
        """Remove a row, if it is there."""
        row = self._rows.pop(key, None)
        if row is not None:
            self._hide(key)
            self._count(row, -1)

    def reset(self, rows: Iterable[Row]) -> None:
        """Let these be all rows."""
        self._rows = {row[self._key]: row for row in rows}
        for name, counts in self._facets.items():
            counts.clear()
            counts.update(str(row[name]) for row in self._rows.values() if row.get(name) is not None)
        self.want(self.wish)

    def want(self, wish: Wish) -> None:
        """Show other rows, or in another order."""
        self.wish, self._tester = wish, None
        column, fits = self.columns[wish.sort], self._test()
        places = [(column.key(row), key) for key, row in self._rows.items() if fits(row)]
        self._places = {place[1]: place for place in places}
        self._order = sorted(place for place in places if not place[0][0])
        self._last = sorted(place for place in places if place[0][0])

    def _count(self, row: Row, by: int) -> None:
        for name, counts in self._facets.items():
            if row.get(name) is not None:
                counts[str(row[name])] += by
                if not counts[str(row[name])]:
                    del counts[str(row[name])]

    def _show(self, key: str, row: Row) -> None:
        if self._test()(row):
            place = self._places[key] = self.columns[self.wish.sort].key(row), key
            insort(self._last if place[0][0] else self._order, place)

    def _hide(self, key: str) -> None:
        place = self._places.pop(key, None)
        if place is not None:
            places = self._last if place[0][0] else self._order
            del places[bisect_left(places, place)]

    def _test(self) -> _Test:
        if self._tester is None:
            self._tester = _Test(self)
        return self._tester


class _Test:
    """Whether a row is wanted."""

    def __init__(self, rows: Rows) -> None:
        self._key = rows._key
        self._words = folded(rows.wish.search).split()
        self._searched = [column for column in rows.columns.values() if column.searched]
        self._tests = [
            rows.columns[name].test(values)
            for name, values in rows.wish.filters.items()
            if name in rows.columns and values
        ]

    def __call__(self, row: Row) -> bool:
        if not all(test(row) for test in self._tests):
            return False
        if self._words:
            text = folded("\n".join([row[self._key], *(column.words(row) for column in self._searched)]))
            return all(word in text for word in self._words)
        return True


def when(value: float) -> str:
    """Milliseconds since the epoch as people read them; nothing where that is no date."""
    try:
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return ""


def _comparison(text: str) -> Callable[[float], bool]:
    """What "5", "= 5", "> 5", ">= 5", "< 5" or "<= 5" asks of a number; of anything else, that it begins so."""
    found = re.fullmatch(r"\s*(<=|>=|<|>|=|)\s*(-?\d{1,15})\s*", text)
    if found is None:
        return lambda value: str(value).startswith(text.strip())
    limit = int(found[2])
    match found[1]:
        case "<":
            return lambda value: value < limit
        case ">":
            return lambda value: value > limit
        case "<=":
            return lambda value: value <= limit
        case ">=":
            return lambda value: value >= limit
        case _:
            return lambda value: value == limit
