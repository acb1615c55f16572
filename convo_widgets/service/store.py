"""The store: nouns and sync events in SQLite, written together or not at all."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time_ns
from typing import Any, Literal

from msgspec import Struct

from convo_widgets.errors import UsageError
from convo_widgets.service.mounts import network
from convo_widgets.service.permissions import PERMISSIONS
from convo_widgets.service.tables import PRAGMAS, SCHEMA, SYNCHRONOUS, VERSION
from convo_widgets.wire import json
from convo_widgets.wire.schema import SyncEvent

logger = logging.getLogger("convo_widgets.service")
Durability = Literal["full", "relaxed"]
DEFAULT_ROLES = {
    ("service", False): "default_chat_service_role_sid",
    ("conversation", True): "default_conversation_creator_role_sid",
    ("conversation", False): "default_conversation_role_sid",
}
"""Settings that name the role of who has no other, by type and whether it is an admin's."""
MUTATIONS_KEPT = timedelta(days=2)
UPLOADS_KEPT = timedelta(days=1)
"""How long a medium may wait for its message."""
START = 1
"""A position before everything; 0 is what clients read as none."""
_DISK = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
)
SERVICE_NAME = "Local service"
"""What the first service is called."""
GAP = 1 << 20
"""Least number of event ids between two eras."""


def new_sid(prefix: str) -> str:
    """A sid that nobody can guess."""
    return prefix + secrets.token_hex(16)


def now() -> str:
    """The time as ISO 8601 in UTC, to the millisecond."""
    return iso(datetime.now(UTC))


