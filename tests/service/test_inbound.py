"""Messages from outside: to the conversation of their addresses, to a new one, or to nobody."""

from __future__ import annotations

from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.service.local import LocalService

from .conftest import Connect
from .http import Account
from .test_webhooks import Ear, ear, hook

__all__ = ["ear"]
TOM, DESK = "+447700900310", "+15550100"


@pytest.fixture
def account(service: LocalService) -> Account:
    """The account of the empty service."""
    return Account(service)


async def receive(account: Account, body: str = "Hello", sender: str = TOM, to: str = DESK) -> Any:
    """A message from outside that is taken; where it went."""
    return await account.post("/_local/inbound", {"from": sender, "to": to, "body": body}, json="yes")


async def refused(account: Account, body: str = "Hello", sender: str = TOM, to: str = DESK) -> int:
    """The code for one that is not."""
    answer = await account.ask("POST", "/_local/inbound", {"from": sender, "to": to, "body": body}, json="yes")
    return answer.code


async def line(account: Account, address: str = DESK, type: str = "sms", **creation: str) -> None:
    """An address of the account that begins conversations."""
    given = {f"AutoCreation.{name}": value for name, value in ({"Enabled": "true"} | creation).items()}
    await account.post("/Configuration/Addresses", {"Type": type, "Address": address, **given})


async def add(account: Account, sid: str, address: str = TOM, proxy: str = DESK, **fields: str) -> Any:
    """Somebody who is not on chat comes into a conversation."""
    binding = {"MessagingBinding.Address": address, "MessagingBinding.ProxyAddress": proxy}
    return await account.post(f"/Conversations/{sid}/Participants", binding | fields)


async def test_known(account: Account, wire: Connect, ear: Ear) -> None:
    """It comes into the conversation as its participant's message, is seen there, and webhooks hear of it."""
    alice = await wire("alice")
    sid = await alice.room()
    tom = await add(account, sid)
    await alice.follow((await alice.objects(sid))["messages"], "list")
    await hook(account, sid, ear.url, "onMessageAdded")
    went = await receive(account)
    assert (went["conversation_sid"], went["participant_sid"]) == (sid, tom["sid"])
    told = (await alice.sync(lambda payload: payload["event_type"] == "list_item_added"))["event"]["item_data"]
    assert (told["text"], told["author"], told["memberSid"]) == ("Hello", TOM, tom["sid"])
    (heard,) = await ear.until("onMessageAdded")
    assert (heard.form["Source"], heard.form["Author"]) == ("SMS", TOM)
    assert "ClientIdentity" not in heard.form
    await account.post(f"/Conversations/{sid}", {"State": "inactive"})
    await receive(account, "Again")
    assert (await account.ask("GET", f"/Conversations/{sid}")).body["state"] == "active"


async def test_stranger(account: Account, service: LocalService, ear: Ear) -> None:
    """Nobody takes it, until the address begins conversations: then one, with the webhook that the address names."""
    assert await refused(account) == 20404
    await line(account, Enabled="false")
    assert await refused(account) == 20404
    assert (await account.ask("GET", "/Conversations")).body["conversations"] == []
    sid = (await account.post("/Services", {"FriendlyName": "sales"}))["sid"]
    creation = {"Type": "webhook", "WebhookUrl": ear.url, "WebhookFilters": "onMessageAdded", "WebhookMethod": "POST"}
    wanted = {f"AutoCreation.{name}": value for name, value in creation.items()}
    wanted |= {"AutoCreation.Enabled": "true", "AutoCreation.ConversationServiceSid": sid}
    await account.post(f"/Configuration/Addresses/{DESK}", wanted)
    hooks = {"PostWebhookUrl": ear.url, "Filters": ["onConversationAdded", "onParticipantAdded"]}
    await account.post("/Configuration/Webhooks", hooks)
    went = await receive(account)
    assert went["chat_service_sid"] == sid
    heard = await ear.until("onConversationAdded", "onParticipantAdded", "onMessageAdded")
    assert [one.form["Source"] for one in heard] == ["SMS"] * 3
    assert heard[1].form["MessagingBinding.Address"] == TOM
    room = f"/Services/{sid}/Conversations/{went['conversation_sid']}"
    (tom,) = (await account.ask("GET", f"{room}/Participants")).body["participants"]
    assert (tom["sid"], tom["messaging_binding"]["proxy_address"]) == (went["participant_sid"], DESK)
    (kept,) = (await account.ask("GET", f"{room}/Webhooks")).body["webhooks"]
    assert kept["configuration"] == {"url": ear.url, "method": "post", "filters": ["onMessageAdded"]}
    assert (await receive(account, "Again"))["conversation_sid"] == went["conversation_sid"]
    await account.post(room, {"State": "closed"})
    assert (await receive(account, "And again"))["conversation_sid"] != went["conversation_sid"]


