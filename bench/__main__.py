"""The command: ``python -m bench [QUESTION ...] [--quick]``."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib import import_module
from importlib.metadata import version

from bench._harness import SDK, BenchError, Verdict

QUESTIONS = (
    *("history", "latency", "long", "live", "connect", "sends", "memory", "codec"),
    *("corpus", "pages", "idle", "restart", "fanout", "durable", "saturation"),
)
HEADS = ("question", "SDK 3.0.1", "ours", "ratio", "bar", "reached")


def main() -> int:
    """Ask the questions and print a table, as Markdown; a bar that is missed is said in it and is no failure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=", ".join(QUESTIONS))
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run? The numbers mean nothing")
    arguments = parser.parse_args()
    unknown = set(arguments.questions) - set(QUESTIONS)
    if unknown:
        parser.error(f"no such question: {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}")
    verdicts: list[Verdict] = []
    for name in arguments.questions or QUESTIONS:
        started = time.monotonic()
        try:
            asked = import_module(f"bench.{name}").run(arguments.quick)
        except BenchError as error:
            asked = [Verdict(name, "-", "-", float("nan"), 0, void=str(error))]
        print(f"{name}, asked in {time.monotonic() - started:.0f} s", file=sys.stderr)
        print("\n".join([*map(row, asked), *notes(asked)]), file=sys.stderr, flush=True)
        verdicts += asked
    print(table(verdicts))
    print("\n".join(["", *notes(verdicts), machine()]))
    return 0


def table(verdicts: list[Verdict]) -> str:
    """The verdicts as a Markdown table."""
    head = [f"| {' | '.join(cells)} |" for cells in (HEADS, ("---",) * len(HEADS))]
    return "\n".join([*head, *map(row, verdicts)])


def row(verdict: Verdict) -> str:
    """One row of it."""
    return f"| {' | '.join(verdict.cells())} |"


def notes(verdicts: list[Verdict]) -> list[str]:
    """What is to be known about the numbers, as a Markdown list."""
    return [f"- {verdict.question}: {note}." for verdict in verdicts for note in verdict.notes]


def machine() -> str:
    """Where it was measured, and what."""
    node = shutil.which("node")
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout if node else ""
    packages = ", ".join(f"{name} {version(name)}" for name in ("convo-widgets", "websockets", "msgspec", "uvicorn"))
    sdk = "@twilio/conversations 3.0.1" if SDK.is_dir() else "no SDK"
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"- Machine: {os.cpu_count()} cores, {platform.system()} {platform.machine()}{load}; "
        f"Python {platform.python_version()}, Node {told.strip() or 'missing'}; {sdk}, {packages}."
    )


if __name__ == "__main__":
    sys.exit(main())
