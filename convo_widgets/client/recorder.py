"""`Recorder`: what a client is told, kept in memory and in a file, to look at, to analyse or to play again."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from convo_widgets.client.client import Client
from convo_widgets.client.conversation import Conversation
from convo_widgets.client.recorded import told
from convo_widgets.errors import UsageError
from convo_widgets.wire import json, recording
from convo_widgets.wire.recording import RecordedEvent

log = logging.getLogger("convo_widgets")
MB = 1024 * 1024
MEMORY = 256 * MB
_NAMES = {"updated": "conversationUpdated", "removed": "conversationRemoved"}  # a conversation's own, as a client's


class Recorder:
    """Keeps every event of a client, or of one conversation, from now on.

    It begins with the conversations that are known, each with its participants. Messages from before are not in it:
    read those with `messages_frame`. Never in it are tokens, keys and addresses of media; texts, names, attributes and
    phone numbers are, so keep a recording as you would the conversations themselves.

    Args:
        source: the `Client` or the `Conversation`.
        path: a file that gets one line of JSON an event, written at once; what is in it already stays. None keeps them
            in memory only.
        limit: how many of the newest events are kept in memory; fewer where they are very large (256 MB).
        file_mb: a file that has become so large (in MB of 1,048,576 bytes) gets no more.

    Attributes:
        path: the file.
        error: why the file gets no more, as a sentence; None while it does.

    Raises:
        UsageError: the source is neither, or the file cannot be written.
    """

    def __init__(
        self,
        source: Client | Conversation,
        path: str | os.PathLike[str] | None = None,
        *,
        limit: int = 100_000,
        file_mb: float = 1024,
    ) -> None:
        if not isinstance(source, Client | Conversation):
            raise UsageError(f"A Recorder records a Client or a Conversation, not {type(source).__name__}.")
        if limit < 1 or file_mb <= 0:
            raise UsageError("limit and file_mb are above 0.")
        self.path = None if path is None else Path(path).expanduser()
        self.error: str | None = None
        self._source = source
        self._lines: deque[bytes] = deque()
        self._limit, self._size = limit, 0
        self._room = int(file_mb * MB)
        self._file = None if self.path is None else _open(self.path)
        self._offs: list[Callable[[], None]] = []
        self._start()

    def _start(self) -> None:
        client = self._source if isinstance(self._source, Client) else self._source.client
        begin = {"version": recording.VERSION, "identity": client.user.identity}
        self._keep(recording.STARTED, actor=client.user.identity, payload=begin)
        known = client._conversations.known() if self._source is client else [self._source]
        for conversation in known:
            self._take(recording.KNOWN, conversation)
        for name in sorted(self._source.EVENTS):
            known_as = name if self._source is client else _NAMES.get(name, name)
            self._offs.append(self._source.on(name, partial(self._take, known_as)))

    def __repr__(self) -> str:
        state = "recording" if self.is_recording else "stopped"
        where = "in memory" if self.path is None else f"in {str(self.path)!r}"
        return f"<Recorder {state}, {len(self._lines):,} events {where}>"

    def __len__(self) -> int:
        return len(self._lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_recording(self) -> bool:
        """Whether it was not stopped."""
        return bool(self._offs)

    @property
    def events(self) -> list[RecordedEvent]:
        """The newest events, oldest first."""
        return [json.decode(text, RecordedEvent) for text in self._lines]

    def stop(self) -> None:
        """Record no more, and close the file; a second call does nothing."""
        if not self._offs:
            return
        for off in self._offs:
            off()
        self._offs.clear()
        self._keep(recording.STOPPED)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take(self, name: str, payload: Any) -> None:
        self._keep(name, *told(payload))

    def _keep(
        self,
        name: str,
        sid: str | None = None,
        conversation_sid: str | None = None,
        actor: str | None = None,
        payload: Any = None,
    ) -> None:
        event = RecordedEvent(datetime.now(UTC), name, sid, conversation_sid, actor, {} if payload is None else payload)
        text = recording.line(event)
        self._lines.append(text)
        self._size += len(text)
        while len(self._lines) > self._limit or self._size > MEMORY:
            self._size -= len(self._lines.popleft())
        if self._file is None:
            return
        self._room -= len(text)
        try:
            if self._room < 0:
                raise OSError("it is as large as file_mb allows")
            _write(self._file, text)
        except OSError as error:  # a full disk, and a recording must not cost the conversation
            self.error = f"{self.path} gets no more: {error.strerror or error}"
            log.warning("%s", self.error)
            self._file.close()
            self._file = None


@dataclass(frozen=True, slots=True)
class Recording:
    """What `read_recording` read.

    Attributes:
        events: in the order in which they were seen.
    """

    events: list[RecordedEvent]

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[RecordedEvent]:
        return iter(self.events)

    def __repr__(self) -> str:
        return f"<Recording of {len(self.events):,} events>"


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """Read the file of a `Recorder`; a last line that was cut is passed over.

    Raises:
        UsageError: it cannot be read, or is no recording; it says why.
    """
    try:
        with Path(path).expanduser().open("rb") as file:
            return Recording(list(recording.parse(iter(lambda: file.readline(recording.LONGEST), b""))))
    except OSError as error:
        raise UsageError(f"The recording {path} cannot be read: {error.strerror or error}") from error
    except recording.BadRecording as error:
        raise UsageError(f"The recording {path} cannot be read: {error}") from error


# --- The file ------------------------------------------------------------------------------------------------------


def _open(path: Path) -> FileIO:
    """The file, for this user alone; what was written to it before is ended."""
    try:
        file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+")
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":  # the line was cut
                _write(file, b"\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    return file


def _write(file: FileIO, text: bytes) -> None:
    """Write all of it, past every buffer of ours: whatever ends this process, the system has it."""
    while text:
        text = text[file.write(text) or 0 :]
