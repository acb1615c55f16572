"""The account's REST API: a second door to the nouns that users have."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from convo_widgets.errors import UsageError
from convo_widgets.service.local import LocalService
from convo_widgets.wire import protocol

from .conftest import MINE, ROOMS, Connect, Wire
from .http import Account, ask


@pytest.fixture
def account(service: LocalService) -> Account:
    """The account of the empty service."""
    return Account(service)


async def test_only_with_the_key(service: LocalService, account: Account, wire: Connect) -> None:
    """Every address wants the key and the secret; a user's token is none."""
    key, secret, token = service.api_key, service.api_secret, service.token("alice")
    wrong = [f"{key}:x", f"x:{secret}", f"{key}{secret}", ":", f"{key}:{secret} ", token, ""]
    headers = [f"Basic {base64.b64encode(one.encode()).decode()}" for one in wrong]
    headers += [
        "",
        "Basic",
        "Basic ####",
        "Basic é",
        f"Bearer {token}",
        account.headers["Authorization"].replace("B", "X", 1),
    ]
    paths = ["/Conversations", "/Roles", "/_local/faults", f"/Services/{service.service_sid}/Roles", "/nothing"]
    for header in headers:
        for path in paths:
            answer = await ask("POST", f"{service.url}/v1{path}", b"", Authorization=header)
            assert (answer.status, answer.code) == (401, 20003), header
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert (await account.ask("GET", "/nothing")).code == 20404
    assert (await account.ask("DELETE", "/Roles")).code == 20004
    assert (await account.ask("GET", f"/Services/IS{'0' * 32}/Roles")).code == 20404


async def test_conversations(account: Account, wire: Connect) -> None:
    """Made, read by sid and by name, changed, closed and removed; users see it at once."""
    made = await account.post("/Conversations", {"FriendlyName": "F ü", "UniqueName": "a b", "Attributes": '{"n":1}'})
    sid = made["sid"]
    assert (made["state"], made["friendly_name"], made["attributes"]) == ("active", "F ü", '{"n":1}')
    assert made["links"]["messages"] == f"{made['url']}/Messages"
    assert (await account.ask("GET", "/Conversations/a%20b")).body == made
    assert (await account.ask("POST", "/Conversations", {"UniqueName": "a b"})).code == 50353
    service = f"/Services/{account.service.service_sid}"
    assert (
        (await account.ask("GET", f"{service}/Conversations/{sid}"))
        .body["url"]
        .endswith(f"{service}/Conversations/{sid}")
    )

    alice = await wire("alice")
    await account.post(f"/Conversations/{sid}/Participants", {"Identity": "alice"})
    document = (await alice.objects(sid))["conversation"]
    before = await alice.get(f"/v3/Documents/{document}")
    await alice.follow(document, "document", before["last_event_id"])
    changed = await account.post(f"/Conversations/{sid}", {"State": "inactive", "FriendlyName": "G"})
    assert (changed["state"], changed["friendly_name"], changed["unique_name"]) == ("inactive", "G", "a b")
    told = await alice.sync(lambda payload: payload["event_type"] == "document_updated")
    state = told["event"]["document_data"]["state"]
    assert state["current"] == "inactive"
    assert state["dateUpdated"] > before["data"]["state"]["dateUpdated"]
    assert (await account.ask("POST", f"/Conversations/{sid}", {"State": "open"})).code == 50378
    await account.post(f"/Conversations/{sid}", {"State": "closed"})
    await alice.sync(
        lambda p: p["event_type"] == "document_updated" and p["event"]["document_data"]["state"]["current"] == "closed"
    )
    assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x"})).code == 50377
    for path, fields in (("/Messages", {"Body": "x"}), ("/Participants", {"Identity": "b"}), ("", {"State": "active"})):
        assert (await account.ask("POST", f"/Conversations/{sid}{path}", fields)).code == 50377
    assert (await account.post(f"/Conversations/{sid}", {"State": "closed", "FriendlyName": "H"}))[
        "friendly_name"
    ] == "H"
    assert (await account.ask("DELETE", f"/Conversations/{sid}")).status == 204
    await alice.sync(lambda payload: payload["event_type"] == "document_removed")
    assert (await account.ask("GET", f"/Conversations/{sid}")).code == 50350


