"""How fast is one connected with all of 200 conversations loaded: participants there, messages open?"""

from __future__ import annotations

from bench._harness import Verdict, alternate, differences, effort, median, once, ours, repetitions, sdk, serving
from bench._talks import AUTHORS, talk


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    count = 5 if quick else 200
    names = [f"talk-{number:03}" for number in range(count)]
    with serving([talk(name, 5) for name in names]) as service:
        task = service.task("connect")
        theirs, own = alternate(repetitions(quick), lambda _: once(sdk, task), lambda _: once(ours, task))
    void = differences(theirs + own, count, names[0], names[-1])
    if any(report["participants"] != count * len(AUTHORS) for report in theirs + own):
        void = void or "a peer lacks participants"
    seconds = median(theirs), median(own)
    return [
        Verdict(
            f"connect to all {count} conversations loaded",
            f"{seconds[0]:.2f} s",
            f"{seconds[1]:.2f} s",
            seconds[0] / seconds[1],
            2,
            notes=[effort(theirs, own)],
            void=void,
        )
    ]
