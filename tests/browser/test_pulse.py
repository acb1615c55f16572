"""A kernel that is busy, lost or new: what the Thread says, and that it keeps what was typed."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenNotebook
from tests.browser.test_thread import SETUP, SHOW, _body

EXECUTE = """
code => {
    const {kernel} = window.jupyterapp.shell.currentWidget.sessionContext.session;
    kernel.requestExecute({code, silent: false, store_history: false});
}
"""
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"


def test_a_busy_a_lost_and_a_new_kernel(open_notebook: OpenNotebook, page: Page) -> None:
    """Each is told within seconds and without being asked; what was typed stays, and all comes back by itself."""
    notebook = open_notebook([SETUP, SHOW])
    notebook.run_all()
    thread = page.locator(".cw-thread")
    status = thread.locator(".cw-status")
    box = thread.get_by_label("Message", exact=True)
    box.fill("half a sentence")

    page.evaluate(EXECUTE, "import time; time.sleep(14)")
    expect(status).to_contain_text("does not answer: it is busy", timeout=13_000)
    expect(box).to_have_value("half a sentence")
    expect(status).to_have_text("", timeout=10_000)
    notebook.python("await joined.send_message('after the pause')")
    expect(_body(thread, "after the pause")).to_be_visible()
    expect(box).to_have_value("half a sentence")

    page.evaluate(f"async () => {{ await {KERNEL}.reconnect(); }}")  # what is said meanwhile is lost
    notebook.wait_until_idle()
    notebook.python("await joined.send_message('after the gap')")
    expect(_body(thread, "after the gap")).to_be_visible(timeout=15_000)
    expect(status).to_have_text("")

    page.evaluate(f"async () => {{ await {KERNEL}.restart(); }}")
    expect(status).to_contain_text("Not connected to a kernel", timeout=13_000)
    expect(box).to_have_value("half a sentence")
    expect(_body(thread, "after the gap")).to_be_visible()
    notebook.wait_until_idle()
    notebook.run_all()
    expect(thread).to_have_count(1)
    expect(status).to_have_text("")
    notebook.python("await joined.send_message('in the new one')")
    expect(_body(thread, "in the new one")).to_be_visible()
