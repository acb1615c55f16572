"""What the documentation shows has to work, and what it lists has to be there."""

from __future__ import annotations

import ast
import gc
import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from convo_widgets.client.client import Client
from convo_widgets.dataframes.schema import MESSAGES
from convo_widgets.service.account.door import ROUTES
from convo_widgets.service.local import LocalService

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
]


@pytest.fixture
async def namespace() -> AsyncIterator[dict[str, Any]]:
    """Names of an example; the clients and services it leaves open are closed afterwards."""
    names: dict[str, Any] = {}
    yield names
    for value in [value for value in names.values() if isinstance(value, Client)]:
        await value.shutdown()
        if value.service is not None:
            value.service.stop()
    for value in names.values():
        if isinstance(value, LocalService):
            value.stop()
    names.clear()
    gc.collect()


@pytest.mark.parametrize("code", EXAMPLES)
async def test_example(code: str, namespace: dict[str, Any]) -> None:
    """Every Python example of the documentation runs, as it would in a notebook cell."""
    compiled = compile(code, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, namespace)  # our own pages
    if inspect.iscoroutine(result):
        await result


def test_columns_are_documented() -> None:
    """The table of columns in docs/dataframes.md is that of the code."""
    text = (ROOT / "docs" / "dataframes.md").read_text().partition("<!-- columns -->")[2]
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", text, re.M)
    assert rows == [(column.name, str(column.dtype).replace(" ", ""), column.meaning) for column in MESSAGES]


def test_routes_are_documented() -> None:
    """The table of addresses in docs/service.md is that of the account's door."""
    text = (ROOT / "docs" / "service.md").read_text().partition("<!-- routes -->")[2]
    rows = re.findall(r"^\| `(\S+)` \| (.*?) ?\| (.+?) \| (.*?) ?\|$", text, re.M)
    told = {(address, below): (verbs, re.findall(r"`([^`]+)`", fields)) for address, below, verbs, fields in rows}
    words = {"either": "", "account": "the account", "service": "the service"}
    known: dict[tuple[str, str], tuple[list[str], dict[str, None]]] = {}
    for route in ROUTES:
        verbs, fields = known.setdefault((route.address, words[route.below]), ([], {}))
        verbs.append(route.method)
        fields |= dict.fromkeys(route.fields or ())
    assert told == {place: (", ".join(verbs), list(fields)) for place, (verbs, fields) in known.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links and images of the documentation exist."""
    text = page.read_text()
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)|src(?:set)?=\"([^\"]+)\"", text)
    for target in (a or b for a, b in targets):
        assert (page.parent / target).exists(), target
