"""The real Pyodide in Node: client and service in one loop, where there are no sockets and no threads at all."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.test_packaging import wheel  # noqa: F401 - the package, as it would be installed

HERE = Path(__file__).parent


def test_a_whole_session(wheel: Path) -> None:  # noqa: F811
    """`tests/inside/session.py` runs to its end, with the service in process without a word."""
    if not (HERE / "site").exists() or not (HERE / "node_modules").exists():
        assert not os.environ.get("CI"), "make test installs them"
        pytest.skip("Pyodide is not installed: make tests/pyodide/site/.ready")
    folders = [str(wheel), str(HERE / "site"), str(HERE.parent / "inside")]
    done = subprocess.run(
        ["node", "run.mjs", *folders], cwd=HERE, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["said"], said["platform"], said["threads"]) == ("whole", "emscripten", False)
