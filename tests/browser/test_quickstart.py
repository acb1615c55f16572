"""The quickstart as a user meets it: in a real JupyterLab, in a real Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import lab

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01-quickstart.ipynb"


@pytest.fixture
def quickstart(lab_url: str, lab_root: Path, page: Page) -> lab.Notebook:
    """The quickstart, executed to its last cell."""
    shutil.copy(QUICKSTART, lab_root)
    notebook = lab.Notebook(page, lab_url, QUICKSTART.name)
    notebook.run_all()
    return notebook


def test_quickstart(quickstart: lab.Notebook, page: Page, artifacts: Path) -> None:
    """Every cell runs, and the thread is alive in both directions."""
    assert quickstart.errors() == []
    thread = page.locator(".cw-thread").first
    thread.scroll_into_view_if_needed()

    expect(thread.locator(".cw-body", has_text="Is that possible before Sunday?")).to_be_visible()
    expect(thread.locator(".cw-body", has_text="Two more, the same green: yes.")).to_be_visible()

    _type_reaches_another_client(quickstart, thread)
    _another_client_appears(quickstart, thread)
    _older_messages_load(quickstart, page.locator(".cw-thread").nth(1))

    for theme in ("Light", "Dark"):
        quickstart.theme(f"JupyterLab {theme}")
        quickstart.show(thread)
        page.screenshot(path=artifacts / f"quickstart-{theme.lower()}.png")
    page.set_viewport_size({"width": 760, "height": 900})
    quickstart.show(thread)
    page.screenshot(path=artifacts / "quickstart-narrow.png")
    quickstart.shut_down()


def _type_reaches_another_client(notebook: lab.Notebook, thread: Locator) -> None:
    notebook.python(
        "priya = await cw.connect(client.service.token('priya'), service=client.service)\n"
        "her_view = await priya.get_conversation_by_unique_name('order-48213')\n"
        "arrived = asyncio.create_task(her_view.wait_for('messageAdded', timeout=30))\n"
        "await asyncio.sleep(0)"
    )
    thread.get_by_label("Message", exact=True).fill("Typed in the page: <b>not bold</b> & 🙂")
    thread.get_by_role("button", name="Send").click()
    expect(thread.locator(".cw-body", has_text="Typed in the page: <b>not bold</b> & 🙂")).to_have_count(1)
    notebook.python("arrived = await arrived")
    assert notebook.python("", "arrived.body") == "Typed in the page: <b>not bold</b> & 🙂"


def _another_client_appears(notebook: lab.Notebook, thread: Locator) -> None:
    notebook.python(
        "marta = await cw.connect(client.service.token('marta'), service=client.service)\n"
        "her_side = await marta.get_conversation_by_unique_name('order-48213')\n"
        "await her_side.typing()"
    )
    expect(thread.locator(".cw-typing")).to_contain_text("Marta Oliveira is typing")
    notebook.python("await her_side.send_message('Live from another client')")
    expect(thread.locator(".cw-body", has_text="Live from another client")).to_be_visible()
    expect(thread.locator(".cw-typing")).not_to_contain_text("is typing")


def _older_messages_load(notebook: lab.Notebook, thread: Locator) -> None:
    thread.scroll_into_view_if_needed()
    log = thread.get_by_role("log")
    beginning = thread.get_by_text("New room, one purpose")
    for _ in range(60):
        log.evaluate("element => { element.scrollTop = 0; }")
        thread.page.wait_for_function("() => new Promise(done => requestAnimationFrame(() => done(true)))")
        if beginning.count():
            break
        thread.page.wait_for_timeout(100)  # the page that was asked for is on its way
    expect(beginning).to_be_visible()
    assert log.locator("[data-index]").count() < 100  # of 260: only what is looked at is in the page
