"""Thousands of hostile strings through every field, into everything that shows them: none runs, and all stay text.

The strings are those of payloads.py. They take the whole way: through the account's REST, the service, its socket, the
client, the kernel's widgets and their comm into the views of a real JupyterLab, into static HTML, the transcript and
saved state.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser import lab, payloads
from tests.browser.conftest import OpenNotebook
from tests.browser.tripwire import Tripwire

SETUP = """
import asyncio, json
import httpx
import convo_widgets as cw

own, bodies = json.load(open("own.json")), json.load(open("bodies.json"))
service = cw.LocalService(seed=None, connections=50)
account = httpx.AsyncClient(base_url=f"{service.url}/v1", auth=(service.api_key, service.api_secret), timeout=60)
door = asyncio.Semaphore(24)

async def post(path, **fields):
    async with door:
        answer = await account.post(path, data=fields)
    assert answer.status_code < 300, (path, fields, answer.text)
    return answer.json()

async def each(work, values):
    await asyncio.gather(*(work(n, value) for n, value in enumerate(values)))

alice = await cw.connect(service.token("alice"), service=service)
room = (await post("/Conversations", FriendlyName=own[0]))["sid"]
people = (await post("/Conversations", FriendlyName=own[1]))["sid"]
for sid in (room, people):
    await post(f"/Conversations/{sid}/Participants", Identity="alice")
"""

FILL = """
async def say(n, text):
    attributes = json.dumps({"reactions": {text[:40]: [text[:200]]}})
    await post(f"/Conversations/{room}/Messages", Body=text, Author=text[:256].strip(), Attributes=attributes)

async def join(n, text):
    identity = f"{n} {text}"[:256]
    await post("/Users", Identity=identity, FriendlyName=text[:256])
    attributes = json.dumps({"name": text[:256]})
    await post(f"/Conversations/{people}/Participants", Identity=identity, Attributes=attributes)

async def talk(n, text):
    sid = (await post("/Conversations", FriendlyName=text[:256], Attributes=json.dumps({"x": text})))["sid"]
    await post(f"/Conversations/{sid}/Messages", Body=text, Author=text[:256].strip())
    await post(f"/Conversations/{sid}/Participants", Identity="alice")

await each(say, bodies)
await each(join, own)
await each(talk, own)
"""

RICH = """
conversation = await alice.get_conversation_by_sid(room)
gate = asyncio.Semaphore(8)

async def rich(n, text):
    link = text if n % 2 else f"https://example.org/{text}"
    kinds = {
        "twilio/quick-reply": {"body": text, "actions": [{"title": text, "id": text}]},
        "twilio/list-picker": {"body": text, "button": text, "items": [{"id": "1", "item": text, "description": text}]},
        "twilio/location": {"latitude": 1.0, "longitude": 2.0, "label": text},
        "twilio/call-to-action": {"body": text, "actions": [{"type": "URL", "title": text, "url": link}]},
        "twilio/card": {"title": text, "subtitle": text, "media": [link], "actions": []},
        "twilio/unheard-of": {"body": text, "html": text},
    }
    kind = list(kinds)[n % len(kinds)]
    async with gate:
        answer = await account.post("/Content", json={"friendly_name": "t", "types": {kind: kinds[kind]}})
        if answer.status_code < 300:
            await conversation.prepare_message().set_content_template(answer.json()["sid"]).build_and_send()

async def file(n, text):
    kind = ["text/plain", "text/html", "image/svg+xml", "image/png"][n % 4]
    medium = cw.FileMedia(text.encode(), content_type=kind, filename=text[:200])
    async with gate:
        await conversation.prepare_message().set_subject(text[:256]).set_body(text).add_media(medium).build_and_send()

