"""Recordings: everything that a client is told, nothing secret, read after any cut, and played again as it was."""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import convo_widgets as cw
from tests.client.people import Expected, People
from tests.service.http import Account

FILE = cw.FileMedia(b"12345", "text/plain", "a.txt")

pytestmark = pytest.mark.both


async def lesson(people: People, file: Path) -> tuple[cw.Conversation, cw.Recorder]:
    """A conversation in which a little of everything happens; as one sees it who recorded it."""
    alice, bob = await asyncio.gather(people.client("alice"), people.client("bob"))
    first, second = await people.room(alice, bob, friendly_name="Lesson", attributes={"room": 1})
    account, here = Account(people.service), f"/Conversations/{first.sid}"
    with cw.Recorder(alice, file) as recorder:
        typing, added = Expected(first, "typingStarted"), Expected(first, "messageAdded", lambda one: one.index == 2)
        await second.typing()
        await typing
        await second.send_message("one", {"n": 1})
        await second.send_message("two")
        await (
            second.prepare_message()
            .set_body("see")
            .add_media(cw.FileMedia(b"12345", "text/plain", "a.txt"))
            .build_and_send()
        )
        await added
        messages = (await second.get_messages()).items
        updated, removed = Expected(first, "messageUpdated"), Expected(first, "messageRemoved")
        await messages[0].update_body("one, corrected")
        await messages[1].remove()
        await updated
        await removed
        read, joined = Expected(first, "participantUpdated"), Expected(first, "participantJoined")
        await first.set_all_messages_read()
        await read
        await first.add_non_chat_participant("+15550100", "+15550142", {"name": "Carl"})
        carl, added = await joined, Expected(first, "messageAdded")
        await first.send_message("to Carl")
        last = await added
        for status in ("sent", "delivered"):
            updated = Expected(first, "messageUpdated")
            await account.post(f"{here}/Messages/{last.sid}/Receipts", {"ParticipantSid": carl.sid, "Status": status})
            await updated
        renamed = Expected(first, "updated", lambda one: "friendlyName" in one.update_reasons)
        await first.update_friendly_name("Lesson, done")
        await renamed
        closed = Expected(first, "updated", lambda one: "state" in one.update_reasons)
        await account.post(here, {"State": "closed"})
        await closed
    return first, recorder


async def state(conversation: cw.Conversation) -> dict[str, Any]:
    """Everything of a conversation that has no sid in it."""
    return {
        "conversation": (
            conversation.friendly_name,
            conversation.attributes,
            conversation.created_by,
            conversation.state.current if conversation.state else None,
            conversation.date_created,
        ),
        "participants": [
            (one.identity, one.type, one.attributes, one.bindings, one.last_read_message_index, one.date_created)
            for one in await conversation.get_participants()
        ],
        "messages": [
            (
                *(one.index, one.author, one.body, one.attributes, one.last_updated_by),
                *(one.date_created, one.date_updated, one.aggregated_delivery_receipt),
                [(medium.filename, medium.content_type, medium.size) for medium in one.attached_media],
            )
            for one in (await conversation.get_messages()).items
        ],
    }


# --- What is in it -------------------------------------------------------------------------------------------------


async def test_events_and_file_are_the_same(people: People, tmp_path: Path) -> None:
    """What is in memory is in the file; each event has its time, sids, who did it, and the noun's fields."""
    before = datetime.now(UTC)
    room, recorder = await lesson(people, tmp_path / "lesson.jsonl")
    events = recorder.events
    assert cw.read_recording(tmp_path / "lesson.jsonl").events == events
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert before - timedelta(seconds=1) < events[0].time <= datetime.now(UTC)
    names = [event.name for event in events]
    assert names[0] == "recordingStarted"
    assert names[-1] == "recordingStopped"
    wanted = {"conversationKnown", "typingStarted", "typingEnded", "messageAdded", "messageUpdated", "messageRemoved"}
    assert set(names) >= wanted | {"participantJoined", "participantUpdated", "conversationUpdated"}
    first = next(event for event in events if event.name == "messageAdded")
    assert (first.conversation_sid, first.actor) == (room.sid, people.identity("bob"))
    assert first.sid == (await room.get_messages()).items[0].sid
    assert (first.payload["body"], first.payload["attributes"]) == ("one", {"n": 1})
    edited = next(event for event in events if event.name == "messageUpdated")
    assert "body" in edited.payload["reasons"]
    assert edited.actor == people.identity("bob")
    media = next(event.payload["media"] for event in events if "media" in event.payload)
    assert (media[0]["filename"], media[0]["size"]) == ("a.txt", 5)
    assert stat.S_IMODE((tmp_path / "lesson.jsonl").stat().st_mode) == 0o600


