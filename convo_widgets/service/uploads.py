"""The media service's door: real HTTP, with the access token in a header.

An upload is cut where it is too long or too slow, and comes into the store in one transaction. What is sent back never
runs as code of this origin: it is sandboxed, of the type that was said, and for most types a download.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from sqlite3 import Row
from tempfile import SpooledTemporaryFile
from typing import IO
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from convo_widgets.service import limits, media
from convo_widgets.service.dispatch import Backend, fault
from convo_widgets.service.multipart import FirstFile, is_form
from convo_widgets.service.refusals import Refused
from convo_widgets.service.services import Services
from convo_widgets.service.store import Store
from convo_widgets.service.tokens import TokenRefused
from convo_widgets.wire import json
from convo_widgets.wire.schema import MediaFound, MediaRecord, MediaSetRequest

UPLOADS = 16
"""Uploads at once."""
PAUSE = 10.0
"""Longest time without a byte of an upload, in seconds."""
SLOWEST = 16 * 1024
"""Bytes a second that an upload must reach, after a start of `PAUSE` seconds."""
SET = 100
"""Media in a set."""
_SHOWN = {
    "image": ("png", "jpeg", "gif", "webp"),
    "audio": ("mpeg", "ogg", "wav", "webm", "aac", "mp4"),
    "video": ("mp4", "webm", "ogg"),
}
INLINE = frozenset(f"{kind}/{name}" for kind, names in _SHOWN.items() for name in names)
"""Types that a browser may show in place; all others are downloads."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Handler = Callable[[Request, Backend], Awaitable[Response]]


