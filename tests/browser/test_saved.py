"""A saved notebook, opened again without its kernel: what is there to read, and that nothing in it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser import lab
from tests.browser.conftest import OpenNotebook
from tests.browser.test_thread import SETUP

HOSTILE = "</scRIPt><!--<script><img src=x onerror=window.hacked=1>"
SEND = f"""
await bob.user.update_friendly_name("Bob B.")
for n in range(60):
    await joined.send_message(f"line {{n}}")
await joined.send_message({HOSTILE!r})
"""
SHOW = ["thread = cw.Thread(conversation)\nthread", "cw.Inbox(alice)", "cw.Participants(conversation)"]
SHOW += ["cw.Connection(alice)", "cw.Explorer(alice, selected_sid=conversation.sid)"]
SAVE_STATE = "@jupyter-widgets/jupyterlab-manager:plugin"


@pytest.fixture
def saved(open_notebook: OpenNotebook, page: Page, lab_url: str, lab_root: Path) -> Iterator[tuple[lab.Notebook, Path]]:
    """A notebook that was run with every widget in it, and saved with their state."""
    _keep_state(page, lab_url, True)
    notebook = open_notebook([SETUP, SEND, *SHOW])
    notebook.run_all()
    assert notebook.errors() == []
    for name in ("thread", "inbox", "participants", "connection", "explorer"):
        page.locator(f".cw-{name}").first.wait_for(state="attached")
    expect(page.locator(".cw-thread").first.get_by_text(HOSTILE)).to_have_count(1)
    page.wait_for_function("() => document.querySelectorAll('.cwt-copy').length === 5")
    copies = page.locator(".cwt-copy")
    for at, words in enumerate(("line 59", "Room", "Bob B.", "alice", "line 59")):
        expect(copies.nth(at)).to_contain_text(words)
    expect(page.locator(".cwt-copy").first).not_to_be_visible()
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    path = lab_root / page.url.rpartition("/")[2].partition("?")[0]
    _wait_for_state(page, path)
    yield notebook, path
    _keep_state(page, lab_url, False)


def _keep_state(page: Page, lab_url: str, keep: bool) -> None:
    answer = page.request.put(f"{lab_url}/lab/api/settings/{SAVE_STATE}", data={"raw": json.dumps({"saveState": keep})})
    assert answer.ok, answer.text()


def _wait_for_state(page: Page, path: Path) -> None:
    for _ in range(50):
        if "widgets" in nbformat.read(path, 4).metadata:
            return
        page.wait_for_timeout(100)  # the file is being written
    raise AssertionError("the notebook was saved without the state of its widgets")


def test_a_saved_notebook_without_its_kernel(
    saved: tuple[lab.Notebook, Path], page: Page, lab_url: str, lab_root: Path
) -> None:
    """Trusted and with state the views come back to be read; without state, or not trusted, the text does."""
    notebook, path = saved
    notebook.shut_down()

    _open(page, lab_url, path.name)
    thread = page.locator(".cw-thread").first
    expect(thread.get_by_text("A saved view")).to_be_visible(timeout=30_000)
    expect(thread.get_by_text("line 59")).to_be_visible()
    expect(thread.get_by_text(HOSTILE)).to_be_visible()
    expect(thread.get_by_label("Message", exact=True)).not_to_be_visible()
    for name in ("inbox", "participants", "connection", "explorer"):
        view = page.locator(f".cw-{name}").first
        view.scroll_into_view_if_needed()
        expect(view).to_contain_text("A saved view")
        page.screenshot(path=f"artifacts/saved-{name}.png")
    expect(page.locator(".cwt-copy").first).not_to_be_visible()

    stateless = nbformat.read(path, 4)
    del stateless.metadata["widgets"]
    nbformat.write(stateless, lab_root / "stateless.ipynb")
    _open(page, lab_url, "stateless.ipynb")
    copy = page.locator(".cwt-copy").first
    expect(copy.get_by_text("line 59")).to_be_visible()
    page.screenshot(path="artifacts/saved-stateless.png")

    stateless.cells[0].source += "# another hand"
    for cell in stateless.cells:
        for output in cell.outputs:
            output.get("data", {}).pop("application/none", None)
            if "text/html" in output.get("data", {}):
                output.data["text/html"] += "<!-- changed -->"
    nbformat.write(stateless, lab_root / "untrusted.ipynb")
    _open(page, lab_url, "untrusted.ipynb")
    expect(page.get_by_text("line 59").first).to_be_visible()
    expect(page.get_by_text(HOSTILE).last).to_be_visible()
    page.screenshot(path="artifacts/saved-untrusted.png")
    assert page.locator(".cw").count() == 0
    assert page.evaluate("() => window.hacked") is None


def _open(page: Page, lab_url: str, name: str) -> None:
    page.goto(f"{lab_url}/lab/tree/{name}?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
