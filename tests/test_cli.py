"""The command line, as a program of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import convo_widgets as cw

COMMAND = [str(Path(sys.executable).parent / "convo-widgets")]


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run([*COMMAND, *arguments], input=stdin, capture_output=True, text=True, timeout=30, check=False)


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running `serve --json`, and the line that it printed."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--json", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


async def test_serve_tells_how_to_reach_it() -> None:
    """One line of JSON, once it is ready; a token minted from it connects; SIGTERM ends it in good order."""
    with serving("--seed", "none") as (process, said):
        assert set(said) == {"url", "ws_url", "account_sid", "service_sid", "api_key", "api_secret"}
        token = _mint(said, "alice")
        async with cw.connect(token, url=said["url"]) as client:
            assert client.user.identity == "alice"
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=10)
        assert (process.returncode, rest, errors) == (0, "", "")


def _mint(said: dict[str, Any], identity: str) -> str:
    """A token made outside of the service, from what it printed."""
    import time

    import jwt

    grants = {"identity": identity, "chat": {"service_sid": said["service_sid"]}}
    claims = {"jti": f"{said['api_key']}-1", "iss": said["api_key"], "sub": said["account_sid"], "grants": grants}
    times = {"iat": int(time.time()), "exp": int(time.time()) + 600}
    headers = {"cty": "twilio-fpa;v=1"}
    return jwt.encode(claims | times, said["api_secret"], algorithm="HS256", headers=headers)


async def test_serve_keeps_its_data(tmp_path: Path) -> None:
    """What was written is there after a restart, with the same sids and another key."""
    data = str(tmp_path / "desk.sqlite3")
    with serving("--seed", "none", "--data", data) as (process, first):
        async with cw.connect(_mint(first, "alice"), url=first["url"]) as client:
            conversation = await (await client.create_conversation(unique_name="kept")).join()
            await conversation.send_message("still here")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
    with serving("--data", data) as (_, second):
        assert (second["service_sid"], second["api_key"]) != (first["service_sid"], first["api_key"])
        assert second["service_sid"] == first["service_sid"]
        async with cw.connect(_mint(second, "alice"), url=second["url"]) as client:
            conversation = await client.get_conversation_by_unique_name("kept")
            assert [message.body for message in (await conversation.get_messages()).items] == ["still here"]


def test_serve_refuses_in_words() -> None:
    """A taken port, an unknown seed, another host without a key: one sentence, no traceback."""
    with serving("--seed", "none") as (_, said):
        taken = run("serve", "--seed", "none", "--port", said["url"].rpartition(":")[2])
    unknown = run("serve", "--seed", "nonsense")
    exposed = run("serve", "--seed", "none", "--host", "192.0.2.1")
    for result, word in ((taken, "port"), (unknown, "seed"), (exposed, "api_secret")):
        assert result.returncode == 1
        assert result.stdout == ""
        assert word in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        assert "Traceback" not in result.stderr


def test_explain_token() -> None:
    """Who, until when, and what is wrong; the status tells a script the same."""
    with cw.LocalService(seed=None) as service:
        good, expired = service.token("alice"), service.token("alice", ttl=-60)
    explained = run("explain-token", good)
    assert explained.returncode == 0
    assert "identity  alice" in explained.stdout
    assert run("explain-token", "-", stdin=expired + "\n").returncode == 1
    assert "expired" in run("explain-token", expired).stdout
    assert "not an access token" in run("explain-token", "nonsense").stdout
    assert good not in explained.stdout


def test_version_and_typos() -> None:
    """--version is the package's; a typo shows the usage."""
    assert run("--version").stdout.strip() == cw.__version__
    for arguments in ((), ("sevre",), ("serve", "--prot", "1")):
        result = run(*arguments)
        assert result.returncode == 2
        assert "usage:" in result.stderr


@pytest.mark.parametrize("command", ["serve", "demo", "explain-token"])
def test_every_command_has_help(command: str) -> None:
    """--help says what each command does."""
    result = run(command, "--help")
    assert result.returncode == 0
    assert "usage: convo-widgets" in result.stdout


async def test_serve_simulates() -> None:
    """Scripted people talk on a service of the command line; a script that is not there is refused in words."""
    speed = ("--rate", "600", "--speed", "600", "--seed-number", "3")
    with serving("--seed", "none", "--simulate", "support-desk", *speed) as (_, said):
        async with cw.connect(_mint(said, "dana"), url=said["url"]) as client:
            assert await client.wait_for("messageAdded", timeout=20)
    refused = run("serve", "--seed", "none", "--simulate", "nonsense")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no script 'nonsense'" in refused.stderr
