"""How fast does one read a whole conversation of 10,000 messages, without latency?"""

from __future__ import annotations

from bench._harness import Verdict, alternate, differences, effort, median, once, ours, rate, repetitions, sdk, serving
from bench._talks import talk


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    return [ask(300 if quick else 10_000, 0, bar=25, quick=quick)]


def ask(count: int, latency_ms: int, *, bar: float, quick: bool) -> Verdict:
    """The same with any number of messages and any latency."""
    filled = talk("history", count)
    with serving([filled], latency_ms=latency_ms) as service:
        task = service.task("history", conversation="history")
        theirs, own = alternate(repetitions(quick), lambda _: once(sdk, task), lambda _: once(ours, task))
    seconds = median(theirs), median(own)
    return Verdict(
        f"history of {count:,} messages, {latency_ms or 'no'}{' ms' if latency_ms else ''} added latency",
        f"{seconds[0]:.2f} s ({rate(count, seconds[0])})",
        f"{seconds[1]:.3f} s ({rate(count, seconds[1])})",
        seconds[0] / seconds[1],
        bar,
        notes=[effort(theirs, own)],
        void=differences(theirs + own, count, filled["messages"][0]["body"], filled["messages"][-1]["body"]),
    )
