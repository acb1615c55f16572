"""How many sends a second are on the disk when they are acknowledged, against those that a power cut may lose?

Once with one client that sends in a pipeline, once with 50 who each wait for an answer before the next send.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from bench._harness import Report, Service, Verdict, alternate, crowd, folder, kept, median, once, rate, repetitions
from bench._talks import body, talk

CLIENTS = 50
IN_FLIGHT = 500


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    count, rounds = 100 if quick else 3_000, repetitions(quick)
    dice = random.Random("durable")
    bodies = [body(dice, number) for number in range(count)]
    with folder() as place:
        talks = [talk("durable", 0)]
        sync = _sync(place)
        with kept(talks, place, "full") as full, kept(talks, place, "relaxed") as relaxed:
            pipeline = [_sending(service, bodies, 1, IN_FLIGHT) for service in (full, relaxed)]
            waiting = [_sending(service, bodies, CLIENTS, 1) for service in (full, relaxed)]
            return [
                _row("of one client in a pipeline", sync, count, alternate(rounds, *pipeline)),
                _row(f"of {CLIENTS} clients who wait for each", sync, count, alternate(rounds, *waiting)),
            ]


def _sending(service: Service, bodies: list[str], speakers: int, window: int) -> Callable[[int], Report]:
    task = service.task("ours", conversation="durable", bodies=bodies, window=window, acknowledgement="")
    return lambda number: once(crowd, task | {"speakers": speakers, "listeners": 0})


def _row(who: str, sync: float, count: int, reports: list[list[Report]]) -> Verdict:
    full, relaxed = map(median, reports)
    return Verdict(
        f"durable sends {who}, against relaxed",
        "-",
        f"{rate(count, full)} durable, {rate(count, relaxed)} relaxed",
        100 * relaxed / full,
        50,
        unit=" %",
        notes=[f"{count:,} sends to data files on one disk, where a sync takes {sync * 1e3:.2f} ms; medians"],
        void="answers are missing" if any(one["missing"] for side in reports for one in side) else "",
    )


def _sync(place: Path) -> float:
    """Seconds until a few pages of a file are on the disk."""
    times = []
    with (place / "probe").open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(bytes(16_384))
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times)
