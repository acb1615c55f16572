"""A true history of one Sync object, and a service that tells it over a bad network, as the protocol allows.

A `World` knows what really happened. `talk` is one connection: a replay, whole or shortened to the last state of each
item, live events around it in any order, an end at any moment. A `Replica` is the client's side: what a noun would have
made of the changes. The two must agree in the end, whatever was drawn in between.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st
from msgspec import Raw

from convo_widgets.sync.objects import Change, Key, SyncCollection, SyncDocument, SyncList, SyncMap, SyncObject
from convo_widgets.sync.subscriptions import Batch, Subscriptions
from convo_widgets.wire import json
from convo_widgets.wire.schema import SubscriptionsReply, SyncEvent, SyncItem, SyncNotification, SyncType

SID = "XX1"


@dataclass(frozen=True)
class Happening:
    """One event of the true history; the data of an item is the id of the event that wrote it."""

    id: int
    what: Literal["added", "updated", "removed"]
    key: Key | None

    def told(self, type: SyncType) -> tuple[str, SyncEvent]:
        """As the service says it: event type and event."""
        data = Raw(json.encode({"at": self.id}))
        if type == "document":
            return "document_updated", SyncEvent(id=self.id, document_sid=SID, document_data=data)
        event = SyncEvent(id=self.id)
        if type == "list":
            event.list_sid, event.item_index = SID, self.key
        else:
            event.map_sid, event.item_key = SID, self.key
        if self.what != "removed":
            event.item_data = data
        return f"{type}_item_{self.what}", event


class World:
    """What really happened to one object, up to `now`."""

    def __init__(self, type: SyncType, history: list[Happening], opened: int) -> None:
        self.type = type
        self._history = history
        self.now = opened  # how many events have happened

    def __repr__(self) -> str:
        return f"<World {self.now} of {[(event.id, event.what, event.key) for event in self._history]}>"

    @property
    def newest(self) -> int:
        """Id of the last event."""
        return self._history[self.now - 1].id if self.now else 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.now == len(self._history)

    def happen(self) -> Happening:
        """The next event."""
        self.now += 1
        return self._history[self.now - 1]

    def since(self, position: int) -> list[Happening]:
        """What has happened after an event id."""
        return [event for event in self._history[: self.now] if event.id > position]

    def until(self, position: int) -> list[Happening]:
        """What had happened by an event id."""
        return [event for event in self._history[: self.now] if event.id <= position]

    def state(self) -> dict[Key | None, int]:
        """Each item that is there now: the id of the event that wrote it."""
        state: dict[Key | None, int] = {}
        for event in self._history[: self.now]:
            if event.what == "removed":
                del state[event.key]
            else:
                state[event.key] = event.id
        return state

    def lives(self) -> Counter[Key | None]:
        """How often each item was added."""
        return Counter(event.key for event in self._history[: self.now] if event.what == "added")

    def page(self) -> list[SyncItem]:
        """All items, read now: each carries the last event id at the read."""
        items = []
        for key, at in self.state().items():
            item = SyncItem(Raw(json.encode({"at": at})), self.newest)
            if self.type == "list":
                item.index = key
            else:
                item.key = key
            items.append(item)
        return items

    def shortened(self, position: int) -> list[Happening]:
        """The last state of each item since a position: new ones as added, and removals."""
        before = {event.key for event in self.until(position)}
        for event in self.until(position):
            before.discard(event.key) if event.what == "removed" else before.add(event.key)
        last: dict[Key | None, Happening] = {}
        removals: dict[Key | None, Happening] = {}
        for event in self.since(position):
            if event.what == "removed":
                removals[event.key] = event
                last.pop(event.key, None)
            else:
                is_new = event.key not in before or event.key in removals
                last[event.key] = Happening(event.id, "added" if is_new else "updated", event.key)
        return sorted([*removals.values(), *last.values()], key=lambda event: event.id)


@st.composite
def worlds(draw: st.DrawFn, type: SyncType) -> World:
    """A history of up to a dozen events on a few items, opened somewhere within."""
    history: list[Happening] = []
    there: list[Key | None] = [None] if type == "document" else []
    id, index = 0, 0
    for _ in range(draw(st.integers(0, 12))):
        id += draw(st.integers(1, 3))
        if type == "document":
            history.append(Happening(id, "updated", None))
            continue
        what = draw(st.sampled_from(["added", "updated", "removed"] if there else ["added"]))
        if what == "added":
            index += draw(st.integers(1, 2))
            gone = [key for key in ("a", "b", "c") if key not in there]
            if type == "map" and not gone:
                continue
            key: Key | None = index if type == "list" else draw(st.sampled_from(gone))
            there.append(key)
        else:
            key = draw(st.sampled_from(there))
            if what == "removed":
                there.remove(key)
        history.append(Happening(id, what, key))
    return World(type, history, draw(st.integers(0, len(history))))


class Replica:
    """What a noun makes of the changes.

    Attributes:
        state: each item: the id of the event that wrote it.
        announced: the items that were announced as new, in that order.
        latest: each item: the newest event that was told of, a removal included.
    """

    def __init__(self, world: World) -> None:
        self.object = _opened(world)
        self.opened = world.newest
        self.state: dict[Key | None, int] = world.state() if world.type == "document" else {}
        self.announced: list[Key | None] = []
        self.latest: dict[Key | None, int] = {}

    def take(self, change: Change | None) -> None:
        """Take what an event or an item changed."""
        if change is None:
            return
        assert change.kind != "gone"
        if change.kind == "removed":
            self.state.pop(change.key, None)
            return
        at = json.decode(change.data)["at"]
        assert at >= self.state.get(change.key, at), "an older state came after a newer one"
        self.state[change.key] = self.latest[change.key] = at
        if change.kind == "added":
            self.announced.append(change.key)

    @property
    def added(self) -> Counter[Key | None]:
        """How often each item was announced as new."""
        return Counter(self.announced)

    def load(self, items: list[SyncItem]) -> None:
        """Take a page."""
        assert isinstance(self.object, SyncCollection)
        for item in items:
            self.take(self.object.load(item))


def _opened(world: World) -> SyncObject:
    if world.type == "list":
        return SyncList(SID, world.newest)
    if world.type == "map":
        return SyncMap(SID, world.newest)
    return SyncDocument(SID, world.newest)


class Line:
    """One client's subscription to a world, over as many connections as the test draws.

    Attributes:
        told: every event id that reached the client, in whatever way.
    """

    def __init__(self, world: World, replica: Replica) -> None:
        self.world, self.replica = world, replica
        self.told: set[int] = set()
        self.now = 0.0
        self.subscriptions = Subscriptions()
        self.subscriptions.follow(replica.object)

    def deliver(self, event: Happening, *, ordered: bool) -> None:
        """One event reaches the client, as live or as replayed."""
        event_type, told = event.told(self.world.type)
        self.told.add(event.id)
        self._receive(SyncNotification(event_type=event_type, event=told), ordered=ordered)

    def settle(self, correlation: int, status: Literal["completed", "interrupted"], last_event_id: int) -> None:
        """The end of a replay reaches the client."""
        event = SyncEvent(
            object_sid=SID, object_type=self.world.type, replay_status=status, last_event_id=last_event_id
        )
        notification = SyncNotification("subscription_established", event, correlation_id=correlation)
        self._receive(notification, ordered=True)

    def _receive(self, notification: SyncNotification, *, ordered: bool) -> None:
        for _, change in self.subscriptions.receive(notification, ordered=ordered, now=self.now):
            self.replica.take(change)
        self.check_position()

    def check_position(self) -> None:
        """Everything up to the position was told: a replay from there leaves nothing out."""
        position = self.replica.object.position
        assert position <= self.world.newest or position == self.replica.opened
        newest: dict[Key | None, int] = {}
        for event in self.world.until(position):
            if event.id > self.replica.opened:
                newest[event.key] = event.id
        missing = {id for id in newest.values() if id not in self.told}
        assert not missing, f"the position {position} passed {missing}"

    def ask(self, *, is_taken: bool = True) -> Batch | None:
        """Let the client ask for its subscription, and take the request or refuse it."""
        self.now = max(self.now, self.subscriptions.wake_at() or self.now)
        batches = self.subscriptions.due(self.now)
        if not batches:
            return None
        (batch,) = batches
        (request,) = batch.body.requests
        assert request.last_event_id == self.replica.object.position
        if is_taken:
            self.subscriptions.accepted(batch, SubscriptionsReply(), self.now)
        else:
            self.subscriptions.refused(batch, self.now)
        return batch


def talk(draw: Any, line: Line, *, to_the_end: bool) -> None:
    """One connection: ask, replay, live events, and perhaps a cut; to the end, nothing is lost and all has happened."""
    world, subscriptions = line.world, line.subscriptions
    subscriptions.connected()
    while True:
        is_taken = to_the_end or draw(st.integers(0, 3)) > 0
        batch = line.ask(is_taken=is_taken)
        assert batch is not None
        if not is_taken and draw(st.booleans()):
            continue  # and it asks again, later
        if not is_taken or (not to_the_end and draw(st.integers(0, 5)) == 0):
            break  # cut before the replay
        correlation = batch.body.correlation_id
        position = batch.body.requests[0].last_event_id or 0
        is_short = draw(st.booleans())
        script = [(event, True) for event in (world.shortened(position) if is_short else world.since(position))]
        replayed = world.newest
        live = [world.happen() for _ in range(draw(st.integers(0, 3))) if not world.is_over]
        for event in live:  # live ones come anywhere, in any order, perhaps twice
            for _ in range(draw(st.sampled_from([1, 1, 2]))):
                script.insert(draw(st.integers(0, len(script))), (event, False))
        stop = len(script) if to_the_end else draw(st.integers(0, len(script)))
        for event, ordered in script[:stop]:
            line.deliver(event, ordered=ordered)
        if stop < len(script):
            heard = [event.id for event, ordered in script[:stop] if ordered]
            if not is_short and heard and draw(st.booleans()):
                line.settle(correlation, "interrupted", heard[-1])
                continue  # and it asks again, from where it is
            break
        last = live[-1].id if live else replayed
        line.settle(correlation, "completed", last)
        assert subscriptions.is_established(SID)
        while not world.is_over and (to_the_end or draw(st.booleans())):
            event = world.happen()
            line.deliver(event, ordered=False)
            if draw(st.integers(0, 3)) == 0:
                line.deliver(event, ordered=False)  # a repetition
        break
    if not to_the_end:
        subscriptions.disconnected()
        assert not subscriptions.is_established(SID)
