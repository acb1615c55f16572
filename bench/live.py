"""How fast does one receive 5,000 messages, sent in a pipeline by somebody else, until the last handler ran?

The service works while they come, so it may be the limit: a bare socket that only decodes frames shows its own rate.
Then the same with the receiver held (SIGSTOP) until all are sent: what waits for it is taken at its own pace,
measured from its release on.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from functools import partial

from bench._harness import (
    Process,
    Report,
    Service,
    Side,
    Verdict,
    alternate,
    differences,
    effort,
    median,
    ours,
    rate,
    raw,
    repetitions,
    sdk,
    serving,
)
from bench._talks import body, talk

PATIENCE = 60
"""Seconds after which a peer reports what it has."""
PEERS: dict[str, Side] = {"sdk": sdk, "ours": ours, "raw": raw}


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    count, times = 50 if quick else 5_000, repetitions(quick)
    dice = random.Random("live")
    bodies = [body(dice, number) for number in range(count)]
    names = [_name(peer, held, number) for peer in PEERS for held in (False, True) for number in range(times)]
    with serving([talk(name, 0) for name in names]) as service, raw() as sender:
        sender.say(**service.task("sender", "ben"))
        receiving = partial(_receiving, service, sender, bodies)
        free = alternate(times, *(receiving(peer, held=False) for peer in PEERS))
        held = alternate(times, *(receiving(peer, held=True) for peer in PEERS))
    theirs, own, bare = (median(reports) for reports in free)
    void = differences([report for reports in free + held for report in reports], count, bodies[0], bodies[-1])
    question = f"live receive of {count:,} messages"
    row = _row(question, count, theirs, own, void)
    row.notes = [
        f"the service itself gives {rate(count, bare)}, to a bare socket that only decodes frames, "
        f"so {theirs / bare:.1f}x is all that can be had in this run",
        effort(*free[:2]),
    ]
    theirs, own, bare = (median(reports) for reports in held)
    waiting = _row(f"{question}, all waiting", count, theirs, own, void)
    waiting.notes = [
        "the receiver is stopped until all are sent, so that neither sender nor database takes part; "
        f"the bare socket gets {rate(count, bare)}",
        effort(*held[:2]),
    ]
    return [row, waiting]


def _row(question: str, count: int, theirs: float, own: float, void: str) -> Verdict:
    words = [f"{seconds:.2f} s ({rate(count, seconds)})" for seconds in (theirs, own)]
    return Verdict(question, words[0], words[1], theirs / own, 4, void=void)


def _name(peer: str, held: bool, number: int) -> str:
    return f"{peer}-{'held' if held else 'free'}-{number}"


def _receiving(
    service: Service, sender: Process, bodies: list[str], peer: str, *, held: bool
) -> Callable[[int], Report]:
    """How one peer is measured, each time in a conversation of its own."""

    def receive(number: int) -> Report:
        name = _name(peer, held, number)
        with PEERS[peer]() as receiver:
            receiver.say(**service.task("live", conversation=name, count=len(bodies), patience=PATIENCE))
            receiver.read()  # open
            sender.say(conversation=name, bodies=["warm"])
            receiver.read()  # ready
            sender.read()
            if held:
                receiver.signal(signal.SIGSTOP)
            sender.say(conversation=name, bodies=bodies)
            if held:
                sender.read()
                resumed = time.time()
                receiver.signal(signal.SIGCONT)
                report = receiver.read()
                return report | {"seconds": report["ended"] - resumed}
            report = receiver.read()
            sender.read()
            return report

    return receive
