"""Inbox and Participants in a real notebook: what only a page with a layout shows."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenNotebook

SETUP = """
import convo_widgets as cw
import traitlets

service = cw.LocalService(seed=None)
alice = await cw.connect(service.token("alice"), service=service)
talks = []
for number in range(60):
    talks.append(await (await alice.create_conversation(friendly_name=f"Talk {number:02}")).join())
    await talks[-1].send_message(f"<b>Hello</b> {number:02}")
room = talks[0]
for number in range(300):
    await room.add(f"person-{number:03}")
inbox, thread, people = cw.Inbox(alice, height=420), cw.Thread(talks[7]), cw.Participants(room, height=420)
await inbox.loaded()
traitlets.link((inbox, "selected_sid"), (thread, "conversation_sid"))
"""
TOP = """grid => {
    const head = grid.getBoundingClientRect().top;
    const row = [...grid.querySelectorAll('[role=row][aria-selected]')].find(
        row => row.getBoundingClientRect().bottom > head + 20);
    return [row.querySelector('bdi').textContent, Math.round(row.getBoundingClientRect().top - head)];
}"""
"""The first row in sight, and where it begins."""


def rows(view: Locator) -> Locator:
    """The rows of a table that are on the page."""
    return view.locator(".cw-row-line")


def test_a_reader_of_the_inbox_is_left_in_peace(open_notebook: OpenNotebook, page: Page) -> None:
    """News above move nothing in sight, not even when the first row itself goes to the top; choosing shows a thread."""
    notebook = open_notebook([SETUP, "inbox", "inbox", "thread"])
    notebook.run_all()
    view, other = page.locator(".cw-inbox").first, page.locator(".cw-inbox").nth(1)
    notebook.show(view)
    expect(rows(view).first).to_contain_text("Talk 59")
    expect(rows(view).first).to_contain_text("<b>Hello</b> 59")
    grid = view.get_by_role("grid")
    grid.evaluate("grid => { grid.scrollTop = 20 * 53 + 7; }")
    expect(rows(view).get_by_text("Talk 39", exact=True)).to_be_visible()
    page.wait_for_function("grid => grid.querySelector('.cw-later-cell') === null", arg=grid.element_handle())
    before = grid.evaluate(TOP)
    notebook.python("for talk in (talks[3], talks[5], talks[39]):\n    await talk.send_message('news')")
    expect(rows(other).first).to_contain_text("news")
    expect(rows(other).nth(2)).to_contain_text("Talk 03")
    assert before[0] == "Talk 39"
    expect(rows(view).get_by_text("Talk 39", exact=True)).to_have_count(0)
    assert grid.evaluate(TOP)[1] == before[1]
    expect(rows(view).get_by_text("Talk 38", exact=True)).to_be_visible()
    assert rows(view).count() < 40
    rows(view).get_by_text("Talk 38", exact=True).click()
    expect(page.locator(".cw-thread").get_by_text("Talk 38").first).to_be_visible()
    assert (
        notebook.python("sid = talks[38].sid", "[inbox.selected_sid == sid, thread.conversation_sid == sid]")
        == [True] * 2
    )
    notebook.python("await talks[38].leave()")
    expect(rows(view).get_by_text("Talk 38", exact=True)).to_have_count(0)
    assert notebook.python("", "inbox.selected_sid") == ""
    assert notebook.errors() == []


def test_keys_and_ranges_in_a_long_table(open_notebook: OpenNotebook, page: Page) -> None:
    """Keys go to rows that were never loaded, Shift selects across them, and the notebook's own keys stay out of it."""
    notebook = open_notebook([SETUP, "people"])
    notebook.run_all()
    view = page.locator(".cw-participants")
    notebook.show(view)
    expect(rows(view).first).to_contain_text("alice")
    rows(view).nth(1).click()
    page.keyboard.press("End")
    expect(rows(view).get_by_text("person-299")).to_be_visible()
    rows(view).get_by_text("person-299").click(modifiers=["Shift"])
    expect(view.get_by_text("300 participants selected")).to_be_visible()
    assert notebook.python("", "len(people.selected)") == 300
    page.keyboard.press("Home")
    expect(view.locator(".cw-active")).to_contain_text("alice")
    page.keyboard.press("Space")
    expect(view.get_by_text("301 participants selected")).to_be_visible()
    page.keyboard.press("d")
    page.keyboard.press("d")
    expect(view).to_be_visible()
    view.get_by_label("Search participants").fill("person-12")
    expect(rows(view)).to_have_count(10)
    assert notebook.python("", "people.visible == [people.to_frame(visible=True).sid[n] for n in range(10)]")
    view.get_by_role("button", name="Clear").click()
    view.get_by_role("button", name="Add", exact=True).click()
    view.get_by_label("Identity or address").fill("newcomer")
    page.keyboard.press("Enter")
    expect(view.locator(".cw-grid-count")).to_contain_text("302")
    view.evaluate("element => { element.parentElement.style.width = '320px'; }")
    expect(view.get_by_role("columnheader")).to_have_count(2)
    assert view.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert notebook.errors() == []
