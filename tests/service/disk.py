"""A disk between SQLite and the real one: it remembers every write and sync, fails where it is told to, loses power.

SQLite reaches its files through a table of functions. Here the real ones stay, and those that open, write, truncate,
sync and delete are wrapped, in the very SQLite that this Python uses: nothing of the service knows of it.

What a power cut may leave is what was synced, and of what was written since, per file: nothing, all, or any of the
writes, each whole or torn at a sector. A file that was never synced may be missing.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

SECTOR = 512
KINDS = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_FULL}

Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
Delete = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class _Methods(Structure):
    """What SQLite does with an open file; the thirteen that follow are left as they are."""

    _fields_ = [
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        ("others", c_void_p * 13),
    ]


class _File(Structure):
    """The head of an open file."""

    _fields_ = [("methods", POINTER(_Methods))]


class _System(Structure):
    """How SQLite reaches files, as far as it is used here."""

    _fields_ = [
        ("version", c_int),
        ("file_size", c_int),
        ("longest_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
    ]


def _system() -> Any:
    """The table of the SQLite that this Python uses; None where it is out of reach."""
    try:
        find = ctypes.CDLL(_sqlite3.__file__).sqlite3_vfs_find
    except (AttributeError, OSError):
        return None
    find.argtypes, find.restype = [c_char_p], POINTER(_System)
    found = find(None)
    return found.contents if found and found.contents.name.startswith(b"unix") else None


SYSTEM = _system()


@dataclass(frozen=True, slots=True)
class Op:
    """What SQLite did to a file; a write has its place and bytes, a truncation the new size."""

    file: str
    kind: Literal["write", "truncate", "sync", "delete"]
    offset: int = 0
    data: bytes = b""

    def on(self, content: bytearray, data: bytes | None = None) -> None:
        """Do it."""
        if self.kind == "write":
            data = self.data if data is None else data
            content.extend(bytes(max(0, self.offset - len(content))))
            content[self.offset : self.offset + len(data)] = data
        else:
            content.extend(bytes(max(0, self.offset - len(content))))
            del content[self.offset :]


class Disk:
    """What happens to the files of a folder.

    Attributes:
        log: everything that was done, in order.
        fails: says of an operation which error of SQLite it is to have; None lets it be done.
        syncs: whether syncing takes its time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.log: list[Op] = []
        self.fails: Callable[[Op], int | None] = lambda op: None
        self.syncs = True
        self._tables: list[_Methods] = []

    def fail_at(self, kind: str, number: int, error: int, *, on: bool = False) -> Callable[[], bool]:
        """Let the n-th operation of a kind from now on fail, or all from it on; whether it came to that."""
        count = 0

        def fails(op: Op) -> int | None:
            nonlocal count
            count += op.kind == kind
            hit = op.kind == kind and (count >= number if on else count == number)
            return error if hit else None

        self.fails = fails
        return lambda: count >= number

    def recover(self) -> None:
        """Let nothing fail any more."""
        self.fails = lambda op: None

    @contextmanager
    def inserted(self) -> Iterator[Disk]:
        """Stand between SQLite and the files that are opened from now on."""
        opens, deletes = Open(SYSTEM.open), Delete(SYSTEM.delete)
        before = SYSTEM.open, SYSTEM.delete

        def open(system: int, name: int, file: int, flags: int, out: int) -> int:
            code = opens(system, name, file, flags, out)
            path = ctypes.string_at(name).decode() if name else ""
            if code == sqlite3.SQLITE_OK and path.startswith(self.folder):
                self._wrap(file, Path(path).name)
            return int(code)

        def delete(system: int, name: int, sync: int) -> int:
            path = ctypes.string_at(name).decode()
            if path.startswith(self.folder):
                self.log.append(Op(Path(path).name, "delete"))
            return int(deletes(system, name, sync))

        kept = Open(open), Delete(delete)
        SYSTEM.open, SYSTEM.delete = (ctypes.cast(one, c_void_p).value for one in kept)
        try:
            yield self
        finally:
            SYSTEM.open, SYSTEM.delete = before

    def _wrap(self, address: int, name: str) -> None:
        file = ctypes.cast(address, POINTER(_File)).contents
        real = file.methods.contents
        writes, truncates, syncs = Write(real.write), Truncate(real.truncate), Sync(real.sync)

        def write(file: int, data: int, size: int, offset: int) -> int:
            op = Op(name, "write", offset, ctypes.string_at(data, size))
            return self._do(op, lambda: writes(file, data, size, offset))

        def truncate(file: int, size: int) -> int:
            return self._do(Op(name, "truncate", size), lambda: truncates(file, size))

        def sync(file: int, flags: int) -> int:
            return self._do(Op(name, "sync"), lambda: syncs(file, flags) if self.syncs else sqlite3.SQLITE_OK)

        table = _Methods.from_buffer_copy(real)
        table.kept = kept = Write(write), Truncate(truncate), Sync(sync)  # type: ignore[attr-defined]
        table.write, table.truncate, table.sync = (ctypes.cast(one, c_void_p).value for one in kept)
        self._tables.append(table)
        file.methods = ctypes.pointer(table)

    def _do(self, op: Op, does: Callable[[], int]) -> int:
        error = self.fails(op)
        if error is not None:
            return error
        code = does()
        if code == sqlite3.SQLITE_OK:
            self.log.append(op)
        return int(code)


class Cut:
    """The files at a moment, as a power cut may leave them.

    Attributes:
        at: how many operations were done.
    """

    def __init__(self) -> None:
        self.at = 0
        self._synced: dict[str, bytearray] = {}
        self._since: dict[str, list[Op]] = {}

    def do(self, op: Op) -> None:
        """Another operation is done."""
        self.at += 1
        if op.kind == "delete":
            self._synced.pop(op.file, None)
            self._since.pop(op.file, None)
        elif op.kind == "sync":
            content = self._synced.setdefault(op.file, bytearray())
            for earlier in self._since.pop(op.file, ()):
                earlier.on(content)
        else:
            self._since.setdefault(op.file, []).append(op)

    def leave(self, folder: Path, how: str, chance: Random) -> None:
        """Write what is left into a folder: of what was not synced `nothing`, `all`, or `some` of it."""
        for old in folder.iterdir():
            old.unlink()
        for file in self._synced.keys() | self._since.keys():
            content = bytearray(self._synced.get(file, b""))
            left = [] if how == "nothing" else self._since.get(file, [])
            for op in left:
                if how == "all" or (fate := chance.random()) < 0.6:
                    op.on(content)
                elif fate < 0.75 and op.kind == "write":
                    op.on(content, op.data[: chance.randrange(0, len(op.data) + 1, SECTOR)])
            if file in self._synced or left:
                (folder / file).write_bytes(content)


def kinds(log: Iterable[Op]) -> Counter[tuple[str, str]]:
    """How often what was done to which file."""
    return Counter((op.file, op.kind) for op in log)
