"""Media over HTTP: who may have them, what is cut, what a browser is told of them; and messages that carry them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convo_widgets.service import media, server, uploads
from convo_widgets.service.local import LocalService
from convo_widgets.service.multipart import FirstFile
from convo_widgets.service.refusals import Refused
from convo_widgets.service.seeds import samples

from .conftest import CONFIGURATION, ROOMS, Connect, Wire
from .http import Answer, ask

PNG = samples.make("a.png", "image/png")


class Locker:
    """The media service, as one user uses it."""

    def __init__(self, service: LocalService, identity: str, base: str) -> None:
        self.token, self.base = service.token(identity), base

    @classmethod
    async def of(cls, service: LocalService, wire: Wire) -> Locker:
        """That of the user of a connection."""
        configuration = await wire.get(CONFIGURATION)
        return cls(service, configuration["identity"], configuration["links"]["media_service"])

    async def upload(self, content: bytes, content_type: str = "image/png", **query: str) -> Answer:
        """Send bytes."""
        url = f"{self.base}?{urlencode(query)}" if query else self.base
        return await ask("POST", url, content, X_Twilio_Token=self.token, Content_Type=content_type)

    async def put(self, content: bytes, content_type: str = "image/png", **query: str) -> Any:
        """The record of an upload that must succeed."""
        answer = await self.upload(content, content_type, **query)
        assert answer.status == 201, answer
        return answer.body

    async def get(self, sid: str, rest: str = "") -> Answer:
        """Ask for a record, or for what is below it."""
        return await ask("GET", f"{self.base}/{sid}{rest}", X_Twilio_Token=self.token)


async def end_of(writer: asyncio.StreamWriter) -> None:
    """Close a line, and wait until it is."""
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_upload_and_download(wire: Connect, service: LocalService) -> None:
    """What was uploaded comes back, by record, by set, with the token, and by an address that needs none."""
    alice = await Locker.of(service, await wire("alice"))
    record = await alice.put(PNG, Filename="höhe/ä b.png", Category="media")
    assert record == record | {"size": len(PNG), "content_type": "image/png", "filename": "höhe/ä b.png"}
    assert (record["author"], record["category"], record["service_sid"]) == ("alice", "media", service.service_sid)
    assert (record["channel_sid"], record["message_sid"]) == (None, None)
    again = (await ask("GET", record["url"], X_Twilio_Token=alice.token)).body
    assert {key: value for key, value in again.items() if key != "links"} == {
        key: value for key, value in record.items() if key != "links"
    }
    found = await ask(
        *("POST", f"{alice.base}/Set"),
        json.dumps({"command": "get", "list": [{"media_sid": record["sid"]}, {"media_sid": "ME0"}]}).encode(),
        X_Twilio_Token=alice.token,
    )
    assert [one["code"] for one in found.body] == [200, 404]
    assert [one["media_record"]["sid"] for one in found.body] == [record["sid"], "ME0"]
    assert (await ask("GET", record["links"]["content"], X_Twilio_Token=alice.token)).content == PNG
    direct = await ask("GET", record["links"]["content_direct_temporary"])
    assert (direct.status, direct.content) == (200, PNG)
    assert direct.headers["x-content-type-options"] == "nosniff"
    assert direct.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert direct.headers["cache-control"] == "no-store"
    assert direct.headers["content-disposition"].startswith("inline; ")
    assert quote("höhe ä b.png") in direct.headers["content-disposition"]
    assert (await ask("HEAD", record["links"]["content_direct_temporary"])).content == b""


async def test_empty_and_large(wire: Connect, service: LocalService) -> None:
    """A medium of no bytes, and one of several pieces."""
    alice = await Locker.of(service, await wire("alice"))
    for content in (b"", bytes(range(256)) * 3000):
        record = await alice.put(content, "application/octet-stream")
        answer = await ask("GET", record["links"]["content_direct_temporary"])
        assert (answer.content, record["size"]) == (content, len(content))
        assert answer.headers["content-disposition"] == "attachment"


async def test_html_is_a_download(wire: Connect, service: LocalService) -> None:
    """What could run in a browser is never shown in place."""
    alice = await Locker.of(service, await wire("alice"))
    for content_type in ("text/html", "image/svg+xml", "application/pdf", "text/html; charset=utf-8", "image/PNG2"):
        record = await alice.put(b"<script>alert(1)</script>", content_type, Filename="a.html")
        answer = await ask("GET", record["links"]["content_direct_temporary"])
        assert answer.headers["content-disposition"].startswith("attachment; "), content_type
        assert answer.headers["content-type"] == content_type


async def test_strangers_hear_nothing(wire: Connect, service: LocalService) -> None:
    """Another user gets what he would get for a medium that is none, by every door; without a token nobody gets any."""
    alice, bob = await Locker.of(service, await wire("alice")), await Locker.of(service, await wire("bob"))
    record = await alice.put(PNG)
    for rest in ("", "/Content"):
        mine, none = await bob.get(record["sid"], rest), await bob.get("ME" + "0" * 32, rest)
        assert (mine.status, mine.content) == (404, none.content)
        for headers in ({}, {"X_Twilio_Token": "x"}, {"X_Twilio_Token": service.token("alice", ttl=-10)}):
            assert (await ask("GET", record["url"] + rest, **headers)).status == 401
    body = json.dumps({"list": [{"media_sid": record["sid"]}]}).encode()
    assert (await ask("POST", f"{bob.base}/Set", body, X_Twilio_Token=bob.token)).body[0]["code"] == 404
    assert (await ask("POST", bob.base, PNG)).code == 20101
    other = alice.base.replace(service.service_sid, "IS" + "0" * 32)
    assert (await ask("GET", f"{other}/{record['sid']}", X_Twilio_Token=alice.token)).status == 404


async def test_temporary_addresses(wire: Connect) -> None:
    """They cannot be guessed or bent to another medium, and end."""
    with LocalService(seed=None, media_url_ttl=0) as short:
        dana = await wire("dana", to=short)
        record = await (await Locker.of(short, dana)).put(PNG)
        assert (await ask("GET", record["links"]["content_direct_temporary"])).code == 20403
        await dana.close()
    with LocalService(seed=None) as service:
        dana = await wire("dana", to=service)
        locker = await Locker.of(service, dana)
        one, two = await locker.put(PNG), await locker.put(b"secret")
        url = one["links"]["content_direct_temporary"]
        head, expires, signature = url.rsplit("/", 2)
        assert len(signature) * 6 >= 128
        for bent in (
            url.replace(one["sid"], two["sid"]),
            f"{head}/{int(expires) + 1}/{signature}",
            f"{head}/{expires}/{signature[:-1]}",
            f"{head}/{expires}/é",
            f"{head}/x/{signature}",
        ):
            assert (await ask("GET", quote(bent, safe=":/"))).status == 404, bent
        assert (await ask("GET", url)).status == 200
        await dana.close()


async def test_too_much(wire: Connect) -> None:
    """A body above the limit is cut, with and without a length; the limit is told to clients."""
    with LocalService(seed=None, media_mb=1) as service:
        alice = await wire("alice", to=service)
        locker = await Locker.of(service, alice)
        options = (await alice.get(CONFIGURATION))["options"]
        assert options["media_attachment_size_limit_in_mb"] == options["media_attachments_total_size_limit_in_mb"] == 1
        assert options["email_bodies_allowed_mime_types"] == ["text/plain", "text/html"]
        await locker.put(b"x" * (1 << 20))
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        path = locker.base.removeprefix(service.url)
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Twilio-Token: {locker.token}\r\n"
        writer.write(f"{head}Content-Length: {(1 << 20) + 1}\r\n\r\n".encode())
        assert b" 413 " in await reader.readline()
        await end_of(writer)
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"10000\r\n" + b"y" * 65536 + b"\r\n"
        answer = asyncio.create_task(reader.readline())
        while not answer.done():  # an endless upload
            writer.write(piece)
            await writer.drain()
            await asyncio.wait({answer}, timeout=0.001)
        assert b" 413 " in answer.result()
        await end_of(writer)
        await alice.close()


async def test_too_slow(wire: Connect, service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload that stands still is cut, and leaves nothing."""
    monkeypatch.setattr(uploads, "PAUSE", 0.2)
    locker = await Locker.of(service, await wire("alice"))
    with socket.create_connection(("127.0.0.1", service.port)) as line:
        path = locker.base.removeprefix(service.url)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Twilio-Token: {locker.token}\r\nContent-Length: 9\r\n\r\nabc"
        )
        line.sendall(head.encode())
        line.settimeout(10)
        answer = await asyncio.to_thread(line.recv, 4096)
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_odd_uploads(wire: Connect, service: LocalService) -> None:
    """Categories, types and names that are none are refused, and too many that are not sent."""
    alice = await Locker.of(service, await wire("alice"))
    assert (await alice.upload(PNG, Category="x")).code == 20422
    assert (await alice.upload(PNG, Filename="x" * 257)).code == 20422
    for wrong in ("png", "a/b/c", "text/html;\tx=1", 'text/plain; a="\\""', "text/é"):
        assert (await alice.upload(PNG, wrong)).code == 50511, wrong
    assert (await alice.upload(PNG, Category="body")).code == 50511
    assert (await alice.put(b"hi", "text/html; charset=utf-8", Category="history"))["category"] == "history"
    for _ in range(99):
        await alice.put(b"x")
    assert (await alice.upload(PNG)).status == 429


