"""A conversation as a file for people: one HTML page that needs nothing else."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, overload

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.media import Media
from convo_widgets.client.message import Message
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.widgets._conversation import OfConversation
from convo_widgets.widgets._messages import row_of
from convo_widgets.widgets._names import Names, mask
from convo_widgets.widgets._transcript import LONGEST_BODY, Transcript, cut, document_foot, document_head, rich_lines

AT_ONCE = 100  # messages that are written together
AHEAD = 8  # pages that are read ahead
MOST_FETCHES = 4  # bodies and pictures that are on their way at once
MOST_NAMES = 50  # people that the head of the page names
MAIL_LIMIT = 256 * 1024  # bytes of an email's text
PICTURE_LIMIT = 4 * 1024 * 1024  # bytes of a picture
PICTURES_LIMIT = 64 * 1024 * 1024  # of all of them
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # none that can hold a script


class Exporting(OfConversation):
    """Base of the thread: its conversation as a page."""

    @overload
    def to_html(
        self, path: None = None, *, limit: int | None = None, mask: bool = True, media: bool = False
    ) -> asyncio.Task[str]: ...

    @overload
    def to_html(
        self, path: str | os.PathLike[str], *, limit: int | None = None, mask: bool = True, media: bool = False
    ) -> asyncio.Task[Path]: ...

    def to_html(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        limit: int | None = None,
        mask: bool = True,
        media: bool = False,
    ) -> asyncio.Task[str] | asyncio.Task[Path]:
        """Write the conversation as one HTML page: ``await thread.to_html("chat.html")``.

        The page is text alone: no script, and nothing that is fetched. It is written as the history is read, in little
        memory, and the file is there whole or not at all: an older one is replaced at the end. Times are in UTC.

        The writing begins at once, also without ``await``, and goes on between cells; then what fails is shown in the
        thread's strip.

        Args:
            path: the file; None gives the page as text.
            limit: messages at most, the newest ones; None is all of them.
            mask: show of phone numbers and mail addresses of people only so much that they can be told apart. What
                people wrote stays as they wrote it.
            media: put pictures (PNG, JPEG, GIF, WebP) of up to 4 MB into the page, 64 MB in all; other files are only
                named.

        Returns:
            What to await: the path, or the page.

        Raises:
            UsageError: there is no such directory, or an argument does not fit.
            TransportError: the connection stayed lost.
        """
        if limit is not None and limit < 1:
            raise UsageError(f"limit is {limit}: a transcript has at least one message.")
        page = _Page(self._conversation, limit, mask, media)
        if path is None:
            return self._spawn(self._reported(page.text()))
        target = Path(path)
        if target.is_dir() or not target.parent.is_dir():
            raise UsageError(f"A transcript cannot be written to {target}: there is no such directory for a file.")
        return self._spawn(self._reported(page.write(target)))

    async def _reported(self, work: Any) -> Any:
        """Do it; a failure is shown in the strip too, for who does not wait for it."""
        try:
            return await work
        except Exception as error:
            self._fault("to_html failed", error)
            raise


class _Page:
    """A page that is being written."""

    def __init__(self, conversation: Conversation, limit: int | None, masked: bool, media: bool) -> None:
        self._conversation = conversation
        self._limit = limit
        self._masked = masked
        self._left = PICTURES_LIMIT if media else 0  # bytes of pictures
        self._names = Names(conversation)
        self._fetching = asyncio.Semaphore(MOST_FETCHES)

    async def text(self) -> str:
        return "".join([piece async for piece in self.pieces()])

    async def write(self, path: Path) -> Path:
        with _aside(path) as file:
            async for piece in self.pieces():
                file.write(piece)
        return path

    async def pieces(self) -> AsyncIterator[str]:
        """The page in the order of the file, a few messages at a time."""
        await self._names.load()
        yield document_head(self._title, await self._facts())
        transcript = Transcript()
        start, end = await self._ends()
        if end is not None:
            async with aclosing(self._conversation.history("asc", start=start, end=end, prefetch=AHEAD)) as history:
                batch: list[Message] = []
                async for message in history:
                    batch.append(message)
                    if len(batch) == AT_ONCE:
                        yield "".join(map(transcript.add, await self._rows(batch)))
                        batch.clear()
                yield "".join(map(transcript.add, await self._rows(batch)))
        yield document_foot(transcript.count, datetime.now(UTC))

    async def _ends(self) -> tuple[int | None, int | None]:
        """The first and the last index to write; indexes have gaps, so for the first one they are counted."""
        newest = (await self._conversation.get_messages(1)).items
        if not newest:
            return None, None
        last = newest[-1].index
        if self._limit is None:
            return None, last
        first, count = last, 0
        async with aclosing(self._conversation.history("desc", end=last, prefetch=AHEAD)) as history:
            async for message in history:
                first, count = message.index, count + 1
                if count == self._limit:
                    break
        return first, last

    @property
    def _title(self) -> str:
        conversation = self._conversation
        return conversation.friendly_name or conversation.unique_name or conversation.sid

    async def _facts(self) -> list[str]:
        conversation = self._conversation
        people = await conversation.get_participants()
        names = [self._shown(self._names.of_participant(one), one.type) for one in people[:MOST_NAMES]]
        more = f" and {len(people) - MOST_NAMES:,} more" if len(people) > MOST_NAMES else ""
        state = conversation.state.current if conversation.state else "active"
        part = "" if self._limit is None else f"The newest {self._limit:,} messages at most."
        return [f"{', '.join(names)}{more}", f"{conversation.sid} · {state}", part]

    def _shown(self, name: str, channel: str) -> str:
        """A name as the page shows it: one that is a mail address may be masked like a phone number."""
        user, at, domain = name.partition("@")
        return f"{user[:1]}•••@{domain}" if self._masked and at and channel != "chat" else name

    async def _rows(self, messages: list[Message]) -> list[dict[str, Any]]:
        await asyncio.gather(*(self._names.look_up(author) for author in {one.author for one in messages} if author))
        rows = [self._row(message) for message in messages]
        more = [
            self._complete(row, message)
            for row, message in zip(rows, messages, strict=True)
            if row["content"] is not None or row["texts"] or (row["media"] and self._left)
        ]
        await asyncio.gather(*more)
        return rows

    def _row(self, message: Message) -> dict[str, Any]:
        row = row_of(message, self._names, self._conversation.client.user.identity)
        row["name"] = self._shown(row["name"], row["channel"])
        if not self._masked and message.author and mask(message.author) != message.author:
            row["address"] = message.author
        return row

    async def _complete(self, row: dict[str, Any], message: Message) -> None:
        """Fetch what a message does not hold itself."""
        if row["content"] is not None:
            row["lines"] = await self._rich(message)
        elif not message.body:
            row["mail"] = await self._mail(message)
        for shown, medium in zip(row["media"], message.attached_media, strict=True):
            shown["data"] = await self._picture(medium)

    async def _rich(self, message: Message) -> list[str]:
        async with self._fetching:
            try:
                content = await message.get_content_data()
            except ConvoError as error:
                return [f"Its content could not be read ({type(error).__name__})."]
        return [] if content is None else rich_lines(content)

    async def _mail(self, message: Message) -> list[str]:
        body = message.get_email_body()
        if body is None or body.size > MAIL_LIMIT:
            return []
        async with self._fetching:
            try:
                return [(await body.read(MAIL_LIMIT)).decode(errors="replace")]
            except ConvoError as error:
                return [cut(f"Its text could not be read ({type(error).__name__}).", LONGEST_BODY)]

    async def _picture(self, medium: Media) -> str | None:
        """A picture as an address that holds all of it; None where it is none, or too large."""
        type = medium.content_type.partition(";")[0].strip().lower()
        most = min(PICTURE_LIMIT, self._left)
        if type not in PICTURES or not 0 < medium.size <= most:
            return None
        self._left -= medium.size
        async with self._fetching:
            try:
                content = await medium.read(medium.size)
            except ConvoError:
                return None
        return f"data:{type};base64,{base64.b64encode(content).decode()}"


@contextlib.contextmanager
def _aside(path: Path) -> Iterator[IO[str]]:
    """A file beside the one to be, which takes its place when all is written; of what fails nothing stays."""
    with NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=".convo-", suffix=".part", delete=False
    ) as file:
        part = Path(file.name)
        try:
            yield file
            file.close()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
