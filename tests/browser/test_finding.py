"""Moving about in a Thread in a real notebook: what is unread and read, searching, going to messages, the keyboard."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenNotebook
from tests.browser.test_thread import SETUP, SHOW, _body

WATCH = """
element => {
    const seen = {samples: 0, blank: 0, nodes: 0, unmoved: 0};
    window.watched = seen;
    let last = -1;
    const look = () => {
        if (window.watched !== seen) return;
        const view = element.getBoundingClientRect();
        const rows = [...element.querySelectorAll('[data-index]')].map(row => row.getBoundingClientRect());
        seen.samples += 1;
        seen.unmoved += element.scrollTop === last;
        last = element.scrollTop;
        if (!rows.some(({top, bottom}) => bottom > view.top && top < view.bottom)) seen.blank += 1;
        seen.nodes = Math.max(seen.nodes, element.querySelectorAll('*').length);
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}
"""
"""Looks at each frame whether a row is on the screen, and how many elements there are."""

FLING = """
async (element) => {
    for (let turn = 0; turn < 300; turn++) {
        const way = element.scrollHeight - element.clientHeight;
        element.scrollTop = turn % 3 === 0 ? Math.random() * way : element.scrollTop + (Math.random() - 0.5) * 3000;
        await new Promise(requestAnimationFrame);
    }
}
"""


def _until(page: Page, notebook_value: object, wanted: object) -> None:
    for _ in range(100):
        if notebook_value() == wanted:  # type: ignore[operator]
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{notebook_value()} is not {wanted}")  # type: ignore[operator]


def _line(thread: Locator) -> Locator:
    return thread.locator(".cw-fresh")


def test_unread_and_read(open_notebook: OpenNotebook, page: Page) -> None:
    """The view opens at the end, leads to what is unread, keeps its line, and marks as read what was on the screen."""
    notebook = open_notebook(
        [
            SETUP,
            "for n in range(300):\n    await joined.send_message(f'line {n}')\n"
            "await conversation.update_last_read_message_index(199)",
            SHOW,
        ]
    )
    notebook.run_all()
    thread = page.locator(".cw-thread")
    notebook.show(thread)
    expect(_body(thread, "line 299")).to_be_in_viewport()
    to_unread = thread.get_by_role("button", name="100 new")
    expect(to_unread).to_be_visible()
    _until(page, lambda: notebook.python("", "conversation.last_read_message_index"), 299)
    to_unread.click()
    expect(_body(thread, "line 200")).to_be_in_viewport()
    expect(_line(thread)).to_have_text("100 new")
    expect(to_unread).to_have_count(0)
    top = _line(thread).bounding_box()
    notebook.python("for n in range(300, 304):\n    await joined.send_message(f'line {n}')")
    expect(thread.locator(".cw-new")).to_contain_text("4 new")
    assert _line(thread).bounding_box() == top, "the line does not jump"
    page.wait_for_timeout(2500)  # nothing to wait for: what was not on the screen stays unread
    assert notebook.python("", "conversation.last_read_message_index") == 299
    thread.locator(".cw-new").click()
    expect(_body(thread, "line 303")).to_be_in_viewport()
    _until(page, lambda: notebook.python("", "conversation.last_read_message_index"), 303)
    assert notebook.errors() == []


def test_searching_and_going_to_messages(open_notebook: OpenNotebook, page: Page) -> None:
    """By the field and from Python, to loaded messages and others; by keyboard; nothing takes the focus by itself."""
    notebook = open_notebook(
        [
            SETUP,
            "for n in range(400):\n    await joined.send_message(f'line {n}')\n"
            "thread = cw.Thread(conversation)\nthread.scroll_to(321)",
            "thread",
        ]
    )
    notebook.run_all()
    thread = page.locator(".cw-thread")
    expect(_body(thread, "line 321")).to_be_in_viewport()
    notebook.python("thread.scroll_to(5)")
    expect(_body(thread, "line 5")).to_be_in_viewport()
    expect(_body(thread, "line 0")).to_be_in_viewport()
    assert notebook.python("found = await thread.search('LINE 123')", "found") == [123]
    expect(thread.get_by_text("1 of 1", exact=True)).to_be_visible()
    expect(thread.locator("mark")).to_have_text(["line 123"])
    assert page.evaluate("() => !document.activeElement.closest('.cw-thread')")
    field = thread.get_by_label("Search messages")
    field.fill("líne 17")
    count = thread.locator(".cw-count")
    expect(count).to_contain_text(" of 11")  # from the newest of those that are loaded
    expect(thread.locator(".cw-current")).to_be_in_viewport()
    first = int(count.inner_text().split()[0])
    for _ in range(11 - first):
        field.press("Enter")
    expect(count).to_have_text("11 of 11")
    expect(thread.locator("[data-index='17']")).to_be_in_viewport(timeout=15_000)
    field.press("Enter")
    expect(count).to_have_text("1 of 11")
    expect(thread.locator("[data-index='179']")).to_be_in_viewport(timeout=15_000)
    field.press("Shift+Enter")
    expect(count).to_have_text("11 of 11")
    field.press("Escape")
    expect(field).to_have_count(0)
    expect(thread.locator("mark")).to_have_count(0)
    expect(thread.get_by_label("Search in this conversation")).to_be_focused()

    notebook.python("thread.scroll_to(200)")
    row = thread.locator("[data-index='200']")
    expect(row).to_be_in_viewport()
    thread.get_by_role("log").focus()
    page.keyboard.press("ArrowDown")
    first = int(thread.locator(":focus").get_attribute("data-index") or -1)
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    focused = thread.locator(":focus")
    expect(focused).to_have_attribute("data-index", str(first + 20))
    expect(focused).to_be_in_viewport()
    page.keyboard.press("Space")
    expect(thread.locator(".cw-selected")).to_have_count(1)
    sid = focused.get_attribute("data-sid")
    _until(page, lambda: notebook.python("", "thread.selected"), [sid])
    thread.get_by_role("log").evaluate("element => { element.scrollTop -= 6000; }")
    page.keyboard.press("ArrowUp")
    expect(thread.locator(":focus")).to_have_attribute("data-index", str(first + 19))
    expect(thread.locator(":focus")).to_be_in_viewport()
    notebook.python("thread.selected = []")
    expect(thread.locator(".cw-selected")).to_have_count(0)
    assert notebook.errors() == []


def test_there_is_always_a_row_on_the_screen(open_notebook: OpenNotebook, page: Page) -> None:
    """However fast one scrolls through however many, no frame is empty, and few elements are in the page."""
    notebook = open_notebook(
        [
            SETUP,
            "for n in range(1500):\n    await joined.send_message('word ' * (1 + n * 7 % 60) + str(n))",
            SHOW,
        ]
    )
    notebook.run_all()
    thread = page.locator(".cw-thread")
    notebook.show(thread)
    log = thread.get_by_role("log")
    log.evaluate(WATCH)
    for _ in range(4):
        log.evaluate(FLING)
    seen = page.evaluate("() => window.watched")
    assert seen["samples"] > 500
    assert seen["blank"] == 0, seen
    assert seen["nodes"] <= 300, seen
    assert seen["unmoved"] < seen["samples"] / 2, seen
    assert notebook.errors() == []
