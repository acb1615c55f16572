"""The service is killed and started again: when are 200 clients with 50 conversations each live again?

Live is who follows everything again, and has got a message that was sent once all do. The time runs from the moment at
which the service listens again.
"""

from __future__ import annotations

import asyncio
import signal
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from bench._harness import READER, Process, Report, Service, Verdict, folder
from bench._raw import Raw
from convo_widgets.service import conversations, messages, participants, users
from convo_widgets.service.store import Store, new_sid

HISTORY = 20
"""Messages in a conversation, which each client has read."""
CREWS = 2
"""Processes that the clients are in."""
KEY = {"CONVO_WIDGETS_API_KEY": "SK" + "0" * 32, "CONVO_WIDGETS_API_SECRET": "of no service but this one, for a while"}


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    people, rooms = (4, 3) if quick else (200, 50)
    with folder() as place, ExitStack() as stack:
        data = place / "data.sqlite3"
        fill(data, people, rooms)
        service = Service("--data", str(data), **KEY)
        with service.process:
            crews = [stack.enter_context(Process(sys.executable, "-m", "bench._crew")) for _ in range(CREWS)]
            begun = _connect(service, crews, people)
            before = _probe(service, crews, "before")
            service.process.signal(signal.SIGKILL)
            killed = time.time()
        again = Service("--data", str(data), "--port", service.url.rpartition(":")[2], **KEY)
        listening = time.time()
        with again.process:
            for crew in crews:
                crew.say(settled=True)
            told = [crew.read() for crew in crews]
            live = sorted(when - listening for report in told for when in report["live"])
            after = _probe(again, crews, "after")
            seconds = time.time() - listening
    attempts = [[when - listening for when in those] for report in told for those in report["attempts"]]
    void = "" if sum(report["conversations"] for report in begun) == people * rooms else "conversations are missing"
    return [
        Verdict(
            f"restart with {people} clients of {rooms} conversations, all live again",
            "-",
            f"{seconds:.1f} s",
            seconds,
            5,
            at_most=True,
            unit=" s",
            notes=[
                f"half are live after {statistics.median(live):.1f} s, all after {live[-1]:.1f} s; the message sent "
                f"then took {after:.2f} s to all, and {before:.2f} s before the restart",
                f"the service was away for {listening - killed:.1f} s; {_spread(attempts)}",
                f"connecting all for the first time, with {HISTORY} messages of each conversation read, took "
                f"{max(report['seconds'] for report in begun):.0f} s",
            ],
            void=void,
        )
    ]


def fill(path: Path, people: int, rooms: int) -> None:
    """Everybody is in every conversation, and so is who sends the message."""
    store = Store(path, durability="relaxed")
    with store.write() as change:
        role, time = store.role("conversation", admin=False), change.time
        everybody = [READER, *map(_name, range(people))]
        for person in everybody:
            users.insert(store, person, time)
        for number in range(rooms):
            row, _ = conversations.insert(store, created_by=READER, date_created=time, unique_name=f"room-{number}")
            for person in everybody:
                participants.insert(store, row, role, time, identity=person)
            fixed = (READER, None, "Hello", None, "{}", None, time, time)
            store.run_many(messages.INSERT, ((row, index, new_sid("IM"), *fixed) for index in range(HISTORY)))
            store.run("UPDATE conversations SET next_index = ? WHERE id = ?", HISTORY, row)
    store.close()


def _name(number: int) -> str:
    return f"person-{number:03}"


def _connect(service: Service, crews: list[Process], people: int) -> list[Report]:
    """Let all clients connect."""
    for place, crew in enumerate(crews):
        tokens = [service.task("", _name(number))["token"] for number in range(place, people, len(crews))]
        crew.say(url=service.url, tokens=tokens, history=HISTORY)
    return [crew.read() for crew in crews]


def _probe(service: Service, crews: list[Process], text: str) -> float:
    """Seconds that a message takes to all clients."""
    for crew in crews:
        crew.say(hear=text)
    sent = asyncio.run(_send(service, text))
    return float(max(crew.read()["heard"] for crew in crews) - sent)


async def _send(service: Service, text: str) -> float:
    raw = await Raw.open(service.task("probe"))
    frames = await raw.messages(await raw.conversation("room-0"), [text])
    sent = time.time()
    await raw.send(frames)
    await raw.socket.close()
    return sent


def _spread(attempts: list[list[float]]) -> str:
    """When the clients tried, in words: seconds from the moment at which the service listened."""
    last = sorted(those[-1] for those in attempts)
    tenths = statistics.quantiles(last, n=10, method="inclusive")
    fullest = max(sum(one <= other < one + 0.1 for other in last) for one in last)
    words = ", ".join(f"{tenths[place]:+.2f}" for place in (0, 4, 8))
    return (
        f"{sum(map(len, attempts))} attempts, at most {max(map(len, attempts))} of a client; those that got through "
        f"began at {last[0]:+.2f} to {last[-1]:+.2f} s (deciles 1, 5, 9: {words}), at most "
        f"{fullest / len(last):.0%} of them within 0.1 s"
    )