async def test_nobody_is_the_system(account: Account, wire: Connect) -> None:
    """What the account makes belongs to no user: the name that stands there cannot be had."""
    with pytest.raises(UsageError):
        account.service.token("system")
    claims = jwt.decode(account.service.token("systen"), options={"verify_signature": False})
    claims["grants"]["identity"] = "system"
    token = jwt.encode(claims, account.service.api_secret, "HS256", headers={"cty": "twilio-fpa;v=1"})
    refused = await (await wire()).init(token)
    assert isinstance(refused, protocol.Refused)
    assert refused.status.error_code == 20106
    sid = await room(account, "alice")
    assert (await account.ask("POST", f"/Conversations/{sid}/Participants", {"Identity": "system"})).code == 50203


async def room(account: Account, *identities: str) -> str:
    """A new conversation of these people; its sid."""
    sid = (await account.post("/Conversations"))["sid"]
    for identity in identities:
        await account.post(f"/Conversations/{sid}/Participants", {"Identity": identity})
    return str(sid)


async def items(wire: Wire, sid: str, name: str = "messages") -> list[Any]:
    """Data of the items of a conversation's list or map."""
    kind = "Lists" if name == "messages" else "Maps"
    return [item["data"] for item in (await wire.get(f"/v3/{kind}/{(await wire.objects(sid))[name]}/Items"))["items"]]


async def test_messages(account: Account, wire: Connect) -> None:
    """Sent in anybody's name, changed, removed; a participant's message knows its participant."""
    alice = await wire("alice")
    sid = await room(account, "alice")
    await alice.follow((await alice.objects(sid))["messages"], "list")
    plain = await account.post(f"/Conversations/{sid}/Messages", {"Body": "one", "Attributes": "[1]"})
    assert (plain["author"], plain["participant_sid"], plain["index"], plain["media"]) == ("system", None, 0, None)
    hers = await account.post(f"/Conversations/{sid}/Messages", {"Body": "two", "Author": "alice", "Subject": "S"})
    assert hers["participant_sid"] == (await account.ask("GET", f"/Conversations/{sid}/Participants/alice")).body["sid"]
    assert "subject" not in hers
    told = await alice.sync(lambda p: p["event_type"] == "list_item_added" and p["event"]["item_index"] == 1)
    data = told["event"]["item_data"]
    assert (data["author"], data["subject"], data["memberSid"]) == ("alice", "S", hers["participant_sid"])
    url = f"/Conversations/{sid}/Messages/{hers['sid']}"
    assert (await account.post(url, {"Body": "2"}))["body"] == "2"
    assert (await account.ask("GET", url)).body["body"] == "2"
    assert (await account.ask("DELETE", url)).status == 204
    assert (await account.ask("GET", url)).code == 50500
    await alice.sync(lambda payload: payload["event_type"] == "list_item_removed")
    for fields, code in (({}, 50503), ({"Body": "x" * 32769}, 50504), ({"Body": "x", "Attributes": "'"}, 50304)):
        assert (await account.ask("POST", f"/Conversations/{sid}/Messages", fields)).code == code


async def test_participants(account: Account, wire: Connect) -> None:
    """By identity and by address, with attributes and roles, and away again."""
    alice = await wire("alice")
    sid = await room(account, "alice")
    url = f"/Conversations/{sid}/Participants"
    binding = {"MessagingBinding.Address": "+447700900310", "MessagingBinding.ProxyAddress": "+15550100"}
    tom = await account.post(url, {**binding, "Attributes": '{"a":1}'})
    assert (tom["identity"], tom["attributes"]) == (None, '{"a":1}')
    assert tom["messaging_binding"] == {"type": "sms", "address": "+447700900310", "proxy_address": "+15550100"}
    mail = {"MessagingBinding.Address": "a@b.example", "MessagingBinding.Level": "cc", "MessagingBinding.Name": "Ann"}
    assert (await account.post(url, mail))["messaging_binding"]["level"] == "cc"
    assert {data["type"] for data in await items(alice, sid, "participants")} == {"chat", "sms", "email"}
    assert (await account.ask("POST", url, {"Identity": "alice"})).code == 50433
    assert (await account.ask("POST", url, binding)).code == 50416
    assert (await account.ask("POST", url)).code == 20001
    assert (await account.ask("POST", f"{url}/alice", {"RoleSid": "RL0"})).code == 50100
    assert (await account.ask("DELETE", f"{url}/{tom['sid']}")).status == 204
    assert (await account.ask("DELETE", f"{url}/alice")).status == 204
    assert (await alice.ask("GET", f"{MINE}/{sid}")).code == 50350


