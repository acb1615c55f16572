"""Media: bytes that a user uploads, then gives to a message; who may have them, and for how long an address is good.

The bytes lie beside the nouns in the store, in pieces, so that one transaction holds a whole medium and no reply holds
more of it than a piece.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Iterator
from sqlite3 import Row

from convo_widgets.service import limits, rights
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store, new_sid
from convo_widgets.wire.schema import MediaLinks, MediaRecord, RestMedia

PIECE = 256 * 1024
"""Bytes of a piece in the store; only the last one of a medium is shorter."""
INSERT = (
    "INSERT INTO media (sid, author, conversation, idx, position, filename, content_type, size, category, "
    "date_created, date_updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Signer:
    """Signs addresses of bytes that need no token, for a few minutes; its key lives as long as the process.

    Args:
        base: address of the media service, without a slash at the end.
        ttl: seconds that an address is good for.
    """

    def __init__(self, base: str, ttl: float) -> None:
        self.base = base
        self.ttl = ttl
        self._key = secrets.token_bytes(32)

    def url(self, sid: str) -> str:
        """The address of a medium's bytes, good from now on."""
        expires = int((time.time() + self.ttl) * 1000)
        return f"{self.base}/{sid}/Temporary/{expires}/{self._sign(sid, expires)}"

    def check(self, sid: str, expires: str, signature: str) -> None:
        """Whether an address is one that was handed out, and still good.

        Raises:
            Refused: 20404 where it never was one, 20403 where it is too old.
        """
        if not (expires.isascii() and expires.isdigit() and len(expires) < 20):
            raise Refused(20404)
        if not hmac.compare_digest(self._sign(sid, int(expires)).encode(), signature.encode()):
            raise Refused(20404)
        if time.time() * 1000 >= int(expires):
            raise Refused(20403, "this temporary address has expired: ask for another one")

    def _sign(self, sid: str, expires: int) -> str:
        digest = hmac.new(self._key, f"{sid} {expires}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


# --- Writing -------------------------------------------------------------------------------------------------------


def insert(
    store: Store,
    *,
    author: str,
    time: str,
    content_type: str,
    pieces: Iterable[bytes] = (),
    size: int = 0,
    filename: str | None = None,
    category: str = "media",
    message: tuple[int, int] | None = None,
    position: int = 0,
) -> str:
    """A new medium, of a message (conversation row, index) or of none yet; the sid.

    Without `pieces` it has only a `size`: its bytes are not here.
    """
    sid, (conversation, index) = new_sid("ME"), message or (None, None)
    values = (filename, content_type, size, category, time, time)
    store.run(INSERT, sid, author, conversation, index, position, *values)
    size = 0
    for number, piece in enumerate(pieces):
        store.run("INSERT INTO media_bytes (medium, position, bytes) VALUES (?, ?, ?)", sid, number, piece)
        size += len(piece)
    if size:
        store.run("UPDATE media SET size = ? WHERE sid = ?", size, sid)
    return sid


def attach(change: Change, message: tuple[int, int], sids: list[str], author: str | None, most: limits.Media) -> None:
    """Give uploaded media to a message (conversation row, index); `author` must have uploaded them, None takes any.

    Raises:
        Refused: 50510 no sid of a medium, 50507 none of the author's, 50508 in a message already, 50512 too much.
    """
    if len(sids) > most.count:
        raise Refused(50512, f"at most {most.count} media in a message")
    size = 0
    for position, sid in enumerate(sids):
        if not limits.is_sid(sid, "ME"):
            raise Refused(50510)
        row = find(change.store, sid)
        if row is None or author not in (None, row["author"]):
            raise Refused(50507)
        if row["conversation"] is not None:
            raise Refused(50508)
        size += row["size"]
        sql = "UPDATE media SET conversation = ?, idx = ?, position = ?, date_updated = ? WHERE sid = ?"
        change.run(sql, *message, position, change.time, sid)
    if size > most.total_mb * limits.MB:
        raise Refused(50512, f"at most {most.total_mb} MB in a message")


def demand_room(store: Store, author: str, most: limits.Media) -> None:
    """Nobody may fill the store with media that belong to no message."""
    sql = "SELECT count(*) AS count, total(size) AS size FROM media WHERE author = ? AND conversation IS NULL"
    row = store.row(sql, author)
    assert row is not None
    if row["count"] >= limits.UNSENT_MEDIA or row["size"] >= 2 * most.total_mb * limits.MB:
        raise Refused(20429, "uploads that were not sent yet: send them, or wait a day")


# --- Reading -------------------------------------------------------------------------------------------------------


def find(store: Store, sid: str) -> Row | None:
    """The medium of a sid."""
    return store.row("SELECT * FROM media WHERE sid = ?", sid)


def may_read(store: Store, medium: Row, identity: str) -> bool:
    """Whoever uploaded it may, every participant of the conversation that it was sent to, and admins of the service."""
    if medium["author"] == identity:
        return True
    sql = "SELECT EXISTS (SELECT 1 FROM participants WHERE conversation = ? AND identity = ?)"
    return bool(store.value(sql, medium["conversation"], identity)) or rights.service_admin(store, identity)


def pieces(store: Store, sid: str, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to before `end`, piece by piece; other requests may come between."""
    sql = "SELECT bytes FROM media_bytes WHERE medium = ? AND position = ?"
    for position in range(start // PIECE, -(-end // PIECE)):
        piece = store.value(sql, sid, position)
        if piece is None:  # removed meanwhile
            return
        first = position * PIECE
        yield piece[max(0, start - first) : end - first]


def has_bytes(store: Store, medium: Row) -> bool:
    """Whether its bytes are here: those of a seed may not be."""
    sql = "SELECT EXISTS (SELECT 1 FROM media_bytes WHERE medium = ?)"
    return not medium["size"] or bool(store.value(sql, medium["sid"]))


def of_message(store: Store, conversation: int, index: int) -> list[RestMedia] | None:
    """Media of a message, as REST tells them; None where it has none."""
    sql = "SELECT sid, size, content_type, filename FROM media WHERE conversation = ? AND idx = ? ORDER BY position"
    return [RestMedia(*row) for row in store.rows(sql, conversation, index)] or None


def record(store: Store, medium: Row, signer: Signer) -> MediaRecord:
    """A medium as the media service tells it, with a temporary address of its bytes."""
    sql = (
        "SELECT messages.sid AS message, conversations.sid AS conversation FROM messages "
        "JOIN conversations ON conversations.id = messages.conversation WHERE messages.conversation = ? AND idx = ?"
    )
    message = store.row(sql, medium["conversation"], medium["idx"])
    url = f"{signer.base}/{medium['sid']}"
    return MediaRecord(
        sid=medium["sid"],
        service_sid=store.meta("service_sid"),
        channel_sid=message["conversation"] if message else None,
        message_sid=message["message"] if message else None,
        date_created=medium["date_created"],
        date_upload_updated=medium["date_created"],
        date_updated=medium["date_updated"],
        size=medium["size"],
        content_type=medium["content_type"],
        filename=medium["filename"],
        category=medium["category"],
        author=medium["author"],
        url=url,
        links=MediaLinks(f"{url}/Content", signer.url(medium["sid"])),
    )
