"""The first file of a form, as a browser uploads one; of the form nothing else is read."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from os import SEEK_END
from typing import IO
from urllib.parse import unquote

from convo_widgets.service.refusals import Refused

HEAD = 4096
"""Longest head of a part, in bytes."""
PARTS = 20
"""Parts that are looked at."""
_BOUNDARY = re.compile(r'multipart/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_FILENAME = re.compile(r'[;\s]filename="([^"\r\n]*)"', re.IGNORECASE)
_TYPE = re.compile(r"^content-type:\s*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


def is_form(content_type: str) -> bool:
    """Whether an upload is a form."""
    return content_type.strip().lower().startswith("multipart/form-data")


class FirstFile:
    """The first file of a form that lies in a file.

    Attributes:
        content_type: of the part.
        filename: None where it has none.

    Raises:
        Refused: 20422 where there is none.
    """

    def __init__(self, content_type: str, file: IO[bytes]) -> None:
        match = _BOUNDARY.match(content_type)
        if match is None:
            raise Refused(20422, "the form has no boundary")
        mark = b"--" + (match[1] or match[2]).encode("ascii", "replace")
        if not file.seek(0, SEEK_END):  # which cannot be mapped
            raise Refused(20422, "the form has no file")
        self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = self._find(mark)
        self.content_type = found[1].strip() if (found := _TYPE.search(head)) else "application/octet-stream"
        name = _FILENAME.search(head)
        self.filename = (unquote(name[1]) or None) if name else None

    def _find(self, mark: bytes) -> str:
        """Set the ends of the first part that is a file; its head."""
        data = self._data
        at = data.find(mark, 0, HEAD)
        for _ in range(PARTS):
            start = at + len(mark)
            blank = data.find(b"\r\n\r\n", start, start + HEAD)
            self._start, self._end = blank + 4, data.find(b"\r\n" + mark, blank + 2)
            if at < 0 or blank < 0 or self._end < 0:
                break
            head = data[start:blank].decode("utf-8", "replace")
            if "filename=" in head.lower():
                return head
            at = self._end + 2
        self._data.close()
        raise Refused(20422, "the form has no file")

    def pieces(self, size: int) -> Iterator[bytes]:
        """The file, in pieces of a size."""
        with self._data as data:
            for place in range(self._start, self._end, size):
                yield data[place : min(place + size, self._end)]
