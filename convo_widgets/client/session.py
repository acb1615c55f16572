"""What every noun needs from the client: requests to the service, and Sync objects that stay followed.

A `Session` is the seam between the nouns and the wire. Downwards it owns the `Link` and the `Subscriptions`; upwards
it gives typed answers, raises the errors of `convo_widgets.errors`, and routes each change of a Sync object to the noun
that follows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

from msgspec import UNSET, Raw

from convo_widgets.client.tokens import TokenSource
from convo_widgets.errors import (
    ConnectionLost,
    ConvoError,
    Forbidden,
    NotFound,
    RemoteProtocolError,
    ReplyError,
    RequestTimeout,
    ServiceFailed,
    Throttled,
    TokenError,
    TooLarge,
    TransportError,
    UsageError,
    reply_error,
)
from convo_widgets.sync.objects import Change, SyncObject
from convo_widgets.sync.subscriptions import Batch, Subscriptions
from convo_widgets.transport import link as transport
from convo_widgets.transport.backoff import fibonacci
from convo_widgets.transport.link import Link, Observer, Response
from convo_widgets.wire import json
from convo_widgets.wire.protocol import Notified
from convo_widgets.wire.schema import (
    ErrorBody,
    HttpRequest,
    ResourceUrl,
    SubscriptionsReply,
    SyncNotification,
    SyncObjectReply,
    TypedPage,
)

log = logging.getLogger("convo_widgets")

T = TypeVar("T")
Route = Callable[[Change], None]

MAX_REQUEST = 200_000  # bytes of a request's body; services cut connections over larger frames
READ_RETRIES = (1.0, 2.0, 4.0)  # seconds before the next try of a read that was throttled or failed
MUTATION_TRIES = 5
LONGEST_PAUSE = 30.0  # seconds before a read is tried again, whatever the service asks for
PAGE_LIMIT = 100  # items that Sync puts on one page, whatever is asked


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the service is.

    Attributes:
        socket: ws(s) URL of the Twilsock socket.
        api: base URL of the Conversations client API.
        sync: base URL of Sync.
        media: base URL of the media service, where its addresses are only paths.
        push: URL of push registrations.
    """

    socket: str
    api: str
    sync: str
    media: str
    push: str

    @classmethod
    def of_region(cls, region: str) -> Endpoints:
        """The cloud's addresses in a region such as "us1" or "ie1"."""
        return cls(
            f"wss://tsock.{region}.twilio.com/v3/wsconnect",
            f"https://aim.{region}.twilio.com",
            f"https://cds.{region}.twilio.com",
            f"https://mcs.{region}.twilio.com",
            f"https://ers.{region}.twilio.com/v1/registrations",
        )

    @classmethod
    def of_url(cls, url: str) -> Endpoints:
        """The addresses of a service that has everything in one place, as the embedded one."""
        base, parts = url.rstrip("/"), urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("url is no address of a service: it looks like http://127.0.0.1:8765.")
        if parts.username is not None or parts.password is not None:
            raise UsageError("url holds a name or a password: a token is all that a service needs.")
        socket = "ws" + base.removeprefix("http") + "/v3/wsconnect"
        return cls(socket, base, base, base, f"{base}/v1/registrations")


