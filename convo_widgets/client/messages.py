"""The messages of one conversation: the followed list, the pages, and every `Message` that was seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET

from convo_widgets.client.message import Message, MessageUpdated
from convo_widgets.client.paginator import Paginator
from convo_widgets.client.session import PAGE_LIMIT
from convo_widgets.sync.objects import Change, SyncList
from convo_widgets.wire.schema import MessageData, SyncItem, SyncObjectReply

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation

Direction = Literal["backwards", "forward"]


class Messages:
    """What a conversation knows of its messages."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._session = conversation._client._session
        self._list: SyncList | None = None
        self._items_url = ""
        self._known: dict[int, Message] = {}

    @property
    def is_open(self) -> bool:
        """Whether the list is followed."""
        return self._list is not None

    async def open(self, name: str) -> None:
        """Open the list and follow it from its position on."""
        self._take(await self._session.open("Lists", name))
        self._follow()

    async def renew(self, opened: SyncObjectReply) -> None:
        """Read anew what is known and what came after it, and tell what is different now."""
        self._take(opened)
        if self._known:
            await self._compare(min(self._known), max(self._known))
        self._follow()

    def _take(self, opened: SyncObjectReply) -> None:
        self._items_url = opened.links.get("items", f"{opened.url}/Items")
        self._list = SyncList(opened.sid, opened.last_event_id)

    def _follow(self) -> None:
        if self._list is not None:  # one may have left meanwhile
            self._session.follow(self._list, self._changed)

    async def _compare(self, lowest: int, highest: int) -> None:
        """Read from an index to the end: what is beyond the highest known one was added, what is missing removed."""
        missing = set(self._known)
        start: int | None = lowest
        while start is not None:
            page = await self._session.items(self._items_url, start=start)
            for item in page.items:
                message = self._load(item)
                if message is None:
                    continue
                missing.discard(message.index)
                if message.index > highest:
                    self._conversation._announce("messageAdded", message)
            start = _beyond(page.items, "asc") if page.meta.next_token is not None else None
        for index in sorted(missing):
            self._conversation._announce("messageRemoved", self._known.pop(index))

    def close(self) -> None:
        """Follow it no more; what was seen stays."""
        if self._list is not None:
            self._session.unfollow(self._list.sid)
            self._list = None

    async def page(self, page_size: int, anchor: int | None, direction: Direction) -> Paginator[Message]:
        """A page of messages in the order of their indexes, ending or starting at `anchor` (inclusive)."""
        order = "desc" if direction == "backwards" else "asc"
        items: list[SyncItem] = []
        start, more, before_start = anchor, True, False
        while more and len(items) < page_size:
            want = min(page_size - len(items), PAGE_LIMIT)
            page = await self._session.items(self._items_url, start=start, page_size=want, order=order)
            if not items:
                before_start = page.meta.previous_token is not None
            items += page.items
            more = page.meta.next_token is not None and bool(page.items)
            start = _beyond(page.items, order)
        messages = sorted(filter(None, map(self._load, items)), key=lambda message: message.index)
        older, newer = (more, before_start) if order == "desc" else (before_start, more)
        lowest, highest = _bounds(items, anchor)
        return Paginator(
            messages,
            prev=(lambda: self.page(page_size, lowest - 1, "backwards")) if older else None,
            next=(lambda: self.page(page_size, highest + 1, "forward")) if newer else None,
        )

    async def records(self, direction: Direction) -> AsyncIterator[list[tuple[int, MessageData]]]:
        """Every page of (index, data) in this direction, without making `Message` objects."""
        order = "desc" if direction == "backwards" else "asc"
        start, more = None, True
        while more:
            page = await self._session.items(self._items_url, start=start, page_size=PAGE_LIMIT, order=order)
            yield list(self._records(page.items))
            more = page.meta.next_token is not None and bool(page.items)
            start = _beyond(page.items, order)

    def _records(self, items: list[SyncItem]) -> Iterator[tuple[int, MessageData]]:
        for item in items:
            data = self._session.item(item.data, MessageData)
            if data is not None and item.index is not UNSET:
                yield item.index, data

    def _load(self, item: SyncItem) -> Message | None:
        if item.index is UNSET or self._list is None:  # one may have left while the page was on its way
            return None
        change = self._list.load(item)
        if change is not None:
            data = self._session.item(change.data, MessageData)
            if data is not None:
                self._put(item.index, data)
        return self._known.get(item.index)

    def _put(self, index: int, data: MessageData) -> bool:
        """Take a message's data; whether it is one that was not known."""
        known = self._known.get(index)
        if known is None:
            self._known[index] = Message(self._conversation, index, data)
            return True
        reasons = known._update(data)
        if reasons:
            update = MessageUpdated(known, reasons)
            known._emit("updated", update)
            self._conversation._announce("messageUpdated", update)
        return False

    def _changed(self, change: Change) -> None:
        if change.kind in ("gone", "lost"):
            self._conversation._lost("The service knows another past of its messages.")
            return
        if not isinstance(change.key, int):
            return
        if change.kind == "removed":
            message = self._known.pop(change.key, None)
            if message is not None:
                self._conversation._announce("messageRemoved", message)
            return
        data = self._session.item(change.data, MessageData)
        if data is not None and self._put(change.key, data) and change.kind == "added":
            message = self._known[change.key]
            self._conversation._participants.stopped_typing(message.author)
            self._conversation._announce("messageAdded", message)


def _beyond(items: list[SyncItem], order: str) -> int | None:
    """Where the next page in this order starts."""
    if not items or items[-1].index is UNSET:
        return None
    return items[-1].index + (-1 if order == "desc" else 1)


def _bounds(items: list[SyncItem], anchor: int | None) -> tuple[int, int]:
    """Lowest and highest index of a page; around the anchor where the page is empty."""
    indexes = [item.index for item in items if item.index is not UNSET]
    if indexes:
        return min(indexes), max(indexes)
    nowhere = anchor or 0
    return nowhere + 1, nowhere - 1
