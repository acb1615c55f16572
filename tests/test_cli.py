"""The command line, as a program of its own."""

from __future__ import annotations

import json
import os
import shutil
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


def run(*arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with more variables in the environment."""
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60, "env": os.environ | variables}
    return subprocess.run([*COMMAND, *arguments], input=stdin, check=False, **options)


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


async def test_serve_ends_where_it_cannot_start_again(tmp_path: Path) -> None:
    """A restart without the folder of its data ends the program, with a sentence, rather than serve nothing."""
    data = tmp_path / "desk" / "desk.sqlite3"
    data.parent.mkdir()
    with serving("--seed", "none", "--data", str(data)) as (process, said):
        shutil.rmtree(data.parent)
        keys = {"CONVO_WIDGETS_API_KEY": said["api_key"], "CONVO_WIDGETS_API_SECRET": said["api_secret"]}
        assert run("faults", "--url", said["url"], "restart", **keys).returncode == 0
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "could not start again" in errors
    assert "Traceback" not in errors


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


@pytest.mark.parametrize("command", ["serve", "demo", "token", "explain-token"])
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


async def test_token_for_a_running_service() -> None:
    """A token of the service's own key lets somebody in; the key is told nowhere; one that is missing is named."""
    with cw.LocalService(seed=None) as service:
        key = {"CONVO_WIDGETS_API_KEY": service.api_key, "CONVO_WIDGETS_API_SECRET": service.api_secret}
        made = run("token", "--url", service.url, "--identity", "alice", "--ttl", "600", **key)
        assert (made.returncode, made.stderr) == (0, "")
        async with cw.connect(made.stdout.strip(), url=service.url) as client:
            assert client.user.identity == "alice"
        missing = run("token", "--url", service.url, "--identity", "alice", CONVO_WIDGETS_API_KEY=service.api_key)
        wrong = run("token", "--url", service.url, "--identity", "alice", **key | {"CONVO_WIDGETS_API_KEY": "SK1"})
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert "another key" in wrong.stderr
    assert missing.returncode == 1
    assert "CONVO_WIDGETS_API_SECRET must be set" in missing.stderr
    for said in (made, missing):
        assert service.api_secret not in said.stdout + said.stderr
    gone = run("token", "--url", service.url, "--identity", "alice", **key)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "No service answers" in gone.stderr
    elsewhere = run("token", "--url", "http://192.0.2.1:8765", "--identity", "alice", **key)
    assert (elsewhere.returncode, elsewhere.stdout) == (1, "")
    assert "another machine" in elsewhere.stderr


def test_token_for_the_cloud() -> None:
    """From the variables of the account, without asking anybody; what is missing, and a short secret, are told."""
    key = {"TWILIO_ACCOUNT_SID": f"AC{'0' * 32}", "TWILIO_API_KEY": f"SK{'0' * 32}", "TWILIO_API_SECRET": "x" * 32}
    local = {"CONVO_WIDGETS_API_KEY": "SK1", "CONVO_WIDGETS_API_SECRET": "x" * 32}
    made = run("token", "--identity", "alice", "--service-sid", f"IS{'0' * 32}", **key)
    report = cw.explain_token(made.stdout.strip())
    assert (report.identity, report.service_sid, report.problems) == ("alice", f"IS{'0' * 32}", [])
    for arguments, variables, said in (
        (("--identity", "alice"), key, "TWILIO_CONVERSATIONS_SERVICE_SID must be set"),
        (("--identity", "", "--service-sid", "IS1"), key, "identity"),
        (("--identity", "a", "--service-sid", "IS1", "--ttl", "0"), key, "--ttl 0"),
        (("--identity", "a", "--service-sid", "IS1"), key | {"TWILIO_API_SECRET": "short"}, "too short"),
        (("--identity", "a", "--url", "nonsense"), local, "no address"),
    ):
        refused = run("token", *arguments, **variables)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert said in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
