"""One connection to the service that heals itself: a transport below, a `Protocol` inside, requests and notices above.

A `Link` runs one supervised task. It connects, introduces itself, reads until the socket breaks, waits as the back-off
or the service says, and starts again, until it is stopped or the service says no for good ("denied", or "disconnected"
after the token expired). What waits for an answer when the socket breaks fails at once with `ConnectionLost`: only the
caller knows whether it may be repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from convo_widgets.errors import (
    ConnectFailed,
    ConnectionLost,
    ConvoError,
    LocalProtocolError,
    RemoteProtocolError,
    Throttled,
    TokenError,
    TokenExpired,
    TransportError,
    UsageError,
)
from convo_widgets.transport.answers import Answers, Response
from convo_widgets.transport.backoff import fibonacci
from convo_widgets.transport.clock import ClockWatch
from convo_widgets.transport.network import NETWORK
from convo_widgets.transport.observer import ConnectionFault, ConnectionState, Observer
from convo_widgets.transport.refusals import farewell, refused
from convo_widgets.transport.socket import CLOSE_TIMEOUT, shown
from convo_widgets.transport.transport import Connection, Transport
from convo_widgets.transport.turns import Turns
from convo_widgets.wire.events import (
    Closed,
    Event,
    Initialized,
    Malformed,
    Notified,
    Refused,
    Replied,
    TokenAboutToExpire,
    Updated,
)
from convo_widgets.wire.protocol import Protocol
from convo_widgets.wire.schema import HttpRequest, Status

OPEN_TIMEOUT = 10.0  # seconds to a finished handshake, and as much again to the answer to init
CONNECTION_TIMEOUT = 20.0  # seconds that a request waits for a connection
REPLY_TIMEOUT = 30.0  # seconds that it then waits for its answer
PING_INTERVAL = PING_TIMEOUT = 20.0  # seconds: a dead link is noticed within their sum
PROBE_TIMEOUT = 5.0  # seconds that a peer has to show a sign of life after the machine slept
LONGEST_AWAY = 600.0  # seconds that a service may send us away for, whatever number it writes

log = logging.getLogger("convo_widgets")


class Link:
    """A connection that heals itself.

    Args:
        uri: ws(s) address of the socket.
        fetch_token: gives the token for each connection; raises errors of ours alone.
        renewable: whether asking it again may give a newer token.
        observer: whom to tell what happens.
        metadata: about this program, for the introduction.
        delays: makes the seconds to wait before each new attempt.
        transport: how sockets are opened.

    Attributes:
        state: as the SDK names them; "unknown" before the first attempt.
        since: when that began, in UTC.
    """

    def __init__(
        self,
        uri: str,
        *,
        fetch_token: Callable[[], Awaitable[str]],
        renewable: bool,
        observer: Observer,
        metadata: dict[str, Any] | None = None,
        delays: Callable[[], Iterator[float]] = fibonacci,
        transport: Transport = NETWORK,
    ) -> None:
        self.uri = uri
        self.state: ConnectionState = "unknown"
        self.since = datetime.now(UTC)
        self._fetch_token = fetch_token
        self._renewable = renewable
        self._observer = observer
        self._metadata = metadata or {}
        self._delays = delays
        self._transport = transport
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None  # until the first connection of a start
        self._socket: Connection | None = None
        self._writer: asyncio.Task[None] | None = None
        self._protocol = Protocol("client")
        self._answers = Answers()
        self._turns = Turns()
        self._clock = ClockWatch(self._clock_jumped)
        self._probe: asyncio.Task[None] | None = None
        self._ended: ConvoError | None = None
        self._final_state: ConnectionState = "disconnected"
        self._was_open = False
        self._said: Status | None = None  # why the service ended it, where it said so
        self._away = 0.0  # seconds that it sent us away for
        self._continuation: str | None = None

    # -- life

    async def start(self) -> None:
        """Connect; returns when connected.

        Raises:
            ConnectFailed: nobody answers there. Once connected, a broken link is mended instead.
            TokenError: the service refuses the token.
            ReplyError: it refuses the introduction for another reason; while it is only too busy, this waits.
        """
        if self._task is not None and not self._task.done():
            raise UsageError("The connection is running already.")
        self._ended, self._final_state = None, "disconnected"
        self._turns.close()
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._supervise(), name="convo-widgets link")
        try:
            await self._first
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Say goodbye and end for good."""
        task = self._task
        if task is not None and not task.done():
            self._ended = self._ended or UsageError("The client was shut down: connect() again.")
            self._tell_state("disconnecting")
            self._protocol.close()
            try:
                with contextlib.suppress(OSError):
                    await asyncio.wait_for(self._flush(), CLOSE_TIMEOUT)
            finally:
                task.cancel()
            if task is asyncio.current_task():  # called by the token function: it ends at its next step
                return
            await asyncio.gather(task, return_exceptions=True)
        if self._task is task:
            self._task = None
            self._end(self._ended or UsageError("The client was shut down: connect() again."))

    async def _supervise(self) -> None:
        """Run until the end; whatever the end is, nobody is left waiting and the state is true."""
        try:
            await self._run()
        except ConvoError as error:
            self._ended = self._ended or error
        except Exception as error:  # a fault of ours must not look like a live connection
            log.exception("the connection's task failed")
            self._ended = self._ended or LocalProtocolError(
                f"The connection failed in an unforeseen way ({type(error).__name__})."
            )
        finally:
            self._end(self._ended or UsageError("The connection's task was cancelled: connect() again."))

    async def _run(self) -> None:
        delays = self._delays()
        while True:
            self._set_state("connecting")
            self._final_state = "disconnected"
            self._was_open, self._said, self._away = False, None, 0.0
            try:
                await self._session()
            except ConvoError as error:
                final = self._is_final(error)
                self._lose(error, final)
                if final:
                    raise
            if self._was_open:
                delays = self._delays()
            self._set_state("connecting")
            await asyncio.sleep(max(min(self._away, LONGEST_AWAY), next(delays)))

    def _is_final(self, error: ConvoError) -> bool:
        """Whether trying again by itself could not help, or would hide the error from who is connecting."""
        connected_before = self._first is None
        if isinstance(error, LocalProtocolError):
            return True
        if isinstance(error, TokenError):
            return not (self._renewable and connected_before)
        return not connected_before and not isinstance(error, Throttled)

    async def _session(self) -> None:
        """One connection, from handshake to its end; returns where the service only sent us elsewhere."""
        token = await self._fetch_token()
        try:
            socket = await self._transport.open_socket(
                self.uri, open_timeout=OPEN_TIMEOUT, ping_interval=PING_INTERVAL, ping_timeout=PING_TIMEOUT
            )
        except BaseException as error:
            del token  # some notebooks print the local variables of a traceback
            raise error.with_traceback(None)  # noqa: B904 -- the same error, without the frame that holds the address
        self._socket, self._protocol = socket, Protocol("client")
        try:
            self._protocol.init(token, self._continuation, self._metadata)
            del token
            async with asyncio.timeout(OPEN_TIMEOUT) as patience:
                await self._flush()
                while True:
                    for data in await socket.receive():
                        if self._receive(data):
                            return
                        if self._protocol.state == "ready" and not self._was_open:
                            patience.reschedule(None)
                            self._opened()
                    await self._flush()
        except OSError as error:
            error.with_traceback(None)  # its frames may hold the introduction, and so the token
            if isinstance(error, TimeoutError) and not self._was_open:
                raise ConnectFailed(shown(self.uri), "it does not answer the introduction (init)") from error
            raise self._broken() from error
        finally:
            self._turns.close()
            self._clock.stop()
            self._socket = None
            self._answers.lose()
            for task in (self._probe, self._writer):
                if task is not None:
                    task.cancel()
            await socket.leave()

    def _opened(self) -> None:
        self._was_open = True
        self._clock.start()
        self._turns.open()
        self._set_state("connected")
        first, self._first = self._first, None
        if first is not None and not first.done():
            first.set_result(None)

    def _clock_jumped(self, seconds: float) -> None:
        """The network may have forgotten us meanwhile: look at once, rather than at the next ping."""
        log.info("%.0f seconds went by unseen: looking whether the connection is alive", seconds)
        socket = self._socket
        if socket is not None and (self._probe is None or self._probe.done()):
            self._probe = asyncio.create_task(socket.probe(PROBE_TIMEOUT), name="convo-widgets probe")
        self._observer.clock_jumped(seconds)

    def _broken(self) -> TransportError:
        if self._was_open:
            return ConnectionLost("the connection", may_have_happened=False)
        return ConnectFailed(shown(self.uri), "it hung up during the introduction (init)")

    # -- what the service says

    def _receive(self, data: str | bytes) -> bool:
        """Act on one message; whether the service sends us elsewhere."""
        if isinstance(data, str):
            raise RemoteProtocolError("The service sent text where frames are binary: is the address right?")
        for event in self._protocol.receive(data):
            if isinstance(event, Closed):
                self._closed(event.status, event.backoff_ms)
                return True
            self._handle(event)
        return False

    def _handle(self, event: Event) -> None:
        match event:
            case Replied(id, status, headers, body):
                self._answers.give(id, Response(status.code, body, headers))
            case Notified():
                self._observer.notified(event)
            case TokenAboutToExpire():
                self._observer.token_about_to_expire()
            case Initialized(continuation_token):
                self._continuation = continuation_token
            case Updated(id):
                self._answers.give(id, None)
            case Refused(method, id, status, backoff_ms):
                self._refused(method, id, status, backoff_ms)
            case Malformed(reason):
                raise RemoteProtocolError(f"The service sent a malformed frame: {reason}.")

    def _refused(self, method: str, id: str, status: Status, backoff_ms: int) -> None:
        error = refused(status, backoff_ms)
        if isinstance(error, TokenError):
            self._final_state = "denied"
        if method == "update":
            self._answers.fail(id, error)
        if method == "init" or isinstance(error, TokenError):
            self._said, self._away = status, backoff_ms / 1000
            raise error

    def _closed(self, status: Status, backoff_ms: int) -> None:
        self._said, self._away = status, backoff_ms / 1000
        error = farewell(status)
        if error is not None:
            raise error
        if status.code != 308:
            raise self._broken()

    # -- requests

    def take_turn(self) -> int:
        """A place behind everything that was asked for before; a request that is tried again keeps it."""
        return self._turns.take()

    async def request(
        self, request: HttpRequest, body: bytes = b"", *, what: str, repeatable: bool, turn: int | None = None
    ) -> Response:
        """Send an HTTP request inside the socket and await its answer.

        Args:
            request: method, host, path and parameters.
            body: its body.
            what: the request in words, for errors.
            repeatable: whether doing it twice is the same as once (a read).
            turn: its place among the requests that wait for a connection; behind all others where it has none.

        Raises:
            ConnectionLost: there is no connection (20 s), or it broke before the answer.
            RequestTimeout: no answer in 30 s.
        """
        await self._wait_ready(what, turn=turn)
        id = self._protocol.request(request, body)
        answer = await self._await_answer(id, what, repeatable=repeatable)
        assert isinstance(answer, Response)
        return answer

    async def update(self, token: str) -> None:
        """Give the service a new token on the open connection.

        Raises:
            TokenError: it refuses it; the connection ends as "denied".
        """
        await self._wait_ready("the new token")
        await self._await_answer(self._protocol.update(token), "the new token", repeatable=True)

    @property
    def is_open(self) -> bool:
        """Whether requests can go out now."""
        return self._turns.is_open and self._ended is None

    @property
    def has_ended(self) -> bool:
        """Whether it will not come back by itself."""
        return self._task is None or self._task.done()

    async def wait_open(self, timeout: float) -> None:
        """Wait for a connection, at most `timeout` seconds.

        Raises:
            ConnectionLost: there is none.
        """
        await self._wait_ready("the connection", timeout)

    async def _wait_ready(self, what: str, timeout: float | None = None, turn: int | None = None) -> None:
        self._check_alive()
        if self._turns.is_free:
            return
        try:
            async with asyncio.timeout(CONNECTION_TIMEOUT if timeout is None else timeout):
                await self._turns.wait(turn)
                while not self._turns.is_open:  # the connection may be gone by the time that this task runs
                    self._check_alive()
                    await self._turns.wait(turn)
                self._check_alive()
        except TimeoutError:
            raise ConnectionLost(what, may_have_happened=False) from None

    def _check_alive(self) -> None:
        """Raise the end, if it has come."""
        if self._ended is not None:
            raise self._ended.with_traceback(None)  # it is raised many times, and must not grow
        if self._task is None:
            raise UsageError("The client is not connected: use `await connect(...)`.")

    async def _await_answer(self, id: str, what: str, *, repeatable: bool) -> Any:
        self._flush_soon()
        try:
            return await self._answers.wait(id, what, repeatable=repeatable, timeout=REPLY_TIMEOUT)
        finally:
            self._protocol.forget(id)

    def _flush_soon(self) -> None:
        """Write what there is to say, with what else is asked for in this step of the loop."""
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="convo-widgets writer")

    async def _write(self) -> None:
        with contextlib.suppress(OSError):  # the reader learns of it too, and tells who waits
            while self._protocol.has_outgoing and self._socket is not None:
                await self._flush()

    async def _flush(self) -> None:
        socket = self._socket
        if socket is None:
            return
        try:
            messages = self._protocol.take()
            if messages:
                await socket.send_all(messages)
        except OSError:
            if socket is self._socket:  # the reader learns of it in its own time: until then nobody tries again
                self._turns.close()
            raise

    # -- ends

    def _lose(self, error: ConvoError, final: bool) -> None:
        """The connection is gone: tell it, and let nobody wait for what cannot come."""
        if isinstance(error, TokenExpired):
            self._observer.token_expired()
        said = self._said or Status(0)
        self._observer.faulted(ConnectionFault(final, str(error), said.code or None, said.error_code))

    def _end(self, error: ConvoError) -> None:
        self._ended = error
        self._answers.lose()
        self._turns.open()  # wakes who waits for a connection, to be told of the end
        self._tell_state(self._final_state)
        first, self._first = self._first, None
        if first is not None and not first.done():
            first.set_exception(error)

    def _tell_state(self, state: ConnectionState) -> None:
        """`_set_state` at an end, which nothing may hold up."""
        try:
            self._set_state(state)
        except Exception:
            log.exception("a listener failed when the connection ended")

    def _set_state(self, state: ConnectionState) -> None:
        if state != self.state:
            self.state, self.since = state, datetime.now(UTC)
            self._observer.state_changed(state)
