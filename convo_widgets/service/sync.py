"""Sync: objects are opened, their items paged, their events followed.

A subscription is answered with the events that its client has missed, oldest first, and then with
`subscription_established`. The store is read and the connection is registered in one step of the loop, so nothing can
fall between the two. A replay longer than `REPLAY` events is cut and told as `interrupted`: the client asks again from
where it is. A client whose position this store never had is answered with one below it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from typing import Any

from msgspec import UNSET, Raw, Struct

from convo_widgets.service import views
from convo_widgets.service.calls import Answer, Call, ask, get
from convo_widgets.service.hub import payload
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Store, StoredEvent
from convo_widgets.service.views import Item, Key, Range, SyncObject
from convo_widgets.wire import json
from convo_widgets.wire.protocol import notification
from convo_widgets.wire.schema import (
    Meta,
    SubscriptionRequest,
    Subscriptions,
    SubscriptionsReply,
    SyncError,
    SyncEvent,
    SyncItem,
    SyncObjectReply,
)

PAGE = 50
LARGEST_PAGE = 100
PAGE_BYTES = 512 * 1024
"""Most data in a page; a page is shorter where its items are larger."""
BATCH = 100
"""Objects in a subscription request."""
REPLAY = 1000
"""Events that one subscription request may bring back."""
REPLAY_BYTES = 2 * 1024 * 1024
"""The same in bytes."""
SUBSCRIPTIONS = 20_000
"""Objects that a connection may follow."""
_PATHS = {"document": "Documents", "list": "Lists", "map": "Maps"}
_ORDERED = "twilio.sync.event"


class _Token(Struct, array_like=True):
    """Where a page begins (or, `before`, ends), in which order."""

    key: int | str
    descending: bool
    before: bool


class _Page(Struct):
    """A `SyncItemPage` whose items are encoded already."""

    items: Raw
    meta: Meta


# --- Objects and items ---------------------------------------------------------------------------------------------


def _open(call: Call) -> SyncObject:
    """The object in the path, by sid or name, which the caller may see."""
    for id in (call.names["id"], call.raw_names["id"]):
        object = views.find(call.store, id)
        if object is not None and _PATHS[object.type] == call.names["type"]:
            if not views.may_see(call.store, object, call.identity):
                raise Refused(54007)
            return object
    raise Refused(20404)


def _url(call: Call, object: SyncObject) -> str:
    return f"{call.base}/v3/{_PATHS[object.type]}/{object.sid}"


def _get(call: Call) -> Answer:
    object, newest = _open(call), call.store.newest
    url = _url(call, object)
    reply = SyncObjectReply(
        sid=object.sid,
        last_event_id=newest,
        unique_name=object.name,
        url=url,
        revision=str(newest),
        date_created=object.date_created,
        date_updated=object.date_created,
        links={} if object.type == "document" else {"items": f"{url}/Items"},
    )
    if object.type == "document":
        reply.data = Raw(json.encode(views.channel(call.store, object.subject)))
    if object.type == "map" and call.param("Include") == "items":
        items = _show(call, object, _read(call.store, object, Range(limit=LARGEST_PAGE)))
        reply.items = items[: _fit(items)[1]]
    return Answer(reply)


def _items(call: Call) -> Answer:
    object = _open(call)
    if object.type == "document":
        raise Refused(20404)
    only = call.param("Index" if object.type == "list" else "Key")
    token = call.param("PageToken")
    if only is not None:
        return _page(call, object, Range(_key(object, only), limit=1), only=True)
    if token:
        return _page_of(call, object, token)
    start = call.param("From")
    key = None if start is None or start == "" else _key(object, start)
    return _page(call, object, Range(key, descending=call.param("Order") == "desc", limit=_page_size(call)))


def _page_of(call: Call, object: SyncObject, text: str) -> Answer:
    """The page of a token, in either direction."""
    token = _decode_token(text)
    if isinstance(token.key, int) != (object.type == "list"):
        raise Refused(54453)
    descending = token.descending != token.before
    span = Range(token.key, not token.before, descending, _page_size(call))
    return _page(call, object, span, backwards=token.before)


def _page(call: Call, object: SyncObject, span: Range, *, only: bool = False, backwards: bool = False) -> Answer:
    """The items of a range, or its first key's alone, with exact tokens: whether there is something on either side."""
    found = _read(call.store, object, replace(span, limit=span.limit + 1))
    items = found[: span.limit]
    if only:
        items = [item for item in items if item.key == span.start]
    told, count = _fit(_show(call, object, items), backwards)
    items, ahead = items[:count], found[count:]
    edge: Any = items[0].key if items else span.start
    behind = [] if edge is None else _read(call.store, object, Range(edge, False, not span.descending, 1))
    descending = span.descending != backwards
    if backwards:
        items, ahead, behind = items[::-1], behind, ahead
    meta = Meta()
    if ahead:
        meta.next_token = _encode_token(ahead[0].key, descending, before=False)
    if behind:
        meta.previous_token = _encode_token(items[0].key if items else edge, descending, before=True)
    return Answer(_Page(told, meta))


