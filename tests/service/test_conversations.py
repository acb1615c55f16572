"""What the service answers: conversations, participants, messages, users; every refusal with its code."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from .conftest import CONFIGURATION, MINE, ROOMS, Connect

LONG = "x" * 257


async def test_configuration(wire: Connect) -> None:
    """A first visit makes the user, with both maps."""
    alice = await wire("alice ü/1")
    configuration = await alice.get(CONFIGURATION)
    assert configuration["identity"] == "alice ü/1"
    info = await alice.get(f"/v3/Maps/{configuration['sync_objects']['my_user_info']}", Include="items")
    assert {item["key"]: item["data"] for item in info["items"]} == {
        "attributes": {"value": "{}"},
        "friendlyName": {"value": None},
        "reachability": {"online": True, "notifiable": False},
    }
    mine = await alice.get(f"/v3/Maps/{configuration['sync_objects']['my_conversations']}/Items")
    assert mine == {"items": [], "meta": {"next_token": None, "previous_token": None}}
    user = await alice.get(configuration["links"]["current_user"])
    assert user["identity"] == "alice ü/1"


async def test_conversation_by_sid_and_name(wire: Connect) -> None:
    """Both addresses answer, and tell the same."""
    alice = await wire("alice")
    sid = await alice.room(unique_name="a b/ü", friendly_name="Name", attributes='{"a":1}')
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "one"})
    by_sid = await alice.get(f"{MINE}/{sid}")
    assert by_sid == await alice.get(f"{MINE}/a%20b%2F%C3%BC") == await alice.get(f"{MINE}/a b/ü")
    assert by_sid["attributes"] == '{"a":1}'
    assert (by_sid["status"], by_sid["notification_level"], by_sid["unread_messages_count"]) == (
        "joined",
        "default",
        None,
    )
    peeked = await alice.get(f"{ROOMS}/{sid}")
    assert (peeked["participants_count"], peeked["messages_count"], peeked["conversation_sid"]) == (1, 1, sid)


async def test_own_urls_answer(wire: Connect) -> None:
    """A participant, a message and a user answer at the URL that they tell."""
    alice = await wire("alice")
    made = await alice.post(ROOMS, {})
    member = await alice.post(made["links"]["participants"], {"identity": "alice"})
    message = await alice.post(made["links"]["messages"], {"body": "hi", "subject": "s", "attributes": "[1]"})
    assert await alice.get(member["url"]) == member
    assert await alice.get(message["url"]) == message
    assert (message["index"], message["author"], message["participant_sid"]) == (0, "alice", member["sid"])
    assert (message["subject"], message["attributes"], message["media"]) == ("s", "[1]", None)


async def test_mutation_twice(wire: Connect) -> None:
    """The same act sent again is not done again, but told where its outcome is; another user's id is another act."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await alice.room()
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    mutation = str(uuid4())
    first = await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "once"}, mutation)
    again = await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "once"}, mutation)
    assert (first.status, again.status) == (201, 202)
    assert await alice.get(again.body["resource_url"]) == first.body
    other = await bob.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "once"}, mutation)
    assert (other.status, other.body["index"]) == (201, 1)
    made, twice = str(uuid4()), []
    for _ in range(2):
        twice.append(await alice.ask("POST", ROOMS, {"unique_name": "same"}, made))
    assert [reply.status for reply in twice] == [201, 202]
    resource = await alice.get(twice[1].body["resource_url"])
    assert [resource[name] for name in ("sid", "url", "links")] == [
        twice[0].body[name] for name in ("sid", "url", "links")
    ]
    gone = str(uuid4())
    statuses = [(await alice.ask("DELETE", first.body["url"], None, gone)).status for _ in range(2)]
    assert statuses == [204, 204]


async def test_failed_mutation_may_be_repeated(wire: Connect) -> None:
    """An act that was refused did not happen, so its id is free."""
    alice = await wire("alice")
    sid = await alice.room()
    mutation = str(uuid4())
    assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": ""}, mutation)).code == 50503
    assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x"}, mutation)).status == 201


def refused(method: str, path: str, body: Any, status: int, code: int, who: str = "alice") -> Any:
    """A row of the table below."""
    return pytest.param(method, path, body, status, code, who, id=f"{code}-{method}-{path[:40]}-{who}")


