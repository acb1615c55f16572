"""Bodies of the media service ("mcs"), over HTTP."""

from __future__ import annotations

from msgspec import Struct, field


class MediaLinks(Struct):
    """Where the bytes are: `content` wants the token header, `content_direct_temporary` is short-lived instead."""

    content: str | None = None
    content_direct_temporary: str | None = None


class MediaRecord(Struct):
    """A stored medium; `size` in bytes."""

    sid: str
    service_sid: str = ""
    channel_sid: str | None = None
    message_sid: str | None = None
    date_created: str | None = None
    date_upload_updated: str | None = None
    date_updated: str | None = None
    size: int = 0
    content_type: str = "application/octet-stream"
    filename: str | None = None
    category: str = "media"
    author: str | None = None
    is_multipart_upstream: bool = False
    url: str = ""
    links: MediaLinks = field(default_factory=MediaLinks)


class MediaWanted(Struct):
    """One medium of a set."""

    media_sid: str


class MediaSetRequest(Struct):
    """Body of POST links.media_set_service."""

    wanted: list[MediaWanted] = field(name="list")
    command: str = "get"


class MediaFound(Struct):
    """One answer of it: 200 with the record, or 404 with the sid alone."""

    code: int
    media_record: MediaRecord
