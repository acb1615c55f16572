"""What every noun needs from the client: requests to the service, and Sync objects that stay followed.

A `Session` is the seam between the nouns and the wire. Downwards it owns the `Link` and the `Subscriptions`; upwards
it gives typed answers, raises the errors of `convo_widgets.errors`, and routes each change of a Sync object to the noun
that follows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec import UNSET, Raw

from convo_widgets.client.endpoints import Endpoints
from convo_widgets.client.requests import Requests, typed
from convo_widgets.client.tasks import Tasks
from convo_widgets.client.tokens import TokenSource
from convo_widgets.errors import ConvoError
from convo_widgets.sync.objects import Change, SyncObject
from convo_widgets.sync.subscriptions import Batch, Subscriptions
from convo_widgets.transport.link import Link
from convo_widgets.transport.observer import Observer
from convo_widgets.transport.transport import Transport
from convo_widgets.wire import json
from convo_widgets.wire.events import Notified
from convo_widgets.wire.schema import SubscriptionsReply, SyncNotification, SyncObjectReply, TypedPage

log = logging.getLogger("convo_widgets")

T = TypeVar("T")
Route = Callable[[Change], None]

PAGE_LIMIT = 100  # items that Sync puts on one page, whatever is asked


class Session(Requests):
    """Requests and followed Sync objects over one link."""

    def __init__(
        self,
        endpoints: Endpoints,
        tokens: TokenSource,
        observer: Observer,
        metadata: dict[str, Any],
        transport: Transport,
    ) -> None:
        link = Link(
            endpoints.socket,
            fetch_token=tokens.fetch,
            renewable=tokens.renewable,
            observer=observer,
            metadata=metadata,
            transport=transport,
        )
        super().__init__(link)
        self.endpoints = endpoints
        self.tasks = Tasks()
        self._subscriptions = Subscriptions()
        self._routes: dict[str, Route] = {}
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None

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
        await self.tasks.cancel()

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
        body = (await self.read(url, params, "reading items")).body
        with contextlib.suppress(json.BadJSON):
            return json.decode(body, TypedPage[type])
        return typed(body, TypedPage[Raw], "reading items")

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

    def is_followed(self, obj: SyncObject) -> bool:
        """Whether its changes arrive, or will: not those of one that is "gone" or "lost"."""
        return obj.sid in self._routes

    def connection_changed(self, *, is_open: bool) -> None:
        """The link came or went: subscriptions belong to the connection."""
        if is_open:
            self._subscriptions.connected()
            self.tasks.reopened()
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
            self.tasks.spawn(self._subscribe(batch), "subscribe")
        wake = self._subscriptions.wake_at()
        if wake is not None:
            self._timer = asyncio.get_running_loop().call_at(wake, self._pump)

    async def _subscribe(self, batch: Batch) -> None:
        url = f"{self.endpoints.sync}/v4/Subscriptions"
        try:
            response = await self.exchange("POST", url, body=batch.body, what="subscribing", repeatable=True)
            reply = typed(response.body, SubscriptionsReply, "subscribing")
        except ConvoError as error:
            log.debug("subscribing failed and is tried again: %s", error)
            self._subscriptions.refused(batch, self._now())
        else:
            self._subscriptions.accepted(batch, reply, self._now())
        self._pump_soon()
