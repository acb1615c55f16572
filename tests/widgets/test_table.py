"""Tables without a service: windows of many views, the reader's place, selection, and what is saved."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import Any

import pytest

from convo_widgets.widgets import _table
from convo_widgets.widgets._rows import Column, Row, Wish
from convo_widgets.widgets._table import Table

from .conftest import Shown, View


class Numbers(Table):
    """A table for these tests."""

    _esm = "export default {render() {}}"
    COLUMNS = (
        Column("name", "Name", searched=True),
        Column("number", "Number", "number"),
        Column("kind", "Kind", facet=True),
        Column("at", "At", "time"),
        Column("is_odd", "Odd", "flag", hidden=True),
    )

    def __init__(self, numbers: Iterable[int], **traits: Any) -> None:
        super().__init__(Wish("number", descending=True), **traits)
        self._reset([row(number) for number in numbers])


def row(number: int, **fields: Any) -> Row:
    """The row of a number."""
    kind = "even" if number % 2 == 0 else "odd"
    return {"sid": f"N{number}", "name": f"row {number}", "number": number, "kind": kind, "at": None, **fields}


class Page:
    """A view as the front end keeps it: a window, and the place of its reader."""

    def __init__(self, view: View, name: str = "page") -> None:
        self.view, self.name = view, name
        self.keys: list[str] = []
        self.rows: dict[str, Row] = {}
        self.start = self.first = self.shifted = self.shown = self.total = 0
        self.tops = self._read = 0

    async def look(self, first: int, count: int = 10, afresh: bool = False) -> None:
        """The reader scrolls so that `first` is the first row in sight."""
        self.first = first
        place = first - self.start
        anchor = self.keys[place] if first and 0 <= place < len(self.keys) else None
        asked = {"view": self.name, "start": max(0, first - 3), "count": count, "anchor": anchor, "at": first}
        self.take(await self.view.result("rows", shifted=self.shifted, afresh=afresh, **asked), afresh)

    def take(self, news: dict[str, Any], afresh: bool = False) -> None:
        """What the kernel tells."""
        self.hear(before_answer=True)
        known = {} if afresh else self.rows
        self.rows = known | {one["sid"]: one for one in news["rows"]}
        self.keys, self.start = news["keys"], news["start"]
        self.first, self.shifted = self.first + news["shift"], self.shifted + news["shift"]
        self.shown, self.total = news["shown"], news["total"]
        if news["top"]:
            self.tops, self.first = self.tops + 1, 0

    def hear(self, before_answer: bool = False) -> None:
        """The batches that came."""
        changes = [one for one in self.view.changes("window") if one["view"] == self.name]
        new, self._read = changes[self._read :], len(changes)
        for change in new:
            self.take(change)

    @property
    def seen(self) -> str:
        """The first row in sight."""
        return self.keys[self.first - self.start]

    async def told(self) -> None:
        """Wait for one more change, and take all there are."""
        await self.view.until(lambda: len(self.view.changes("window")) > self._read)
        self.hear()


@pytest.fixture
async def table(view_of: Shown) -> tuple[Numbers, View]:
    """A hundred rows, and what a page has of them."""
    numbers = Numbers(range(100))
    return numbers, view_of(numbers)


async def test_only_what_changed_travels(table: tuple[Numbers, View]) -> None:
    """A window has its rows once; afterwards a changed row travels alone, and an equal one not at all."""
    numbers, view = table
    page = Page(view)
    await page.look(0)
    assert page.keys == [f"N{number}" for number in range(99, 89, -1)]
    numbers._put(row(95))
    numbers._put(row(95, name="another"))
    await page.told()
    (change,) = view.changes("window")
    assert [one["name"] for one in change["rows"]] == ["another"]


async def test_reader_keeps_their_place(table: tuple[Numbers, View]) -> None:
    """Rows that come and go above a reader move the place, not what is seen; at the top news come into sight."""
    numbers, view = table
    page, top = Page(view), Page(view, "top")
    await page.look(50, 60)
    await page.look(50, 60)
    await top.look(0)
    seen = page.seen
    for number in range(100, 105):
        numbers._put(row(number))
    numbers._drop("N98")
    await page.told()
    top.hear()
    assert (page.seen, page.first) == (seen, 54)
    assert (top.seen, top.first) == ("N104", 0)


async def test_first_row_in_sight_moves_away(table: tuple[Numbers, View]) -> None:
    """When the very row that holds the place goes to the top, the reader is not taken along: the others stay."""
    numbers, view = table
    page = Page(view)
    await page.look(50, 60)
    await page.look(50, 60)
    key, following = page.seen, page.keys[page.first - page.start + 1]
    numbers._put({**numbers._rows[key], "number": 1000})
    await page.told()
    assert page.first == 50
    assert page.keys[51 - page.start] == following


async def test_scrolling_while_rows_move(table: tuple[Numbers, View]) -> None:
    """However scrolls and changes cross each other, the view ends with what the kernel has, and the reader in place."""
    numbers, view = table
    chance = random.Random(7)
    page = Page(view)
    await page.look(0)
    for turn in range(40):
        for _ in range(chance.randrange(4)):
            number = chance.randrange(140)
            if chance.random() < 0.7:
                numbers._put(row(number) | {"number": chance.randrange(1000)})
            else:
                numbers._drop(f"N{number}")
        if turn % 3 == 0:
            numbers._step()  # told, and not yet heard of when the view asks
        await page.look(min(chance.randrange(90), max(0, page.shown - 10)), 20)
        numbers._moved.clear()
        assert page.keys == numbers._rows.window(page.start, 20)
        assert [page.rows[key] for key in page.keys] == [numbers._rows[key] for key in page.keys]


async def test_another_order_begins_at_the_top(table: tuple[Numbers, View]) -> None:
    """Sorting, filtering and searching take every reader to the top; the selection stays."""
    numbers, view = table
    page = Page(view)
    await page.look(50)
    view.set(selected=["N7"], view_state={"sort": "name", "filters": {"kind": ["odd"]}, "search": "row N7"})
    await page.told()
    assert page.tops == 1
    assert page.keys == ["N7", "N71", "N73", "N75", "N77", "N79"]
    assert (page.shown, page.total) == (6, 100)
    assert numbers.selected == ["N7"]
    assert numbers.visible == page.keys


async def test_filters_of_each_kind(table: tuple[Numbers, View]) -> None:
    """Numbers compare, texts contain, facets are chosen, several at once; what cannot be is left out."""
    numbers, _ = table
    numbers.view_state = {"filters": {"number": ["> 97", "3"], "nothing": ["x"], "kind": "odd"}, "sort": "no such"}
    assert numbers.visible == ["N99", "N98", "N3"]
    assert numbers.view_state == {
        "sort": "number",
        "descending": True,
        "filters": {"number": ["> 97", "3"]},
        "search": "",
    }


async def test_views_are_in_step_and_leave(table: tuple[Numbers, View]) -> None:
    """Each view has its own window; one that was closed is told nothing more, and too many push out the oldest."""
    numbers, view = table
    one, other = Page(view, "one"), Page(view, "other")
    await one.look(0)
    await other.look(0)
    await view.result("leave", view="one")
    numbers._put(row(200))
    await other.told()
    assert {change["view"] for change in view.changes("window")} == {"other"}
    for number in range(_table.VIEWS):
        await Page(view, f"more {number}").look(0)
    assert len(numbers._windows) == _table.VIEWS
    assert "other" not in numbers._windows


async def test_range_selects_what_is_between(table: tuple[Numbers, View]) -> None:
    """Shift selects in the order of the view, also rows that no window has; with Ctrl the others stay selected."""
    numbers, view = table
    await view.result("range", **{"from": "N20", "to": "N23"})
    assert numbers.selected == ["N23", "N22", "N21", "N20"]
    await view.result("range", **{"from": "N99", "to": "N98", "adding": True})
    assert numbers.selected == ["N23", "N22", "N21", "N20", "N99", "N98"]
    answer = await view.ask("range", **{"from": "N99", "to": "gone"})
    assert answer["error"]["type"] == "UsageError"


async def test_selection_from_both_sides(table: tuple[Numbers, View]) -> None:
    """Python and the page select; a row that is gone is selected no more."""
    numbers, view = table
    chosen: asyncio.Queue[list[str]] = asyncio.Queue()
    numbers.on_select(chosen.put_nowait)
    view.set(selected=["N1", "N2"])
    await view.until(lambda: numbers.selected == ["N1", "N2"])
    numbers.selected = ["N3", "N2"]
    assert view.state["selected"] == ["N3", "N2"]
    numbers._drop("N3")
    assert view.state["selected"] == ["N2"]
    numbers._reset([row(5)])
    await view.until(lambda: view.state["selected"] == [])
    assert [await chosen.get() for _ in range(4)] == [["N1", "N2"], ["N3", "N2"], ["N2"], []]


async def test_saved_table_is_bounded_and_escaped(table: tuple[Numbers, View]) -> None:
    """What a notebook keeps are the first rows, as text, cut where they are long."""
    numbers, view = table
    numbers._put(row(1000, name="<img src=x onerror=alert(1)>" + "x" * 5000))
    numbers._tell_first()
    html = numbers._static_html()
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "x" * 1000 not in html
    assert len(html) < 30_000
    assert html.count("<tr>") == 1 + _table.FIRST
    assert "61 more." in html
    assert "Odd" not in html
    assert view.state["_first"]["total"] == 101


async def test_frame(table: tuple[Numbers, View]) -> None:
    """All rows, or the visible ones in the order of the view, with types that hold what is missing."""
    numbers, _ = table
    numbers.view_state = {"search": "N1", "sort": "number", "descending": False}
    frame = numbers.to_frame(visible=True)
    assert [*frame.sid][:3] == ["N1", "N10", "N11"]
    assert [*frame.columns] == ["sid", "name", "number", "kind", "at"]
    assert [str(one) for one in frame.dtypes[2:]] == ["Int64", frame.dtypes["kind"].name, "datetime64[us, UTC]"]
    assert len(numbers.to_frame()) == 100
    numbers._reset([])
    assert numbers.to_frame().empty


@pytest.mark.parametrize("bad", [{}, {"view": 7}, {"view": None, "start": 1}])
async def test_nonsense_from_a_view(table: tuple[Numbers, View], bad: dict[str, Any]) -> None:
    """A view that asks for nothing sensible gets a sentence."""
    _, view = table
    assert (await view.ask("rows", **bad))["error"]["type"] == "UsageError"


async def test_numbers_from_a_view_are_bounded(table: tuple[Numbers, View]) -> None:
    """However many rows a view asks for, it gets no more than a window."""
    _, view = table
    answer = await view.result("rows", view="v", start=-5, count=10**12, at=True, shifted="x", anchor=3)
    assert (answer["start"], len(answer["keys"])) == (0, 100)
    answer = await view.result("rows", view="v", start=10**30, count=1)
    assert answer["keys"] == ["N99"]


async def test_a_hundred_thousand_rows(view_of: Shown) -> None:
    """Everything but sorting anew costs what it costs with a hundred: a window, a change, a place."""
    numbers = Numbers(range(100_000))
    view = view_of(numbers)
    page = Page(view)
    await page.look(50_000, 60)
    await page.look(50_000, 60)
    seen = page.seen
    view.set(selected=["N5", seen])
    for number in range(500):
        numbers._put(row(number * 7) | {"number": 200_000 + number})
    await page.told()
    assert page.seen == seen
    assert set(numbers.selected) == {"N5", seen}
    assert sum(len(change["rows"]) for change in view.changes("window")) < 60


async def test_first_rows_are_not_kept_waiting(view_of: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that come after an empty beginning are told at once; only further ones wait for their turn."""
    monkeypatch.setattr(_table, "FIRST_INTERVAL", 3600)
    numbers = Numbers([])
    view = view_of(numbers)
    await view.until(lambda: "_first" in view.state and view.state["_first"].get("total") == 0)
    numbers._put(row(1))
    await view.until(lambda: view.state["_first"]["total"] == 1)
