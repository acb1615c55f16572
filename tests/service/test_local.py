"""`LocalService` as people use it: start, stop, tokens, what it shows, what it refuses."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
import urllib.request

import jwt
import pytest

from convo_widgets.errors import UsageError
from convo_widgets.service.local import LocalService


def threads() -> set[threading.Thread]:
    """Threads of services; those of other tests' fixtures are among them."""
    return {thread for thread in threading.enumerate() if "convo-widgets" in thread.name}


def test_start_and_stop() -> None:
    """It answers once it is made, and is gone once it is stopped; a second stop does nothing."""
    before = threads()
    service = LocalService(seed=None)
    assert service.running
    with urllib.request.urlopen(service.url) as answer:
        assert answer.status == 200
    service.stop()
    service.stop()
    assert not service.running
    assert threads() <= before
    with pytest.raises(OSError):
        urllib.request.urlopen(service.url)


def test_forgotten_is_stopped() -> None:
    """A service that nobody holds any more ends itself."""
    before = threads()
    service = LocalService(seed=None)
    url = service.url
    del service
    gc.collect()
    assert threads() <= before
    with pytest.raises(OSError):
        urllib.request.urlopen(url)


def test_process_ends() -> None:
    """A script that never stops its service ends all the same, and without noise."""
    code = "from convo_widgets.service.local import LocalService; s = LocalService(seed=None); print(s.running)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_names() -> None:
    """Addresses, sids and keys are of the right shape; keys differ between services."""
    with LocalService(seed=None) as one, LocalService(seed=None) as two:
        assert one.url == f"http://127.0.0.1:{one.port}"
        assert one.ws_url == f"ws://127.0.0.1:{one.port}/v3/wsconnect"
        assert (one.account_sid[:2], one.service_sid[:2], one.api_key[:2]) == ("AC", "IS", "SK")
        assert len(one.api_secret) >= 32
        assert {one.api_key, one.api_secret, one.account_sid}.isdisjoint({two.api_key, two.api_secret, two.account_sid})


def test_tokens() -> None:
    """A token is a JWT as the cloud's helper makes it; each has a number of its own."""
    with LocalService(seed=None) as service:
        token = service.token("alice", ttl=60)
        assert jwt.get_unverified_header(token) == {"typ": "JWT", "cty": "twilio-fpa;v=1", "alg": "HS256"}
        claims = jwt.decode(token, service.api_secret, algorithms=["HS256"])
        assert claims["exp"] - claims["iat"] in (59, 60, 61)
        assert (claims["iss"], claims["sub"]) == (service.api_key, service.account_sid)
        assert claims["grants"] == {"identity": "alice", "chat": {"service_sid": service.service_sid}}
        other = jwt.decode(service.token("alice"), service.api_secret, algorithms=["HS256"])
        assert claims["jti"].startswith(f"{service.api_key}-")
        assert claims["jti"] != other["jti"]
        for bad in ("", "x" * 257):
            with pytest.raises(UsageError, match="identity"):
                service.token(bad)
    with LocalService(seed=None, token_ttl=100) as service:
        claims = jwt.decode(service.token("a"), service.api_secret, algorithms=["HS256"])
        assert claims["exp"] - claims["iat"] in (99, 100, 101)


def test_nothing_secret_is_shown() -> None:
    """Neither repr has the secret or a key in it."""
    with LocalService(seed=None) as service:
        for shown in (repr(service), service._repr_html_(), str(service._tokens), str(vars(service))):
            assert service.api_secret not in shown
        assert service.url in repr(service)
        assert "running" in repr(service)
    assert "stopped" in repr(service)


def test_port_in_use() -> None:
    """A port that is taken is told at once, with what to do."""
    with LocalService(seed=None) as service, pytest.raises(UsageError, match="port=0"):
        LocalService(port=service.port, seed=None)
    for port in (-1, 70000):
        with pytest.raises(UsageError, match="Cannot listen"):
            LocalService(port=port, seed=None)


def test_same_port_again() -> None:
    """A service that was stopped gives its port back at once."""
    with LocalService(seed=None) as service:
        port = service.port
        urllib.request.urlopen(service.url).close()
    with LocalService(port=port, seed=None) as again:
        assert again.port == port


def test_beyond_this_machine() -> None:
    """Other machines are let in only with a secret that somebody chose; everywhere is no address."""
    with pytest.raises(UsageError, match="api_secret"):
        LocalService(host="192.0.2.1", seed=None)
    with pytest.raises(UsageError, match="everywhere"):
        LocalService(host="0.0.0.0", seed=None, api_secret="s" * 40)
    with pytest.raises(UsageError, match="at least 32"):
        LocalService(seed=None, api_secret="short")
    with pytest.raises(UsageError, match="Cannot listen"):
        LocalService(host="192.0.2.1", seed=None, api_secret="s" * 40)
    with pytest.raises(UsageError, match=r"no\.such\.host"):
        LocalService(host="no.such.host.invalid", seed=None, api_secret="s" * 40)
    with LocalService(host="localhost", seed=None) as service:
        assert service.running


def test_failures_leave_nothing_behind(tmp_path: object) -> None:
    """After a start that failed there is no thread and no open port."""
    before = threading.active_count()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(UsageError):
        LocalService(f"{tmp_path}/no/such/folder", port, seed=None)
    assert threading.active_count() == before
    with LocalService(port=port, seed=None) as service:
        assert service.port == port


FEW_FILES = """
import logging, resource, sys
from convo_widgets.service import descriptors
logging.basicConfig(format="%(message)s", stream=sys.stdout)
resource.setrlimit(resource.RLIMIT_NOFILE, (450, 1500))
for connections in (10, 1000, 5000):
    allowed = descriptors.allow(connections)
    print(connections, allowed, *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_open_files() -> None:
    """The limit of open files is raised as far as needed; where the system gives fewer, there are fewer connections."""
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", FEW_FILES], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "10 10 450 1500",
        "1000 1000 1400 1500",
        "1100 connections at most: the process may have 1500 files open (ulimit -n)",
        "5000 1100 1500 1500",
    ]
    with pytest.raises(UsageError, match="connections=0"):
        LocalService(seed=None, connections=0)
