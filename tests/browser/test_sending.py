"""Writing in a Thread in a real notebook: files, cancelling, a service that goes away, editing, the keyboard."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenNotebook
from tests.browser.test_thread import SETUP, SHOW, _body

PASTE = """(field, name) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from([137, 80, 78, 71])], name, {type: "image/png"}));
    field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""
DROP = """(thread, [name, size]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(size).fill(7)], name, {type: "application/octet-stream"}));
    const options = {dataTransfer: data, bubbles: true, cancelable: true};
    thread.querySelector(".cw-scroller").dispatchEvent(new DragEvent("dragover", options));
    const told = thread.querySelector(".cw-drop")?.textContent;
    thread.querySelector(".cw-scroller").dispatchEvent(new DragEvent("drop", options));
    return told;
}"""


def _thread(page: Page) -> tuple[Locator, Locator]:
    thread = page.locator(".cw-thread")
    return thread, thread.get_by_label("Message", exact=True)


def test_files(open_notebook: OpenNotebook, page: Page) -> None:
    """A picture is pasted and a file dropped; both arrive whole. An upload is cancelled, and nothing of it is sent."""
    notebook = open_notebook([SETUP, SHOW])
    notebook.run_all()
    thread, field = _thread(page)
    expect(field).to_have_attribute("placeholder", "Write to bob, Enter sends")
    field.evaluate(PASTE, "shot.png")
    assert thread.evaluate(DROP, ["data.bin", 2_500_000]) in ("Drop files to attach them", None)
    chips = thread.locator(".cw-composer .cw-chip")
    expect(chips).to_have_count(2)
    expect(chips.nth(1)).to_contain_text("2.5 MB")
    thread.get_by_role("button", name="Send").click()
    expect(thread.get_by_text("data.bin")).to_be_visible()
    expect(thread.locator("[data-index]")).to_have_count(1, timeout=30_000)
    expect(chips).to_have_count(0)
    got = notebook.python(
        "got = (await joined.get_messages()).items[0]\n"
        "data = [(one.filename, one.content_type, await one.read()) for one in got.attached_media]",
        "[[name, type, len(data), data[:4].hex()] for name, type, data in data]",
    )
    assert got == [
        ["shot.png", "image/png", 4, "89504e47"],
        ["data.bin", "application/octet-stream", 2_500_000, "07070707"],
    ]
    thread.evaluate(DROP, ["large.bin", 30_000_000])
    field.fill("not this")
    field.press("Enter")
    expect(thread.locator(".cw-held")).to_contain_text("to the")
    thread.get_by_role("button", name="Cancel").click()
    expect(field).to_have_value("not this")
    expect(chips).to_contain_text("large.bin")
    assert notebook.python("count = await joined.get_messages_count()", "count") == 1
    assert notebook.python("", "len(thread._outgoing)") == 0
    assert notebook.errors() == []


def test_away_and_back(open_notebook: OpenNotebook, page: Page, tmp_path: Path) -> None:
    """What is sent while the service is away waits in order, and goes once; a draft and what waits survive a reload."""
    path = tmp_path / "room.sqlite3"
    notebook = open_notebook(
        [SETUP.replace("LocalService(seed=None)", f"LocalService({str(path)!r}, seed=None)"), SHOW]
    )
    notebook.run_all()
    thread, field = _thread(page)
    expect(field).to_be_visible()
    notebook.python("port = int(service.url.rpartition(':')[2])\nservice.stop()")
    expect(thread.get_by_text("Reconnecting")).to_be_visible()
    for text in ("one", "two"):
        field.fill(text)
        field.press("Enter")
    expect(thread.get_by_text("waits for the connection")).to_have_count(2)
    notebook.python(
        "secret = {'api_key': service.api_key, 'api_secret': service.api_secret}\n"
        f"service = cw.LocalService({str(path)!r}, port, seed=None, **secret)"
    )
    expect(thread.locator("[data-index]")).to_have_count(2, timeout=30_000)
    expect(thread.get_by_text("waits for the connection")).to_have_count(0)
    assert notebook.python(
        "sent = [one.body for one in (await conversation.get_messages()).items]",
        "sent",
    ) == ["one", "two"]
    notebook.python("service.stop()")
    expect(thread.get_by_text("Reconnecting")).to_be_visible()
    field.fill("waiting")
    field.press("Enter")
    field.fill("half a dra")
    expect(thread.get_by_text("waits for the connection")).to_have_count(1)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    expect(field).to_have_value("half a dra", timeout=30_000)
    notebook.wait_until_idle()
    notebook.python(f"service = cw.LocalService({str(path)!r}, port, seed=None, **secret)")
    expect(field).to_have_value("waiting\nhalf a dra", timeout=40_000)
    assert notebook.errors() == []


def test_by_keyboard(open_notebook: OpenNotebook, page: Page) -> None:
    """Send, move to a message, edit it, copy it, delete it: no mouse, and the notebook gets none of the keys."""
    notebook = open_notebook([SETUP, "await joined.send_message('theirs')", SHOW])
    notebook.run_all()
    thread, field = _thread(page)
    field.focus()
    page.keyboard.type("first")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("second line")
    page.keyboard.press("Enter")
    expect(_body(thread, "first\nsecond line")).to_have_count(1)
    expect(field).to_have_value("")
    thread.get_by_role("log").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    row = thread.locator("[data-index='1']")
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    menu = thread.get_by_role("menu")
    expect(menu.get_by_role("menuitem")).to_have_text(["Edit", "Copy text", "Copy as JSON", "Copy sid", "Delete…"])
    expect(menu.get_by_role("menuitem", name="Edit")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(row).to_be_focused()
    page.keyboard.press("Shift+F10")
    page.keyboard.press("Enter")
    editor = thread.get_by_label("Edit the message")
    expect(editor).to_be_focused()
    editor.fill("changed")
    page.keyboard.press("Enter")
    expect(_body(thread, "changed")).to_be_visible()
    expect(row).to_be_focused()
    expect(row).to_contain_text("(edited)")
    page.keyboard.press("ArrowUp")
    expect(thread.locator("[data-index='0']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("menuitem")).to_have_text(["Copy text", "Copy as JSON", "Copy sid"])
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(thread.get_by_text("Copied", exact=True)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("d")
    page.keyboard.press("Enter")
    question = thread.get_by_role("group", name="Delete this message")
    expect(question.get_by_role("button", name="Delete")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("d")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(thread.get_by_text("Message deleted")).to_be_visible()
    assert notebook.python("left = [one.body for one in (await joined.get_messages()).items]", "left") == ["theirs"]
    assert page.locator(".jp-Cell").count() == 3
    assert notebook.errors() == []
