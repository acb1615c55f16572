"""Requests inside frames, their answers, and the table that says who answers which."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, unquote

from msgspec import Struct, structs

from convo_widgets.service import events
from convo_widgets.service.hub import Follower, Hub
from convo_widgets.service.limits import Media
from convo_widgets.service.pace import Scope, scope
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store
from convo_widgets.wire import json
from convo_widgets.wire.schema import HttpRequest

T = TypeVar("T")


class Answer(Struct, frozen=True):
    """What a handler says.

    Attributes:
        resource: path of what was made or changed, for a mutation that comes twice; None where that is gone.
    """

    body: Any = None
    status: int = 200
    resource: str | None = None


@dataclass(eq=False)
class Call:
    """One request of one user.

    Attributes:
        follower: the connection that it came on.
        base: the service's own address, without a slash at the end.
        media: what a message may carry.
        id: of the frame that it came in.
        route: who answers it.
        names: the named parts of the path, percent-decoded.
        veto: what a webhook said against it.
        changes: what webhooks put in place of what its body says.
        counted: whether it was one of so many writes a second; what is done again after others failed counts once.
        raw_names: the same as they came, for 2.0.0 of the SDK does not encode an identity.
    """

    store: Store
    hub: Hub
    follower: Follower
    base: str
    request: HttpRequest
    content: bytes
    media: Media
    id: str
    route: Route
    raw_names: dict[str, str]
    veto: Refused | None = None
    changes: dict[str, str] = field(default_factory=dict)
    counted: bool = False

    def __post_init__(self) -> None:
        self.names = {name: unquote(value) for name, value in self.raw_names.items()}

    @property
    def identity(self) -> str:
        """Who asks."""
        return self.follower.identity

    @property
    def writes(self) -> bool:
        """Whether it needs a transaction."""
        return self.route.writes is not None

    def read(self, type: type[T]) -> T:
        """The body as a typed value."""
        try:
            return json.decode(self.content or b"{}", type)
        except json.BadJSON as error:
            raise Refused(20422, f"the body does not fit ({error})") from error

    def changed(self, new: T) -> T:
        """The body as webhooks have changed it."""
        known = {name: value for name, value in self.changes.items() if hasattr(new, name)}
        return structs.replace(new, **known) if known else new  # type: ignore[type-var]

    def said(self) -> dict[str, Any]:
        """The texts and numbers of the body, in the words of a form; nothing where it has another shape."""
        try:
            body = json.decode(self.content or b"{}")
        except json.BadJSON:
            return {}
        if not isinstance(body, dict):
            return {}
        plain = {name: value for name, value in body.items() if isinstance(value, str | int)}
        return {events.in_a_form(name): value for name, value in plain.items()}

    def form(self, name: str) -> str:
        """A field of a form body, empty where it is missing."""
        try:
            return parse_qs(self.content.decode("utf-8", "replace"), max_num_fields=20).get(name, [""])[0]
        except ValueError as error:
            raise Refused(20001, "the form has too many fields") from error

    def param(self, name: str) -> str | None:
        """A query parameter, percent-decoded; the first one of a repeated parameter."""
        value = self.request.params.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        return None if value is None else unquote(value)

    def mutation_id(self) -> str | None:
        """Id of the act, the same when it is sent again."""
        for name, value in self.request.headers.items():
            if name.lower() == "x-twilio-mutation-id":
                if not 0 < len(value) <= 100:
                    raise Refused(20001, "X-Twilio-Mutation-Id has 1 to 100 characters")
                return value
        return None

    def url(self, *parts: str) -> str:
        """Absolute URL of a path, each part percent-encoded."""
        return self.base + path(*parts)


def path(*parts: str) -> str:
    """A path below the client API, each part percent-encoded."""
    return "/Client/v2/" + "/".join(map(_quote, parts))


def _quote(part: str) -> str:
    """Most parts are sids, which need no care."""
    return part if part.isascii() and part.isalnum() else quote(part, safe="")


ReadHandler = Callable[[Call], Answer]
WriteHandler = Callable[[Call, Change], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address; `writes` runs in a transaction, `reads` does not.

    Attributes:
        event: what webhooks are asked before it is done.
        counts: for what it counts as one of so many writes a second.
    """

    method: str
    pattern: re.Pattern[str]
    reads: ReadHandler | None = None
    writes: WriteHandler | None = None
    event: str | None = None
    counts: Scope | None = None


def get(pattern: str, handler: ReadHandler) -> Route:
    """A route that reads; ``{name}`` in the pattern is a part of the path."""
    return Route("GET", _compile(pattern), reads=handler)


def post(pattern: str, handler: WriteHandler) -> Route:
    """A route that writes."""
    return _write("POST", pattern, handler)


def ask(pattern: str, handler: ReadHandler) -> Route:
    """A POST that changes nothing in the store."""
    return Route("POST", _compile(pattern), reads=handler)


def delete(pattern: str, handler: WriteHandler) -> Route:
    """A route that removes."""
    return _write("DELETE", pattern, handler)


def _write(method: str, pattern: str, handler: WriteHandler) -> Route:
    event, counts = events.asked(method, pattern), scope(method, pattern)
    return Route(method, _compile(pattern), writes=handler, event=event, counts=counts)


def _compile(pattern: str) -> re.Pattern[str]:
    """``{name}`` takes what has no slash, ``{name*}`` anything."""
    greedy = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", pattern)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", greedy), re.DOTALL)


def refuse(refused: Refused) -> Route:
    """A route that only says no."""

    def reads(call: Call) -> Answer:
        raise refused.with_traceback(None)

    return Route("", re.compile(""), reads)


_NOWHERE, _OTHER_METHOD = refuse(Refused(20404)), refuse(Refused(20004))


class Routes:
    """All addresses of a method as one regular expression; the first that fits is taken.

    Attributes:
        routes: all of them.
    """

    def __init__(self, routes: list[Route]) -> None:
        self.routes = routes
        methods = {route.method for route in routes}
        self._tables = {method: _Table([route for route in routes if route.method == method]) for method in methods}

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Who answers, and the named parts of the path as they are; an unknown address is answered with a no."""
        table = self._tables.get(method.upper())
        found = table.match(path) if table else None
        if found is None:
            known = any(table.match(path) for table in self._tables.values())
            return (_OTHER_METHOD if known else _NOWHERE), {}
        return found


class _Table:
    """The addresses of one method: each is a group of the whole, and its names are the groups after that."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes: dict[int, tuple[Route, list[str]]] = {}
        patterns: list[str] = []
        group = 1
        for route in routes:
            self._routes[group] = route, list(route.pattern.groupindex)
            patterns.append(re.sub(r"\?P<\w+>", "", f"({route.pattern.pattern})"))
            group += 1 + route.pattern.groups
        self._whole = re.compile("|".join(patterns), re.DOTALL)

    def match(self, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a path, and the named parts of it as they are."""
        match = self._whole.fullmatch(path)
        if match is None or match.lastindex is None:
            return None
        route, names = self._routes[match.lastindex]
        return route, {name: match[match.lastindex + place] for place, name in enumerate(names, 1)}