async def roles(account: Account) -> dict[tuple[str, bool], str]:
    """Sids of the roles by type and whether they are of admins."""
    page = (await account.ask("GET", "/Roles")).body
    assert page["meta"]["key"] == "roles"
    return {(role["type"], "admin" in role["friendly_name"]): role["sid"] for role in page["roles"]}


async def test_conversation_admin(account: Account, wire: Connect) -> None:
    """A role given by the account acts at once, and the roster tells it."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await room(account, "alice", "bob")
    message = await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "hers"})
    url = f"{ROOMS}/{sid}/Messages/{message['sid']}"
    admin = (await roles(account))["conversation", True]
    assert (await bob.ask("POST", url, {"body": "his"})).code == 50107
    await account.post(f"/Conversations/{sid}/Participants/bob", {"RoleSid": admin})
    assert (await bob.post(url, {"body": "his"}))["body"] == "his"
    assert admin in [data["roleSid"] for data in await items(alice, sid, "participants")]
    assert (await bob.ask("DELETE", f"{ROOMS}/{sid}/Participants/alice")).status == 204


async def test_service_admin(account: Account, wire: Connect) -> None:
    """A service admin reads and moderates from outside; once the role is gone, open subscriptions are silent."""
    alice, root = await wire("alice"), await wire("root")
    sid = await room(account, "alice")
    message = await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "hers"})
    objects, url = await alice.objects(sid), f"{ROOMS}/{sid}/Messages/{message['sid']}"
    assert (await root.ask("GET", f"{ROOMS}/{sid}")).status == 404
    by_type = await roles(account)
    user = await account.post("/Users/root", {"RoleSid": by_type["service", True], "FriendlyName": "Root"})
    assert (user["role_sid"], user["friendly_name"]) == (by_type["service", True], "Root")
    assert [data["text"] for data in await items(root, sid)] == ["hers"]
    await root.post(url, {"body": "moderated"})
    established = await root.follow(objects["messages"], "list")
    assert established["event_type"] == "subscription_established"
    await account.post(f"/Users/{user['sid']}", {"RoleSid": by_type["service", False]})
    assert (await root.ask("GET", f"/v3/Lists/{objects['messages']}/Items")).code == 54007
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "secret"})
    await root.identity()
    assert "secret" not in str(root.told)
    assert (await account.ask("POST", "/Users/root", {"RoleSid": by_type["conversation", True]})).code == 50100
    assert (await account.ask("POST", "/Users/nobody", {})).code == 50200


async def test_metadata(account: Account, wire: Connect) -> None:
    """What a channel knows of a message: the list says that there is some, the address what it is."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await room(account, "alice")
    metadata = {"type": "whatsapp", "data": {"context": {"ProfileName": "Rita"}}}
    fields = {"Body": "x", "ChannelMetadata": json.dumps(metadata)}
    with_some = await account.post(f"/Conversations/{sid}/Messages", fields)
    without = await account.post(f"/Conversations/{sid}/Messages", {"Body": "y"})
    assert [data["channelMetadata"] for data in await items(alice, sid)] == [True, False]
    url = f"{ROOMS}/{sid}/Messages"
    assert await alice.get(f"{url}/{with_some['sid']}/ChannelMetadata") == metadata
    none = await alice.ask("GET", f"{url}/{without['sid']}/ChannelMetadata")
    assert (none.status, none.code) == (404, 50530)
    assert (await bob.ask("GET", f"{url}/{with_some['sid']}/ChannelMetadata")).code == 50430
    assert (
        await account.ask("POST", f"/Conversations/{sid}/Messages", fields | {"ChannelMetadata": "{"})
    ).code == 50304


