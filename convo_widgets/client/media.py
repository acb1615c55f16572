"""Media of messages: photos, files, email bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from convo_widgets.wire.schema import MediaData

MediaCategory = Literal["media", "body", "history"]


@dataclass(frozen=True, slots=True)
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

    @classmethod
    def from_wire(cls, data: MediaData) -> Media:
        """The medium that Sync describes."""
        return cls(data.sid, data.filename, data.content_type, data.size, data.category)
