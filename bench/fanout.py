"""How many frames a second does one sender's service deliver to 50 sockets, against the least that could do it?

The least is a Starlette app under uvicorn that sends what it receives to everybody. Both sides meet the same driver, in
one process: sockets that count frames, of which the first one speaks. Frames are as long on both sides, deflate is off,
pings are those of uvicorn. Ours checks, stores and syncs each message before it is told, the other one does nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from bench._harness import (
    Process,
    Report,
    Service,
    Verdict,
    alternate,
    bare,
    crowd,
    folder,
    kept,
    median,
    once,
    rate,
    repetitions,
)
from bench._talks import body, talk
from convo_widgets.wire import frame
from convo_widgets.wire.schema import Header, Status

LISTENERS = 50
WINDOWS = {32: "32 in flight", 1: "one at a time"}
"""Messages of the sender on their way at a time."""
ACKNOWLEDGEMENT = frame.encode(Header("reply", "TM" + "0" * 32, status=Status(200, "OK"))).decode()
"""What a client says to each notification."""


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    count, listeners = (20, 5) if quick else (1_000, LISTENERS)
    rounds, dice = repetitions(quick), random.Random("fanout")
    bodies = [body(dice, number) for number in range(count)]
    with folder() as place, kept([talk("fanout", 0)], place, "full") as service, bare() as other:
        asked = _Asked(service, other, other.read()["ws_url"], bodies, listeners)
        verdicts = []
        for window, words in WINDOWS.items():
            silent = alternate(rounds, asked.ours(window), asked.bare(window))
            answering = alternate(rounds, asked.ours(window, ACKNOWLEDGEMENT), asked.bare(window, ACKNOWLEDGEMENT))
            verdicts.append(_row(f"{count:,} messages to {listeners}, {words}", count * listeners, silent, answering))
        return verdicts


class _Asked:
    def __init__(self, service: Service, other: Process, url: str, bodies: list[str], listeners: int) -> None:
        self._service = service
        self._url = url
        self._task = {"bodies": bodies, "listeners": listeners, "speakers": 1, "conversation": "fanout"}
        self._size = round(self.ours(1)(0)["size"])  # warms both, too
        self.bare(1)(0)

    def ours(self, window: int, acknowledgement: str = "") -> Callable[[int], Report]:
        task = self._service.task("ours", **self._task, window=window, acknowledgement=acknowledgement)
        return lambda number: once(crowd, task)

    def bare(self, window: int, acknowledgement: str = "") -> Callable[[int], Report]:
        more = {"task": "bare", "ws_url": self._url, "size": self._size}
        return lambda number: once(crowd, {**self._task, **more, "window": window, "acknowledgement": acknowledgement})


def _row(question: str, count: int, silent: list[list[Report]], answering: list[list[Report]]) -> Verdict:
    own, least = map(median, silent)
    acknowledged = list(map(median, answering))
    missing = any(one["missing"] for side in silent + answering for one in side)
    return Verdict(
        f"fan-out of {question}, against bare Starlette",
        "-",
        f"{rate(count, own)} frames, bare {rate(count, least)}",
        100 * least / own,
        60,
        unit=" %",
        notes=[
            f"durability full, frames of {silent[0][0]['size']:,.0f} bytes, medians of {len(silent[0])}",
            f"where each frame is acknowledged, as clients do: {rate(count, acknowledged[0])}, bare "
            f"{rate(count, acknowledged[1])}, {100 * acknowledged[1] / acknowledged[0]:.0f} %",
        ],
        void="frames are missing" if missing else "",
    )