def _show(call: Call, object: SyncObject, found: list[Item]) -> list[SyncItem]:
    """Items as they are told."""
    url, newest, listed = f"{_url(call, object)}/Items", call.store.newest, object.type == "list"
    revision = str(newest)
    return [
        SyncItem(
            data=item.data,
            last_event_id=newest,
            index=item.key if listed else UNSET,
            key=UNSET if listed else item.key,
            url=f"{url}/{item.key}",
            revision=revision,
            date_created=item.date_created,
            date_updated=item.date_updated,
        )
        for item in found
    ]


def _fit(items: list[SyncItem], backwards: bool = False) -> tuple[Raw, int]:
    """JSON of the items, as many as go into a frame and one at least; and how many."""
    whole = json.encode(items[::-1] if backwards else items)
    if len(whole) <= PAGE_BYTES:
        return Raw(whole), len(items)
    parts: list[bytes] = []
    size = 0
    for item in items:
        part = json.encode(item)
        size += len(part)
        if parts and size > PAGE_BYTES:
            break
        parts.append(part)
    return Raw(b"[%b]" % b",".join(parts[::-1] if backwards else parts)), len(parts)


def _read(store: Store, object: SyncObject, span: Range) -> list[Item]:
    return views.READERS[object.view](store, object.subject, span)


def _key(object: SyncObject, text: str) -> Key:
    """A key as the object has it: a number in a list."""
    if object.type == "map":
        return text
    try:
        index = int(text)
    except ValueError as error:
        raise Refused(20422, "an index is a number") from error
    return max(-1, min(index, 1 << 53))


def _page_size(call: Call) -> int:
    try:
        return max(1, min(int(call.param("PageSize") or PAGE), LARGEST_PAGE))
    except ValueError as error:
        raise Refused(20422, "PageSize is a number") from error


def _encode_token(key: Key, descending: bool, *, before: bool) -> str:
    return urlsafe_b64encode(json.encode(_Token(key, descending, before))).decode()


def _decode_token(text: str) -> _Token:
    try:
        return json.decode(urlsafe_b64decode(text.encode()), _Token)
    except ValueError as error:
        raise Refused(54453) from error


# --- Subscriptions -------------------------------------------------------------------------------------------------


def _subscribe(call: Call) -> Answer:
    asked = call.read(Subscriptions)
    if len(asked.requests) > BATCH:
        raise Refused(20422, f"at most {BATCH} objects in a request")
    if asked.action == "cancel":
        for request in asked.requests:
            call.hub.unfollow(call.follower, request.object_sid)
            event = SyncEvent(object_sid=request.object_sid, object_type=request.object_type)
            _tell(call, asked, "subscription_canceled", event)
        return Answer(SubscriptionsReply(max_batch_size=BATCH))
    if len(call.follower.followed) + len(asked.requests) > SUBSCRIPTIONS:
        raise Refused(54419)
    room = _Room()
    for request in asked.requests:
        _establish(call, asked, request, room)
    return Answer(SubscriptionsReply(max_batch_size=BATCH))


@dataclass
class _Room:
    """What a request may still bring back."""

    events: int = REPLAY
    bytes: int = REPLAY_BYTES

    def take(self, missed: list[StoredEvent]) -> list[StoredEvent]:
        """As many of these as there is room for, oldest first."""
        taken = []
        for event in missed[: self.events]:
            if self.bytes <= 0:
                break
            self.bytes -= len(event.body)
            taken.append(event)
        self.events -= len(taken)
        return taken


def _establish(call: Call, asked: Subscriptions, request: SubscriptionRequest, room: _Room) -> None:
    """Replay what was missed and follow from there."""
    object = views.find(call.store, request.object_sid)
    if object is None or object.type != request.object_type or not views.may_see(call.store, object, call.identity):
        error = SyncError(404, 20404, "there is no such object")
        _tell(call, asked, "subscription_failed", SyncEvent(object_sid=request.object_sid, error=error))
        return
    position = max(0, min(request.last_event_id or 0, 1 << 62))
    known = call.store.was_here(position)
    since = position if known else min(position, call.store.era)
    missed = call.store.events_after(object.sid, since, room.events + 1)
    taken = room.take(missed)
    for event in taken:
        call.follower.notify(notification(_ORDERED, payload(event, asked.correlation_id, ordered=True)))
    done = SyncEvent(object_sid=request.object_sid, object_type=request.object_type)
    if not known:
        # One below its own tells a client that it knew another store and is to read everything anew. The JavaScript SDK
        # does not: it goes on with what it has, and learns by the replay what is new since.
        done.replay_status, done.last_event_id = "completed", min(position - 1, call.store.newest)
        call.hub.follow(call.follower, object.sid)
    elif len(taken) < len(missed):
        done.replay_status, done.last_event_id = "interrupted", taken[-1].id if taken else position
    else:
        done.replay_status, done.last_event_id = "completed", call.store.newest
        call.hub.follow(call.follower, object.sid)
    _tell(call, asked, "subscription_established", done)


def _tell(call: Call, asked: Subscriptions, event_type: str, event: SyncEvent) -> None:
    told = StoredEvent(0, event.object_sid or "", event_type, json.encode(event))
    call.follower.notify(notification(_ORDERED, payload(told, asked.correlation_id, ordered=True)))


ROUTES = [
    get("/v3/{type}/{id}/Items", _items),
    get("/v3/{type}/{id*}", _get),
    ask("/v4/Subscriptions", _subscribe),
]