async def test_nothing_secret_is_in_it(people: People, tmp_path: Path) -> None:
    """No token, key, secret or temporary address, after all that could bring one: renewals, a denial, media."""
    file = tmp_path / "all.jsonl"
    tokens = [people.token("alice")]

    def fetch() -> str:
        tokens.append(people.token("alice"))
        return tokens[-1]

    alice = await people.client("alice", token=fetch)
    with cw.Recorder(alice, file) as recorder:
        (room,) = await people.room(alice)
        await room.prepare_message().set_body("x").add_media(FILE).build_and_send()
        media = (await room.get_messages()).items[0].attached_media
        urls = await alice.get_temporary_content_urls_for_media(media)
        back = Expected(alice, "connectionStateChanged", lambda one: one == "connected")
        people.service.faults.expire_tokens()
        await back
        await alice.update_token(fetch())
    names = {event.name for event in recorder.events}
    assert names >= {"connectionStateChanged", "conversationJoined", "messageAdded"}
    assert len(tokens) >= 3
    text = file.read_text()
    secrets = [*tokens, *urls.values(), people.service.api_key, people.service.api_secret]
    for secret in secrets:
        assert secret not in text
        assert secret not in repr(recorder)
    assert "eyJ" not in text
    assert "/Temporary/" not in text


async def test_a_conversation_alone(people: People) -> None:
    """Of one conversation, its events only, under the names that a client gives them; in memory without a file."""
    alice = await people.client("alice")
    (room,) = await people.room(alice)
    (other,) = await people.room(alice)
    recorder = cw.Recorder(room)
    added, renamed = Expected(room, "messageAdded"), Expected(room, "updated", lambda one: one.update_reasons)
    await other.send_message("elsewhere")
    await room.send_message("here")
    await added
    await renamed
    recorder.stop()
    recorder.stop()
    await room.send_message("after it")
    bodies = [event.payload["body"] for event in recorder.events if event.name == "messageAdded"]
    assert bodies == ["here"]
    assert {event.conversation_sid for event in recorder.events} == {None, room.sid}
    assert "conversationUpdated" in {event.name for event in recorder.events}
    assert not recorder.is_recording
    assert repr(recorder) == f"<Recorder stopped, {len(recorder)} events in memory>"