async def test_receipts(account: Account, wire: Connect) -> None:
    """Each report moves the receipt and what the list says of the whole; pages are followed by token."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await room(account, "alice")
    members = []
    for number in range(3):
        binding = {"MessagingBinding.Address": f"+44770090031{number}", "MessagingBinding.ProxyAddress": "+15550100"}
        members.append((await account.post(f"/Conversations/{sid}/Participants", binding))["sid"])
    message = await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "x"})
    await alice.follow((await alice.objects(sid))["messages"], "list")
    url = f"/Conversations/{sid}/Messages/{message['sid']}/Receipts"
    for member, status in zip(members, ("sent", "sent", "failed"), strict=True):
        await account.post(
            url, {"ParticipantSid": member, "Status": status, "ErrorCode": "30003" if status == "failed" else ""}
        )
    read = await account.post(url, {"ParticipantSid": members[0], "Status": "read"})
    assert (read["status"], read["error_code"], read["participant_sid"]) == ("read", 0, members[0])
    told = await alice.sync(
        lambda p: p["event_type"] == "list_item_updated" and p["event"]["item_data"]["delivery"]["read"] == "some"
    )
    assert told["event"]["item_data"]["delivery"] == {
        "total": 3, "sent": "some", "delivered": "some", "read": "some", "failed": "some", "undelivered": "none",
    }  # fmt: skip
    seen, token = [], {}
    while True:
        page = await alice.get(f"{ROOMS}/{sid}/Messages/{message['sid']}/Receipts", PageSize="2", **token)
        seen += [(one["participant_sid"], one["status"], one["error_code"]) for one in page["delivery_receipts"]]
        if page["meta"]["next_token"] is None:
            break
        token = {"PageToken": page["meta"]["next_token"]}
    assert seen == [(members[0], "read", 0), (members[1], "sent", 0), (members[2], "failed", 30003)]
    back = await alice.get(
        f"{ROOMS}/{sid}/Messages/{message['sid']}/Receipts", PageSize="2", PageToken=page["meta"]["previous_token"]
    )
    assert [one["status"] for one in back["delivery_receipts"]] == ["read", "sent"]
    assert (await bob.ask("GET", f"{ROOMS}/{sid}/Messages/{message['sid']}/Receipts")).code == 50430
    assert (await account.ask("POST", url, {"ParticipantSid": members[0], "Status": "lost"})).code == 20422
    assert (await account.ask("POST", url, {"ParticipantSid": "MB0", "Status": "sent"})).code == 50402


async def test_recipients(account: Account, wire: Connect) -> None:
    """An email's sender and addressees, of one message and of all."""
    alice = await wire("alice")
    await alice.post("/Client/v2/Users/alice", {"friendly_name": "Alice A"})
    sid = await room(account, "alice")
    for name, level in (("ann", "to"), ("ben", "cc")):
        binding = {"Address": f"{name}@x.example", "ProxyAddress": "desk@y.example", "Name": name, "Level": level}
        await account.post(
            f"/Conversations/{sid}/Participants", {f"MessagingBinding.{k}": v for k, v in binding.items()}
        )
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "one"})
    second = await account.post(f"/Conversations/{sid}/Messages", {"Body": "two", "Author": "ann@x.example"})
    assert second["participant_sid"] is not None
    url = f"{ROOMS}/{sid}/MessageRecipients"
    page = await alice.get(url, MessageSid=second["sid"])
    told = [(one["level"], one["name"], one["address"]) for one in page["message_recipients"]]
    assert told == [("from", "ann", "ann@x.example"), ("to", None, "desk@y.example"), ("cc", "ben", "ben@x.example")]
    assert all((one["type"], one["message_sid"]) == ("email", second["sid"]) for one in page["message_recipients"])
    first = await alice.get(url, PageSize="3")
    assert [(one["level"], one["name"]) for one in first["message_recipients"]] == [
        ("from", "Alice A"), ("to", "ann"), ("cc", "ben"),
    ]  # fmt: skip
    rest = await alice.get(url, PageSize="3", PageToken=first["meta"]["next_token"])
    assert rest["message_recipients"] == page["message_recipients"]
    assert rest["meta"]["next_token"] is None


QUICK = {
    "friendly_name": "greeting",
    "variables": {"1": "friend"},
    "types": {
        "twilio/text": {"body": "Hi {{1}}"},
        "twilio/quick-reply": {"body": "Hi {{1}}, is it {{ what }}?", "actions": [{"title": "{{1}}", "id": "a"}]},
    },
}


