"""Seeds: the demo, the chitchat corpus, files, and what is wrong with a file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import chitchat_dataset
import pytest

from convo_widgets.errors import UsageError
from convo_widgets.service import seeds
from convo_widgets.service.local import LocalService
from convo_widgets.service.store import Store

from .conftest import MINE, Connect


def small() -> dict[str, Any]:
    """A seed with a bit of everything."""
    return {
        "users": [{"identity": "dana", "friendly_name": "Dana", "attributes": {"role": "agent"}}],
        "conversations": [
            {
                "unique_name": "one",
                "friendly_name": "One",
                "created_by": "dana",
                "date_created": "2026-01-01T10:00:00+01:00",
                "participants": [
                    {"key": "d", "identity": "dana", "last_read_message_index": 1},
                    {
                        "key": "t",
                        "type": "sms",
                        "address": "+447700900310",
                        "proxy_address": "+15550100",
                        "name": "Tom",
                    },
                ],
                "left": [{"key": "g", "identity": "gone"}],
                "messages": [
                    {"at": "2026-01-01T10:00:00Z", "from": "t", "body": "hi"},
                    {
                        "at": "2026-01-01T10:01:00Z",
                        "from": "d",
                        "body": "hello",
                        "edited_at": "2026-01-01T10:02:00Z",
                        "receipts": [{"participant": "t", "status": "read", "at": "2026-01-01T10:03:00Z"}],
                        "delivery": {"sent": "all", "read": "all", "failed": "none"},
                    },
                    {"at": "2026-01-01T10:04:00Z", "from": "g", "body": "bye"},
                    {"at": "2026-01-01T10:05:00Z", "from": "system", "body": "Gone has left"},
                    {
                        "at": "2026-01-01T10:06:00Z",
                        "from": "t",
                        "media": [{"filename": "a.jpg", "content_type": "image/jpeg", "size": 12}],
                    },
                ],
            }
        ],
    }


async def test_file(tmp_path: Path, wire: Connect) -> None:
    """A file of one's own is read with times, people who left, receipts and media."""
    path = tmp_path / "seed.json"
    path.write_text(json.dumps(small()))
    with LocalService(seed=path) as service:
        dana = await wire("dana", to=service)
        mine = (await dana.get(MINE))["conversations"][0]
        assert (mine["unread_messages_count"], mine["date_created"]) == (3, "2026-01-01T09:00:00.000Z")
        items = (await dana.get(f"/v3/Lists/{mine['sync_objects']['messages']}/Items"))["items"]
        data = [item["data"] for item in items]
        assert [message["author"] for message in data] == ["+447700900310", "dana", "gone", "system", "+447700900310"]
        assert [message["memberSid"] is None for message in data] == [False, False, False, True, False]
        assert data[1]["lastUpdatedBy"] == "dana"
        assert (data[1]["timestamp"], data[1]["dateUpdated"]) == (
            "2026-01-01T10:01:00.000Z",
            "2026-01-01T10:02:00.000Z",
        )
        assert (data[1]["delivery"]["read"], data[0]["delivery"]) == ("all", None)
        assert (data[4]["type"], data[4]["media"]["filename"]) == ("media", "a.jpg")
        roster = (await dana.get(f"/v3/Maps/{mine['sync_objects']['participants']}/Items"))["items"]
        assert {item["data"]["type"] for item in roster} == {"chat", "sms"}
        sid = mine["conversation_sid"]
        assert (await dana.post(f"/Client/v2/Conversations/{sid}/Messages", {"body": "next"}))["index"] == 5
        await dana.close()


def change(path: list[Any], value: Any) -> Any:
    """The small seed with one thing changed."""
    seed: Any = small()
    place = seed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return seed


