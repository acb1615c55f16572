"""Host and Origin are checked on every route, over HTTP and for sockets."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any

import pytest
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from convo_widgets.service.app import make_app
from convo_widgets.service.dispatch import Backend
from convo_widgets.service.local import LocalService
from convo_widgets.service.services import Services
from convo_widgets.service.store import Store
from convo_widgets.service.tokens import Tokens


def routes() -> list[tuple[str, str]]:
    """All routes of the app as (kind, path), and addresses that are none."""
    app = make_app(Services(Backend(Store(), Tokens("AC0", "IS0"), "http://x")))
    found = [("socket" if isinstance(route, WebSocketRoute) else "http", route.path) for route in app.routes]
    assert all(isinstance(route, Route | WebSocketRoute) for route in app.routes), "a new kind of route: test it here"
    assert ("socket", "/v3/wsconnect") in found
    extra = [("http", "/v3/wsconnect"), ("http", "/nowhere"), ("http", "//"), ("http", "/%00")]
    return [(kind, path.replace("{path:path}", "other")) for kind, path in found] + extra


def ask(service: LocalService, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, Any]:
    """Status and body of a plain HTTP request; `host` in the headers takes the place of the true one."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
    connection.putrequest(method, path, skip_host="host" in headers, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, json.loads(body) if body else None


async def reach(service: LocalService, kind: str, path: str, headers: dict[str, str]) -> int:
    """Status of a request or an upgrade; 101 where a socket opens."""
    if kind == "http":
        return (await asyncio.to_thread(ask, service, path, headers))[0]
    try:
        url = f"ws://{headers.get('host', f'127.0.0.1:{service.port}')}{path}"
        options: Any = {"origin": headers["origin"]} if "origin" in headers else {}
        async with connect(url, host="127.0.0.1", port=service.port, proxy=None, **options):
            return 101
    except InvalidStatus as refused:
        assert refused.response.body is not None
        assert json.loads(refused.response.body)["status"] == refused.response.status_code
        return refused.response.status_code


def bad(port: int) -> list[dict[str, str]]:
    """Headers of pages and machines that have no business here."""
    hosts = ["evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"]
    origins = [
        *("http://evil.example", "null", "https://localhost.evil.example", "file://", "http://127.0.0.1"),
        *(f"http://127.0.0.1:{port + 1}", f"http://user@127.0.0.1:{port}", f"http://127.0.0.1:{port}/", "*"),
    ]
    return [{"host": host} for host in hosts] + [{"origin": origin} for origin in origins]


@pytest.mark.parametrize(("kind", "path"), routes())
async def test_every_route_is_guarded(service: LocalService, kind: str, path: str) -> None:
    """No route answers a foreign host or origin with anything but 403."""
    for headers in bad(service.port):
        assert await reach(service, kind, path, headers) == 403, headers


@pytest.mark.parametrize(("kind", "path"), routes())
async def test_every_route_lets_friends_in(service: LocalService, kind: str, path: str) -> None:
    """The service's own origin, no origin, and all names of this machine pass the guard."""
    port = service.port
    own = [
        {},
        {"origin": f"http://127.0.0.1:{port}"},
        {"host": f"localhost:{port}", "origin": f"http://localhost:{port}"},
    ]
    for headers in [*own, {"host": "LOCALHOST"}, {"host": f"[::1]:{port}"}]:
        assert await reach(service, kind, path, headers) != 403, headers


async def test_origins_may_be_added() -> None:
    """A page that was allowed may connect; others may not."""
    with LocalService(seed=None, origins=("http://lab.example:8888",)) as service:
        assert await reach(service, "socket", "/v3/wsconnect", {"origin": "http://lab.example:8888"}) == 101
        assert await reach(service, "socket", "/v3/wsconnect", {"origin": "http://lab.example"}) == 403


@pytest.mark.parametrize("host", ["", "127.0.0.1:x", "user@127.0.0.1", "127.0.0.1/x", "127.0.0.1 evil", "[::1", "::1"])
def test_odd_hosts(service: LocalService, host: str) -> None:
    """A Host header that is no host is refused."""
    status, body = ask(service, "/", {"host": host})
    assert status in (400, 403)
    assert body is None or body["code"] == 20403


def test_two_hosts(service: LocalService) -> None:
    """Two Host headers are one too many."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
    connection.putrequest("GET", "/")
    connection.putheader("Host", "evil.example")
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)
    connection.close()


def test_plain_answers(service: LocalService) -> None:
    """The front page says what this is and nothing secret; the rest is an error body."""
    status, body = ask(service, "/", {})
    assert (status, body["name"], body["state"]) == (200, "convo-widgets", "running")
    assert service.api_secret not in str(body)
    assert service.account_sid not in str(body)
    for method, path, code in (("GET", "/v2/Conversations", 20404), ("POST", "/", 20004), ("GET", "/../etc", 20404)):
        status, body = ask(service, path, {}, method)
        assert (status, body["code"]) == (code % 1000 if code == 20404 else 405, code)
        assert body["more_info"].endswith(str(code))