def form(name: str | None, content: bytes, kind: str = "image/png", mark: str = "----x") -> bytes:
    """A form, as a browser sends it: a field, and then a file."""
    field = f'--{mark}\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
    named = "" if name is None else f'; filename="{name}"'
    head = f'--{mark}\r\nContent-Disposition: form-data; name="f"{named}\r\nContent-Type: {kind}\r\n\r\n'
    return (field + head).encode() + content + f"\r\n--{mark}--\r\n".encode()


async def test_form(wire: Connect, service: LocalService) -> None:
    """The file of a form, which a browser sends, is the medium; a form without one is refused."""
    alice = await Locker.of(service, await wire("alice"))
    kind = "multipart/form-data; boundary=----x"
    for content in (PNG, b"", b"\r\n--\r\n----\r\n\r\n", bytes(range(256)) * 3000):
        record = await alice.put(form("höhe %22.png", content), kind)
        assert (record["content_type"], record["filename"]) == ("image/png", 'höhe ".png')
        assert (await ask("GET", record["links"]["content_direct_temporary"])).content == content
    wrong = [form(None, PNG), b"", b"----x", b"------x\r\n\r\n", form("a", PNG)[:-20], form("a", PNG, mark="other")]
    for content in wrong:
        assert (await alice.upload(content, kind)).code == 20422, content
    assert (await alice.upload(form("a", PNG), "multipart/form-data")).code == 20422
    assert (await alice.upload(form("a", PNG, "nonsense"), kind)).code == 50511


