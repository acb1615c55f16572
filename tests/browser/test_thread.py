"""The Thread widget in a real notebook: what goes wrong, and what hosts do to it."""

from __future__ import annotations

import json

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenNotebook

SETUP = """
import asyncio
import convo_widgets as cw

service = cw.LocalService(seed=None)
alice = await cw.connect(service.token("alice"), service=service)
bob = await cw.connect(service.token("bob"), service=service)
conversation = await (await alice.create_conversation(unique_name="room", friendly_name="Room")).join()
await conversation.add("bob")
joined = await bob.get_conversation_by_unique_name("room")
"""
SHOW = "thread = cw.Thread(conversation)\nthread"


def _body(page: Page | Locator, text: str) -> Locator:
    return page.locator(".cw-body").get_by_text(text, exact=True)


def test_hostile_text_stays_text(open_notebook: OpenNotebook, page: Page) -> None:
    """Nothing in a body, a name or a title becomes an element, a link to code, or a request."""
    hostile = [
        '<img src=x onerror="window.hacked = 1">',
        "<script>window.hacked = 2</script>",
        "[click](javascript:window.hacked=3) javascript:window.hacked=4",
        '<a data-commandlinker-command="console:create" href="#">run</a>',
        "</scRIPt><svg onload=window.hacked=5>",
        "\u202egnp.exe \u0000 null, a\u0301\u0301\u0301, 👩\u200d👩\u200d👧 🙂",
        "x" * 1300,
    ]
    notebook = open_notebook(
        [
            SETUP,
            "await bob.user.update_friendly_name('<img src=x onerror=\"window.hacked = 6\">')\n"
            "await conversation.update_friendly_name('<b onclick=alert(1)>Room</b>')",
            SHOW,
        ]
    )
    notebook.run_all()
    notebook.python(f"for text in {json.dumps(hostile)}:\n    await joined.send_message(text)")
    thread = page.locator(".cw-thread")
    expect(_body(thread, "x" * 1300)).to_be_visible()
    log = thread.get_by_role("log")
    log.evaluate("element => { element.scrollTop = 0; }")
    expect(_body(thread, hostile[0])).to_be_visible()
    expect(_body(thread, hostile[1])).to_be_visible()
    expect(thread.get_by_text("<b onclick=alert(1)>Room</b>")).to_be_visible()
    assert notebook.errors() == []
    assert page.evaluate("() => window.hacked") is None
    assert thread.locator("img, script, iframe, [onerror], [onload], [data-commandlinker-command]").count() == 0
    assert thread.locator("a:not([href^='http'])").count() == 0
    assert thread.evaluate("element => element.scrollWidth <= element.clientWidth")


def test_two_views_and_many_messages(open_notebook: OpenNotebook, page: Page) -> None:
    """Two views of one widget stay in step, a burst arrives whole, and a sent message is shown once in each."""
    notebook = open_notebook([SETUP, SHOW, "thread"])
    notebook.run_all()
    views = page.locator(".cw-thread")
    expect(views).to_have_count(2)
    views.first.get_by_label("Message", exact=True).fill("once")
    views.first.get_by_role("button", name="Send").click()
    for view in (views.first, views.nth(1)):
        expect(_body(view, "once")).to_have_count(1)
    notebook.python("for n in range(500):\n    await joined.send_message(f'burst {n}')")
    for view in (views.first, views.nth(1)):
        view.scroll_into_view_if_needed()
        expect(_body(view, "burst 499")).to_be_visible()
        assert view.locator("[data-index]").count() < 100
    assert notebook.errors() == []


def test_reader_above_is_left_in_peace(open_notebook: OpenNotebook, page: Page) -> None:
    """Somebody who scrolled up stays where they are, and is told what is new."""
    notebook = open_notebook([SETUP, "for n in range(80):\n    await joined.send_message(f'line {n}')", SHOW])
    notebook.run_all()
    thread = page.locator(".cw-thread")
    expect(_body(thread, "line 79")).to_be_visible()
    log = thread.get_by_role("log")
    log.evaluate("element => { element.scrollTop -= 600; }")
    expect(_body(thread, "line 79")).not_to_be_visible()
    notebook.python("await joined.send_message('news')")
    expect(thread.locator(".cw-new")).to_contain_text("1 new")
    expect(_body(thread, "news")).not_to_be_visible()
    thread.locator(".cw-new").click()
    expect(_body(thread, "news")).to_be_visible()


def test_a_lost_connection_is_told_and_mended(open_notebook: OpenNotebook, page: Page) -> None:
    """While the service is away the view says so and keeps what was typed; afterwards nothing is missing."""
    notebook = open_notebook(
        [SETUP.replace("LocalService(seed=None)", "LocalService('room.sqlite3', seed=None)"), SHOW]
    )
    notebook.run_all()
    thread = page.locator(".cw-thread")
    box = thread.get_by_label("Message", exact=True)
    box.fill("typed before")
    notebook.python("port = int(service.url.rpartition(':')[2])\nservice.stop()")
    expect(thread.get_by_text("Reconnecting")).to_be_visible()
    expect(box).to_have_value("typed before")
    notebook.python(
        "secret = {'api_key': service.api_key, 'api_secret': service.api_secret}\n"
        "service = cw.LocalService('room.sqlite3', port, seed=None, **secret)"
    )
    expect(thread.get_by_text("Reconnecting")).to_have_count(0, timeout=20_000)
    thread.get_by_role("button", name="Send").click()
    expect(_body(thread, "typed before")).to_have_count(1)
    assert notebook.errors() == []


def test_too_long_a_body_is_kept(open_notebook: OpenNotebook, page: Page) -> None:
    """33 KB are not sent, not lost, and the sentence says how much to cut."""
    notebook = open_notebook([SETUP, SHOW])
    notebook.run_all()
    thread = page.locator(".cw-thread")
    box = thread.get_by_label("Message", exact=True)
    box.fill("é" * 16_500)
    expect(thread.get_by_role("button", name="Send")).to_be_disabled()
    expect(thread.get_by_text("232 bytes", exact=False)).to_be_visible()
    box.fill("é" * 100)
    thread.get_by_role("button", name="Send").click()
    expect(_body(thread, "é" * 100)).to_have_count(1)


def test_reloaded_page_and_gone_kernel(open_notebook: OpenNotebook, page: Page) -> None:
    """A reload brings everything back; without its kernel the view says so and keeps what it shows."""
    notebook = open_notebook([SETUP, "await joined.send_message('before')", SHOW])
    notebook.run_all()
    thread = page.locator(".cw-thread")
    expect(_body(thread, "before")).to_be_visible()
    notebook.python("await joined.send_message('after')")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    expect(_body(thread, "after")).to_be_visible(timeout=30_000)
    notebook.wait_until_idle()
    page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    notebook.wait_until_idle()
    box = thread.get_by_label("Message", exact=True)
    box.fill("to nobody")
    thread.get_by_role("button", name="Send").click()
    expect(thread.get_by_role("alert").first).to_be_visible(timeout=40_000)
    expect(_body(thread, "after")).to_be_visible()
