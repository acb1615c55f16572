"""Regular expressions that anybody may give: the time of a search grows with the text, never beyond pattern x text.

Python's own `re` goes back and tries again, for ages with a pattern such as ``(a+)+$``. Here a pattern becomes a small
program, and all the places in it where a text can be are followed at once, letter by letter (Thompson, 1968).
Single letters and classes of them are left to `re`.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 500
"""Letters of a pattern."""
LARGEST = 400
"""Steps of its program."""
DEEPEST = 20
"""Groups inside groups."""
TEXT = 1024
"""Letters of a text; in a longer one nothing is found."""
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?:|\{\d{1,3}(?:,\d{0,3})?\}|.", re.DOTALL)
_LETTERS = re.compile(r"\\[dDsSwW]|\\[^a-zA-Z0-9]|\[.+\]|[^\\\[\]()*+?{}|^$]", re.DOTALL)

Step = tuple[str, str, int, int]
"""A letter to read, `fork` or `jump` by so many steps, the `begin` or the `end` of the text, or `found`."""
_FOUND: Step = ("found", "", 0, 0)


class Pattern:
    """A pattern of letters, classes, ``. | ( ) * + ? {m,n} ^ $``; no looking around, and nothing that refers back.

    Raises:
        ValueError: it is not such a pattern, or too large.
    """

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ValueError(f"it has more than {LONGEST} letters")
        self.text = text
        self._signs = _TOKEN.findall(text)
        self._at = 0
        self._steps = [*self._either(0), _FOUND]
        if self._at < len(self._signs):
            raise ValueError("a ) closes nothing")

    def search(self, text: str) -> bool:
        """Whether the pattern is anywhere in a text."""
        if len(text) > TEXT:
            return False
        after: list[int] = []
        for place in range(len(text) + 1):
            here = self._reach([0, *after], place, len(text))
            if here and here[-1] < 0:
                return True
            after = [step + 1 for step in here if place < len(text) and _is(self._steps[step][1], text[place])]
        return False

    def _reach(self, waiting: list[int], place: int, length: int) -> list[int]:
        """The letters that may be read next, going on from some steps; -1 and nothing more where all is found."""
        reached: list[int] = []
        seen: set[int] = set()
        while waiting:
            step = waiting.pop()
            if step in seen:
                continue
            seen.add(step)
            what, _, one, other = self._steps[step]
            if what == "found":
                return [-1]
            if what == "letter":
                reached.append(step)
            elif what == "fork":
                waiting += (step + one, step + other)
            elif what == "jump":
                waiting.append(step + one)
            elif place == (0 if what == "begin" else length):
                waiting.append(step + 1)
        return reached

    # -- from text to steps

    def _next(self) -> str:
        return self._signs[self._at] if self._at < len(self._signs) else ""

    def _either(self, depth: int) -> list[Step]:
        if depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} groups are inside each other")
        steps = self._sequence(depth)
        while self._next() == "|":
            self._at += 1
            other = self._sequence(depth)
            steps = [("fork", "", 1, len(steps) + 2), *steps, ("jump", "", len(other) + 1, 0), *other]
        return _small(steps)

    def _sequence(self, depth: int) -> list[Step]:
        steps: list[Step] = []
        while (sign := self._next()) not in ("", "|", ")"):
            self._at += 1
            steps += self._repeated(self._one(sign, depth))
        return _small(steps)

    def _one(self, sign: str, depth: int) -> list[Step]:
        if sign in ("(", "(?:"):
            if sign == "(" and self._next() == "?":
                raise ValueError("a group has no options")
            steps = self._either(depth + 1)
            if self._next() != ")":
                raise ValueError("a ( is not closed")
            self._at += 1
            return steps
        if sign in ("^", "$"):
            return [("begin" if sign == "^" else "end", "", 0, 0)]
        if not _LETTERS.fullmatch(sign):
            raise ValueError(f"{sign[:10]} is not known here")
        try:
            re.compile(sign)
        except re.error as error:
            raise ValueError(str(error)) from error
        return [("letter", sign, 0, 0)]

    def _repeated(self, steps: list[Step]) -> list[Step]:
        """The steps, as often as what follows says; whether few or many are taken first does not matter here."""
        sign = self._next()
        if sign not in ("*", "+", "?") and not re.fullmatch(r"\{.+\}", sign):
            return steps
        self._at += 1
        if self._next() == "?":
            self._at += 1
        if self._next() in ("*", "+", "?") or self._next().startswith("{"):
            raise ValueError("what is repeated is repeated again: put it in a group")
        least, comma, most = {"*": "0,", "+": "1,", "?": "0,1"}.get(sign, sign[1:-1]).partition(",")
        low, high = int(least), int(most or 0) if comma else int(least)
        if (most or not comma) and high < low:
            raise ValueError(f"{sign} is the wrong way round")
        if len(steps) * (max(low, high) + 1) > LARGEST:
            raise ValueError("it is too large")
        repeated = steps * low
        if comma and not most:
            return _small([*repeated, ("fork", "", 1, len(steps) + 2), *steps, ("jump", "", -len(steps) - 1, 0)])
        return _small(repeated + [("fork", "", 1, len(steps) + 1), *steps] * (high - low))


def _small(steps: list[Step]) -> list[Step]:
    if len(steps) > LARGEST:
        raise ValueError("it is too large")
    return steps


@lru_cache(maxsize=10_000)
def _is(letters: str, one: str) -> bool:
    return re.fullmatch(letters, one) is not None
