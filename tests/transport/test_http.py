"""HTTP for media against a small store of our own: tokens, retries, redirects, limits, progress, logs, errors."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
import threading
import traceback
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import convo_widgets as cw
from convo_widgets.service.server import Server
from convo_widgets.transport import http, network
from convo_widgets.transport.http import Http, Source

SIGNATURE = "signature=s3cr3t"


class Store:
    """A store that answers as a test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[Response] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.hangs = asyncio.Event()
        self.came = asyncio.Event()
        self.gone = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        """The next answer, or 200 with what was sent."""
        body = b""
        try:
            async for piece in request.stream():
                body += piece
                self.came.set()
        except Exception:
            self.gone.set()
            raise
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.asked.append((request.method, path, dict(request.headers), body))
        return self.answers.pop(0) if self.answers else Response(body or b"content")


@pytest.fixture
async def store(nothing_left_over: None) -> AsyncIterator[Store]:
    """A running store."""
    made = Store()
    app = Starlette(routes=[Route("/{path:path}", made.answer, methods=["GET", "POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(app, 100)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await server.ready.wait()
    made.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield made
    server.should_exit = True
    await task


class Tokens:
    """The tokens that are presented."""

    def __init__(self, token: str) -> None:
        self.tokens = [token]
        self.calls: list[bool] = []

    async def fetch(self, newer: bool) -> str:
        """The current one, or another."""
        self.calls.append(newer)
        return f"{self.tokens[0]}-{'newer' if newer else 'first'}"


@pytest.fixture
async def client(store: Store, canary: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Http]:
    """A client that trusts the store, and does not wait between its tries."""
    monkeypatch.setattr(http, "DELAYS", (0.0, 0.0))
    made = Http(Tokens(canary).fetch)
    made.trust(store.url)
    yield made
    await made.close()


class Buffer:
    """A sink in memory."""

    def __init__(self) -> None:
        self.content = b""
        self.starts = 0

    def restart(self) -> None:
        """From the beginning."""
        self.content, self.starts = b"", self.starts + 1

    async def write(self, piece: bytes) -> None:
        """Keep it."""
        self.content += piece


def of(data: bytes) -> Source:
    """A source of these bytes."""
    return Source(len(data), lambda: io.BytesIO(data))


def at(url: str) -> Any:
    """A function that gives this address."""

    async def address() -> str:
        return url

    return address


async def test_the_token_goes_to_the_service(store: Store, client: Http, canary: str) -> None:
    """A question carries the token in its header, nowhere else."""
    assert await client.get(f"{store.url}/Media/ME1", what="reading") == b"content"
    assert await client.post(f"{store.url}/Set", b"{}", what="asking") == b"{}"
    for _, path, headers, _ in store.asked:
        assert headers["x-twilio-token"] == f"{canary}-first"
        assert canary not in path
    assert canary not in repr(client)


async def test_the_token_goes_nowhere_else(store: Store, client: Http) -> None:
    """Another origin, if only by its port or name, gets no token; nor does a temporary address."""
    client.trust("http://127.0.0.1:1")
    await client.get(f"{store.url}/x", what="reading")
    client.trust(store.url)
    await client.download(at(f"{store.url}/temporary?{SIGNATURE}"), Buffer(), limit=100, what="downloading")
    await client.get(store.url.replace("127.0.0.1", "localhost") + "/x", what="reading")
    assert [path for _, path, _, _ in store.asked] == ["/x", f"/temporary?{SIGNATURE}", "/x"]
    assert not [headers for _, _, headers, _ in store.asked if "x-twilio-token" in headers]


async def test_no_question_is_redirected(store: Store, client: Http) -> None:
    """A redirect of a question or an upload is an error, not a way to take the token elsewhere."""
    for status in (301, 302, 307, 308):
        store.answers = [Response(status_code=status, headers={"location": f"{store.url}/elsewhere"})]
        with pytest.raises(cw.RemoteProtocolError, match="elsewhere"):
            await client.get(f"{store.url}/Media/ME1", what="reading")
    store.answers = [Response(status_code=307, headers={"location": f"{store.url}/elsewhere"})]
    with pytest.raises(cw.RemoteProtocolError):
        await client.upload(f"{store.url}/Media", of(b"x"), content_type="a/b", on_progress=None, what="uploading")
    assert [path for _, path, _, _ in store.asked] == ["/Media/ME1"] * 4 + ["/Media"]


async def test_a_download_is_redirected_a_few_times(store: Store, client: Http) -> None:
    """Stores redirect downloads, relative addresses too; a loop ends, and other schemes are refused."""
    store.answers = [
        Response(status_code=302, headers={"location": "/second"}),
        Response(status_code=302, headers={"location": f"{store.url}/third"}),
        Response(b"there"),
    ]
    buffer = Buffer()
    await client.download(at(f"{store.url}/first"), buffer, limit=100, what="downloading")
    assert buffer.content == b"there"
    assert [path for _, path, _, _ in store.asked] == ["/first", "/second", "/third"]
    store.answers = [Response(status_code=302, headers={"location": "/again"}) for _ in range(20)]
    with pytest.raises(cw.RemoteProtocolError, match="elsewhere"):
        await client.download(at(f"{store.url}/first"), buffer, limit=100, what="downloading")
    assert len(store.asked) == 3 + 1 + http.REDIRECTS
    store.answers = [Response(status_code=302, headers={"location": "file:///etc/passwd"})]
    with pytest.raises(cw.RemoteProtocolError, match="cannot be used"):
        await client.download(at(f"{store.url}/first"), buffer, limit=100, what="downloading")


@pytest.mark.parametrize("url", ["ftp://h/x", "http://a:b@h/x", "x", "", "http://h:99999/", "file:///etc/passwd"])
async def test_only_web_addresses_are_used(client: Http, url: str) -> None:
    """What a service gives as an address is looked at before it is used, and not quoted."""
    with pytest.raises(cw.RemoteProtocolError, match="cannot be used"):
        await client.get(url, what="reading")


async def test_from_https_nothing_leads_to_http(store: Store, client: Http) -> None:
    """A service that is encrypted leads to no address that is not."""
    client.trust("https://media.example.org/v1")
    with pytest.raises(cw.RemoteProtocolError, match="cannot be used"):
        await client.download(at(f"{store.url}/x"), Buffer(), limit=100, what="downloading")
    assert store.asked == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_passing_failures_are_tried_again(store: Store, client: Http, status: int) -> None:
    """Twice; the third failure is told."""
    store.answers = [Response(status_code=status), Response(status_code=status)]
    assert await client.get(f"{store.url}/x", what="reading") == b"content"
    store.answers = [Response(status_code=status) for _ in range(3)]
    with pytest.raises(cw.ReplyError) as caught:
        await client.get(f"{store.url}/x", what="reading")
    assert caught.value.status == status
    assert len(store.asked) == 6


@pytest.mark.parametrize("status", [400, 403, 404, 413, 500, 501])
async def test_other_refusals_are_told_at_once(store: Store, client: Http, status: int) -> None:
    """With the service's code and words."""
    body = {"status": status, "code": 50506, "message": "No such medium", "more_info": "page"}
    store.answers = [JSONResponse(body, status)]
    with pytest.raises(cw.ReplyError, match="No such medium") as caught:
        await client.get(f"{store.url}/x", what="reading")
    assert (caught.value.status, caught.value.code, caught.value.more_info) == (status, 50506, "page")
    assert len(store.asked) == 1


@pytest.mark.parametrize("body", [b"<xml>", b"", b"\xff", b"[" * 100_000, b'{"code": "x"}'])
async def test_a_refusal_need_not_be_json(store: Store, client: Http, body: bytes) -> None:
    """What stores say instead is passed over."""
    store.answers = [Response(body, 404)]
    with pytest.raises(cw.NotFound):
        await client.get(f"{store.url}/x", what="reading")


async def test_retry_after_is_honoured_while_it_is_sane(
    store: Store, client: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds or a date; too long a wait is told instead; nonsense is passed over."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(http, "sleep", note)
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    for text in ("7", date, "-3", "soon", "9" * 400, "Mon, 99 Foo"):
        store.answers = [Response(status_code=429, headers={"retry-after": text})]
        if text == "9" * 400:
            with pytest.raises(cw.Throttled):
                await client.get(f"{store.url}/x", what="reading")
            continue
        await client.get(f"{store.url}/x", what="reading")
    assert waits[0] == 7
    assert 15 < waits[1] <= 20
    assert waits[2:] == [0, 0, 0]
    store.answers = [Response(status_code=503, headers={"retry-after": "3600"})]
    with pytest.raises(cw.ServiceFailed) as caught:
        await client.get(f"{store.url}/x", what="reading")
    assert caught.value.retry_after == 3600


async def test_a_refused_token_is_renewed_once(store: Store, client: Http, canary: str) -> None:
    """The request goes out once more, whole, with a newer token; a second refusal is told."""
    data = bytes(range(256)) * 2000
    store.answers = [Response(status_code=401)]
    answer = await client.upload(f"{store.url}/Media", of(data), content_type="a/b", on_progress=None, what="uploading")
    assert answer == data
    assert [headers["x-twilio-token"] for _, _, headers, _ in store.asked] == [f"{canary}-first", f"{canary}-newer"]
    assert [body for *_, body in store.asked] == [data, data]
    store.answers = [Response(status_code=401), Response(status_code=401)]
    with pytest.raises(cw.Unauthorized):
        await client.get(f"{store.url}/x", what="reading")


async def test_an_upload_tells_how_far_it_is(store: Store, client: Http) -> None:
    """In order, up to the end, with the length said before; a callback that raises stops nothing."""
    data = b"x" * (http.PIECE * 3 + 1)
    told: list[tuple[int, int]] = []

    def tell(through: int, total: int) -> None:
        told.append((through, total))
        raise ZeroDivisionError

    await client.upload(f"{store.url}/Media", of(data), content_type="a/b", on_progress=tell, what="uploading")
    assert told == [(min(http.PIECE * n, len(data)), len(data)) for n in (1, 2, 3, 4)]
    ((method, _, headers, body),) = store.asked
    assert (method, headers["content-length"], headers["content-type"]) == ("POST", str(len(data)), "a/b")
    assert body == data


async def test_an_upload_is_tried_again_from_its_beginning(store: Store, client: Http) -> None:
    """A file is read again; one that changed its size meanwhile is not sent."""
    store.answers = [Response(status_code=503)]
    await client.upload(f"{store.url}/Media", of(b"whole"), content_type="a/b", on_progress=None, what="uploading")
    assert [body for *_, body in store.asked] == [b"whole", b"whole"]
    shrunk = Source(10, lambda: io.BytesIO(b"short"))
    grown = Source(2, lambda: nullcontext(io.BytesIO(b"longer")))
    for source in (shrunk, grown):
        with pytest.raises(cw.UsageError, match="changed its size"):
            await client.upload(f"{store.url}/Media", source, content_type="a/b", on_progress=None, what="uploading")
    assert len(store.asked) == 2


async def test_a_cancelled_upload_stops(store: Store, client: Http) -> None:
    """The connection is cut in the middle, and the service sees no whole request."""
    more = asyncio.Event()

    class Slow(io.BytesIO):
        """A file whose second half is not there yet."""

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= http.PIECE:
                loop.call_soon_threadsafe(more.set)
                asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
            return super().read(size)

    loop, released = asyncio.get_running_loop(), asyncio.Event()
    source = Source(http.PIECE * 2, lambda: Slow(b"x" * http.PIECE * 2))
    upload = asyncio.create_task(
        client.upload(f"{store.url}/Media", source, content_type="a/b", on_progress=None, what="uploading")
    )
    await store.came.wait()
    await more.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    released.set()
    await store.gone.wait()
    assert store.asked == []


async def test_a_broken_upload_starts_again(client: Http) -> None:
    """A connection that is cut in the middle costs a try; after three of them it is told."""
    cuts = 0

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal cuts
        await reader.readexactly(http.PIECE)
        cuts += 1
        writer.transport.abort()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/Media"
        with pytest.raises(cw.ConnectionLost, match="uploading"):
            await client.upload(url, of(b"x" * http.PIECE * 4), content_type="a/b", on_progress=None, what="uploading")
    assert cuts == 3


async def test_a_download_comes_in_pieces(store: Store, client: Http) -> None:
    """And tells how far it is."""
    data = bytes(range(256)) * 5000
    store.answers = [Response(data)]
    told: list[tuple[int, int]] = []
    buffer = Buffer()
    await client.download(
        at(f"{store.url}/x"),
        buffer,
        limit=len(data),
        total=len(data),
        on_progress=lambda through, total: told.append((through, total)),
        what="downloading",
    )
    assert buffer.content == data
    assert told[-1] == (len(data), len(data))
    assert len(told) > 1


async def test_a_download_has_a_limit(store: Store, client: Http) -> None:
    """Said or not, more bytes than the limit are an error, and an answer to a question has one of its own."""
    store.answers = [Response(b"x" * 101)]
    with pytest.raises(cw.RemoteProtocolError, match="more than 100 bytes"):
        await client.download(at(f"{store.url}/x"), Buffer(), limit=100, what="downloading")

    async def long() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b"x" * 10_000
            await asyncio.sleep(0)

    for call in (
        client.download(at(f"{store.url}/x"), Buffer(), limit=100_000, what="downloading"),
        client.get(f"{store.url}/x", what="reading"),
    ):
        store.answers = [StreamingResponse(long())]
        with pytest.raises(cw.RemoteProtocolError, match="more than"):
            await call


async def test_nothing_packed_is_unpacked(store: Store, client: Http) -> None:
    """A small packed answer could become a huge one."""
    store.answers = [Response(b"x", headers={"content-encoding": "gzip"})]
    with pytest.raises(cw.RemoteProtocolError, match="packed"):
        await client.get(f"{store.url}/x", what="reading")
    assert store.asked[0][2]["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", http.REFUSED)
async def test_an_expired_address_is_renewed(store: Store, client: Http, status: int) -> None:
    """A new address is asked for, twice at most."""
    given: list[str] = []

    async def address() -> str:
        given.append(f"{store.url}/{len(given)}?{SIGNATURE}")
        return given[-1]

    store.answers = [Response(status_code=status), Response(status_code=status)]
    buffer = Buffer()
    await client.download(address, buffer, limit=100, what="downloading")
    assert (buffer.content, len(given)) == (b"content", 3)
    store.answers = [Response(status_code=status) for _ in range(3)]
    with pytest.raises(cw.ReplyError) as caught:
        await client.download(address, buffer, limit=100, what="downloading")
    assert (caught.value.status, len(given)) == (status, 6)


async def test_a_broken_download_starts_again(store: Store, client: Http) -> None:
    """What came before the break is forgotten; after three breaks it is told."""

    async def half() -> AsyncIterator[bytes]:
        yield b"half"

    def broken() -> Response:
        return StreamingResponse(half(), headers={"content-length": "100"})

    store.answers = [broken(), broken(), Response(b"whole")]
    buffer = Buffer()
    await client.download(at(f"{store.url}/x"), buffer, limit=100, what="downloading")
    assert (buffer.content, buffer.starts) == (b"whole", 3)
    store.answers = [broken(), broken(), broken()]
    with pytest.raises(cw.ConnectionLost, match="downloading"):
        await client.download(at(f"{store.url}/x"), buffer, limit=100, what="downloading")


async def test_nobody_there(client: Http, closed_port: int, canary: str) -> None:
    """A closed port, with an address that shows no signature."""
    url = f"http://127.0.0.1:{closed_port}/x?{SIGNATURE}"
    with pytest.raises(cw.ConnectFailed, match="nothing listens there") as caught:
        await client.download(at(url), Buffer(), limit=100, what="downloading")
    assert SIGNATURE not in str(caught.value)
    assert canary not in str(caught.value)


async def test_somebody_who_never_answers(client: Http, silent_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an end to waiting."""
    monkeypatch.setattr(http, "TIMEOUT", 0.05)
    with pytest.raises(cw.RequestTimeout, match="downloading"):
        await client.download(at(silent_uri.replace("ws:", "http:")), Buffer(), limit=100, what="downloading")


async def test_tracebacks_show_no_secret(store: Store, client: Http, closed_port: int, canary: str) -> None:
    """Not even those that show every variable; and no error leads to the request."""
    nowhere = f"http://127.0.0.1:{closed_port}/x?{SIGNATURE}"
    client.trust(f"http://127.0.0.1:{closed_port}")
    calls = [lambda: client.get(nowhere.partition("?")[0], what="reading")]
    calls.append(lambda: client.download(at(nowhere), Buffer(), limit=100, what="downloading"))
    store.answers = [Response(status_code=500), Response(status_code=302, headers={"location": f"/x?{SIGNATURE}"})]
    store.answers += [Response(status_code=500)]
    calls.append(lambda: client.download(at(f"{store.url}/x"), Buffer(), limit=100, what="downloading"))
    calls.append(lambda: client.download(at(f"{store.url}/x"), Buffer(), limit=100, what="downloading"))
    for call in calls:
        with pytest.raises(cw.ConvoError) as caught:
            await call()
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [frame for frame in told.stack if "convo_widgets" in frame.filename]
        text = "".join(f"{frame.locals}" for frame in frames)
        assert "what" in text
        assert canary not in text
        assert SIGNATURE not in text


async def test_logs_show_no_address(store: Store, client: Http, canary: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of ours is in the logs of httpx and httpcore, however loud; what others do with them still is."""
    import httpx

    caplog.set_level(logging.DEBUG)
    store.answers = [Response(status_code=302, headers={"location": f"/second?{SIGNATURE}"})]
    await client.download(at(f"{store.url}/first?{SIGNATURE}"), Buffer(), limit=100, what="downloading")
    await client.get(f"{store.url}/x", what="reading")
    assert SIGNATURE not in caplog.text
    assert canary not in caplog.text
    async with httpx.AsyncClient() as other:
        await other.get(f"{store.url}/of-others")
    assert "/of-others" in caplog.text


async def test_after_the_end(store: Store, client: Http) -> None:
    """A closed client opens nothing again; closing twice does no harm."""
    await client.get(f"{store.url}/x", what="reading")
    await client.close()
    await client.close()
    with pytest.raises(cw.UsageError, match="shut down"):
        await client.get(f"{store.url}/x", what="reading")


async def test_closing_while_it_begins(client: Http, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was just being made is closed too, and asks for nothing."""
    begun, go, made = asyncio.Event(), threading.Event(), []
    loop, make = asyncio.get_running_loop(), network.new_client

    def slowly(timeout: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        go.wait(5)
        made.append(make(timeout))
        return made[0]

    monkeypatch.setattr(network, "new_client", slowly)
    asking = asyncio.create_task(client.get(f"{store.url}/x", what="reading"))
    await begun.wait()
    closing = asyncio.create_task(client.close())
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(cw.UsageError, match="shut down"):
        await asking
    await closing
    assert made[0].is_closed
    assert store.asked == []
