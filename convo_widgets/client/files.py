"""What becomes a medium when it is sent: bytes, files, and what of them a message may carry."""

from __future__ import annotations

import io
import mimetypes
import os
import re
import stat
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from convo_widgets.client.media import MediaCategory
from convo_widgets.errors import TooLarge, UsageError
from convo_widgets.transport.http import Source
from convo_widgets.wire.schema import ConfigurationOptions

MB = 1024 * 1024
PIPE_LIMIT = 150 * MB  # bytes that are read from a file that cannot be read twice
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(\s*;[\x20-\x7e]*)?")


@dataclass(frozen=True, slots=True)
class FileMedia:
    """Something to send as a medium: ``FileMedia("plot.png")``, ``FileMedia(data, "image/png", "plot.png")``.

    Args:
        content: a path, bytes, or a file that is open for reading bytes; a file is read from where it stands now.
        content_type: MIME type; None guesses it by the name.
        filename: to be shown to the others; None takes that of the file.
        category: "media" for an attachment; "body" and "history" for the texts of an email.

    Raises:
        UsageError: the content is none of these, or bytes of which the type cannot be told.

    Attributes:
        content: as given; a file that cannot be read twice has become bytes.
        content_type: MIME type.
        filename: name without directories; None where there is none.
        category: which of its message's media it is.
    """

    content: bytes | Path | BinaryIO = field(repr=False)
    content_type: str
    filename: str | None
    category: MediaCategory
    _start: int = field(default=0, repr=False, compare=False)  # where an open file stood

    def __init__(
        self,
        content: bytes | str | os.PathLike[str] | BinaryIO,
        content_type: str | None = None,
        filename: str | None = None,
        category: MediaCategory = "media",
    ) -> None:
        if category not in ("media", "body", "history"):
            raise UsageError(f"category is {category!r}: it is 'media', 'body' or 'history'.")
        taken = _taken(content)
        name = filename if filename is not None else _name(taken)
        guess = mimetypes.guess_type(name)[0] if name else None
        type = content_type or guess or ("" if isinstance(taken, bytes) else "application/octet-stream")
        if not _TYPE.fullmatch(type):
            which = f"{content_type!r} is no type" if content_type else "bytes need a type"
            raise UsageError(f"{which}: FileMedia(data, 'image/png').")
        for field_name, value in (
            ("content", taken),
            ("content_type", type),
            ("filename", name),
            ("category", category),
            ("_start", 0 if isinstance(taken, bytes | Path) else taken.tell()),
        ):
            object.__setattr__(self, field_name, value)

    def source(self) -> Source:
        """Its bytes, from the beginning.

        Raises:
            UsageError: there is no such file, it cannot be read, or it is empty.
        """
        content = self.content
        try:
            source = _of_path(content) if isinstance(content, Path) else _of_open(content, self._start)
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.filename or 'The file'} cannot be read: {error}.") from error
        if not source.size:
            raise UsageError(f"{self.filename or 'The medium'} is empty: nobody could see it.")
        return source


UnsentMedia = FileMedia | str | os.PathLike[str] | BinaryIO
"""What a message may be given as a medium; text is a path, where it is not the message itself.

Bytes need a type: ``FileMedia(data, "image/png")``.
"""