class Session:
    """Requests and followed Sync objects over one link."""

    def __init__(self, endpoints: Endpoints, tokens: TokenSource, observer: Observer, metadata: dict[str, Any]) -> None:
        self.endpoints = endpoints
        self.link = Link(
            endpoints.socket,
            fetch_token=tokens.fetch,
            renewable=tokens.renewable,
            observer=observer,
            metadata=metadata,
        )
        self._subscriptions = Subscriptions()
        self._routes: dict[str, Route] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._reopened = asyncio.Event()  # a connection came since somebody began to wait for one

    # -- tasks that live as long as the session

    def spawn(self, coroutine: Any, what: str) -> asyncio.Task[Any]:
        """Run a coroutine beside everything else; its failure is logged, and `close` cancels it."""
        task = asyncio.get_running_loop().create_task(coroutine, name=f"convo-widgets {what}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, ConvoError):
            log.warning("%s failed: %s", task.get_name(), error)
        elif error is not None:
            log.error("%s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Stop the link and every task."""
        try:
            await self._cancel_tasks()
        finally:  # also where this is cancelled: nothing may stay open
            await self.link.stop()
        await self._cancel_tasks()  # what notices have started meanwhile

    async def _cancel_tasks(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def persist(self, act: Callable[[], Awaitable[None]], what: str) -> asyncio.Task[None]:
        """Do what must not be lost to a bad hour: again, later, until it is done or the service says no for good."""
        return self.spawn(self._persist(act, what), what)

    async def _persist(self, act: Callable[[], Awaitable[None]], what: str) -> None:
        for delay in fibonacci():
            self._reopened.clear()
            try:
                return await act()
            except (TransportError, TokenError, Throttled, ServiceFailed) as error:
                log.info("%s failed and is tried again: %s", what, error)
            except (NotFound, Forbidden) as error:  # it is no more, or no more ours
                log.info("%s is not to be: %s", what, error)
                return None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reopened.wait(), delay)
        return None

    # -- requests

    async def get(self, url: str, type: type[T], params: dict[str, Any] | None = None, *, what: str) -> T:
        """Read something; throttled and failed reads are tried again for a few seconds.

        Raises:
            ReplyError: the service answered no.
            TransportError: no answer came.
        """
        return self._typed((await self._read(url, params, what)).body, type, what)

    async def _read(self, url: str, params: dict[str, Any] | None, what: str) -> Response:
        delays = iter(READ_RETRIES)
        give_up_at = self._now() + transport.CONNECTION_TIMEOUT
        while True:
            try:
                return await self._exchange("GET", url, params, what=what, repeatable=True)
            except (Throttled, ServiceFailed) as error:
                delay = next(delays, None)
                if delay is None or error.status not in (429, 502, 503, 504):
                    raise
                await asyncio.sleep(_pause(error, delay))
            except ConnectionLost:  # the next try waits for the next connection by itself
                if self._now() >= give_up_at or self.link.has_ended:
                    raise

    async def mutate(self, method: str, url: str, body: Any = None, *, what: str) -> bytes:
        """Change something, once: a try that lost its answer is repeated with the same mutation id.

        Returns:
            The answer's body.

        Raises:
            ReplyError: the service answered no.
            TransportError: no answer came; `may_have_happened` says what that means.
        """
        headers = {"X-Twilio-Mutation-Id": str(uuid4())}
        turn = self.link.take_turn()
        lost: ConnectionLost | RequestTimeout | None = None  # a try without an answer: it may have happened
        for attempt in range(1, MUTATION_TRIES + 1):
            try:
                response = await self._exchange(
                    method, url, body=body, headers=headers, what=what, repeatable=False, turn=turn
                )
                break
            except (ConnectionLost, RequestTimeout) as error:
                lost = error if error.may_have_happened else lost
                if not error.may_have_happened or attempt == MUTATION_TRIES or self.link.has_ended:
                    raise (lost or error) from error.__cause__
            except (UsageError, TokenError, ReplyError) as error:
                if lost is None:
                    raise
                raise lost from error  # the end, or a no to the second try, says nothing about the first
        if response.status == 202:  # it had happened: this is where the result stands
            where = self._typed(response.body, ResourceUrl, what).resource_url
            try:
                response = await self._read(where, None, what)
            except ConvoError as error:  # only the result is not to be had
                kind = RequestTimeout if isinstance(error, RequestTimeout) else ConnectionLost
                raise kind(what, may_have_happened=True) from error
        return response.body

    async def post(self, url: str, body: Any, type: type[T], *, what: str) -> T:
        """`mutate` by POST, with a typed answer."""
        return self._typed(await self.mutate("POST", url, body, what=what), type, what)

    async def post_form(self, url: str, fields: dict[str, str], type: type[T], *, what: str) -> T:
        """POST a form; it is not repeated."""
        form = "&".join(f"{quote(key)}={quote(value)}" for key, value in fields.items()).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = await self._exchange("POST", url, raw=form, headers=headers, what=what, repeatable=False)
        return self._typed(response.body, type, what)

    async def _exchange(
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
        payload = raw or (b"" if body is None else json.encode(body))
        if len(payload) > MAX_REQUEST:
            size = f"{len(payload):,} bytes, and at most {MAX_REQUEST:,} fit; nothing was sent"
            raise TooLarge(413, 51207, f"The request ({what}) has {size}")
        request = _http_request(method, url, params, headers)
        response = await self.link.request(request, payload, what=what, repeatable=repeatable, turn=turn)
        if not 200 <= response.status < 300:
            raise _reply_error(response)
        return response

    @staticmethod
    def _typed(body: bytes, type: type[T], what: str) -> T:
        try:
            return json.decode(body, type)
        except json.BadJSON as error:
            raise RemoteProtocolError(f"The service's answer to {what} cannot be read: {error}.") from error

    # -- Sync objects

    @staticmethod
    def item(data: Any, type: type[T]) -> T | None:
        """Typed data of an item; None, and a warning, where it cannot be read: it must not cost the others."""
        if data is None or data is UNSET:
            return None
        if isinstance(data, type):
            return data
        try:
            return json.decode(data, type)
        except json.BadJSON as error:
            log.warning("an item from Sync cannot be read and is skipped: %s", error)
            return None

    async def open(self, kind: str, name: str) -> SyncObjectReply:
        """Open a Sync object ("Documents", "Lists" or "Maps") by name or sid."""
        url = f"{self.endpoints.sync}/v3/{kind}/{quote(name, safe='')}"
        return await self.get(url, SyncObjectReply, what=f"opening {kind.lower()[:-1]} {name}")

    async def items(
        self,
        url: str,
        *,
        type: Any = Raw,
        start: int | str | None = None,
        page_size: int = PAGE_LIMIT,
        order: str = "asc",
        key: str | None = None,
    ) -> TypedPage[Any]:
        """A page of a list's or map's items, from `start` (inclusive) on; at most 100.

        Their data is of this type; where one of them cannot be, all are as they came, for `item` to judge each.
        """
        params: dict[str, Any] = {"PageSize": page_size, "Order": order}
        if start is not None:
            params["From"] = start
        if key is not None:
            params["Key"] = key
        body = (await self._read(url, params, "reading items")).body
        with contextlib.suppress(json.BadJSON):
            return json.decode(body, TypedPage[type])
        return self._typed(body, TypedPage[Raw], "reading items")

    def follow(self, obj: SyncObject, route: Route) -> None:
        """Give every change of this object to `route`, from its position on, over every reconnect."""
        self._routes[obj.sid] = route
        self._subscriptions.follow(obj)
        self._pump_soon()

    def unfollow(self, sid: str) -> None:
        """Stop it."""
        if self._routes.pop(sid, None) is not None:
            self._subscriptions.unfollow(sid)
            self._pump_soon()

    def connection_changed(self, *, is_open: bool) -> None:
        """The link came or went: subscriptions belong to the connection."""
        if is_open:
            self._subscriptions.connected()
            self._reopened.set()
            self._pump_soon()
        else:
            self._subscriptions.disconnected()

    def receive(self, notice: Notified) -> None:
        """Take a Sync notification and tell the nouns what changed."""
        try:
            notification = json.decode(notice.body, SyncNotification)
        except json.BadJSON as error:
            log.warning("a Sync notification cannot be read and is skipped: %s", error)
            return
        ordered = notice.message_type == "twilio.sync.event"
        for obj, change in self._subscriptions.receive(notification, ordered=ordered, now=self._now()):
            if change is None:
                continue
            ended = change.kind in ("gone", "lost")
            route = self._routes.pop(obj.sid, None) if ended else self._routes.get(obj.sid)
            if route is not None:
                self._tell(route, change)
        if notification.event_type.startswith("subscription_"):
            self._pump_soon()

    @staticmethod
    def _tell(route: Route, change: Change) -> None:
        try:
            route(change)
        except Exception:  # one odd item must not take the connection down
            log.exception("a change from Sync could not be applied")

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _pump_soon(self) -> None:
        """Look at once, after whatever else happens in this step of the loop, what there is to subscribe."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._timer = None
        for batch in self._subscriptions.due(self._now()):
            self.spawn(self._subscribe(batch), "subscribe")
        wake = self._subscriptions.wake_at()
        if wake is not None:
            self._timer = asyncio.get_running_loop().call_at(wake, self._pump)

    async def _subscribe(self, batch: Batch) -> None:
        url = f"{self.endpoints.sync}/v4/Subscriptions"
        try:
            response = await self._exchange("POST", url, body=batch.body, what="subscribing", repeatable=True)
            reply = self._typed(response.body, SubscriptionsReply, "subscribing")
        except ConvoError as error:
            log.debug("subscribing failed and is tried again: %s", error)
            self._subscriptions.refused(batch, self._now())
        else:
            self._subscriptions.accepted(batch, reply, self._now())
        self._pump_soon()


async def together(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Do these at once; the first failure ends the others and is raised as it is."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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


def _reply_error(response: Response) -> ReplyError:
    try:
        body = json.decode(response.body or b"{}", ErrorBody)
    except json.BadJSON:
        body = ErrorBody()
    error = reply_error(response.status, body.code, body.message, body.more_info)
    if isinstance(error, Throttled):
        error.retry_after = _retry_after(response.headers)
    return error


def _retry_after(headers: dict[str, Any]) -> float | None:
    """Seconds that the service asks to wait; None where it does not say, or says nonsense."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            with contextlib.suppress(TypeError, ValueError):
                return max(0.0, float(value)) if math.isfinite(float(value)) else None
    return None


def _pause(error: Throttled | ServiceFailed, delay: float) -> float:
    """Seconds before a read is tried again."""
    asked = error.retry_after if isinstance(error, Throttled) else None
    return min(max(delay, asked or 0.0), LONGEST_PAUSE)
