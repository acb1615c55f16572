"""Sync: rendering, pages with exact tokens, subscriptions, replay, order; who may see what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from convo_widgets.service import sync
from convo_widgets.service.local import LocalService

from .conftest import CONFIGURATION, MINE, ROOMS, Connect, Wire


async def filled(wire: Wire, count: int) -> str:
    """A conversation with messages "0", "1", ..."""
    sid = await wire.room()
    for number in range(count):
        await wire.post(f"{ROOMS}/{sid}/Messages", {"body": str(number)})
    return sid


async def test_document(wire: Connect) -> None:
    """The document says all of the conversation, and names the two others."""
    alice = await wire("alice")
    sid = await alice.room(friendly_name="N", unique_name="u", attributes='{"a": [1.5, null]}')
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "x"})
    objects = await alice.objects(sid)
    document = await alice.get(f"/v3/Documents/{sid}.channel")
    assert document["sid"] == objects["conversation"]
    assert document["unique_name"] == f"{sid}.channel"
    data = document["data"]
    assert (data["friendlyName"], data["uniqueName"], data["createdBy"]) == ("N", "u", "alice")
    assert data["attributes"] == '{"a":[1.5,null]}'  # text: only so is a bare string among them unmistakable
    assert data["state"]["current"] == "active"
    assert data["lastMessage"]["index"] == 0
    assert (data["messages"], data["roster"]) == (objects["messages"], objects["participants"])
    roster = await alice.get(f"/v3/Maps/{sid}.roster/Items")
    member = roster["items"][0]["data"]
    assert (member["identity"], member["type"], member["attributes"]) == ("alice", "chat", "{}")
    info = await alice.get(f"/v3/Maps/{member['userInfo']}/Items")
    assert [item["key"] for item in info["items"]] == ["attributes", "friendlyName", "reachability"]


async def test_demo_rendering(wire: Connect) -> None:
    """Media, receipts, edits, subjects and people of other channels come out of the demo."""
    with LocalService(seed="demo") as service:
        dana = await wire("dana", to=service)
        page = await dana.get(MINE)
        items: list[Any] = []
        types: set[str] = set()
        for conversation in page["conversations"]:
            sid = conversation["conversation_sid"]
            items += (await dana.get(f"/v3/Lists/{sid}.messages/Items", PageSize="100"))["items"]
            roster = await dana.get(f"/v3/Maps/{sid}.roster/Items")
            types |= {item["data"]["type"] for item in roster["items"]}
        data = [item["data"] for item in items]
        assert {"chat", "sms", "whatsapp", "email"} <= types
        with_media = [message for message in data if message["medias"]]
        assert all(message["media"] == message["medias"][0] for message in with_media)
        assert all(set(message["media"]) >= {"sid", "size", "contentType", "filename"} for message in with_media)
        assert with_media
        assert all(message["media"] is None for message in data if not message["medias"])
        deliveries = [message["delivery"] for message in data if message["delivery"]]
        assert {delivery["read"] for delivery in deliveries} == {"none", "some", "all"}
        assert all(delivery["total"] > 0 for delivery in deliveries)
        assert any(message["lastUpdatedBy"] for message in data)
        assert any(message["subject"] for message in data)
        await dana.close()


async def test_pages_are_exact(wire: Connect) -> None:
    """For each start, order and size: the right items, and tokens only where there is more."""
    alice = await wire("alice")
    sid = await filled(alice, 7)
    await alice.ask("DELETE", f"{ROOMS}/{sid}/Messages/{await message_sid(alice, sid, 3)}")
    left = [0, 1, 2, 4, 5, 6]
    url = f"/v3/Lists/{sid}.messages/Items"
    for order in ("asc", "desc"):
        ordered = left if order == "asc" else left[::-1]
        for start in [None, *range(-1, 9)]:
            rest = [i for i in ordered if start is None or (i >= start if order == "asc" else i <= start)]
            before = [i for i in ordered if i not in rest]
            for size in (1, 2, 6, 100):
                params = {"PageSize": str(size), "Order": order} | ({} if start is None else {"From": str(start)})
                page = await alice.get(url, **params)
                assert [item["index"] for item in page["items"]] == rest[:size]
                assert (page["meta"]["next_token"] is not None) == (len(rest) > size), (order, start, size)
                assert (page["meta"]["previous_token"] is not None) == bool(before), (order, start, size)


async def message_sid(wire: Wire, sid: str, index: int) -> str:
    """Sid of a message."""
    items = (await wire.get(f"/v3/Lists/{sid}.messages/Items", Index=str(index)))["items"]
    return str(items[0]["data"]["sid"])


async def test_tokens_go_both_ways(wire: Connect) -> None:
    """Following next and then previous tokens gives the same pages back."""
    alice = await wire("alice")
    sid = await filled(alice, 25)
    url = f"/v3/Lists/{sid}.messages/Items"
    for order in ("asc", "desc"):
        pages = [await alice.get(url, PageSize="10", Order=order)]
        while token := pages[-1]["meta"]["next_token"]:
            pages.append(await alice.get(url, PageSize="10", PageToken=token))
        assert [len(page["items"]) for page in pages] == [10, 10, 5]
        back = await alice.get(url, PageSize="10", PageToken=pages[2]["meta"]["previous_token"])
        assert back["items"] == pages[1]["items"]
        first = await alice.get(url, PageSize="10", PageToken=back["meta"]["previous_token"])
        assert first == pages[0]
    for bad in ("x", "WyJhIixmYWxzZSxmYWxzZV0="):  # not base64 of JSON, and the token of a map
        assert (await alice.ask("GET", url, PageToken=bad)).code == 54453
    assert (await alice.ask("GET", url, From="x")).code == 20422
    assert (await alice.ask("GET", url, PageSize="x")).code == 20422


async def test_single_items_and_caps(wire: Connect) -> None:
    """One item by index or key, none where there is none; never more than 100; large pages are cut to fit a frame."""
    alice = await wire("alice")
    sid = await filled(alice, 120)
    url = f"/v3/Lists/{sid}.messages/Items"
    assert [item["index"] for item in (await alice.get(url, Index="7"))["items"]] == [7]
    assert (await alice.get(url, Index="700"))["items"] == []
    assert len((await alice.get(url, PageSize="1000"))["items"]) == 100
    assert len((await alice.get(url))["items"]) == 50
    mine = (await alice.get(CONFIGURATION))["sync_objects"]["my_conversations"]
    assert [item["key"] for item in (await alice.get(f"/v3/Maps/{mine}/Items", Key=sid))["items"]] == [sid]
    assert (await alice.get(f"/v3/Maps/{mine}/Items", Key="CH0"))["items"] == []
    large = await alice.room()
    for _ in range(40):
        await alice.post(f"{ROOMS}/{large}/Messages", {"body": "x" * 32768})
    found, start = [], 0
    while True:
        page = await alice.get(f"/v3/Lists/{large}.messages/Items", PageSize="100", From=str(start))
        assert 0 < len(page["items"]) < 40
        found += [item["index"] for item in page["items"]]
        if page["meta"]["next_token"] is None:
            break
        start = found[-1] + 1
    assert found == list(range(40))
    back = [item["index"] for item in page["items"]]
    while token := page["meta"]["previous_token"]:
        page = await alice.get(f"/v3/Lists/{large}.messages/Items", PageSize="100", PageToken=token)
        assert 0 < len(page["items"]) < 40
        back = [item["index"] for item in page["items"]] + back
    assert back == list(range(40))


async def test_every_event_live_and_replayed(wire: Connect) -> None:
    """What follows live, and what is replayed from a position, tell of every kind of change, and end in one state."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await filled(alice, 2)
    objects = await alice.objects(sid)
    mine = (await bob.get(CONFIGURATION))["sync_objects"]
    start = (await alice.get(f"/v3/Lists/{objects['messages']}"))["last_event_id"]
    followed = [(objects["conversation"], "document"), (objects["messages"], "list"), (objects["participants"], "map")]
    for object, type in followed:
        assert (await alice.follow(object, type, start))["event"]["replay_status"] == "completed"
    for name in ("my_conversations", "my_user_info"):
        await bob.follow(mine[name], "map", 1)
    added = await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    third = await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "2"})
    await alice.post(third["url"], {"body": "two"})
    await alice.ask("DELETE", f"{ROOMS}/{sid}/Messages/{await message_sid(alice, sid, 0)}")
    await alice.post(f"{ROOMS}/{sid}", {"friendly_name": "New"})
    await bob.post(f"{MINE}/{sid}", {"last_read_message_index": 2})
    await bob.post("/Client/v2/Users/bob", {"friendly_name": "Bob", "attributes": "[2]"})
    await bob.ask("DELETE", f"{ROOMS}/{sid}/Participants/bob")
    await alice.sync(lambda payload: payload["event_type"] == "map_item_removed")
    await bob.sync(lambda payload: payload["event_type"] == "map_item_removed")
    live = {payload["event_type"] for type, payload in alice.told if type.startswith("com.twilio.rtd.cds.")}
    assert live == {
        *("list_item_added", "list_item_updated", "list_item_removed", "document_updated"),
        *("map_item_added", "map_item_updated", "map_item_removed"),
    }
    types = {(type, payload["event_type"].partition("_")[0]) for type, payload in alice.told}
    assert types <= {*((f"com.twilio.rtd.cds.{kind}", kind) for kind in ("document", "list", "map")),
                     ("twilio.sync.event", "subscription")}  # fmt: skip
    assert [event["item_data"] for event in bob.seen("map_item_updated")[-2:]] == [{"value": "Bob"}, {"value": "[2]"}]

    late = await wire("alice")
    for object, type in followed:
        await late.follow(object, type, start)
    replayed = [payload for type, payload in late.told if not payload["event_type"].startswith("subscription")]
    assert all(payload["strictly_ordered"] and payload["event_protocol_version"] == 4 for payload in replayed)
    ids = [payload["event"]["id"] for payload in replayed]
    assert len(ids) == len(set(ids))
    assert min(ids) > start
    added_messages = late.seen("list_item_added")
    assert [(event["item_index"], event["item_data"]["text"]) for event in added_messages] == [(2, "2")]
    assert [event["item_data"]["text"] for event in late.seen("list_item_updated")] == ["two"]
    assert [event["item_index"] for event in late.seen("list_item_removed")] == [0]
    assert [event["item_key"] for event in late.seen("map_item_removed")] == [added["sid"]]
    assert late.seen("document_updated")[-1]["document_data"]["friendlyName"] == "New"


