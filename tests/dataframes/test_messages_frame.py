"""The messages DataFrame: its columns, every value in them, and what can be asked for."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import convo_widgets as cw
from convo_widgets.dataframes import tables
from convo_widgets.dataframes.progress import Progress
from convo_widgets.dataframes.schema import MESSAGES
from convo_widgets.wire.schema import Delivery, MessageData
from tests.client.proxy import Proxy
from tests.dataframes.conftest import Connect

COLUMNS = {
    "conversation_sid": "string",
    "message_sid": "string",
    "index": "Int64",
    "author": "string",
    "participant_sid": "string",
    "author_kind": "category",
    "channel": "category",
    "direction": "category",
    "body": "string",
    "subject": "string",
    "body_len": "Int64",
    "word_count": "Int64",
    "media_count": "Int64",
    "media_bytes": "Int64",
    "media_types": "string",
    "content_sid": "string",
    "attributes": "string",
    "reactions_n": "Int64",
    "date_created": "datetime64[us, UTC]",
    "date_updated": "datetime64[us, UTC]",
    "edited": "boolean",
    "deleted_seen": "boolean",
    "delivery_total": "Int64",
    "delivery_sent": "category",
    "delivery_delivered": "category",
    "delivery_read": "category",
    "delivery_failed": "category",
    "delivery_undelivered": "category",
    "reply_to": "string",
    "gap_s": "Float64",
    "source": "category",
}
CATEGORIES = {
    "author_kind": ["customer", "agent", "bot", "system"],
    "channel": ["chat", "sms", "whatsapp", "email", "messenger", "gbm", "rcs", "apple"],
    "direction": ["in", "out"],
    **{f"delivery_{name}": ["none", "some", "all"] for name in ("sent", "delivered", "read", "failed", "undelivered")},
    "source": ["live", "backfill", "rest"],
}


def check_shape(frame: pd.DataFrame, rows: int) -> None:
    """Exactly the documented columns and dtypes, in their order, and a plain index."""
    assert frame.shape == (rows, len(COLUMNS))
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS
    assert list(frame.columns) == list(COLUMNS)
    for name, categories in CATEGORIES.items():
        assert list(frame[name].cat.categories) == categories, name
    assert frame.index.equals(pd.RangeIndex(rows))


def test_the_documented_columns() -> None:
    """The schema is the documentation: each column says what it holds."""
    assert [column.name for column in MESSAGES] == list(COLUMNS)
    assert all(len(column.meaning) > 5 for column in MESSAGES)


@pytest.mark.parametrize("rows", [0, 1, 300])
async def test_columns_do_not_depend_on_the_data(service: cw.LocalService, connect: Connect, rows: int) -> None:
    """No message, one, or several pages of them: the same columns and dtypes, in the order of the indexes."""
    client = await connect(service, f"writer-{rows}")
    made = await client.create_conversation()
    await made.join()
    await asyncio.gather(*(made.send_message("x") for _ in range(rows)))
    for source in (made, client):
        frame = await cw.messages_frame(source)
        check_shape(frame, rows)
        assert frame["index"].tolist() == list(range(rows))


async def test_nobody_and_nothing(service: cw.LocalService, connect: Connect) -> None:
    """A client without conversations has an empty frame of the same columns."""
    check_shape(await cw.messages_frame(await connect(service, "nobody")), 0)


# --- Every value ---------------------------------------------------------------------------------------------------

FIRST = "2026-03-01T10:00:00Z"
FAR = "9999-12-31T23:59:59.999Z"

TALK: dict[str, Any] = {
    "unique_name": "values",
    "created_by": "dana",
    "date_created": "1970-01-01T00:00:00Z",
    "participants": [
        {"key": "dana", "identity": "dana"},
        {"key": "robot", "identity": "robot"},
        {"key": "someone", "identity": "someone"},
        {"key": "chief", "identity": "someone-else", "attributes": {"role": "agent"}},
        {"key": "phone", "type": "sms", "address": "+15550100", "proxy_address": "+15550199"},
        {"key": "mail", "type": "email", "address": "m@example.com", "name": "M"},
    ],
    "left": [
        {"key": "gone", "identity": "gone"},
        {"key": "gone-wa", "type": "whatsapp", "address": "whatsapp:+15550123", "proxy_address": "whatsapp:+15550199"},
        {"key": "gone-sms", "type": "sms", "address": "+15550124", "proxy_address": "+15550199"},
        {"key": "gone-mail", "type": "email", "address": "g@example.com"},
    ],
    "messages": [
        {"at": "1970-01-01T00:00:00Z", "from": "phone", "body": "Hello  there\nyou"},
        {"at": "1970-01-01T00:00:01.500Z", "from": "robot", "body": "\x00"},
        {"at": FIRST, "from": "dana", "body": "🎉é e\u0301", "edited_at": "2026-03-01T10:05:00Z"},
        {
            "at": "2026-03-01T10:00:30Z",
            "from": "mail",
            "body": "<b>bold</b>",
            "subject": "Re: it",
            "attributes": {"reactions": {"👍": ["dana", "robot"], "🎉": ["dana"], "odd": 5}},
        },
        {
            "at": "2026-03-01T10:01:00Z",
            "from": "dana",
            "media": [
                {"filename": "a.png", "content_type": "image/png", "size": 100},
                {"filename": "b.pdf", "content_type": "application/pdf", "size": 23},
            ],
            "receipts": [
                {"participant": "phone", "status": "read", "at": FIRST},
                {"participant": "mail", "status": "failed", "at": FIRST, "error_code": 30003},
            ],
        },
        {"at": "2026-03-01T10:01:00Z", "from": "system", "body": "Dana closed it"},
        {"at": "2026-03-01T10:02:00Z", "from": "someone", "body": "who am I?", "attributes": ["no", "object"]},
        {"at": "2026-03-01T10:03:00Z", "from": "chief", "body": "x"},
        {"at": "2026-03-01T10:04:00Z", "from": "gone", "body": "   "},
        {"at": "2026-03-01T10:05:00Z", "from": "gone-wa", "body": "x"},
        {"at": "2026-03-01T10:06:00Z", "from": "gone-sms", "body": "x"},
        {"at": "2026-03-01T10:07:00Z", "from": "gone-mail", "body": "x"},
        {"at": FAR, "from": "dana", "body": "x" * 1000},
    ],
}
SEED = {
    "users": [
        {"identity": "dana", "friendly_name": "Dana", "attributes": {"role": "agent"}},
        {"identity": "robot", "attributes": {"role": "bot"}},
        {"identity": "someone", "attributes": {"role": ["agent"]}},
        {"identity": "gone", "attributes": {"role": "customer"}},
    ],
    "conversations": [TALK, TALK | {"unique_name": "empty", "messages": [], "left": []}],
}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cw.LocalService]:
    """A service with one conversation that has everything, and an empty one."""
    file: Path = tmp_path_factory.mktemp("seed") / "seed.json"
    file.write_text(json.dumps(SEED))
    with cw.LocalService(seed=file) as service:
        yield service


async def test_every_value(values: cw.LocalService, connect: Connect) -> None:
    """Each column of each hand-made message holds what was put there."""
    client = await connect(values, "dana")
    conversation = await client.get_conversation_by_unique_name("values")
    messages = (await conversation.get_messages(100)).items
    frame = await cw.messages_frame(conversation)
    check_shape(frame, 13)

    def column(name: str) -> list[Any]:
        return [None if pd.isna(value) else value for value in frame[name]]

    assert column("conversation_sid") == [conversation.sid] * 13
    assert column("message_sid") == [message.sid for message in messages]
    assert column("index") == list(range(13))
    assert column("author") == [
        *("+15550100", "robot", "dana", "m@example.com", "dana", "system", "someone", "someone-else", "gone"),
        *("whatsapp:+15550123", "+15550124", "g@example.com", "dana"),
    ]
    assert column("participant_sid") == [message.participant_sid for message in messages]
    assert column("participant_sid")[5] is None
    assert column("author_kind") == [
        *("customer", "bot", "agent", "customer", "agent", "system", None, "agent", "customer"),
        *("customer", "customer", "customer", "agent"),
    ]
    assert column("channel") == [
        *("sms", "chat", "chat", "email", "chat", None, "chat", "chat", "chat", "whatsapp", "sms", "email", "chat"),
    ]
    assert column("direction") == [
        *("in", "out", "out", "in", "out", "out", None, "out", "in", "in", "in", "in", "out"),
    ]
    bodies = [line.get("body") for line in TALK["messages"]]
    assert column("body") == bodies
    assert column("subject") == [None] * 3 + ["Re: it"] + [None] * 9
    assert column("body_len") == [None if body is None else len(body) for body in bodies]
    assert column("word_count") == [3, 1, 2, 1, None, 3, 3, 1, 0, 1, 1, 1, 1]
    assert column("media_count") == [0, 0, 0, 0, 2] + [0] * 8
    assert column("media_bytes") == [0, 0, 0, 0, 123] + [0] * 8
    assert column("media_types") == [None] * 4 + ["image/png, application/pdf"] + [None] * 8
    assert column("content_sid") == [None] * 13
    attributes = [json.loads(value) for value in column("attributes")]
    assert attributes == [line.get("attributes", {}) for line in TALK["messages"]]
    assert column("reactions_n") == [0, 0, 0, 3] + [0] * 9
    created = [datetime.fromisoformat(line["at"]) for line in TALK["messages"]]
    assert [value.to_pydatetime() for value in frame["date_created"]] == created
    updated = [datetime.fromisoformat(line.get("edited_at", line["at"])) for line in TALK["messages"]]
    assert [value.to_pydatetime() for value in frame["date_updated"]] == updated
    assert column("edited") == [False, False, True] + [False] * 10
    assert column("deleted_seen") == [False] * 13
    assert column("delivery_total") == [None] * 4 + [2] + [None] * 8
    told = {"sent": "some", "delivered": "some", "read": "some", "failed": "some", "undelivered": "none"}
    for name, amount in told.items():
        assert column(f"delivery_{name}") == [None] * 4 + [amount] + [None] * 8
    sids = column("message_sid")
    replies = [None, 0, 0, 2, 3, 3, None, 3, 7, 7, 7, 7, 11]
    assert column("reply_to") == [None if reply is None else sids[reply] for reply in replies]
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(created)]
    assert column("gap_s") == pytest.approx([None, *gaps])
    assert column("source") == ["backfill"] * 13


async def test_conversations_are_kept_apart(values: cw.LocalService, connect: Connect) -> None:
    """Gaps and replies do not reach over to another conversation; gaps in the indexes stay."""
    client = await connect(values, "someone")
    first, second = await client.create_conversation(), await client.create_conversation()
    for conversation in (first, second):
        await conversation.join()
        for number in range(4):
            await conversation.send_message(str(number))
        await (await conversation.get_messages()).items[1].remove()
    frame = await cw.messages_frame(client)
    mine = frame[frame["conversation_sid"].isin([first.sid, second.sid])]
    assert mine["index"].tolist() == [0, 2, 3] * 2
    assert mine["gap_s"].isna().tolist() == [True, False, False] * 2
    assert frame["conversation_sid"].dropna().is_monotonic_increasing
    assert set(frame["conversation_sid"]) == {first.sid, second.sid, *frame[:13]["conversation_sid"]}


async def test_words_that_nobody_knows(values: cw.LocalService, connect: Connect) -> None:
    """A delivery amount of a later service is missing, not an error."""
    conversation = await (await connect(values, "dana")).get_conversation_by_unique_name("values")
    odd = MessageData("IM1", delivery=Delivery(1, "most", "all", "", "none", "none"), attributes={"a": 1})
    columns = tables._Columns()
    tables._gather(columns.values, conversation, [(0, odd)], tables._People())
    frame = tables._frame([columns])
    check_shape(frame, 1)
    assert frame["delivery_sent"].isna().all()
    assert frame["delivery_delivered"].tolist() == ["all"]
    assert frame["attributes"].tolist() == ['{"a":1}']


# --- What can be asked for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, range(13)),
        ({"since": FIRST}, range(2, 13)),
        ({"since": "2026-03-01T10:00:00.001Z"}, range(3, 13)),
        ({"since": "2026-03-01T11:00:00+01:00"}, range(2, 13)),
        ({"since": "2026-03-01"}, range(2, 13)),
        ({"since": datetime(2026, 3, 1, 10)}, range(2, 13)),
        ({"since": datetime(2026, 3, 1, 15, 30, tzinfo=timezone(timedelta(hours=5.5)))}, range(2, 13)),
        ({"since": pd.Timestamp(FIRST)}, range(2, 13)),
        ({"until": FIRST}, range(2)),
        ({"until": "1970-01-01T00:00:00Z"}, []),
        ({"until": "1970-01-01T00:00:00.001Z"}, [0]),
        ({"since": FIRST, "until": "2026-03-01T10:01:00Z"}, [2, 3]),
        ({"since": "2030-01-01", "until": "2020-01-01"}, []),
        ({"since": FAR}, [12]),
        ({"limit": 0}, []),
        ({"limit": 1}, [12]),
        ({"limit": 5}, range(8, 13)),
        ({"limit": 5000}, range(13)),
        ({"limit": 2, "until": FIRST}, [0, 1]),
        ({"limit": 1, "until": FIRST}, [1]),
        ({"limit": 3, "since": FIRST, "until": "2026-03-01T10:04:00Z"}, [5, 6, 7]),
    ],
)
async def test_since_until_and_limit(
    values: cw.LocalService, connect: Connect, arguments: dict[str, Any], expected: Any
) -> None:
    """Since is inclusive, until is not, the limit takes the newest; all times are UTC."""
    client = await connect(values, "dana")
    conversation = await client.get_conversation_by_unique_name("values")
    frame = await cw.messages_frame(conversation, **arguments)
    check_shape(frame, len(expected))
    assert frame["index"].tolist() == list(expected)


@pytest.mark.parametrize("limit", [99, 100, 101, 250])
async def test_limits_around_pages(demo: cw.LocalService, connect: Connect, limit: int) -> None:
    """A limit at the edge of a page is exact."""
    client = await connect(demo, "dana")
    conversation = await client.get_conversation_by_unique_name("team-shift-handover")
    frame = await cw.messages_frame(conversation, limit=limit)
    assert frame["index"].tolist() == list(range(260 - limit, 260))


async def test_imported_messages_out_of_order(tmp_path: Path, connect: Connect) -> None:
    """One old date among new ones does not hide what is before it."""
    days = [f"2026-05-{day:02}T00:00:00Z" for day in range(1, 29)]
    days[20] = "1999-01-01T00:00:00Z"
    talk = {
        "created_by": "dana",
        "date_created": days[0],
        "participants": [{"key": "dana", "identity": "dana"}],
        "messages": [{"at": day, "from": "dana", "body": "x"} for day in days],
    }
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"users": [{"identity": "dana"}], "conversations": [talk]}))
    with cw.LocalService(seed=file) as service:
        frame = await cw.messages_frame(await connect(service, "dana"), since="2026-05-10")
    assert frame["index"].tolist() == [*range(9, 20), *range(21, 28)]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"since": "yesterday"}, "no time"),
        ({"until": 5}, "no time"),
        ({"since": pd.NaT}, "no time"),
        ({"limit": -1}, "negative"),
        ({"concurrency": 0}, "at least one"),
    ],
)
async def test_what_cannot_be_asked_for(
    demo: cw.LocalService, connect: Connect, arguments: dict[str, Any], match: str
) -> None:
    """A UsageError with a sentence."""
    with pytest.raises(cw.UsageError, match=match):
        await cw.messages_frame(await connect(demo, "dana"), **arguments)


@pytest.mark.parametrize("source", [None, "CH1", {}, 5])
async def test_what_no_frame_is_made_from(source: Any) -> None:
    """Only conversations and clients are sources."""
    with pytest.raises(cw.UsageError, match=f"not from {type(source).__name__}"):
        await cw.messages_frame(source)


async def test_not_joined(service: cw.LocalService, connect: Connect) -> None:
    """A conversation that one is not in cannot be read."""
    made = await (await connect(service, "maker")).create_conversation()
    with pytest.raises(cw.UsageError, match="join"):
        await cw.messages_frame(made)


# --- The demo, and its reading -------------------------------------------------------------------------------------


async def test_the_demo(demo: cw.LocalService, connect: Connect) -> None:
    """The numbers of the demo's support desk."""
    frame = await cw.messages_frame(await connect(demo, "dana"))
    check_shape(frame, 490)
    assert frame["author_kind"].value_counts().to_dict() == {"agent": 363, "customer": 115, "system": 8, "bot": 4}
    assert frame["direction"].value_counts().to_dict() == {"out": 375, "in": 115}
    counts = frame["channel"].value_counts()
    assert counts[counts > 0].to_dict() == {"chat": 423, "sms": 21, "whatsapp": 20, "email": 18}
    assert frame["channel"].isna().sum() == 8
    assert frame["conversation_sid"].nunique() == 12
    assert frame["message_sid"].is_unique
    assert not frame.duplicated(["conversation_sid", "index"]).any()
    by_conversation = frame.groupby("conversation_sid")
    assert by_conversation["index"].apply(lambda index: index.is_monotonic_increasing).all()
    assert (frame["gap_s"].dropna() >= 0).all()
    known = frame.set_index("message_sid")
    replies = frame.dropna(subset=["reply_to"])
    answered = known.loc[replies["reply_to"]]
    assert (answered["direction"].to_numpy() != replies["direction"].to_numpy()).all()
    assert (answered["index"].to_numpy() < replies["index"].to_numpy()).all()
    assert (answered["conversation_sid"].to_numpy() == replies["conversation_sid"].to_numpy()).all()


