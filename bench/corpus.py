"""How long does the import of the whole chitchat corpus take, in memory and into a data file, until users can connect?

The floor is what no import can avoid: parsing the same file, and one bare `executemany` a table of the same rows, into
tables without keys or indexes.
"""

from __future__ import annotations

import sqlite3
import time
from importlib.util import find_spec
from pathlib import Path

import convo_widgets as cw
from bench._harness import BenchError, Report, Verdict, alternate, folder, median, rate
from convo_widgets.wire import json

BAR = 20
TABLES = ("users", "conversations", "sync_objects", "participants", "messages")


def run(quick: bool) -> list[Verdict]:
    """Ask it; the corpus is always whole."""
    spec = find_spec("chitchat_dataset")
    if spec is None or spec.origin is None:
        raise BenchError("the package chitchat-dataset is missing")
    corpus = Path(spec.origin).with_name("dataset.json")
    with folder() as place:
        filled = place / "filled.sqlite3"
        _import(filled)
        rows = _rows(filled)
        kept, held, floors = alternate(
            1 if quick else 3,
            lambda number: _import(place / f"{number}.sqlite3"),
            lambda _: _import(None),
            lambda number: _floor(corpus, rows, place / f"floor-{number}.sqlite3"),
        )
    count = len(rows["messages"])
    lines = sum(len(turn) for chat in json.decode(corpus.read_bytes()).values() for turn in chat["messages"])
    floor = median(floors)
    return [
        Verdict(
            f"import of the chitchat corpus, {count:,} messages, {where}",
            "-",
            f"{median(times):.1f} s ({rate(count, median(times))})",
            median(times),
            BAR,
            at_most=True,
            unit=" s",
            notes=[
                f"{median(times) / floor:.1f}x of the floor of {floor:.1f} s (into a file, without keys or indexes)"
            ],
            void="" if count == lines else f"{count:,} messages were imported of {lines:,}",
        )
        for where, times in (("into a data file", kept), ("in memory", held))
    ]


def _import(data: Path | None) -> Report:
    """Start a service with the corpus; it takes connections afterwards."""
    started = time.perf_counter()
    service = cw.LocalService(data, seed="chitchat")
    seconds = time.perf_counter() - started
    service.stop()
    return {"seconds": seconds}


def _rows(data: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that an import wrote, by table."""
    db = sqlite3.connect(data)
    rows = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608 - names of ours
    db.close()
    return rows


def _floor(corpus: Path, rows: dict[str, list[tuple[object, ...]]], path: Path) -> Report:
    """Parse the corpus and write the rows, as plainly as can be."""
    started = time.perf_counter()
    json.decode(corpus.read_bytes())
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN")
    for table, those in rows.items():
        columns = ", ".join(f"c{number}" for number in range(len(those[0])))
        db.execute(f"CREATE TABLE {table} ({columns})")
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(those[0]))})", those)  # noqa: S608
    db.execute("COMMIT")
    seconds = time.perf_counter() - started
    db.close()
    return {"seconds": seconds}
