"""The conversations services of one account: the first one, and those that the account makes beside it.

Each has a store of its own, and so its own users, roles, conversations and events. The first one's also has what
belongs to the account, and the list of all. A service in that list is `ready` from when its store is whole until its
removal begins; one that is not, at a start, was cut short in between, and is taken away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import jwt

from convo_widgets.errors import UsageError
from convo_widgets.service import settings
from convo_widgets.service.dispatch import Backend, log_fault
from convo_widgets.service.hub import Hub
from convo_widgets.service.load import Load
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Store, disk_failed, new_sid
from convo_widgets.service.tokens import Tokens

MOST = 20
"""Services of an account."""


class Left(NamedTuple):
    """What stores in memory held, for others that go on."""

    home: bytes | None = None
    others: dict[str, bytes | None] = {}  # noqa: RUF012 - never changed


class Services:
    """All services, each a backend, by sid.

    Attributes:
        home: the first service, which is there as long as the account.
        load: what waits, over the connections to all of them.

    Raises:
        UsageError: the file of one is missing, or cannot be used.
    """

    def __init__(self, home: Backend, left: dict[str, bytes | None] | None = None) -> None:
        self.home = home
        self.load = Load(home.faults.connections)
        self._others: dict[str, Backend] = {}
        for row in home.store.rows("SELECT sid FROM services WHERE NOT ready"):
            self._discard(row["sid"])
        try:
            others = "SELECT sid FROM services WHERE ready AND sid <> ? ORDER BY id"
            for row in home.store.rows(others, home.store.meta("service_sid")):
                self._others[row["sid"]] = self._open(row["sid"], (left or {}).get(row["sid"]), made=True)
        except BaseException:
            for backend in self._others.values():
                backend.store.close()
            raise

    def __iter__(self) -> Iterator[Backend]:
        return iter([self.home, *self._others.values()])

    def __repr__(self) -> str:
        return f"<Services {len(self._others) + 1}>"

    def backup(self, path: Path) -> None:
        """Copy the store of each service: the first one's into a file, others' into files beside it, named alike."""
        for sid, backend in self._others.items():
            backend.store.backup(_beside(path, sid))
        self.home.store.backup(path)

    # -- which

    def find(self, sid: str | None) -> Backend | None:
        """The service of a sid; None where there is none."""
        return self.home if sid == self.home.service_sid else self._others.get(sid or "")

    @property
    def default(self) -> Backend:
        """The service of addresses that name none."""
        chosen = settings.load(self.home.store, "account", settings.Account).default_chat_service_sid
        return self.find(chosen) or self.home

    def of_token(self, token: str) -> Backend:
        """The service that a token names and that is to check it; the first one where it names none of ours."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False, "verify_aud": False})
            named = claims["grants"]["chat"]["service_sid"]
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
            named = None
        return (self.find(named) if isinstance(named, str) else None) or self.home

    # -- coming and going

    def create(self, friendly_name: str) -> Backend:
        """A new service, there when this returns.

        Raises:
            Refused: 20403 there are too many, 20503 the disk failed.
        """
        if len(self._others) + 1 >= MOST:
            raise Refused(20403, f"an account has at most {MOST} services here")
        sid = new_sid("IS")
        sql = "INSERT INTO services (sid, friendly_name, ready, date_created, date_updated) VALUES (?, ?, 0, ?, ?)"
        self.home.act(lambda change: change.run(sql, sid, friendly_name, change.time, change.time))
        try:
            backend = self._open(sid)
        except UsageError as error:
            self._discard(sid)
            if error.__cause__ is not None and disk_failed(error.__cause__):
                raise Refused(20503) from error
            raise
        try:
            self.home.act(lambda change: change.run("UPDATE services SET ready = 1 WHERE sid = ?", sid))
        except BaseException:
            backend.store.forget()
            self._discard(sid)
            raise
        self._others[sid] = backend
        return backend

    def remove(self, sid: str) -> None:
        """End a service, its connections, and all that it has."""
        self.home.act(lambda change: change.run("UPDATE services SET ready = 0 WHERE sid = ?", sid))
        backend = self._others.pop(sid)
        backend.hub.cut()
        backend.end()
        backend.store.forget()
        self._discard(sid)

    def close(self) -> Left:
        """Close all stores; what those in memory held."""
        others = {sid: backend.store.close() for sid, backend in self._others.items()}
        return Left(self.home.store.close(), others)

    def _open(self, sid: str, image: bytes | None = None, *, made: bool = False) -> Backend:
        """A backend over the store of a sid; one that was `made` before must be there."""
        home = self.home
        path = self._path(sid)
        if made and path is not None and not path.exists():
            raise UsageError(
                f"The data file {path} is missing, which has another service of {home.store.path}: put it back, "
                "or make an empty file of that name to begin that service anew"
            )
        store = Store(
            path,
            image,
            reachability=home.store.reachability_at_first,
            durability=home.store.durability,
            home=home.store,
            service_sid=sid,
        )
        account = home.tokens.account_sid
        try:
            if (store.meta("account_sid"), store.meta("service_sid")) != (account, sid):
                raise UsageError(f"The data file {path} is of another account or service than its name says")
            tokens = Tokens(account, sid, home.tokens.api_key, home.tokens.api_secret)
            return replace(home, store=store, tokens=tokens, hub=Hub())
        except BaseException as error:
            store.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise UsageError(store.explain(error)) from error
            raise

    def _path(self, sid: str) -> Path | None:
        """The file of a service, beside that of the first one."""
        path = self.home.store.path
        return None if path is None else _beside(path, sid)

    def _discard(self, sid: str) -> None:
        """Take away what is left of a service; what cannot be taken now is at the next start."""
        path = self._path(sid)
        try:
            for end in () if path is None else ("-wal", "-shm", "-journal", ""):
                with suppress(FileNotFoundError):
                    Path(f"{path}{end}").unlink()
            self.home.act(lambda change: change.run("DELETE FROM services WHERE sid = ?", sid))
        except Exception as error:
            log_fault("the removal of a service", error)


def _beside(path: Path, sid: str) -> Path:
    """Where another service is, beside the first one's file."""
    return path.with_name(f"{path.stem}.{sid}{path.suffix}")