@given(st.binary(max_size=50), st.sampled_from([0, 60]), st.text("ab-x", min_size=1, max_size=9))
def test_forms_of_any_bytes(content: bytes, cut: int, mark: str) -> None:
    """Whatever a file holds comes out whole, and of half a form nothing but a refusal comes."""
    whole = form("a.png", content, mark=mark)
    if whole.count(f"--{mark}".encode()) != 3:
        return  # no browser takes such a boundary
    with TemporaryFile() as file:
        file.write(whole[: len(whole) - cut])
        try:
            found = FirstFile(f'multipart/form-data; boundary="{mark}"', file)
        except Refused:
            assert cut
        else:
            assert b"".join(found.pieces(7)) == content


async def test_removed_while_it_is_read(wire: Connect, service: LocalService) -> None:
    """A download of what is removed meanwhile ends before its length, which every client notices."""
    alice, _, mine, _, sid = await two(wire, service)
    record = await mine.put(b"x" * (30 << 20))
    sent = await alice.post(f"{ROOMS}/{sid}/Messages", {"media_sids": [record["sid"]]})
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=1024)
    path = record["links"]["content_direct_temporary"].removeprefix(service.url)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert f"content-length: {30 << 20}".encode() in head.lower()
    assert (await alice.ask("DELETE", f"{ROOMS}/{sid}/Messages/{sent['sid']}")).status == 204
    assert len(await reader.read(-1)) < 30 << 20
    await end_of(writer)


