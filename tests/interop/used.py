"""Which public members of the SDKs the tests of this run have used, and in which test."""

from __future__ import annotations

import os
from collections import defaultdict

USED: dict[str, dict[str, set[str]]] = {version: defaultdict(set) for version in ("2", "3")}
"""By version and member: the tests, as "test_module::test_name"."""


def record(version: str, members: list[str]) -> None:
    """The test that runs now has used these."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0].split("[")[0]
    name = test.rpartition("/")[2].replace(".py", "")
    for member in members:
        USED[version][member].add(name)
