"""Widgets of many rows: the rows stay in the kernel, and each view has a window of them that is kept in step."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any, ClassVar

import traitlets

from convo_widgets.errors import UsageError
from convo_widgets.widgets._rows import Column, Row, Rows, Wish
from convo_widgets.widgets._selecting import Selecting

FIRST = 40  # rows that travel with the widget's state: the first paint, and what a saved notebook shows
FIRST_INTERVAL = 1.0  # seconds between two updates of them
STEP = 0.05  # seconds between two looks at what has changed in the windows
LONGEST = 400  # rows of a window
VIEWS = (
    16  # whose windows are kept in step; a reader with more of them sees the oldest stand still until it is scrolled
)


@dataclass
class _Window:
    """What one view sees.

    Attributes:
        anchor: key of a row that shall stay where it is, whatever comes above it; None at the top.
        at: where that row was.
        sent: the rows as the view has them.
        keys: of the rows, in order, as the view has them.
    """

    start: int
    count: int
    anchor: str | None
    at: int
    sent: dict[str, Row] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    told: tuple[int, int] = (-1, -1)


class Table(Selecting):
    """Base of widgets with rows.

    Attributes:
        view_state: what is shown and how: `sort` (a column), `descending`, `filters` (texts by column) and `search`;
            save it, and set it again later.
    """

    view_state: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    _columns: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    _facets: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    _first: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)

    COLUMNS: ClassVar[Sequence[Column]] = ()
    REQUESTS = frozenset({"rows"})

    def __init__(self, wish: Wish, **traits: Any) -> None:
        self._windows: dict[str, _Window] = {}
        self._step_timer: asyncio.TimerHandle | None = None
        self._first_timer: asyncio.TimerHandle | None = None
        self._rows = Rows(self.COLUMNS, wish)
        given = traits.pop("view_state", {})
        super().__init__(**traits)
        self._columns = [
            {"name": one.name, "label": one.label, "kind": one.kind, "facet": one.facet} for one in self.COLUMNS
        ]
        self.observe(self._wished, "view_state")
        self.view_state = self._checked(given)

    def close(self) -> None:
        """Take it off the page; the client stays as it is."""
        for timer in (self._step_timer, self._first_timer):
            if timer is not None:
                timer.cancel()
        super().close()

    @property
    def visible(self) -> list[str]:
        """Keys (sids) of the rows that search and filters let through, in the order of the view."""
        return self._rows.keys()

    # -- what changes

    def _put(self, row: Row) -> None:
        self._rows.put(row)
        self._touched()

    def _drop(self, key: str) -> None:
        self._rows.drop(key)
        self._unselect(key)
        self._touched()

    def _reset(self, rows: Iterable[Row]) -> None:
        self._rows.reset(rows)
        self._touched()

    def _touched(self) -> None:
        if self._closed:
            return
        if self._step_timer is None:
            self._step_timer = self._loop.call_later(STEP, self._step)
        if self._first_timer is None:
            self._first_timer = self._loop.call_later(FIRST_INTERVAL if self._first else 0, self._tell_first)

    def _step(self) -> None:
        self._step_timer = None
        for view, window in self._windows.items():
            news = self._news(window)
            if news is not None:
                self._change("window", view=view, **news)

    def _tell_first(self) -> None:
        self._first_timer = None
        keys = self._rows.window(0, FIRST)
        rows = [self._rows[key] for key in keys]
        self._first = {"rows": rows, "shown": self._rows.shown, "total": len(self._rows)}
        self._facets = self._rows.facets

    def _static_html(self) -> str:
        """The first rows as a table."""
        heads = "".join(f"<th>{escape(column.label)}</th>" for column in self.COLUMNS)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(_words(column, row.get(column.name)))}</td>" for column in self.COLUMNS)
            for row in self._first.get("rows", [])
        )
        more = self._rows.shown - len(self._first.get("rows", []))
        rest = f"<p>{more} more.</p>" if more > 0 else ""
        return f"<p>{escape(repr(self))}: live while its notebook runs.</p><table><tr>{heads}</tr>{rows}</table>{rest}"

    # -- what the views want

    async def _answer_rows(self, params: dict[str, Any]) -> dict[str, Any]:
        view, start, count = params.get("view"), params.get("start"), params.get("count")
        anchor = params.get("anchor")
        if not isinstance(view, str) or not isinstance(start, int) or not isinstance(count, int):
            raise UsageError("The view asked for rows without saying which.")
        known = self._windows.pop(view, None)
        window = _Window(max(0, start), max(1, min(count, LONGEST)), None, 0)
        if isinstance(anchor, str) and (at := self._rows.position(anchor)) is not None:
            window.anchor, window.at = anchor, at
        if known is not None and not params.get("afresh"):
            window.sent = known.sent
        self._windows[view] = window
        while len(self._windows) > VIEWS:
            del self._windows[next(iter(self._windows))]
        news = self._news(window)
        assert news is not None
        return news

    def _news(self, window: _Window) -> dict[str, Any] | None:
        """What a view needs to know to have its window right; None where nothing has changed."""
        shift = 0
        if window.anchor is not None and (at := self._rows.position(window.anchor)) is not None:
            shift, window.at = at - window.at, at
            window.start = max(0, window.start + shift)
        keys = self._rows.window(window.start, window.count)
        rows = {key: self._rows[key] for key in keys}
        fresh = [row for key, row in rows.items() if window.sent.get(key) is not row]
        told = self._rows.shown, len(self._rows)
        if not fresh and not shift and keys == window.keys and told == window.told:
            return None
        window.sent, window.keys, window.told = rows, keys, told
        return {
            "start": window.start,
            "shift": shift,
            "keys": keys,
            "rows": fresh,
            "shown": told[0],
            "total": told[1],
        }

    def _wished(self, _change: Any) -> None:
        state = self._checked(self.view_state)
        if state != self.view_state:
            self.view_state = state  # which comes here again
            return
        self._rows.want(Wish(state["sort"], state["descending"], state["filters"], state["search"]))
        for window in self._windows.values():
            window.anchor = None
        self._touched()

    def _checked(self, state: dict[str, Any]) -> dict[str, Any]:
        """A state with everything in it, and nothing that cannot be; it comes from pages, files and users."""
        wish, columns = self._rows.wish, self._rows.columns
        filters = state.get("filters")
        return {
            "sort": state["sort"] if state.get("sort") in columns else wish.sort,
            "descending": state.get("descending", wish.descending) is True,
            "filters": {
                name: [str(value) for value in values]
                for name, values in (filters.items() if isinstance(filters, dict) else ())
                if name in columns and isinstance(values, list) and values
            },
            "search": str(state.get("search") or "")[:200],
        }


def _words(column: Column, value: Any) -> str:
    """A value of a row for a reader without a front end."""
    if value is None:
        return ""
    if column.kind == "flag":
        return "yes" if value else "no"
    if column.kind == "time":
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    return str(value)
