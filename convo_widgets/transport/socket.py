"""A WebSocket that is read and written in batches, with websockets' errors made ours and its log kept from telling.

websockets hands out one message at a time, and writes each with a system call of its own. What waits on a busy
connection is many small ones, so a `Socket` takes them where websockets has decoded them, all that one read of the
network brought, and writes whatever there is to say at once. That is done between parts of websockets that it promises
to nobody: `open_socket` looks whether they are there, so that another websockets fails in words, and does not wait for
ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import Event
from websockets.version import version

from convo_widgets.errors import ConnectFailed, LocalProtocolError
from convo_widgets.wire import frame

CLOSE_TIMEOUT = 1.0  # seconds that a goodbye may take
MOST_UNREAD = 1 << 20  # bytes of messages that wait to be taken, before nothing more is read

_wire_log = logging.getLogger("convo_widgets.websockets")
_wire_log.setLevel(logging.INFO)  # below that, websockets logs frames, and the first one holds the token
_wire_log.addFilter(lambda record: record.levelno >= logging.INFO)  # also for who sets another level


class Socket(ClientConnection):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unread: list[bytes | str] = []
        self._size = 0  # of the unread ones
        self._part: bytearray | None = None  # of a message that comes in several frames
        self._is_text = False
        self._news: asyncio.Future[None] | None = None
        self._is_given_up = False
        self._is_wired = False  # events come by us: the answer to the handshake did

    @property
    def is_known(self) -> bool:
        """Whether websockets is built as this class takes it to be."""
        own = all(hasattr(self, name) for name in ("connection_lost_waiter", "send_context", "transport"))
        return self._is_wired and own and hasattr(self.protocol, "data_to_send")

    async def receive(self) -> list[bytes | str]:
        """Every message that has arrived, one at least.

        Raises:
            ConnectionError: there will be no more.
        """
        while not self._unread:
            if self.connection_lost_waiter.done():
                raise _lost(self.protocol.close_exc)
            self._news = self.loop.create_future()
            await self._news
        messages, self._unread, self._size = self._unread, [], 0
        self.transport.resume_reading()
        return messages

    async def send_all(self, messages: Iterable[bytes]) -> None:
        """Send messages with one write; waits while too much is waiting to go out.

        Raises:
            ConnectionError: they may not have arrived.
        """
        try:
            async with self.send_context():
                for message in messages:
                    self.protocol.send_binary(message)
                self.transport.write(b"".join(self.protocol.data_to_send()))
        except ConnectionClosed as closed:
            raise _lost(closed) from None

    async def probe(self, timeout: float) -> None:
        """Cut it, if its peer shows no sign of life within so many seconds."""
        try:
            async with asyncio.timeout(timeout):
                await (await self.ping())
        except (OSError, WebSocketException):
            self.transport.abort()

    async def leave(self) -> None:
        """Close it properly, or by force where the peer does not even read."""
        self.give_up()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.close()
        except TimeoutError:
            self.transport.abort()
            await self.wait_closed()
        except BaseException:  # cancelled: nothing may stay open
            self.transport.abort()
            raise

    def give_up(self) -> None:
        """Read on to the end, and throw away what comes."""
        self._is_given_up = True
        self._unread.clear()
        self.transport.resume_reading()

    def process_event(self, event: Event) -> None:
        """Take the frames with messages; websockets keeps the others."""
        self._is_wired = True
        if not isinstance(event, Frame) or event.opcode not in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
            super().process_event(event)
            return
        if event.opcode is not Opcode.CONT:
            self._is_text = event.opcode is Opcode.TEXT
            if event.fin:
                self._take(bytes(event.data))
                return
            self._part = bytearray()
        if self._part is not None:
            self._part += event.data
            if event.fin:
                whole, self._part = bytes(self._part), None
                self._take(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for messages."""
        super().connection_lost(exc)
        self._tell()

    def _take(self, data: bytes) -> None:
        if self._is_given_up:
            return
        self._unread.append(data.decode(errors="replace") if self._is_text else data)
        self._size += len(data) + 100
        if self._size > MOST_UNREAD:
            self.transport.pause_reading()
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


class _Connect(connect):
    """websockets' own, but a redirect is an answer like any other: the token is for this service alone."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_socket(uri: str, *, open_timeout: float, ping_interval: float, ping_timeout: float) -> Socket:
    """An open socket; the times are in seconds.

    Raises:
        ConnectFailed: nobody answers there, or it is no WebSocket.
        LocalProtocolError: this websockets is built otherwise than ours.
    """
    try:
        proxy: dict[str, Any] = {"proxy": None} if _is_loopback(uri) else {}
        socket = await _Connect(
            uri,
            create_connection=Socket,
            compression=None,
            max_size=frame.MAX_FRAME,
            open_timeout=open_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            close_timeout=CLOSE_TIMEOUT,
            logger=_wire_log,
            user_agent_header=None,
            **proxy,
        )
        assert isinstance(socket, Socket)
        if not socket.is_known:
            socket.transport.abort()
            raise LocalProtocolError(f"This package does not know websockets {version}: install another version of it.")
        return socket
    except InvalidURI:
        pass  # its text quotes the address, which may hold a password, so it is no cause of ours
    except (OSError, WebSocketException, TimeoutError, ValueError) as error:
        raise ConnectFailed(shown(uri), _cause(error)) from error.with_traceback(None)
    raise ConnectFailed(shown(uri), "that is no address of a socket (ws:// or wss://)")


def _is_loopback(uri: str) -> bool:
    return urlsplit(uri).hostname in ("127.0.0.1", "localhost", "::1")


def shown(uri: str) -> str:
    """The address without anything that could be a secret."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def _lost(closed: ConnectionClosed) -> ConnectionError:
    """The end as the builtin error that every transport raises, without frames that may hold what was being sent."""
    return ConnectionResetError(str(closed))


def _cause(error: BaseException) -> str:
    """Why a connection could not be made, in words."""
    if isinstance(error, InvalidStatus):
        return f"it answered {error.response.status_code} instead of opening a socket"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "nothing listens there"
    return str(error) or type(error).__name__
