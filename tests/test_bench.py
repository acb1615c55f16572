"""The benchmark runs; how fast anything was is not tested here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import HEADS, QUESTIONS

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("question", QUESTIONS)
def test_question(question: str) -> None:
    """Every question gets an answer that counts: both peers got the same messages."""
    command = [sys.executable, "-m", "bench", question, "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert rows[0] == list(HEADS)
    assert len(rows) > 2, done.stdout + done.stderr
    assert {row[-1] for row in rows[2:]} <= {"yes", "no"}, done.stdout + done.stderr


def test_unknown_question() -> None:
    """A question that is not there is said, with those that are."""
    command = [sys.executable, "-m", "bench", "meaning-of-life", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "meaning-of-life" in done.stderr and "history" in done.stderr
