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


class Page:
    """One page.

    Attributes:
        after: id of the row before the first.
        next: token of the page after it, once it was read; None where that has nothing.
        previous: token of the page before it.
    """

    def __init__(self, after: int = 0, size: int = SIZE) -> None:
        self.after, self.size = after, size
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
        return cls(_position(call.param("PageToken")), max(1, min(size, LARGEST)))

    def read(self, store: Store, sql: str, *values: Any) -> list[Row]:
        """The rows; the query selects an `id` and ends in ``id > ? ORDER BY id LIMIT ?``, after its own values."""
        rows = store.rows(sql, *values, self.after, self.size + 1)
        shown: list[Row] = []
        size = 0
        for row in rows[: self.size]:
            size += sum(len(value) for value in row if isinstance(value, str))
            if shown and size > BYTES:
                break
            shown.append(row)
        if len(shown) < len(rows):
            self.next = _token(shown[-1]["id"])
        if self.after:
            ids = f"SELECT id FROM ({sql}) WHERE id <= ? ORDER BY id DESC LIMIT ?"  # noqa: S608 - a query of ours
            before = store.rows(ids, *values, 0, -1, self.after, self.size + 1)
            self.previous = _token(before[-1]["id"] if len(before) > self.size else 0)
        return shown


def _token(id: int) -> str:
    return "PT" + urlsafe_b64encode(str(id).encode()).decode()


def _position(token: str | None) -> int:
    if not token:
        return 0
    try:
        position = int(urlsafe_b64decode(token.removeprefix("PT").encode()))
    except ValueError as error:
        raise Refused(54453) from error
    if not 0 <= position < 1 << 62:
        raise Refused(54453)
    return position
