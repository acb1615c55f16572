"""What a page says reaches the widget on its own loop, in whichever thread the ipykernel takes it.

Each version runs as a real kernel, in a small environment of its own, and is spoken to as a notebook server does.
"""

from __future__ import annotations

import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
UV = Path(sysconfig.get_path("scripts")) / "uv"
VERSIONS = ["ipykernel==6.31.*", "ipykernel==7.3.*", "ipykernel"]
PATIENCE = 30

WIDGET = """
import asyncio, threading
import ipykernel, traitlets
from convo_widgets.widgets._base import Widget

loop, seen = asyncio.get_running_loop(), []

def where():
    return {"main": threading.current_thread() is threading.main_thread(), "loop": asyncio.get_running_loop() is loop}

class Probe(Widget):
    number = traitlets.Int().tag(sync=True)
    REQUESTS = frozenset({"where"})

    def _static_html(self):
        return ""

    async def _answer_where(self, params):
        self._call("asked")
        return {"request": where(), "seen": seen}

async def asked():
    seen.append(where())

probe = Probe()
probe.observe(lambda change: seen.append(where()), "number")
probe._register("asked", asked, False)
"""


@pytest.fixture(scope="module", params=VERSIONS)
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with this ipykernel; all else is the one of the tests."""
    place = tmp_path_factory.mktemp("kernel")
    subprocess.run([UV, "venv", "--quiet", place / "env"], check=True)
    python = place / "env/bin/python"
    made = subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, "--prerelease", "disallow", request.param],
        capture_output=True,
        text=True,
    )
    if made.returncode:
        if any(word in made.stderr for word in ("Failed to fetch", "error sending request", "dns error", "Network")):
            pytest.skip(f"PyPI cannot be reached: {made.stderr[-300:]}")
        pytest.fail(made.stderr)
    own = sysconfig.get_path("purelib")
    [packages] = (place / "env/lib").glob("python*/site-packages")
    (packages / "tests.pth").write_text(
        f"import site, sys; sys.path.insert(0, {str(ROOT)!r}); site.addsitedir({own!r})\n"
    )
    return python


@pytest.fixture
def kernel(python: Path, tmp_path: Path) -> Iterator[BlockingKernelClient]:
    """A running kernel, and a client of it."""
    manager = KernelManager(connection_file=str(tmp_path / "kernel.json"))
    manager._launch_args = {}
    manager.kernel_spec_manager.ensure_native_kernel = False
    from jupyter_client.kernelspec import KernelSpec

    manager._kernel_spec = KernelSpec(
        argv=[str(python), "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="of the test",
        language="python",
    )
    manager.start_kernel(cwd=str(tmp_path), env={"PATH": "/usr/bin:/bin", "IPYTHONDIR": str(tmp_path / "ipython")})
    client: BlockingKernelClient = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _until(client: BlockingKernelClient, is_it: Any) -> dict[str, Any]:
    """The content of the next message of the kernel that is wanted."""
    end = time.monotonic() + PATIENCE
    while True:
        message = client.get_iopub_msg(timeout=max(0.1, end - time.monotonic()))
        assert message["msg_type"] != "error", "\n".join(message["content"]["traceback"])
        if is_it(message):
            content: dict[str, Any] = message["content"]
            return content


def _said(message: dict[str, Any]) -> dict[str, Any]:
    """What a widget says to its views."""
    said: dict[str, Any] = message["content"].get("data", {}).get("content", {})
    return said


def _subshell(client: BlockingKernelClient) -> str | None:
    """A new subshell, where the kernel has them."""
    client.kernel_info()
    info = client.get_shell_msg(timeout=PATIENCE)["content"]
    if "kernel subshells" not in info.get("supported_features", []):
        return None
    client.control_channel.send(client.session.msg("create_subshell_request", {}))
    made: str = client.get_control_msg(timeout=PATIENCE)["content"]["subshell_id"]
    return made


def test_callbacks_arrive_on_the_loop(kernel: BlockingKernelClient) -> None:
    """A request, a trait, an observer and a callback run on the main loop, from the shell and from a subshell."""
    subshell = _subshell(kernel)
    kernel.execute(WIDGET)
    is_ours = lambda message: message["content"].get("data", {}).get("state", {}).get("_model_module") == "anywidget"  # noqa: E731
    comm = _until(kernel, lambda message: message["msg_type"] == "comm_open" and is_ours(message))["comm_id"]
    _until(kernel, lambda message: message["content"].get("execution_state") == "idle")
    places = [None, *([] if subshell is None else [subshell, None, subshell])]

    for turn, place in enumerate(places, 1):

        def say(data: dict[str, Any], place: str | None = place) -> None:
            message = kernel.session.msg("comm_msg", {"comm_id": comm, "data": data})
            if place is not None:
                message["header"]["subshell_id"] = place
            kernel.shell_channel.send(message)

        say({"method": "update", "state": {"number": turn}, "buffer_paths": []})
        for question in ("first", "second"):  # the second tells what the callback of the first has seen
            ask = {"kind": "request", "id": f"{question}-{turn}", "method": "where", "params": {}}
            say({"method": "custom", "content": ask})
            answer = _until(kernel, lambda message, asked=ask["id"]: _said(message).get("id") == asked)["data"][
                "content"
            ]
            assert answer["ok"], answer
        assert answer["result"]["request"] == {"main": True, "loop": True}
        seen = answer["result"]["seen"]
        assert len(seen) == 3 * turn - 1, "the observer, and each callback but the last"
        assert all(one == {"main": True, "loop": True} for one in seen)


def test_subshells_are_there(python: Path, kernel: BlockingKernelClient) -> None:
    """The versions differ in what is tested: 6 has no subshells, 7 has them, and so has the newest."""
    say = "import ipykernel; print(ipykernel.__version__)"
    version = subprocess.run([python, "-c", say], capture_output=True, text=True, check=True).stdout
    assert (_subshell(kernel) is not None) == (int(version.split(".")[0]) >= 7)