ROOM = ROOMS + "/{sid}"
REFUSALS = [
    refused("GET", "/nowhere", None, 404, 20404),
    refused("GET", "/Client/v2/Nothing", None, 404, 20404),
    refused("DELETE", CONFIGURATION, None, 405, 20004),
    refused("GET", ROOMS + "/CH" + "0" * 32, None, 404, 50350),
    refused("GET", MINE + "/nothing", None, 404, 50350),
    refused("GET", ROOM, None, 404, 50350, "stranger"),
    refused("GET", MINE + "/{sid}", None, 404, 50350, "stranger"),
    refused("POST", ROOMS, {"friendly_name": LONG}, 400, 20422),
    refused("POST", ROOMS, {"unique_name": LONG}, 400, 20422),
    refused("POST", ROOMS, {"unique_name": "CH" + "0" * 32}, 400, 20422),
    refused("POST", ROOMS, {"friendly_name": 7}, 400, 20422),
    refused("POST", ROOMS, b"{", 400, 20422),
    refused("POST", ROOMS, b"[" * 100_000, 400, 20422),
    refused("POST", ROOMS, {"unique_name": "taken"}, 409, 50353),
    refused("POST", ROOMS, {"attributes": '"' + "x" * 16384 + '"'}, 413, 50303),
    refused("POST", ROOMS, {"attributes": "{"}, 400, 50304),
    refused("POST", ROOMS, {"attributes": "NaN"}, 400, 50304),
    refused("POST", ROOMS, {"attributes": "[" * 9000 + "]" * 7000}, 400, 50304),
    refused("POST", ROOM, {"friendly_name": "mine"}, 403, 50430, "stranger"),
    refused("DELETE", ROOM, None, 403, 50107, "bob"),
    refused("DELETE", ROOM, None, 403, 50430, "stranger"),
    refused("POST", ROOM + "/Participants", {}, 400, 20001),
    refused("POST", ROOM + "/Participants", {"identity": ""}, 400, 20422),
    refused("POST", ROOM + "/Participants", {"identity": LONG}, 400, 50207),
    refused("POST", ROOM + "/Participants", {"identity": "bob"}, 409, 50433),
    refused("POST", ROOM + "/Participants", {"identity": "eve"}, 403, 50430, "stranger"),
    refused("POST", ROOM + "/Participants", {"identity": "eve", "attributes": '"' + "x" * 4096 + '"'}, 413, 50303),
    refused("POST", ROOM + "/Participants", {"messaging_binding": {"address": "tel"}}, 400, 50407),
    refused("POST", ROOM + "/Participants", {"messaging_binding": {"address": "+15550100"}}, 400, 50408),
    refused(
        *("POST", ROOM + "/Participants"),
        {"messaging_binding": {"address": "+15550100", "proxy_address": "+15550100"}},
        400,
        50409,
    ),
    refused(
        *("POST", ROOM + "/Participants"),
        {"messaging_binding": {"address": "+447700900310", "proxy_address": "+15550100"}},
        409,
        50416,
    ),
    refused("GET", ROOM + "/Participants/MB0", None, 404, 50402),
    refused("POST", ROOM + "/Participants/alice", {"attributes": "{}"}, 403, 50107, "bob"),
    refused("DELETE", ROOM + "/Participants/alice", None, 403, 50107, "bob"),
    refused("DELETE", ROOM + "/Participants/nobody", None, 404, 50402),
    refused("GET", ROOM + "/Messages/IM0", None, 404, 50500),
    refused("POST", ROOM + "/Messages", {"body": "x"}, 403, 50430, "stranger"),
    refused("POST", ROOM + "/Messages", {}, 400, 50503),
    refused("POST", ROOM + "/Messages", {"body": "x" * 32769}, 413, 50504),
    refused("POST", ROOM + "/Messages", {"body": "é" * 16385}, 413, 50504),
    refused("POST", ROOM + "/Messages", {"body": "x", "subject": LONG}, 400, 20422),
    refused("POST", ROOM + "/Messages", {"body": "x", "attributes": "'"}, 400, 50304),
    refused("POST", ROOM + "/Messages", {"body": "x", "media_sids": ["ME0"]}, 400, 50510),
    refused("POST", ROOM + "/Messages/{message}", {"body": "x"}, 403, 50107, "bob"),
    refused("POST", ROOM + "/Messages/{message}", {"body": "x"}, 403, 50430, "stranger"),
    refused("DELETE", ROOM + "/Messages/{message}", None, 403, 50107, "bob"),
    refused("POST", MINE + "/{sid}", {"last_read_message_index": 1}, 400, 50421),
    refused("POST", MINE + "/{sid}", {"last_read_message_index": -1}, 400, 50421),
    refused("POST", MINE + "/{sid}", {"last_read_message_index": 10**30}, 400, 50421),
    refused("POST", MINE + "/{sid}", {"notification_level": "loud"}, 400, 20422),
    refused("POST", MINE + "/{sid}", {"last_read_message_index": 0}, 403, 50430, "stranger"),
    refused("GET", "/Client/v2/Users/nobody", None, 404, 50200),
    refused("POST", "/Client/v2/Users/bob", {"friendly_name": "Bob"}, 403, 50107),
    refused("POST", "/Client/v2/Users/alice", {"friendly_name": LONG}, 400, 20422),
    refused("POST", "/Client/v2/Typing", b"ChannelSid={sid}", 403, 50430, "stranger"),
    refused("POST", "/Client/v2/Typing", b"", 404, 50350),
    refused("POST", "/Client/v2/Typing", b"a=1&" * 100, 400, 20001),
    refused("GET", "/v3/Documents/nothing", None, 404, 20404),
    refused("GET", "/v3/Streams/x", None, 404, 20404),
    refused("GET", "/v3/Lists/{sid}.channel", None, 404, 20404),
    refused("GET", "/v3/Documents/{sid}.channel", None, 403, 54007, "stranger"),
    refused("GET", "/v3/Lists/{sid}.messages/Items", None, 403, 54007, "stranger"),
    refused("GET", "/v3/Maps/{sid}.roster/Items", None, 403, 54007, "stranger"),
    refused("POST", "/v4/Subscriptions", {"action": "explode"}, 400, 20422),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "who"), REFUSALS)
