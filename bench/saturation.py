"""What does the service do under more load than it bears: does it say so, go on, stay in its memory, and come back?

Many bare sockets write to one conversation that fifty follow. First each waits for its answers, which shows what the
service bears; then each writes as fast as its socket takes, and some of those who follow read nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import selectors
import socket
import time

from bench import _process
from bench._crowd import masked
from bench._harness import Report, Service, Verdict, folder, kept, rate
from bench._raw import Raw
from bench._talks import body, talk

SENDERS, FOLLOWERS, SLOW = 64, 50, 10
BATCH = 64
"""Messages that a socket writes in one go where it does not wait."""
WINDOW = 4
"""Messages on their way from each where it waits."""
DONE, REFUSED = b'"code":201,', b'"code":20429'
LONGER = 2.4
"""How much longer they do not wait: until those who read nothing have been cut, in the first half."""
NORMAL = 0.1
"""Seconds within which one message is answered when nothing else happens, with a margin."""


class _Peer:
    """A socket that writes, or follows; it counts answers."""

    def __init__(self, raw: Raw, frames: list[bytes], *, slow: bool = False) -> None:
        raw.socket.transport.pause_reading()
        self.socket = socket.socket(fileno=os.dup(raw.socket.transport.get_extra_info("socket").fileno()))
        self.socket.setblocking(False)
        self.done = self.refused = 0
        self.over, self.slow = False, slow
        self.speaks = bool(frames)
        self._one, self._batch = (frames[0], b"".join(frames)) if frames else (b"", b"")
        self._tail = self._unsent = b""

    def read(self) -> int:
        """Take what waits; how many answers it was."""
        try:
            data = self._tail + self.socket.recv(1 << 18)
        except OSError:
            data = self._tail
        self.over = data == self._tail
        keep = data[-(len(REFUSED) - 1) :]
        done = data.count(DONE) - self._tail.count(DONE)
        refused = data.count(REFUSED) - self._tail.count(REFUSED)
        self._tail = keep
        self.done += done
        self.refused += refused
        return done + refused

    def write(self, count: int | None) -> None:
        """Write so many messages, or as many as the socket takes."""
        try:
            data = self._unsent or (self._batch if count is None else self._one * count)
            self._unsent = data[self.socket.send(data) :]
        except BlockingIOError:
            self._unsent = data
        except OSError:
            self.over = True


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    seconds = 0.5 if quick else 10.0
    senders, followers, slow = (4, 5, 1) if quick else (SENDERS, FOLLOWERS, SLOW)
    with folder() as place, kept([talk("flood", 0)], place, "full") as service:
        return asyncio.run(_measure(service, seconds, senders, followers, slow))


async def _measure(service: Service, seconds: float, senders: int, followers: int, slow: int) -> list[Verdict]:
    pid, dice = service.process.pid, random.Random("saturation")
    task = service.task("ours")
    probe = await Raw.open(task)
    sid = await probe.conversation("flood")
    bodies = [body(dice, number) for number in range(BATCH)]

    async def speaker() -> _Peer:
        raw = await Raw.open(task)
        return _Peer(raw, list(map(masked, await raw.messages(sid, bodies))))

    async def follower(number: int, slow: int) -> _Peer:
        raw = await Raw.open(task)
        await raw.follow(sid)
        await raw.flush()
        return _Peer(raw, [], slow=number < slow)

    calm = [await speaker() for _ in range(senders)] + [await follower(number, 0) for number in range(followers)]
    borne = _drive(calm, seconds, waits=True, pid=pid)
    for peer in calm:
        peer.socket.shutdown(socket.SHUT_RDWR)
    wild = [await speaker() for _ in range(senders)] + [await follower(number, slow) for number in range(followers)]
    over = _drive(wild, LONGER * seconds, waits=False, pid=pid)
    ended = time.perf_counter()
    for peer in wild:
        peer.socket.shutdown(socket.SHUT_RDWR)
    while True:
        started = time.perf_counter()
        await probe.ask("POST", f"{probe.links['conversations']}/{sid}/Messages", {"body": "normal again?"})
        if time.perf_counter() - started < NORMAL:
            break
    back = time.perf_counter() - ended
    answered, wild_seconds = over["done"] + over["refused"], LONGER * seconds
    words = f"{senders} sockets that do not wait, {followers} who follow"
    told = (
        f"{rate(answered, wild_seconds)} were answered, {100 * over['refused'] / max(1, answered):.0f} % of them 429; "
        f"{over['over']} of {slow} who read nothing were cut"
    )
    waits = "what was on its way to the service when it ended is answered before that"
    return [
        Verdict(
            f"saturation: {words}, goodput against what is borne",
            "-",
            f"{rate(over['done'], wild_seconds)}, borne {rate(borne['done'], seconds)}",
            100 * over["done"] / LONGER / max(1, borne["done"]),
            70,
            unit=" %",
            notes=[told],
        ),
        Verdict(
            "saturation: growth of memory, middle to end",
            "-",
            f"{over['middle'] / 2**20:.0f} MiB, {over['end'] / 2**20:.0f} MiB",
            100 * (over["end"] / over["middle"] - 1),
            10,
            True,
            " %",
        ),
        Verdict("saturation: until it is as before", "-", f"{back:.2f} s", back, 5, True, " s", [waits]),
    ]


def _drive(peers: list[_Peer], seconds: float, *, waits: bool, pid: int) -> Report:
    """So long; what was done and refused, and the memory of the service in the middle and at the end."""
    selector = selectors.DefaultSelector()
    for peer in peers:
        events = 0 if peer.slow else selectors.EVENT_READ
        if peer.speaks and not waits:
            events |= selectors.EVENT_WRITE
        if events:
            selector.register(peer.socket, events, peer)
        if peer.speaks and waits:
            peer.write(WINDOW)
    started, middle = time.perf_counter(), 0
    while (now := time.perf_counter() - started) < seconds:
        if not middle and now > seconds / 2:
            middle = _process.resident(pid)
        for key, events in selector.select(0.1):
            peer = key.data
            if events & selectors.EVENT_READ:
                got = peer.read()
                if waits and peer.speaks and got:
                    peer.write(got)
            if events & selectors.EVENT_WRITE:
                peer.write(None)
            if peer.over:
                selector.unregister(peer.socket)
    end = _process.resident(pid)
    for peer in peers:
        if peer.slow:
            try:
                while peer.socket.recv(1 << 18):
                    pass
                peer.over = True
            except BlockingIOError:
                pass
            except OSError:
                peer.over = True
    return {
        "done": sum(peer.done for peer in peers if peer.speaks),
        "refused": sum(peer.refused for peer in peers if peer.speaks),
        "over": sum(peer.over for peer in peers if peer.slow),
        "middle": middle,
        "end": end,
    }
