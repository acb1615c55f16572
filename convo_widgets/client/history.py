"""A long list, read page by page with the next pages already on their way.

Items are numbered; numbers grow and may skip. A page starts at a number that need not exist, and may be shorter than
was asked, so the numbers are cut into ranges of about a page, of which several are asked for at a time, and what a page
leaves open of its range is asked for again, ahead of everything else. Each range keeps only its own numbers: so every
item comes once, however wide the pages turn out to be.

`Reader` counts in steps of its direction: a place is the number itself upwards, and its negative downwards.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from convo_widgets.errors import RemoteProtocolError

Order = Literal["asc", "desc"]


class Numbered(Protocol):
    """What stands at a place of a list."""

    @property
    def index(self) -> int:
        """Its number."""


N = TypeVar("N", bound=Numbered)


class Page(NamedTuple, Generic[N]):
    """Some items in the asked order, the number of the last one, readable or not, and whether more follow in it."""

    items: list[N]
    last: int | None
    more: bool


Fetch = Callable[[int | None, int, Order], Awaitable[Page[N]]]
"""Ask for a page: from which number on (None: from that end of the list), how many at most, in which order."""


class _Range(NamedTuple, Generic[N]):
    """Places that one page is asked for; an open first one has no beginning."""

    first: int | None
    last: int
    answer: asyncio.Task[Page[N]]


class Reader(Generic[N]):
    """Reads once through a list.

    Args:
        fetch: asks for a page; it may be called `prefetch` times at once.
        order: "asc" from the lowest number, "desc" from the highest.
        start: lowest number to read.
        end: highest number to read; None is the end of the list, upwards as it is when one gets there.
        newest: about the highest number that there is; None where nobody knows.
        page_size: items to ask for at a time.
        prefetch: pages that are on their way or wait to be taken, at most.
    """

    def __init__(
        self,
        fetch: Fetch[N],
        *,
        order: Order,
        start: int,
        end: int | None,
        newest: int | None,
        page_size: int,
        prefetch: int,
    ) -> None:
        self._fetch = fetch
        self._order: Order = order
        self._sign = 1 if order == "asc" else -1
        self._start, self._end = start, end
        self._newest = newest
        self._page_size = self._width = page_size
        self._prefetch = prefetch
        self._ahead: deque[_Range[N]] = deque()  # in order, without a hole, up to the next place
        self._next = self._stop = 0  # the first place that nobody asked for yet, the last one to ask for
        self._place = 0  # upwards, the first one that was not read yet

    async def pages(self) -> AsyncGenerator[list[N]]:
        """The items in order, as they come; ending it early leaves nothing under way.

        Raises:
            RemoteProtocolError: the service answers with other places than it was asked for.
        """
        try:
            await self._begin()
            while (items := await self._following()) is not None:
                if items:
                    yield items
        finally:
            await self._drop(list(self._ahead))

    async def _begin(self) -> None:
        newest = self._newest if self._newest is not None else await self._find_newest()
        if self._sign > 0:
            self._place = self._next = self._start
            self._stop_at(newest)
            return
        top, self._stop = newest if self._end is None else self._end, -self._start
        if top is None or (self._end is not None and self._end < self._start):
            self._next = self._stop + 1
            return
        self._next = -top
        if self._end is None:  # whatever is newer than we heard of belongs to the first page
            self._ask(None, min(self._next + self._page_size - 1, self._stop))

    async def _following(self) -> list[N] | None:
        """The items that come next, perhaps none; None at the end."""
        self._fill()
        if self._ahead:
            return await self._take()
        return await self._read_arrivals() if self._sign > 0 else None

    async def _take(self) -> list[N]:
        """What stands in the first of the ranges."""
        here = self._ahead[0]
        page = await here.answer
        self._ahead.popleft()
        items = _inside(page.items, self._sign, here.first, here.last)
        reached = None if page.last is None else page.last * self._sign
        if reached is not None:
            self._place = min(reached, here.last) + 1
        if reached is None or not page.more:  # nothing stands behind it
            self._stop = here.last if reached is None else min(self._stop, reached)
            await self._drop(self._cut_off(self._stop))
        else:
            self._learn(here, reached)
            if reached < here.last:
                await self._ask_again(reached + 1, here.last)
        if page.items and not items:  # a wide gap: go on behind it
            self._next = max(self._next, page.items[0].index * self._sign)
        return items

    def _cut_off(self, last: int) -> list[_Range[N]]:
        """Take away the ranges that begin behind a place."""
        beyond = [one for one in self._ahead if one.first is not None and one.first > last]
        for _ in beyond:
            self._ahead.pop()
        return beyond

    async def _read_arrivals(self) -> list[N] | None:
        """Upwards, what came meanwhile at the end of the list; None where nothing did."""
        if self._end is not None and self._place > self._end:
            return None
        page = await self._fetch(self._place, self._page_size, "asc")
        if page.last is None or page.last < self._place:
            return None
        items = _inside(page.items, 1, self._place, self._end)
        self._place = self._next = page.last + 1
        self._stop_at(await self._find_newest() if page.more else None)
        return items

    def _stop_at(self, newest: int | None) -> None:
        """Upwards, ask ahead as far as the list is known to go."""
        self._stop = self._next - 1 if newest is None else newest if self._end is None else min(newest, self._end)

    def _learn(self, here: _Range[N], reached: int) -> None:
        """Make the ranges as wide as pages are; a little less where that varies."""
        if here.first is None:
            return
        if reached < here.first:
            raise RemoteProtocolError("The service answered with other items than those that it was asked for.")
        width = reached - here.first + 1
        self._width = width if width == self._page_size else max(1, width * 7 // 8)

    def _fill(self) -> None:
        while len(self._ahead) < self._prefetch and self._next <= self._stop:
            self._ask(self._next, min(self._next + self._width - 1, self._stop))

    def _ask(self, first: int | None, last: int) -> None:
        self._ahead.append(self._range(first, last))
        self._next = last + 1

    def _range(self, first: int | None, last: int) -> _Range[N]:
        start = None if first is None else first * self._sign
        fetching = self._fetch(start, self._page_size, self._order)
        return _Range(first, last, asyncio.ensure_future(fetching))

    async def _ask_again(self, first: int, last: int) -> None:
        """A page was cut: what is left of its range comes next, and the furthest ranges make room for it."""
        pieces: list[tuple[int, int]] = []
        while first <= last and len(pieces) < self._prefetch:
            pieces.append((first, min(first + self._width - 1, last)))
            first = pieces[-1][1] + 1
        keep = self._prefetch - len(pieces) if first > last else 0
        dropped = [self._ahead.pop() for _ in range(len(self._ahead) - keep)]
        if first <= last:
            self._next = first
        elif dropped and dropped[-1].first is not None:
            self._next = dropped[-1].first
        self._ahead.extendleft([self._range(*piece) for piece in reversed(pieces)])
        await self._drop(dropped)

    async def _drop(self, ranges: list[_Range[N]]) -> None:
        for one in ranges:
            one.answer.cancel()
        await asyncio.gather(*(one.answer for one in ranges), return_exceptions=True)

    async def _find_newest(self) -> int | None:
        page = await self._fetch(None, 1, "desc")
        return page.items[0].index if page.items else None


def _inside(items: list[N], sign: int, first: int | None, last: int | None) -> list[N]:
    """Those items that lie in a range, in order and each once, whatever the service sent."""
    places = [item.index * sign for item in items]
    ordered = all(map(int.__lt__, places, places[1:]))
    if ordered and places and (first is None or places[0] >= first) and (last is None or places[-1] <= last):
        return items
    found = {
        place: item
        for place, item in zip(places, items, strict=True)
        if (first is None or place >= first) and (last is None or place <= last)
    }
    return [found[place] for place in sorted(found)]
