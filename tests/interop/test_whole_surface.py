"""Every public member of both genuine SDKs is used against the service: scenarios.tsv says where, a run must agree."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from .surface import surface
from .used import USED

HERE = Path(__file__).parent
TABLE = HERE / "scenarios.tsv"
VERSIONS = {"3": "sdk-3.0.1", "2": "sdk-2.0.0"}
ABSENT = "-"
"""In the table: this version has no such member."""
WHY = "not used: "
"""In the table: it cannot be, and why."""


def rows() -> list[dict[str, str]]:
    """The table, by member."""
    with TABLE.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_is_whole(version: str) -> None:
    """It has each public member of the .d.ts, and no other; what is not used has a reason."""
    told = {row["member"]: row[VERSIONS[version]] for row in rows()}
    assert {member for member, where in told.items() if where != ABSENT} == surface(version)
    assert all(where in (ABSENT,) or "::" in where or where.startswith(WHY) for where in told.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_it_says_happened(version: str, request: pytest.FixtureRequest) -> None:
    """Each test that the table names has used the member, in this run; nothing that is called unused was used."""
    ran = {item.path.name for item in request.session.items}
    chosen = request.config.getoption("keyword") or request.config.getoption("deselect")
    if chosen or not {path.name for path in HERE.glob("test_*.py")} <= ran:
        pytest.skip("it takes all tests of the folder")
    used, wrong = USED[version], []
    for row in rows():
        member, where = row["member"], row[VERSIONS[version]]
        tests = used.get(member, set())
        if where.startswith(WHY) and tests:
            wrong.append(f"{member}: {where}, but it was used by {min(tests)}")
        elif "::" in where and where not in tests:
            wrong.append(f"{member}: not used by {where}; it was by {sorted(tests)[:3]}")
    assert not wrong, "\n".join(wrong)
