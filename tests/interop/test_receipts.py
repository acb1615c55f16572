"""What carriers and channels say of a message: read alike by the genuine SDK and by our client."""

from __future__ import annotations

import json

import pytest

from .together import Together

pytestmark = pytest.mark.asyncio(loop_scope="session")
STATUSES = [("sent", ""), ("delivered", ""), ("read", ""), ("failed", "30003"), ("undelivered", "63016")]


def address(sid: str, number: int) -> str:
    """A phone number that no other conversation has."""
    return f"+44{int(sid[2:], 16) % 10**8:08}{number:02}"


async def test_receipts(newest: Together, actor: str) -> None:
    """Each report of a carrier moves the whole in the same way, and stands in detail."""
    sid, account = await newest.room(), newest.account
    added = [
        await newest.side(actor).conversation(sid, "addNonChatParticipant", "+15550100", address(sid, number))
        for number in range(len(STATUSES))
    ]
    await newest.side(actor).conversation(sid, "sendMessage", "hello")
    await newest.settled()
    message = (await newest.agreed(lambda side: side.conversation(sid, "getMessages")))["items"][0]
    assert message["aggregatedDeliveryReceipt"] is None
    assert await newest.agreed(lambda side: side.message(sid, 0, "getDetailedDeliveryReceipts")) == []
    wholes = []
    for one, (status, code) in zip(added, STATUSES, strict=True):
        fields = {"ParticipantSid": one["sid"], "Status": status, "ErrorCode": code}
        report = account.post(f"/Conversations/{sid}/Messages/{message['sid']}/Receipts", fields)
        watched = await newest.watch(report)
        assert await watched.differences("alice") == await watched.differences("bob") == []
        (update,) = (told for name, told in watched.heard(newest.ours["bob"]) if name == "messageUpdated")
        assert update["updateReasons"] == ["deliveryReceipt"]
        wholes.append(update["message"]["aggregatedDeliveryReceipt"])
    assert [(whole["total"], whole["read"], whole["failed"]) for whole in wholes][::4] == [
        (1, "none", "none"),
        (5, "some", "some"),
    ]
    await newest.settled()
    receipts = await newest.agreed(lambda side: side.message(sid, 0, "getDetailedDeliveryReceipts"))
    assert [(one["status"], one["errorCode"]) for one in receipts] == [
        (status, int(code or 0)) for status, code in STATUSES
    ]
    assert (await newest.agreed(lambda side: side.op("see", on={"conversation": sid, "message": 0})))["sid"]


async def test_recipients(newest: Together, actor: str) -> None:
    """Who an email went to: of one message, and page by page of the conversation, there and back."""
    sid, side = await newest.room(), newest.side(actor)
    await side.conversation(sid, "sendMessage", "to nobody")
    for name, level in (("Ann", "to"), ("Ben", "cc")):
        addresses, options = ("desk@y.example", f"{name}.{sid}@x.example"), {"email": {"name": name, "level": level}}
        await side.conversation(sid, "addNonChatParticipant", *addresses, {}, options)
    for number in range(4):
        await side.conversation(sid, "sendMessage", str(number))
    await newest.settled()
    assert await newest.agreed(lambda side: side.message(sid, 0, "getMessageRecipients")) == []
    told = await newest.agreed(lambda side: side.message(sid, 2, "getMessageRecipients"))
    assert [(one["level"], one["name"]) for one in told] == [("from", "alice"), ("to", "Ann"), ("cc", "Ben")]
    first = await newest.agreed(lambda side: side.conversation(sid, "getMessageRecipients", {"pageSize": 6}))
    assert first["hasNextPage"]
    walks = []
    for reader in (newest.sdk["bob"], newest.ours["bob"]):  # from the second page on the SDK forgets the size
        page = await reader.conversation(sid, "getMessageRecipients", {"pageSize": 6})
        walk = page["items"]
        while page["hasNextPage"]:
            page = await reader.page(page, "nextPage")
            walk += page["items"]
        walks.append(walk)
        assert page["hasPrevPage"]
    assert walks[1] == walks[0]
    whole = await newest.agreed(lambda side: side.conversation(sid, "getMessageRecipients"))
    assert walks[0] == whole["items"]
    assert len(walks[0]) == 12


async def test_channel_metadata(newest: Together) -> None:
    """What a channel told of a message; nothing of a message of chat."""
    sid = await newest.room()
    data = {"context": {"ProfileName": "Rita 🏺", "n": [1.5, None]}}
    fields = {"Body": "x", "ChannelMetadata": json.dumps({"type": "whatsapp", "data": data})}
    await newest.account.post(f"/Conversations/{sid}/Messages", fields)
    await newest.ours["alice"].conversation(sid, "sendMessage", "plain")
    await newest.settled()
    told = await newest.agreed(lambda side: side.message(sid, 0, "getChannelMetadata"), "bob")
    assert told == {"type": "whatsapp", "data": data}
    assert await newest.agreed(lambda side: side.message(sid, 1, "getChannelMetadata"), "bob") is None


async def test_what_no_carrier_takes(newest: Together, actor: str) -> None:
    """A text too long for SMS is sent; that it failed there is told at once, alike, and stands in detail."""
    sid = await newest.room()
    await newest.side(actor).conversation(sid, "addNonChatParticipant", "+15550100", address(sid, 0))
    watched = await newest.watch(newest.side(actor).conversation(sid, "sendMessage", "x" * 1601))
    assert await watched.differences("alice") == await watched.differences("bob") == []
    names = [name for name, _ in watched.heard(newest.ours["bob"])]
    assert [name for name in names if name.startswith("message")] == ["messageAdded", "messageUpdated"]
    message = (await newest.agreed(lambda side: side.conversation(sid, "getMessages")))["items"][0]
    assert (message["aggregatedDeliveryReceipt"]["total"], message["aggregatedDeliveryReceipt"]["failed"]) == (1, "all")
    (one,) = await newest.agreed(lambda side: side.message(sid, 0, "getDetailedDeliveryReceipts"))
    assert (one["status"], one["errorCode"]) == ("failed", 21617)
