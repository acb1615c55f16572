"""Requests to the service through the socket: reads that are tried again, and writes that happen once."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

from convo_widgets.client.lanes import Lane, Place
from convo_widgets.errors import (
    ConnectionLost,
    ConvoError,
    RemoteProtocolError,
    ReplyError,
    RequestTimeout,
    ServiceFailed,
    Throttled,
    TokenError,
    TooLarge,
    UsageError,
)
from convo_widgets.transport import link as transport
from convo_widgets.transport.answers import Response
from convo_widgets.transport.link import Link
from convo_widgets.transport.refusals import is_passing, pause, refusal
from convo_widgets.wire import json
from convo_widgets.wire.schema import HttpRequest, ResourceUrl

T = TypeVar("T")

MAX_REQUEST = 200_000  # bytes of a request's body; services cut connections over larger frames
READ_RETRIES = (1.0, 2.0, 4.0)  # seconds before the next try of a read that was throttled or failed
MUTATION_TRIES = 5
LONGEST_PAUSE = 30.0  # seconds before a read is tried again, whatever the service asks for


class Requests:
    """What can be asked over a link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._lanes: dict[str, Lane] = {}

    async def get(self, url: str, type: type[T], params: dict[str, Any] | None = None, *, what: str) -> T:
        """Read something; throttled and failed reads are tried again for a few seconds.

        Raises:
            ReplyError: the service answered no.
            TransportError: no answer came.
        """
        return typed((await self.read(url, params, what)).body, type, what)

    async def read(self, url: str, params: dict[str, Any] | None, what: str) -> Response:
        """`get`, with the answer as it came."""
        delays = iter(READ_RETRIES)
        give_up_at = asyncio.get_running_loop().time() + transport.CONNECTION_TIMEOUT
        while True:
            try:
                return await self.exchange("GET", url, params, what=what, repeatable=True)
            except (Throttled, ServiceFailed) as error:
                delay = next(delays, None)
                if delay is None or not is_passing(error):
                    raise
                await asyncio.sleep(min(max(delay, pause(error)), LONGEST_PAUSE))
            except ConnectionLost:  # the next try waits for the next connection by itself
                if asyncio.get_running_loop().time() >= give_up_at or self.link.has_ended:
                    raise

    async def mutate(self, method: str, url: str, body: Any = None, *, what: str, mutation: str | None = None) -> bytes:
        """Change something, once: a try that lost its answer, or was one too many, is repeated under its mutation id.

        Writes to one address keep their order over that, or raise.
        With a `mutation` id that was used before, it is a further try of that.

        Returns:
            The answer's body.

        Raises:
            ReplyError: the service answered no; `Throttled` where it said for 30 s that there are too many.
            TransportError: no answer came; `may_have_happened` says what that means.
        """
        lane = self._lanes.setdefault(url, Lane())
        place = Place(lane, self.link.take_turn())
        try:
            await place.go()
            return await self._mutate(method, url, body, what, mutation or str(uuid4()), place)
        finally:
            place.leave()
            if lane.is_empty:
                self._lanes.pop(url, None)

    async def _mutate(self, method: str, url: str, body: Any, what: str, mutation: str, place: Place) -> bytes:
        headers = {"X-Twilio-Mutation-Id": mutation}
        lost: ConnectionLost | RequestTimeout | None = None  # a try without an answer: it may have happened
        attempt = 0
        while True:
            try:
                response = await self.exchange(
                    method, url, body=body, headers=headers, what=what, repeatable=False, turn=place.turn
                )
                place.taken()
                break
            except (ConnectionLost, RequestTimeout) as error:
                attempt += 1
                lost = error if error.may_have_happened else lost
                if not error.may_have_happened or attempt == MUTATION_TRIES or self.link.has_ended:
                    raise (lost or error) from error.__cause__
            except (UsageError, TokenError, ReplyError) as error:
                if lost is not None:  # the end, or a no to the second try, says nothing about the first
                    raise lost from error
                if not isinstance(error, Throttled):
                    raise
                await place.go_again(error)
        if response.status == 202:  # it had happened: this is where the result stands
            where = typed(response.body, ResourceUrl, what).resource_url
            try:
                response = await self.read(where, None, what)
            except ConvoError as error:  # only the result is not to be had
                kind = RequestTimeout if isinstance(error, RequestTimeout) else ConnectionLost
                raise kind(what, may_have_happened=True) from error
        return response.body

    async def post(self, url: str, body: Any, type: type[T], *, what: str, mutation: str | None = None) -> T:
        """`mutate` by POST, with a typed answer."""
        return typed(await self.mutate("POST", url, body, what=what, mutation=mutation), type, what)

    async def post_form(self, url: str, fields: dict[str, str], type: type[T], *, what: str) -> T:
        """POST a form; it is not repeated."""
        form = "&".join(f"{quote(key)}={quote(value)}" for key, value in fields.items()).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = await self.exchange("POST", url, raw=form, headers=headers, what=what, repeatable=False)
        return typed(response.body, type, what)

    async def exchange(
        self,
        method: str,
        url: str,
        params: dict[str, Any] | None = None,
        *,
        body: Any = None,
        raw: bytes = b"",
        headers: dict[str, str] | None = None,
        what: str,
        repeatable: bool,
        turn: int | None = None,
    ) -> Response:
        """One try."""
        payload = raw or (b"" if body is None else json.encode(body))
        if len(payload) > MAX_REQUEST:
            size = f"{len(payload):,} bytes, and at most {MAX_REQUEST:,} fit; nothing was sent"
            raise TooLarge(413, 51207, f"The request ({what}) has {size}")
        request = _http_request(method, url, params, headers)
        response = await self.link.request(request, payload, what=what, repeatable=repeatable, turn=turn)
        if not 200 <= response.status < 300:
            raise refusal(response.status, response.body, _header(response, "retry-after"))
        return response


def typed(answer: bytes, type: type[T], what: str) -> T:
    """What an answer says.

    Raises:
        RemoteProtocolError: it cannot be read.
    """
    try:
        return json.decode(answer, type)
    except json.BadJSON as error:
        raise RemoteProtocolError(f"The service's answer to {what} cannot be read: {error}.") from error


def _http_request(method: str, url: str, params: dict[str, Any] | None, headers: dict[str, str] | None) -> HttpRequest:
    """The request as it travels in a frame: path and parameters percent-encoded."""
    host, path, own = _parts(url)
    query: dict[str, str | list[str]] = {
        quote(key, safe=""): quote(str(value), safe="") for key, value in [*own, *(params or {}).items()]
    }
    head = {"Accept": "application/json"}
    if method != "GET":
        head["Content-Type"] = "application/json; charset=utf-8"
    return HttpRequest(host, path, method, query, head | (headers or {}))


@lru_cache(maxsize=256)
def _parts(url: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Host, path and parameters of an address, of which the same few are asked for again and again."""
    parts = urlsplit(url)
    return parts.netloc, parts.path or "/", parse_qsl(parts.query)


def _header(response: Response, name: str) -> Any:
    return next((value for key, value in response.headers.items() if key.lower() == name), None)
