"""The ASGI app: the socket, one page about the service, and a guard before every route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from convo_widgets._version import __version__
from convo_widgets.service.account.door import Door
from convo_widgets.service.refusals import Refused
from convo_widgets.service.services import Services
from convo_widgets.service.socket import Socket
from convo_widgets.service.uploads import Uploads
from convo_widgets.wire import json

CONNECTIONS = 1000
"""Sockets at once, where nothing else is said."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Guard:
    """Lets in only requests that are meant for this service: any web page can reach a port of this machine.

    `Host` must be a loopback name or one of `hosts` (or a page that rebinds its name would get in); `Origin` must be
    missing, the service's own, or one of `origins`.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self.app = app
        self.hosts = LOOPBACK | {host.lower() for host in hosts}
        self.origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] in ("http", "websocket") and not self._welcome(scope):
            await _refuse(Refused(20403, "this host or origin may not use the service"), scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _welcome(self, scope: Scope) -> bool:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if len(hosts) != 1 or len(origins) > 1:
            return False
        host = hosts[0].lower()
        if _hostname(host) not in self.hosts:
            return False
        return not origins or origins[0].lower() in {f"http://{host}", f"https://{host}"} | self.origins


def _hostname(host: str) -> str | None:
    """A Host header without its port."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and not parts.path and "@" not in host else None


async def _refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error body, a socket that asks for an upgrade too."""
    response = refused.response()
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)


def make_app(
    services: Services, hosts: Iterable[str] = (), origins: Iterable[str] = (), connections: int = CONNECTIONS
) -> Starlette:
    """The app over services; `hosts` and `origins` are let in beside the loopback ones, so many sockets at most."""
    sockets = services.home.faults.connections

    async def connect(websocket: WebSocket) -> None:
        if len(sockets) >= connections:  # uvicorn's own limit does not count upgrades
            await websocket.send_denial_response(Refused(20429, "connections").response())
            return
        socket = Socket(services, websocket)
        sockets.add(socket)
        try:
            await socket.serve()
        finally:
            sockets.discard(socket)

    async def about(request: Request) -> Response:
        body = {"name": "convo-widgets", "version": __version__, "state": "running"}
        return Response(json.encode(body), media_type="application/json")

    routes = [
        WebSocketRoute("/v3/wsconnect", connect),
        Route("/", about),
        *Uploads(services).routes(),
        *Door(services).routes(),
        WebSocketRoute("/{path:path}", _no_socket),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=hosts, origins=origins), *_sharing(origins)],
        exception_handlers={404: _error(20404), 405: _error(20004)},
    )


def _sharing(origins: Iterable[str]) -> list[Middleware]:
    """What browsers want to hear before a page of another origin may upload; only pages that were let in hear it."""
    methods, headers = ["GET", "POST"], ["Content-Type", "X-Twilio-Token"]
    named = list(origins)
    sharing = Middleware(CORSMiddleware, allow_origins=named, allow_methods=methods, allow_headers=headers)
    return [sharing] if named else []


async def _no_socket(websocket: WebSocket) -> None:
    await websocket.send_denial_response(Refused(20404).response())


def _error(code: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:  # Starlette calls plain functions in a thread
        refused = Refused(code)
        refused.headers = dict(getattr(error, "headers", None) or {})
        return refused.response()

    return answer
