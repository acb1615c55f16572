"""Patterns from the network: they find what Python's own find, and never take long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convo_widgets.service.patterns import TEXT, Pattern

letters = st.sampled_from(["a", "b", "/", ".", "[ab]", "[^a]", r"\w", r"\.", "[a-c/]", "]", "^", "$"])
quantified = st.tuples(
    st.one_of(letters.filter(lambda one: one not in "^$]"), st.just("(ab|b)"), st.just("(?:a*)")),
    st.sampled_from(["", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"]),
).map("".join)
sequences = st.lists(st.one_of(quantified, st.sampled_from("^$")), max_size=5).map("".join)
patterns = st.recursive(
    sequences,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("|".join),
        st.tuples(inner, st.sampled_from(["", "*", "{0,2}"])).map(lambda made: f"({made[0]}){made[1]}"),
    ),
    max_leaves=4,
)


@settings(max_examples=500, deadline=None)
@given(patterns, st.text("ab/.c]", max_size=8))
def test_as_python(pattern: str, text: str) -> None:
    """Found here exactly where Python finds it."""
    assert Pattern(pattern).search(text) == bool(re.search(pattern, text))


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a*)*b", ".*" * 130, "(.*)*(.*)*x$", "(a?){99}a{99}$"])
def test_bait(pattern: str) -> None:
    """What would keep Python busy for years is over in a moment."""
    started = time.monotonic()
    Pattern(pattern).search("a" * (TEXT - 1) + "!")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(",
            ")",
            "a)",
            "(a",
            "*a",
            "a**",
            "a{3,2}",
            "[",
            "[b-a]",
            "(?=a)",
            "(?P<x>a)",
            r"(a)\1",
            r"\b",
            "(?i)a",
            "\\",
        ),
        *("((a{99}){99}){99}", "(" * 200 + ")" * 200, "a" * 501, "a{999}{9}", ".*" * 250),
    ],
)
def test_refused(pattern: str) -> None:
    """What is no pattern, is too large, or is not taken here."""
    with pytest.raises(ValueError, match=r"."):
        Pattern(pattern)


def test_a_long_text() -> None:
    """In a text that no address has nothing is looked for."""
    assert Pattern("a").search("a" * TEXT)
    assert not Pattern("a").search("a" * (TEXT + 1))
