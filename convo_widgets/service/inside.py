"""The service inside the loop of who uses it: no socket, no thread, and a transport that leads to it.

Clients take the transport for their sockets and HTTP; httpx takes it as a ``transport=``. Both drive the same ASGI app
that a server over sockets would. What is on the way is bounded: a medium goes through piece by piece, up and down.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp

from convo_widgets.errors import ConnectFailed, UsageError
from convo_widgets.service import timers
from convo_widgets.service.app import make_app
from convo_widgets.service.dispatch import Backend, log_fault
from convo_widgets.service.line import Line
from convo_widgets.service.loops import call_in, is_in
from convo_widgets.service.services import Left, Services

HOST = "in-process.invalid"
"""A name that leads nowhere on any network."""
REQUESTS = 200
"""HTTP requests at once."""
T = TypeVar("T")


class Inside(httpx.AsyncBaseTransport):
    """The way to a service in this loop; it stays the same over `LocalService.restart`.

    Attributes:
        url: base URL of the service; only this transport leads there.
        services: what it serves.
        left: what stores in memory held when it was stopped.
    """

    url = f"http://{HOST}"
    port = 0

    def __init__(self) -> None:
        self.left = Left()
        self.services: Services
        self.loop: asyncio.AbstractEventLoop
        self._app: ASGIApp | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._requests = 0

    def __repr__(self) -> str:
        return f"<Inside: a service in this loop, {'running' if self.running else 'stopped'}>"

    # -- its life

    @property
    def backend(self) -> Backend:
        """The first service."""
        return self.services.home

    @property
    def running(self) -> bool:
        """Whether somebody can connect."""
        return self._app is not None and not self.loop.is_closed()

    def begin(self, make: Callable[[str], Services], origins: tuple[str, ...], connections: int) -> Self:
        """Serve in the loop that runs.

        Raises:
            UsageError: none does, or the store cannot be used.
        """
        try:
            self.loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(
                "in_process=True runs in the loop of who makes it: make the service where `await` works"
            ) from None
        self.services = make(self.url)
        self.services.home.faults.serve(self.loop)
        self._app = make_app(self.services, (HOST,), origins, connections)
        self._spawn(timers.run(self.services))
        return self

    def stop(self) -> None:
        """End all connections, and close the store; a second call does nothing."""
        if self._app is not None:
            self._app = None
            self.services.home.faults.serve(None)
            if self.loop.is_running():
                call_in(self.loop, self._end)
            else:
                self._end()

    async def ended(self) -> None:
        """Wait until nothing of a service that was stopped runs any more."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _end(self) -> None:
        if not self.loop.is_closed():
            for connection in tuple(self.services.home.faults.connections):
                connection.cut()
            for backend in self.services:
                backend.end()
            for task in self._tasks:
                task.cancel()
        self.left = self.services.close()

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _serving(self) -> ASGIApp | None:
        """The app, where there is one."""
        if not is_in(self.loop):
            raise UsageError("This service runs in another event loop: connect in the one that it was made in")
        return self._app

    # -- the way to it

    async def open_socket(self, uri: str, *, open_timeout: float, ping_interval: float, ping_timeout: float) -> Line:
        """A WebSocket; it needs no pings.

        Raises:
            ConnectFailed: the service is stopped, or refuses.
        """
        app, parts = self._serving(), urlsplit(uri)
        if app is None:
            raise ConnectFailed(self.url, "the service is stopped")
        line = Line(parts.netloc, parts.path, parts.query)
        self._spawn(_logged("a connection", line.serve(app)))
        try:
            async with asyncio.timeout(open_timeout):
                status = await line.answer
        except TimeoutError:
            line.abort()
            raise ConnectFailed(self.url, "it does not answer") from None
        except BaseException:
            line.abort()
            raise
        if status is not None:
            raise ConnectFailed(self.url, f"it answered {status} instead of opening a socket")
        return line

    def http_client(self, timeout: httpx.Timeout) -> httpx.AsyncClient:
        """Httpx over this transport."""
        return httpx.AsyncClient(transport=self, timeout=timeout, follow_redirects=False)

    async def aside(self, act: Callable[..., T], *arguments: object) -> T:
        """At once: where there is no thread for the service, there is none for files either."""
        return act(*arguments)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, as httpx asks for it.

        Raises:
            ConnectError: the service is stopped.
            ReadTimeout: it does not answer.
        """
        app = self._serving()
        if app is None:
            raise httpx.ConnectError("the service is stopped", request=request)
        if self._requests >= REQUESTS:
            return httpx.Response(503)
        self._requests += 1
        exchange = Exchange(request)
        exchange.task = self._spawn(_logged(f"{request.method} over HTTP", exchange.serve(app)))
        exchange.task.add_done_callback(self._over)
        return await exchange.answer()

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._requests -= 1


class Exchange(httpx.AsyncByteStream):
    """One HTTP request to an ASGI app, and its answer: each piece of it is made when the one before was taken."""

    def __init__(self, request: httpx.Request) -> None:
        self.task: asyncio.Task[None]
        self._request = request
        self._patience: float | None = request.extensions.get("timeout", {}).get("read")
        assert isinstance(request.stream, httpx.AsyncByteStream)
        self._body = aiter(request.stream)
        self._broken: Exception | None = None
        self._head: asyncio.Future[httpx.Response] = asyncio.get_running_loop().create_future()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._whole = False
        self._moving = asyncio.timeout(None)

    # -- httpx's end

    async def answer(self) -> httpx.Response:
        """The head of the answer, with this as its body."""
        try:
            async with self._moving:
                self._moves()
                response = await self._head
        except TimeoutError:
            await self.aclose()
            raise httpx.ReadTimeout("no answer", request=self._request) from None
        except BaseException:
            await self.aclose()
            raise
        if self._broken is not None:
            await self.aclose()
            raise self._broken
        return response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._next()) is not None:
            yield piece
        if not self._whole:
            raise httpx.RemoteProtocolError("the answer ended too early", request=self._request)

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(self._patience):
                return await self._pieces.get()
        except TimeoutError:
            raise httpx.ReadTimeout("no more of the answer", request=self._request) from None

    async def aclose(self) -> None:
        """Nobody wants the rest."""
        self.task.cancel()
        await asyncio.wait({self.task})

    # -- the app's end

    async def serve(self, app: ASGIApp) -> None:
        """Let the app answer."""
        url = self._request.url
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "root_path": "",
            "query_string": url.query,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "client": None,
            "server": None,
            "extensions": {},
        }
        try:
            await app(scope, self._receive, self._send)
        finally:
            if not self._head.done():
                self._head.set_result(httpx.Response(500, request=self._request))
        await self._pieces.put(None)

    async def _receive(self) -> Any:
        self._moves()
        try:
            piece = await anext(self._body, None)
        except Exception as error:  # of who sends: it is told there
            self._broken = error
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            extensions = {"http_version": b"HTTP/1.1"}
            response = httpx.Response(message["status"], headers=message["headers"], stream=self, extensions=extensions)
            self._head.set_result(response)
            return
        if message.get("body"):
            await self._pieces.put(message["body"])
        self._whole = not message.get("more_body", False)

    def _moves(self) -> None:
        """Whoever waits for the head goes on waiting: the body is still on its way."""
        if self._patience is not None and not self._head.done() and not self._moving.expired():
            self._moving.reschedule(asyncio.get_running_loop().time() + self._patience)


async def _logged(what: str, work: Coroutine[Any, Any, None]) -> None:
    """Do it; a fault of ours is logged, as a server does."""
    try:
        await work
    except Exception as error:
        log_fault(what, error)
