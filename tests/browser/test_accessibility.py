"""Every widget for people who see little, use no mouse, read from right to left, or cannot bear movement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenNotebook

HERE = Path(__file__).parent
AXE = HERE / "node_modules/axe-core/axe.min.js"
SETUP = """
import convo_widgets as cw
client = await cw.connect()
conversation = await client.get_conversation_by_unique_name("order-48213")
bare = await (await client.create_conversation(friendly_name="Nothing yet")).join()
"""
SHOW = [
    "thread = cw.Thread(conversation)\nthread",
    "cw.Inbox(client, height=360)",
    "cw.Participants(conversation, height=360)",
    "explorer = cw.Explorer(client, selected_sid=conversation.sid)\nexplorer",
    "cw.Thread(bare, height=240)",
]

# What axe finds that keeps people out; what it cannot decide is not in it.
CHECK = """async () => (await axe.run({include: [[".cw"]]}, {resultTypes: ["violations"]})).violations
    .filter(({impact}) => impact === "serious" || impact === "critical")
    .flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`))"""
TABBABLE = """(root) => {
    const usable = "a[href], button, input, select, textarea, summary, [tabindex]";
    window.walk = [...root.querySelectorAll(usable)].filter((e) => e.tabIndex >= 0 && !e.disabled &&
        e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length);
    return window.walk.length; }"""


@pytest.mark.timeout(240)
def test_nothing_keeps_people_out(open_notebook: OpenNotebook, page: Page, artifacts: Path) -> None:
    """Axe finds nothing serious: light and dark, wide and narrow, with data, empty, with faults and an open menu."""
    notebook = open_notebook([SETUP, *SHOW])
    page.set_viewport_size({"width": 1280, "height": 3200})
    notebook.run_all()
    assert notebook.errors() == []
    assert page.evaluate("() => document.activeElement.closest('.cw')") is None, "a widget took the focus"
    page.evaluate(AXE.read_text().replace("define.amd", "0") + "; 0")
    thread, explorer = page.locator(".cw-thread").first, page.locator(".cw-explorer")
    expect(explorer.locator("article").first).to_be_visible()
    expect(page.get_by_text("No messages yet").first).to_be_visible()
    notebook.python("thread._fault('A callback failed', ValueError('no such order'))")
    expect(thread.locator(".cw-fault")).to_be_visible()
    found: dict[str, list[str]] = {}
    for theme in ("dark", "light"):
        notebook.theme(f"JupyterLab {theme.title()}")
        expect(thread).to_have_attribute("data-mode", theme)
        for width in (1280, 640):
            page.set_viewport_size({"width": width, "height": 3200})
            found[f"{theme} {width}"] = page.evaluate(CHECK)
    page.set_viewport_size({"width": 1280, "height": 3200})
    row = thread.locator("article").last
    row.hover()
    row.locator(".cw-more").click()
    expect(thread.get_by_role("menu")).to_be_visible()
    found["menu"] = page.evaluate(CHECK)
    page.keyboard.press("Escape")
    expect(thread.get_by_role("menu")).to_have_count(0)
    assert {name: lines for name, lines in found.items() if lines} == {}

    _walk(page, explorer)
    _stay(page, notebook)
    _mirrored(page, thread, artifacts)
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    moving = """() => document.getAnimations().filter((a) => a.effect?.target?.closest(".cw") &&
        a.effect.getComputedTiming().duration > 10).map((a) => a.effect.target.className)"""
    assert page.evaluate(moving) == []
    chosen = explorer.locator(".cw-row-selected").first
    assert chosen.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    button = thread.get_by_role("button", name="Send", exact=True)
    edge = button.evaluate("e => [getComputedStyle(e).borderTopStyle, getComputedStyle(e).borderTopWidth]")
    assert edge[0] != "none" and edge[1] != "0px"
    page.screenshot(path=artifacts / "forced-colors.png")


def _walk(page: Page, widget: Locator) -> None:
    """Tab reaches all that can be used, and leaves at the end."""
    count = widget.evaluate(TABBABLE)
    assert count > 5
    page.evaluate("() => window.walk[0].focus()")
    page.evaluate("() => { window.been = new Set([document.activeElement]); }")
    for _ in range(count + 20):
        page.keyboard.press("Tab")
        if not widget.evaluate(
            "(root) => { been.add(document.activeElement); return root.contains(document.activeElement); }"
        ):
            break
    else:
        pytest.fail("Tab does not leave the widget")
    missed = page.evaluate(
        "() => walk.filter((e) => e.isConnected && !been.has(e)).map((e) => e.outerHTML.slice(0, 120))"
    )
    assert missed == []


def _stay(page: Page, notebook: Any) -> None:
    """What happens in a widget moves neither the page nor the focus."""
    where = """() => [document.activeElement.className,
        ...[...document.querySelectorAll(".jp-WindowedPanel-outer")].map((e) => e.scrollTop)]"""
    page.set_viewport_size({"width": 1280, "height": 700})
    page.evaluate("() => document.activeElement.blur()")
    before = page.evaluate(where)
    notebook.python("await conversation.send_message('news')\nexplorer.selected_sid = bare.sid")
    expect(page.locator(".cw-explorer").get_by_text("No messages yet")).to_have_count(1)
    assert page.evaluate(where) == before
    notebook.python("explorer.selected_sid = conversation.sid")
    page.set_viewport_size({"width": 1280, "height": 3200})


def _mirrored(page: Page, thread: Locator, artifacts: Path) -> None:
    """From right to left: nothing sticks out, and who speaks stands on the right."""
    page.evaluate("() => { document.body.dir = 'rtl'; }")
    avatar, body = thread.locator(".cw-avatar").first, thread.locator(".cw-body").first
    expect(avatar).to_be_visible()
    page.screenshot(path=artifacts / "right-to-left.png")
    left = "e => e.getBoundingClientRect().left"
    assert avatar.evaluate(left) > body.evaluate(left)
    wide = """() => [...document.querySelectorAll(".cw, .cw-scroller[role=log], .cw-pane")]
        .filter((e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
        .map((e) => `${e.className} ${e.scrollWidth} > ${e.clientWidth}`)"""
    assert page.evaluate(wide) == []
    page.evaluate("() => { document.body.dir = ''; }")
