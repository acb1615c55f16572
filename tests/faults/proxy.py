"""A cable between clients and a service that knows what it carries: frame by frame, it can do all that networks do.

Clients connect to `Proxy.url`. What passes is cut into WebSocket frames, and those are read as Twilsock; a *fault* is a
place (`where`: which frame) and an *act* (what to do with it). Acts are the functions at the end of this module; each
says whether the frame is still to be passed on, and `then` strings several together::

    proxy.fault(request("POST", "/Messages$"), lose_reply())
    proxy.fault(nth("down", 7), cut(rst=True))
    proxy.fault(notification(), duplicate(), times=100)

States that last are methods: `refuse`, `hold` (a black hole, up, down or both), `slice`, `answer_upgrade`. `restore`
ends them all. `log` says what happened, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, NamedTuple

from convo_widgets.wire import frame, json
from convo_widgets.wire.schema import Header, Status

Way = Literal["up", "down"]
PATIENCE = 20.0
"""Seconds for whatever a test waits for here."""
_RST = struct.pack("ii", 1, 0)


class Entry(NamedTuple):
    """A line of the log: what happened on which connection, for frames which way, its number and Twilsock method."""

    what: str
    connection: int = 0
    way: Way | None = None
    number: int = 0
    method: str = ""


@dataclass(frozen=True, slots=True)
class Passing:
    """A WebSocket frame on its way.

    Attributes:
        connection: number of its connection, from 1.
        way: "up" to the service or "down" to the client.
        number: among the data frames that go this way on this connection, from 1; 0 for control frames.
        raw: its bytes on the wire.
        frame: what it says in Twilsock; None for control frames.
    """

    connection: int
    way: Way
    number: int
    raw: bytes
    frame: frame.Frame | None

    @property
    def method(self) -> str:
        """Its Twilsock method."""
        return "" if self.frame is None else self.frame.header.method

    @property
    def id(self) -> str:
        """Its Twilsock id."""
        return "" if self.frame is None else self.frame.header.id


Where = Callable[[Passing], bool]
Act = Callable[["Cable", Passing], Awaitable[bool]]


@dataclass(eq=False, slots=True)
class Fault:
    """What shall happen to the next `times` frames of a kind."""

    where: Where
    act: Act
    times: int
    hits: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def hit(self, count: int = 1) -> None:
        """Wait until it has happened."""
        async with asyncio.timeout(PATIENCE):
            while self.hits < count:
                self._news.clear()
                await self._news.wait()


class Cable:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, number: int, client: asyncio.StreamWriter, service: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.number = number
        self.is_cut = False
        self.released = asyncio.Event()
        self._ends = {"down": client, "up": service}
        self._counts = {"down": 0, "up": 0}

    @property
    def is_open(self) -> bool:
        """Whether both ends have spoken, and nothing has broken it."""
        return not self.is_cut and all(self._counts.values())

    def cut(self, *, rst: bool = True, why: str = "cut") -> None:
        """Break it, at both ends: with RST, or with FIN as where a process ends; never with a WebSocket goodbye."""
        if self.is_cut:
            return
        self.proxy.note(why, self.number)
        self._close(rst=rst)

    def _close(self, *, rst: bool) -> None:
        self.is_cut = True
        self.released.set()
        for writer in self._ends.values():
            _end(writer, rst=rst)

    async def write(self, way: Way, data: bytes) -> None:
        """Write bytes to one end."""
        writer = self._ends[way]
        if self.proxy.sliced:
            for byte in data:
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(0)
        else:
            writer.write(data)
            await writer.drain()

    async def say(self, header: Header, payload: bytes = b"") -> None:
        """Send a Twilsock frame to the client, as if the service had."""
        await self.write("down", message(frame.encode(header, payload)))

    async def carry(self, reader: asyncio.StreamReader, way: Way) -> None:
        """Pass frames on, one way, until either end closes or it is cut."""
        with contextlib.suppress(OSError):
            try:
                while True:
                    raw, opcode, content = await _read_frame(reader)
                    data = opcode in (1, 2)
                    self._counts[way] += data
                    decoded = frame.decode(content) if data else None
                    got = decoded if isinstance(decoded, frame.Frame) else None
                    await self._pass(Passing(self.number, way, self._counts[way] if data else 0, raw, got))
            except asyncio.IncompleteReadError as rest:
                if rest.partial and not self.is_cut:
                    await self.write(way, rest.partial)
        if not self.is_cut:  # one end has gone: so goes the other
            self._close(rst=False)

    async def _pass(self, passing: Passing) -> None:
        entry = Entry("frame", self.number, passing.way, passing.number, passing.method)
        self.proxy.log.append(entry)
        if passing.way in self.proxy.held:
            self.proxy.note("held", self.number, passing)
        while passing.way in self.proxy.held and not self.is_cut:
            self.released.clear()
            await self.released.wait()
        for fault in [one for one in self.proxy.faults if one.where(passing)]:
            if fault not in self.proxy.faults:  # used up, or taken away, while another one was busy
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.proxy.faults.remove(fault)
            fault.hits += 1
            fault._news.set()
            if not await fault.act(self, passing):
                return
        if not self.is_cut:
            await self.write(passing.way, passing.raw)
            self.proxy.told()


class Proxy:
    """Passes everything on, until told otherwise.

    Attributes:
        url: where clients connect to.
        port: of the service; may be changed.
        log: what happened.
        faults: those that wait for their frame.
        sliced: whether every byte is written alone.
        accepted: connections so far.
        held: the ways that nothing passes.
    """

    def __init__(self, port: int) -> None:
        self.url = ""
        self.port = port
        self.log: list[Entry] = []
        self.faults: list[Fault] = []
        self.sliced = False
        self.accepted = 0
        self.held: set[Way] = set()
        self._cables: set[Cable] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusing = False
        self._upgrade: bytes | None = None
        self._news = asyncio.Event()
        self.restore()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._start, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    # -- what to do

    def fault(self, where: Where, act: Act, times: int = 1) -> Fault:
        """Do this to the next `times` frames of that kind."""
        fault = Fault(where, act, times)
        self.faults.append(fault)
        return fault

    def cut(self, *, rst: bool = True) -> int:
        """Break every connection; how many there were."""
        cables = [cable for cable in self._cables if not cable.is_cut]
        for cable in cables:
            cable.cut(rst=rst)
        return len(cables)

    @property
    def connected(self) -> bool:
        """Whether a connection has said its first word."""
        return any(cable.is_open for cable in self._cables)

    def refuse(self) -> None:
        """Break every connection, and each that comes at once."""
        self._refusing = True
        self.cut()

    def hold(self, *ways: Way) -> None:
        """Be a black hole, both ways if none is named: nothing passes, nobody is told. `restore` passes it late."""
        self.held.update(ways or ("up", "down"))

    def answer_upgrade(self, status: int, body: str = "", kind: str = "text/html") -> None:
        """Answer every upgrade with an HTTP status and a page instead of passing it."""
        page = body.encode()
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: {kind}\r\nContent-Length: {len(page)}\r\n\r\n"
        self._upgrade = head.encode() + page

    def restore(self) -> None:
        """Be a good cable again."""
        self._refusing, self._upgrade, self.sliced = False, None, False
        self.held.clear()
        for cable in self._cables:
            cable.released.set()

    # -- what happened

    def note(self, what: str, connection: int = 0, passing: Passing | None = None) -> None:
        """Write a line into the log."""
        if passing is None:
            self.log.append(Entry(what, connection))
        else:
            self.log.append(Entry(what, connection, passing.way, passing.number, passing.method))
        self.told()

    def told(self) -> None:
        """Something happened: whoever waits looks again."""
        self._news.set()

    def count(self, what: str, way: Way | None = None) -> int:
        """How many lines of the log say this."""
        return sum(entry.what == what and way in (None, entry.way) for entry in self.log)

    async def until(self, enough: Callable[[], bool]) -> None:
        """Wait until this holds; it is asked after everything that happens."""
        async with asyncio.timeout(PATIENCE):
            while not enough():
                self._news.clear()
                await self._news.wait()

    async def connections(self, count: int) -> None:
        """Wait until there were so many connections."""
        await self.until(lambda: self.accepted >= count)

    # -- connections

    def _start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._accept(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # also where it was cancelled before it began

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        number = self.accepted
        self.note("refused" if self._refusing else "accepted", number)
        if self._refusing:
            _end(writer, rst=True)
            return
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if self._upgrade is not None:
                self.note("answered", number)
                writer.write(self._upgrade)
                await writer.drain()
                return
            await self._join(number, head, reader, writer)

    async def _join(self, number: int, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        cable = Cable(self, number, writer, far_writer)
        self._cables.add(cable)
        try:
            far_writer.write(head)
            answer = await far_reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            if b" 101 " not in answer.partition(b"\r\n")[0]:
                writer.write(await far_reader.read(65536))
                return
            async with asyncio.TaskGroup() as group:
                group.create_task(cable.carry(reader, "up"))
                group.create_task(cable.carry(far_reader, "down"))
        finally:
            self._cables.discard(cable)
            far_writer.close()
            self.note("closed", number)


# --- Where ---------------------------------------------------------------------------------------------------------


def nth(way: Way, number: int, connection: int | None = None) -> Where:
    """The n-th data frame of a connection (the next one that has so many, where none is named)."""
    return lambda one: one.way == way and one.number == number and connection in (None, one.connection)


def request(method: str | None = None, path: str = "") -> Where:
    """Requests to the service, by HTTP method and a pattern of the path."""

    def where(one: Passing) -> bool:
        asked = None if one.frame is None else one.frame.header.http_request
        if one.way != "up" or asked is None:
            return False
        return method in (None, asked.method) and re.search(path, asked.path) is not None

    return where


def notification(message_type: str = "") -> Where:
    """What the service says by itself, by a pattern of its type."""
    return lambda one: (
        one.way == "down"
        and one.frame is not None
        and one.method == "notification"
        and re.search(message_type, one.frame.header.message_type or "") is not None
    )


def method(name: str, way: Way = "up") -> Where:
    """Frames with this Twilsock method."""
    return lambda one: one.way == way and one.method == name


# --- Acts ----------------------------------------------------------------------------------------------------------


def then(*acts: Act) -> Act:
    """One after the other, as long as the frame is to be passed on."""

    async def act(cable: Cable, passing: Passing) -> bool:
        for one in acts:
            if not await one(cable, passing):
                return False
        return True

    return act


def cut(*, rst: bool = False, after: bool = False, inside: int | None = None) -> Act:
    """Break the connection before this frame, after it, or so many bytes inside it."""

    async def act(cable: Cable, passing: Passing) -> bool:
        part = passing.raw if after else passing.raw[: inside or 0]
        if part:
            await cable.write(passing.way, part)
        cable.cut(rst=rst)
        return False

    return act


def delay(seconds: float) -> Act:
    """Pass it on later, and with it whatever comes behind it."""

    async def act(cable: Cable, passing: Passing) -> bool:
        await asyncio.sleep(seconds)
        return True

    return act


def duplicate() -> Act:
    """Pass it on twice."""

    async def act(cable: Cable, passing: Passing) -> bool:
        await cable.write(passing.way, passing.raw)
        cable.proxy.note("duplicated", cable.number, passing)
        return True

    return act


def answer(status: int, body: object = None, headers: dict[str, str] | None = None) -> Act:
    """Answer a request in the service's place; it never hears of it."""

    async def act(cable: Cable, passing: Passing) -> bool:
        said = json.encode(body if body is not None else {"status": status, "code": 0, "message": "a fault"})
        header = Header("reply", passing.id, payload_type="application/json", status=Status(200, "OK"))
        header.http_status, header.http_headers = Status(status, "WHATEVER"), headers or {}
        await cable.say(header, said)
        cable.proxy.note("answered", cable.number, passing)
        return False

    return act


