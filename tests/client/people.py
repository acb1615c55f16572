"""What tests need to act as several people at once: clients of a real service, and events that are waited for."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import psutil

import convo_widgets as cw

PATIENCE = 10.0
"""Seconds after which a test that waits for an event has failed."""
_numbers = itertools.count(1)


class Expected:
    """An event that is to come: made before the act, awaited after it."""

    def __init__(self, source: Any, name: str, match: Callable[[Any], bool] | None = None) -> None:
        self._what = f"{name!r} of {source!r}"
        self._future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._match = match
        self._off = source.on(name, self._take)

    def _take(self, payload: Any) -> None:
        if not self._future.done() and (self._match is None or self._match(payload)):
            self._future.set_result(payload)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._wait().__await__()

    async def _wait(self) -> Any:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._future
        except TimeoutError:
            raise AssertionError(f"{self._what} never came") from None
        finally:
            self._off()


class Seen:
    """Every event of some sources, in the order in which they came."""

    def __init__(self, *sources: Any) -> None:
        self.all: list[tuple[Any, str, Any]] = []
        self._news = asyncio.Event()
        for source in sources:
            for name in source.EVENTS:
                source.on(name, lambda payload, source=source, name=name: self._take(source, name, payload))

    def _take(self, source: Any, name: str, payload: Any) -> None:
        self.all.append((source, name, payload))
        self._news.set()

    def of(self, source: Any, *names: str) -> list[Any]:
        """Payloads of a source's events of these names."""
        return [payload for origin, name, payload in self.all if origin is source and name in names]

    def names(self, source: Any) -> list[str]:
        """Names of a source's events."""
        return [name for name, _ in self.told(source)]

    def told(self, source: Any) -> list[tuple[str, Any]]:
        """Names and payloads of a source's events."""
        return [(name, payload) for origin, name, payload in self.all if origin is source]

    async def until(self, enough: Callable[[], bool]) -> None:
        """Wait until `enough` holds; it is asked after each event."""
        async with asyncio.timeout(PATIENCE):
            while not enough():
                self._news.clear()
                await self._news.wait()


class People:
    """The clients of one test on a service that others use too: names are made unique."""

    def __init__(self, service: cw.LocalService) -> None:
        self.service = service
        self.ways: dict[str | None, Any] = {service.url: service.transport}
        self._number = next(_numbers)
        self._clients: list[cw.Client] = []

    def identity(self, name: str) -> str:
        """This test's identity of a person."""
        return f"{name}-{self._number}"

    def token(self, name: str, ttl: float = 3600) -> str:
        """A token for a person."""
        return self.service.token(self.identity(name), ttl)

    async def client(self, name: str, url: str | None = None, token: Any = None) -> cw.Client:
        """A new client of a person, straight to the service or over another address."""
        return self.keep(await cw.Client.create(token or self.token(name), **self.way(url)))

    def way(self, url: str | None = None) -> dict[str, Any]:
        """How a client gets to the service, or over another address."""
        url = self.service.url if url is None else url
        transport = self.ways.get(url)
        return {"url": url} | ({} if transport is None else {"transport": transport})

    def keep(self, client: cw.Client) -> cw.Client:
        """Shut this one down too at the end."""
        self._clients.append(client)
        return client

    async def room(self, *clients: cw.Client, **options: Any) -> list[cw.Conversation]:
        """A new conversation with all of them in it, as each of them sees it; the first has made it."""
        made = await clients[0].create_conversation(**options)
        views = [await made.join()]
        for client in clients[1:]:
            joined = Expected(client, "conversationJoined", lambda one: one.sid == made.sid)
            await made.add(client.user.identity)
            views.append(await joined)
        everybody = len({client.user.identity for client in clients})
        for view in views:  # the newcomers' arrival is told to all before the test begins
            while len(await view.get_participants()) < everybody:
                await view.wait_for("participantJoined", timeout=PATIENCE)
        return views

    async def pair(self, **options: Any) -> tuple[cw.Conversation, cw.Conversation]:
        """A new conversation of alice and bob, as each of the two sees it."""
        alice, bob = await asyncio.gather(self.client("alice"), self.client("bob"))
        first, second = await self.room(alice, bob, **options)
        return first, second

    async def part(self) -> None:
        """Everybody goes."""
        await asyncio.gather(*(client.shutdown() for client in self._clients))


@asynccontextmanager
async def visitors(service: cw.LocalService, *, thorough: bool = False) -> AsyncIterator[People]:
    """The people of one test; when they have gone, no task is left and no failure went unseen.

    Thoroughly: no socket either, and what nobody awaited is told, for it is thrown away.
    """
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    before = asyncio.all_tasks()
    everybody = People(service)
    yield everybody
    await everybody.part()
    own = service.transport._tasks if service.transport is not None else set()
    left = asyncio.all_tasks() - before - own - {asyncio.current_task()}
    assert left == set(), f"tasks are left: {left}"
    if thorough:
        assert sockets(service.port) == 0, "sockets are left"
        gc.collect()
    assert faults == [], f"nobody saw these failures: {faults}"


def sockets(port: int) -> int:
    """Sockets of this process that lead to a port."""
    return sum(1 for one in psutil.Process().net_connections("tcp") if one.raddr and one.raddr.port == port)


async def write(conversation: cw.Conversation, count: int, start: int = 0) -> list[int]:
    """Write messages with the numbers from `start` on as their text, one after the other; their indexes."""
    return [await conversation.send_message(str(number)) for number in range(start, start + count)]


def reasons(update: Any) -> set[str]:
    """Reasons of an update, none of them twice."""
    assert len(set(update.update_reasons)) == len(update.update_reasons)
    return set(update.update_reasons)


def without_date(update: Any) -> set[str]:
    """Its reasons but "dateUpdated", which is missing where two acts fall into one millisecond."""
    return reasons(update) - {"dateUpdated"}
