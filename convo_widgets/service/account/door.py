"""Real HTTP with the account's key: who may come in, which handler answers, and how."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from time import monotonic
from urllib.parse import parse_qs, unquote

import starlette.requests
from starlette.responses import Response
from starlette.routing import Route as HttpRoute

from convo_widgets.service.account import (
    addresses,
    bindings,
    configuration,
    content,
    conversations,
    credentials,
    description,
    local,
    messages,
    participants,
    receipts,
    roles,
    services,
    user_conversations,
    users,
    webhooks,
)
from convo_widgets.service.account.requests import Answer, Request, Route
from convo_widgets.service.dispatch import fault
from convo_widgets.service.events import in_a_form
from convo_widgets.service.refusals import Refused
from convo_widgets.service.services import Services
from convo_widgets.service.store import Source, new_sid
from convo_widgets.service.uploads import receive
from convo_widgets.wire import json

METHODS = ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"]
CONCURRENT = 100
"""Requests at once."""
LARGEST = 512 * 1024
"""Bytes of a body."""
ROUTES = [
    *conversations.ROUTES,
    *messages.ROUTES,
    *receipts.ROUTES,
    *participants.ROUTES,
    *webhooks.ROUTES,
    *users.ROUTES,
    *user_conversations.ROUTES,
    *roles.ROUTES,
    *services.ROUTES,
    *configuration.ROUTES,
    *bindings.ROUTES,
    *addresses.ROUTES,
    *credentials.ROUTES,
    *content.ROUTES,
    *local.ROUTES,
]
ROUTES.append(description.route(ROUTES))


class Door:
    """The account's REST API over its services; an address that names none is of the default one."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._running = 0

    def routes(self) -> list[HttpRoute]:
        """Where it is."""
        return [HttpRoute("/v1/{path:path}", self.answer, methods=METHODS)]

    async def answer(self, http: starlette.requests.Request) -> Response:
        """The answer to a request, with what the cloud tells of each: an id, how long it took, how many there were."""
        began = monotonic()
        if self._running >= CONCURRENT:
            return Refused(20429, f"at most {CONCURRENT} requests of the account", retry_after=1).response()
        self._running += 1
        running = self._running
        try:
            response = await self._respond(http)
        finally:
            self._running -= 1
        response.headers["Twilio-Request-Id"] = new_sid("RQ")
        response.headers["Twilio-Request-Duration"] = f"{monotonic() - began:.3f}"
        response.headers["Twilio-Concurrent-Requests"] = str(running)
        return response

    async def _respond(self, http: starlette.requests.Request) -> Response:
        """Check the key, read the body, let a handler answer; every no is an error body."""
        try:
            self._check(http.headers.get("authorization", ""))
            path = http.scope["raw_path"].decode("latin-1").partition("?")[0].removeprefix("/v1")
            if not path.startswith("/_local/"):
                self.services.home.faults.strike(http.method, f"/v1{path}", account=True)
            with SpooledTemporaryFile(max_size=LARGEST) as file:
                await receive(http, file, LARGEST)
                file.seek(0)
                content = file.read()
            answer = await self._answer(http, path, content)
        except Refused as refused:
            response = refused.response()
            if refused.status == 401:
                response.headers["WWW-Authenticate"] = 'Basic realm="the API key and its secret"'
            return response
        except Exception as error:
            return fault(f"{http.method} of the account", error).response()
        body = b"" if answer.body is None else json.encode(answer.body)
        return Response(body, answer.status, {"Cache-Control": "no-store", **answer.headers}, "application/json")

    def _check(self, header: str) -> None:
        """The key, or the account itself, with the secret: compared in constant time."""
        scheme, _, encoded = header.partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except ValueError:
            given = b""
        tokens = self.services.home.tokens
        names = (tokens.api_key, tokens.account_sid)
        right = [hmac.compare_digest(given, f"{name}:{tokens.api_secret}".encode()) for name in names]
        if not any(right) or scheme.lower() != "basic":
            raise Refused(20003)

    async def _answer(self, http: starlette.requests.Request, path: str, content: bytes) -> Answer:
        """Let webhooks change, or say no to, what they are to be asked about, then do it."""
        services = self.services
        backend, root = services.default, f"{services.home.base}/v1"
        base, parts = root, path.split("/", 3)
        if len(parts) == 4 and parts[1] == "Services":
            named = services.find(parts[2])
            if named is None:
                raise Refused(20404)
            backend, base, path = named, f"{base}/Services/{parts[2]}", f"/{parts[3]}"
        request = Request(services, backend, root, base, content, _params(http.url.query))
        if http.method == "OPTIONS":
            return Answer(status=204, headers={"Allow": _allowed(path, request)})
        route = _choose("GET" if http.method == "HEAD" else http.method, path, request)
        if route.below == "account":
            request.backend = services.home
        route.check(request)
        if route.reads is not None:
            return route.reads(request)
        if route.awaits is not None:
            return await route.awaits(request)
        source = Source("API") if http.headers.get("x-twilio-webhook-enabled", "").lower() == "true" else None
        if source is not None and route.event is not None:
            fields = {name: values[0] for name, values in request.fields.items()}
            changes = await request.backend.consult(route.event, request.names, fields, source)
            request.fields.update((in_a_form(name), [text]) for name, text in changes.items())
        writes = route.writes
        assert writes is not None
        scope = route.counts if request.backend.pace.most else None
        key = conversations.find(request)["id"] if scope == "conversation" else scope
        if scope:
            request.backend.pace.demand(scope, key)
        answer = request.backend.act(lambda change: writes(request, change), source)
        if scope:
            request.backend.pace.count(key)
        return answer


def _params(query: str) -> dict[str, list[str]]:
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise Refused(20001, "at most 200 parameters are expected") from error


def _choose(method: str, path: str, request: Request) -> Route:
    """The route of a request, which gets the names in its path."""
    for route, names in _fitting(path, request):
        if route.method == method:
            request.names = {name: unquote(value) for name, value in names.items()}
            return route
    refused = Refused(20004)
    refused.headers = {"Allow": _allowed(path, request)}
    raise refused


def _allowed(path: str, request: Request) -> str:
    """The methods of an address."""
    methods = [route.method for route, _ in _fitting(path, request)]
    if not methods:
        raise Refused(20404)
    return ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])


def _fitting(path: str, request: Request) -> Iterator[tuple[Route, dict[str, str]]]:
    """The routes of an address, with the named parts of it."""
    other = "account" if request.base != request.root else "service"
    for route in ROUTES:
        match = None if route.below == other else route.pattern.fullmatch(path)
        if match is not None:
            yield route, match.groupdict()
