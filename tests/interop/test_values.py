"""Odd text and JSON cross between the genuine SDK and our client as they are."""

from __future__ import annotations

from typing import Any

import pytest

from .together import Together

pytestmark = pytest.mark.asyncio(loop_scope="session")
TEXTS = [
    "é 🏺 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u202e\u0000\u0007\x1b[31m",
    "line\r\nline\rline\nline\u2028line\u2029line\x85",
    " \t",
    '<b onclick="alert(1)">&amp;</b> \\u00e9 \\ud83d "quoted" {{1}} %s %20',
    "half \ud83d of a pair",
    "\udfff",
    "🏺" * 8_192,
]
VALUES: list[Any] = [
    {},
    [],
    None,
    "",
    "text",
    0,
    -1.5,
    1e300,
    9_007_199_254_740_991,
    True,
    [[[[[[[[{"deep": [1, None]}]]]]]]]],
    {"": 1, "a b": {"é 🏺": "\u0000\u2028"}, "updateReasons": [1], "constructor": {"x": 1}},
    [1, 1.0, 0.1, 1e-7, 123456789.25],
]


def whole(text: str) -> str:
    """The text as it can be written in UTF-8: the service replaces halves of pairs."""
    return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)


async def test_texts(both: Together, actor: str) -> None:
    """Bodies, subjects, names and authors."""
    sid, side = await both.room(), both.side(actor)
    for number, text in enumerate(TEXTS):
        assert await side.op("send", conversation=sid, body=text, subject=text[:200]) == number
    await both.settled()
    page = await both.agreed(lambda s: s.conversation(sid, "getMessages"), "bob")
    found = {one["index"]: (one["body"], one["subject"]) for one in page["items"]}
    assert found == {number: (whole(text), whole(text[:200])) for number, text in enumerate(TEXTS)}


async def test_attributes(both: Together, actor: str) -> None:
    """JSON of every kind, of messages, conversations, participants and users."""
    sid, side = await both.room(), both.side(actor)
    people = await side.conversation(sid, "getParticipants")
    alice = next(one["sid"] for one in people if one["identity"] == "alice")
    await side.conversation(sid, "sendMessage", "x")
    for watcher in (both.sdk["bob"], both.ours["bob"]):
        await watcher.client("getUser", "alice")
    for value in VALUES:
        for act, on in (
            (side.message(sid, 0, "updateAttributes", value), {"conversation": sid, "message": 0}),
            (side.conversation(sid, "updateAttributes", value), {"conversation": sid}),
            (side.participant(sid, alice, "updateAttributes", value), {"conversation": sid, "participant": alice}),
            (side.user("alice", "updateAttributes", value), {"user": "alice"}),
        ):
            await act
            await both.settled()
            seen = await both.agreed(lambda s, on=on: s.op("see", on=on), "bob")
            assert seen["attributes"] == value, on
