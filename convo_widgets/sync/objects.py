"""Local positions of Sync documents, lists and maps: what was seen, and so what is new.

An object knows, for each of its items, the id of the newest event that its state contains. Whatever arrives, a page
or an event, early, late or twice, is taken only if it is newer than that; so any order of the same events ends in the
same state. The data itself belongs to the nouns: an object only says what changed.

`position` is where a replay has to start. It moves on ordered events alone: a live event may overtake an older one
until the subscription is established, and a position that moved past the gap would lose what is in it. A replay moves
it when the service says how far the replay went, not before: it may be shortened to the last state of each item, and
one that was cut would leave out what was added before the cut and changed after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from msgspec import UNSET

from convo_widgets.wire.schema import SyncEvent, SyncItem, SyncType, TypedItem

Key = int | str
Kind = Literal["added", "updated", "removed", "gone", "lost"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of an item (`key`), of a document (`key` None), or of the whole object.

    "gone": the service has it no more, or not for us. "lost": it is there, but what we know of it is of another world
    and has to be read anew.
    """

    kind: Kind
    key: Key | None = None
    data: Any = None  # as it came: JSON, or typed where a page was read so
    event_id: int = field(default=0, compare=False)  # of the newest event in it


class Seen(Protocol):
    """For each item the id of the newest event in its state: a dict, or the items themselves."""

    def get(self, key: Key, /) -> int | None:
        """The id; None for an item that is not there."""

    def __setitem__(self, key: Key, event_id: int, /) -> None:
        """The item's state has this event in it."""

    def pop(self, key: Key, default: int | None, /) -> int | None:
        """The item is gone."""


class SyncObject:
    """What documents and collections share.

    Attributes:
        sid: the object's sid.
        type: "document", "list" or "map".
        position: id of the last event that a replay need not repeat.
    """

    type: SyncType

    def __init__(self, sid: str, position: int) -> None:
        self.sid = sid
        self.position = position
        self._replayed = position  # how far the running replay has come

    def apply(self, event_type: str, event: SyncEvent, *, ordered: bool, replayed: bool = False) -> Change | None:
        """Take one event; None where it says nothing new.

        Args:
            event_type: as the notification says it.
            event: what happened.
            ordered: whether every older event has come already, or comes no more.
            replayed: whether it belongs to a replay, whose end `advance` or `settle` tells.
        """
        change = self._apply(event_type.removeprefix(f"{self.type}_"), event, ordered)
        if ordered and event.id is not None:
            self._replayed = max(self._replayed, event.id)
            if not replayed:
                self.position = max(self.position, event.id)
        return change

    def rewind(self) -> None:
        """A replay is asked for, from `position`."""
        self._replayed = self.position

    def advance(self) -> bool:
        """The replay goes on in another request; whether it got anywhere."""
        before, self.position = self.position, max(self.position, self._replayed)
        return self.position > before

    def settle(self, event_id: int | None) -> list[Change]:
        """The replay is complete, up to this event id; what is certain only now."""
        self.position = max(self.position, self._replayed, event_id or 0)
        return []

    def _apply(self, what: str, event: SyncEvent, ordered: bool) -> Change | None:
        raise NotImplementedError


class SyncDocument(SyncObject):
    """One value."""

    type: SyncType = "document"

    def __init__(self, sid: str, position: int) -> None:
        super().__init__(sid, position)
        self._seen = position

    def _apply(self, what: str, event: SyncEvent, ordered: bool) -> Change | None:
        if what == "removed":
            return Change("gone")
        if what != "updated" or event.id is None or event.id <= self._seen or event.document_data is UNSET:
            return None
        self._seen = event.id
        return Change("updated", data=event.document_data)


class SyncCollection(SyncObject):
    """Items by key: what lists and maps share."""

    def __init__(self, sid: str, position: int, seen: Seen | None = None) -> None:
        super().__init__(sid, position)
        empty: dict[Key, int] = {}
        self._seen: Seen = empty if seen is None else seen
        self._removed: dict[Key, int] = {}  # tombstones: item -> id of its removal
        self._early: dict[Key, tuple[int, Any]] = {}  # updates that may have overtaken the adding of their item

    def has_heard_of(self, key: Key) -> bool:
        """Whether events told of a removal, or of an update that waits for its item."""
        return key in self._removed or key in self._early

    def load(self, item: TypedItem[Any] | SyncItem) -> Change | None:
        """Take one item of a page; None where events have told something newer already."""
        key = self._key(item)
        if key is None:
            return None
        return self._put(key, item.last_event_id, item.data, reload=True)

    def settle(self, event_id: int | None) -> list[Change]:
        """As for every object; updates whose item was not added by now are of items that are older than we know."""
        super().settle(event_id)
        changes = [self._put(key, id, data, known=True) for key, (id, data) in list(self._early.items())]
        return [change for change in changes if change is not None]

    def _apply(self, what: str, event: SyncEvent, ordered: bool) -> Change | None:
        if what == "removed":
            return Change("gone")
        key = self._key(event)
        if key is None or event.id is None:
            return None
        if what == "item_removed":
            return self._remove(key, event.id)
        if event.item_data is UNSET or what not in ("item_added", "item_updated"):
            return None
        if what == "item_updated" and not ordered and self._seen.get(key) is None:
            self._hold(key, event.id, event.item_data)
            return None
        return self._put(key, event.id, event.item_data, known=what == "item_updated")

    def _hold(self, key: Key, event_id: int, data: Any) -> None:
        """Keep an update until it is known whether its item is new: the adding must not be lost."""
        if event_id > max(self._removed.get(key, -1), self._early.get(key, (-1,))[0]):
            self._early[key] = (event_id, data)

    def _put(self, key: Key, event_id: int, data: Any, *, known: bool = False, reload: bool = False) -> Change | None:
        seen = self._seen.get(key)
        newest = self._removed.get(key, -1) if seen is None else seen
        if event_id < newest or (event_id == newest and not reload):
            return None
        if reload and seen is None and event_id == newest:
            return None  # a page read just before the item went
        early = self._early.pop(key, None)
        if early is not None and early[0] > event_id:
            event_id, data = early
        self._seen[key] = event_id
        self._removed.pop(key, None)
        return Change("updated" if known or seen is not None else "added", key, data, event_id)

    def _remove(self, key: Key, event_id: int) -> Change | None:
        seen = self._seen.get(key)
        if event_id <= max(-1 if seen is None else seen, self._removed.get(key, -1)):
            return None
        if self._early.get(key, (event_id,))[0] < event_id:
            del self._early[key]
        self._seen.pop(key, None)
        self._removed[key] = event_id
        return Change("removed", key)

    def _key(self, item: TypedItem[Any] | SyncItem | SyncEvent) -> Key | None:
        raise NotImplementedError


class SyncList(SyncCollection):
    """Items by number; numbers grow and may skip."""

    type: SyncType = "list"

    def _key(self, item: TypedItem[Any] | SyncItem | SyncEvent) -> Key | None:
        index = item.item_index if isinstance(item, SyncEvent) else item.index
        return None if index is UNSET else index


class SyncMap(SyncCollection):
    """Items by name."""

    type: SyncType = "map"

    def _key(self, item: TypedItem[Any] | SyncItem | SyncEvent) -> Key | None:
        key = item.item_key if isinstance(item, SyncEvent) else item.key
        return None if key is UNSET else key
