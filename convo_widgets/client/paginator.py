"""Pages that lead to the pages before and after them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from convo_widgets.errors import UsageError

T = TypeVar("T")
Turn = Callable[[], Awaitable["Paginator[T]"]]


class Paginator(Generic[T]):
    """One page of a longer sequence.

    Attributes:
        items: what is on this page, in the order of the sequence.
    """

    def __init__(self, items: list[T], *, prev: Turn[T] | None, next: Turn[T] | None) -> None:
        self.items = items
        self._prev = prev
        self._next = next

    def __repr__(self) -> str:
        more = " and ".join(
            side for side, there in (("before", self.has_prev_page), ("after", self.has_next_page)) if there
        )
        return f"<Paginator of {len(self.items)} items, {f'more {more}' if more else 'no more'}>"

    @property
    def has_prev_page(self) -> bool:
        """Whether there is something before this page."""
        return self._prev is not None

    @property
    def has_next_page(self) -> bool:
        """Whether there is something after this page."""
        return self._next is not None

    async def prev_page(self) -> Paginator[T]:
        """The page before this one.

        Raises:
            UsageError: there is none; look at `has_prev_page`.
        """
        if self._prev is None:
            raise UsageError("There is no page before this one: look at has_prev_page first.")
        return await self._prev()

    async def next_page(self) -> Paginator[T]:
        """The page after this one.

        Raises:
            UsageError: there is none; look at `has_next_page`.
        """
        if self._next is None:
            raise UsageError("There is no page after this one: look at has_next_page first.")
        return await self._next()
