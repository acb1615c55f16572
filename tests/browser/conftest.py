"""A JupyterLab for the whole run, and a notebook with a kernel of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import lab

ARTIFACTS = Path(__file__).parents[2] / "artifacts"

OpenNotebook = Callable[[list[str]], lab.Notebook]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium: none is downloaded."""
    return {**browser_type_launch_args, "executable_path": lab.chromium(), "args": lab.CHROMIUM_ARGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A window wide enough for a notebook."""
    return {**browser_context_args, "viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def lab_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that JupyterLab shows."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def lab_url(lab_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running JupyterLab."""
    with lab.serve(lab_root, tmp_path_factory.mktemp("jupyter")) as url:
        yield url


@pytest.fixture
def open_notebook(lab_url: str, lab_root: Path, page: Page, request: pytest.FixtureRequest) -> Iterator[OpenNotebook]:
    """Open a notebook of these cells; its kernel ends with the test."""
    opened: list[lab.Notebook] = []

    def open_(cells: list[str]) -> lab.Notebook:
        name = f"{request.node.name}-{len(opened)}.ipynb".replace("[", "-").replace("]", "")
        lab.write_notebook(lab_root / name, cells)
        opened.append(lab.Notebook(page, lab_url, name))
        return opened[-1]

    yield open_
    for notebook in opened:
        notebook.shut_down()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where screenshots are kept."""
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS
