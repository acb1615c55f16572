"""Does a message of a long history (100,000) take longer to read than one of the first 10,000?"""

from __future__ import annotations

from bench._harness import Report, Verdict, alternate, differences, once, ours, rate, sdk, serving
from bench._talks import talk


def run(quick: bool) -> list[Verdict]:
    """Ask it; the SDK, whose time grows with the square, reads fewer."""
    every, theirs_count, count = (100, 200, 300) if quick else (10_000, 30_000, 100_000)
    shorter, longer = talk("shorter", theirs_count), talk("longer", count)
    with serving([shorter, longer]) as service:
        task = service.task("history", every=every)
        (theirs,), own = (
            alternate(1, lambda _: once(sdk, task | {"conversation": "shorter"}))[0],
            alternate(1 if quick else 3, lambda _: once(ours, task | {"conversation": "longer"}))[0],
        )
    mine = sorted(own, key=_growth)[len(own) // 2]
    marks = mine["marks"]
    last = (marks[-1] - marks[-2]) / marks[0]
    long = _extrapolated(theirs, every, count)
    return [
        Verdict(
            f"history of {count:,} messages, time a message against the first {every:,}",
            f"{_growth(theirs):.2f}x at {theirs_count:,}",
            f"{_growth(mine):.2f}x ({marks[-1]:.1f} s, {rate(count, marks[-1])})",
            _growth(mine),
            1.2,
            at_most=True,
            notes=[
                f"ours, the last {every:,} alone against the first: {last:.2f}x",
                f"the SDK was measured once, on {theirs_count:,} messages in {theirs['marks'][-1]:.0f} s; by its first "
                f"{every:,} and these (a n + b n^2), {count:,} would take it {long:,.0f} s, which is "
                f"{long / count * every / theirs['marks'][0]:.0f}x a message",
            ],
            void=_void(theirs, shorter) or _void(mine, longer),
        )
    ]


def _growth(report: Report) -> float:
    """Time a message of the whole, as a multiple of that of the first part."""
    marks = report["marks"]
    return float(marks[-1] / len(marks) / marks[0])


def _extrapolated(report: Report, every: int, count: int) -> float:
    """Seconds for `count`, with time = a n + b n^2 through the first and the last mark."""
    marks = report["marks"]
    near, far = every, every * len(marks)
    square = (marks[-1] / far - marks[0] / near) / (far - near)
    return float(count * (marks[0] / near + square * (count - near)))


def _void(report: Report, filled: Report) -> str:
    lines = filled["messages"]
    return differences([report], len(lines), lines[0]["body"], lines[-1]["body"])
