"""Sync: objects are opened, their items paged, their events followed.

A subscription is answered with the events that its client has missed, oldest first, and then with
`subscription_established`. The store is read and the connection is registered in one step of the loop, so nothing can
fall between the two. A replay longer than `REPLAY` events is cut and told as `interrupted`: the client asks again from
where it is. A client whose position this store never had is answered with one below it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace

from msgspec import Raw, Struct

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
    SyncItemPage,
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
        reply.items = _fit(call, object, _read(call.store, object, Range(limit=LARGEST_PAGE)))
    return Answer(reply)


def _items(call: Call) -> Answer:
    object = _open(call)
    if object.type == "document":
        raise Refused(20404)
    only = call.param("Index" if object.type == "list" else "Key")
    token = call.param("PageToken")
    if only is not None:
        span = Range(_key(object, only), limit=1)
    elif token:
        return Answer(_page_of(call, object, token))
    else:
        start = call.param("From")
        key = None if start is None or start == "" else _key(object, start)
        span = Range(key, descending=call.param("Order") == "desc", limit=_page_size(call))
    found = _read(call.store, object, span)
    if only is not None:
        found = [item for item in found if item.key == span.start]
    return Answer(_page(call, object, span, found))


def _page_of(call: Call, object: SyncObject, text: str) -> SyncItemPage:
    """The page of a token, in either direction."""
    token = _decode_token(text)
    if isinstance(token.key, int) != (object.type == "list"):
        raise Refused(54453)
    span = Range(token.key, not token.before, token.descending, _page_size(call))
    if not token.before:
        return _page(call, object, span, _read(call.store, object, span))
    back = replace(span, descending=not span.descending)
    return _page(call, object, span, _read(call.store, object, back), backwards=True)


def _page(call: Call, object: SyncObject, span: Range, found: list[Item], *, backwards: bool = False) -> SyncItemPage:
    """Items with exact tokens: whether there is something on either side."""
    items = _fit(call, object, found)
    found = found[: len(items)]
    if backwards:
        items, found = items[::-1], found[::-1]
    first, last = (found[0].key, found[-1].key) if found else (span.start, span.start)
    meta = Meta()
    if first is None or last is None:  # nothing at all
        return SyncItemPage(items, meta)
    ahead = replace(span, start=last, inclusive=False, limit=1)
    for item in _read(call.store, object, ahead):
        meta.next_token = _encode_token(item.key, span.descending, before=False)
    if _read(call.store, object, replace(ahead, start=first, descending=not span.descending)):
        meta.previous_token = _encode_token(first, span.descending, before=True)
    return SyncItemPage(items, meta)


def _fit(call: Call, object: SyncObject, found: list[Item]) -> list[SyncItem]:
    """Items as they are told, as many as go into a frame, and one at least."""
    items: list[SyncItem] = []
    newest, url, size = call.store.newest, _url(call, object), 0
    for item in found:
        data = json.encode(item.data)
        size += len(data) + 300
        if items and size > PAGE_BYTES:
            break
        told = SyncItem(
            data=Raw(data),
            last_event_id=newest,
            url=f"{url}/Items/{item.key}",
            revision=str(newest),
            date_created=item.date_created,
            date_updated=item.date_updated,
        )
        if isinstance(item.key, int):
            told.index = item.key
        else:
            told.key = item.key
        items.append(told)
    return items


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
    if not call.store.was_here(position):
        _start_over(call, asked, object, position)
        return
    missed = call.store.events_after(object.sid, position, room.events + 1)
    taken = room.take(missed)
    for event in taken:
        call.follower.notify(notification(_ORDERED, payload(event, asked.correlation_id, ordered=True)))
    done = SyncEvent(object_sid=request.object_sid, object_type=request.object_type)
    if len(taken) < len(missed):
        done.replay_status, done.last_event_id = "interrupted", taken[-1].id if taken else position
    else:
        done.replay_status, done.last_event_id = "completed", call.store.newest
        call.hub.follow(call.follower, object.sid)
    _tell(call, asked, "subscription_established", done)


def _start_over(call: Call, asked: Subscriptions, object: SyncObject, position: int) -> None:
    """Follow for a client that knows another store: a position below its own tells it to read everything anew."""
    done = SyncEvent(object_sid=object.sid, object_type=object.type)
    done.replay_status, done.last_event_id = "completed", min(position - 1, call.store.newest)
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
