"""How far a message got, person by person, and what the carriers' codes mean."""

from __future__ import annotations

from typing import Any

from convo_widgets.client.message import Message
from convo_widgets.client.participant import Participant
from convo_widgets.client.receipts import DetailedDeliveryReceipt
from convo_widgets.widgets._names import Names

MOST_PEOPLE = 200  # that a view gets of one message; those come first whom it did not reach
_ORDER = ("failed", "undelivered", "unknown", "queued", "sent", "delivered", "read")

MEANINGS: dict[int, str] = {
    21610: "they have unsubscribed: they must write START before they get anything",
    21611: "too many messages wait at this sender: send more slowly",
    30001: "too many messages wait: send more slowly",
    30002: "the account is suspended",
    30003: "the phone could not be reached: it is off, or out of its network",
    30004: "the message was blocked: by the phone, its owner or the carrier",
    30005: "no such phone number, or it is out of service",
    30006: "a landline, or a network that takes no text messages",
    30007: "the carrier took it for spam",
    30008: "the carrier gave no reason: try again",
    30009: "a part of the message was lost on the way",
    30010: "it costs more than the limit that was set for it",
    30011: "the carrier takes no media messages",
    30022: "more messages than the sender's registration allows: send more slowly",
    30032: "the toll-free number is not verified",
    30034: "the number is not registered for messages to the United States",
    30410: "the carrier did not answer in time: try again",
    63001: "the channel refused the sender's credentials",
    63003: "no such address on the channel",
    63005: "the channel did not take this content",
    63007: "the sender is not set up on the channel",
    63013: "it is against the channel's policy",
    63015: "they must join the sandbox before they get anything",
    63016: "they wrote more than 24 hours ago: outside of this window only an approved template may be sent",
    63018: "the channel takes no more messages just now: send more slowly",
    63024: "the address is not valid on the channel",
    63032: "the channel limits messages to this person",
}
"""What became of a message with this code, and what to do."""


async def receipts_of(message: Message, people: list[Participant], names: Names) -> dict[str, Any]:
    """How far a message got with everybody but its author.

    Args:
        message: the message.
        people: who is in the conversation now; others have their delivery receipts only.
        names: what to call them.

    Returns:
        `people`: at most 200, each with name, channel, state, time (`at`, ms since the epoch), whether the time is only
        a latest one (`by`), code and its meaning. `total`: how many there are.
    """
    carried: dict[str, DetailedDeliveryReceipt] = {}
    if message.aggregated_delivery_receipt is not None:
        for receipt in await message.get_detailed_delivery_receipts():
            carried[receipt.participant_sid] = receipt
    rows = []
    for person in people:
        if person.sid == message.participant_sid or (person.identity is not None and person.identity == message.author):
            continue
        told = carried.pop(person.sid, None)
        name = names.of_participant(person)
        rows.append(_by_horizon(message, person, name) if told is None else _told(told, name, person.type))
    rows += [_told(receipt, "Somebody who has left", "") for receipt in carried.values()]
    rows.sort(key=lambda row: (_ORDER.index(row["state"]), row["name"]))
    return {"people": rows[:MOST_PEOPLE], "total": len(rows)}


def _by_horizon(message: Message, person: Participant, name: str) -> dict[str, Any]:
    """Nobody reports on chat, but everybody says how far they have read."""
    read, at = person.last_read_message_index, person.last_read_timestamp
    has_read = person.identity is not None and read is not None and read >= message.index
    return {
        "name": name,
        "channel": person.type,
        "state": "read" if has_read else "sent" if person.identity is not None else "unknown",
        "at": at.timestamp() * 1000 if has_read and at is not None else None,
        "by": read != message.index,
        "code": 0,
        "meaning": "",
    }


def _told(receipt: DetailedDeliveryReceipt, name: str, channel: str) -> dict[str, Any]:
    at = receipt.date_updated
    return {
        "name": name,
        "channel": channel,
        "state": receipt.status,
        "at": None if at is None else at.timestamp() * 1000,
        "by": False,
        "code": receipt.error_code,
        "meaning": MEANINGS.get(receipt.error_code, ""),
    }
