"""The command line without a process of its own: what it makes of wrong calls, and of the demo."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import convo_widgets as cw
from convo_widgets.cli import main


@pytest.fixture
def handlers() -> Iterator[None]:
    """Puts back what `serve` does with signals in this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_port_in_use(handlers: None, capsys: pytest.CaptureFixture[str]) -> None:
    """It fails with a sentence that says what to do, and prints no line of JSON."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", "--json", "--port", str(taken.getsockname()[1])]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("convo-widgets: Cannot listen on port")
    assert "free one" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "nonsense"], "no seed"),
        (["--seed", "{folder}/bad.json"], "does not fit"),
        (["--seed", "{folder}"], "cannot be read"),
        (["--data", "{folder}/missing/file.sqlite3"], "file"),
        (["--data", "{folder}/bad.json"], "bad.json"),
        (["--host", "0.0.0.0"], "listen everywhere"),
        (["--host", "192.0.2.1"], "api_secret"),
        (["--port", "70000"], "port"),
        (["--port", "-1"], "port"),
    ],
)
def test_what_cannot_be_served(
    tmp_path: Path, handlers: None, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """Each is one line on standard error, status 1, no traceback."""
    (tmp_path / "bad.json").write_text('{"users": 5}')
    status = main(["serve", *(argument.format(folder=tmp_path) for argument in arguments)])
    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert err.startswith("convo-widgets: ")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serv"], "invalid choice: 'serv'"),
        ([], "required: COMMAND"),
        (["serve", "--prot", "1"], "unrecognized arguments: --prot"),
        (["serve", "--port", "many"], "invalid int value: 'many'"),
        (["explain-token"], "TOKEN"),
        (["serve", "--jso"], "unrecognized arguments: --jso"),
        (["demo", "--no"], "unrecognized arguments: --no"),
    ],
)
def test_typos(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    """Status 2, the usage and what was wrong; no abbreviation is guessed."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert err.startswith("usage: convo-widgets")
    assert said in err


def test_explaining_a_token(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """From an argument or from standard input; status 1 where something is wrong; the token itself is not repeated."""
    with cw.LocalService(seed=None) as service:
        good, bad = service.token("alice"), service.token("alice", ttl=-60)
    assert main(["explain-token", good]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "identity  alice" in out
    assert "none that can be seen" in out
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"  {good}\n"))
    assert main(["explain-token", "-"]) == 0
    again = capsys.readouterr().out
    assert again == out
    assert good not in out
    assert main(["explain-token", bad]) == 1
    assert "expired" in capsys.readouterr().out
    assert main(["explain-token", "garbage"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "copied whole" in out


async def test_faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every trouble may be made in a running service, by who has its key; a restart keeps port, keys and data."""

    async def faults(*arguments: str) -> int:
        return await asyncio.to_thread(main, ["faults", *arguments])

    with cw.LocalService(seed=None) as service:
        monkeypatch.setenv("CONVO_WIDGETS_API_KEY", service.api_key)
        monkeypatch.setenv("CONVO_WIDGETS_API_SECRET", service.api_secret)
        url = ("--url", service.url)
        token = service.token("alice")
        client = await cw.connect(lambda: token, url=service.url)
        room = await (await client.create_conversation()).join()
        assert await faults(*url, "fail", "/Messages$", "503", "--times", "99", "--method", "POST") == 0
        with pytest.raises(cw.ServiceFailed):
            await room.send_message("no")
        assert await faults(*url, "latency", "20") == 0
        assert service.faults.delay == 0.02
        assert await faults(*url, "throttle", "1000", "--retry-after", "1") == 0
        assert await faults(*url, "clear") == 0
        assert service.faults.delay == 0
        await room.send_message("yes")
        for trouble in ("drop", "restart"):
            lost = asyncio.ensure_future(
                client.wait_for("connectionStateChanged", 10, lambda state: state != "connected")
            )
            await asyncio.sleep(0)
            assert await faults(*url, trouble) == 0
            await lost
            if client.connection_state != "connected":
                await client.wait_for("connectionStateChanged", 20, lambda state: state == "connected")
        assert (await room.get_messages()).items[-1].body == "yes"
        assert (service.running, service.url) == (True, url[1])
        expired = asyncio.ensure_future(client.wait_for("tokenExpired", 10))
        await asyncio.sleep(0)
        assert await faults(*url, "expire-tokens") == 0
        await expired
        await client.shutdown()
        keys = tmp_path / "keys.json"
        keys.write_text(json.dumps({name: getattr(service, name) for name in ("url", "api_key", "api_secret")}))
        monkeypatch.delenv("CONVO_WIDGETS_API_KEY")
        assert await faults("--keys", str(keys), "clear") == 0
        assert capsys.readouterr() == ("", "")
        for arguments, said in (
            ((*url, "clear"), "must be set"),
            (("clear",), "--url, or --keys"),
            (("--keys", str(tmp_path / "none"), "clear"), "serve --json"),
            (("--keys", str(keys), "latency", "-1"), "0 to 60,000"),
            (("--keys", str(keys), "latency", "inf"), "no number"),
            (("--keys", str(keys), "throttle", "-1"), "0 or more"),
            (("--keys", str(keys), "fail", "(", "503"), "not closed"),
            (("--keys", str(keys), "fail", "x", "200"), "400 to 599"),
        ):
            assert await faults(*arguments) == 1
            out, err = capsys.readouterr()
            assert (out, err.count("\n")) == ("", 1)
            assert said in err
        monkeypatch.setenv("CONVO_WIDGETS_API_KEY", "SK1")
        assert await faults(*url, "clear") == 1
        assert "another key" in capsys.readouterr().err
    assert await faults("--keys", str(keys), "clear") == 1
    keys.unlink()  # it holds the key
    assert "No service answers" in capsys.readouterr().err


def test_the_demo_needs_jupyterlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where JupyterLab is missing it says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert main(["demo"]) == 1
    assert "pip install" in capsys.readouterr().err


def test_the_demo_opens_the_quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts JupyterLab on the notebook of the folder that one is in, and returns its status."""
    lab = tmp_path / "bin" / "jupyter-lab"
    lab.parent.mkdir()
    lab.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/arguments"\nexit 3\n')
    lab.chmod(0o755)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01-quickstart.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(lab.parent / "python"))
    assert main(["demo", "--no-browser"]) == 3
    arguments = (tmp_path / "arguments").read_text().split("\n")
    assert f"--notebook-dir={tmp_path}/notebooks" in arguments
    assert "--LabApp.default_url=/lab/tree/01-quickstart.ipynb" in arguments
    assert "--no-browser" in arguments