async def test_refusals(wire: Connect, method: str, path: str, body: Any, status: int, code: int, who: str) -> None:
    """Each wrong request gets its status and code, and changes nothing."""
    alice = await wire("alice")
    sid = await alice.room(unique_name="taken")
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    address = {"address": "+447700900310", "proxy_address": "+15550100"}
    await alice.post(f"{ROOMS}/{sid}/Participants", {"messaging_binding": address})
    message = (await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "first"}))["sid"]
    before = await alice.get(f"{ROOMS}/{sid}")
    caller = alice if who == "alice" else await wire(who)
    if isinstance(body, bytes):
        body = body.replace(b"{sid}", sid.encode())
    reply = await caller.ask(method, path.replace("{sid}", sid).replace("{message}", message), body)
    assert (reply.status, reply.code) == (status, code), reply
    assert reply.body["message"]
    assert str(code) in reply.body["more_info"]
    assert await alice.get(f"{ROOMS}/{sid}") == before


async def test_limits_are_inclusive(wire: Connect) -> None:
    """The largest that is allowed is taken, and comes back as it was."""
    alice = await wire("alice" * 51)
    attributes = '"' + "x" * (16384 - 2) + '"'
    sid = await alice.room(friendly_name="n" * 256, unique_name="u" * 256, attributes=attributes)
    body = "\u0001" * 32768  # every character is escaped on the wire
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": body, "attributes": '"' + "x" * 4094 + '"'})
    items = (await alice.get(f"/v3/Lists/{sid}.messages/Items"))["items"]
    assert items[0]["data"]["text"] == body
    assert (await alice.get(f"{MINE}/{sid}"))["attributes"] == attributes


