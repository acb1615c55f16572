"""How fast are 1,000 sends in flight at once, with 50 ms latency, against one after the other?"""

from __future__ import annotations

import random

from bench._harness import Verdict, alternate, differences, effort, median, once, ours, repetitions, sdk, serving
from bench._talks import body, talk

LATENCY_MS = 50


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    count, sequential, times = 20 if quick else 1_000, 2 if quick else 20, repetitions(quick)
    dice = random.Random("sends")
    bodies = [body(dice, number) for number in range(count)]
    talks = [talk(f"{side.__name__}-{number}", 0) for side in (sdk, ours) for number in range(times)]
    with serving(talks, latency_ms=LATENCY_MS) as service:
        task = service.task("sends", bodies=bodies, sequential=sequential)
        theirs, own = alternate(
            times,
            lambda number: once(sdk, task | {"conversation": f"sdk-{number}"}),
            lambda number: once(ours, task | {"conversation": f"ours-{number}"}),
        )
    flight = median(own)
    return [
        Verdict(
            f"{count:,} sends in flight, {LATENCY_MS} ms latency, against sequential",
            f"{median(theirs):.2f} s in flight",
            f"{flight:.2f} s in flight, {median(own, 'each') * count:.1f} s sequential",
            median(own, "each") * count / flight,
            50,
            notes=[
                f"the ratio is ours to ours; sequential is extrapolated from {sequential} sends of "
                f"{median(own, 'each') * 1000:.1f} ms; the order in the conversation is that of the calls",
                f"in flight, {effort(theirs, own)}",
                f"with the SDK the same ratio is {median(theirs, 'each') * count / median(theirs):.1f}x",
            ],
            void=differences(theirs + own, count, bodies[0], bodies[-1]),
        )
    ]
