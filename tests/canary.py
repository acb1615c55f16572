"""Secrets of the tests, and where they must not be: in what was printed, logged or left in a file.

Every token is minted with `jwt.encode`, so that is where they are learned: the claims, the signature and the key of
each. What a test printed or logged is searched when it ends, and it fails; files are searched when the session ends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

LONGEST_FILE = 64 << 20
"""Bytes of a file that is searched."""
ROOT = Path(__file__).parent.parent
_WORDS = re.compile(rb"[\w-]{20,}", re.ASCII)
_secrets: dict[bytes, str] = {}  # a part of a token, or a key -> what it is, and who made it
_leaks: list[str] = []
_encode = jwt.encode


def mint(payload: dict[str, Any], key: Any, *arguments: Any, **options: Any) -> str:
    """`jwt.encode`, remembered."""
    token = _encode(payload, key, *arguments, **options)
    test = os.environ.get("PYTEST_CURRENT_TEST", "something before the tests").partition(" ")[0]
    remember(token, f"a token of {test}")
    if isinstance(key, str) and len(set(key)) > 10:  # and not thirty times an x
        _secrets[key.encode()] = f"the key of {test}"
    return token


def remember(token: str, what: str) -> None:
    """Let this token be a secret."""
    for part in token.split(".")[1:]:  # the header is the same for all
        if len(part) >= 20:
            _secrets[part.encode()] = what


def find(data: bytes) -> str | None:
    """Which secret is in there."""
    return next((_secrets[word] for word in _WORDS.findall(data) if word in _secrets), None)


jwt.encode = mint  # type: ignore[assignment]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that showed a secret, once all that it printed and logged is there."""
    report = yield
    if report.when == "teardown":
        for _, name, text in item._report_sections:
            what = find(text.encode("utf-8", "replace"))
            if what is not None and report.passed:
                report.outcome, report.longrepr = "failed", f"{item.nodeid}: {what} is in its captured {name}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search the files that were left."""
    base = getattr(session.config._tmp_path_factory, "_basetemp", None)  # type: ignore[attr-defined]
    for file in _files([*([base] if base else []), ROOT / "artifacts"]):
        what = find(file.read_bytes())
        if what is not None:
            _leaks.append(f"{what} is in {file}")
    if _leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the files."""
    for leak in _leaks:
        terminalreporter.write_line(f"SECRET LEFT: {leak}", red=True)


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= LONGEST_FILE:
                yield path
