"""Media between the genuine SDK and our client: what the one sends the other has, byte for byte."""

from __future__ import annotations

import base64

import pytest

from tests.service.http import ask

from .sides import SdkError
from .together import Together, part

pytestmark = pytest.mark.asyncio(loop_scope="session")
FILES = [
    (b"\x89PNG" + bytes(range(256)), "image/png", "höhe ä 🏺.png"),
    (b"\0\xff" * 300_000, "application/octet-stream", "100%25 of a+b & c=d?.bin"),
    (b"%PDF", "application/pdf", None),
    (b"a,b\r\n", "text/csv", '"quoted"; x.csv'),
    (b"plain", "text/plain; charset=utf-8", "ünï.txt"),
]
EMAIL = {"text/html": (b"<p>\xc3\xa9</p>", "text/html"), "text/plain": (b"\xc3\xa9", "text/plain")}
HISTORY = {"text/plain": (b"before", "text/plain")}


async def test_media(newest: Together, actor: str) -> None:
    """Several attachments with odd names, email bodies and a history: the same descriptors and the same bytes."""
    sid = await newest.room()
    texts = {
        kind: {type: part(*one) for type, one in forms.items()}
        for kind, forms in (("email", EMAIL), ("history", HISTORY))
    }
    media = [part(*file) for file in FILES]
    sender = newest.side(actor)
    assert await sender.op("send", conversation=sid, subject="Re: é", body="See", media=media, **texts) == 0
    await newest.settled()
    sent = [*FILES, *((*one, None) for one in EMAIL.values()), *((*one, None) for one in HISTORY.values())]
    categories = ["media"] * len(FILES) + ["body"] * len(EMAIL) + ["history"]
    for name in ("alice", "bob"):
        found = await newest.agreed(lambda side: side.op("media", conversation=sid, message=0), name)
        assert sorted(
            (one["category"], base64.b64decode(one["base64"]), one["contentType"]) for one in found
        ) == sorted((category, content, type) for category, (content, type, _) in zip(categories, sent, strict=True))
        assert [one["filename"] for one in found][: len(FILES)] == [filename for _, _, filename in FILES]
        assert {one["status"] for one in found} == {200}
        urls = await newest.agreed(lambda side: side.op("urls", conversation=sid, message=0), name)
        assert len(urls[0]) == len(urls[1]) == len(sent)
        for method, *args in (
            ("getMediaByCategories", ["media"]),
            ("getMediaByCategories", ["body", "history"]),
            ("getMediaByCategories", []),
            ("getEmailBody",),
            ("getEmailBody", "text/html"),
            ("getEmailBody", "text/x"),
            ("getEmailHistory",),
            ("getEmailHistory", "text/html"),
        ):
            await newest.agreed(lambda side, m=method, a=args: side.message(sid, 0, m, *a), name)


async def test_addresses_of_many(newest: Together, actor: str) -> None:
    """Addresses by the set, of one message and of several, fetch the right bytes; what is not there is refused."""
    sid = await newest.room()
    for number in range(2):
        media = [part(f"{number}/{place}".encode(), "text/plain") for place in range(3)]
        await newest.side(actor).op("send", conversation=sid, media=media)
    await newest.settled()
    for side in (newest.sdk["bob"], newest.ours["bob"]):
        messages = (await side.conversation(sid, "getMessages"))["items"]
        sids = [one["sid"] for message in messages for one in message["attachedMedia"]]
        urls = await side.client("getTemporaryContentUrlsForMediaSids", sids)
        assert set(urls) == set(sids)
        assert [(await ask("GET", urls[one])).content for one in sids] == [
            b"%d/%d" % (n, p) for n in (0, 1) for p in range(3)
        ]
        urls = await side.message(sid, 1, "getTemporaryContentUrlsForAttachedMedia")
        assert set(urls) == set(sids[3:])
        with pytest.raises(SdkError):
            await side.client("getTemporaryContentUrlsForMediaSids", [*sids, "ME" + "0" * 32])


async def test_too_much(newest: Together) -> None:
    """One attachment too many, and forms of an email that are not allowed, are refused before anything is sent."""
    sid = await newest.room()
    for refused in (
        {"media": [part(b"x", "text/plain")] * 11},
        {"email": {"image/png": part(b"x", "image/png")}},
        {"history": {"text/css": part(b"x", "text/css")}},
    ):
        for side in (newest.sdk["alice"], newest.ours["alice"]):
            with pytest.raises(SdkError):
                await side.op("send", conversation=sid, **refused)
    assert await newest.agreed(lambda side: side.conversation(sid, "getMessagesCount")) == 0