await each(rich, own)
await each(file, own)
"""

SHOW = {
    "thread": "thread = cw.Thread(conversation, markdown=True, height=3000)\nthread",
    "explorer": "explorer = cw.Explorer(alice, selected_sid=room, height=3000)\nexplorer",
    "inbox": "inbox = cw.Inbox(alice, height=3000)\ninbox",
    "participants": "present = cw.Participants(await alice.get_conversation_by_sid(people), height=3000)\npresent",
}

# Scrolls a list up and down until `count` rows were seen, or nothing new comes, and gives what each row says.
WALK = """async (root, [scroller, row, key, texts, count]) => {
    const list = root.querySelector(scroller), seen = {};
    const words = (element) => texts.map((part) => [...element.querySelectorAll(part)].map((e) => e.textContent));
    let direction = -1, size = 0;
    for (let idle = 0; size < count && idle < 200; idle++) {
        for (const element of root.querySelectorAll(`${row}:not(:has(.cw-later-cell))`))
            seen[element.getAttribute(key)] ??= words(element);
        if (Object.keys(seen).length > size) idle = 0;
        size = Object.keys(seen).length;
        const before = list.scrollTop;
        list.scrollTop += direction * 0.5 * list.clientHeight;
        if (list.scrollTop === before && idle % 40 === 39) direction = -direction;
        await new Promise((done) => setTimeout(done, 20));
        await new Promise(requestAnimationFrame);
    }
    return seen;
}"""
BODY, NAME, REACTION = ".cw-body", ".cw-name", ".cw-reaction"


@pytest.fixture
def tripwire(page: Page) -> Tripwire:
    """On the page from the beginning."""
    return Tripwire(page)


def _walk(view: Locator, scroller: str, row: str, key: str, texts: list[str], count: int) -> dict[str, list[list[str]]]:
    view.locator(scroller).locator(row).first.wait_for(state="attached")
    view.scroll_into_view_if_needed()  # JupyterLab lays out what is near the window
    seen: dict[str, list[list[str]]] = view.evaluate(WALK, [scroller, row, key, texts, count])
    assert len(seen) >= count
    return seen


def _shown(text: str) -> str:
    """A text as the browser shows it, and a label cut to its length."""
    return " ".join(text.split())


def test_the_tripwire_trips(page: Page, tripwire: Tripwire) -> None:
    """The same strings as HTML run, make elements and ask other hosts: it notices each of them."""
    page.route("**/*", lambda route: route.fulfill(body="<!doctype html><main></main>", content_type="text/html"))
    page.goto("http://127.0.0.1:9/control.html")
    page.evaluate(
        "texts => { for (const text of texts) { const row = document.createElement('div'); row.innerHTML = text;"
        " document.querySelector('main').append(row); } }",
        [text for text in payloads.own() if "refresh" not in text and "<base" not in text],
    )
    page.wait_for_function("() => new Set(window.wires ?? []).size >= 2")
    assert {"alert", "setter"} <= set(tripwire.wires)
    assert any("evil.example" in address for address in tripwire.requests)
    assert len(tripwire.foreign("main")) > 100
    page.evaluate(
        "() => { document.querySelector('main').replaceChildren(...['data-commandlinker-command', 'title'].map("
        "(name) => { const e = document.createElement('b'); e.setAttribute(name, 'x'); return e; })); }"
    )
    assert len(tripwire.foreign("main")) == 1


@pytest.mark.timeout(300)
def test_nothing_runs(open_notebook: OpenNotebook, lab_root: Path, page: Page, tripwire: Tripwire) -> None:
    """Thread, inbox, participants, explorer, error strip, static HTML, transcript and saved state show text alone."""
    corpus, bodies, own = payloads.corpus(), payloads.bodies(), payloads.own()
    assert len(corpus) >= 5000
    (lab_root / "bodies.json").write_text(json.dumps(bodies))
    (lab_root / "own.json").write_text(json.dumps(own))
    notebook = open_notebook([SETUP, FILL, RICH, *SHOW.values()])
    page.set_viewport_size({"width": 1500, "height": 1000})
    notebook.run_all(timeout=200)
    assert notebook.errors() == []

    count: int = notebook.python("", "conversation.last_message.index + 1")
    explorer = page.locator(".cw-explorer")
    said = _walk(explorer, ".cw-scroller[role=log]", "[data-index]", "data-index", [BODY, NAME, REACTION], count)
    shown = {texts[0][0] for texts in said.values() if texts[0]}
    assert [text for text in bodies if text not in shown] == []
    names = {_shown(name) for texts in said.values() for name in texts[1]}
    assert len([text for text in bodies if _shown(text[:256]) in names]) > 0.9 * len(bodies)
    assert tripwire.foreign(".cw") == []

    markdown = page.locator(".cw-thread:not(.cw-explorer .cw-thread)")
    read = _walk(markdown, ".cw-scroller[role=log]", "[data-index]", "data-index", [BODY], count)
    assert len(read) >= len(bodies)
    assert tripwire.foreign(".cw") == []

    _in_tables(page, own)
    _in_the_strip(page, notebook, bodies)
    assert tripwire.foreign(".cw") == []
    assert notebook.errors() == []
    assert (tripwire.wires, tripwire.requests) == ([], [])
    _in_files(page, notebook, lab_root, bodies)
    assert (tripwire.wires, tripwire.requests) == ([], [])


def _in_tables(page: Page, own: list[str]) -> None:
    parts = {"inbox": (".cw-talk-title", len(own) + 2), "participants": (".cw-person bdi", len(own) + 1)}
    for name, (part, count) in parts.items():
        table = page.locator(f".cw-{name}:not(.cw-explorer .cw-{name})")
        rows = _walk(table, "[role=grid]", "[role=row][aria-rowindex]", "aria-rowindex", [part], count)
        shown = {text for texts in rows.values() for text in texts[0]}
        missing = [text for text in own if text[:256] not in shown and text[:256].strip() not in shown]
        assert missing == [], name


def _in_the_strip(page: Page, notebook: lab.Notebook, bodies: list[str]) -> None:
    """Twenty faults of many lines each, as a callback raises them."""
    code = (
        "def fail(text):\n    raise ValueError(text)\n"
        "thread.on_error(fail, remove=True)\nthread._register('trouble', fail, False)\n"
        "for n in range(20):\n    thread._call('trouble', '\\n'.join(bodies[n :: 100]))"
    )
    notebook.python(code)
    strip = page.locator(".cw-thread:not(.cw-explorer .cw-thread) .cw-faults")
    expect(strip.locator(".cw-fault")).to_have_count(20)
    text = strip.evaluate("element => [...element.querySelectorAll('bdi')].map(e => e.textContent).join('\\n')")
    expected = [line for n in range(20) for one in bodies[n::100] for line in one.splitlines()]
    assert [line for line in expected if line not in text and "eyJ" not in line] == []


def _in_files(page: Page, notebook: lab.Notebook, root: Path, bodies: list[str]) -> None:
    """What is kept without a kernel."""
    notebook.python(
        "import ipywidgets, pathlib\n"
        "await thread.to_html('transcript.html')\n"
        "views = [thread, explorer, inbox, present]\n"
        "pathlib.Path('static.html').write_text('\\n'.join(view._static_html() for view in views))\n"
        "state = ipywidgets.Widget.get_manager_state(widgets=None)\n"
        "pathlib.Path('state.json').write_text(json.dumps(state))"
    )
    state = (root / "state.json").read_text()
    assert not re.search("</script|<!--|<script", re.sub(r'"_(esm|css)": "(\\.|[^"\\])*"', "", state), re.IGNORECASE)
    saved = f'<main>saved</main><script type="application/vnd.jupyter.widget-state+json">{state}</script>'
    pages: dict[str, Any] = {
        "transcript": (root / "transcript.html").read_text(),
        "static": f"<!doctype html><meta charset=utf-8><main>{(root / 'static.html').read_text()}</main>",
        "state": f"<!doctype html><meta charset=utf-8>{saved}",
    }

    def answer(route: Route) -> None:
        route.fulfill(body=pages[route.request.url.rpartition("/")[2]], content_type="text/html; charset=utf-8")

    kept = page.context.new_page()
    tripwire = Tripwire(kept)
    kept.route("**/hostile/*", answer)
    origin = page.evaluate("() => location.origin")
    for name in pages:
        kept.goto(f"{origin}/hostile/{name}")
        assert tripwire.wires == [], name
        if name != "state":
            found = tripwire.foreign("main" if name == "static" else "body > *")
            assert [one for one in found if not re.match(r"<style>[^<]*\.cwt", one)] == [], name
    assert (
        kept.evaluate("() => JSON.parse(document.querySelector('script').textContent) && document.scripts.length") == 1
    )
    kept.goto(f"{origin}/hostile/transcript")
    # A page shows signs for what is no text.
    signs = re.compile("[\\0-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u2400-\\u2421\\ufdd0-\\ufdef\\ufffd-\\uffff]")
    shown = _shown(signs.sub("", kept.evaluate("() => document.body.textContent")))
    assert [one for one in bodies if _shown(signs.sub("", one)) not in shown] == []
    assert (tripwire.wires, tripwire.requests) == ([], [])
    kept.close()
