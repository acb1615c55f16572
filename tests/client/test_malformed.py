"""What a service should never send: skipped with a warning, and everything else goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.client.reporter import Reporter
from convo_widgets.wire.events import Notified
from tests.client.people import Expected, People, Seen, write


def _feed(conversation: cw.Conversation, body: Any, message_type: str = "com.twilio.rtd.cds.list") -> None:
    """Give a client a notification, as if the service had sent it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    Reporter(conversation.client).notified(Notified(message_type, data))


def _list_event(conversation: cw.Conversation, what: str, index: Any, data: Any, id: int = 10**16) -> dict[str, Any]:
    messages = conversation._messages._list
    assert messages is not None
    event = {"id": id, "list_sid": messages.sid, "item_index": index, "item_data": data}
    return {"event_type": f"list_item_{what}", "event": event, "event_protocol_version": 4}


ODD_MESSAGES: list[Any] = [
    None,
    5,
    "text",
    [],
    {},
    {"sid": 5},
    {"sid": "IM1", "text": {"a": 1}},
    {"sid": "IM1", "medias": "x"},
    {"sid": "IM1", "delivery": {"total": "all"}},
]


@pytest.mark.parametrize("what", ["added", "updated"])
async def test_odd_messages(people: People, caplog: pytest.LogCaptureFixture, what: str) -> None:
    """An item that is no message is skipped with a warning that does not quote it; the next one arrives."""
    mine, theirs = await people.pair()
    added = Expected(mine, "messageAdded")
    await write(theirs, 1)
    await added
    seen = Seen(mine, mine.client)
    for number, data in enumerate(ODD_MESSAGES):
        caplog.clear()
        _feed(mine, _list_event(mine, what, 0 if what == "updated" else 7, data, id=10**16 + number))
        assert seen.all == []
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "skipped" in caplog.records[0].getMessage()
    await theirs.send_message("next")
    await seen.until(lambda: seen.of(mine, "messageAdded") != [])
    assert seen.of(mine, "messageAdded")[0].body == "next"
    assert mine.client.connection_state == "connected"


ODD_NOTIFICATIONS = [
    b"",
    b"not json",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"{}",
    b'{"event_type": 5}',
    b'{"event_type": "list_item_added"}',
    b'{"event_type": "list_item_added", "event": {"id": "x"}}',
    b'{"event_type": "unheard_of", "event": {"id": 1, "list_sid": "ES1"}}',
    b'{"event_type": "subscription_established", "event": {"object_sid": "ES1"}, "correlation_id": 99999}',
    b'{"event_type": "subscription_failed", "event": {"object_sid": "ES1", "error": {"status": 404}}}',
    b'{"event_type":' + b"[" * 100_000,
]


@pytest.mark.parametrize(
    "kind", ["twilio.sync.event", "com.twilio.rtd.cds.map", "twilio.ipmsg.typing_indicator", "new"]
)
async def test_odd_notifications(people: People, kind: str) -> None:
    """Notifications of any shape change nothing and break nothing."""
    alice = await people.client("alice")
    (mine,) = await people.room(alice)
    seen = Seen(mine, alice)
    for body in ODD_NOTIFICATIONS:
        _feed(mine, body, kind)
    assert seen.all == []
    assert await mine.send_message("still here") == 0


async def test_events_about_others(people: People) -> None:
    """Events of objects that nobody follows, and typing of strangers or in unknown conversations, are dropped."""
    mine, theirs = await people.pair()
    seen = Seen(mine, mine.client)
    unknown = {"id": 1, "list_sid": "ES" + "0" * 32, "item_index": 0, "item_data": {"sid": "IM1"}}
    _feed(mine, {"event_type": "list_item_added", "event": unknown})
    typing = "twilio.ipmsg.typing_indicator"
    for sid, identity in (
        (mine.sid, "stranger"),
        ("CH" + "0" * 32, theirs.client.user.identity),
        (mine.sid, mine.client.user.identity),
    ):
        _feed(mine, {"channel_sid": sid, "identity": identity, "typing_timeout": 5}, typing)
    assert seen.all == []


async def test_late_and_repeated_events(people: People) -> None:
    """An event that was seen, or is older than what is known, says nothing new; a removed message stays removed."""
    mine, theirs = await people.pair()
    seen = Seen(mine)
    await write(theirs, 2)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 2)
    messages = (await mine.get_messages()).items
    told = len(seen.all)
    data = {"sid": messages[0].sid, "author": messages[0].author, "text": "old news"}
    for what in ("added", "updated", "removed"):
        _feed(mine, _list_event(mine, what, 0, data, id=1))
    assert len(seen.all) == told
    assert messages[0].body == "0"
    removed = Expected(mine, "messageRemoved")
    await (await theirs.get_messages()).items[0].remove()
    await removed
    told = len(seen.of(mine, "messageAdded", "messageUpdated"))
    for what in ("added", "updated"):
        _feed(mine, _list_event(mine, what, 0, data, id=1))
    assert len(seen.of(mine, "messageAdded", "messageUpdated")) == told