async def test_closed_takes_no_messages(wire: Connect, tmp_path: Any) -> None:
    """A closed conversation is read only; its members stay."""
    from convo_widgets.service.local import LocalService

    seed = tmp_path / "seed.json"
    seed.write_text(
        '{"users": [], "conversations": [{"state": "closed", "created_by": "alice", "unique_name": "old",'
        '"date_created": "2026-01-01T00:00:00Z", "participants": [{"key": "a", "identity": "alice"}],'
        '"messages": [{"at": "2026-01-01T00:00:01Z", "from": "a", "body": "x"}]}]}'
    )
    with LocalService(seed=seed) as closed:
        alice = await wire("alice", to=closed)
        sid = (await alice.get(f"{MINE}/old"))["conversation_sid"]
        for part, body in (("Messages", {"body": "more"}), ("Participants", {"identity": "bob"})):
            reply = await alice.ask("POST", f"{ROOMS}/{sid}/{part}", body)
            assert (reply.status, reply.code) == (403, 50377)
        assert len((await alice.get(f"/v3/Lists/{sid}.messages/Items"))["items"]) == 1
        await alice.close()


async def test_indexes_are_not_used_again(wire: Connect) -> None:
    """A removed message leaves a gap, also at the end."""
    alice = await wire("alice")
    sid = await alice.room()
    sent = [await alice.post(f"{ROOMS}/{sid}/Messages", {"body": str(number)}) for number in range(3)]
    assert (await alice.ask("DELETE", sent[2]["url"])).status == 204
    assert (await alice.ask("DELETE", sent[0]["url"])).status == 204
    assert (await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "3"}))["index"] == 3
    items = (await alice.get(f"/v3/Lists/{sid}.messages/Items"))["items"]
    assert [item["index"] for item in items] == [1, 3]
    assert (await alice.ask("DELETE", sent[0]["url"])).code == 50500


async def test_unread(wire: Connect) -> None:
    """Messages above the horizon that are still there are counted; without a horizon there is no count."""
    alice = await wire("alice")
    sid = await alice.room()
    for number in range(5):
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": str(number)})
    reply = await alice.post(f"{MINE}/{sid}", {"last_read_message_index": 1})
    assert (reply["unread_messages_count"], reply["last_read_message_index"]) == (3, 1)
    last = (await alice.get(f"/v3/Lists/{sid}.messages/Items", Order="desc"))["items"][0]
    await alice.ask("DELETE", f"{ROOMS}/{sid}/Messages/{last['data']['sid']}")
    assert (await alice.get(f"{MINE}/{sid}"))["unread_messages_count"] == 2
    assert (await alice.get(f"{ROOMS}/{sid}"))["messages_count"] == 4
    assert (await alice.post(f"{MINE}/{sid}", {"last_read_message_index": None}))["unread_messages_count"] is None


async def test_list_pages(wire: Connect) -> None:
    """My conversations come in pages that join without a gap, both ways."""
    alice = await wire("alice")
    sids = [await alice.room() for _ in range(205)]
    pages, token = [], None
    while True:
        page = await alice.get(MINE, **({"PageToken": token} if token else {}))
        pages.append(page)
        token = page["meta"]["next_token"]
        if token is None:
            break
    found = [item["conversation_sid"] for page in pages for item in page["conversations"]]
    assert found == sids
    assert [len(page["conversations"]) for page in pages] == [100, 100, 5]
    assert pages[0]["meta"]["previous_token"] is None
    back = await alice.get(MINE, PageToken=pages[2]["meta"]["previous_token"])
    assert back["conversations"] == pages[1]["conversations"]
    assert (await alice.ask("GET", MINE, PageToken="garbage")).code == 54453


async def test_racing_creations(wire: Connect) -> None:
    """Of many who want one name at once, one gets it."""
    people = [await wire(f"user-{number}") for number in range(8)]
    replies = await asyncio.gather(*(person.ask("POST", ROOMS, {"unique_name": "race"}) for person in people))
    assert sorted(reply.status for reply in replies) == [201] + [409] * 7


async def test_typing(wire: Connect) -> None:
    """Typing reaches the other members, on all their connections, and not the typist."""
    alice, second, bob, eve = [await wire(name) for name in ("alice", "alice", "bob", "eve")]
    sid = await alice.room()
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    assert await alice.post("/Client/v2/Typing", f"ChannelSid={sid}".encode()) == {"typing_timeout": 5}
    notice = {"channel_sid": sid, "identity": "alice", "typing_timeout": 6}
    assert await bob.sync(lambda payload: "channel_sid" in payload) == notice
    for other in (alice, second, eve):
        await other.get(CONFIGURATION)  # whatever was sent before has arrived
        assert not other.told
