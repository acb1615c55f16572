"""What a reader does with the messages of a thread: open files, see rich content and receipts, react."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from typing import Any

import traitlets

from convo_widgets.client.media import Media
from convo_widgets.client.message import Message, MessageUpdated
from convo_widgets.errors import Conflict, UsageError
from convo_widgets.widgets._base import Binary, number
from convo_widgets.widgets._conversation import OfMessages
from convo_widgets.widgets._messages import LONGEST_REACTION, reactions_of, row_of
from convo_widgets.widgets._receipts import receipts_of

MOST_BYTES = 32 * 1024 * 1024  # of a medium that goes to a page through the kernel
KEPT_BYTES = 64 * 1024 * 1024  # of media, for the next chunk and the next view
CHUNK = 512 * 1024  # bytes: Jupyter drops what goes beyond 1 MB/s over three seconds, counted anew with each request
MOST_RAW = 20_000  # characters of JSON that a row shows
MOST_PARTS = 50  # buttons, items or pictures of rich content
TRIES = 4  # to change a message's reactions while others do the same
KEEP = 3.0  # seconds in which a reaction that somebody else's write took out is put back
READERS_INTERVAL = 0.25  # seconds between two counts of who has read what
MOST_HORIZONS = 100  # places in the conversation at which people stand


class Reading(OfMessages):
    """Base of the thread: all that its rows ask for.

    Attributes:
        times: "clock" shows when a message was written, "relative" how long ago; pointing at it shows all of it.
        markdown: show bodies as Markdown, of which bold, italic, code, lists, quotes and links are known; text messages
            (SMS) stay as they are.
    """

    times = traitlets.Enum(["clock", "relative"], "clock").tag(sync=True)
    markdown = traitlets.Bool(False).tag(sync=True)
    _readers: traitlets.List[list[int]] = traitlets.List().tag(sync=True)
    """How many others on chat have read up to which index: [index, count], -1 for nothing."""

    REQUESTS = frozenset({"bytes", "content", "receipts", "react"})

    def __init__(self, *rest: Any, **traits: Any) -> None:
        self._files: dict[str, asyncio.Task[bytes]] = {}
        self._fetching = asyncio.Semaphore(4)
        self._reacting = asyncio.Lock()
        self._wishes: dict[tuple[int, str], tuple[bool, float]] = {}
        self._edited: set[int] = set()
        self._readers_timer: asyncio.TimerHandle | None = None
        super().__init__(*rest, **traits)

    def _let_go(self) -> None:
        if self._readers_timer is not None:
            self._readers_timer.cancel()
            self._readers_timer = None
        super()._let_go()

    def _forget(self) -> None:
        super()._forget()
        self._files.clear()
        self._wishes.clear()

    def _row(self, message: Message) -> dict[str, Any]:
        return row_of(message, self._names, self._identity, edited=message.index in self._edited)

    # -- files

    async def _answer_bytes(self, params: dict[str, Any]) -> Binary:
        """A piece of a medium. The page asks nobody but the kernel: the service may be out of its reach."""
        sid, start = params.get("sid"), number(params, "start")
        task = self._files.get(str(sid))
        if task is None:
            message = await self._message(params)
            media = message.get_media_by_categories(["media", "body", "history"])
            medium = next((one for one in media if one.sid == sid), None)
            if medium is None:
                raise UsageError("This message has no such file.")
            task = self._file(medium)
        content = await asyncio.shield(task)
        return Binary({"size": len(content)}, [content[max(0, start) : max(0, start) + CHUNK]])

    def _file(self, medium: Media) -> asyncio.Task[bytes]:
        """The bytes of a medium, fetched once for all views; the oldest are forgotten when there are too many."""
        if medium.sid in self._files:
            return self._files[medium.sid]
        if medium.size > MOST_BYTES:
            raise UsageError(
                f"{medium.size:,} bytes are too many for a page: in Python, media.download(path) writes them to a file."
            )

        async def fetch() -> bytes:
            async with self._fetching:
                return await medium.read(MOST_BYTES)

        def done(task: asyncio.Task[bytes]) -> None:
            if self._files.get(medium.sid) is not task:
                return
            if task.cancelled() or task.exception() is not None:
                del self._files[medium.sid]
                return
            whole = [(sid, one.result()) for sid, one in self._files.items() if one.done()]
            total = sum(len(content) for _, content in whole)
            for sid, content in whole[:-1]:
                if total > KEPT_BYTES:
                    del self._files[sid]
                    total -= len(content)

        task = self._files[medium.sid] = self._spawn(fetch())
        task.add_done_callback(done)
        return task

    # -- rich content and receipts

    async def _answer_content(self, params: dict[str, Any]) -> dict[str, Any] | None:
        content = await (await self._message(params)).get_content_data()
        return None if content is None else _bounded(asdict(content))

    async def _answer_receipts(self, params: dict[str, Any]) -> dict[str, Any]:
        return await receipts_of(await self._message(params), await self._people(), self._names)

    def _readers_soon(self, _event: Any = None) -> None:
        if self._readers_timer is None:
            self._readers_timer = self._loop.call_later(READERS_INTERVAL, self._count_readers)

    def _count_readers(self) -> None:
        self._readers_timer = None

        async def count() -> None:
            others = [one for one in await self._people() if one.identity not in (None, self._identity)]
            reads = (-1 if one.last_read_message_index is None else one.last_read_message_index for one in others)
            counts = sorted(Counter(reads).items(), reverse=True)
            told = [[index, count] for index, count in counts[:MOST_HORIZONS]]
            if len(counts) > MOST_HORIZONS:
                told.append([-1, sum(count for _, count in counts[MOST_HORIZONS:])])
            self._readers = told

        self._spawn(count())

    # -- reactions

    async def _answer_react(self, params: dict[str, Any]) -> None:
        name, on = params.get("name"), params.get("on")
        if self.read_only:
            raise UsageError("This thread is read-only.")
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_REACTION or not isinstance(on, bool):
            raise UsageError("The view sent a reaction without a name.")
        index = number(params, "index")
        await self._react(index, name, on)
        now = self._loop.time()
        self._wishes = {wish: (on, since) for wish, (on, since) in self._wishes.items() if now - since < KEEP}
        self._wishes[index, name] = on, now

    async def _react(self, index: int, name: str, on: bool) -> None:
        """Read, merge and write until it is as wished: there is no lock on attributes, and others write them too."""
        async with self._reacting:
            for _ in range(TRIES):
                message = await self._message({"index": index})
                attributes = {} if message.attributes is None else message.attributes
                if not isinstance(attributes, dict):
                    raise UsageError(
                        "The attributes of this message are no JSON object: they have no place for a reaction."
                    )
                if self._has_reacted(attributes, name) == on:
                    return
                try:
                    await message.update_attributes(_reacted(attributes, self._identity, name, on))
                except Conflict:
                    continue
            if self._has_reacted((await self._message({"index": index})).attributes, name) != on:
                raise UsageError("Others changed this message at the same time, again and again: try once more.")

    def _has_reacted(self, attributes: Any, name: str) -> bool:
        return self._identity in reactions_of(attributes).get(name, ())

    def _note(self, update: MessageUpdated) -> None:
        """A message changed: remember what its row could not know from it alone."""
        if "body" in update.update_reasons:
            self._edited.add(update.message.index)
        self._keep_reaction(update)

    def _keep_reaction(self, update: MessageUpdated) -> None:
        """Somebody wrote attributes that they had read before ours were there: put ours back."""
        index = update.message.index
        for (of, name), (on, since) in list(self._wishes.items()):
            if of == index and self._has_reacted(update.message.attributes, name) != on:
                del self._wishes[of, name]
                if self._loop.time() - since < KEEP:
                    self._spawn(self._react(index, name, on))


def _reacted(attributes: dict[str, Any], identity: str, name: str, on: bool) -> dict[str, Any]:
    """Attributes with a reaction more, or less; everything else in them stays."""
    kept = attributes.get("reactions")
    reactions = dict(kept) if isinstance(kept, dict) else {}
    people = reactions.get(name)
    others = [one for one in people if one != identity] if isinstance(people, list) else []
    reactions[name] = [*others, identity] if on else others
    if not reactions[name]:
        del reactions[name]
    return attributes | {"reactions": reactions}


def _bounded(value: Any) -> Any:
    """Rich content without more of anything than a row can show."""
    if isinstance(value, dict):
        return {name: _bounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(one) for one in value[:MOST_PARTS]]
    return value[:MOST_RAW] if isinstance(value, str) else value
