"""The wheel holds what an installation needs, and is refused without its front end."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUDGET = 40 * 1024  # bytes of a widget's JavaScript, gzipped
BUDGETS = {"explorer": 60 * 1024}  # of what holds more; js/build.mjs has it too


def _build(root: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    built = _build(ROOT, folder)
    assert built.returncode == 0, built.stderr
    unpacked = folder / "unpacked"
    (built_wheel,) = folder.glob("*.whl")
    assert built_wheel.name.endswith("-py3-none-any.whl")  # for every platform, Pyodide too
    zipfile.ZipFile(built_wheel).extractall(unpacked)
    return unpacked


def test_assets(wheel: Path) -> None:
    """Bundles, demo data, quickstart and type marker are in it; tests and sources of the front end are not."""
    package = wheel / "convo_widgets"
    for name in (
        "service/seeds/demo.json",
        "notebooks/01-quickstart.ipynb",
        "py.typed",
    ):
        assert (package / name).exists(), name
    widgets = [path.stem for path in (package / "widgets").glob("[!_]*.py")]
    assert "thread" in widgets
    for name in widgets:
        assert (package / f"widgets/static/{name}.css").exists()
        bundle = (package / f"widgets/static/{name}.js").read_bytes()
        assert 10_000 < len(gzip.compress(bundle)) < BUDGETS.get(name, BUDGET), name
    assert {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")} == {"convo_widgets"}


def test_installed_package_works(wheel: Path, tmp_path: Path) -> None:
    """Away from the checkout the package imports, connects and has its front end."""
    code = (
        "import asyncio, convo_widgets as cw\n"
        "async def main():\n"
        "    async with cw.connect() as client:\n"
        "        assert len(await client.get_subscribed_conversations()) == 12\n"
        "        thread = cw.Thread((await client.get_subscribed_conversations())[0])\n"
        "        assert 'not built' not in thread._esm and len(thread._esm) > 10_000\n"
        "        thread.close()\n"
        "asyncio.run(main())\n"
        "print(cw.__file__)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert Path(run.stdout.strip()).is_relative_to(wheel)


def test_no_wheel_without_front_end(tmp_path: Path) -> None:
    """A checkout whose front end was not built gives no wheel, and says what to do."""
    bare = tmp_path / "bare"
    shutil.copytree(ROOT / "convo_widgets", bare / "convo_widgets", ignore=shutil.ignore_patterns("static", "*.pyc"))
    shutil.copytree(ROOT / "notebooks", bare / "notebooks")
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, bare)
    built = _build(bare, tmp_path / "dist")
    assert built.returncode != 0
    assert "make js" in built.stderr + built.stdout


def test_no_registry_host_is_named() -> None:
    """Lock files say what to install, not from where."""
    locks = [ROOT / "requirements.lock", ROOT / "js/package-lock.json", ROOT / "tests/interop/package-lock.json"]
    for lock in locks:
        text = lock.read_text()
        assert "resolved" not in text, lock
        assert not re.search(r"https?://\S+\.(tgz|whl|tar\.gz)", text), lock
