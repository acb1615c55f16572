"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Iterator

FIRST, LAST, JITTER = 1.0, 120.0, 0.2


def fibonacci(rng: random.Random | None = None) -> Iterator[float]:
    """Seconds to wait, without end: 1, 1, 2, 3, 5 ... to 120, each +-20 % so that clients do not come back at once."""
    rng = rng or random.Random()  # noqa: S311 -- jitter is no secret
    this, following = FIRST, FIRST
    while True:
        yield this * rng.uniform(1 - JITTER, 1 + JITTER)
        this, following = min(following, LAST), min(this + following, LAST)
