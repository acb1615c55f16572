"""One line that says how far a long read is."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType


class Progress:
    """A line that is rewritten as it goes and wiped at the end.

    It shows only after a second, so that a quick read leaves no trace, and only where a person is looking: in a
    terminal or a notebook.
    """

    PATIENCE, INTERVAL = 1.0, 0.25  # seconds before the first line, and between lines

    def __init__(self, conversations: int, *, shown: bool) -> None:
        self._conversations = conversations
        in_notebook = "JPY_PARENT_PID" in os.environ
        self._stream = sys.stdout if in_notebook else sys.stderr  # notebooks paint standard error red
        self._shown = shown and (in_notebook or self._stream.isatty())
        self._read = self._done = 0
        self._next = time.monotonic() + self.PATIENCE
        self._width = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._width:
            self._stream.write(f"\r{' ' * self._width}\r")
            self._stream.flush()

    def advance(self, messages: int) -> None:
        """So many more messages were read."""
        self._read += messages
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + self.INTERVAL
            self._write(f"{self._read:,} messages, {self._done:,} of {self._conversations:,} conversations")

    def finished(self) -> None:
        """One more conversation is done."""
        self._done += 1

    def _write(self, text: str) -> None:
        self._width = max(self._width, len(text))
        self._stream.write(f"\r{text:<{self._width}}")
        self._stream.flush()
