"""A real JupyterLab, driven through a real Chromium: for the browser tests and for `make demo HEADLESS=1`."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

CHROMIUM_ARGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
]
NEWS_SETTINGS = "@jupyterlab/apputils-extension/notification.jupyterlab-settings"


def chromium() -> str:
    """The system's Chromium; the CHROMIUM variable names another."""
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    raise RuntimeError("No Chromium found: install it (Debian: apt-get install chromium), or set CHROMIUM to its path.")


@contextlib.contextmanager
def serve(root: Path, scratch: Path, app: str = "jupyterlab") -> Iterator[str]:
    """A JupyterLab (or `app`: "notebook") on `root`, with all its own files below `scratch`; yields its URL."""
    port = free_port()
    command = [
        app,
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        "--ServerApp.open_browser=False",
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        "--ServerApp.disable_check_xsrf=True",
        "--ServerApp.allow_root=True",
        f"--{'LabApp' if app == 'jupyterlab' else 'JupyterNotebookApp'}.expose_app_in_browser=True",
    ]
    with run(command, port, "/api/status", scratch) as url:
        yield url


@contextlib.contextmanager
def run(command: list[str], port: int, ready: str, scratch: Path) -> Iterator[str]:
    """A server, which is a Python module with arguments, while it answers at the path `ready`; yields its URL."""
    log_path = scratch / "server.log"
    with log_path.open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=_environment(scratch),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(url + ready, server, log_path)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _environment(scratch: Path) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "XDG_CONFIG_HOME": "config",  # marimo's
        "XDG_STATE_HOME": "state",
        "XDG_CACHE_HOME": "cache",
    }
    for folder in folders.values():
        (scratch / folder).mkdir(parents=True, exist_ok=True)
    news = scratch / "settings" / NEWS_SETTINGS
    news.parent.mkdir(parents=True, exist_ok=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    return os.environ | {name: str(scratch / folder) for name, folder in folders.items()}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)  # nothing to wait on but the port itself
    raise RuntimeError(f"The server did not start:\n{log.read_text(errors='replace')[-3000:]}")


class Notebook:
    """A notebook that is open in JupyterLab, or in Notebook 7."""

    _KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    _CELLS = "window.jupyterapp.shell.currentWidget.content.widgets"

    def __init__(self, page: Page, url: str, name: str, app: str = "jupyterlab") -> None:
        self.page = page
        page.goto(f"{url}/lab/tree/{name}?reset" if app == "jupyterlab" else f"{url}/notebooks/{name}")
        page.wait_for_function("() => !!window.jupyterapp", timeout=60_000)
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        self.wait_until_idle()

    def wait_until_idle(self, timeout: float = 60) -> None:
        """Wait for the kernel to be there and have nothing to do."""
        self.page.wait_for_function(
            f"""() => {{ try {{ const k = {self._KERNEL};
                return k.connectionStatus === 'connected' && k.status === 'idle'; }} catch {{ return false; }} }}""",
            timeout=timeout * 1000,
        )

    def run_all(self, timeout: float = 120) -> None:
        """Run every cell, and wait until the last one is done, or one has failed."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        self.page.wait_for_function(
            f"""() => {{ const cells = {self._CELLS}
                    .filter(c => c.model.type === 'code' && c.model.sharedModel.source.trim());
                return cells.some(c => c.model.outputs.toJSON().some(o => o.output_type === 'error')) ||
                    cells.every(c => c.model.executionCount != null && c.model.executionState !== 'running'); }}""",
            timeout=timeout * 1000,
        )
        self.wait_until_idle()

    def errors(self) -> list[str]:
        """The exceptions in the outputs."""
        found: list[str] = self.page.evaluate(
            f"""() => {self._CELLS}.flatMap(c => c.model.type !== 'code' ? [] : c.model.outputs.toJSON()
                .filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue))"""
        )
        return found

    def python(self, code: str, expression: str = "None") -> Any:
        """Run code in the notebook's kernel, beside its cells; the value of the expression, by way of JSON."""
        text = self.page.evaluate(
            f"""async ([code, expression]) => {{
                const wrapped = '__import__("json").dumps(' + expression + ', default=repr)';
                const future = {self._KERNEL}.requestExecute(
                    {{code, silent: false, store_history: false, user_expressions: {{value: wrapped}}}});
                const reply = await future.done;
                if (reply.content.status !== 'ok') throw new Error(reply.content.ename + ': ' + reply.content.evalue);
                const value = reply.content.user_expressions.value;
                if (value.status !== 'ok') throw new Error(value.ename + ': ' + value.evalue);
                return value.data['text/plain'];
            }}""",
            [code, expression],
        )
        return json.loads(ast.literal_eval(text))

    def theme(self, name: str) -> None:
        """Switch JupyterLab's theme, for example to "JupyterLab Dark"."""
        self.page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        light = "false" if "Dark" in name else "true"
        self.page.locator(f"body[data-jp-theme-light={light}]").wait_for(state="attached")

    def show(self, element: Locator) -> None:
        """Scroll an element into the window, and wait until it stays there.

        JupyterLab lays cells out as they come near the window, so the first scroll ends beside its goal.
        """
        where = "e => [...Object.values(e.getBoundingClientRect().toJSON()), innerHeight]"
        seen: list[Any] = []
        while len(seen) < 4 or seen[-4:] != [seen[-1]] * 4:
            element.scroll_into_view_if_needed()
            expect(element).to_be_in_viewport(ratio=0.3)
            self.page.wait_for_timeout(100)  # some frames, in which the page may move once more
            seen.append(element.evaluate(where))
            assert len(seen) < 50, "the page does not come to rest"

    def shut_down(self) -> None:
        """End the kernel."""
        self.page.evaluate(
            "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }",
        )


def write_notebook(path: Path, cells: list[str]) -> None:
    """A notebook of these code cells."""
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
