"""HTTP beside the socket, for media: up and down in pieces, over one httpx client whose errors become ours.

The access token goes to one origin alone, the media service that the configuration names, and to no address that it
redirects to.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from asyncio import sleep
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from convo_widgets.errors import (
    ConnectFailed,
    ConnectionLost,
    RemoteProtocolError,
    ReplyError,
    RequestTimeout,
    Unauthorized,
    UsageError,
)
from convo_widgets.transport.network import NETWORK
from convo_widgets.transport.quiet import Secret, quietly
from convo_widgets.transport.refusals import is_passing, pause, refusal
from convo_widgets.transport.transport import Transport

DELAYS = (1.0, 2.0)  # seconds before the second and the third try
LONGEST_WAIT = 30.0  # seconds that a service may ask for before the next try; for more, the caller is told instead
RENEWALS = 2  # temporary addresses that are asked for after one was refused
REDIRECTS = 5  # that a download follows
PIECE = 256 * 1024  # bytes that are read from a file and written at a time
MAX_ANSWER = 1_000_000  # bytes of an answer that is no medium
TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds for each read and write, not for all of them
REFUSED = (400, 401, 403, 404, 410)  # what stores say of an address whose time is over

log = logging.getLogger("convo_widgets")

T = TypeVar("T")
Progress = Callable[[int, int], Any]
"""Called with the bytes that are through and all there are; a new try starts again at 0."""


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes to send, which can be read again from their beginning.

    Attributes:
        size: how many.
        open: gives a file that stands at their beginning.
    """

    size: int
    open: Callable[[], AbstractContextManager[BinaryIO]]


class Sink(Protocol):
    """Where a download goes."""

    def restart(self) -> None:
        """Forget what came so far: it comes again from its beginning."""

    async def write(self, piece: bytes) -> None:
        """Take the next bytes."""


class Http:
    """HTTP to one media service, and from wherever it keeps its media.

    Args:
        fetch_token: gives the token to present; with True a newer one, after the last was refused.
        transport: what httpx speaks through.
    """

    def __init__(self, fetch_token: Callable[[bool], Awaitable[str]], transport: Transport = NETWORK) -> None:
        self._fetch_token = fetch_token
        self.aside = transport.aside
        self._transport = transport
        self._trusted = ""
        self._client: httpx.AsyncClient | None = None
        self._making = asyncio.Lock()
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Http to {self._trusted or 'nobody yet'}>"

    def trust(self, url: str) -> None:
        """Give the token to the origin of this address, and to no other."""
        self._trusted = _origin(url)

    async def close(self) -> None:
        """Close what is open; there is no other request afterwards."""
        self._is_closed = True
        async with self._making:
            if self._client is not None:
                await self._client.aclose()

    async def get(self, url: str, *, what: str) -> bytes:
        """A small answer of the media service.

        Raises:
            ReplyError: it answered no.
            TransportError: no answer came.
        """
        return await _retried(lambda: self._answer("GET", url, what=what))

    async def post(self, url: str, content: bytes, *, what: str) -> bytes:
        """The answer to a question in JSON, which changes nothing and so may be asked again."""
        headers = {"Content-Type": "application/json"}
        return await _retried(lambda: self._answer("POST", url, content, headers, what=what))

    async def upload(
        self, url: str, source: Source, *, content_type: str, on_progress: Progress | None, what: str
    ) -> bytes:
        """Send bytes; a try that fails is repeated, for a medium that no message refers to does no harm.

        Raises:
            UsageError: the bytes changed their number meanwhile.
            ReplyError: the service answered no.
            TransportError: no answer came.
        """

        async def attempt() -> bytes:
            headers = {"Content-Type": content_type, "Content-Length": str(source.size)}
            with source.open() as file:
                pieces = _Pieces(file, source.size, self.aside, on_progress)
                return await self._answer("POST", url, pieces, headers, what=what)

        return await _retried(attempt)

    async def download(
        self,
        address: Callable[[], Awaitable[str]],
        sink: Sink,
        *,
        limit: int,
        total: int = 0,
        on_progress: Progress | None = None,
        what: str,
    ) -> None:
        """Write what lies at an address to `sink`; an address whose time is over is asked for again.

        Args:
            address: gives a new address each time.
            sink: where to write; it is restarted before each try.
            limit: bytes; more are an error.
            total: bytes that are expected, for `on_progress`.
            on_progress: called after each piece.
            what: it is for, in words.

        Raises:
            ReplyError: the service answered no.
            RemoteProtocolError: there are more bytes than `limit`.
            TransportError: it broke, again and again.
        """
        renewals = RENEWALS

        async def attempt() -> None:
            sink.restart()
            through = 0
            async with self._open("GET", Secret(await address()), what=what, redirects=REDIRECTS) as response:
                async for piece in _body(response, limit, what):
                    await sink.write(piece)
                    through += len(piece)
                    _report(on_progress, through, max(total, through))

        while True:
            try:
                return await _retried(attempt)
            except ReplyError as error:
                if error.status not in REFUSED or not renewals:
                    raise
                renewals -= 1

    async def _answer(self, method: str, url: str, content: Any = None, headers: Any = None, *, what: str) -> bytes:
        """One try, and one more with a newer token where this one was refused."""
        try:
            return await self._try(method, url, content, headers, Secret(await self._fetch_token(False)), what)
        except Unauthorized:
            newer = Secret(await self._fetch_token(True))
            if isinstance(content, _Pieces):
                content.rewind()
            return await self._try(method, url, content, headers, newer, what)

    async def _try(self, method: str, url: str, content: Any, headers: Any, token: str, what: str) -> bytes:
        async with self._open(method, url, content, headers, token, what=what) as response:
            return b"".join([piece async for piece in _body(response, MAX_ANSWER, what)])

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        url: str,
        content: Any = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
        *,
        what: str,
        redirects: int = 0,
    ) -> AsyncIterator[httpx.Response]:
        """An answer in 2xx, whose body is still to be read."""
        head = {"Accept-Encoding": "identity", **(headers or {})}
        for hops in range(redirects + 1):
            self._check(url, what)
            if token is not None and hops == 0 and _origin(url) == self._trusted:
                head["X-Twilio-Token"] = token
            response = await self._send(method, url, content, head, what)
            try:
                if response.has_redirect_location and hops < redirects:
                    url = Secret(urljoin(url, response.headers["location"]))
                    head.pop("X-Twilio-Token", None)
                    continue
                if not response.is_success:
                    raise await _refusal(response, what)
                yield response
                return
            finally:
                await quietly(response.aclose, url, what)

    async def _send(self, method: str, url: str, content: Any, headers: dict[str, str], what: str) -> httpx.Response:
        client = await self._begun()

        async def act() -> httpx.Response:
            return await client.send(client.build_request(method, url, content=content, headers=headers), stream=True)

        return await quietly(act, url, what)

    async def _begun(self) -> httpx.AsyncClient:
        async with self._making:
            if self._client is None and not self._is_closed:
                self._client = await self.aside(self._transport.http_client, TIMEOUT)
        if self._client is None or self._is_closed:
            raise UsageError("The client was shut down: connect() again.")
        return self._client

    def _check(self, url: str, what: str) -> None:
        """Addresses come from the service: only http(s) ones are followed, and from https none that is not."""
        origin = _origin(url)
        if not origin or (self._trusted.startswith("https:") and not origin.startswith("https:")):
            raise RemoteProtocolError(f"The service gave an address for {what} that cannot be used.")