async def test_replay_has_all_and_once(wire: Connect) -> None:
    """From every position, the replay and what comes live after it are all events above it, each once, in order."""
    alice = await wire("alice")
    sid = await filled(alice, 0)
    messages = (await alice.objects(sid))["messages"]
    positions = [(await alice.get(f"/v3/Lists/{messages}"))["last_event_id"]]
    for number in range(10):
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": str(number)})
        positions.append((await alice.get(f"/v3/Lists/{messages}"))["last_event_id"])
    readers = [await wire("alice") for _ in positions]
    for reader, position in zip(readers, positions, strict=True):
        done = await reader.follow(messages, "list", position)
        assert done["event"]["last_event_id"] == positions[-1]
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "10"})
    for number, reader in enumerate(readers):
        await reader.sync(lambda payload: payload["event"].get("item_index") == 10)
        assert [event["item_index"] for event in reader.seen("list_item_added")] == list(range(number, 11))


async def test_long_replay_is_interrupted(wire: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay that is too long stops, says where, and goes on when asked again; nothing is missing."""
    monkeypatch.setattr(sync._Room, "__init__", lambda self: self.__dict__.update(events=7, bytes=1 << 20))
    alice = await wire("alice")
    sid = await filled(alice, 20)
    messages = (await alice.objects(sid))["messages"]
    position, statuses = 1, []
    while "completed" not in statuses:
        done = (await alice.follow(messages, "list", position))["event"]
        statuses.append(done["replay_status"])
        position = done["last_event_id"]
    assert statuses == ["interrupted", "interrupted", "completed"]
    assert [event["item_index"] for event in alice.seen("list_item_added")] == list(range(20))


async def test_removed_text_is_not_replayed(wire: Connect) -> None:
    """The text of a removed message is nowhere in what a late subscriber gets."""
    alice = await wire("alice")
    sid = await alice.room()
    sent = await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "secret-to-forget"})
    await alice.post(sent["url"], {"body": "secret-to-forget, edited"})
    await alice.ask("DELETE", sent["url"])
    await alice.follow((await alice.objects(sid))["messages"], "list", 1)
    assert [event["item_index"] for event in alice.seen("list_item_removed")] == [0]
    assert "secret-to-forget" not in str(alice.told)


async def test_conversation_deleted(wire: Connect) -> None:
    """All three objects go, with the item of each member; afterwards there is nothing to open or follow."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await filled(alice, 1)
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    objects = await alice.objects(sid)
    for name, type in (("conversation", "document"), ("messages", "list"), ("participants", "map")):
        await bob.follow(objects[name], type, 1)
    mine = (await bob.get(CONFIGURATION))["sync_objects"]["my_conversations"]
    await bob.follow(mine, "map", 1)
    assert (await alice.ask("DELETE", f"{ROOMS}/{sid}")).status == 204
    for kind in ("document_removed", "list_removed", "map_removed", "map_item_removed"):
        await bob.sync(lambda payload, kind=kind: payload["event_type"] == kind)
    assert (await bob.ask("GET", f"/v3/Documents/{objects['conversation']}")).code == 20404
    failed = await bob.follow(objects["messages"], "list", 1)
    assert failed["event_type"] == "subscription_failed"
    assert failed["event"]["error"]["status"] == 404


async def test_cancel(wire: Connect) -> None:
    """A cancelled subscription is confirmed and silent."""
    alice = await wire("alice")
    sid = await filled(alice, 0)
    messages = (await alice.objects(sid))["messages"]
    await alice.follow(messages, "list", 1)
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "heard"})
    await alice.sync(lambda payload: payload["event_type"] == "list_item_added")
    assert (await alice.follow(messages, "list", action="cancel"))["event_type"] == "subscription_canceled"
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "not heard"})
    await alice.get(CONFIGURATION)
    assert len(alice.seen("list_item_added")) == 1


