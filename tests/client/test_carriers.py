"""People outside of chat: added, addressed, told about; with the account playing the carriers."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

import convo_widgets as cw
from convo_widgets.client.receipts import DetailedDeliveryReceipt
from convo_widgets.client.recipients import recipient
from convo_widgets.wire.schema import DeliveryReceipt
from tests.client.people import Expected, People
from tests.service.http import Account

DESK = "+15550100"


async def test_people_on_other_channels(people: People) -> None:
    """SMS, WhatsApp and email: joined for everybody, with type, attributes and bindings; they have no user."""
    mine, theirs = await people.pair()
    for address, proxy, type, options, bindings in (
        ("+447700900123", DESK, "sms", None, None),
        ("whatsapp:+447700900124", f"whatsapp:{DESK}", "whatsapp", None, None),
        (
            "ann@x.example",
            "desk@y.example",
            "email",
            {"email": {"name": "Ann", "level": "cc"}},
            {"name": "Ann", "address": "ann@x.example", "level": "cc"},
        ),
    ):
        joined = Expected(theirs, "participantJoined")
        made = await mine.add_non_chat_participant(proxy, address, {"a": [1]}, options)
        participant = await joined
        assert made.sid == participant.sid
        assert made.messaging_binding.proxy_address == proxy
        assert (participant.type, participant.identity, participant.attributes) == (type, None, {"a": [1]})
        assert participant.bindings.get("email") == bindings
        with pytest.raises(cw.UsageError, match=f"on {type} has no user"):
            await participant.get_user()
    with pytest.raises(cw.Conflict):
        await mine.add_non_chat_participant(DESK, "+447700900123")
    with pytest.raises(cw.UsageError, match="needs an address"):
        await mine.add_non_chat_participant("", "+447700900123")
    with pytest.raises(cw.ReplyError):
        await mine.add_non_chat_participant(DESK, "no address at all")
    left = Expected(theirs, "participantLeft")
    await (await mine.get_participant_by_sid(made.sid)).remove()
    assert (await left).sid == made.sid


async def test_receipts(people: People) -> None:
    """What carriers report arrives as updates of the whole, and in detail when asked."""
    mine, theirs = await people.pair()
    account = Account(people.service)
    numbers = [(await mine.add_non_chat_participant(DESK, f"+4477009003{n}")).sid for n in range(10, 13)]
    added = Expected(theirs, "messageAdded")
    await mine.send_message("hello")
    message = await added
    url = f"/Conversations/{mine.sid}/Messages/{message.sid}/Receipts"
    reported = (("delivered", ""), ("read", ""), ("failed", "30003"))
    for sid, (status, code) in zip(numbers, reported, strict=True):
        updated = Expected(message, "updated", lambda update: "deliveryReceipt" in update.update_reasons)
        await account.post(url, {"ParticipantSid": sid, "Status": status, "ErrorCode": code})
        await updated
    whole = message.aggregated_delivery_receipt
    assert whole is not None
    assert (whole.total, whole.read, whole.failed, whole.undelivered) == (3, "some", "some", "none")
    receipts = {one.participant_sid: one for one in await message.get_detailed_delivery_receipts()}
    assert [(receipts[sid].status, receipts[sid].error_code) for sid in numbers] == [
        ("delivered", 0),
        ("read", 0),
        ("failed", 30003),
    ]
    one = receipts[numbers[0]]
    assert (one.message_sid, one.conversation_sid) == (message.sid, mine.sid)
    assert one.channel_message_sid.startswith("SM")
    assert one.date_created is not None
    assert one.date_updated is not None


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("read", "30003", ("read", 30003)),
        (None, None, ("queued", 0)),
        ("lost", "x", ("queued", 0)),
        ("sent", -1, ("sent", 0)),
    ],
)
def test_odd_receipts(status: str | None, code: int | str | None, expected: tuple[str, int]) -> None:
    """A status nobody knows is "queued", a code that is no number is none."""
    data = DeliveryReceipt("DY1", "IM1", "CH1", None, status, None, code)
    receipt = DetailedDeliveryReceipt.from_wire(data)
    assert (receipt.status, receipt.error_code, receipt.participant_sid) == (*expected, "")


async def test_recipients(people: People) -> None:
    """Of one email, and of all of a conversation page by page; a message of chat has none."""
    mine, theirs = await people.pair()
    added = Expected(theirs, "messageAdded")
    await mine.send_message("before there was anybody on email")
    assert await (await added).get_message_recipients() == []
    for name, level in (("ann", "to"), ("ben", "cc")):
        await mine.add_non_chat_participant(
            "desk@y.example", f"{name}@x.example", binding_options={"email": {"name": name, "level": level}}
        )
    added = Expected(theirs, "messageAdded", lambda message: message.body == "3")
    for number in range(4):
        await mine.send_message(str(number))
    message = await added
    recipients = await message.get_message_recipients()
    assert [(one.type, one.level, one.address) for one in recipients] == [
        ("email", "from", "desk@y.example"),
        ("email", "to", "ann@x.example"),
        ("email", "cc", "ben@x.example"),
    ]
    assert recipients[1] == cw.EmailRecipientDescriptor(message.sid, "to", "ann", "ann@x.example")
    page = await mine.get_message_recipients(page_size=3)
    everybody, pages = [*page.items], 1
    while page.has_next_page:
        page = await page.next_page()
        everybody, pages = everybody + page.items, pages + 1
    assert pages > 1
    assert len(everybody) == 12
    assert everybody[-3:] == recipients
    assert page.has_prev_page
    assert (await page.prev_page()).has_next_page
    assert len((await mine.get_message_recipients()).items) == 12


def test_recipients_of_later_channels_are_kept() -> None:
    """What is not an email as it should be is raw."""
    for text, type, sid in (
        ('{"type":"carrier-pigeon","message_sid":"IM1","ring":7}', "carrier-pigeon", "IM1"),
        ('{"type":"email","message_sid":"IM1","level":"bcc","address":"a"}', "email", "IM1"),
        ("[]", "", ""),
    ):
        one = recipient(Raw(text.encode()))
        assert isinstance(one, cw.UnknownRecipientDescriptor)
        assert (one.type, one.message_sid, json.loads(one.raw_data)) == (type, sid, json.loads(text))


async def test_channel_metadata(people: People) -> None:
    """What a channel tells of a message; None where it tells nothing."""
    mine, _ = await people.pair()
    added = Expected(mine, "messageAdded")
    metadata = {"type": "whatsapp", "data": {"context": {"ProfileName": "Rita"}}}
    fields = {"Body": "x", "ChannelMetadata": json.dumps(metadata)}
    await Account(people.service).post(f"/Conversations/{mine.sid}/Messages", fields)
    message = await added
    assert await message.get_channel_metadata() == cw.ChannelMetadata("whatsapp", metadata["data"])
    added = Expected(mine, "messageAdded")
    await mine.send_message("y")
    plain = await added
    assert await plain.get_channel_metadata() is None
    plain._data.channel_metadata = True  # as if it had been removed since
    assert await plain.get_channel_metadata() is None


async def test_the_author_of_a_message(people: People) -> None:
    """Found by the membership, or by the identity where they have left and come again; None where they are gone."""
    mine, theirs = await people.pair()
    added = Expected(mine, "messageAdded")
    await theirs.send_message("x")
    message = await added
    bob = theirs.client.user.identity
    assert (await message.get_participant()).identity == bob
    left = Expected(mine, "participantLeft")
    await theirs.leave()
    await left
    assert await message.get_participant() is None
    joined = Expected(mine, "participantJoined")
    await mine.add(bob, {"again": True})
    again = await joined
    assert again.attributes == {"again": True}
    assert await message.get_participant() is again


@pytest.mark.both
async def test_what_no_carrier_takes(people: People) -> None:
    """A text too long for SMS is sent, and told as failed at once, with the code that says why."""
    mine, theirs = await people.pair()
    tom = await mine.add_non_chat_participant(DESK, "+447700900329")
    failed = Expected(theirs, "messageUpdated", lambda update: update.update_reasons == ["deliveryReceipt"])
    assert await mine.send_message("x" * 1601) == 0
    message = (await failed).message
    whole = message.aggregated_delivery_receipt
    assert whole is not None
    assert (whole.total, whole.failed, whole.sent) == (1, "all", "none")
    (one,) = await message.get_detailed_delivery_receipts()
    assert (one.participant_sid, one.status, one.error_code) == (tom.sid, "failed", 21617)
