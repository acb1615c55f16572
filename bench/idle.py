"""What does an idle socket cost the service: memory, and the processor's time, of 2,000 of them?

Each is ready as the SDK's is: introduced, and following what the SDK follows at its start: the user's own maps, and the
document, the messages and the roster of a conversation, twenty people in each. They answer pings, and say nothing else.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from bench import _process
from bench._harness import Report, Service, Verdict, folder
from bench._raw import Raw
from convo_widgets.service import conversations, descriptors, messages, participants, users
from convo_widgets.service.store import Store, new_sid

MEMBERS = 20
"""People in a conversation, and sockets that connect at a time."""
WARM = 3 * MEMBERS
"""Sockets before memory is counted: the first ones load code, and make room for more."""


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    count, seconds = (40, 1.0) if quick else (2_000, 60.0)
    descriptors.allow(count + WARM)
    with folder() as place:
        fill(place / "data.sqlite3", count + WARM)
        service = Service("--data", str(place / "data.sqlite3"), "--connections", str(count + WARM))
        with service.process:
            each, share, heard = asyncio.run(_measure(service, count, seconds))
    words = f"{count:,} idle sockets"
    held = (
        f"the growth of resident memory after the first {WARM} sockets; each follows 5 objects and has a user in the "
        "store; what the kernel holds is not in it"
    )
    pings = f"share of one core in {seconds:.0f} s, in which the sockets got {heard:,} pings of the service's own"
    void = "" if quick or heard >= count else "the sockets got no pings"
    return [
        Verdict(f"{words}, memory of each", "-", f"{each / 1024:.1f} KiB", each / 1024, 50, True, " KiB", [held]),
        Verdict(f"{words}, processor", "-", f"{share * 100:.2f} %", share * 100, 5, True, " %", [pings], void),
    ]


def fill(path: Path, people: int) -> None:
    """So many people, each in one conversation."""
    store = Store(path, durability="relaxed")
    with store.write() as change:
        role, time = store.role("conversation", admin=False), change.time
        for start in range(0, people, MEMBERS):
            crowd = [_name(number) for number in range(start, start + MEMBERS)]
            row, _ = conversations.insert(store, created_by=crowd[0], date_created=time, unique_name=f"of {crowd[0]}")
            for person in crowd:
                users.insert(store, person, time)
                participants.insert(store, row, role, time, identity=person)
            store.run(messages.INSERT, row, 0, new_sid("IM"), crowd[0], None, "Hello", None, "{}", None, time, time)
            store.run("UPDATE conversations SET next_index = 1 WHERE id = ?", row)
    store.close()


def _name(number: int) -> str:
    return f"person-{number:05}"


async def _measure(service: Service, count: int, seconds: float) -> tuple[float, float, int]:
    """Bytes a socket, share of a core, and frames that all got meanwhile."""
    pid, idle = service.process.pid, _Idle()
    await idle.open(service, range(WARM))
    before = _process.resident(pid)
    await idle.open(service, range(WARM, WARM + count))
    each = (_process.resident(pid) - before) / count
    used, heard = _process.used(pid), idle.heard
    await asyncio.sleep(seconds)
    share, heard = (_process.used(pid) - used) / seconds, idle.heard - heard
    await idle.close()
    return each, share, heard


class _Idle:
    """Sockets that answer pings and say nothing else.

    Attributes:
        heard: frames that they got.
    """

    def __init__(self) -> None:
        self.heard = 0
        self._readers: list[asyncio.Task[None]] = []

    async def open(self, service: Service, numbers: range) -> None:
        """Open more of them, some at a time."""
        for start in range(numbers.start, numbers.stop, MEMBERS):
            tasks = [service.task("idle", _name(number)) for number in range(start, start + MEMBERS)]
            sockets = await asyncio.gather(*map(_ready, tasks))
            self._readers += [asyncio.create_task(self._read(raw)) for raw in sockets]

    async def _read(self, raw: Raw) -> None:
        with suppress(ConnectionClosed):
            while True:
                data = await raw.socket.recv()
                self.heard += 1
                assert isinstance(data, bytes)
                raw.protocol.receive(data)
                await raw.flush()

    async def close(self) -> None:
        """Let all go."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)


async def _ready(task: Report) -> Raw:
    """A socket that follows what it would show."""
    raw = await Raw.open(task)
    mine = (await raw.ask("GET", raw.links["my_conversations"]))["conversations"]
    rooms = [one["conversation_sid"] for one in mine]
    own = (await raw.ask("GET", f"{raw.url}/Client/v2/Configuration"))["sync_objects"]
    await raw.follow_all(
        dict.fromkeys(own.values(), "map")
        | {f"{sid}.{view}": type for sid in rooms for view, _, type in conversations.VIEWS}
    )
    return raw
