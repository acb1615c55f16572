"""Many bare sockets in one process: some speak, all count what comes; nothing is decoded but the lengths of frames.

asyncio takes part only until all are connected. Then one `select` looks after all, and one `recv` takes what waits.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator
from itertools import islice

from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from bench._raw import Raw, Task, say

PATIENCE = 5.0
"""Seconds without a message after which it is given up."""
BINARY = 0x82
"""First byte of a whole binary message."""


class Member:
    """One socket.

    Attributes:
        count: whole messages so far.
        size: their bytes.
    """

    def __init__(self, connection: ClientConnection, messages: list[bytes]) -> None:
        connection.transport.pause_reading()
        self.socket = socket.socket(fileno=os.dup(connection.transport.get_extra_info("socket").fileno()))
        self.socket.setblocking(True)
        self.count = self.size = 0
        self.speaks = bool(messages)
        self._messages: Iterator[bytes] = iter(messages)
        self._rest = b""

    def read(self) -> int:
        """Take what waits; how many messages it was."""
        data = self._rest + self.socket.recv(1 << 18)
        at, whole, before = 0, len(data), self.count
        while at + 10 <= whole:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = (data[at + 2] << 8) | data[at + 3], at + 4
            elif size == 127:
                size, start = struct.unpack_from("!Q", data, at + 2)[0], at + 10
            if start + size > whole:
                break
            if data[at] == BINARY:
                self.count += 1
                self.size += size
            at = start + size
        self._rest = data[at:]
        return self.count - before

    def speak(self, count: int) -> None:
        """Send the next ones, at most so many."""
        self.socket.sendall(b"".join(islice(self._messages, count)))


def measure(members: list[Member], missing: int, window: int, acknowledgement: bytes) -> Task:
    """Let those speak who have something to say; what it took until so many messages came.

    A speaker has some messages on their way, and sends the next for each that comes to it: an answer, or an echo.
    """
    selector = selectors.DefaultSelector()
    for member in members:
        selector.register(member.socket, selectors.EVENT_READ, member)
    started = time.perf_counter()
    for member in members:
        member.speak(window)
    while missing and (ready := selector.select(PATIENCE)):
        for key, _ in ready:
            member = key.data
            got = member.read()
            missing -= got
            if member.speaks:
                member.speak(got)
            elif acknowledgement:
                member.socket.sendall(acknowledgement * got)
    seconds = time.perf_counter() - started
    heard = [member for member in members if not member.speaks]
    count = sum(member.count for member in heard)
    return {"seconds": seconds, "missing": missing, "size": sum(member.size for member in heard) / max(1, count)}


async def ours(task: Task) -> list[Member]:
    """Speakers who write to a conversation, and listeners who follow its messages."""
    members, bodies = [], task["bodies"]
    for place in range(task["speakers"]):
        raw = await Raw.open(task)
        mine = bodies[place :: task["speakers"]]
        frames = await raw.messages(await raw.conversation(task["conversation"]), mine)
        members.append(Member(raw.socket, list(map(masked, frames))))
    for _ in range(task["listeners"]):
        raw = await Raw.open(task)
        await raw.follow(await raw.conversation(task["conversation"]))
        await raw.flush()
        members.append(Member(raw.socket, []))
    return members


async def bare(task: Task) -> list[Member]:
    """One who speaks to the bare service and those who listen, with messages as long as those of ours."""
    messages = [masked(random.randbytes(task["size"])) for _ in task["bodies"]]
    speaker = await connect(f"{task['ws_url']}/talk", compression=None)
    listeners = [await connect(f"{task['ws_url']}/listen", compression=None) for _ in range(task["listeners"])]
    return [Member(speaker, messages), *(Member(one, []) for one in listeners)]


def masked(data: bytes) -> bytes:
    """A binary message as a client writes it."""
    return Frame(Opcode.BINARY, data).serialize(mask=True)


async def main(task: Task) -> None:
    """Connect, then measure."""
    members = await (ours if task["task"] == "ours" else bare)(task)
    acknowledgement = masked(task["acknowledgement"].encode()) if task["acknowledgement"] else b""
    missing = len(task["bodies"]) * (1 + task["listeners"])
    say(**measure(members, missing, task["window"], acknowledgement))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