def media_of(message: object, *, paths: bool = False) -> list[FileMedia]:
    """Media from one of the accepted forms, or a list of them; with `paths`, text is a path too.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(message, Sequence) and not isinstance(message, str | bytes | bytearray):
        return [medium for one in message for medium in media_of(one, paths=True)]
    if isinstance(message, str) and paths:
        return [FileMedia(message)]
    if isinstance(message, FileMedia):
        return [message]
    if isinstance(message, os.PathLike) or hasattr(message, "read"):
        return [FileMedia(message)]  # type: ignore[arg-type]
    if isinstance(message, bytes | bytearray | memoryview):
        raise UsageError("Bytes need a type: FileMedia(data, 'image/png').")
    raise UsageError(
        f"A message's body is text, not {type(message).__name__}; its media are FileMedia, paths or files."
    )


@dataclass(frozen=True, slots=True)
class ConversationLimits:
    """What a message may carry.

    Attributes:
        media_attachments_count_limit: how many attachments.
        media_attachment_size_limit_in_mb: size of one; a MB has 1,048,576 bytes.
        media_attachments_total_size_limit_in_mb: size of all together.
        email_histories_allowed_content_types: MIME types of email histories.
        email_bodies_allowed_content_types: MIME types of email bodies.
    """

    media_attachments_count_limit: int = 10
    media_attachment_size_limit_in_mb: int = 150
    media_attachments_total_size_limit_in_mb: int = 150
    email_histories_allowed_content_types: tuple[str, ...] = ()
    email_bodies_allowed_content_types: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: ConfigurationOptions) -> ConversationLimits:
        """Those that the service names."""
        return cls(
            options.media_attachments_count_limit,
            options.media_attachment_size_limit_in_mb,
            options.media_attachments_total_size_limit_in_mb,
            tuple(options.email_histories_allowed_mime_types),
            tuple(options.email_bodies_allowed_mime_types),
        )

    def check(self, media: Sequence[FileMedia]) -> list[Source]:
        """Their bytes, if a message may carry them.

        Raises:
            UsageError: there are too many, a text of an email has a type that is not allowed, or a file cannot be read.
            TooLarge: one, or all together, have too many bytes.
        """
        attached = sum(medium.category == "media" for medium in media)
        if attached > self.media_attachments_count_limit:
            most = self.media_attachments_count_limit
            raise UsageError(f"A message has at most {most} attachments, not {attached}; nothing was sent.")
        self._check_types(media, "body", self.email_bodies_allowed_content_types)
        self._check_types(media, "history", self.email_histories_allowed_content_types)
        sources = [medium.source() for medium in media]
        for medium, source in zip(media, sources, strict=True):
            name = medium.filename or "The medium"
            _check_size(name, source.size, self.media_attachment_size_limit_in_mb)
        _check_size("All media", sum(s.size for s in sources), self.media_attachments_total_size_limit_in_mb)
        return sources

    @staticmethod
    def _check_types(media: Sequence[FileMedia], category: str, allowed: tuple[str, ...]) -> None:
        types = [medium.content_type.partition(";")[0].strip() for medium in media if medium.category == category]
        for type in types:
            if type not in allowed:
                raise UsageError(f"An email's {category} is {' or '.join(allowed) or 'not allowed'}, not {type}.")
        if len(types) != len(set(types)):
            raise UsageError(f"An email has one {category} of each type.")


def _check_size(name: str, size: int, limit_in_mb: int) -> None:
    if size > limit_in_mb * MB:
        raise TooLarge(413, 0, f"{name}: {size:,} bytes, and at most {limit_in_mb} MB are allowed; nothing was sent")


def _taken(content: object) -> bytes | Path | BinaryIO:
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content)
    if isinstance(content, str | os.PathLike):
        return Path(os.fsdecode(content))
    if isinstance(content, io.TextIOBase):
        raise UsageError("The file is open for text: open it for bytes, open(path, 'rb').")
    if not hasattr(content, "read"):
        raise UsageError(f"A medium is a path, bytes or a file, not {type(content).__name__}.")
    if getattr(content, "closed", False):
        raise UsageError("The file is closed already.")
    if getattr(content, "seekable", bool)():
        return content  # type: ignore[return-value]
    data = content.read(PIPE_LIMIT + 1)
    if not isinstance(data, bytes):
        raise UsageError("The file gives no bytes: open it for bytes, open(path, 'rb').")
    if len(data) > PIPE_LIMIT:
        raise TooLarge(413, 0, f"The file has more than {PIPE_LIMIT:,} bytes; nothing was sent")
    return data


def _name(content: bytes | Path | BinaryIO) -> str | None:
    name = content.name if isinstance(content, Path) else getattr(content, "name", None)
    return Path(name).name or None if isinstance(name, str) else None


def _of_path(path: Path) -> Source:
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is no plain file")
    return Source(about.st_size, lambda: path.open("rb"))


def _of_open(content: bytes | BinaryIO, start: int) -> Source:
    if isinstance(content, bytes):
        return Source(len(content), lambda: io.BytesIO(content))
    size = content.seek(0, os.SEEK_END) - start
    content.seek(start)
    return Source(size, lambda: cast(BinaryIO, _View(content, start)))


class _View(io.RawIOBase):
    """An open file from a place on; others may read it at the same time, each from a place of their own."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._place = start

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        self._place = place
        return place

    def read(self, size: int = -1) -> bytes:
        with _TURN:
            self._file.seek(self._place)
            data = self._file.read(size)
        self._place += len(data)
        return data


_TURN = threading.Lock()  # files are read in threads
