"""Rows in any order: what is shown is what sorting and filtering everything anew would show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from convo_widgets.widgets._folded import folded
from convo_widgets.widgets._rows import Column, Rows, Wish

COLUMNS = [
    Column("name", "Name", searched=True),
    Column("channel", "Channel", facet=True),
    Column("unread", "Unread", "number"),
    Column("online", "Online", "flag"),
]
KEYS = st.sampled_from([f"MB{number}" for number in range(12)])
ROWS = st.fixed_dictionaries(
    {
        "sid": KEYS,
        "name": st.none() | st.sampled_from(["Ana", "ben", "Cleo", "ana maria", "Zoë"]),
        "channel": st.sampled_from(["chat", "sms", "whatsapp"]),
        "unread": st.none() | st.integers(0, 5),
        "online": st.none() | st.booleans(),
    }
)
COMPARED = {
    "3": lambda value: value == 3,
    "= 3": lambda value: value == 3,
    "> 3": lambda value: value > 3,
    ">=3": lambda value: value >= 3,
    " <  3 ": lambda value: value < 3,
    "<=3": lambda value: value <= 3,
    "three": lambda value: False,
}
WISHES = st.builds(
    Wish,
    sort=st.sampled_from([column.name for column in COLUMNS]),
    descending=st.booleans(),
    filters=st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(
                ["name", "channel", "online", "no such column"],
                st.lists(st.sampled_from(["sms", "chat", "an", "yes", "no"]), max_size=2),
            ),
            "unread": st.lists(st.sampled_from([*COMPARED]), max_size=2),
        },
    ),
    search=st.sampled_from(["", "ana", "a m", "MARIA ana", "x", "zoe"]),
)
ACTS = st.one_of(
    st.tuples(st.just("put"), ROWS),
    st.tuples(st.just("drop"), KEYS),
    st.tuples(st.just("want"), WISHES),
    st.tuples(st.just("reset"), st.lists(ROWS, max_size=6)),
)


def slowly(rows: dict[str, dict[str, Any]], wish: Wish) -> list[str]:
    """The keys that are shown, by sorting and filtering everything."""

    def text(value: Any) -> str:
        return (
            {None: "", True: "yes", False: "no"}.get(value, str(value))
            if not isinstance(value, int) or isinstance(value, bool)
            else str(value)
        )

    def fits(row: dict[str, Any]) -> bool:
        for name, values in wish.filters.items():
            if not values or name == "no such column":
                continue
            if name in ("channel", "online"):
                if text(row[name]) not in values:
                    return False
            elif name == "unread":
                if row[name] is None or not any(COMPARED[value](row[name]) for value in values):
                    return False
            elif not any(folded(value) in folded(text(row[name])) for value in values):
                return False
        return all(word in folded(f"{row['sid']} {row['name'] or ''}") for word in folded(wish.search).split())

    def value(row: dict[str, Any]) -> Any:
        found = row[wish.sort]
        return folded(found) if isinstance(found, str) else found

    fitting = [row for row in rows.values() if fits(row)]
    known = sorted((row for row in fitting if row[wish.sort] is not None), key=lambda row: (value(row), row["sid"]))
    last = sorted((row for row in fitting if row[wish.sort] is None), key=lambda row: row["sid"])
    return [row["sid"] for row in ([*reversed(known)] if wish.descending else known) + last]


@given(st.lists(ACTS, max_size=30), st.integers(0, 5), st.integers(0, 5))
def test_always_as_if_sorted_anew(acts: list[tuple[str, Any]], start: int, count: int) -> None:
    """After any acts the order, every window, every position and the facets are those of the whole."""
    rows, known = Rows(COLUMNS, Wish("name")), {}
    for act, value in acts:
        getattr(rows, act)(value)
        match act:
            case "put":
                known[value["sid"]] = value
            case "drop":
                known.pop(value, None)
            case "reset":
                known = {row["sid"]: row for row in value}
        expected = slowly(known, rows.wish)
        assert rows.keys() == expected
        assert rows.window(start, count) == expected[start : start + count]
        assert [rows.position(key) for key in expected] == list(range(len(expected)))
        assert (len(rows), rows.shown) == (len(known), len(expected))
        channels = [row["channel"] for row in known.values()]
        assert rows.facets == {"channel": {one: channels.count(one) for one in set(channels)}}


def test_hidden_rows_have_no_position() -> None:
    """A row that a filter hides is kept, and is nowhere."""
    rows = Rows(COLUMNS, Wish("name", filters={"channel": ["sms"]}))
    rows.put({"sid": "MB1", "name": "Ana", "channel": "chat"})
    assert rows.position("MB1") is None
    assert "MB1" in rows
    rows.want(Wish("name"))
    assert rows.position("MB1") == 0


def test_times_are_filtered_by_what_they_say() -> None:
    """A part of the date is enough, and a time that is none fits nothing."""
    rows = Rows([Column("at", "At", "time")], Wish("at", filters={"at": ["2026-11-25 09"]}))
    rows.put({"sid": "a", "at": datetime(2026, 11, 25, 9, 8, tzinfo=UTC).timestamp() * 1000})
    rows.put({"sid": "b", "at": 1e30})
    rows.put({"sid": "c", "at": None})
    assert rows.keys() == ["a"]


def test_put_says_whether_the_place_is_another() -> None:
    """It is for a new row, for one that is sorted elsewhere, and for one that a filter hides from now on."""
    rows = Rows(COLUMNS, Wish("name", filters={"channel": ["sms"]}))
    row = {"sid": "a", "name": "Ana", "channel": "sms"}
    assert rows.put(row)
    assert not rows.put({**row, "unread": 4})
    assert rows.put({**row, "name": "Zoe"})
    assert rows.put({**row, "channel": "chat"})
