"""Many clients of ours in a process, as a peer of the benchmark: they follow their conversations and note what happens.

The first line of the task holds the tokens; each further one asks for one thing, which is answered when it has come.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpx

import convo_widgets as cw
from bench._peer import Task, say
from convo_widgets.transport.network import NETWORK
from convo_widgets.transport.transport import Connection

T = TypeVar("T")
TOGETHER = 5
"""Clients that connect at a time."""
LOOK = 0.01
"""Seconds between two looks at what the clients know."""


class _Noted:
    """The network, with the times at which a socket was asked for."""

    url = None

    def __init__(self) -> None:
        self.attempts: list[float] = []

    async def open_socket(
        self, uri: str, *, open_timeout: float, ping_interval: float, ping_timeout: float
    ) -> Connection:
        """An open socket."""
        self.attempts.append(time.time())
        return await NETWORK.open_socket(
            uri, open_timeout=open_timeout, ping_interval=ping_interval, ping_timeout=ping_timeout
        )

    def http_client(self, timeout: httpx.Timeout) -> httpx.AsyncClient:
        """A client for media."""
        return NETWORK.http_client(timeout)

    async def aside(self, act: Callable[..., T], *arguments: object) -> T:
        """Do what may block."""
        return await NETWORK.aside(act, *arguments)


class _Crew:
    """The clients, and what each was told."""

    def __init__(self) -> None:
        self.clients: list[cw.Client] = []
        self.networks: list[_Noted] = []
        self.heard: Counter[str] = Counter()

    async def connect(self, task: Task) -> int:
        """Connect all, with every conversation, its participants and its newest messages; how many conversations."""
        room = asyncio.Semaphore(TOGETHER)

        async def one(token: str) -> int:
            async with room:
                network = _Noted()
                client = await cw.Client.create(token, url=task["url"], transport=network)
                client.on("messageAdded", self._hear)
                conversations = await client.get_subscribed_conversations()
                await asyncio.gather(*(each.get_messages(task["history"]) for each in conversations))
                self.clients.append(client)
                self.networks.append(network)
                return len(conversations)

        return sum(await asyncio.gather(*map(one, task["tokens"])))

    def _hear(self, message: cw.Message) -> None:
        self.heard[message.body or ""] += 1

    async def settled(self) -> Task:
        """Wait until each has connected again and follows everything; when it was, and when each tried."""
        times: dict[int, float] = {}
        while len(times) < len(self.clients):
            for place, client in enumerate(self.clients):
                if place not in times and len(self.networks[place].attempts) > 1 and _is_live(client):
                    times[place] = time.time()
            await asyncio.sleep(LOOK)
        return {"live": list(times.values()), "attempts": [network.attempts[1:] for network in self.networks]}

    async def hear(self, text: str) -> Task:
        """Wait until everybody got a message; when it was."""
        while self.heard[text] < len(self.clients):  # noqa: ASYNC110 - as cheap, and simpler
            await asyncio.sleep(LOOK)
        return {"heard": time.time()}


def _is_live(client: cw.Client) -> bool:
    return client.connection_state == "connected" and client._session._subscriptions.is_settled


def _lines() -> Iterable[Task]:
    return map(json.loads, iter(sys.stdin.readline, ""))


async def main() -> None:
    """Connect, then answer each line."""
    crew, lines = _Crew(), iter(_lines())
    started = time.time()
    conversations = await crew.connect(await asyncio.to_thread(next, lines))
    while not all(map(_is_live, crew.clients)):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(LOOK)
    say(seconds=time.time() - started, conversations=conversations)
    while (asked := await asyncio.to_thread(next, lines, None)) is not None:
        answer: Any = await (crew.hear(asked["hear"]) if "hear" in asked else crew.settled())
        say(**answer)


if __name__ == "__main__":
    asyncio.run(main())