def iso(time: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


class StoredEvent(Struct, frozen=True):
    """One sync event as it is kept; `body` is the encoded `SyncEvent`."""

    id: int
    object_sid: str
    event_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """Who does something.

    Attributes:
        kind: SDK, a user; API, the account; or the channel that somebody outside writes on, as SMS.
        identity: of the user.
    """

    kind: str
    identity: str | None = None


class Change:
    """A write under way: what it did to the nouns is in the transaction, what it means to subscribers is here.

    Attributes:
        events: sync events in order; they are told only after the commit.
        ended: identities who are users no more.
        source: who does it; None for what webhooks do not hear of.
        told: calls to webhooks that are to be made after the commit.
        sent: new messages (conversation row, index), which a carrier may take.
        revoked: identities who may have lost sight of objects, with the sids of these; None means all they follow.
    """

    def __init__(self, store: Store, newest: int) -> None:
        self.store = store
        self.time = now()
        self.events: list[StoredEvent] = []
        self.revoked: list[tuple[str, list[str] | None]] = []
        self.ended: list[str] = []
        self.source: Source | None = None
        self.told: list[Any] = []
        self.sent: list[tuple[int, int]] = []
        self.newest = newest
        self._last: dict[tuple[str, int], Callable[[], None]] = {}

    def at(self, when: datetime) -> None:
        """Let it all happen at another time than now."""
        self.time = iso(when)

    def at_the_end(self, view: str, subject: int, act: Callable[[], None]) -> None:
        """Do something about a noun before the commit, once however often it is asked for."""
        self._last[view, subject] = act

    def never(self, view: str, subject: int) -> None:
        """The noun is gone: do nothing about it."""
        self._last.pop((view, subject), None)

    def finish(self) -> None:
        """Do what waits for the end."""
        for act in self._last.values():
            act()

    def run(self, sql: str, *values: Any) -> int:
        """Change nouns; the id of the row that was added last."""
        return self.store.run(sql, *values)

    def document_updated(self, sid: str, data: Any) -> None:
        """The document has new data; older states of it need not be told any more."""
        self.run("DELETE FROM events WHERE object_sid = ? AND item IS NULL", sid)
        event = SyncEvent(document_sid=sid, document_data=data)
        self._tell(sid, "document_updated", None, event, "document")

    def list_item(self, sid: str, what: str, index: int, data: Any) -> None:
        """The list's item was `added`, `updated` or `removed`."""
        self._item(sid, f"list_item_{what}", str(index), SyncEvent(list_sid=sid, item_index=index, item_data=data))

    def map_item(self, sid: str, what: str, key: str, data: Any) -> None:
        """The map's item was `added`, `updated` or `removed`."""
        self._item(sid, f"map_item_{what}", key, SyncEvent(map_sid=sid, item_key=key, item_data=data))

    def removed(self, sid: str, type: str) -> None:
        """The object is gone, and with it whatever its events told."""
        self.run("DELETE FROM events WHERE object_sid = ?", sid)
        event = SyncEvent()
        setattr(event, f"{type}_sid", sid)
        self._tell(sid, f"{type}_removed", None, event, type)

    def _item(self, sid: str, event_type: str, item: str, event: SyncEvent) -> None:
        if event_type.endswith("_removed"):  # its old text must not outlive it in the log
            self.run("DELETE FROM events WHERE object_sid = ? AND item = ?", sid, item)
        event.item_revision = str(self.newest + 1)
        self._tell(sid, event_type, item, event, event_type.partition("_")[0])

    def _tell(self, sid: str, event_type: str, item: str | None, event: SyncEvent, type: str) -> None:
        self.newest += 1
        event.id = self.newest
        event.date_created = self.time
        setattr(event, f"{type}_revision", str(self.newest))
        body = json.encode(event)
        self.run(
            "INSERT INTO events (id, object_sid, item, event_type, body) VALUES (?, ?, ?, ?, ?)",
            *(self.newest, sid, item, event_type, body),
        )
        self.events.append(StoredEvent(self.newest, sid, event_type, body))


class Store:
    """One SQLite connection, owned by the thread that made it.

    Every request needs the store and most need nothing else, so it is used from the service's loop directly; another
    thread would only add hand-overs, and an order to keep.

    Args:
        path: the file; None keeps all in memory.
        image: what a store in memory begins with: the bytes that another one left.
        reachability: whether users are told who is online, until `tell_reachability` says otherwise.
        durability: "full" has every commit on the disk before it is acknowledged; with "relaxed" a power cut (but no
            crash of the process) may lose the last ones.
        home: the store of the account's first service, where this is another one's.
        service_sid: of that other one.

    Attributes:
        home: where what belongs to the account is kept; itself for the first service.
        newest: id of the newest sync event; state and events are written together, so all that is read has it.

    Raises:
        UsageError: the file is not one of ours, is newer than this version, is in use, or cannot be opened.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        image: bytes | None = None,
        *,
        reachability: bool = True,
        durability: Durability = "full",
        home: Store | None = None,
        service_sid: str | None = None,
    ) -> None:
        self.path = None if path in (None, ":memory:") else Path(str(path)).expanduser()
        self.durability: Durability = durability
        self.home = self if home is None else home
        self._sids = (new_sid("AC") if home is None else home.meta("account_sid"), service_sid or new_sid("IS"))
        self.reachability_at_first = reachability
        self._db = self._open(image)
        try:
            self.newest: int = self._newest()
            said = self.value("SELECT value FROM meta WHERE name = 'reachability_enabled'")
            self.reachability = reachability if said is None else said == "true"
            sql = "SELECT EXISTS (SELECT 1 FROM webhooks) OR EXISTS (SELECT 1 FROM settings)"
            self._hooked = bool(self.value(sql))
            self._eras = self.rows("SELECT first, last FROM eras ORDER BY first DESC")
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise UsageError(self.explain(error)) from error

    # -- reading

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query."""
        row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def value(self, sql: str, *values: Any) -> Any:
        """The first field of the first row, None where there is none."""
        row = self.row(sql, *values)
        return None if row is None else row[0]

    def meta(self, name: str) -> str:
        """A setting of this store: account_sid, service_sid."""
        return str(self.value("SELECT value FROM meta WHERE name = ?", name))

    @property
    def hooked(self) -> bool:
        """Whether there may be webhooks, of this service or of the account."""
        return self._hooked or self.home._hooked

    def hook(self) -> None:
        """From now on there may be webhooks."""
        self._hooked = True

    def object_sid(self, view: str, subject: int) -> str:
        """Sid of the Sync object that shows a noun."""
        return str(self.value("SELECT sid FROM sync_objects WHERE view = ? AND subject = ?", view, subject))

    def role(self, type: str, *, admin: bool) -> str:
        """Sid of the role that goes without saying: of users, and of those who made a conversation or did not."""
        return self.meta(DEFAULT_ROLES[type, admin])

    def empty(self) -> bool:
        """Whether nothing was ever written here."""
        return not self.value("SELECT EXISTS (SELECT 1 FROM conversations) OR EXISTS (SELECT 1 FROM users)")

    @property
    def era(self) -> int:
        """The position at which this start of the service began to count."""
        first: int = self._eras[0][0]
        return first

    def was_here(self, position: int) -> bool:
        """Whether an event id is one up to which a client may know this store.

        It is not where the client knew another one: the file was restored from an older copy, or made anew.
        """
        if position <= START:
            return True
        return any(first <= position <= (self.newest if last is None else last) for first, last in self._eras)

    def events_after(self, object_sid: str, id: int, limit: int) -> list[StoredEvent]:
        """What happened to an object after an event, oldest first."""
        sql = "SELECT id, object_sid, event_type, body FROM events WHERE object_sid = ? AND id > ? ORDER BY id LIMIT ?"
        return [StoredEvent(*row) for row in self.rows(sql, object_sid, id, limit)]

    # -- writing

    @contextmanager
    def write(self) -> Iterator[Change]:
        """One transaction: committed at the end, undone whole if anything raises."""
        self._db.execute("BEGIN IMMEDIATE")
        change = Change(self, self.newest)
        try:
            yield change
            change.finish()
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if disk_failed(error):
                self._bury(change)
            raise
        self.newest = change.newest

    def _bury(self, refused: Change) -> None:
        """Write over what the disk failed: where only its sync did, it lies in the log whole, and would count one day.

        What is written is that its event ids are not used any more. Where the disk still fails, the next write does it.
        """
        with suppress(sqlite3.Error):
            self._db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'events'", (refused.newest + 1,))
            self.newest = refused.newest + 1

    def run(self, sql: str, *values: Any) -> int:
        """Run one statement inside a transaction; the id of the row that was added last."""
        return self._db.execute(sql, values).lastrowid or 0

    @property
    def changes(self) -> int:
        """How many rows were ever written, those of undone transactions too."""
        return self._db.total_changes

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows inside a transaction."""
        self._db.executemany(sql, values)

    def backup(self, path: Path) -> None:
        """Copy everything, as it is now, into a file; what was there is replaced once the copy is whole and synced.

        Raises:
            UsageError: it cannot be written there.
        """
        if self.path is not None and path.resolve() == self.path.resolve():
            raise UsageError(f"{path} is the data file itself: give the copy another name")
        part = path.with_name(f"{path.name}.part")
        try:
            part.unlink(missing_ok=True)
            with closing(sqlite3.connect(part, isolation_level=None)) as copy:
                self._db.backup(copy)
            part.replace(path)
        except (OSError, sqlite3.Error) as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise UsageError(
                f"{path} cannot be written ({error}): check the folder, its rights and its room"
            ) from error

    def tell_reachability(self, told: bool) -> None:
        """Let users be told who is online, or not, from now on and after a restart too; inside a transaction."""
        self.run("INSERT OR REPLACE INTO meta VALUES ('reachability_enabled', ?)", "true" if told else "false")
        self.reachability = told

    def close(self) -> bytes | None:
        """Close the file; what was committed stays. Of a store in memory the bytes, for another one that goes on."""
        image = self._db.serialize() if self.path is None else None
        self._db.close()
        return image

    def forget(self) -> None:
        """Close the file, and be empty from now on: whoever still has this store finds nothing in it."""
        self._db.close()
        self.path = None
        self._db = self._open(None)

    # -- opening

    def _open(self, image: bytes | None) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(":memory:" if self.path is None else self.path, isolation_level=None, timeout=0)
        except sqlite3.Error as error:
            raise UsageError(f"{self._name()} cannot be opened ({error}): check the folder and its rights") from error
        type = None if self.path is None else network(self.path)
        if type is not None:
            logger.warning(
                "%s is on a network file system (%s), whose locks and syncs may not hold: keep it on this machine",
                *(self._name(), type),
            )
        db.row_factory = sqlite3.Row
        try:
            if image is not None and self.path is None:
                db.deserialize(image)
            self._prepare(db)
        except sqlite3.DatabaseError as error:
            db.close()
            raise UsageError(self.explain(error)) from error
        except UsageError:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute(PRAGMAS[0])  # before the first read, so that the lock is taken with it
        version = db.execute("PRAGMA user_version").fetchone()[0]
        known = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version > VERSION:
            raise UsageError(
                f"{self._name()} was written by a newer version (schema {version}, this one reads {VERSION}): "
                "update convo-widgets, or start with another file"
            )
        if 0 < version < VERSION:
            raise UsageError(
                f"{self._name()} was written by an earlier version (schema {version}, this one reads {VERSION}): "
                "start with another file"
            )
        if known and not version:
            raise UsageError(f"{self._name()} is a database of something else: choose another file")
        for pragma in (*PRAGMAS, SYNCHRONOUS["full"]):  # an era that is lost may come again, with its event ids
            db.execute(pragma)
        if self.path is None:
            db.execute("PRAGMA journal_mode = MEMORY")  # a log beside it would be no part of what `close` gives
        db.execute("BEGIN IMMEDIATE")
        try:
            if not known:
                _create(db, *self._sids, first=self.home is self)
            oldest = iso(datetime.now(UTC) - MUTATIONS_KEPT)
            db.execute("DELETE FROM mutations WHERE date_created < ?", (oldest,))
            oldest = iso(datetime.now(UTC) - UPLOADS_KEPT)
            db.execute("DELETE FROM media WHERE conversation IS NULL AND date_created < ?", (oldest,))
            _begin_era(db)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # a full disk undoes it by itself
                db.execute("ROLLBACK")
            raise
        db.execute(SYNCHRONOUS[self.durability])

    def _newest(self) -> int:
        return int(self.value("SELECT seq FROM sqlite_sequence WHERE name = 'events'") or 0)

    def _name(self) -> str:
        return "The in-memory store" if self.path is None else f"The data file {self.path}"

    def explain(self, error: sqlite3.DatabaseError) -> str:
        """What is wrong with the file, in a sentence."""
        text = str(error)
        if "locked" in text or "busy" in text:
            return f"{self._name()} is in use by another process: stop that one, or choose another file"
        if "not a database" in text or "malformed" in text:
            return f"{self._name()} is not a database of this service, or is damaged: choose another file"
        if self.path is not None and self.path.is_file() and not os.access(self.path, os.W_OK):
            return f"{self._name()} is read-only: check the file's rights, or choose another file"
        return f"{self._name()} cannot be used ({text}): check the disk and the file's rights"


def disk_failed(error: BaseException) -> bool:
    """Whether it is the disk that failed: full, read-only, broken, a damaged file; not what was asked of it."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS)


def _begin_era(db: sqlite3.Connection) -> None:
    """Count events on from the clock (in microseconds) and a bit of chance, above all that was counted before.

    What another copy of this file has counted since they were one is then in no era of this one; by chance, for copies
    that are opened in the same second.
    """
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    if row is None:
        raise sqlite3.DatabaseError("malformed: the count of events is missing")
    last = row[0]
    first = max(last + GAP, time_ns() // 1000) + secrets.randbelow(GAP)
    db.execute("UPDATE eras SET last = ? WHERE last IS NULL", (last,))
    db.execute("INSERT INTO eras VALUES (?, NULL)", (first,))
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'events'", (first,))


def _create(db: sqlite3.Connection, account_sid: str, service_sid: str, *, first: bool) -> None:
    """Make the tables inside the transaction under way; the first service is in its own list."""
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            db.execute(statement)
    settings, time = [("account_sid", account_sid), ("service_sid", service_sid)], now()
    db.executemany("INSERT INTO meta VALUES (?, ?)", settings)
    if first:
        sql = "INSERT INTO services (sid, friendly_name, ready, date_created, date_updated) VALUES (?, ?, 1, ?, ?)"
        db.execute(sql, (service_sid, SERVICE_NAME, time, time))
    _create_roles(db, time)
    db.execute("INSERT INTO sqlite_sequence VALUES ('events', ?)", (START,))
    db.execute(f"PRAGMA user_version = {VERSION}")


def _create_roles(db: sqlite3.Connection, time: str) -> None:
    """Make the roles that every service begins with, and let them be those that go without saying."""
    for (type, admin), permissions in PERMISSIONS.items():
        sid, text = new_sid("RL"), json.encode(sorted(permissions)).decode()
        values = (sid, type, f"{type} {'admin' if admin else 'user'}", admin, text, time, time)
        sql = "INSERT INTO roles (sid, type, friendly_name, admin, permissions, date_created, date_updated) "
        db.execute(f"{sql} VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        if (type, admin) in DEFAULT_ROLES:
            db.execute("INSERT INTO meta VALUES (?, ?)", (DEFAULT_ROLES[type, admin], sid))