async def test_reader_that_stands_still(wire: Connect, service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for much and reads nothing is cut."""
    mine = await Locker.of(service, await wire("alice"))
    record = await mine.put(b"x" * (30 << 20))
    path = record["links"]["content_direct_temporary"].removeprefix(service.url)
    over, end = threading.Event(), server.HttpProtocol.connection_lost

    def connection_lost(self: server.HttpProtocol, exc: Exception | None) -> None:
        end(self, exc)
        if self._stalled is not None:
            over.set()

    monkeypatch.setattr(server.HttpProtocol, "connection_lost", connection_lost)
    monkeypatch.setattr(server, "READ_WITHIN", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=1024)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    assert await asyncio.to_thread(over.wait, 10)
    with contextlib.suppress(ConnectionError):
        assert len(await reader.read(-1)) < 30 << 20
    await end_of(writer)


async def test_pages_that_may_upload(wire: Connect) -> None:
    """A page of an origin that was let in may upload from the browser; of another one it may not."""
    with LocalService(seed=None, origins=("http://lab.example",)) as service:
        url = f"{service.url}/v1/Services/{service.service_sid}/Media"
        asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-twilio-token"}
        allowed = await ask("OPTIONS", url, Origin="http://lab.example", **asked)
        assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, "http://lab.example")
        assert (await ask("OPTIONS", url, Origin="http://evil.example", **asked)).status == 403


async def test_parts(wire: Connect, service: LocalService) -> None:
    """A player that jumps gets the part that it asks for; what cannot be answered is answered with the whole."""
    alice = await Locker.of(service, await wire("alice"))
    content = bytes(range(256)) * 3000
    size, piece = len(content), media.PIECE
    url = (await alice.put(content, "video/mp4"))["links"]["content_direct_temporary"]
    for asked, start, end in (
        ("0-0", 0, 1),
        (f"{piece - 1}-{piece}", piece - 1, piece + 1),
        (f"{piece}-", piece, size),
        ("-5", size - 5, size),
        (f"10-{10**15 - 1}", 10, size),
    ):
        answer = await ask("GET", url, Range=f"bytes={asked}")
        assert (answer.status, answer.content) == (206, content[start:end]), asked
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    for asked in ("", "-", "-0", "5-2", f"{size}-", "0-1,5-6", "a-b", "1" * 16 + "-"):
        answer = await ask("GET", url, Range=f"bytes={asked}")
        assert (answer.status, len(answer.content), "content-range" in answer.headers) == (200, size, False), asked


@given(st.text())
def test_disposition(name: str) -> None:
    """No file name gets out of its header field."""
    header = uploads.disposition(name, inline=False)
    assert header.isascii()
    assert header.isprintable()
    plain = header.partition('filename="')[2].partition('"; filename*=')[0]
    assert not set(plain) & set('"\\/;%')


# --- Messages ------------------------------------------------------------------------------------------------------


async def two(wire: Connect, service: LocalService) -> tuple[Wire, Wire, Locker, Locker, str]:
    """Two users in a conversation, and its sid."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await alice.room()
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    return alice, bob, await Locker.of(service, alice), await Locker.of(service, bob), sid


async def test_message_with_media(wire: Connect, service: LocalService) -> None:
    """Several media go with a message, in order; participants may have them, those who left may not."""
    alice, bob, mine, his, sid = await two(wire, service)
    records = [await mine.put(f"{number}".encode(), Filename=f"{number}.png") for number in range(3)]
    body = await mine.put(b"<p>Hi</p>", "text/html", Category="body")
    sids = [record["sid"] for record in [*records, body]]
    await bob.follow((await bob.objects(sid))["messages"], "list")
    sent = await alice.post(f"{ROOMS}/{sid}/Messages", {"media_sids": sids, "subject": "Three"})
    assert (sent["body"], sent["subject"]) == (None, "Three")
    assert [medium["sid"] for medium in sent["media"]] == sids
    assert sent["media"][0] == {"sid": sids[0], "size": 1, "content_type": "image/png", "filename": "0.png"}
    told = await bob.sync(lambda payload: payload["event_type"] == "list_item_added")
    data = told["event"]["item_data"]
    assert (data["type"], data["text"], data["media"]) == ("media", None, data["medias"][0])
    assert [medium["category"] for medium in data["medias"]] == ["media", "media", "media", "body"]
    record = (await his.get(sids[1])).body
    assert (record["channel_sid"], record["message_sid"]) == (sid, sent["sid"])
    direct = record["links"]["content_direct_temporary"]
    assert (await ask("GET", direct)).content == b"1"
    await alice.ask("DELETE", f"{ROOMS}/{sid}/Participants/bob")
    assert (await his.get(sids[1])).status == 404
    await alice.ask("DELETE", f"{ROOMS}/{sid}/Messages/{sent['sid']}")
    assert (await mine.get(sids[1])).status == 404
    assert (await ask("GET", direct)).status == 404


async def test_media_that_cannot_be_sent(wire: Connect, service: LocalService) -> None:
    """Another's, one sent already, one twice, none, no sid, too many: each with its code, and nothing is sent."""
    alice, _, mine, his, sid = await two(wire, service)
    used, other, fresh = await mine.put(b"1"), await his.put(b"2"), await mine.put(b"3")
    await alice.post(f"{ROOMS}/{sid}/Messages", {"media_sids": [used["sid"]]})
    for sids, code in (
        ([used["sid"]], 50508),
        ([other["sid"]], 50507),
        ([fresh["sid"], fresh["sid"]], 50508),
        (["ME" + "0" * 32], 50507),
        (["ME0"], 50510),
        ([fresh["sid"]] * 11, 50512),
    ):
        assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"media_sids": sids})).code == code
    assert (await alice.get(f"{ROOMS}/{sid}"))["messages_count"] == 1
    await alice.post(f"{ROOMS}/{sid}/Messages", {"media_sids": [fresh["sid"]], "body": "text too"})


