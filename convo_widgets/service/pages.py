"""Pages of the client API: so many rows after a row id, which the opaque token holds."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from sqlite3 import Row
from typing import Any

from convo_widgets.service.calls import Call
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Store

SIZE = 50
LARGEST = 100
BYTES = 512 * 1024
"""Most text in a page; it is shorter where its rows are larger."""
_BEGINNING, _END = -1, 1 << 62
"""Below and above every id."""


class Page:
    """One page.

    Attributes:
        after: id of the row before the first; in the order of the page, which may be `descending`.
        next: token of the page after it, once it was read; None where that has nothing.
        previous: token of the page before it.
    """

    def __init__(self, token: str | None = None, size: int = SIZE, *, descending: bool = False) -> None:
        self.size, self.descending = size, descending
        self.start = _END if descending else _BEGINNING
        self.after = _position(token, self.start)
        self.next: str | None = None
        self.previous: str | None = None

    @classmethod
    def of(cls, call: Call) -> Page:
        """The page that a request asks for.

        Raises:
            Refused: 54453 for a token that is none, 20422 for a size that is no number.
        """
        try:
            size = int(call.param("PageSize") or SIZE)
        except ValueError as error:
            raise Refused(20422, "PageSize is a number") from error
        return cls(call.param("PageToken"), max(1, min(size, LARGEST)))

    def skip(self, store: Store, sql: str, *values: Any, count: int) -> None:
        """Begin so many rows later; past the last one there is nothing."""
        order = "DESC" if self.descending else "ASC"
        ids = f"SELECT id FROM ({sql}) ORDER BY id {order} LIMIT 1 OFFSET ?"  # noqa: S608
        last = store.value(ids, *values, count - 1)
        self.after = last if last is not None else _BEGINNING if self.descending else _END

    def read(self, store: Store, sql: str, *values: Any) -> list[Row]:
        """The rows of a query that selects an `id`, and orders and limits nothing itself."""
        sign, order, back = ("<", "DESC", "ASC") if self.descending else (">", "ASC", "DESC")
        ahead = f"SELECT * FROM ({sql}) WHERE id {sign} ? ORDER BY id {order} LIMIT ?"  # noqa: S608 - a query of ours
        rows = store.rows(ahead, *values, self.after, self.size + 1)
        shown: list[Row] = []
        size = 0
        for row in rows[: self.size]:
            size += sum(len(value) for value in row if isinstance(value, str))
            if shown and size > BYTES:
                break
            shown.append(row)
        if len(shown) < len(rows):
            self.next = _token(shown[-1]["id"])
        if self.after != self.start:
            sign = ">" if self.descending else "<"
            behind = f"SELECT id FROM ({sql}) WHERE id {sign}= ? ORDER BY id {back} LIMIT ?"  # noqa: S608
            before = store.rows(behind, *values, self.after, self.size + 1)
            self.previous = _token(before[-1]["id"] if len(before) > self.size else self.start)
        return shown


def _token(id: int) -> str:
    return "PT" + urlsafe_b64encode(str(id).encode()).decode()


def _position(token: str | None, start: int) -> int:
    if not token:
        return start
    try:
        position = int(urlsafe_b64decode(token.removeprefix("PT").encode()))
    except ValueError as error:
        raise Refused(54453) from error
    if not _BEGINNING <= position <= _END:
        raise Refused(54453)
    return position