async def test_the_same_every_time(demo: cw.LocalService, connect: Connect) -> None:
    """Whoever reads, however many at a time, in one frame or in several: the same rows."""
    dana = await connect(demo, "dana")
    frames = await asyncio.gather(*(cw.messages_frame(dana, concurrency=number) for number in (1, 3, 100)))
    again = await cw.messages_frame(await connect(demo, "dana"))
    for frame in frames:
        pd.testing.assert_frame_equal(frame, again)
    single = [await cw.messages_frame(one) for one in await dana.get_subscribed_conversations()]
    joined = pd.concat(sorted(single, key=lambda frame: frame["conversation_sid"][0]), ignore_index=True)
    pd.testing.assert_frame_equal(joined, again)


async def test_a_frame_survives_parquet(demo: cw.LocalService, connect: Connect, tmp_path: Path) -> None:
    """What is written to Parquet and read again is the same."""
    frame = await cw.messages_frame(await connect(demo, "dana"))
    frame.to_parquet(tmp_path / "frame.parquet")
    again = pd.read_parquet(tmp_path / "frame.parquet")
    assert again["body"].tolist() == frame["body"].tolist()
    assert (again["date_created"] == frame["date_created"]).all()


async def test_a_failure_stops_all(demo: cw.LocalService, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is lost for good in the middle: the error is raised, nothing half-read, no task is left."""
    monkeypatch.setattr("convo_widgets.transport.link.CONNECTION_TIMEOUT", 0.1)
    async with Proxy(demo.port) as proxy:
        dana = await connect(demo, "dana", proxy.url)
        await dana.get_subscribed_conversations()
        before = asyncio.all_tasks()
        proxy.swallow()
        reading = asyncio.create_task(cw.messages_frame(dana, concurrency=4))
        await proxy.swallowed()
        proxy.refuse()
        with pytest.raises(cw.ConnectionLost):
            await reading
        assert {task for task in asyncio.all_tasks() - before if "messages" in repr(task.get_coro())} == set()


async def test_a_cut_does_not_hurt(demo: cw.LocalService, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cable breaks in the middle and comes back: the frame is complete, and knows everybody."""
    monkeypatch.setattr("convo_widgets.transport.backoff.FIRST", 0.05)
    whole = await cw.messages_frame(await connect(demo, "dana"))
    async with Proxy(demo.port) as proxy:
        dana = await connect(demo, "dana", proxy.url)
        await dana.get_subscribed_conversations()
        for _ in range(3):
            proxy.swallow()
            reading = asyncio.create_task(cw.messages_frame(dana, concurrency=2))
            await proxy.swallowed()
            proxy.restore()
            proxy.cut()
            pd.testing.assert_frame_equal(await reading, whole)


async def test_giving_up(demo: cw.LocalService, connect: Connect) -> None:
    """Cancelled, it leaves nothing running."""
    dana = await connect(demo, "dana")
    await dana.get_subscribed_conversations()
    before = asyncio.all_tasks()
    reading = asyncio.create_task(cw.messages_frame(dana))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    left = asyncio.all_tasks() - before
    assert {task for task in left if not task.get_name().startswith("convo-widgets")} == set()


# --- Progress ------------------------------------------------------------------------------------------------------


async def test_progress_leaves_no_trace(
    demo: cw.LocalService, connect: Connect, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a notebook a long read says how far it is on one line, wiped at the end; elsewhere and on request nothing."""
    client = await connect(demo, "dana")
    monkeypatch.setattr(Progress, "PATIENCE", 0.0)
    monkeypatch.setattr(Progress, "INTERVAL", 0.0)
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    await cw.messages_frame(client)
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    await cw.messages_frame(client, progress=False)
    assert capsys.readouterr() == ("", "")
    await cw.messages_frame(client)
    out, err = capsys.readouterr()
    assert err == ""
    assert "490 messages" in out
    assert "of 12 conversations" in out
    assert "\n" not in out
    assert out.endswith(" \r")


async def test_a_quick_read_shows_nothing(
    demo: cw.LocalService, connect: Connect, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within a second there is nothing to tell."""
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    await cw.messages_frame(await connect(demo, "dana"), limit=1)
    assert capsys.readouterr() == ("", "")


def test_dates_are_utc() -> None:
    """A guard for the test's own dates."""
    assert datetime.fromisoformat(FIRST).tzinfo == UTC