async def test_content(account: Account, wire: Connect) -> None:
    """A template is listed; a message of it carries the rich body, with variables, and the text of it."""
    alice = await wire("alice")
    sid = await room(account, "alice")
    made = await account.post("/Content", QUICK, json="yes")
    assert made["types"] == QUICK["types"]
    for _ in range(2):
        await account.post("/Content", QUICK, json="yes")
    page = await alice.get("/Client/v2/ContentTemplates", PageSize="2")
    template = page["templates"][0]
    assert (template["sid"], json.loads(template["variables"]), template["variants"]) == (
        made["sid"], {"1": "friend"}, QUICK["types"],
    )  # fmt: skip
    last = await alice.get("/Client/v2/ContentTemplates", PageSize="2", PageToken=page["meta"]["next_token"])
    assert (len(last["templates"]), last["meta"]["next_token"]) == (1, None)
    fields = {"content_sid": made["sid"], "content_variables": '{"1":"Ü","what":"true {{1}}"}'}
    sent = await alice.post(f"{ROOMS}/{sid}/Messages", fields)
    assert sent["body"] == "Hi Ü, is it true {{1}}?"
    await account.post(f"/Conversations/{sid}/Messages", {"ContentSid": made["sid"], "Body": "overridden"})
    mine, theirs = await items(alice, sid)
    assert (mine["contentSid"], mine["text"], mine["media"]) == (made["sid"], sent["body"], None)
    assert theirs["text"] == "Hi friend, is it {{ what }}?"
    (body,) = mine["medias"]
    assert (body["category"], body["contentType"]) == ("body", "application/x-vnd.com.twilio.rich.twilio.quick-reply")
    url = f"{account.service.url}/v1/Services/{account.service.service_sid}/Media/{body['sid']}/Content"
    content = (await ask("GET", url, X_Twilio_Token=account.service.token("alice"))).body
    assert content == {"data": {"body": sent["body"], "actions": [{"title": "Ü", "id": "a"}]}}
    for wrong, code in (
        ({"content_sid": "HX0"}, 50526),
        ({"content_sid": "HX" + "0" * 32}, 50526),
        (fields | {"content_variables": "[]"}, 50527),
        ({"content_variables": "{}", "body": "x"}, 50528),
    ):
        assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", wrong)).code == code


async def test_content_does_not_swell(account: Account, wire: Connect) -> None:
    """A template that names a variable a thousand times is not filled with a thousand long texts."""
    alice = await wire("alice")
    sid = await room(account, "alice")
    made = await account.post("/Content", {"types": {"twilio/text": {"body": "{{1}}" * 8000}}}, json="yes")
    fields = {"content_sid": made["sid"], "content_variables": json.dumps({"1": "x" * 30_000})}
    assert (await alice.ask("POST", f"{ROOMS}/{sid}/Messages", fields)).code == 50504
    for wrong in ({"types": {}}, {"types": {"nothing": {}}}, {"types": {"twilio/text": {"body": "x" * 70_000}}}, []):
        assert (await account.ask("POST", "/Content", wrong, json="yes")).code == 20422


async def test_account_attaches_media(account: Account, wire: Connect) -> None:
    """The account may send what a user uploaded."""
    alice = await wire("alice")
    sid = await room(account, "alice")
    base = f"{account.service.url}/v1/Services/{account.service.service_sid}/Media"
    uploaded = await ask("POST", base, b"x", X_Twilio_Token=account.service.token("bot"), Content_Type="image/png")
    sent = await account.post(f"/Conversations/{sid}/Messages", {"MediaSid": uploaded.body["sid"], "Author": "bot"})
    assert (sent["body"], sent["media"][0]["sid"]) == (None, uploaded.body["sid"])
    assert (await items(alice, sid))[0]["type"] == "media"


async def test_odd_requests(account: Account) -> None:
    """Forms and bodies that are none are refused, and nothing is done."""
    sid = await room(account)
    url = f"{account.service.url}/v1/Conversations/{sid}"
    for content, status in ((b"\xff=1", 400), (b"a=1&" * 300, 400), (b"x" * (600 * 1024), 413)):
        assert (await ask("POST", url, content, **account.headers)).status == status
    assert (await account.ask("GET", f"/Conversations/{quote('../Roles', safe='')}")).code == 50350
    assert (await account.ask("POST", "/_local/faults", {"path": "("}, json="yes")).code == 20422