class _Pieces:
    """A file in pieces, as httpx sends them."""

    def __init__(
        self, file: BinaryIO, size: int, aside: Callable[..., Awaitable[Any]], on_progress: Progress | None
    ) -> None:
        self._file = file
        self._aside = aside
        self._start = file.tell()
        self._size = size
        self._report = on_progress
        self._through = 0

    def rewind(self) -> None:
        """Start again."""
        self._file.seek(self._start)
        self._through = 0

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        if self._through:
            _report(self._report, self._through, self._size)
        piece: bytes = await self._aside(self._file.read, PIECE)
        self._through += len(piece)
        if self._through > self._size or (not piece and self._through < self._size):
            raise UsageError("The file changed its size while it was being sent; nothing was sent.")
        if not piece:
            raise StopAsyncIteration
        return piece


def _report(on_progress: Progress | None, through: int, total: int) -> None:
    if on_progress is not None:
        try:
            on_progress(through, total)
        except Exception:
            log.exception("a progress callback raised")


async def _retried(attempt: Callable[[], Awaitable[T]]) -> T:
    """The first try that succeeds of three."""
    delays = iter(DELAYS)
    while True:
        try:
            return await attempt()
        except (ReplyError, ConnectFailed, ConnectionLost) as error:
            delay, wait = next(delays, None), pause(error)
            if delay is None or wait > LONGEST_WAIT or not is_passing(error):
                raise
        await sleep(max(delay, wait))


async def _body(response: httpx.Response, limit: int, what: str) -> AsyncIterator[bytes]:
    """The body in pieces."""
    if response.headers.get("content-encoding", "identity") != "identity":  # nobody asked for it, and it may be a bomb
        raise RemoteProtocolError(f"The service's answer to {what} is packed, which was not asked for.")
    through, pieces = 0, response.aiter_raw(PIECE)
    while (piece := await quietly(lambda: anext(pieces, None), str(response.url), what)) is not None:
        through += len(piece)
        if through > limit:
            raise RemoteProtocolError(f"The service's answer to {what} has more than {limit:,} bytes.")
        yield piece


async def _refusal(response: httpx.Response, what: str) -> ReplyError | RemoteProtocolError:
    """The error for an answer outside 2xx."""
    if response.has_redirect_location:
        return RemoteProtocolError(f"The service's answer to {what} leads elsewhere, which is not followed.")
    body = b""
    with contextlib.suppress(RemoteProtocolError, ConnectionLost, RequestTimeout):
        body = b"".join([piece async for piece in _body(response, MAX_ANSWER, what)])
    return refusal(response.status_code, body, response.headers.get("retry-after"))


def _origin(url: str) -> str:
    """Scheme, host and port of an address; empty for one that is not http(s), or holds a name and password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port or (443 if parts.scheme == 'https' else 80)}"
