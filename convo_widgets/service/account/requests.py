"""A request of the account, its fields, and the table that says who answers which."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from sqlite3 import Row
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qs, quote, urlencode

from msgspec import UNSET, UnsetType

from convo_widgets.service import events, pages
from convo_widgets.service.dispatch import Backend
from convo_widgets.service.pace import Scope, scope
from convo_widgets.service.refusals import Refused
from convo_widgets.service.services import Services
from convo_widgets.service.store import Change, Store, iso
from convo_widgets.wire import json
from convo_widgets.wire.rest import PageMeta
from convo_widgets.wire.schema import time_of

T = TypeVar("T")
LARGEST_PAGE = 1000
"""Largest PageSize that is taken; a page has never more than its list allows."""
_PAGING = ("PageSize", "Page", "PageToken")


@dataclass(eq=False, repr=False)
class Request:
    """One request.

    Attributes:
        backend: of the service in the address, or of the default one; of the first one, which has what is the
            account's, where the address is there without a service only.
        root: absolute address of version 1.
        base: the same, or that of the service below it where it was named.
        query: the parameters of the address, each with its values.
        names: the named parts of the path, percent-decoded.
    """

    services: Services
    backend: Backend
    root: str
    base: str
    content: bytes
    query: dict[str, list[str]]
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

    def many(self, name: str) -> list[str] | UnsetType:
        """A field that may be repeated; one empty value is an empty list."""
        if name not in self.fields:
            return UNSET
        values = self.fields[name]
        return [] if values == [""] else values

    def demand(self, name: str) -> str:
        """A field that must be there."""
        value = self.maybe(name)
        if value is None:
            raise Refused(20001, f"{name} is needed")
        return value

    def choice(self, name: str, *among: str) -> str | UnsetType:
        """A field of a few values."""
        value = self.text(name)
        if value is not UNSET and value not in among:
            raise Refused(20422, f"{name} is one of {', '.join(among)}")
        return value

    def flag(self, name: str) -> bool | UnsetType:
        """A field that is true or false."""
        value = self.text(name)
        if isinstance(value, UnsetType):
            return UNSET
        if value.lower() not in ("true", "false"):
            raise Refused(20422, f"{name} is true or false")
        return value.lower() == "true"

    def time(self, name: str) -> str | UnsetType:
        """A field that is a time; an empty one is missing."""
        value = self.maybe(name)
        return UNSET if value is None else time_in(value, name)

    def dates(self) -> dict[str, str]:
        """What is given of DateCreated and DateUpdated."""
        times = {"date_created": self.time("DateCreated"), "date_updated": self.time("DateUpdated")}
        return {name: time for name, time in times.items() if isinstance(time, str)}

    def index(self, name: str) -> int | UnsetType | None:
        """A field that is a whole number, as the index of a message; an empty one is none."""
        if name not in self.fields:
            return UNSET
        return None if self.maybe(name) is None else self.number(name)

    def param(self, name: str) -> str | None:
        """A parameter of the address, None where it is missing or empty."""
        return self.query.get(name, [""])[0] or None

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
        return _join(self.base, *parts)

    def account_url(self, *parts: str) -> str:
        """The same, without the service."""
        return _join(self.root, *parts)

    def service_url(self, *parts: str) -> str:
        """The same, with the service."""
        return _join(self.root, "Services", self.backend.service_sid, *parts)

    def ids(self) -> dict[str, Any]:
        """What stands in bodies of nouns that a service has."""
        return {**self.account(), "chat_service_sid": self.backend.service_sid}

    def account(self) -> dict[str, Any]:
        """What stands in every body."""
        return {"account_sid": self.backend.tokens.account_sid}

    def parts(self) -> dict[str, Any]:
        """What stands in bodies of what a conversation has: the service only where it was named."""
        return self.ids() if self.base != self.root else self.account()

    def listing(
        self,
        key: str,
        show: Callable[[Any], Any],
        sql: str,
        *values: Any,
        most: int = pages.SIZE,
        descending: bool = False,
        url: str,
    ) -> Answer:
        """A page of what a query finds.

        Args:
            key: name of the array.
            show: makes an item of a row.
            sql: selects an `id`, and orders and limits nothing.
            values: for the query.
            most: rows in the largest page; a larger wish gets that.
            descending: newest first.
            url: of the list.
        """
        size = min(self._page_size(), most)
        page = pages.Page(self.param("PageToken"), size, descending=descending)
        number = self._page_number()
        if number and not self.param("PageToken"):
            page.skip(self.store, sql, *values, count=number * size)
        items = [show(row) for row in page.read(self.store, sql, *values)]
        others = {name: values for name, values in self.query.items() if name not in _PAGING}

        def address(number: int, token: str | None = None) -> str:
            place = {"PageSize": size, "Page": number} | ({"PageToken": token} if token else {})
            return f"{url}?{urlencode({**others, **place}, doseq=True)}"

        meta = PageMeta(
            key=key,
            page=number,
            page_size=size,
            url=address(number, self.param("PageToken")),
            first_page_url=address(0),
            previous_page_url=address(max(number - 1, 0), page.previous) if page.previous else None,
            next_page_url=address(number + 1, page.next) if page.next else None,
        )
        return Answer({key: items, "meta": meta})

    def _page_size(self) -> int:
        text = self.param("PageSize") or str(pages.SIZE)
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not 1 <= int(text) <= LARGEST_PAGE:
            raise Refused(20007, f"PageSize is 1 to {LARGEST_PAGE:,}")
        return int(text)

    def _page_number(self) -> int:
        text = self.param("Page") or "0"
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            raise Refused(20001, "Page is a number")
        return int(text)


def _join(base: str, *parts: str) -> str:
    return "/".join([base, *(quote(part, safe="") for part in parts)])


def dates_of(row: Row) -> dict[str, Any]:
    """When a noun was made and changed."""
    return {name: moment(row[name]) for name in ("date_created", "date_updated")}


def moment(text: str | None) -> str | None:
    """A time as the account is told it: to the second, for the cloud's own helpers read no other."""
    time = time_of(text)
    return None if time is None else time.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def time_in(text: str, name: str) -> str:
    """A time as it is kept."""
    time = time_of(text)
    if time is None:
        raise Refused(20422, f"{name} is a time as 2026-01-31T12:00:00Z")
    return iso(time)


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, a status and headers."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Below = Literal["account", "service", "either"]
Reads = Callable[[Request], Answer]
Writes = Callable[[Request, Change], Answer]
Awaits = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address below version 1; `writes` runs in a transaction, `reads` and `awaits` do not.

    Attributes:
        address: with ``{name}`` for a part of the path.
        fields: those of its form, or the parameters of its address; None where the body is JSON.
        event: what webhooks are asked before it is done.
        counts: for what it counts as one of so many writes a second.
        below: whether it is there without a service in the path, with one, or either way.
    """

    method: str
    address: str
    pattern: re.Pattern[str]
    fields: tuple[str, ...] | None
    reads: Reads | None = None
    writes: Writes | None = None
    awaits: Awaits | None = None
    event: str | None = None
    below: Below = "either"
    counts: Scope | None = None

    def check(self, request: Request) -> None:
        """Refuse a form with fields that are not there.

        Raises:
            Refused: 20001.
        """
        if self.method == "POST" and self.fields is not None:
            unknown = sorted(set(request.fields) - set(self.fields))
            if unknown:
                raise Refused(20001, f"unknown: {', '.join(name[:40] for name in unknown[:5])}")


def get(address: str, handler: Reads, *params: str, below: Below = "either") -> Route:
    """A route that reads; ``{name}`` in the address is a part of the path."""
    return Route("GET", address, _compile(address), params, reads=handler, below=below)


def post(address: str, handler: Writes, *fields: str, below: Below = "either") -> Route:
    """A route that writes."""
    event, counts = events.asked("POST", address), scope("POST", address)
    return Route("POST", address, _compile(address), fields, writes=handler, event=event, below=below, counts=counts)


def ask(address: str, handler: Reads) -> Route:
    """A POST with JSON, of the account, that changes nothing in the store."""
    return Route("POST", address, _compile(address), None, reads=handler, below="account")


def wait(address: str, handler: Awaits) -> Route:
    """A POST with JSON, of the account, that takes its time."""
    return Route("POST", address, _compile(address), None, awaits=handler, below="account")


def make(address: str, handler: Writes) -> Route:
    """A POST with JSON, of the account."""
    return Route("POST", address, _compile(address), None, writes=handler, below="account")


def run(method: str, address: str, handler: Reads, *fields: str) -> Route:
    """A route of the account whose handler sees to its own transactions."""
    return Route(method, address, _compile(address), fields, reads=handler, below="account")


def delete(address: str, handler: Writes, below: Below = "either") -> Route:
    """A route that removes."""
    event, counts = events.asked("DELETE", address), scope("DELETE", address)
    return Route("DELETE", address, _compile(address), (), writes=handler, event=event, below=below, counts=counts)


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), re.DOTALL)
