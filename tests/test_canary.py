"""The search for secrets finds them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = """
import logging, sqlite3, pytest
import convo_widgets as cw

@pytest.fixture(scope="module")
def service():
    with cw.LocalService(seed=None) as running:
        yield running

@pytest.fixture
def token(service):
    return service.token("alice")

def test_quiet(token):
    pass

def test_printed(token):
    print(token)

def test_logged(token):
    logging.getLogger("x").warning("sent %r", {"token": token})

def test_logged_in_part(token):
    logging.getLogger("x").warning(token.rpartition(".")[2])

def test_key(service, token):
    print(f"key={service.api_secret!r}")

def test_file(token, tmp_path):
    (tmp_path / "left.json").write_text(f'{{"token": "{token}"}}')

def test_database(token, tmp_path):
    connection = sqlite3.connect(tmp_path / "left.sqlite3")
    connection.execute("CREATE TABLE kept (token)")
    connection.execute("INSERT INTO kept VALUES (?)", (token,))
    connection.commit()
    connection.close()
"""


def test_secrets_are_found(tmp_path: Path) -> None:
    """Tests that show a token or a key fail, files that hold one are named; and a quiet test passes."""
    (tmp_path / "conftest.py").write_text("from tests.canary import *")
    (tmp_path / "test_leaks.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    command += [f"--basetemp={tmp_path / 'left'}", str(tmp_path / "test_leaks.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    failed = {line.partition("::")[2].split()[0] for line in done.stdout.splitlines() if line.startswith("ERROR ")}
    assert failed == {"test_printed", "test_logged", "test_logged_in_part", "test_key"}
    named = [line for line in done.stdout.splitlines() if line.startswith("SECRET LEFT")]
    assert len(named) == 2
    assert all(
        f"test_leaks.py::test_{what} is in" in line
        for what, line in zip(("database", "file"), sorted(named), strict=True)
    )
