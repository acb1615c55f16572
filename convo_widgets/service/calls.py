"""Requests inside frames, their answers, and the table that says who answers which."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, unquote

from convo_widgets.service.hub import Follower, Hub
from convo_widgets.service.limits import DEFAULT_MEDIA, Media
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store
from convo_widgets.wire import json
from convo_widgets.wire.schema import HttpRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
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
        names: the named parts of the path, percent-decoded.
        raw_names: the same as they came, for 2.0.0 of the SDK does not encode an identity.
    """

    store: Store
    hub: Hub
    follower: Follower
    base: str
    request: HttpRequest
    content: bytes
    media: Media = DEFAULT_MEDIA
    names: dict[str, str] = field(default_factory=dict)
    raw_names: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Who asks."""
        return self.follower.identity

    def read(self, type: type[T]) -> T:
        """The body as a typed value."""
        try:
            return json.decode(self.content or b"{}", type)
        except json.BadJSON as error:
            raise Refused(20422, f"the body does not fit ({error})") from error

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

    @cached_property
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
    return "/Client/v2/" + "/".join(quote(part, safe="") for part in parts)


ReadHandler = Callable[[Call], Answer]
WriteHandler = Callable[[Call, Change], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address; `writes` runs in a transaction, `reads` does not."""

    method: str
    pattern: re.Pattern[str]
    reads: ReadHandler | None = None
    writes: WriteHandler | None = None


def get(pattern: str, handler: ReadHandler) -> Route:
    """A route that reads; ``{name}`` in the pattern is a part of the path."""
    return Route("GET", _compile(pattern), reads=handler)


def post(pattern: str, handler: WriteHandler) -> Route:
    """A route that writes."""
    return Route("POST", _compile(pattern), writes=handler)


def ask(pattern: str, handler: ReadHandler) -> Route:
    """A POST that changes nothing in the store."""
    return Route("POST", _compile(pattern), reads=handler)


def delete(pattern: str, handler: WriteHandler) -> Route:
    """A route that removes."""
    return Route("DELETE", _compile(pattern), writes=handler)


def _compile(pattern: str) -> re.Pattern[str]:
    """``{name}`` takes what has no slash, ``{name*}`` anything."""
    greedy = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", pattern)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", greedy), re.DOTALL)


def choose(routes: list[Route], call: Call) -> Route:
    """The route of a request, which gets the names in its path.

    Raises:
        Refused: 20404 for an unknown address, 20004 for a known one with another method.
    """
    known = False
    for route in routes:
        match = route.pattern.fullmatch(call.request.path)
        if match is None:
            continue
        known = True
        if route.method == call.request.method.upper():
            call.raw_names = match.groupdict()
            call.names = {name: unquote(value) for name, value in call.raw_names.items()}
            return route
    raise Refused(20004 if known else 20404)
