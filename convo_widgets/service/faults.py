"""Trouble on demand, for lessons and tests: `LocalService.faults`."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from convo_widgets.errors import UsageError
from convo_widgets.service.load import Backlog
from convo_widgets.service.loops import call_in
from convo_widgets.service.patterns import Pattern
from convo_widgets.service.refusals import Refused

MOST = 20
"""Faults of `fail` at once."""
LONGEST = 60_000
"""Milliseconds that a frame may be held back."""
LATEST = 86_400
"""Seconds that a client may be told to wait."""
_CODES = {400: 20001, 401: 20101, 403: 50107, 404: 20404, 409: 20409, 429: 20429}


class Struck(Refused):
    """The no of a fault: any status, told by the headers when to come back."""

    def __init__(self, status: int, retry_after: float | None) -> None:
        super().__init__(20500, "a fault that was asked for")
        self.code = _CODES.get(status, 20000 + status)
        self.status = status
        if retry_after is not None:
            self.headers = {"Retry-After": f"{retry_after:g}"}


class Connection(Backlog, Protocol):
    """A socket, as its faults see it."""

    def cut(self) -> None:
        """Lose it without a word."""

    def expire(self) -> None:
        """Treat its token as one whose time has come."""


@dataclass(slots=True)
class _Rule:
    pattern: Pattern
    status: int
    times: int
    retry_after: float | None
    method: str | None
    account: bool


class Faults:
    """What goes wrong in a running service; every method may be called from any thread, and holds when it returns.

    Attributes:
        delay: seconds that every frame to a client is held back.
        connections: all sockets; the service keeps it.
        restarts: stops the service and starts it again, soon; the service keeps it.
    """

    def __init__(self, latency_ms: float = 0) -> None:
        self.delay = 0.0
        self.connections: set[Connection] = set()
        self.restarts: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._limit: tuple[int, float | None] | None = None
        self._times: deque[float] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.latency(latency_ms)

    def __repr__(self) -> str:
        return f"<Faults {len(self._rules)} rules, {self.delay * 1000:g} ms>"

    # -- what may go wrong

    def drop_connections(self) -> None:
        """Cut every socket without a word, as a network does."""
        self._each(lambda connection: connection.cut())

    def expire_tokens(self) -> None:
        """End every connection as if the time of its token had come; that token is refused from now on."""
        self._each(lambda connection: connection.expire())

    def latency(self, ms: float) -> None:
        """Hold back every frame to a client by so many milliseconds, 60,000 at most."""
        if not 0 <= ms <= LONGEST:
            raise UsageError(f"ms={ms}: milliseconds, 0 to {LONGEST:,}")
        self.delay = ms / 1000

    def throttle(self, after: int, retry_after: float | None = None) -> None:
        """Answer 429 to more than `after` requests in a second.

        Args:
            after: requests of all clients together.
            retry_after: seconds for the header Retry-After.
        """
        if after < 0:
            raise UsageError(f"after={after}: a number of requests in a second, 0 or more")
        _check_wait(retry_after)
        with self._lock:
            self._limit = after, retry_after

    def fail(
        self,
        path_regex: str,
        status: int,
        times: int = 1,
        retry_after: float | None = None,
        method: str | None = None,
        *,
        account: bool = False,
    ) -> None:
        """Answer the next requests with an error, and do nothing else for them.

        Args:
            path_regex: found anywhere in the path of a request, as ``/Messages$``. It may have letters, classes,
                ``. | ( ) * + ? {m,n} ^ $``, and is never slow; nothing is found in a path of more than 1,024 letters.
            status: of HTTP, 400 to 599.
            times: how many requests.
            retry_after: seconds for the header Retry-After.
            method: only of this one, as "POST".
            account: meet requests of the account's REST API, not those of users.
        """
        try:
            pattern = Pattern(path_regex)
        except ValueError as error:
            raise UsageError(f"path_regex cannot be used: {error}") from error
        if not 400 <= status <= 599 or times < 1:
            raise UsageError("status is 400 to 599, times at least 1")
        _check_wait(retry_after)
        with self._lock:
            if len(self._rules) >= MOST:
                raise UsageError(f"There are {MOST} faults already: clear() them first")
            self._rules.append(_Rule(pattern, status, times, retry_after, method and method.upper(), account))

    def restart(self) -> None:
        """Stop the service and start it again, soon: whoever asks in its own loop gets an answer first.

        `LocalService.restart` does it now, and waits until it is done.
        """
        self.restarts()

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._rules.clear()
            self._limit = None
        self.latency(0)

    # -- the service's side

    def strike(self, method: str, path: str, *, account: bool = False) -> None:
        """Meet a request.

        Raises:
            Struck: it is to fail.
        """
        if not self._rules and self._limit is None:
            return
        with self._lock:
            for rule in self._rules:
                if rule.account == account and rule.method in (None, method.upper()) and rule.pattern.search(path):
                    rule.times -= 1
                    if not rule.times:
                        self._rules.remove(rule)
                    raise Struck(rule.status, rule.retry_after)
            self._count()

    def _count(self) -> None:
        if self._limit is None:
            return
        most, retry_after = self._limit
        now = time.monotonic()
        while self._times and self._times[0] <= now - 1:
            self._times.popleft()
        if len(self._times) >= most:
            raise Struck(429, retry_after)
        self._times.append(now)

    def serve(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Say in which loop the connections are; None when they are over."""
        self._loop = loop

    def _each(self, act: Callable[[Connection], None]) -> None:
        """Do something with every connection, in its own loop."""
        if self._loop is not None:
            call_in(self._loop, lambda: _do(self.connections, act))


def _do(connections: Iterable[Connection], act: Callable[[Connection], None]) -> None:
    for connection in tuple(connections):
        act(connection)


def _check_wait(retry_after: float | None) -> None:
    if retry_after is not None and not 0 <= retry_after <= LATEST:
        raise UsageError(f"retry_after={retry_after}: seconds, 0 to {LATEST:,}")
