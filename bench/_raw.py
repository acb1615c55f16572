"""A bare socket as a peer of the benchmark: sends in a pipeline, or receives and decodes frames and nothing more."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, cast
from urllib.parse import quote, urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from convo_widgets.wire import frame
from convo_widgets.wire.events import Initialized, Replied
from convo_widgets.wire.protocol import Protocol
from convo_widgets.wire.schema import HttpRequest

IN_FLIGHT = 500
"""Sends that wait for their answers at a time."""

Task = dict[str, Any]


class Raw:
    """One connection, initialized."""

    def __init__(self, socket: ClientConnection, url: str) -> None:
        self.socket = socket
        self.protocol = Protocol("client")
        self.url = url
        self.links: dict[str, str] = {}

    @classmethod
    async def open(cls, task: Task) -> Raw:
        """Connect and read the configuration."""
        self = cls(
            await connect(task["ws_url"], compression=None, max_size=frame.MAX_FRAME, ping_interval=None), task["url"]
        )
        self.protocol.init(task["token"])
        await self.flush()
        await self.next(Initialized)
        self.links = (await self.ask("GET", f"{self.url}/Client/v2/Configuration"))["links"]
        return self

    async def flush(self) -> None:
        """Write what the protocol has to say."""
        for data in self.protocol.take():
            await self.socket.send(data)

    async def next(self, kind: type[Any]) -> Any:
        """The next event of a kind; others are passed over."""
        while True:
            for event in self.protocol.receive(cast(bytes, await self.socket.recv())):
                if isinstance(event, kind):
                    return event

    def request(self, method: str, url: str, body: Any = None, params: dict[str, str] | None = None) -> None:
        """Queue a request."""
        parts = urlsplit(url)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        asked = HttpRequest(parts.netloc, parts.path, method, cast(Any, params or {}), headers)
        self.protocol.request(asked, b"" if body is None else msgspec.json.encode(body))

    async def ask(self, method: str, url: str, body: Any = None, params: dict[str, str] | None = None) -> Any:
        """The JSON that answers a request."""
        self.request(method, url, body, params)
        await self.flush()
        return msgspec.json.decode((await self.next(Replied)).body)

    async def conversation(self, name: str) -> str:
        """The sid of a conversation."""
        found = await self.ask("GET", f"{self.links['my_conversations']}/{quote(name)}")
        return str(found["conversation_sid"])

    async def follow(self, sid: str) -> str:
        """Subscribe to the messages of a conversation; the URL of their items."""
        (opened,) = await self.follow_all({f"{sid}.messages": "list"})
        return str(opened["links"]["items"])

    async def follow_all(self, objects: dict[str, str]) -> list[Any]:
        """Open Sync objects, by sid or name and type, and subscribe to them; what opening them gave."""
        opened = [await self.ask("GET", f"{self.url}/v3/{type.title()}s/{id}") for id, type in objects.items()]
        asked = [
            {"object_sid": one["sid"], "object_type": type, "last_event_id": one["last_event_id"]}
            for one, type in zip(opened, objects.values(), strict=True)
        ]
        batch = {"event_protocol_version": 4, "action": "establish", "correlation_id": 1, "requests": asked}
        await self.ask("POST", f"{self.url}/v4/Subscriptions", batch)
        return opened

    async def messages(self, sid: str, bodies: list[str]) -> list[bytes]:
        """The frames that write these messages, and they alone: acknowledgements that wait are written first."""
        await self.flush()
        url = f"{self.links['conversations']}/{sid}/Messages"
        for body in bodies:
            self.request("POST", url, {"body": body, "media_sids": [], "attributes": "{}"})
        return self.protocol.take()

    async def send(self, frames: list[bytes]) -> None:
        """Send requests without waiting for one before the next; returns when all are answered."""
        waiting = 0
        for data in frames:
            await self.socket.send(data)
            waiting += 1
            if waiting == IN_FLIGHT:
                await self._answered(1)
                waiting -= 1
        await self._answered(waiting)

    async def _answered(self, count: int) -> None:
        while count:
            count -= b'"method":"reply"' in cast(bytes, await self.socket.recv())

    async def reply(self) -> bytes:
        """The next frame that answers a request, as it came."""
        while True:
            data = cast(bytes, await self.socket.recv())
            if any(isinstance(event, Replied) for event in self.protocol.receive(data)):
                return data

    async def notifications(self, count: int) -> list[bytes]:
        """So many frames that tell of a new message, decoded as frames only; each as it came."""
        found: list[bytes] = []
        while len(found) < count:
            data = cast(bytes, await self.socket.recv())
            got = frame.decode(data)
            if isinstance(got, frame.Frame) and b'"list_item_added"' in got.payload:
                found.append(data)
        return found


async def sender(task: Task) -> None:
    """Send what each further line says, and say when it is done."""
    raw = await Raw.open(task)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        frames = await raw.messages(await raw.conversation(asked["conversation"]), asked["bodies"])
        started = time.perf_counter()
        await raw.send(frames)
        say(seconds=time.perf_counter() - started)


async def live(task: Task) -> None:
    """Say open, say ready at the first message, then take `count` more; `ended` is a time of the day."""
    raw = await Raw.open(task)
    await raw.follow(await raw.conversation(task["conversation"]))
    say(open=True)
    await raw.notifications(1)
    idle = time.process_time()
    say(ready=True)
    frames = await raw.notifications(1)
    started = time.perf_counter()
    frames += await raw.notifications(task["count"] - 1)
    times = {"seconds": time.perf_counter() - started, "ended": time.time(), "cpu": time.process_time() - idle}
    texts = [_text(data) for data in (frames[0], frames[-1])]
    say(**times, count=len(frames), first=texts[0], last=texts[1], in_order=True)
    await raw.socket.close()


def _text(data: bytes) -> str:
    """The message's text in a notification."""
    got = frame.decode(data)
    assert isinstance(got, frame.Frame)
    return str(msgspec.json.decode(got.payload)["event"]["item_data"]["text"])


def say(**report: Any) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    told = json.loads(sys.stdin.readline())
    asyncio.run({"live": live, "sender": sender}[told["task"]](told))
