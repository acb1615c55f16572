"""Each widget in each notebook host: it renders, hears Python, is heard by it, and follows the theme."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import lab

# An echo in Python stands for a program: what is typed in a view arrives there, and its answer appears in the views.
SETUP = """
import convo_widgets as cw

service = cw.LocalService(seed=None)
alice = await cw.connect(service.token("alice"), service=service)
bob = await cw.connect(service.token("bob"), service=service)
conversation = await (await alice.create_conversation(unique_name="room", friendly_name="Room")).join()
await conversation.add("bob")
joined = await bob.get_conversation_by_unique_name("room")

async def echo(message):
    if message.author == "alice":
        await joined.send_message(f"Python got: {message.body}")

off = joined.on("messageAdded", echo)
"""
WIDGETS = {
    "thread": "cw.Thread(conversation)",
    "inbox": "cw.Inbox(alice)",
    "participants": "cw.Participants(conversation)",
    "explorer": "cw.Explorer(alice)",
}
MARIMO = """# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

app = marimo.App(width="full")

@app.cell
async def _():
    import marimo as mo
{setup}
    return alice, conversation, cw, mo

{cells}
"""

STATIC = Path(__file__).parents[2] / "convo_widgets/widgets/static"
Host = tuple[Page, Callable[[str], None]]
"""A page that shows all widgets, and how its theme is set to "light" or "dark"."""


def _play(page: Page, switch: Callable[[str], None]) -> None:
    """What has to work in every host."""
    thread, explorer = page.locator(".cw-thread").first, page.locator(".cw-explorer")
    for name in WIDGETS:
        expect(page.locator(f".cw-{name}").first).to_be_visible(timeout=30_000)
    _say(thread, "hello from the thread")
    for answer in ("hello from the thread", "Python got: hello from the thread"):
        expect(_bodies(thread, answer)).to_be_visible()
        expect(_bodies(explorer, answer)).to_have_count(1)
    expect(_alone(page, "inbox").get_by_text("Python got: hello from the thread")).to_be_visible()
    expect(_alone(page, "participants").get_by_role("row").filter(has_text="bob")).to_have_count(1)
    _say(explorer, "and from the explorer")
    expect(_bodies(explorer, "Python got: and from the explorer")).to_be_visible()
    expect(_bodies(thread, "Python got: and from the explorer")).to_have_count(1)
    for theme in ("dark", "light"):
        switch(theme)
        for name in WIDGETS:
            expect(page.locator(f".cw-{name}").first).to_have_attribute("data-mode", theme)
            assert contrast(page.locator(f".cw-{name}").first) >= 7


def _alone(page: Page, name: str) -> Locator:
    """The widget, not the one in the explorer."""
    return page.locator(f".cw-{name}:not(.cw-explorer .cw-{name})")


def _bodies(view: Locator, text: str) -> Locator:
    return view.locator(".cw-body").get_by_text(text, exact=True)


def _say(view: Locator, text: str) -> None:
    view.get_by_label("Message", exact=True).fill(text)
    view.get_by_role("button", name="Send", exact=True).click()


def contrast(text: Locator, surface: Locator | None = None) -> float:
    """Of a text on its background, or on that of another element, as WCAG reckons it."""
    ratio: float = text.evaluate(
        """(element, under) => {
            const pixel = new OffscreenCanvas(1, 1).getContext("2d");
            const light = (colour) => {
                pixel.fillStyle = colour;
                pixel.fillRect(0, 0, 1, 1);
                const [r, g, b] = [...pixel.getImageData(0, 0, 1, 1).data]
                    .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const ground = getComputedStyle(under ?? element).backgroundColor;
            const [low, high] = [light(getComputedStyle(element).color), light(ground)].sort((a, b) => a - b);
            return (high + 0.05) / (low + 0.05);
        }""",
        None if surface is None else surface.element_handle(),
    )
    return ratio


@contextlib.contextmanager
def _jupyter(app: str, page: Page, scratch: Path) -> Iterator[Host]:
    root = scratch / "notebooks"
    root.mkdir()
    lab.write_notebook(root / "hosts.ipynb", [SETUP, *WIDGETS.values()])
    with lab.serve(root, scratch, app) as url:
        notebook = lab.Notebook(page, url, "hosts.ipynb", app)
        notebook.run_all()
        assert notebook.errors() == []
        yield page, lambda theme: notebook.theme(f"JupyterLab {theme.title()}")
        notebook.shut_down()


@contextlib.contextmanager
def _voila(page: Page, scratch: Path) -> Iterator[Host]:
    path = scratch / "hosts.ipynb"
    lab.write_notebook(path, [SETUP, *WIDGETS.values()])
    port = lab.free_port()
    arguments = ["voila", str(path), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", "--show_tracebacks=True"]
    with lab.run(arguments, port, "/voila/static/main.js", scratch) as url:

        def switch(theme: str) -> None:
            page.goto(f"{url}/?theme={theme}")  # Voila has no switch: a theme is asked for with the page
            for name in WIDGETS:
                page.locator(f".cw-{name}").first.wait_for()

        page.goto(url)
        yield page, switch


@contextlib.contextmanager
def _marimo(page: Page, scratch: Path) -> Iterator[Host]:
    path = scratch / "hosts.py"
    cells = "\n".join(
        f"@app.cell\ndef _(alice, conversation, cw, mo):\n    {name} = mo.ui.anywidget({made})\n    {name}\n"
        for name, made in WIDGETS.items()
    )
    path.write_text(MARIMO.format(setup=re.sub("^(?=.)", "    ", SETUP, flags=re.M), cells=cells))
    port = lab.free_port()
    arguments = ["marimo", "run", str(path), "--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    with lab.run(arguments, port, "/health", scratch) as url:
        page.goto(url)
        yield page, lambda theme: page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]


HOSTS = {
    "jupyterlab": lambda page, scratch: _jupyter("jupyterlab", page, scratch),
    "notebook": lambda page, scratch: _jupyter("notebook", page, scratch),
    "voila": _voila,
    "marimo": _marimo,
}


@pytest.mark.parametrize("host", HOSTS)
def test_every_widget_works(host: str, page: Page, tmp_path: Path, artifacts: Path) -> None:
    """All four render, what is typed in a view arrives in Python, its answer in all views; the theme follows."""
    page.set_viewport_size({"width": 1280, "height": 2400})
    with HOSTS[host](page, tmp_path) as (shown, switch):
        try:
            _play(shown, switch)
        finally:
            shown.screenshot(path=artifacts / f"host-{host}.png")


PLAIN = """<!doctype html><html {attributes}><meta charset="utf-8"><style>{style}</style><body><main></main>
<link rel="stylesheet" href="/thread.css"><script type="module">
import widget from "/thread.js";
const recent = [{{sid: "IM1", index: 0, author: "ana", name: "Ana", body: "Hello", date_created: 0}}];
const state = {{theme: "auto", height: 300, _connection: "connected", _recent: recent, _header: {{title: "Room"}}}};
const nothing = () => {{}};
const model = {{get: (name) => state[name], set: nothing, save_changes: nothing, on: nothing, off: nothing,
    send() {{ throw Error(); }}}};
widget.render({{model, el: document.querySelector("main")}});
</script>"""
CODE = "--vscode-editor-background: {}; --vscode-editor-foreground: {}; --vscode-font-family: sans-serif"


@pytest.mark.parametrize(
    ("attributes", "style", "mode"),
    [
        ("", f":root {{ {CODE.format('#1e1e1e', '#d4d4d4')} }}", "dark"),
        ("", f":root {{ {CODE.format('#ffffff', '#3b3b3b')} }}", "light"),
        ("", f":root {{ {CODE.format('#000000', '#ffffff')} }}", "dark"),  # its high contrast
        ('theme="dark"', "", "dark"),  # Colab
        ("", "", "light"),
    ],
    ids=["vscode-dark", "vscode-light", "vscode-contrast", "colab-dark", "plain"],
)
def test_other_hosts_by_their_variables(page: Page, attributes: str, style: str, mode: str) -> None:
    """VS Code and Colab, as far as their variables go: the view takes their colours, and is legible."""
    page.route("**/*.js", lambda route: route.fulfill(path=STATIC / "thread.js"))
    page.route("**/*.css", lambda route: route.fulfill(path=STATIC / "thread.css"))
    html = PLAIN.format(attributes=attributes, style=style)
    page.route("**/page", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto("http://127.0.0.1:9/page")
    thread = page.locator(".cw-thread")
    expect(thread).to_have_attribute("data-mode", mode)
    expect(thread.locator(".cw-body")).to_have_text("Hello")
    assert contrast(thread) >= 7
    assert contrast(thread.locator(".cw-body"), thread) >= 4.5
