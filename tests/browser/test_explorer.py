"""The Explorer and the Connection in a real notebook: downloads, panes, keys, the log."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenNotebook

SETUP = """
import convo_widgets as cw

service = cw.LocalService(seed=None)
alice = await cw.connect(lambda: service.token("alice"), service=service)
rooms = []
for name in ("First", "Second"):
    room = await (await alice.create_conversation(friendly_name=name)).join()
    await room.send_message("=1+1, " + name)
    rooms.append(room)
"""
SHOW = "explorer = cw.Explorer(alice, selected_sid=rooms[0].sid)\nexplorer"
FOCUS = "pane => !!document.querySelector(`.cw-pane-${pane}`).contains(document.activeElement)"


def test_an_explorer(open_notebook: OpenNotebook, page: Page) -> None:
    """Files come through the browser; keys lead from pane to pane; a narrow one shows one pane at a time."""
    notebook = open_notebook([SETUP, SHOW])
    notebook.run_all()
    explorer = page.locator(".cw-explorer")
    expect(explorer.locator(".cw-pane-thread .cw-title")).to_have_text("First")
    expect(explorer.locator(".cw-top")).to_contain_text("2 conversations")

    with page.expect_download() as download:
        explorer.get_by_role("button", name="CSV", exact=True).click()
    assert download.value.suggested_filename.startswith("first-messages-")
    assert "'=1+1, First" in Path(download.value.path()).read_text()
    explorer.get_by_label("What is exported").select_option("listed")
    explorer.get_by_role("button", name="DataFrame").click()
    expect(explorer.locator(".cw-next")).to_contain_text("2 rows")
    expect(explorer.locator(".cw-next code")).to_have_text("df = explorer.frame")
    assert notebook.python("", "len(explorer.frame)") == 2

    grid = explorer.locator(".cw-pane-inbox [role=grid]")
    grid.focus()
    page.keyboard.press("F6")
    assert page.evaluate(FOCUS, "thread")
    page.keyboard.press("Shift+F6")
    assert page.evaluate(FOCUS, "inbox")

    explorer.evaluate("e => { e.style.width = '320px' }")
    expect(explorer.locator(".cw-pane-thread")).to_be_hidden()
    top = page.evaluate("scrollY")
    explorer.locator(".cw-pane-inbox .cw-row-line", has_text="Second").click()
    expect(explorer.locator(".cw-pane-thread .cw-title")).to_have_text("Second")
    assert notebook.python("", "explorer.thread.conversation.friendly_name") == "Second"
    explorer.get_by_role("button", name="Conversations").press("Enter")
    assert page.evaluate(FOCUS, "inbox")
    page.keyboard.press("Enter")
    expect(explorer.locator(".cw-pane-thread")).to_be_visible()
    assert page.evaluate(FOCUS, "thread")
    assert page.evaluate("scrollY") == top
    assert explorer.evaluate("e => e.scrollWidth <= e.clientWidth")

    notebook.python("await rooms[1].delete()")
    expect(explorer.locator(".cw-nowhere")).to_contain_text("Second was removed")


def test_a_connection(open_notebook: OpenNotebook, page: Page) -> None:
    """A line opens to the facts and the log, which goes on by itself, stands still when paused, and shows payloads."""
    notebook = open_notebook([SETUP, "connection = cw.Connection(alice, height=420)\nconnection"])
    notebook.run_all()
    widget = page.locator(".cw-connection")
    expect(widget).to_contain_text("connected as alice")
    expect(widget).to_contain_text(" ms")
    widget.locator(".cw-link-line").click()
    widget.get_by_role("button", name="Refresh token").click()
    expect(widget).to_contain_text("The token is new.")

    notebook.python("await rooms[0].send_message('<b>hello</b>')")
    added = widget.locator(".cw-event", has_text="messageAdded")
    expect(added).to_contain_text("<b>hello</b>")
    added.click()
    expect(widget.locator(".cw-payload pre")).to_contain_text('"body": "<b>hello</b>"')
    notebook.python("for number in range(300):\n    await rooms[0].update_attributes({'number': number})")
    events = widget.get_by_role("listbox")
    count = str(notebook.python("", "len(connection.events)"))
    expect(widget.locator(".cw-event").last).to_have_attribute("aria-setsize", count)
    assert events.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight") < 2  # a reader at the end stays there
    assert widget.locator(".cw-event").count() < 60
    widget.get_by_role("button", name="Pause").click()
    notebook.python("service.faults.drop_connections()")
    expect(widget.locator(".cw-link-line")).to_contain_text("1 reconnect", timeout=20_000)
    assert widget.locator(".cw-event").last.get_attribute("aria-setsize") == count
    widget.get_by_role("button", name="Go on").click()
    expect(widget.locator(".cw-event").last).not_to_have_attribute("aria-setsize", count)
    widget.get_by_label("Search events").fill("state: connected")
    expect(widget.locator(".cw-event")).to_have_count(1)
