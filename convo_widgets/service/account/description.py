"""The account's side as an OpenAPI document, made of the same table of routes that answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from convo_widgets._version import __version__
from convo_widgets.service.account.requests import Answer, Request, Route, get
from convo_widgets.wire.schema import ErrorBody

TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
REPEATED = frozenset({"Filters", "Triggers", "WebhookFilters", "Permission", "Participant", "MediaSid", "BindingType"})
"""Fields that may come more than once, by the last part of their names."""
PAGING = {"PageSize": {"type": "integer", "minimum": 1}, "Page": {"type": "integer", "minimum": 0}, "PageToken": TEXT}


def describe(routes: Iterable[Route], url: str, services: Iterable[str]) -> dict[str, Any]:
    """The document.

    Args:
        routes: all of the account's.
        url: absolute address of version 1.
        services: sids of the services that there are.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        for path in _paths(route):
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, path)
    errors = {name: {"type": "integer"} if name in ("status", "code") else TEXT for name in ErrorBody.__struct_fields__}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Conversations, version 1, of the embedded service", "version": __version__},
        "servers": [{"url": url}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "parameters": {"service": _in_path("service", TEXT | {"enum": list(services)})},
            "securitySchemes": {"key": {"type": "http", "scheme": "basic"}},
            "schemas": {"Error": {"type": "object", "properties": errors, "required": list(errors)}},
        },
    }


def _paths(route: Route) -> Iterator[str]:
    """Where it is."""
    if route.below != "service":
        yield route.address
    if route.below != "account":
        yield f"/Services/{{service}}{route.address}"


def _operation(route: Route, path: str) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", path)
    named = [
        _in_path(name, TEXT) if name != "service" else {"$ref": "#/components/parameters/service"} for name in names
    ]
    operation: dict[str, Any] = {
        "operationId": route.method.lower() + re.sub(r"\W+", "_", path).rstrip("_"),
        "parameters": named,
        "responses": {"default": _content("application/json", {"$ref": "#/components/schemas/Error"}, "A no")},
    }
    if route.method == "GET":
        asked: dict[str, Any] = {name: _field(name) for name in route.fields or ()}
        if not path.endswith("}"):
            asked |= PAGING
        operation["parameters"] += [{"name": name, "in": "query", "schema": schema} for name, schema in asked.items()]
    elif route.method == "POST":
        operation["requestBody"] = _body(route)
    done = {"GET": "200", "DELETE": "204"}.get(route.method)
    for status in [done] if done else ["200", "201"]:
        what = {"description": "Done"} if status == "204" else _content("application/json", {}, "Done")
        operation["responses"][status] = what
    return operation


def _body(route: Route) -> dict[str, Any]:
    """A form of these fields and no other, or JSON."""
    if route.fields is None:
        return _content("application/json", {"type": "object"})
    properties = {name: _field(name) for name in route.fields}
    form = {"type": "object", "properties": properties, "additionalProperties": False}
    return _content("application/x-www-form-urlencoded", form)


def _content(type: str, schema: dict[str, Any], description: str | None = None) -> dict[str, Any]:
    return {"content": {type: {"schema": schema}}} | ({} if description is None else {"description": description})


def _in_path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _field(name: str) -> dict[str, Any]:
    return TEXTS if name.rpartition(".")[2] in REPEATED else TEXT


def route(routes: list[Route]) -> Route:
    """The route that tells it."""

    def tell(request: Request) -> Answer:
        return Answer(describe(routes, request.root, [backend.service_sid for backend in request.services]))

    return get("/openapi.json", tell, below="account")
