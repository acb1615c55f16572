"""A request of the account, its fields, and the table that says who answers which."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote

from msgspec import UNSET, UnsetType

from convo_widgets.service.dispatch import Backend
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store
from convo_widgets.wire import json

T = TypeVar("T")


@dataclass(eq=False, repr=False)
class Request:
    """One request.

    Attributes:
        base: absolute address of version 1, or of the service below it where that was named.
        names: the named parts of the path, percent-decoded.
    """

    backend: Backend
    base: str
    content: bytes
    query: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The store of the service."""
        return self.backend.store

    @cached_property
    def fields(self) -> dict[str, list[str]]:
        """The form, PascalCase as it came."""
        try:
            text = self.content.decode()
            return parse_qs(text, keep_blank_values=True, max_num_fields=200)
        except ValueError as error:
            raise Refused(20001, "a form in UTF-8, of at most 200 fields, is expected") from error

    def text(self, name: str) -> str | UnsetType:
        """A field; missing is UNSET, which leaves things as they are."""
        return self.fields[name][0] if name in self.fields else UNSET

    def maybe(self, name: str) -> str | None:
        """A field, None where it is missing or empty."""
        return self.fields.get(name, [""])[0] or None

    def number(self, name: str) -> int:
        """A field that is a number, 0 where it is missing."""
        text = self.maybe(name) or "0"
        if not re.fullmatch(r"-?\d{1,9}", text, re.ASCII):
            raise Refused(20001, f"{name} is a number")
        return int(text)

    def read(self, type: type[T]) -> T:
        """A JSON body as a typed value."""
        try:
            return json.decode(self.content, type)
        except json.BadJSON as error:
            raise Refused(20422, f"the body does not fit ({error})") from error

    def url(self, *parts: str) -> str:
        """Absolute URL of a path, each part percent-encoded."""
        return "/".join([self.base, *(quote(part, safe="") for part in parts)])

    def ids(self) -> dict[str, Any]:
        """What stands in every body."""
        tokens = self.backend.tokens
        return {"account_sid": tokens.account_sid, "chat_service_sid": tokens.service_sid}


@dataclass(frozen=True, slots=True)
class Answer:
    """A body and a status."""

    body: Any = None
    status: int = 200


Reads = Callable[[Request], Answer]
Writes = Callable[[Request, Change], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address below version 1; `writes` runs in a transaction, `reads` does not."""

    method: str
    pattern: re.Pattern[str]
    reads: Reads | None = None
    writes: Writes | None = None


def get(pattern: str, handler: Reads) -> Route:
    """A route that reads; ``{name}`` in the pattern is a part of the path."""
    return Route("GET", _compile(pattern), reads=handler)


def post(pattern: str, handler: Writes) -> Route:
    """A route that writes."""
    return Route("POST", _compile(pattern), writes=handler)


def ask(pattern: str, handler: Reads) -> Route:
    """A POST that changes nothing in the store."""
    return Route("POST", _compile(pattern), reads=handler)


def delete(pattern: str, handler: Writes) -> Route:
    """A route that removes."""
    return Route("DELETE", _compile(pattern), writes=handler)


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), re.DOTALL)
