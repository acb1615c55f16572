"""What the service has on its hands over all connections, and when that is too much: it never grows without end.

Requests that wait are counted. Where there are too many, whoever has several of them is answered 429 to further ones,
and not heard for a moment, so that saying no costs little; the first few of everybody are always taken. Bytes that wait
to be written are counted too: where there are too many, the connection for which most waits is given up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

REQUESTS = 1000
"""Requests that wait for their answers, above which connections that have more than `FIRST` of them get a no."""
FIRST = 4
"""Requests of a connection that are taken however many wait."""
BYTES = 64 << 20
"""Bytes that wait to be written to all connections together, above which the slowest is given up."""
DEAF = 1.0
"""Seconds for which nobody listens to a connection that was told to come back later: what Retry-After says."""


class Backlog(Protocol):
    """A connection for which something may wait.

    Attributes:
        queued: bytes that wait to be written to it.
    """

    queued: int

    def give_up(self) -> None:
        """End it, and forget what waits for it; must say so to `Load.wrote`."""


class Load:
    """What waits, over all connections.

    Attributes:
        requests: those that are not answered yet.
        bytes: those that are not written yet.
    """

    def __init__(self, connections: Iterable[Backlog]) -> None:
        self.requests = 0
        self.bytes = 0
        self._connections = connections

    def takes(self, own: int) -> bool:
        """Whether one more request is taken of a connection of which `own` wait."""
        return self.requests < REQUESTS or own < FIRST

    def queue(self, size: int) -> None:
        """So many bytes more wait to be written."""
        self.bytes += size
        while self.bytes > BYTES:
            slowest = max(self._connections, key=lambda one: one.queued, default=None)
            if slowest is None or not slowest.queued:
                return
            slowest.give_up()

    def wrote(self, size: int) -> None:
        """So many bytes wait no more."""
        self.bytes -= size
