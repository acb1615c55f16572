"""How fast does one read a whole conversation of 10,000 messages, when every answer takes 50 ms longer?"""

from __future__ import annotations

from bench import history
from bench._harness import Verdict


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    return [history.ask(300 if quick else 10_000, 50, bar=20, quick=quick)]
