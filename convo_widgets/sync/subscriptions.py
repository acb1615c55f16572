r"""Which Sync objects we want to follow, and which the service follows with us.

Theory of operation
===================

Subscriptions belong to the connection; the wish to follow belongs to us. So the wish outlives connections, and each
new connection starts with nothing established. Time comes in as an argument (seconds, any clock that only grows), and
what to send goes out as batches::

    subscriptions.follow(obj)
    for batch in subscriptions.due(now): send it; then .accepted(batch, reply, now) or .refused(batch, now)
    changes = subscriptions.receive(notification, ordered=..., now=now)
    sleep until subscriptions.wake_at(), then due() again

Life of one object on one connection::

    wanted --due()--> asked --subscription_established--> established
      ^                 |  \-- "interrupted": ask again, from the position reached
      |                 |---- no word within the estimated delivery time: ask again
      |                 |---- the request was refused: ask again after a back-off
      |                 |---- subscription_failed or _canceled: the same for this object; 403/404: it is gone for us
      |                 \---- established below our position: another world, what we know is "lost"
      \-- disconnected()

Events may come before the reply to the request, and before `established`: they are applied as they come. Until an
object is established its live events may be out of order, so they do not move its position; a replay does at its end.

Event ids only grow. A service that establishes an object below the position that an earlier connection has reached was
restored or made anew: nothing that we know of the object can be trusted, and waiting for events would be for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from convo_widgets.sync.objects import Change, SyncObject
from convo_widgets.wire.schema import (
    SubscriptionRequest,
    SubscriptionsReply,
    SyncEvent,
    SyncNotification,
)
from convo_widgets.wire.schema import (
    Subscriptions as SubscriptionsBody,
)

FIRST_RETRY, LAST_RETRY = 0.1, 120.0  # seconds
LEAST_PATIENCE, MOST_PATIENCE = 1.0, 120  # seconds to wait for an answer, whenever the service promises it
LARGEST_BATCH = 1000  # objects: more of them would not fit into a request
LONGEST_LIFE = 10**7  # seconds that subscriptions hold at most
EVENT_PROTOCOL = 4

State = Literal["wanted", "asked", "established"]


@dataclass(slots=True)
class _Entry:
    """One wanted object on the present connection."""

    object: SyncObject
    state: State = "wanted"
    correlation: int = 0
    retries: int = 0
    not_before: float = 0.0
    fresh: bool = True  # its position was read on this very connection


@dataclass(frozen=True, slots=True)
class Batch:
    """One request to send: POST /v4/Subscriptions with `body`."""

    body: SubscriptionsBody

    @property
    def sids(self) -> list[str]:
        """The objects that it is about."""
        return [request.object_sid for request in self.body.requests]


class Subscriptions:
    """The wish to follow objects, made true again on every connection."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._wanted: dict[str, _Entry] = {}  # those of them in this state: looked for at every answer
        self._asked: dict[int, dict[str, _Entry]] = {}  # likewise, by correlation id
        self._cancel: dict[str, SyncObject] = {}
        self._connected = False
        self._not_before = 0.0
        self._retry = FIRST_RETRY
        self._batch_size = 100
        self._correlation = 0
        self._deadlines: dict[int, float] = {}  # by correlation id: when to wonder about missing answers
        self._patience = 20.0
        self._renew_at = float("inf")
        self._renewing = False

    def __len__(self) -> int:
        return len(self._entries)

    def follow(self, obj: SyncObject) -> None:
        """Want this object's events, from its position on."""
        self._cancel.pop(obj.sid, None)
        self._drop(obj.sid)
        self._entries[obj.sid] = self._wanted[obj.sid] = _Entry(obj)

    def unfollow(self, sid: str) -> None:
        """Want no more of it; its events are dropped from now on."""
        entry = self._drop(sid)
        if entry is not None and entry.state != "wanted":
            self._cancel[sid] = entry.object

    def is_established(self, sid: str) -> bool:
        """Whether the service follows this object with us on the present connection."""
        entry = self._entries.get(sid)
        return entry is not None and entry.state == "established"

    @property
    def is_settled(self) -> bool:
        """Whether the service follows all that we want with us on the present connection."""
        return self._connected and not self._wanted and not self._asked

    def connected(self) -> None:
        """A new connection: nothing is established on it."""
        self._connected = True
        self._cancel.clear()
        self._not_before, self._retry, self._renew_at = 0.0, FIRST_RETRY, float("inf")
        self._ask_again()

    def disconnected(self) -> None:
        """The connection is gone, and every subscription with it."""
        self._connected = False
        self._ask_again()
        for entry in self._entries.values():
            entry.fresh = False

    def due(self, now: float) -> list[Batch]:
        """What to send now."""
        if not self._connected:
            return []
        self._expire(now)
        if now < self._not_before:
            return []
        wanted = [entry.object for entry in self._wanted.values() if now >= entry.not_before]
        batches = [
            *self._batches("establish", wanted),
            *self._batches("cancel", list(self._cancel.values())),
        ]
        self._cancel.clear()
        return batches

    def wake_at(self) -> float | None:
        """When `due` has to be asked again at the latest; None while nothing is open."""
        if not self._connected:
            return None
        times = [self._renew_at, *self._deadlines.values()]
        times += [max(self._not_before, one.not_before) for one in self._wanted.values()]
        if self._cancel:
            times.append(self._not_before)
        earliest = min(times)
        return None if earliest == float("inf") else earliest

    def accepted(self, batch: Batch, reply: SubscriptionsReply, now: float) -> None:
        """The service took a batch; it says when to wonder about missing answers."""
        self._retry = FIRST_RETRY
        if reply.max_batch_size > 0:
            self._batch_size = min(reply.max_batch_size, LARGEST_BATCH)
        if reply.ttl_in_s > 0:
            self._renew_at = min(self._renew_at, now + min(reply.ttl_in_s, LONGEST_LIFE))
        estimated = min(reply.estimated_delivery_in_ms, MOST_PATIENCE * 1000)
        self._patience = max(estimated / 1000, LEAST_PATIENCE)
        if batch.body.correlation_id in self._asked:  # some may have been answered before
            self._deadlines[batch.body.correlation_id] = now + self._patience

    def refused(self, batch: Batch, now: float) -> None:
        """The request failed, whatever the reason: again, later."""
        self._want_again(batch.body.correlation_id)
        self._not_before = now + self._retry
        self._retry = min(self._retry * 2, LAST_RETRY)

    def receive(
        self, notification: SyncNotification, *, ordered: bool, now: float
    ) -> list[tuple[SyncObject, Change | None]]:
        """Take a notification; what changed, object by object (None: it has just been established)."""
        if notification.correlation_id in self._deadlines:  # answers are arriving: the others are on their way
            self._deadlines[notification.correlation_id] = now + self._patience
        events = notification.events or ([] if notification.event is None else [notification.event])
        changes: list[tuple[SyncObject, Change | None]] = []
        for event in events:
            entry = self._entries.get(event.subject or "")
            if entry is None:
                continue
            if notification.event_type.startswith("subscription_"):
                changes += self._settle(entry, notification.event_type, event, notification.correlation_id, now)
                continue
            live = entry.state == "established"
            change = entry.object.apply(notification.event_type, event, ordered=ordered or live, replayed=not live)
            if change is not None:
                changes.append((entry.object, change))
        for obj, change in changes:
            if change is not None and change.kind in ("gone", "lost"):
                self._drop(obj.sid)
        return changes

    def _settle(
        self, entry: _Entry, event_type: str, event: SyncEvent, correlation: int | None, now: float
    ) -> list[tuple[SyncObject, Change | None]]:
        if correlation is not None and correlation != entry.correlation:
            return []  # an answer to a request that was given up
        if event_type == "subscription_canceled":  # what we cancel is not wanted any more: ask again, and learn why
            self._retry_later(entry, now)
            return []
        if event_type == "subscription_failed":
            if event.error is not None and event.error.status in (403, 404):
                return [(entry.object, Change("gone"))]
            self._retry_later(entry, now)
            return []
        if event_type != "subscription_established":
            return []
        if event.replay_status == "interrupted":
            if entry.object.advance():
                self._move(entry, "wanted")
                entry.retries = 0
            else:
                self._retry_later(entry, now)
            return []
        if not entry.fresh and event.last_event_id is not None and event.last_event_id < entry.object.position:
            return [(entry.object, Change("lost"))]
        self._move(entry, "established")
        entry.retries = 0
        return [*((entry.object, change) for change in entry.object.settle(event.last_event_id)), (entry.object, None)]

    def _batches(self, action: Literal["establish", "cancel"], objects: list[SyncObject]) -> list[Batch]:
        batches = []
        for start in range(0, len(objects), self._batch_size):
            self._correlation += 1
            part = objects[start : start + self._batch_size]
            if action == "establish":
                for obj in part:
                    entry = self._entries[obj.sid]
                    entry.correlation = self._correlation
                    self._move(entry, "asked")
                    obj.rewind()
            body = SubscriptionsBody(
                event_protocol_version=EVENT_PROTOCOL,
                action=action,
                correlation_id=self._correlation,
                requests=[
                    SubscriptionRequest(obj.sid, obj.type, obj.position if action == "establish" else None)
                    for obj in part
                ],
                retried_requests=sum(self._entries[obj.sid].retries > 0 for obj in part if obj.sid in self._entries),
                ttl_in_s=-1,
                reason="ttl" if self._renewing and action == "establish" else None,
            )
            batches.append(Batch(body))
        self._renewing = False
        return batches

    def _want_again(self, correlation: int) -> None:
        """Whatever this request did not establish has to be asked for again."""
        for entry in list(self._asked.get(correlation, {}).values()):
            self._move(entry, "wanted")
            entry.retries += 1

    def _retry_later(self, entry: _Entry, now: float) -> None:
        """Ask again, each time later."""
        self._move(entry, "wanted")
        entry.not_before = now + min(FIRST_RETRY * 2 ** min(entry.retries, 20), LAST_RETRY)
        entry.retries += 1

    def _expire(self, now: float) -> None:
        if now >= self._renew_at:
            self._renew_at, self._renewing = float("inf"), True
            self._ask_again()
        for correlation in [key for key, deadline in self._deadlines.items() if now >= deadline]:
            del self._deadlines[correlation]
            self._want_again(correlation)

    def _ask_again(self) -> None:
        self._deadlines.clear()
        self._asked.clear()
        self._wanted = dict(self._entries)
        for entry in self._entries.values():
            entry.state, entry.not_before = "wanted", 0.0

    def _move(self, entry: _Entry, state: State) -> None:
        """Put an entry into another state, and where it is looked for."""
        self._take_out(entry)
        entry.state = state
        if state == "wanted":
            self._wanted[entry.object.sid] = entry
        elif state == "asked":
            self._asked.setdefault(entry.correlation, {})[entry.object.sid] = entry

    def _drop(self, sid: str) -> _Entry | None:
        entry = self._entries.pop(sid, None)
        if entry is not None:
            self._take_out(entry)
        return entry

    def _take_out(self, entry: _Entry) -> None:
        sid = entry.object.sid
        self._wanted.pop(sid, None)
        asked = self._asked.get(entry.correlation)
        if asked is not None and asked.pop(sid, None) is not None and not asked:
            del self._asked[entry.correlation]
            self._deadlines.pop(entry.correlation, None)