async def test_asked_before(account: Account, ear: Ear) -> None:
    """Webhooks may name the conversation, change the message, and refuse either; then nothing is begun."""
    await line(account)
    hooks = {"PreWebhookUrl": ear.url, "Filters": ["onConversationAdd", "onMessageAdd"]}
    await account.post("/Configuration/Webhooks", hooks)
    ear.says = (403, b"")
    assert await refused(account) == 50056
    assert (await account.ask("GET", "/Conversations")).body["conversations"] == []
    ear.says = (200, b'{"friendly_name":"Tom","body":"changed","author":"somebody"}')
    went = await receive(account)
    asked = await ear.until("onConversationAdd", "onConversationAdd", "onMessageAdd")
    assert (asked[1].form["MessageBody"], asked[1].form["MessagingBinding.Address"]) == ("Hello", TOM)
    assert (asked[2].form["ParticipantSid"], asked[2].form["Author"]) == (went["participant_sid"], TOM)
    room = f"/Conversations/{went['conversation_sid']}"
    assert (await account.ask("GET", room)).body["friendly_name"] == "Tom"
    (sent,) = (await account.ask("GET", f"{room}/Messages")).body["messages"]
    assert (sent["body"], sent["author"]) == ("changed", "somebody")


@pytest.mark.parametrize(
    ("sender", "to", "type", "source"),
    [
        ("whatsapp:+447700900310", "whatsapp:+15550100", "whatsapp", "WHATSAPP"),
        ("messenger:1", "messenger:2", "messenger", "MESSENGER"),
        ("tom@x.example", "desk@x.example", "email", "EMAIL"),
    ],
)
async def test_channels(account: Account, ear: Ear, sender: str, to: str, type: str, source: str) -> None:
    """Every channel has its own."""
    await line(account, to, type)
    await account.post("/Configuration/Webhooks", {"PostWebhookUrl": ear.url, "Filters": "onMessageAdded"})
    first = await receive(account, "one", sender, to)
    second = await receive(account, "two", sender, to)
    assert first["conversation_sid"] == second["conversation_sid"]
    assert [one.form["Source"] for one in await ear.until("onMessageAdded", "onMessageAdded")] == [source] * 2


async def test_mail(account: Account) -> None:
    """A mail comes into the conversation that has the address which it was written to."""
    sid = (await account.post("/Conversations", {"Bindings.Email.Address": "case-42@x.example"}))["sid"]
    binding = {"MessagingBinding.Address": "tom@x.example", "MessagingBinding.Level": "from"}
    await account.post(f"/Conversations/{sid}/Participants", binding)
    assert (await receive(account, "x", "tom@x.example", "case-42@x.example"))["conversation_sid"] == sid
    assert await refused(account, "x", "eve@x.example", "case-42@x.example") == 20404


async def test_what_cannot_be(account: Account) -> None:
    """Addresses and texts have their limits."""
    await line(account)
    for code, fields in {
        50407: {"sender": "tom"},
        50408: {"to": "desk@x.example"},
        50409: {"sender": DESK},
        50503: {"body": ""},
        50504: {"body": "x" * 33000},
    }.items():
        assert await refused(account, **fields) == code
    assert (await account.ask("POST", "/_local/inbound", {"from": TOM}, json="yes")).code == 20422
    assert (await account.ask("GET", "/Conversations")).body["conversations"] == []


async def test_from_python(service: LocalService, account: Account, wire: Connect) -> None:
    """The same from Python, in the service's own loop and out of it."""
    with pytest.raises(cw.UsageError, match=r"not taken.*no conversation has these two addresses"):
        await service.receive_message(TOM, DESK, "Hello")
    await line(account)
    went = await service.receive_message(TOM, DESK, "Hello")
    assert (await account.ask("GET", f"/Conversations/{went.conversation_sid}")).status == 200
    async with cw.LocalService(seed=None, in_process=True) as inside:
        with pytest.raises(cw.UsageError, match="not taken"):
            await inside.receive_message(TOM, DESK, "Hello")
    with pytest.raises(cw.UsageError, match="stopped"):
        await inside.receive_message(TOM, DESK, "Hello")