async def test_bindings(account: Account, wire: Connect) -> None:
    """Devices that users registered are listed by type and person, shown, and taken away."""
    alice, bob = await wire("alice"), await wire("bob")
    device = {"endpoint_platform": "x", "channel_type": "fcm", "version": "0", "message_types": ["m.one"]}
    for number, person in enumerate((alice, alice, bob)):
        await person.post("/v1/registrations", device | {"data": {"registration_id": f"device {number}"}})
    url = f"/Services/{account.service.service_sid}/Bindings"
    page = (await account.ask("GET", f"{url}?BindingType=fcm&Identity=alice")).body
    assert [(one["identity"], one["endpoint"]) for one in page["bindings"]] == [
        ("alice", "device 0"), ("alice", "device 1"),
    ]  # fmt: skip
    assert (page["bindings"][0]["binding_type"], page["bindings"][0]["message_types"]) == ("fcm", ["m.one"])
    assert len((await account.ask("GET", f"{url}?Identity=alice&Identity=bob")).body["bindings"]) == 3
    assert (await account.ask("GET", f"{url}?BindingType=apn")).body["bindings"] == []
    sid = page["bindings"][0]["sid"]
    assert (await account.ask("GET", f"{url}/{sid}")).body == page["bindings"][0]
    assert (await account.ask("DELETE", f"{url}/{sid}")).status == 204
    assert (await account.ask("GET", f"{url}/{sid}")).code == 20404
    assert (await account.ask("GET", "/Bindings")).code == 20404


async def test_users_go(account: Account, wire: Connect) -> None:
    """A removed user's connections end, and others see it leave; under the same identity comes a new user."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await room(account, "alice", "bob")
    await bob.follow((await bob.objects(sid))["participants"], "map")
    before = (await account.ask("GET", "/Users/alice")).body["sid"]
    assert (await account.ask("DELETE", "/Users/alice")).status == 204
    await alice.ended()
    await bob.sync(lambda payload: payload["event_type"] == "map_item_removed")
    assert [one["identity"] for one in await items(bob, sid, "participants")] == ["bob"]
    again = await wire("alice")
    assert (await account.ask("GET", "/Users/alice")).body["sid"] != before
    assert (await again.get(MINE))["conversations"] == []


async def test_permissions_act(account: Account, wire: Connect) -> None:
    """A role made by the account allows what it says, from the moment when it says so."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await room(account, "alice", "bob")
    message = await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "hers"})
    url = f"{ROOMS}/{sid}/Messages/{message['sid']}"
    fields = {"FriendlyName": "editor", "Type": "conversation", "Permission": ["editAnyMessage", "sendMessage"]}
    role = (await account.post("/Roles", fields))["sid"]
    await account.post(f"/Conversations/{sid}/Participants/bob", {"RoleSid": role})
    assert (await bob.post(url, {"body": "edited"}))["body"] == "edited"
    assert (await bob.ask("DELETE", url)).code == 50107
    assert (await bob.ask("DELETE", f"{ROOMS}/{sid}/Participants/alice")).code == 50107
    await account.post(f"/Roles/{role}", {"Permission": ["deleteAnyMessage", "removeParticipant"]})
    assert (await bob.ask("POST", url, {"body": "again"})).code == 50107
    assert (await bob.ask("DELETE", url)).status == 204


async def test_role_in_a_token(account: Account, wire: Connect) -> None:
    """The service's role that a token names is that of a user who is new; of one who is there it changes nothing."""
    service = account.service
    fields = {"FriendlyName": "quiet", "Permission": "addParticipant"}
    quiet, other = [
        (await account.post("/Roles", fields | {"Type": type}))["sid"] for type in ("service", "conversation")
    ]

    def mint(identity: str, role: Any) -> str:
        claims = jwt.decode(service.token(identity), options={"verify_signature": False})
        claims["grants"]["chat"]["deployment_role_sid"] = role
        return jwt.encode(claims, service.api_secret, algorithm="HS256", headers={"cty": "twilio-fpa;v=1"})

    alice = await wire()
    assert isinstance(await alice.init(mint("alice", quiet)), protocol.Initialized)
    assert (await alice.ask("POST", ROOMS, {})).code == 50107
    assert (await account.ask("GET", "/Users/alice")).body["role_sid"] == quiet
    await wire("bob")
    assert isinstance(await (await wire()).init(mint("bob", quiet)), protocol.Initialized)
    assert (await account.ask("GET", "/Users/bob")).body["role_sid"] != quiet
    for wrong in (other, "RL" + "0" * 32, "RL", 5, ["x"]):
        refused = await (await wire()).init(mint("carl", wrong))
        assert isinstance(refused, protocol.Refused), wrong
        assert refused.status.error_code == 20106
        address = f"{service.url}/v1/Services/{service.service_sid}/Media/ME{'0' * 32}"
        assert (await ask("GET", address, X_Twilio_Token=mint("carl", wrong))).code == 20106
    assert (await account.ask("GET", "/Users/carl")).code == 50200


