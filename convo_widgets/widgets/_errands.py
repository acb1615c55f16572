"""Things to be read one by one, a few at a time, the most wanted first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

AT_ONCE = 8  # reads that are under way at the same time


class Errands:
    """Keys whose facts are to be read from the service.

    Args:
        spawn: starts a task.
        run: reads what belongs to a key.
        choose: which of those that wait comes next; None where none of them is wanted just now.
    """

    def __init__(
        self,
        spawn: Callable[[Any], Any],
        run: Callable[[str], Awaitable[None]],
        choose: Callable[[Collection[str]], str | None],
    ) -> None:
        self._spawn, self._read, self._choose = spawn, run, choose
        self._waiting: dict[str, None] = {}
        self._running: set[str] = set()

    def __len__(self) -> int:
        """How many wait or are under way."""
        return len(self._waiting) + len(self._running)

    def add(self, *keys: str) -> None:
        """They are to be read, once more where that is under way already."""
        self._waiting.update(dict.fromkeys(keys))
        self.go_on()

    def once_more(self, key: str) -> None:
        """If it is just being read, that is out of date."""
        if key in self._running:
            self._waiting[key] = None

    def forget(self, key: str) -> None:
        """It need not be read any more."""
        self._waiting.pop(key, None)

    def clear(self) -> None:
        """Nothing more is to be read."""
        self._waiting.clear()

    def go_on(self) -> None:
        """Begin what there is room for; call it when something else is wanted."""
        while self._waiting and len(self._running) < AT_ONCE:
            key = self._choose(self._waiting.keys() - self._running)
            if key is None:
                return
            del self._waiting[key]
            self._running.add(key)
            self._spawn(self._run(key))

    async def _run(self, key: str) -> None:
        try:
            await self._read(key)
        except asyncio.CancelledError:
            self.clear()
            raise
        finally:
            self._running.discard(key)
            self.go_on()
