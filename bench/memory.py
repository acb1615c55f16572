"""How much memory does a message take, with 100,000 loaded and held?"""

from __future__ import annotations

from bench._harness import Verdict, differences, once, ours, sdk, serving
from bench._talks import talk


def run(quick: bool) -> list[Verdict]:
    """Ask it; the SDK, which takes minutes to load so many, holds fewer."""
    theirs_count, count = (200, 300) if quick else (20_000, 100_000)
    shorter, longer = talk("shorter", theirs_count), talk("longer", count)
    with serving([shorter, longer]) as service:
        task = service.task("history")
        theirs = once(sdk, task | {"conversation": "shorter"})
        own = once(ours, task | {"conversation": "longer"})
    void = ""
    for report, filled in ((theirs, shorter["messages"]), (own, longer["messages"])):
        void = void or differences([report], len(filled), filled[0]["body"], filled[-1]["body"])
    each = theirs["held"] / theirs_count, own["held"] / count
    return [
        Verdict(
            f"memory a message, {count:,} loaded",
            f"{each[0]:,.0f} bytes (of {theirs_count:,})",
            f"{each[1]:,.0f} bytes",
            each[1] / each[0],
            1 / 3,
            at_most=True,
            notes=[
                f"the SDK holds {theirs_count:,} (its memory grows by the message, its time by the square of them); "
                "measured is heapUsed + external after gc(), less that before loading; its resident memory grew by "
                f"{theirs['rss'] / theirs_count:,.0f} bytes a message",
                "ours is resident memory after gc.collect(), less that before loading, so with whatever malloc keeps; "
                "once each",
            ],
            void=void,
        )
    ]
