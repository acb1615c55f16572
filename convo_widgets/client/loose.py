"""Messages that are kept by who reads them alone: seen, kept up to date, and gone when nobody holds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import ref

from convo_widgets.sync.objects import Key

if TYPE_CHECKING:
    from convo_widgets.client.message import Message

SWEEP = 1000  # messages that are gone, before their places are swept


class Loose:
    """Messages that others keep, by index; the places of those that are gone are swept when they have become many."""

    def __init__(self) -> None:
        self._refs: dict[int, ref[Message]] = {}
        self._most = SWEEP

    def put(self, message: Message) -> None:
        """Remember it while somebody keeps it."""
        self._refs[message.index] = ref(message)
        if len(self._refs) > self._most:
            self.sweep()

    def get(self, index: int) -> Message | None:
        """The one at this index, if somebody has it."""
        found = self._refs.get(index)
        return None if found is None else found()

    def pop(self, index: int) -> Message | None:
        """The same, and remember it no more."""
        found = self._refs.pop(index, None)
        return None if found is None else found()

    def all(self) -> dict[int, Message]:
        """Those that somebody has."""
        return {index: message for index, one in self._refs.items() if (message := one()) is not None}

    def sweep(self) -> None:
        """Forget the others."""
        self._refs = {index: one for index, one in self._refs.items() if one() is not None}
        self._most = 2 * len(self._refs) + SWEEP


class Seen:
    """The ids of the newest events, kept by the messages themselves: what nobody holds takes no room."""

    def __init__(self, find: Callable[[int], Message | None]) -> None:
        self._find = find

    def get(self, index: Key) -> int | None:
        """The id; None for a message that nobody has."""
        message = self._find(index)  # type: ignore[arg-type]
        return None if message is None else message._event_id

    def __setitem__(self, index: Key, event_id: int) -> None:
        """Nothing to do: the message is told with the change."""

    def pop(self, index: Key, default: int | None) -> int | None:
        """Nothing to do either."""
        return default
