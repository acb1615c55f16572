"""The service, the peers, and the verdict: what every question needs.

The service and each peer are processes of their own. A peer is told its task in one line of JSON on standard input,
measures itself with a monotonic clock, and answers in lines of JSON on standard output.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from convo_widgets.service.tokens import Tokens

HERE = Path(__file__).parent
ROOT = HERE.parent
SDK = ROOT / "tests" / "interop" / "node_modules" / "conversations-3"
PATIENCE = 240.0
"""Seconds that a peer may take for one task."""
READER = "ana"
"""The user as whom the peers connect."""

Report = dict[str, Any]


class BenchError(Exception):
    """A question could not be asked; the text says why."""


# --- Processes -----------------------------------------------------------------------------------------------------


class Process:
    """A process that speaks in lines of JSON; its own complaints go to standard error."""

    def __init__(self, *command: str, **variables: str) -> None:
        self._name = command[-1]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment, cwd=ROOT)
        self.pid = self._process.pid

    def say(self, **task: Any) -> None:
        """Write one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()

    def read(self) -> Report:
        """Its next line.

        Raises:
            BenchError: it ended instead, or took too long.
        """
        assert self._process.stdout is not None
        watchdog = threading.Timer(PATIENCE, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise BenchError(f"{self._name} ended without an answer (status {self._process.wait()})")
        report: Report = json.loads(line)
        return report

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


class Service:
    """The embedded service in a process of its own; `options` are those of ``convo-widgets serve``."""

    def __init__(self, *options: str, **variables: str) -> None:
        command = (sys.executable, "-m", "convo_widgets.cli", "serve", "--json", "--token-ttl", "36000")
        self.process = Process(*command, *options, **variables)
        told = self.process.read()
        self.url, self.ws_url = told["url"], told["ws_url"]
        self.auth = (told["api_key"], told["api_secret"])
        self._tokens = Tokens(told["account_sid"], told["service_sid"], *self.auth)

    def task(self, name: str, identity: str = READER, **more: Any) -> Report:
        """A task for a peer: what to do, where, and as whom."""
        token = self._tokens.mint(identity, 36000)
        return {"task": name, "url": self.url, "ws_url": self.ws_url, "token": token, **more}


@contextmanager
def serving(talks: list[Report], *, latency_ms: int = 0) -> Iterator[Service]:
    """A service that holds these conversations, until the end of the block."""
    with folder() as place:
        service = Service("--latency-ms", str(latency_ms), "--seed", _seed(talks, place))
        with service.process:
            yield service


@contextmanager
def kept(talks: list[Report], place: Path, durability: str) -> Iterator[Service]:
    """The same of a service that keeps them in a file of a folder."""
    data = place / f"{durability}.sqlite3"
    service = Service("--data", str(data), "--durability", durability, "--seed", _seed(talks, place))
    with service.process:
        yield service


def _seed(talks: list[Report], place: Path) -> str:
    seed = place / "seed.json"
    seed.write_text(json.dumps({"users": [], "conversations": talks}), encoding="utf-8")
    return str(seed)


@contextmanager
def folder() -> Iterator[Path]:
    """A place for files, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="convo-bench-") as place:
        yield Path(place)


def sdk() -> Process:
    """The genuine JavaScript SDK 3.0.1 under Node."""
    node = shutil.which("node")
    if node is None or not SDK.is_dir():
        raise BenchError("The genuine SDK is missing: install Node 20 or newer and run `npm ci` in tests/interop")
    return Process(node, "--expose-gc", "--max-old-space-size=4096", str(HERE / "peer.mjs"))


def ours() -> Process:
    """Our client."""
    return Process(sys.executable, "-m", "bench._peer")


def raw() -> Process:
    """A bare socket: sends in a pipeline, or receives and decodes frames and nothing more."""
    return Process(sys.executable, "-m", "bench._raw")


def crowd() -> Process:
    """Many bare sockets that speak, or only count what comes."""
    return Process(sys.executable, "-m", "bench._crowd")


def bare() -> Process:
    """A WebSocket service that gives every message to everybody, and does nothing else."""
    return Process(sys.executable, "-m", "bench._bare")


Side = Callable[[], Process]


def once(side: Side, task: Report) -> Report:
    """What one peer reports of a task."""
    with side() as peer:
        peer.say(**task)
        return peer.read()


def alternate(repetitions: int, *measures: Callable[[int], Report]) -> list[list[Report]]:
    """Each measure in turn, again and again, so that a slow minute of the machine hits all; by measure."""
    rounds = [[measure(number) for measure in measures] for number in range(repetitions)]
    return [list(reports) for reports in zip(*rounds, strict=True)]


def median(reports: list[Report], key: str = "seconds") -> float:
    """The median of one number of the reports."""
    return statistics.median(float(report[key]) for report in reports)


def repetitions(quick: bool) -> int:
    """How often each peer is measured."""
    return 1 if quick else 3


# --- Verdicts ------------------------------------------------------------------------------------------------------


@dataclass
class Verdict:
    """The answer to a question.

    Attributes:
        question: what was asked.
        sdk: what the SDK needed, in words; "-" where it takes no part.
        ours: what our client needed.
        ratio: what the bar is about.
        bar: what it shall reach.
        at_most: whether the bar is a ceiling.
        unit: what both are counted in.
        notes: how it was measured where that is not plain, and what else was seen.
        void: why the result counts for nothing; empty where it counts.
    """

    question: str
    sdk: str
    ours: str
    ratio: float
    bar: float
    at_most: bool = False
    unit: str = "x"
    notes: list[str] = field(default_factory=list)
    void: str = ""

    @property
    def reached(self) -> str:
        """Whether the bar is reached: "yes", "no", or "void" with the reason."""
        if self.void:
            return f"void: {self.void}"
        return "yes" if (self.ratio <= self.bar if self.at_most else self.ratio >= self.bar) else "no"

    def cells(self) -> tuple[str, ...]:
        """Its row of the table."""
        bound = f"{'at most' if self.at_most else 'at least'} {self.bar:.3g}{self.unit}"
        return (self.question, self.sdk, self.ours, f"{self.ratio:.3g}{self.unit}", bound, self.reached)


def differences(reports: list[Report], count: int, first: str, last: str) -> str:
    """What is wrong with the messages that the peers got; empty where all got the same, in order."""
    for report in reports:
        if report["count"] != count:
            return f"a peer got {report['count']:,} messages instead of {count:,}"
        if (report["first"], report["last"]) != (first, last):
            return "a peer got another first or last message"
        if not report["in_order"]:
            return "a peer got messages out of order"
    return ""


def effort(theirs: list[Report], own: list[Report]) -> str:
    """What the clients themselves took of the processor; the rest is the service and the machine."""
    used = median(theirs, "cpu"), median(own, "cpu")
    return f"processor time of the clients alone: SDK {used[0]:.2f} s, ours {used[1]:.3f} s, {used[0] / used[1]:.1f}x"


def rate(count: int, seconds: float) -> str:
    """So many a second, as people read it."""
    return f"{count / seconds:,.0f}/s"