async def test_demo_images_open(wire: Connect) -> None:
    """Media of the demo have the bytes that they say, of the type that they say, where we can draw it."""
    start = {"image/jpeg": b"\xff\xd8\xff", "application/pdf": b"%PDF-", "text/csv": b"item,", "image/heic": b""}
    with LocalService() as service:
        dana = await wire("dana", to=service)
        locker = await Locker.of(service, dana)
        seen = set()
        for mine in (await dana.get("/Client/v2/MyConversations"))["conversations"]:
            items = (await dana.get(f"/v3/Lists/{mine['sync_objects']['messages']}/Items", PageSize="100"))["items"]
            for medium in [one for item in items for one in item["data"]["medias"] or []]:
                answer = await locker.get(medium["sid"], "/Content")
                begins = start[medium["contentType"]]
                assert answer.status == (200 if begins else 404)
                assert answer.content.startswith(begins)
                assert not begins or len(answer.content) == medium["size"]
                seen.add(medium["contentType"])
        assert seen == set(start)
        await dana.close()


def test_samples_are_steady() -> None:
    """The same name gives the same picture, another name another one."""
    for content_type in ("image/jpeg", "image/png", "application/pdf", "text/csv", "text/plain"):
        assert samples.make("a", content_type) == samples.make("a", content_type) != samples.make("b", content_type)
    assert samples.make("a", "image/heic") == b""
    assert len(samples.make("a", "image/png")) < media.PIECE