async def test_it_is_bounded(people: People, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Memory keeps the newest; a file that is full gets no more, says so, and can be read; the client goes on."""
    alice = await people.client("alice")
    (room,) = await people.room(alice)
    file = tmp_path / "small.jsonl"
    recorder = cw.Recorder(room, file, limit=5, file_mb=3000 / 1024 / 1024)
    added = Expected(room, "messageAdded", lambda one: one.body == "19")
    for number in range(20):
        await room.send_message(str(number))
    await added
    assert len(recorder.events) == 5
    assert file.stat().st_size <= 3000
    assert len(cw.read_recording(file)) > 3
    assert recorder.error is not None
    assert "gets no more" in caplog.text
    recorder.stop()
    assert file.stat().st_size <= 3000


async def test_large_events_are_bounded_too(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory keeps fewer events where they are large."""
    monkeypatch.setattr("convo_widgets.client.recorder.MEMORY", 100_000)
    alice = await people.client("alice")
    (room,) = await people.room(alice)
    with cw.Recorder(room) as recorder:
        added = Expected(room, "messageAdded", lambda one: one.index == 9)
        for _ in range(10):
            await room.send_message("x" * 30_000)
        await added
    assert [one.payload["index"] for one in recorder.events if one.name == "messageAdded"] == [7, 8, 9]


async def test_what_cannot_be_recorded(people: People, tmp_path: Path) -> None:
    """Another source, a folder, a limit of nothing: refused in words."""
    alice = await people.client("alice")
    for arguments, options in (
        (("alice",), {}),
        ((alice, tmp_path), {}),
        ((alice, tmp_path / "no" / "folder"), {}),
        ((alice,), {"limit": 0}),
    ):
        with pytest.raises(cw.UsageError):
            cw.Recorder(*arguments, **options)  # type: ignore[arg-type]


# --- Reading -------------------------------------------------------------------------------------------------------


async def test_cut_at_every_byte(people: People, tmp_path: Path) -> None:
    """A last line that was cut anywhere is passed over; recording goes on after it; the same cut earlier is a fault."""
    file, cut = tmp_path / "lesson.jsonl", tmp_path / "cut.jsonl"
    room, recorder = await lesson(people, file)
    whole, events = file.read_bytes(), recorder.events
    last = whole.rstrip(b"\n").rindex(b"\n") + 1
    for end in range(last, len(whole) + 1):
        cut.write_bytes(whole[:end])
        complete = end >= len(whole) - 1
        assert cw.read_recording(cut).events == (events if complete else events[:-1])
    cut.write_bytes(whole[: last + 20])
    with cw.Recorder(room, cut) as again:
        pass
    assert cw.read_recording(cut).events == events[:-1] + again.events
    cut.write_bytes(whole[: last + 20] + b"\n" + whole[last:])
    with pytest.raises(cw.UsageError, match=f"line {len(events)} cannot be read"):
        cw.read_recording(cut)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Dear diary", "no recording"),
        (b"[1, 2]\n[3]\n", "no recording"),
        (b'{"time":"2026-11-23T08:00:00Z","name":"messageAdded"}\n', "does not begin"),
        (b'{"time":"2026-11-23T08:00:00Z","name":"recordingStarted","payload":{"version":2}}\n', "version 2"),
        (b'{"time":"2026-11-23T08:00:00","name":"recordingStarted","payload":{"version":1}}\nx\ny\n', "line 1"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_recording(tmp_path: Path, content: bytes | None, said: str) -> None:
    """Other files, and recordings of a newer version, are refused in words, by the reader and by the service."""
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(cw.UsageError, match=said):
        cw.read_recording(file)
    with cw.LocalService(seed=None) as service, pytest.raises(cw.UsageError, match=said):
        service.replay(file)


# --- Played again --------------------------------------------------------------------------------------------------


async def test_a_replay_equals_the_original(people: People, tmp_path: Path) -> None:
    """Messages with their indexes and times, media, receipts, people, horizons, names and state are as they were."""
    room, _ = await lesson(people, tmp_path / "lesson.jsonl")
    original = await state(room)
    assert len(original["messages"]) == 3
    assert len(original["participants"]) == 3
    with cw.LocalService(seed=None) as other:
        replay = other.replay(tmp_path / "lesson.jsonl", speed=math.inf, members=["watcher"])
        await replay.finished()
        assert (replay.conversations, replay.messages) == (1, 4)
        async with cw.connect(other.token("watcher"), service=other) as watcher:
            (again,) = await watcher.get_subscribed_conversations()
            played = await state(again)
            watching = [one for one in played["participants"] if one[0] == "watcher"]
            played["participants"] = [one for one in played["participants"] if one[0] != "watcher"]
            assert len(watching) == 1
            assert sorted(played.pop("participants"), key=str) == sorted(original.pop("participants"), key=str)
            assert played == original


async def test_a_replay_is_seen_live(people: People, tmp_path: Path) -> None:
    """At a speed of one's choice and from another time on, it is told to others as it happens, in the same order."""
    _, recorder = await lesson(people, tmp_path / "lesson.jsonl")
    start = datetime(2030, 1, 1, tzinfo=UTC)
    with cw.LocalService(seed=None) as other:
        async with cw.connect(other.token("watcher"), service=other) as watcher:
            done = Expected(watcher, "conversationUpdated", lambda one: one.conversation.state.current == "closed")
            began = asyncio.get_running_loop().time()
            with cw.Recorder(watcher) as seen:
                replay = other.replay(tmp_path / "lesson.jsonl", speed=0.5, start=start, members=["watcher"])
                await done
                await replay.finished()
            length = recorder.events[-1].time - recorder.events[0].time
            assert asyncio.get_running_loop().time() - began >= length.total_seconds() * 2
            (again,) = await watcher.get_subscribed_conversations()
            dates = [one.date_created for one in (await again.get_messages()).items]
            least = start - timedelta(milliseconds=1)  # messages have no smaller parts of a second
            assert least <= min(dates) < max(dates) < start + length  # type: ignore[type-var, operator]
    bodies = [
        [one.payload.get("body") for one in some if one.name == "messageAdded"]
        for some in (recorder.events, seen.events)
    ]
    assert len(bodies[1]) > 1  # the first may be there before the watcher has opened the conversation
    assert bodies[1] == bodies[0][-len(bodies[1]) :]


async def test_a_simulation_is_recorded_and_replayed(tmp_path: Path) -> None:
    """What a member of simulated conversations recorded is played again, message by message."""
    file = tmp_path / "desk.jsonl"
    with cw.LocalService(seed=None) as service:
        async with cw.connect(service=service) as dana:
            with cw.Recorder(dana, file) as recorder:
                await service.simulate(rate=60, speed=200, conversations=8).finished()
                await dana.get_subscribed_conversations()
    last: dict[str, Any] = {}
    for event in recorder.events:
        if event.name in ("messageAdded", "messageUpdated"):
            last[event.sid or ""] = event
    expected = [(one.payload["index"], one.payload["author"], one.payload.get("body")) for one in last.values()]
    assert len(expected) > 10
    with cw.LocalService(seed=None) as other:
        await other.replay(file, speed=math.inf).finished()
        async with cw.connect(service=other) as dana:
            played = [
                (one.index, one.author, one.body)
                for room in await dana.get_subscribed_conversations()
                async for one in room.history()
            ]
    assert sorted(played, key=str) == sorted(expected, key=str)


def test_what_is_told_after_the_end(tmp_path: Path) -> None:
    """A client may read that a conversation is closed before it hears the last of it: all of that is played too."""
    begin = {"name": "recordingStarted", "payload": {"version": 1}}
    people = [{"sid": "MB1", "identity": "ann"}]
    known = {"name": "conversationJoined", "payload": {"state": "closed", "participants": people}}
    joined = {"name": "participantJoined", "sid": "MB2", "payload": {"sid": "MB2", "identity": "ben"}}
    added = {"name": "messageAdded", "sid": "IM1", "payload": {"index": 4, "author": "ben", "body": "late"}}
    edited = {"name": "messageUpdated", "sid": "IM1", "payload": {"index": 4, "body": "later"}}
    file, about = tmp_path / "late.jsonl", {"time": "2026-11-23T08:00:00Z", "conversation_sid": "CH1"}
    file.write_text("".join(json.dumps(about | event) + "\n" for event in (begin, known, joined, added, edited)))
    with cw.LocalService(tmp_path / "late", seed=None) as service:
        service.replay(file, speed=math.inf).wait(10)
    db = sqlite3.connect(tmp_path / "late")
    assert db.execute("SELECT state, next_index FROM conversations").fetchall() == [("closed", 5)]
    assert db.execute("SELECT idx, author, body FROM messages").fetchall() == [(4, "ben", "later")]
    assert db.execute("SELECT identity FROM participants ORDER BY id").fetchall() == [("ann",), ("ben",)]
    db.close()


def test_odd_recordings_are_played(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Events of any shape, in any order, with times and numbers that cannot be, end nothing: the others happen."""
    begin = {"time": "2026-11-23T08:00:00Z", "name": "recordingStarted", "payload": {"version": 1}}
    known = {
        "name": "conversationKnown",
        "conversation_sid": "CH1",
        "payload": {"participants": [{"sid": "MB1", "identity": "ann"}]},
    }
    odd: list[Any] = [
        *(None, [], "x", {"index": "x"}, {"index": 1 << 70}, {"index": -1, "body": "x"}, {"sid": ["x"]}),
        *({"identity": ""}, {"sid": "MB3"}, {"state": "x"}, {"index": 3, "body": "x" * 40_000}),
        {"sid": "MB2", "type": "sms", "bindings": {"sms": {"address": 5}}},
        {"index": 3, "body": "x", "attributes": "x" * 9000},
        {"index": 2, "body": "x", "date_created": "0001-01-01T00:00:00Z"},
        {"sid": "MB1", "last_read_message_index": 1 << 62},
        {"index": 5, "media": [{"size": 1 << 62, "content_type": "\n"}]},
        {"index": 5, "author": "a" * 999, "body": "x"},
    ]
    names = [
        *("messageAdded", "messageUpdated", "messageRemoved", "participantJoined", "participantLeft", "typingStarted"),
        *(
            "participantUpdated",
            "conversationUpdated",
            "conversationLeft",
            "userUpdated",
            "connectionError",
            "nonsense",
        ),
    ]
    events = [begin, known]
    for name in names:
        for payload in odd:
            for conversation in ("CH1", "CH2", None):
                events.append({"name": name, "sid": "IM1", "conversation_sid": conversation, "payload": payload})
    events.append(
        {"name": "messageAdded", "sid": "IM9", "conversation_sid": "CH1", "payload": {"index": 7, "body": "good"}}
    )
    events.append({"time": "9999-12-31T23:59:59Z", "name": "typingEnded"})
    file = tmp_path / "odd.jsonl"
    file.write_text("".join(json.dumps({"time": begin["time"]} | event) + "\n" for event in events))
    with cw.LocalService(seed=None) as service:
        replay = service.replay(file, speed=math.inf)
        replay.wait(30)
        assert replay.conversations == 2
        assert replay.messages >= 1
    assert not [record for record in caplog.records if record.name == "convo_widgets.service"]