class Uploads:
    """The handlers of the media service, each over the backend of the service in its address."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._running = 0

    def routes(self) -> list[Route]:
        """Where they are: narrow addresses first."""
        base = "/v1/Services/{service}/Media"
        return [
            Route(base, self._answer(self._upload), methods=["POST"]),
            Route(f"{base}/Set", self._answer(self._set), methods=["POST"]),
            Route(f"{base}/{{sid}}", self._answer(self._get)),
            Route(f"{base}/{{sid}}/Content", self._answer(self._content)),
            Route(f"{base}/{{sid}}/Temporary/{{expires}}/{{signature}}", self._answer(self._temporary)),
        ]

    def _answer(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """The handler, with every no as an error body."""

        async def answer(request: Request) -> Response:
            try:
                self._services.home.faults.strike(request.method, request.url.path)
                backend = self._services.find(request.path_params["service"])
                if backend is None:
                    raise Refused(20404)
                return await handler(request, backend)
            except Refused as refused:
                return refused.response()
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                return fault(f"{request.method} of a medium", error).response()

        return answer

    # -- in

    async def _upload(self, request: Request, backend: Backend) -> Response:
        identity = _identity(request, backend)
        category = request.query_params.get("Category", "media")
        filename = limits.name(request.query_params.get("Filename"), "Filename")
        content_type = request.headers.get("content-type", "")
        form = is_form(content_type)
        if not form:
            content_type = limits.media_type(content_type, category)
        media.demand_room(backend.store, identity, backend.media)
        if self._running >= UPLOADS:
            raise Refused(20429, "uploads")
        self._running += 1
        try:
            with SpooledTemporaryFile(max_size=media.PIECE) as file:
                await receive(request, file, backend.media.single_mb * limits.MB)
                file.seek(0)
                pieces = iter(lambda: file.read(media.PIECE), b"")
                if form:
                    first = FirstFile(content_type, file)
                    content_type = limits.media_type(first.content_type, category)
                    filename = filename or limits.name(first.filename, "filename")
                    pieces = first.pieces(media.PIECE)
                with backend.store.write() as change:
                    sid = media.insert(
                        backend.store,
                        author=identity,
                        time=change.time,
                        content_type=content_type,
                        pieces=pieces,
                        filename=filename,
                        category=category,
                    )
        finally:
            self._running -= 1
        return _json(media.record(backend.store, _find(backend, sid, identity), backend.signer), 201)

    # -- out

    async def _get(self, request: Request, backend: Backend) -> Response:
        medium = _find(backend, request.path_params["sid"], _identity(request, backend))
        return _json(media.record(backend.store, medium, backend.signer))

    async def _set(self, request: Request, backend: Backend) -> Response:
        identity = _identity(request, backend)
        with SpooledTemporaryFile(max_size=media.PIECE) as file:
            await receive(request, file, 64 * 1024)
            file.seek(0)
            try:
                wanted = json.decode(file.read(), MediaSetRequest)
            except json.BadJSON as error:
                raise Refused(20422, f"the body does not fit ({error})") from error
        if wanted.command != "get" or len(wanted.wanted) > SET:
            raise Refused(20422, f"the command is get, for at most {SET} media")
        return _json([_one(backend, one.media_sid, identity) for one in wanted.wanted])

    async def _content(self, request: Request, backend: Backend) -> Response:
        medium = _find(backend, request.path_params["sid"], _identity(request, backend))
        return _bytes(request, backend.store, medium)

    async def _temporary(self, request: Request, backend: Backend) -> Response:
        sid = request.path_params["sid"]
        backend.signer.check(sid, request.path_params["expires"], request.path_params["signature"])
        medium = media.find(backend.store, sid)
        if medium is None:
            raise Refused(20404, "there is no such medium")
        return _bytes(request, backend.store, medium)


def _identity(request: Request, backend: Backend) -> str:
    """Who asks."""
    try:
        grant = backend.tokens.check(request.headers.get("x-twilio-token", ""))
        backend.welcome(grant)
    except TokenRefused as refused:
        raise Refused(refused.code) from None
    return grant.identity


def _find(backend: Backend, sid: str, identity: str) -> Row:
    """A medium that a user may have; of another one he hears as little as of none."""
    medium = media.find(backend.store, sid)
    if medium is None or not media.may_read(backend.store, medium, identity):
        raise Refused(20404, "there is no such medium")
    return medium


def _one(backend: Backend, sid: str, identity: str) -> MediaFound:
    try:
        return MediaFound(200, media.record(backend.store, _find(backend, sid, identity), backend.signer))
    except Refused:
        return MediaFound(404, MediaRecord(sid))


def _bytes(request: Request, store: Store, medium: Row) -> Response:
    if not media.has_bytes(store, medium):
        raise Refused(20404, "the bytes of this medium were not part of the seed")
    part = asked_part(request.headers.get("range", ""), medium["size"])
    return Bytes(medium, part, media.pieces(store, medium["sid"], *part))


class Bytes(Response):
    """The bytes of a medium or a part of them, sent as fast as they are read."""

    def __init__(self, medium: Row, part: tuple[int, int], pieces: Iterable[bytes]) -> None:
        type, size, (start, end) = medium["content_type"], medium["size"], part
        headers = HEADERS | {
            "Content-Type": type,
            "Content-Length": str(end - start),
            "Accept-Ranges": "bytes",
            "Content-Disposition": disposition(medium["filename"], inline=type.partition(";")[0] in INLINE),
        }
        whole = end - start == size
        if not whole:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        super().__init__(None, 200 if whole else 206)
        self.raw_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ]
        self._pieces = pieces
        self._size = end - start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then piece by piece."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            left = self._size
            for piece in self._pieces:
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if left:  # it was removed meanwhile: a body that ends too early is known for what it is
                return
        await send({"type": "http.response.body", "body": b""})


def asked_part(header: str, size: int) -> tuple[int, int]:
    """Start and end of the bytes that a Range header asks for; all of them where it asks for nothing that there is.

    A player asks for a part when its listener jumps. Several parts at once are answered with the whole, as they may be.
    """
    match = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", header, re.ASCII)
    if match is None or not (match[1] or match[2]):
        return 0, size
    start, end = size - int(match[2] or 0), size
    if match[1]:
        start, end = int(match[1]), min(size, int(match[2] or size) + 1)
    start = max(0, start)
    return (start, end) if start < end else (0, size)


async def receive(request: Request, file: IO[bytes], limit: int) -> None:
    """Write the body to a file.

    Raises:
        Refused: 50512 where it is longer than `limit` bytes, 20408 where it comes too slowly.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise Refused(50512, f"at most {limit:,} bytes")
    chunks = aiter(request.stream())
    clock = asyncio.get_running_loop().time
    started, received = clock(), 0
    while True:
        try:
            async with asyncio.timeout_at(min(clock() + PAUSE, started + PAUSE + received / SLOWEST)):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise Refused(20408) from None
        if chunk is None:
            return
        received += len(chunk)
        if received > limit:
            raise Refused(50512, f"at most {limit:,} bytes")
        file.write(chunk)


def disposition(filename: str | None, *, inline: bool) -> str:
    """A Content-Disposition whose file name can be nothing but a name, in any language."""
    kind = "inline" if inline else "attachment"
    name = "".join(" " if not char.isprintable() or char in '/\\:"' else char for char in filename or "").strip(" .")
    if not name:
        return kind
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace(";", "_").replace("%", "_")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _json(body: object, status: int = 200) -> Response:
    return Response(json.encode(body), status, {"Cache-Control": "no-store"}, "application/json")
