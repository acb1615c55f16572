"""Widgets of many rows: the rows stay in the kernel, and each view has a window of them that is kept in step."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from convo_widgets.errors import UsageError
from convo_widgets.widgets._rows import Column, Row, Rows, Wish
from convo_widgets.widgets._selecting import Selecting
from convo_widgets.widgets._transcript import table_html

if TYPE_CHECKING:
    import pandas as pd

FIRST = 40  # rows that travel with the widget's state: the first paint, and what a saved notebook shows
FIRST_INTERVAL = 1.0  # seconds between two updates of them
STEP = 0.05  # seconds between two looks at what has changed in the windows
LONGEST = 400  # rows of a window
LONGEST_RANGE = 100_000  # rows that are selected in one go
VIEWS = (
    16  # whose windows are kept in step; a reader with more of them sees the oldest stand still until it is scrolled
)


@dataclass
class _Window:
    """What one view sees.

    Attributes:
        anchor: key of a row that shall stay where it is, whatever comes above it; None at the top.
        at: where that row was.
        shifted: by how many places the view was told to move, in all.
        sent: the rows as the view has them.
        keys: of the rows, in order, as the view has them.
    """

    start: int
    count: int
    anchor: str | None
    at: int
    shifted: int = 0
    sent: dict[str, Row] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    told: tuple[int, int] = (-1, -1)
    top: bool = False  # other rows, or another order: the reader begins anew

    def to_top(self) -> None:
        """Let the reader begin at the top."""
        self.start, self.anchor, self.top = 0, None, True


class Table(Selecting):
    """Base of widgets with rows.

    Attributes:
        view_state: what is shown and how: `sort` (a column), `descending`, `filters` (texts by column) and `search`;
            save it, and set it again later. A filter of a number may compare, as in "> 5"; one of a time looks for a
            part of "2026-11-25 09:30 UTC".
    """

    view_state: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    _columns: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    _facets: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    _first: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    _loading = traitlets.Bool(True).tag(sync=True)
    _problem = traitlets.Unicode().tag(sync=True)

    COLUMNS: ClassVar[Sequence[Column]] = ()
    REQUESTS = frozenset({"rows", "range", "leave"})

    def __init__(self, wish: Wish, **traits: Any) -> None:
        self._windows: dict[str, _Window] = {}
        self._moved: set[str] = set()  # keys of rows that were put elsewhere since the last step
        self._step_timer: asyncio.TimerHandle | None = None
        self._first_timer: asyncio.TimerHandle | None = None
        self._rows, self._usual = Rows(self.COLUMNS, wish), wish
        given = traits.pop("view_state", {})
        super().__init__(**traits)
        self._columns = [
            {"name": one.name, "label": one.label, "kind": one.kind, "facet": one.facet} for one in self.COLUMNS
        ]
        self.observe(self._wished, "view_state")
        self.view_state = self._checked(given)

    def _end(self) -> None:
        for timer in (self._step_timer, self._first_timer):
            if timer is not None:
                timer.cancel()
        super()._end()

    @property
    def visible(self) -> list[str]:
        """Keys (sids) of the rows that search and filters let through, in the order of the view."""
        return self._rows.keys()

    def to_frame(self, visible: bool = False) -> pd.DataFrame:
        """The rows as a DataFrame, one a row, with the columns of the table and `sid`.

        Numbers are "Int64", flags "boolean", times in UTC, all with missing values where nothing is known.

        Args:
            visible: only those that search and filters let through, in the order of the view.
        """
        import pandas as pd  # takes longer than everything else that a table needs to be shown

        rows = [self._rows[key] for key in self.visible] if visible else self._rows.all()
        shown = [column for column in self.COLUMNS if not column.hidden]
        names = ["sid", *(column.name for column in shown)]
        frame = pd.DataFrame([[row.get(name) for name in names] for row in rows], columns=names)
        for column in shown:
            if column.kind == "time":
                frame[column.name] = pd.to_datetime(frame[column.name].astype("Int64"), unit="ms", utc=True).astype(
                    "datetime64[us, UTC]"
                )
            elif column.kind != "text":
                frame[column.name] = frame[column.name].astype("Int64" if column.kind == "number" else "boolean")
        return frame

    # -- what changes

    def _put(self, row: Row) -> None:
        key = row["sid"]
        if key in self._rows and self._rows[key] == row:
            return
        if self._rows.put(row):
            self._moved.add(key)
        self._touched()

    def _drop(self, key: str) -> None:
        self._rows.drop(key)
        self._unselect(key)
        self._touched()

    def _reset(self, rows: Iterable[Row]) -> None:
        self._rows.reset(rows)
        gone = [key for key in self.selected if key not in self._rows]
        if gone:
            self.selected = [key for key in self.selected if key in self._rows]
        self._touched()

    def _in_sight(self) -> Iterator[str]:
        """Keys of rows that readers see or are about to see; the first ones where nobody looks."""
        for window in self._windows.values():
            yield from window.keys
        if not self._windows:
            yield from self._rows.window(0, FIRST)

    def _to_top(self) -> None:
        """Other rows, or another order: every reader begins anew."""
        for window in self._windows.values():
            window.to_top()
        self._touched()

    def _touched(self) -> None:
        if self._closed:
            return
        if self._step_timer is None:
            self._step_timer = self._loop.call_later(STEP, self._step)
        if self._first_timer is None:
            self._first_timer = self._loop.call_later(
                FIRST_INTERVAL if self._first.get("rows") else 0, self._tell_first
            )

    def _step(self) -> None:
        self._step_timer = None
        for view, window in self._windows.items():
            news = self._news(window)
            if news is not None:
                self._change("window", view=view, **news)
        self._moved.clear()

    def _tell_first(self) -> None:
        self._first_timer = None
        keys = self._rows.window(0, FIRST)
        rows = [self._rows[key] for key in keys]
        self._first = {"rows": rows, "shown": self._rows.shown, "total": len(self._rows)}
        self._facets = self._rows.facets
        self._keep()

    def _static_html(self) -> str:
        """The first rows as a table."""
        columns = [column for column in self.COLUMNS if not column.hidden]
        first = self._first.get("rows", [])
        rows = ([column.words(row) for column in columns] for row in first)
        return table_html(repr(self), [column.label for column in columns], rows, self._rows.shown - len(first))

    # -- what the views want

    async def _answer_rows(self, params: dict[str, Any]) -> dict[str, Any]:
        view, anchor = params.get("view"), params.get("anchor")
        start, count, at, shifted = (_number(params.get(name)) for name in ("start", "count", "at", "shifted"))
        if not isinstance(view, str):
            raise UsageError("The view asked for rows without saying who it is.")
        known = self._windows.pop(view, None)
        self._flush_now()  # what it was told so far comes before the answer
        late = 0 if known is None else known.shifted - shifted  # what it had not heard of when it asked
        window = _Window(max(0, start + late), max(1, min(count, LONGEST)), None, 0, shifted + late)
        if isinstance(anchor, str) and anchor in self._rows:
            window.anchor, window.at = anchor, at + late
        if known is not None and not params.get("afresh"):
            window.sent = known.sent
        self._windows[view] = window
        while len(self._windows) > VIEWS:
            del self._windows[next(iter(self._windows))]
        news = self._news(window)
        assert news is not None
        return news

    async def _answer_range(self, params: dict[str, Any]) -> list[str]:
        """Select all rows between two that are shown, in the order of the view."""
        ends = [self._rows.position(str(params.get(name))) for name in ("from", "to")]
        if ends[0] is None or ends[1] is None:
            raise UsageError("One of the two rows is not shown any more.")
        first, last = sorted((ends[0], ends[1]))
        between = self._rows.window(first, min(last - first + 1, LONGEST_RANGE))
        kept = self.selected if params.get("adding") is True else []
        self.selected = list(dict.fromkeys([*kept, *between]))
        return self.selected

    async def _answer_leave(self, params: dict[str, Any]) -> None:
        """A view was closed."""
        self._windows.pop(str(params.get("view")), None)

    def _news(self, window: _Window) -> dict[str, Any] | None:
        """What a view needs to know to have its window right; None where nothing has changed."""
        shift, top = self._shift(window), window.top
        window.start, window.at, window.shifted = (
            max(0, window.start + shift),
            window.at + shift,
            window.shifted + shift,
        )
        keys = self._rows.window(window.start, window.count)
        if window.anchor is not None and 0 <= window.at - window.start < len(keys):
            window.anchor = keys[window.at - window.start]
        rows = {key: self._rows[key] for key in keys}
        fresh = [row for key, row in rows.items() if window.sent.get(key) is not row]
        told = self._rows.shown, len(self._rows)
        if not fresh and not shift and not top and keys == window.keys and told == window.told:
            return None
        window.sent, window.keys, window.told, window.top = rows, keys, told, False
        return {
            "start": window.start,
            "shift": shift,
            "top": top,
            "keys": keys,
            "rows": fresh,
            "shown": told[0],
            "total": told[1],
        }

    def _shift(self, window: _Window) -> int:
        """By how many places the rows that a reader sees have moved; one that itself went elsewhere says nothing."""
        if window.anchor is None:
            return 0
        seen = window.keys[max(0, window.at - window.start) :] or [window.anchor]
        for place, key in enumerate(seen, window.at):
            if key not in self._moved and (at := self._rows.position(key)) is not None:
                return at - place
        return 0

    def _wished(self, _change: Any) -> None:
        state = self._checked(self.view_state)
        if state != self.view_state:
            self.view_state = state  # which comes here again
            return
        self._rows.want(Wish(state["sort"], state["descending"], state["filters"], state["search"]))
        self._to_top()

    def _checked(self, state: dict[str, Any]) -> dict[str, Any]:
        """A state with everything in it, and nothing that cannot be; it comes from pages, files and users."""
        usual, columns = self._usual, self._rows.columns
        filters, sort = state.get("filters"), state.get("sort")
        if not isinstance(sort, str) or sort not in columns:
            sort = usual.sort
        return {
            "sort": sort,
            "descending": state.get("descending", sort == usual.sort and usual.descending) is True,
            "filters": {
                name: [str(value) for value in values]
                for name, values in (filters.items() if isinstance(filters, dict) else ())
                if name in columns and isinstance(values, list) and values
            },
            "search": str(state.get("search") or "")[:200],
        }


def _number(value: Any) -> int:
    """A number that a view sent; 0 where it sent none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53 else 0