def rewrite(change: Callable[[bytes], bytes], header: Callable[[bytes], bytes] = bytes) -> Act:
    """Give the client something else than the service said: another payload, another header, in a good frame."""

    async def act(cable: Cable, passing: Passing) -> bool:
        if passing.frame is None:
            return True
        body = change(passing.frame.payload)
        passing.frame.header.payload_size = len(body)
        head = header(json.encode(passing.frame.header))
        await cable.write("down", message(b"TWILSOCK V3.0 %d\r\n%b\r\n%b" % (len(head), head, body)))
        return False

    return act


def replies(method: str | None = None, path: str = "") -> Where:
    """What is answered to such requests; it has to see them pass."""
    asked, is_request = set[str](), request(method, path)

    def where(one: Passing) -> bool:
        if is_request(one):
            asked.add(one.id)
        return one.way == "down" and one.id in asked

    return where


def drop() -> Act:
    """Do not pass it on, and say nothing: what no network does, but a service that forgot to send it."""

    async def act(cable: Cable, passing: Passing) -> bool:
        cable.proxy.note("dropped", cable.number, passing)
        return False

    return act


def lose_reply(end: Act | None = None) -> Act:
    """Let the service act on a request, and break the connection (or do `end`) in place of its answer."""

    async def act(cable: Cable, passing: Passing) -> bool:
        cable.proxy.fault(lambda one: one.way == "down" and one.id == passing.id, end or cut(rst=True))
        return True

    return act