async def test_updates_say_only_what_is_new(people: People) -> None:
    """What an update leaves out stays as it was, as in the SDK; delivery and media are told when they change."""
    mine, theirs = await people.pair()
    added = Expected(mine, "messageAdded")
    await theirs.send_message("body", {"a": 1}, subject="About")
    message = await added
    seen = Seen(message)
    full = {"sid": message.sid, "attributes": '{"a":1}', "memberSid": message.participant_sid}
    delivery = {"total": 2, "sent": "all", "delivered": "some", "read": "none", "failed": "none", "undelivered": "none"}
    medium = {"sid": "ME1", "size": 5, "contentType": "image/png", "filename": "a.png", "category": "media"}
    body = {"sid": "ME2", "size": 5, "contentType": "text/html", "filename": None, "category": "body"}
    steps: list[tuple[dict[str, Any], set[str]]] = [
        ({}, set()),
        ({"delivery": None}, set()),
        ({"delivery": delivery | {"total": 0}}, set()),
        ({"delivery": delivery}, {"deliveryReceipt"}),
        ({"delivery": None}, set()),
        ({"delivery": delivery | {"read": "some"}}, {"deliveryReceipt"}),
        ({"delivery": delivery | {"read": "some"}, "medias": [body, medium], "media": medium}, {"media"}),
        ({"medias": [body, medium], "media": medium, "text": "new", "lastUpdatedBy": "x"}, {"body", "lastUpdatedBy"}),
        ({"medias": [body, medium], "media": medium, "subject": "Other"}, {"subject"}),
    ]
    for number, (data, expected) in enumerate(steps):
        seen.all.clear()
        _feed(mine, _list_event(mine, "updated", 0, full | data, id=10**16 + number))
        told = seen.of(message, "updated")
        assert [set(update.update_reasons) for update in told] == ([expected] if expected else [])
    assert (message.body, message.subject, message.last_updated_by) == ("new", "Other", "x")
    receipt = message.aggregated_delivery_receipt
    assert receipt == cw.AggregatedDeliveryReceipt(2, "all", "some", "some", "none", "none")
    assert message.attached_media == [cw.Media("ME1", "a.png", "image/png", 5, "media")]
    assert message.media == message.attached_media[0]


# --- In what is read: a store that somebody has written into -------------------------------------------------------


@pytest.fixture
async def spoilt(tmp_path: Path) -> AsyncIterator[tuple[cw.LocalService, str]]:
    """A service whose file holds a message and a participant that do not fit; and the conversation's sid."""
    file = tmp_path / "service.sqlite3"
    with cw.LocalService(file, seed=None) as service:
        async with cw.connect(service.token("alice"), service=service) as alice:
            made = await alice.create_conversation()
            await made.join()
            await made.add("bob")
            await write(made, 5)
    with sqlite3.connect(file) as store:
        store.execute(
            "INSERT INTO media SELECT 'ME1', author, conversation, idx, 0, 'a.png', 'image/png', 'big', 'media', "
            "date_created, date_created FROM messages WHERE idx = 2"
        )
        store.execute("UPDATE participants SET last_read = 'far' WHERE identity = 'bob'")
    store.close()
    with cw.LocalService(file, seed=None) as service:
        yield service, made.sid


async def test_one_odd_item_costs_no_other(
    spoilt: tuple[cw.LocalService, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Pages, rosters and DataFrames go on without an item that cannot be read."""
    service, sid = spoilt
    async with cw.connect(service.token("alice"), service=service) as alice:
        mine = await alice.get_conversation_by_sid(sid)
        assert [one.identity for one in await mine.get_participants()] == ["alice"]
        assert [message.index for message in (await mine.get_messages()).items] == [0, 1, 3, 4]
        page = await mine.get_messages(2, 3)
        assert [message.index for message in page.items] == [3]
        assert [message.index for message in (await page.prev_page()).items] == [0, 1]
        frame = await cw.messages_frame(mine)
        assert frame["index"].tolist() == [0, 1, 3, 4]
        assert await mine.send_message("goes on") == 5
    assert any("skipped" in record.getMessage() for record in caplog.records)
