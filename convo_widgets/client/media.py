"""Media of messages: photos, files, email texts; where they are, and how they come down."""

from __future__ import annotations

import contextlib
import mimetypes
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Literal
from urllib.parse import quote, urlencode

from convo_widgets.client.requests import typed
from convo_widgets.client.shown import line, table
from convo_widgets.errors import NotFound, RemoteProtocolError, TooLarge, UsageError
from convo_widgets.transport.http import Http, Progress, Source
from convo_widgets.wire import json
from convo_widgets.wire.schema import MediaData, MediaFound, MediaRecord, MediaSetRequest, MediaWanted

MediaCategory = Literal["media", "body", "history"]

SET = 100  # media that are asked for at once
READ_LIMIT = 32 * 1024 * 1024  # bytes that `read` takes into memory, unless told otherwise
UNKNOWN_LIMIT = 1024 * 1024 * 1024  # bytes of a medium whose size nobody said


class MediaService:
    """The media service of a client: uploads, records and addresses.

    Args:
        http: how it is reached.
    """

    def __init__(self, http: Http) -> None:
        self.http = http
        self._url = self._set_url = ""

    def configure(self, base: str, media: str, media_set: str) -> None:
        """Use the addresses that the configuration gives; a path alone is below `base`.

        Where `base` is encrypted, no other address is used: the token would go there in clear.
        """
        self._url, self._set_url = (
            url if url.startswith("http") else base + url for url in (media, media_set or f"{media}Set")
        )
        self.http.trust(base if base.startswith("https:") and not self._url.startswith("https:") else self._url)

    async def record(self, sid: str) -> MediaRecord:
        """What the service knows of a medium, with a new temporary address."""
        what = f"reading medium {sid}"
        return typed(await self.http.get(f"{self._url}/{quote(sid, safe='')}", what=what), MediaRecord, what)

    async def urls(self, sids: Sequence[str]) -> dict[str, str]:
        """Temporary addresses of media, by sid.

        Raises:
            NotFound: one of them is not there, or not for oneself.
        """
        found: dict[str, str] = {}
        what = "reading media"
        for start in range(0, len(sids), SET):
            wanted = [MediaWanted(sid) for sid in sids[start : start + SET]]
            answer = await self.http.post(self._set_url, json.encode(MediaSetRequest(wanted)), what=what)
            for one in typed(answer, list[MediaFound], what):
                sid, url = one.media_record.sid, one.media_record.links.content_direct_temporary
                if one.code != 200:
                    raise NotFound(404, 20404, f"Medium {sid} is not there, or not for you")
                if url is not None and sid in sids:
                    found[sid] = url
        return found

    async def upload(
        self, source: Source, content_type: str, filename: str | None, category: str, on_progress: Progress | None
    ) -> str:
        """Upload one; returns its sid."""
        query = {"Category": category} | ({"Filename": filename} if filename else {})
        url, what = f"{self._url}?{urlencode(query, errors='replace')}", "uploading media"
        answer = await self.http.upload(url, source, content_type=content_type, on_progress=on_progress, what=what)
        return typed(answer, MediaRecord, what).sid


