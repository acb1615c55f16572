"""Media: up from every accepted form, down to memory and files, in order, whole, within limits, or not at all."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.client.files import MB
from convo_widgets.client.media import MediaService
from convo_widgets.transport import http
from tests.client.people import Expected, People

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40

pytestmark = pytest.mark.both


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(http, "DELAYS", (0.0, 0.0))


@pytest.fixture
async def brief() -> AsyncIterator[cw.LocalService]:
    """A service whose temporary addresses end as soon as they are made, and that takes 1 MB a medium."""
    with cw.LocalService(seed=None, media_mb=1, media_url_ttl=0) as running:
        yield running


def _closed() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


async def sent(mine: cw.Conversation, theirs: cw.Conversation, *media: Any) -> cw.Message:
    """A message with these media, as the other one sees it."""
    added = Expected(theirs, "messageAdded")
    await mine.send_message(list(media))
    message: cw.Message = await added
    return message


async def test_every_accepted_form(people: People, tmp_path: Path) -> None:
    """Bytes, a path as text or not, open files: the others get the same bytes, type and name, in order."""
    mine, theirs = await people.pair()
    path = tmp_path / "é plot.png"
    path.write_bytes(PNG)
    reader, writer = os.pipe()
    os.write(writer, b"from a pipe")
    os.close(writer)
    with path.open("rb") as file, os.fdopen(reader, "rb") as pipe:
        file.seek(8)
        media = [
            cw.FileMedia(PNG, "image/png"),
            cw.FileMedia(bytearray(b"a,b"), "text/csv", "numbers.csv"),
            path,
            str(path),
            file,
            cw.FileMedia(io.BytesIO(b"in memory"), filename="x.unknown-type"),
            cw.FileMedia(pipe, "text/plain; charset=utf-8", "pipe.txt"),
        ]
        message = await sent(mine, theirs, *media)
    assert message.type == "media"
    assert [(one.content_type, one.filename, one.size, one.category) for one in message.attached_media] == [
        ("image/png", None, len(PNG), "media"),
        ("text/csv", "numbers.csv", 3, "media"),
        ("image/png", "é plot.png", len(PNG), "media"),
        ("image/png", "é plot.png", len(PNG), "media"),
        ("image/png", "é plot.png", len(PNG) - 8, "media"),
        ("application/octet-stream", "x.unknown-type", 9, "media"),
        ("text/plain; charset=utf-8", "pipe.txt", 11, "media"),
    ]
    assert message.media == message.attached_media[0]
    contents = [await one.read() for one in message.attached_media]
    assert contents == [PNG, b"a,b", PNG, PNG, PNG[8:], b"in memory", b"from a pipe"]
    assert (await mine.get_messages()).items[0].attached_media == message.attached_media


async def test_an_open_file_is_read_from_where_it_was_given(people: People) -> None:
    """Each time that it is sent, whole; also where the message itself failed after the upload."""
    admin, mine = await people.pair()
    file = io.BytesIO(b"0123456789")
    file.seek(3)
    medium = cw.FileMedia(file, "a/b")
    unsent = mine.prepare_message().add_media(medium).build()
    await admin.remove_participant(mine.client.user.identity)
    with pytest.raises(cw.Forbidden):
        await unsent.send()
    joined = Expected(mine.client, "conversationJoined")
    await admin.add(mine.client.user.identity)
    await joined
    await unsent.send()
    await mine.send_message(medium)
    messages = (await mine.get_messages()).items
    assert [await one.media.read() for one in messages if one.media] == [b"3456789"] * 2


async def test_one_open_file_twice_in_a_message(people: People) -> None:
    """Both go up at once, and each is whole."""
    mine, _ = await people.pair()
    data = bytes(range(256)) * 8000
    file = io.BytesIO(data)
    whole = cw.FileMedia(file, "a/b")
    file.seek(1000)
    await mine.send_message([whole, cw.FileMedia(file, "a/b")])
    (message,) = (await mine.get_messages()).items
    assert [await one.read() for one in message.attached_media] == [data, data[1000:]]


async def test_order_and_progress(people: People) -> None:
    """However long each upload takes, the media keep their order; progress grows over all of them, to the end."""
    mine, theirs = await people.pair()
    sizes = [700_000, 1, 500_000, 2, 300_000, 3, 4, 5]
    told: list[tuple[int, int]] = []
    added = Expected(theirs, "messageAdded")
    builder = mine.prepare_message().set_body("all").set_attributes({"n": 1}).set_subject("S")
    for number, size in enumerate(sizes):
        builder.add_media(cw.FileMedia(b"x" * size, "a/b", f"{number}"))
    unsent = builder.build()
    assert (unsent.text, unsent.attributes, unsent.email_options) == ("all", {"n": 1}, {"subject": "S"})
    assert [category for category, _ in unsent.media_content] == ["media"] * 8
    index = await unsent.send(lambda through, total: told.append((through, total)))
    message = await added
    assert (message.index, message.body, message.attributes, message.subject) == (index, "all", {"n": 1}, "S")
    assert [one.size for one in message.attached_media] == sizes
    assert [one.filename for one in message.attached_media] == [str(n) for n in range(8)]
    assert told == sorted(told)
    assert told[-1] == (sum(sizes), sum(sizes))
    assert {total for _, total in told} == {sum(sizes)}


@pytest.mark.parametrize(
    ("media", "error", "words"),
    [
        ([cw.FileMedia(b"x", "a/b")] * 11, cw.UsageError, "at most 10 attachments"),
        ([cw.FileMedia("/nowhere/at/all.png")], cw.UsageError, "cannot be read"),
        ([cw.FileMedia("/dev/null")], cw.UsageError, "plain file"),
        ([cw.FileMedia("/")], cw.UsageError, "plain file"),
        ([cw.FileMedia(b"", "a/b")], cw.UsageError, "empty"),
        ([cw.FileMedia(b"x", "a/b"), b"y"], cw.UsageError, "type"),
        ([5], cw.UsageError, "not int"),
        ([cw.FileMedia(b"x", "image/png", category="body")], cw.UsageError, "body is text/plain or text/html"),
        ([cw.FileMedia(b"x", "text/html", category="body")] * 2, cw.UsageError, "one body of each type"),
    ],
)
async def test_what_does_not_fit_is_not_sent(people: People, media: Any, error: Any, words: str) -> None:
    """It is said before anything goes out."""
    mine, _ = await people.pair()
    with pytest.raises(error, match=words):
        await mine.send_message(media)
    assert await mine.get_messages_count() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((b"x",), "need a type"),
        ((b"x", "png"), "no type"),
        ((b"x", "a/b\r\nX-Evil: 1"), "no type"),
        ((b"x", "a/b", "n", "other"), "category"),
        ((io.StringIO("x"), "a/b"), "for bytes"),
        ((5, "a/b"), "not int"),
        ((_closed(), "a/b"), "closed"),
    ],
)
def test_what_is_no_medium(arguments: Any, words: str) -> None:
    """A sentence that says what to give instead."""
    with pytest.raises(cw.UsageError, match=words):
        cw.FileMedia(*arguments)


async def test_sizes_are_limited(brief: cw.LocalService, tmp_path: Path) -> None:
    """One medium, and all together, by what the service says."""
    async with cw.connect(brief.token("alice"), service=brief) as alice:
        room = await (await alice.create_conversation()).join()
        assert room.limits == cw.ConversationLimits(10, 1, 1, ("text/plain", "text/html"), ("text/plain", "text/html"))
        large = tmp_path / "large.bin"
        large.write_bytes(b"x" * (MB + 1))
        with pytest.raises(cw.TooLarge, match=r"large.bin: 1,048,577 bytes, and at most 1 MB"):
            room.prepare_message().add_media(large).build()
        with pytest.raises(cw.TooLarge, match="All media"):
            await room.send_message([cw.FileMedia(b"x" * MB, "a/b"), cw.FileMedia(b"x", "a/b")])
        assert await room.get_messages_count() == 0
        index = await room.send_message(cw.FileMedia(b"x" * MB, "a/b"))
        assert (await room.get_messages()).items[0].index == index


async def test_expired_addresses_are_renewed(brief: cw.LocalService, tmp_path: Path) -> None:
    """An address that is over at once is asked for again, a few times; the error shows no signature."""
    async with cw.connect(brief.token("alice"), service=brief) as alice:
        room = await (await alice.create_conversation()).join()
        await room.send_message(cw.FileMedia(PNG, "image/png"))
        (medium,) = (await room.get_messages()).items[0].attached_media
        asked: list[str | None] = []
        real = type(medium._service).record

        async def lasting(service: Any, sid: str) -> Any:
            record = await real(service, sid)
            asked.append(record.links.content_direct_temporary)
            if len(asked) == 3:
                record.links.content_direct_temporary = f"{record.url}/Content"
            return record

        with pytest.raises(cw.ReplyError) as caught:
            await medium.download(tmp_path)
        assert "Temporary" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(medium._service), "record", lasting)
            with pytest.raises(cw.Unauthorized):  # the third address is another one, that wants a token
                await medium.read()
        assert len(set(asked)) == 3


async def test_downloads(people: People, tmp_path: Path) -> None:
    """To a file or into a directory under a safe name; whole or not at all; nothing is replaced unless asked."""
    mine, theirs = await people.pair()
    evil = cw.FileMedia(PNG, "image/png", "../../evil.SH")
    message = await sent(mine, theirs, evil, cw.FileMedia(b"2", "text/csv"), cw.FileMedia(b"3", "x/y", "a.b c"))
    first, second, third = message.attached_media
    told: list[tuple[int, int]] = []
    path = await first.download(tmp_path / "here.png", on_progress=lambda a, b: told.append((a, b)))
    assert path == tmp_path / "here.png"
    assert path.read_bytes() == PNG
    assert told[-1] == (len(PNG), len(PNG))
    path.write_bytes(b"mine")
    with pytest.raises(cw.UsageError, match="overwrite=True"):
        await first.download(path)
    assert path.read_bytes() == b"mine"
    assert await first.download(str(path), overwrite=True) == path
    assert path.read_bytes() == PNG
    folder = tmp_path / "folder"
    folder.mkdir()
    names = [(await medium.download(folder)).name for medium in (first, second, third)]
    assert names == [f"{first.sid}.sh", f"{second.sid}.csv", third.sid]
    with pytest.raises(cw.UsageError, match="no directory"):
        await first.download(tmp_path / "nowhere" / "x")
    dangling = tmp_path / "link"
    dangling.symlink_to(tmp_path / "target")
    with pytest.raises(cw.UsageError, match="overwrite=True"):
        await first.download(dangling)
    assert not (tmp_path / "target").exists()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "here.png", "link"]


async def test_names_of_directories_are_never_the_senders() -> None:
    """Not even the sid is trusted to be one."""
    for sid, filename, expected in (
        ("ME/../../x", None, "MEx.png"),
        ("..", "a/b.png", "medium.png"),
        ("", "x.p/ng", "medium.png"),
        ("ME1", ".." * 50, "ME1.png"),
    ):
        assert cw.Media(sid, filename, "image/png", 1, "media")._safe_name() == expected


async def test_a_failed_download_leaves_nothing(people: People, tmp_path: Path) -> None:
    """After a refusal, and after a cancelled task, there is no file, and what was there is as it was."""
    mine, theirs = await people.pair()
    message = await sent(mine, theirs, cw.FileMedia(b"x" * 3_000_000, "a/b"))
    target = tmp_path / "file"
    target.write_bytes(b"before")
    people.service.faults.fail(".*Temporary.*", 500)
    with pytest.raises(cw.ServiceFailed):
        await message.attached_media[0].download(target, overwrite=True)
    begun = asyncio.Event()
    task = asyncio.create_task(
        message.attached_media[0].download(target, overwrite=True, on_progress=lambda a, b: begun.set())
    )
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert target.read_bytes() == b"before"


async def test_reading_has_a_limit(people: People) -> None:
    """Too large a medium does not come into memory."""
    mine, theirs = await people.pair()
    (medium,) = (await sent(mine, theirs, cw.FileMedia(b"12345", "a/b"))).attached_media
    assert await medium.read(5) == b"12345"
    with pytest.raises(cw.TooLarge, match="limit of 4"):
        await medium.read(4)


async def test_temporary_addresses(people: People) -> None:
    """One by one and in sets, from messages and from the client; not for those who are not in the conversation."""
    mine, theirs = await people.pair()
    carol = await people.client("carol")
    message = await sent(mine, theirs, *[cw.FileMedia(bytes([n]), "a/b") for n in range(1, 4)])
    plain = (await mine.get_messages(1)).items[0]
    media = message.attached_media
    sids = [one.sid for one in media]
    client = theirs.client
    found = [
        await message.get_temporary_content_urls_for_attached_media(),
        await message.get_temporary_content_urls_for_media(media),
        await message.get_temporary_content_urls_for_media_sids(sids),
        await client.get_temporary_content_urls_for_media(media),
        await client.get_temporary_content_urls_for_media_sids(sids),
    ]
    assert all(list(urls) == sids for urls in found)
    url = await media[0].get_content_temporary_url()
    assert url is not None
    assert url.startswith(people.service.url)
    assert url not in repr(media[0])
    assert await client.get_temporary_content_urls_for_media([]) == {}
    assert plain.attached_media == media
    with pytest.raises(cw.NotFound, match=sids[0]):
        await carol.get_temporary_content_urls_for_media_sids(sids)
    with pytest.raises(cw.NotFound):
        await client.get_temporary_content_urls_for_media_sids([*sids, "ME" + "0" * 32])
    many = await client.get_temporary_content_urls_for_media_sids(sids * 40)
    assert list(many) == sids
    with pytest.raises(cw.UsageError, match="no client"):
        await cw.Media("ME1", None, "a/b", 1, "media").read()


async def test_emails_have_bodies_and_histories(people: People) -> None:
    """Each by its type; they are no attachments."""
    mine, theirs = await people.pair()
    added = Expected(theirs, "messageAdded")
    await (
        mine.prepare_message()
        .set_subject("Hello")
        .set_email_body("text/plain", "plain é")
        .set_email_body("text/html", b"<b>html</b>")
        .set_email_history("text/plain", cw.FileMedia(b"> before", "text/plain"))
        .add_media(cw.FileMedia(b"a", "a/b"))
        .build_and_send()
    )
    message = await added
    assert message.subject == "Hello"
    plain, html, history = (
        message.get_email_body(),
        message.get_email_body("text/html"),
        message.get_email_history("text/plain"),
    )
    assert [await one.read() for one in (plain, html, history)] == ["plain é".encode(), b"<b>html</b>", b"> before"]
    assert (plain.category, history.category) == ("body", "history")
    assert message.get_email_history("text/html") is None
    assert [one.content_type for one in message.attached_media] == ["a/b"]
    assert message.get_media_by_categories(["body", "history"]) == [plain, html, history]
    with pytest.raises(cw.UsageError, match="body is text/plain or text/html"):
        mine.prepare_message().set_email_body("text/rtf", "x").build()


async def test_a_builder_builds_more_than_once(people: People) -> None:
    """What was built does not change with the builder, and media go up again for each."""
    mine, _ = await people.pair()
    builder = mine.prepare_message().set_body("one").set_email_body("text/plain", "x")
    first = builder.build()
    second = builder.set_body("two").add_media(cw.FileMedia(b"m", "a/b")).build()
    assert (first.text, len(first.media_content)) == ("one", 1)
    assert (second.text, len(second.media_content)) == ("two", 2)
    for unsent in (first, second, second):
        await unsent.send()
    messages = (await mine.get_messages()).items
    assert [message.body for message in messages] == ["one", "two", "two"]
    assert messages[1].attached_media[0].sid != messages[2].attached_media[0].sid


async def test_a_cancelled_send_sends_nothing(people: People) -> None:
    """The uploads stop, no task is left, and the others hear nothing."""
    mine, theirs = await people.pair()
    begun = asyncio.Event()
    large = [cw.FileMedia(b"x" * 20_000_000, "a/b") for _ in range(3)]
    sending = asyncio.create_task(mine.send_message(large, on_progress=lambda through, total: begun.set()))
    await begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    added = Expected(theirs, "messageAdded")
    await mine.send_message("after")
    assert (await added).body == "after"
    assert await mine.get_messages_count() == 1


async def test_a_send_that_fails_after_the_upload_says_so(people: People) -> None:
    """And sending it again does not upload anew."""
    mine, theirs = await people.pair()
    people.service.faults.fail(".*/Messages", 500, method="POST")
    uploads: list[tuple[int, int]] = []
    unsent = mine.prepare_message().set_body("late").add_media(cw.FileMedia(PNG, "image/png")).build()
    with pytest.raises(cw.ServiceFailed) as caught:
        await unsent.send()
    assert "uploaded already" in caught.value.__notes__[0]
    people.service.faults.fail(".*/Media", 500, times=100)
    added = Expected(theirs, "messageAdded")
    await unsent.send(lambda through, total: uploads.append((through, total)))
    people.service.faults.clear()
    assert (await added).media is not None
    assert uploads == [(len(PNG), len(PNG))]


async def test_one_failed_upload_stops_the_others(people: People) -> None:
    """Nothing is sent, and the error is that of the upload."""
    mine, _ = await people.pair()
    people.service.faults.fail(".*/Media", 403)
    with pytest.raises(cw.Forbidden):
        await mine.send_message([cw.FileMedia(b"x" * 100_000, "a/b") for _ in range(8)])
    assert await mine.get_messages_count() == 0


async def test_a_token_that_is_refused_is_renewed(people: People) -> None:
    """A token function is asked again when the media service refuses the token, and the upload goes on."""
    calls: list[str] = []

    def fetch() -> str:
        calls.append(people.token("alice", 3600 + len(calls)))
        return calls[-1]

    alice = await people.client("alice", token=fetch)
    room = await (await alice.create_conversation()).join()
    people.service.faults.fail(".*/Media", 401, method="POST")
    await room.send_message(cw.FileMedia(PNG, "image/png"))
    assert len(calls) == 2
    assert await (await room.get_messages()).items[0].attached_media[0].read() == PNG
    people.service.faults.fail(".*/Media", 401, times=2, method="POST")
    with pytest.raises(cw.Unauthorized):
        await room.send_message(cw.FileMedia(PNG, "image/png"))
    assert await room.get_messages_count() == 1


@pytest.mark.parametrize(
    ("media", "media_set", "used", "used_set"),
    [
        (
            "https://m.example/v1/Media",
            "https://m.example/v1/Set",
            "https://m.example/v1/Media",
            "https://m.example/v1/Set",
        ),
        ("/v1/Media", "/v1/Set", "https://mcs.example/v1/Media", "https://mcs.example/v1/Set"),
        ("/v1/Media", "", "https://mcs.example/v1/Media", "https://mcs.example/v1/MediaSet"),
        ("https://m.example/Media", "", "https://m.example/Media", "https://m.example/MediaSet"),
    ],
)
def test_where_media_are(media: str, media_set: str, used: str, used_set: str) -> None:
    """The configuration gives addresses, or only paths."""
    service = MediaService(http.Http(_no_token))
    service.configure("https://mcs.example", media, media_set)
    assert (service._url, service._set_url) == (used, used_set)
    assert repr(service.http) == f"<Http to https://{used.split('/')[2]}:443>"


async def test_no_token_in_clear() -> None:
    """An encrypted service that names an address that is not gets no token there."""
    service = MediaService(http.Http(_no_token))
    service.configure("https://mcs.example", "http://mcs.example/Media", "http://mcs.example/Set")
    with pytest.raises(cw.RemoteProtocolError, match="cannot be used"):
        await service.record("ME1")
    await service.http.close()


async def _no_token(newer: bool) -> str:
    return "token"


async def test_media_after_a_new_token(people: People) -> None:
    """Requests beside the connection use the token that was given last."""
    mine, theirs = await people.pair()
    other = people.token("alice", 1800)
    await mine.client.update_token(other)
    assert await mine.client._tokens.current() == other
    message = await sent(mine, theirs, cw.FileMedia(b"x", "a/b"))
    assert await message.attached_media[0].read() == b"x"