FIRST = ["conversations", 0]
WRONG = {
    "no json": ("{", "does not fit"),
    "a list": ("[]", "object"),
    "no users": (json.dumps({"conversations": []}), "users"),
    "misspelt": (json.dumps(change([*FIRST, "freindly_name"], "x")), "freindly_name"),
    "number": (json.dumps(change([*FIRST, "messages", 0, "body"], 5)), r"messages\[0\]"),
    "time": (json.dumps(change([*FIRST, "messages", 0, "at"], "yesterday")), "message 0: 'yesterday' is no time"),
    "author": (json.dumps(change([*FIRST, "messages", 0, "from"], "x")), "'x' is no participant"),
    "empty": (json.dumps(change([*FIRST, "messages", 0, "body"], None)), "no body"),
    "read": (json.dumps(change([*FIRST, "participants", 0, "last_read_message_index"], 99)), "has read"),
    "both": (json.dumps(change([*FIRST, "participants", 0, "address"], "+1")), "either"),
    "same person": (json.dumps(change([*FIRST, "left", 0, "key"], "d")), "key of its own"),
    "same identity": (json.dumps(change([*FIRST, "participants", 1], {"key": "x", "identity": "dana"})), "UNIQUE"),
    "state": (json.dumps(change([*FIRST, "state"], "open")), "open"),
    "twice": (json.dumps(change(["conversations"], small()["conversations"] * 2)), "unique name is taken"),
    "user twice": (json.dumps(change(["users"], small()["users"] * 2)), "twice"),
    "receipt": (json.dumps(change([*FIRST, "messages", 1, "receipts", 0, "participant"], "x")), "receipt of 'x'"),
    "delivery": (json.dumps(change([*FIRST, "messages", 1, "delivery", "failed"], "all")), "otherwise"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_files(tmp_path: Path, text: str, words: str) -> None:
    """A file that does not fit is refused with the place of the fault, and leaves nothing behind."""
    path = tmp_path / "seed.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=words) as error:
        LocalService(seed=path)
    assert str(path) in str(error.value)
    store = Store()
    with pytest.raises(UsageError):
        seeds.load(store, path)
    assert store.empty()
    store.close()


def test_unknown_seed(tmp_path: Path) -> None:
    """A name that is neither a seed nor a file is refused with what there is."""
    with pytest.raises(UsageError, match="'demo', 'chitchat'"):
        LocalService(seed="dmeo")
    with pytest.raises(UsageError, match="cannot be read"):
        LocalService(seed=tmp_path)


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package the corpus cannot be had; the error says how to get it."""
    monkeypatch.setitem(sys.modules, "chitchat_dataset", None)
    with pytest.raises(UsageError, match=r"pip install convo-widgets\[demo\]"):
        LocalService(seed="chitchat")


def test_chitchat() -> None:
    """The whole corpus comes in within seconds: every text, sender and time as the package has it."""
    store = Store()
    started = time.monotonic()
    seeds.load(store, "chitchat")
    assert time.monotonic() - started < 30
    counts = [store.value(f"SELECT count(*) FROM {table}") for table in ("conversations", "messages", "users")]
    assert counts == [7168, 258_145, 1315]
    assert store.value("SELECT count(DISTINCT friendly_name) FROM users") == 1315
    dataset = json.loads(Path(chitchat_dataset.__file__).with_name("dataset.json").read_bytes())
    for name in list(dataset)[::500]:
        lines = [line for turn in dataset[name]["messages"] for line in turn]
        rows = store.rows(
            "SELECT author, body, messages.date_created FROM messages "
            "JOIN conversations ON conversations.id = conversation WHERE unique_name = ? ORDER BY idx",
            name,
        )
        assert [tuple(row) for row in rows] == [(line["sender"], line["text"], line["timestamp"]) for line in lines]
        created = store.value("SELECT date_created FROM conversations WHERE unique_name = ?", name)
        assert created == dataset[name]["start"]
    people = store.value("SELECT count(*) FROM participants")
    assert people == sum(len({x["sender"] for t in chat["messages"] for x in t}) for chat in dataset.values())
    assert store.value("SELECT count(*) FROM messages WHERE participant_sid IS NULL") == 0
    assert not store.value("SELECT EXISTS (SELECT 1 FROM events)")  # seeding makes none
    store.close()


async def test_chitchat_is_usable(wire: Connect) -> None:
    """Who talked most sees all 1,528 conversations, page by page."""
    with LocalService(seed="chitchat") as service:
        busy = await wire("549cc1d1-270e-4a53-b561-133a8d0086b4", to=service)
        found, token = 0, ""
        while token is not None:
            page = await busy.get(MINE, **({"PageToken": token} if token else {}))
            found += len(page["conversations"])
            token = page["meta"]["next_token"]
        assert found == 1528
        first = page["conversations"][0]
        reply = await busy.post(f"/Client/v2/Conversations/{first['conversation_sid']}/Messages", {"body": "again"})
        assert reply["index"] > 0
        await busy.close()
