"""How many writes a second the cloud takes, of a conversation and of a service; here only where it is asked for.

What is counted has been done: a no takes nobody's turn away, and neither does what the service itself plays.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Literal

from convo_widgets.service.refusals import Refused

Scope = Literal["conversation", "service"]
WINDOW = 1.0
"""Seconds over which is counted."""
KEPT = 1024
"""Conversations that are remembered before those of which nothing was written lately are forgotten."""
_CODES: dict[Scope, int] = {"conversation": 20429, "service": 50063}

_SERVICE = re.compile(r"/(Conversations|ConversationWithParticipants|(Users|Roles)(/\{\w+\*?\})?)")
_INSIDE = re.compile(r"/Conversations/\{\w+\}(/(Participants|Messages)(/\{\w+\*?\})?)?")


def scope(method: str, address: str) -> Scope | None:
    """What a request counts for, by its method and the pattern of its address; None where it is not counted."""
    place = address.removeprefix("/Client/v2")
    if method == "GET":
        return None
    if _SERVICE.fullmatch(place) or (method == "DELETE" and place.count("/") == 2 and _INSIDE.fullmatch(place)):
        return "service"
    return "conversation" if _INSIDE.fullmatch(place) else None


class Pace:
    """Writes of the last second, by the conversation, and all that count for the service.

    Args:
        most: in a second; None is without end.
        clock: seconds.
    """

    def __init__(self, most: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._times: dict[Hashable, deque[float]] = {}

    def demand(self, scope: Scope, key: Hashable) -> None:
        """There must be room for one more.

        Raises:
            Refused: 20429 too many of a conversation, 50063 of the service; with a Retry-After.
        """
        times = self._times.get(key)
        if times is None or len(times) < (self.most or 0) or self._clock() - times[0] >= WINDOW:
            return
        raise Refused(_CODES[scope], f"at most {self.most} writes a second of a {scope}", retry_after=1)

    def count(self, key: Hashable) -> None:
        """One was done."""
        now = self._clock()
        if key not in self._times and len(self._times) >= KEPT:
            self._times = {key: times for key, times in self._times.items() if now - times[-1] < WINDOW}
        self._times.setdefault(key, deque(maxlen=self.most)).append(now)
