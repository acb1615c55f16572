"""The messages of one conversation: the followed list, the pages, and every `Message` that was seen."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from msgspec import UNSET, Struct

from convo_widgets.client.history import Fetch, N, Order, Page, Reader
from convo_widgets.client.loose import Loose, Seen
from convo_widgets.client.message import REMOVED, Message, MessageUpdated
from convo_widgets.client.paginator import Paginator
from convo_widgets.client.session import PAGE_LIMIT
from convo_widgets.errors import Forbidden, NotFound
from convo_widgets.sync.objects import Change, SyncList
from convo_widgets.wire.schema import MessageData, SyncObjectReply, TypedItem

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation

Direction = Literal["backwards", "forward"]
MOST_WORDS = 1000  # strings that are kept because they may come again
MessageRecord = tuple[int, MessageData]


class _Record(Struct):
    """A message as it stands in Sync."""

    index: int
    data: MessageData


class Messages:
    """What a conversation knows of its messages."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._session = conversation._client._session
        self._list: SyncList | None = None
        self._items_url = ""
        self._known: dict[int, Message] = {}
        self._loose = Loose()  # those of `history`
        self._newest: int | None = None  # the highest index that needs no announcing any more
        self._untold: set[int] = set()  # read before their own event came, which is still to announce them
        self._words: dict[str, str] = {}
        self._reads = 0  # pages on their way
        self._overtaking: dict[int, Change] = {}  # and what came meanwhile of messages that nobody has

    @property
    def object(self) -> SyncList | None:
        """The list; None where it is not to be followed."""
        return self._list

    @property
    def is_open(self) -> bool:
        """Whether the list is to be followed."""
        return self._list is not None

    async def open(self, name: str) -> None:
        """Open the list and follow it from its position on."""
        self._take(await self._session.open("Lists", name))
        self._follow()

    async def renew(self, opened: SyncObjectReply) -> None:
        """Read anew what is known and what came after it, and tell what is different now."""
        self._take(opened)
        held = self._held()
        if held:
            await self._compare(held)
        self._follow()

    def _take(self, opened: SyncObjectReply) -> None:
        self._items_url = opened.links.get("items", f"{opened.url}/Items")
        self._list = SyncList(opened.sid, opened.last_event_id, Seen(self._told))
        self._newest = None
        self._untold.clear()
        for message in self._held().values():
            message._event_id = None

    def _follow(self) -> None:
        if self._list is not None:  # one may have left meanwhile
            self._session.follow(self._list, self._changed)

    async def _compare(self, held: dict[int, Message]) -> None:
        """Read from the first to the end: what is beyond the last kept one was added, what is missing removed."""
        newest = max(self._known, default=None)
        missing = set(held)
        start: int | None = min(held)
        while start is not None:
            page = await self._session.items(self._items_url, type=MessageData, start=start)
            for item in page.items:
                if item.index in held:
                    self._load_loosely(item)
                    missing.discard(item.index)
                elif newest is not None and item.index is not UNSET and item.index > newest:
                    message = self._load(item)
                    if message is not None:
                        self._announce(message)
            following = _beyond(page.items, "asc")
            more = page.meta.next_token is not None and following is not None and following > start
            start = following if more else None
        for index in sorted(missing):
            self._remove(index)

    def _held(self) -> dict[int, Message]:
        """Every message that anybody has."""
        return {**self._loose.all(), **self._known}

    def close(self) -> None:
        """Follow it no more; what was seen stays."""
        if self._list is not None:
            self._session.unfollow(self._list.sid)
            self._list = None

    async def page(self, page_size: int, anchor: int | None, direction: Direction) -> Paginator[Message]:
        """A page of messages in the order of their indexes, ending or starting at `anchor` (inclusive)."""
        order = "desc" if direction == "backwards" else "asc"
        items: list[TypedItem[Any]] = []
        await self._conversation._followed.settled()
        start, more, before_start = anchor, True, False
        async with self._reading():
            while more and len(items) < page_size:
                want = min(page_size - len(items), PAGE_LIMIT)
                page = await self._session.items(
                    self._items_url, type=MessageData, start=start, page_size=want, order=order
                )
                if not items:
                    before_start = page.meta.previous_token is not None
                items += page.items
                following = _beyond(page.items, order)
                more = page.meta.next_token is not None and following not in (None, start)
                start = following
            messages = sorted(filter(None, map(self._load, items)), key=lambda message: message.index)
        indexes = [item.index for item in items if item.index is not UNSET]
        if not indexes:  # nothing there, as beyond the end, leads nowhere
            return Paginator(messages, prev=None, next=None)
        older, newer = (more, before_start) if order == "desc" else (before_start, more)
        return Paginator(
            messages,
            prev=(lambda: self.page(page_size, min(indexes) - 1, "backwards")) if older else None,
            next=(lambda: self.page(page_size, max(indexes) + 1, "forward")) if newer else None,
        )

    async def history(
        self, order: Order, start: int | None, end: int | None, page_size: int, prefetch: int
    ) -> AsyncGenerator[Message]:
        """Every message in this order, each once; kept by who reads them alone."""
        fetch = partial(self._fetch, self._load_loosely)
        try:
            async with aclosing(self._reader(fetch, order, start, end, page_size, prefetch).pages()) as pages:
                async for page in pages:
                    page.reverse()
                    while page:  # one by one, so that none is held for its neighbours
                        if page[-1]._event_id == REMOVED:  # meanwhile
                            page.pop()
                        else:
                            yield page.pop()
        finally:
            self._loose.sweep()

    async def records(self, order: Order, page_size: int, prefetch: int) -> AsyncGenerator[list[MessageRecord]]:
        """Every page of records in this order, without making `Message` objects."""
        fetch = partial(self._fetch, self._record)
        async with aclosing(self._reader(fetch, order, None, None, page_size, prefetch).pages()) as pages:
            async for page in pages:
                yield [(record.index, record.data) for record in page]

    def _reader(
        self, fetch: Fetch[N], order: Order, start: int | None, end: int | None, page_size: int, prefetch: int
    ) -> Reader[N]:
        last = self._conversation.last_message
        return Reader(
            fetch,
            order=order,
            start=start or 0,
            end=end,
            newest=None if last is None else last.index,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def _fetch(
        self, load: Callable[[TypedItem[Any]], N | None], start: int | None, page_size: int, order: Order
    ) -> Page[N]:
        """A page for a `Reader`, of whatever `load` makes of its items."""
        await self._conversation._followed.settled()
        async with self._reading():
            try:
                page = await self._session.items(
                    self._items_url, type=MessageData, start=start, page_size=page_size, order=order
                )
            except (Forbidden, NotFound) as error:
                raise _shut_out() from error
            if self._list is None:
                raise _shut_out()
            items = [one for item in page.items if (one := load(item)) is not None]
        last = next((item.index for item in reversed(page.items) if item.index is not UNSET), None)
        return Page(items, last, page.meta.next_token is not None)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[None]:
        """While pages are on their way, remember what may overtake them."""
        self._reads += 1
        try:
            yield
        finally:
            self._reads -= 1
            if self._reads == 0:
                self._overtaking.clear()

    def _record(self, item: TypedItem[Any]) -> _Record | None:
        data = self._session.item(item.data, MessageData)
        return None if data is None or item.index is UNSET else _Record(item.index, data)

    def _load(self, item: TypedItem[Any]) -> Message | None:
        """The message of an item of a page, kept from now on."""
        message = self._load_loosely(item)
        if message is not None and message.index not in self._known:
            self._loose.pop(message.index)
            self._known[message.index] = message
        return message

    def _make(self, index: int, data: MessageData, event_id: int) -> Message:
        """A new message; what is said with every one, such as an author, is held only once for all of them."""
        if len(self._words) > MOST_WORDS:
            self._words.clear()
        same = self._words.setdefault
        data.type = same(data.type, data.type)
        if data.author is not None:
            data.author = same(data.author, data.author)
        if data.member_sid is not None:
            data.member_sid = same(data.member_sid, data.member_sid)
        if isinstance(data.attributes, str):
            data.attributes = same(data.attributes, data.attributes)
        if data.date_updated == data.timestamp:
            data.date_updated = data.timestamp
        return Message(self._conversation, index, data, event_id)

    def _load_loosely(self, item: TypedItem[Any]) -> Message | None:
        """The message of an item of a page, kept by whoever takes it."""
        if item.index is UNSET or self._list is None:  # one may have left while the page was on its way
            return None
        if self._newest is None:
            self._newest = self._newest_told()
        if item.index > self._newest and self.find(item.index) is None:
            self._untold.add(item.index)
        if isinstance(item.data, MessageData) and self._is_new(item.index):  # as most are, and this is quick
            message = self._make(item.index, item.data, item.last_event_id)
            self._loose.put(message)
            return message
        change = self._list.load(item)
        if change is not None:
            late = self._overtaking.get(item.index)
            change = late if late is not None and late.event_id > change.event_id else change
            fresh = self._put(item.index, change)
            if fresh is not None:
                self._loose.put(fresh)
                return fresh
        return self.find(item.index)

    def _is_new(self, index: int) -> bool:
        """Whether nobody has this message, and nothing was heard of it that a page may not know."""
        assert self._list is not None
        return not (
            index in self._known
            or index in self._overtaking
            or self._list.has_heard_of(index)
            or self._loose.get(index) is not None
        )

    def _told(self, index: int) -> Message | None:
        """The same, if it needs no announcing: the event that adds one that was only read is no old news."""
        return None if index in self._untold else self.find(index)

    def find(self, index: int) -> Message | None:
        """The message at this index, if anybody has it."""
        return self._known.get(index) or self._loose.get(index)

    def _put(self, index: int, change: Change) -> Message | None:
        """Take a message's data; the message if it is one that was not known."""
        data = self._session.item(change.data, MessageData)
        if data is None:
            return None
        known = self.find(index)
        if known is None:
            return self._make(index, data, change.event_id)
        if known._event_id is not None and change.event_id < known._event_id:  # a page knew better
            return None
        known._event_id = change.event_id
        reasons = known._update(data)
        if reasons:
            update = MessageUpdated(known, reasons)
            known._emit("updated", update)
            self._conversation._announce("messageUpdated", update)
        return None

    def _changed(self, change: Change) -> None:
        if change.kind in ("gone", "lost"):
            self._conversation._followed.lost("The service knows another past of its messages.")
            return
        if not isinstance(change.key, int):
            return
        if change.kind == "removed":
            self._remove(change.key)
        elif change.kind == "added":
            message = self._put(change.key, change)
            if message is None and change.key in self._untold:
                message = self.find(change.key)
            if message is not None:
                self._known[change.key] = message
                self._conversation._participants.stopped_typing(message.author)
                self._announce(message)
        elif self.find(change.key) is not None:
            self._put(change.key, change)
        elif self._reads:
            self._overtaking[change.key] = change

    def _newest_told(self) -> int:
        """The index up to which no event is to come any more, by what the conversation says of its last message."""
        last = self._conversation.last_message
        if last is None:
            return -1
        return sys.maxsize if last.index is None else last.index  # the former where nobody knows

    def _announce(self, message: Message) -> None:
        self._untold.discard(message.index)
        self._newest = max(self._newest_told() if self._newest is None else self._newest, message.index)
        self._conversation._announce("messageAdded", message)

    def _remove(self, index: int) -> None:
        self._untold.discard(index)
        message = self._known.pop(index, None) or self._loose.pop(index)
        if message is not None:
            message._event_id = REMOVED
            self._conversation._announce("messageRemoved", message)


def _shut_out() -> Forbidden:
    return Forbidden(403, 0, "One is not in this conversation any more, so its messages cannot be read on")


def _beyond(items: list[TypedItem[Any]], order: str) -> int | None:
    """Where the next page in this order starts."""
    if not items or items[-1].index is UNSET:
        return None
    return items[-1].index + (-1 if order == "desc" else 1)