async def test_names_are_known_inside_only(account: Account, wire: Connect) -> None:
    """A unique name can be guessed: to who is outside it is as one that nobody has, whatever he asks."""
    alice, bob = await wire("alice"), await wire("bob")
    sid = await alice.room(unique_name="support 42")
    await account.post(f"/Conversations/{sid}/Messages", {"Body": "x"})
    for method, below in (
        ("POST", "/Participants"),
        ("POST", "/Messages"),
        ("GET", ""),
        ("POST", ""),
        ("DELETE", ""),
        ("DELETE", "/Participants/alice"),
    ):
        for name in ("support%2042", "support 42", "nobody%20has%20it"):
            body = {"identity": "bob"} if below == "/Participants" else {"body": "x"}
            assert (await bob.ask(method, f"{ROOMS}/{name}{below}", body)).code == 50350, (method, below, name)
    assert (await bob.ask("POST", f"{MINE}/support%2042", {"last_read_message_index": 0})).code == 50350
    await alice.post(f"{ROOMS}/support%2042/Participants", {"identity": "bob"})
    await bob.post(f"{ROOMS}/support%2042/Messages", {"body": "now"})


async def test_limits(account: Account) -> None:
    """What is too much, unknown or too long, each with its code."""
    sid = await room(account)
    url = f"/Conversations/{sid}/Participants"
    for number in range(50):
        binding = {"MessagingBinding.Address": f"a{number}@x.example", "MessagingBinding.ProxyAddress": "b@x.example"}
        await account.post(url, binding)
    assert (await account.ask("POST", url, {"MessagingBinding.Address": "z@x.example"})).code == 50418
    assert (await account.ask("POST", url, {"Identity": "a", "Colour": "red"})).code == 20001
    both = {"Identity": "a", "MessagingBinding.Address": "+15550100", "MessagingBinding.ProxyAddress": "+15550101"}
    other = f"/Conversations/{await room(account)}/Participants"
    assert (await account.ask("POST", other, both)).code == 20001
    assert (await account.ask("POST", url, {"Identity": "x" * 257})).code == 50207
    assert (await account.ask("POST", url, {"Identity": "a", "Attributes": f'"{"x" * 4096}"'})).code == 50303
    assert (await account.ask("POST", "/Conversations", {"DateCreated": "soon"})).code == 20422
    assert (await account.ask("GET", "/Conversations?PageToken=PT!")).code == 54453
    assert (await account.ask("GET", "/Conversations?Page=-1")).code == 20001


