"""Local positions of Sync documents, lists and maps: what was seen, and so what is new.

An object knows, for each of its items, the id of the newest event that its state contains. Whatever arrives, a page
or an event, early, late or twice, is taken only if it is newer than that; so any order of the same events ends in the
same state. The data itself belongs to the nouns: an object only says what changed.

`position` is where a replay has to start. It moves on ordered events alone: a live event may overtake an older one
until the subscription is established, and a position that moved past the gap would lose what is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET, Raw

from convo_widgets.wire.schema import SyncEvent, SyncItem, SyncType

Key = int | str
Kind = Literal["added", "updated", "removed", "gone"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of an item (`key`), of a document (`key` None), or of the whole object ("gone")."""

    kind: Kind
    key: Key | None = None
    data: Raw | None = None


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

    def apply(self, event_type: str, event: SyncEvent, *, ordered: bool) -> Change | None:
        """Take one event; None where it says nothing new."""
        change = self._apply(event_type.removeprefix(f"{self.type}_"), event)
        if ordered and event.id is not None:
            self.position = max(self.position, event.id)
        return change

    def _apply(self, what: str, event: SyncEvent) -> Change | None:
        raise NotImplementedError


class SyncDocument(SyncObject):
    """One value."""

    type: SyncType = "document"

    def __init__(self, sid: str, position: int) -> None:
        super().__init__(sid, position)
        self._seen = position

    def _apply(self, what: str, event: SyncEvent) -> Change | None:
        if what == "removed":
            return Change("gone")
        if what != "updated" or event.id is None or event.id <= self._seen or event.document_data is UNSET:
            return None
        self._seen = event.id
        return Change("updated", data=event.document_data)


class SyncCollection(SyncObject):
    """Items by key: what lists and maps share."""

    def __init__(self, sid: str, position: int) -> None:
        super().__init__(sid, position)
        self._seen: dict[Key, int] = {}  # item -> id of the newest event in its state
        self._removed: dict[Key, int] = {}  # tombstones: item -> id of its removal

    def load(self, item: SyncItem) -> Change | None:
        """Take one item of a page; None where events have told something newer already."""
        key = self._key(item)
        if key is None:
            return None
        return self._put(key, item.last_event_id, item.data, reload=True)

    def _apply(self, what: str, event: SyncEvent) -> Change | None:
        if what == "removed":
            return Change("gone")
        key = self._key(event)
        if key is None or event.id is None:
            return None
        if what == "item_removed":
            return self._remove(key, event.id)
        if what in ("item_added", "item_updated") and event.item_data is not UNSET:
            return self._put(key, event.id, event.item_data, known=what == "item_updated")
        return None

    def _put(self, key: Key, event_id: int, data: Raw, *, known: bool = False, reload: bool = False) -> Change | None:
        seen = self._seen.get(key)
        newest = self._removed.get(key, -1) if seen is None else seen
        if event_id < newest or (event_id == newest and not reload):
            return None
        if reload and seen is None and event_id == newest:
            return None  # a page read just before the item went
        self._seen[key] = event_id
        self._removed.pop(key, None)
        return Change("updated" if known or seen is not None else "added", key, data)

    def _remove(self, key: Key, event_id: int) -> Change | None:
        if event_id <= max(self._seen.get(key, -1), self._removed.get(key, -1)):
            return None
        self._seen.pop(key, None)
        self._removed[key] = event_id
        return Change("removed", key)

    def _key(self, item: SyncItem | SyncEvent) -> Key | None:
        raise NotImplementedError


class SyncList(SyncCollection):
    """Items by number; numbers grow and may skip."""

    type: SyncType = "list"

    def _key(self, item: SyncItem | SyncEvent) -> Key | None:
        index = item.index if isinstance(item, SyncItem) else item.item_index
        return None if index is UNSET else index


class SyncMap(SyncCollection):
    """Items by name."""

    type: SyncType = "map"

    def _key(self, item: SyncItem | SyncEvent) -> Key | None:
        key = item.key if isinstance(item, SyncItem) else item.item_key
        return None if key is UNSET else key