def close(code: int, *, error_code: int | None = None, backoff_ms: int | None = None) -> Act:
    """Say goodbye in the service's name, with this code, before the frame."""

    async def act(cable: Cable, passing: Passing) -> bool:
        policy = b"" if backoff_ms is None else json.encode({"backoff_policy": {"reconnect_min_ms": backoff_ms}})
        header = Header("close", "TM-close", payload_type="application/json" if policy else None)
        header.status = Status(code, "WHATEVER", error_code, "a fault")
        await cable.say(header, policy)
        cable.cut(rst=False, why="closed by a fault")
        return False

    return act


# --- WebSocket -----------------------------------------------------------------------------------------------------


async def _read_frame(reader: asyncio.StreamReader) -> tuple[bytes, int, bytes]:
    """One frame: its bytes as they are, its opcode, and its content without the mask."""
    raw = await reader.readexactly(2)
    try:
        length = raw[1] & 0x7F
        if length >= 126:
            raw += await reader.readexactly(2 if length == 126 else 8)
            length = int.from_bytes(raw[2:])
        mask = b""
        if raw[1] & 0x80:
            mask = await reader.readexactly(4)
            raw += mask
        content = await reader.readexactly(length)
    except asyncio.IncompleteReadError as rest:
        raise asyncio.IncompleteReadError(raw + rest.partial, None) from None
    return raw + content, raw[0] & 0x0F, _unmask(content, mask)


def _unmask(content: bytes, mask: bytes) -> bytes:
    if not mask:
        return content
    key = (mask * (len(content) // 4 + 1))[: len(content)]
    return (int.from_bytes(content) ^ int.from_bytes(key)).to_bytes(len(content))


def message(content: bytes) -> bytes:
    """A binary frame as a service sends it."""
    size = len(content)
    if size < 126:
        return struct.pack("!BB", 0x82, size) + content
    if size < 1 << 16:
        return struct.pack("!BBH", 0x82, 126, size) + content
    return struct.pack("!BBQ", 0x82, 127, size) + content


def _end(writer: asyncio.StreamWriter, *, rst: bool) -> None:
    """Close a socket with RST, or with FIN after what was written."""
    if not rst:
        writer.close()
        return
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
    writer.transport.abort()