async def test_conversations_of_a_user(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user is in so many conversations at most; a closed one does not count."""
    monkeypatch.setattr("convo_widgets.service.limits.CONVERSATIONS", 2)
    first, _ = await room(account, "alice"), await room(account, "alice")
    url = f"/Conversations/{await room(account, 'bob')}/Participants"
    assert (await account.ask("POST", url, {"Identity": "alice"})).code == 50214
    await account.post(f"/Conversations/{first}", {"State": "closed"})
    assert (await account.post(url, {"Identity": "alice"}))["identity"] == "alice"


async def test_scoped_shapes(account: Account) -> None:
    """Below the service, what a conversation has says which service; URLs stay in the form of the request."""
    sid = await room(account, "alice")
    below = f"/Services/{account.service.service_sid}"
    fields = {"Target": "studio", "Configuration.FlowSid": "FW" + "0" * 32}
    for path, given in (("Messages", {"Body": "x"}), ("Participants", {"Identity": "bob"}), ("Webhooks", fields)):
        made = await account.post(f"/Conversations/{sid}/{path}", given)
        assert "chat_service_sid" not in made
        url = f"{below}/Conversations/{sid}/{path}/{made['sid']}"
        scoped = (await account.ask("GET", url)).body
        assert scoped["chat_service_sid"] == account.service.service_sid
        assert scoped["url"].endswith(f"/v1{url}")
        page = (await account.ask("GET", f"{below}/Conversations/{sid}/{path}")).body
        assert page["meta"]["first_page_url"].startswith(f"{account.service.url}/v1{below}/")
        assert scoped in page[path.lower()]


async def test_methods(account: Account) -> None:
    """HEAD is a GET without its body; OPTIONS, and a no to a method, say which there are."""
    sid, service = await room(account), account.service.service_sid
    for address, methods in {
        f"/Conversations/{sid}": "GET, POST, DELETE, HEAD, OPTIONS",
        f"/Services/{service}/Conversations": "GET, POST, HEAD, OPTIONS",
        "/Services": "GET, POST, HEAD, OPTIONS",
        "/_local/faults": "POST, OPTIONS",
    }.items():
        assert (await account.ask("OPTIONS", address)).headers["allow"] == methods
        for method in ("PUT", "PATCH"):
            refused = await account.ask(method, address)
            assert (refused.status, refused.code, refused.headers["allow"]) == (405, 20004, methods)
    head, got = [await account.ask(method, f"/Conversations/{sid}") for method in ("HEAD", "GET")]
    assert (head.status, head.content, head.headers["content-length"]) == (200, b"", got.headers["content-length"])
    assert (await account.ask("HEAD", "/Conversations/none")).status == 404
    assert (await account.ask("OPTIONS", "/nothing")).code == 20404
    assert (await account.ask("GET", "/Conversations?Colour=red")).status == 200
    for method in ("HEAD", "OPTIONS"):
        assert (await ask(method, f"{account.service.url}/v1/Conversations")).status == 401


async def test_what_stands_with_each_answer(account: Account) -> None:
    """An id of its own, how long it took, and how many there were, with a no too."""
    answers = [await account.ask("GET", path) for path in ("/Conversations", "/nothing", "/Conversations")]
    ids = {answer.headers["twilio-request-id"] for answer in answers}
    assert len(ids) == 3
    for answer in answers:
        assert re.fullmatch(r"RQ[0-9a-f]{32}", answer.headers["twilio-request-id"])
        assert 0 <= float(answer.headers["twilio-request-duration"]) < 10
        assert answer.headers["twilio-concurrent-requests"] == "1"
    refused = await ask("GET", f"{account.service.url}/v1/Conversations")
    assert (refused.status, refused.headers["twilio-concurrent-requests"]) == (401, "1")
    assert answers[1].body["more_info"].endswith("/20404")


async def test_a_place_for_another(account: Account, wire: Connect) -> None:
    """Another identity in a participant's place: who was there sees no more of it, who comes does, others see both."""
    alice, bob, carol = await wire("alice"), await wire("bob"), await wire("carol")
    sid = await room(account, "alice", "carol")
    url = f"/Conversations/{sid}/Participants"
    place = (await account.ask("GET", f"{url}/alice")).body
    for one in (alice, carol):
        objects = await one.objects(sid)
        await one.follow(objects["participants"], "map")
        await one.follow(objects["messages"], "list")
    changed = await account.post(f"{url}/alice", {"Identity": "bob", "Attributes": '{"new":1}'})
    assert (changed["sid"], changed["role_sid"], changed["identity"]) == (place["sid"], place["role_sid"], "bob")
    assert changed["attributes"] == '{"new":1}'
    await carol.sync(lambda payload: payload["event_type"] == "map_item_removed")
    await carol.sync(lambda p: p["event_type"] == "map_item_added" and p["event"]["item_data"]["identity"] == "bob")
    assert (await alice.ask("GET", f"{MINE}/{sid}")).code == 50350
    assert (await bob.get(f"{MINE}/{sid}"))["status"] == "joined"
    await account.post(f"/Conversations/{sid}/Messages", {"Body": "not for alice"})
    await carol.sync(lambda payload: payload["event_type"] == "list_item_added")
    await alice.get("/Client/v2/Configuration")
    assert not alice.seen("list_item_added")
    assert "bob" not in [event["item_data"]["identity"] for event in alice.seen("map_item_added")]
    assert (await account.ask("POST", f"{url}/bob", {"Identity": "carol"})).code == 50433
    assert (await account.ask("POST", f"{url}/bob", {"Identity": "system"})).code == 50203
    binding = {"MessagingBinding.Address": "+447700900310", "MessagingBinding.ProxyAddress": "+15550100"}
    tom = (await account.post(url, binding))["sid"]
    assert (await account.ask("POST", f"{url}/{tom}", {"Identity": "dora"})).code == 20422
    await account.post(f"/Conversations/{sid}", {"State": "closed"})
    assert (await account.ask("POST", f"{url}/bob", {"Identity": "dora"})).code == 50377
