"""What became of a message outside of chat, and what its channel knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from convo_widgets.wire.schema import Delivery, DeliveryReceipt, time_of

DeliveryAmount = Literal["none", "some", "all"]
DeliveryStatus = Literal["sent", "delivered", "failed", "read", "undelivered", "queued"]


@dataclass(frozen=True, slots=True)
class AggregatedDeliveryReceipt:
    """How far a message got with everybody outside of chat.

    Attributes:
        total: how many it was sent to.
        sent: how many of them it left for: none, some or all; likewise the other amounts.
        delivered: how many it arrived at.
        read: how many have read it.
        failed: how many it failed for.
        undelivered: how many it could not be delivered to.
    """

    total: int
    sent: DeliveryAmount
    delivered: DeliveryAmount
    read: DeliveryAmount
    failed: DeliveryAmount
    undelivered: DeliveryAmount

    @classmethod
    def from_wire(cls, data: Delivery) -> AggregatedDeliveryReceipt:
        """The receipt that Sync tells; an amount that we do not know is none."""
        told = (data.sent, data.delivered, data.read, data.failed, data.undelivered)
        known = get_args(DeliveryAmount)
        return cls(data.total, *(cast(DeliveryAmount, amount if amount in known else "none") for amount in told))


@dataclass(frozen=True, slots=True)
class DetailedDeliveryReceipt:
    """How far a message got with one addressee outside of chat.

    Attributes:
        sid: its sid (DY...).
        message_sid: of which message.
        conversation_sid: in which conversation.
        channel_message_sid: the channel's own name of the message (SM... for SMS).
        participant_sid: with whom (MB...).
        status: "queued", "sent", "delivered", "read", "failed" or "undelivered".
        error_code: the carrier's code of what failed; 0 where nothing did.
        date_created: in UTC.
        date_updated: in UTC.
    """

    sid: str
    message_sid: str
    conversation_sid: str
    channel_message_sid: str
    participant_sid: str
    status: DeliveryStatus
    error_code: int
    date_created: datetime | None
    date_updated: datetime | None

    @classmethod
    def from_wire(cls, data: DeliveryReceipt) -> DetailedDeliveryReceipt:
        """The receipt that the service describes."""
        known = data.status in get_args(DeliveryStatus)
        code = str(data.error_code)
        return cls(
            data.sid,
            data.message_sid,
            data.conversation_sid,
            data.channel_message_sid or "",
            data.participant_sid or "",
            cast(DeliveryStatus, data.status) if known else "queued",
            int(code) if code.isascii() and code.isdecimal() and len(code) < 10 else 0,
            time_of(data.date_created),
            time_of(data.date_updated),
        )


@dataclass(frozen=True, slots=True)
class ChannelMetadata:
    """What the channel that a message came by knows of it.

    Attributes:
        type: the channel, for example "whatsapp".
        data: its JSON.
    """

    type: str
    data: Any