@dataclass(frozen=True, slots=True, repr=False)
class Media:
    """One medium of a message.

    Attributes:
        sid: its sid (ME...).
        filename: as its sender named it, never to be trusted as a path; None where it has no name.
        content_type: MIME type, as its sender said.
        size: bytes.
        category: "media" for attachments, "body" and "history" for email texts.
    """

    sid: str
    filename: str | None
    content_type: str
    size: int
    category: str
    _service: MediaService | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        named = f" {line(self.filename)}" if self.filename else ""
        sid, type = line(self.sid)[1:-1], line(self.content_type)[1:-1]
        return f"<Media {sid}{named}, {type}, {self.size:,} bytes>"

    def _repr_html_(self) -> str:
        rows = {
            "sid": self.sid,
            "filename": self.filename,
            "type": self.content_type,
            "bytes": self.size,
            "category": self.category,
        }
        return table("Media", rows)

    @classmethod
    def from_wire(cls, data: MediaData, service: MediaService | None = None) -> Media:
        """The medium that Sync describes."""
        return cls(data.sid, data.filename, data.content_type, data.size, data.category, service)

    async def get_content_temporary_url(self) -> str | None:
        """A new address of its bytes that needs no token and is good for a few minutes; None where there is none.

        Whoever has the address may read the medium: it does not belong into logs or saved notebooks.

        Raises:
            NotFound: the medium is not there, or not for oneself.
        """
        return (await self._reached.record(self.sid)).links.content_direct_temporary

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        """Its bytes, in memory.

        Args:
            limit: bytes at most.

        Raises:
            TooLarge: it has more.
            NotFound: it is not there, or not for oneself.
            TransportError: it broke, again and again.
        """
        sink = _Memory()
        await self._fetch(sink, limit, None)
        return bytes(sink.content)

    async def download(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, on_progress: Progress | None = None
    ) -> Path:
        """Write it to a file, which is there whole or not at all; returns its path.

        Args:
            path: the file; or a directory, where the file gets the sid as its name: what the sender named it is not
                trusted as a path.
            overwrite: whether a file that is there already may be replaced.
            on_progress: called with the bytes that came and all there are.

        Raises:
            UsageError: the file is there already, or its directory is not.
            NotFound: the medium is not there, or not for oneself.
            TransportError: it broke, again and again.
        """
        target, aside = Path(path), self._reached.http.aside
        if await aside(target.is_dir):
            target /= self._safe_name()
        if not await aside(target.parent.is_dir):
            raise UsageError(f"There is no directory {target.parent} to download to.")
        if not overwrite and await aside(os.path.lexists, target):
            raise _taken(target)
        with _part(target.parent) as file:
            await self._fetch(_File(file, aside), None, on_progress)
            file.close()
            _place(Path(file.name), target, overwrite)
        return target

    async def _fetch(self, sink: _Memory | _File, limit: int | None, on_progress: Progress | None) -> None:
        service, what = self._reached, f"downloading medium {self.sid}"
        record = await service.record(self.sid)
        if limit is not None and record.size > limit:
            raise TooLarge(413, 0, f"Medium {self.sid} has {record.size:,} bytes, more than the limit of {limit:,}")
        addresses = [record.links.content_direct_temporary]

        async def address() -> str:
            url = addresses.pop() if addresses else await self.get_content_temporary_url()
            if url is None:
                raise RemoteProtocolError(f"The service gives no address of medium {self.sid}.")
            return url

        most = limit if limit is not None else record.size or UNKNOWN_LIMIT
        await service.http.download(address, sink, limit=most, total=record.size, on_progress=on_progress, what=what)

    @property
    def _reached(self) -> MediaService:
        if self._service is None:
            raise UsageError("This medium belongs to no client.")
        return self._service

    def _safe_name(self) -> str:
        """A file name that is one: of the sid, with an extension where the type or the sender names a plain one."""
        suffix = re.search(r"\.[A-Za-z0-9]{1,8}$", self.filename or "")
        guess = mimetypes.guess_extension(self.content_type.partition(";")[0].strip()) or ""
        stem = re.sub(r"[^A-Za-z0-9]", "", self.sid)[:34] or "medium"
        return stem + (suffix.group().lower() if suffix else guess)


class _Memory:
    """Bytes in memory."""

    def __init__(self) -> None:
        self.content = bytearray()

    def restart(self) -> None:
        self.content.clear()

    async def write(self, piece: bytes) -> None:
        self.content += piece


class _File:
    """Bytes in a file."""

    def __init__(self, file: IO[bytes], aside: Callable[..., Awaitable[object]]) -> None:
        self._file = file
        self._aside = aside

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    async def write(self, piece: bytes) -> None:
        await self._aside(self._file.write, piece)


@contextlib.contextmanager
def _part(directory: Path) -> Iterator[IO[bytes]]:
    """A file for what came so far; nothing stays of it."""
    with NamedTemporaryFile(dir=directory, prefix=".convo-", suffix=".part", delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


def _place(part: Path, target: Path, overwrite: bool) -> None:
    """Give the whole file its name; without `overwrite` nobody else's is replaced, even one that came meanwhile."""
    if not overwrite:
        with contextlib.suppress(OSError):  # not every file system knows links
            try:
                os.link(part, target)
                return
            except FileExistsError:
                pass
        if os.path.lexists(target):
            raise _taken(target)
    part.replace(target)


def _taken(target: Path) -> UsageError:
    return UsageError(f"{target} is there already: pass overwrite=True to replace it.")