async def test_strangers_see_nothing(wire: Connect) -> None:
    """Who is not in it can follow none of the three objects, nor another user's list; a user's name is for all."""
    alice, eve = await wire("alice"), await wire("eve")
    sid = await filled(alice, 1)
    objects = await alice.objects(sid)
    hers = (await alice.get(CONFIGURATION))["sync_objects"]
    wanted = [(objects["conversation"], "document"), (objects["messages"], "list"), (objects["participants"], "map")]
    for object, type in [*wanted, (hers["my_conversations"], "map"), (objects["messages"], "map")]:
        failed = await eve.follow(object, type, 1)
        assert failed["event_type"] == "subscription_failed"
    assert (await eve.ask("GET", f"/v3/Maps/{hers['my_conversations']}/Items")).code == 54007
    assert (await eve.follow(hers["my_user_info"], "map", 1))["event_type"] == "subscription_established"
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "private"})
    await eve.get(CONFIGURATION)
    assert "private" not in str(eve.told)


async def test_the_removed_hear_no_more(wire: Connect) -> None:
    """A subscription that is open when its owner is removed ends with the membership, on all connections."""
    alice, bob, second = await wire("alice"), await wire("bob"), await wire("bob")
    sid = await filled(alice, 0)
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    objects = await alice.objects(sid)
    for connection in (bob, second):
        for name, type in (("conversation", "document"), ("messages", "list"), ("participants", "map")):
            await connection.follow(objects[name], type, 1)
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "heard"})
    await alice.ask("DELETE", f"{ROOMS}/{sid}/Participants/bob")
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "too late"})
    for connection in (bob, second):
        await connection.get(CONFIGURATION)
        assert "heard" in str(connection.told)
        assert "too late" not in str(connection.told)
        assert (await connection.follow(objects["messages"], "list", 1))["event_type"] == "subscription_failed"
    assert (await bob.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x"})).code == 50430


async def test_order_under_load(wire: Connect) -> None:
    """Eight writers at once: every follower gets every message once, ids and indexes rise, and replies come after."""
    people = [await wire(f"user-{number}") for number in range(8)]
    sid = await people[0].room()
    for number in range(1, 8):
        await people[0].post(f"{ROOMS}/{sid}/Participants", {"identity": f"user-{number}"})
    messages = (await people[0].objects(sid))["messages"]
    for person in people:
        await person.follow(messages, "list", 1)

    async def write(person: Wire) -> list[int]:
        indexes = []
        for number in range(25):
            index = (await person.post(f"{ROOMS}/{sid}/Messages", {"body": str(number)}))["index"]
            assert any(event["item_index"] == index for event in person.seen("list_item_added"))
            indexes.append(index)
        return indexes

    sent = await asyncio.gather(*(write(person) for person in people))
    assert sorted(index for indexes in sent for index in indexes) == list(range(200))
    for person in people:
        await person.sync(lambda payload: payload["event"].get("item_index") == 199)
        events = person.seen("list_item_added")
        assert [event["item_index"] for event in events] == list(range(200))
        assert [event["id"] for event in events] == sorted({event["id"] for event in events})
