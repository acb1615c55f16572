"""Pages that lead to the pages before and after them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from convo_widgets.client.shown import listing
from convo_widgets.errors import RemoteProtocolError, UsageError
from convo_widgets.wire.schema import Meta

if TYPE_CHECKING:
    from convo_widgets.client.session import Session

T = TypeVar("T")
PAGES = 1000  # that are read at most: a service may say for ever that there is more


class Page(Protocol):
    """A page of the client API."""

    meta: Meta


P = TypeVar("P", bound=Page)
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

    def _repr_html_(self) -> str:
        more = [side for side, there in (("before", self.has_prev_page), ("after", self.has_next_page)) if there]
        return listing(f"{len(self.items)} items, {'more ' + ' and '.join(more) if more else 'no more'}", self.items)

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


async def pages(session: Session, url: str, type: type[P], params: dict[str, Any], *, what: str) -> AsyncIterator[P]:
    """Every page of a resource of the client API.

    Raises:
        RemoteProtocolError: there is no end to it.
    """
    token: str | None = None
    for _ in range(PAGES):
        page = await session.get(url, type, params | ({"PageToken": token} if token else {}), what=what)
        yield page
        token = page.meta.next_token
        if not token:
            return
    raise RemoteProtocolError(f"The service goes on for ever in {what}.")


async def turned(
    turn: Callable[[str | None], Awaitable[P]], read: Callable[[P], list[T]], token: str | None = None
) -> Paginator[T]:
    """A page of a resource of the client API as a `Paginator`: `turn` fetches that of a token, `read` its items."""
    page = await turn(token)
    before, after = page.meta.previous_token, page.meta.next_token
    return Paginator(
        read(page),
        prev=(lambda: turned(turn, read, before)) if before else None,
        next=(lambda: turned(turn, read, after)) if after else None,
    )
