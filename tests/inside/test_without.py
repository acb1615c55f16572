"""A process in which no socket can be made, no thread started and uvicorn not imported, all the same has a session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FORBID = """
import asyncio, builtins, socket, sys, threading
asyncio.set_event_loop(loop := asyncio.new_event_loop())  # it has a pair of sockets, to be woken by threads

def forbidden(*arguments, **options):
    raise AssertionError("forbidden")

class Forbidden:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] == "uvicorn":
            raise AssertionError(name)

sys.meta_path.insert(0, Forbidden())
socket.socket.__init__ = forbidden
socket.create_connection = socket.getaddrinfo = forbidden
threading.Thread.start = forbidden
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it as a program of its own."""
    command = [sys.executable, "-W", "error", "-c", FORBID + code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_whole_session(tmp_path: Path) -> None:
    """Everything of `session.py`, from connecting to the account's API."""
    done = run("from tests.inside.session import session\nprint(loop.run_until_complete(session()))", tmp_path)
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr


def test_forbidden_is_forbidden(tmp_path: Path) -> None:
    """The same process cannot listen, so the test above can fail."""
    done = run("import convo_widgets as cw\ncw.LocalService(seed=None)", tmp_path)
    assert "forbidden" in done.stderr or "uvicorn" in done.stderr
    assert done.returncode == 1
