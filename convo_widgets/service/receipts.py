"""What users read of a message to other channels: its receipts, its recipients, and what its channel knows."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import Raw

from convo_widgets.service import conversations, messages
from convo_widgets.service.calls import Answer, Call, get
from convo_widgets.service.pages import Page
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Store
from convo_widgets.wire import json
from convo_widgets.wire.schema import (
    ChannelMetadata,
    DeliveryReceipt,
    DeliveryReceiptPage,
    MessageRecipient,
    MessageRecipientPage,
    Meta,
)


def channel_message_sid(receipt: Row) -> str:
    """Sid of the message on its channel."""
    return "SM" + str(receipt["sid"])[2:]


# --- What users see ------------------------------------------------------------------------------------------------


def _message(call: Call) -> tuple[Row, Row]:
    """The conversation and the message in the path, which the caller may read."""
    conversation = conversations.find(call)
    conversations.demand_insider(call, conversation)
    return conversation, messages.find(call.store, conversation, call.names["message"])


def _receipts(call: Call) -> Answer:
    conversation, message = _message(call)
    page = Page.of(call)
    sql = "SELECT * FROM receipts WHERE conversation = ? AND idx = ?"
    found = [
        DeliveryReceipt(
            sid=row["sid"],
            message_sid=message["sid"],
            conversation_sid=conversation["sid"],
            participant_sid=row["participant_sid"],
            status=row["status"],
            channel_message_sid=channel_message_sid(row),
            error_code=row["error_code"],
            date_created=row["date_created"],
            date_updated=row["date_updated"],
        )
        for row in page.read(call.store, sql, conversation["id"], message["idx"])
    ]
    return Answer(DeliveryReceiptPage(found, Meta(page.next, page.previous)))


def _channel_metadata(call: Call) -> Answer:
    conversation, message = _message(call)
    sql = "SELECT channel_metadata FROM messages WHERE conversation = ? AND idx = ?"
    text = call.store.value(sql, conversation["id"], message["idx"])
    if text is None:
        raise Refused(50530)
    return Answer(json.decode(text, ChannelMetadata))


def _recipients(call: Call) -> Answer:
    """Of an email, one page after the other; of one message all at once."""
    conversation = conversations.find(call)
    conversations.demand_insider(call, conversation)
    email = call.store.rows(
        "SELECT * FROM participants WHERE conversation = ? AND type = 'email' ORDER BY id", conversation["id"]
    )
    if call.param("MessageSid"):
        message = messages.find(call.store, conversation, call.param("MessageSid") or "")
        found = _recipients_of(call.store, message, email)
        return Answer(MessageRecipientPage([Raw(json.encode(one)) for one in found], Meta()))
    page = Page.of(call)
    sql = "SELECT idx AS id, idx, sid, author, date_created FROM messages WHERE conversation = ?"
    page.size = max(1, page.size // (len(email) + 1))
    rows = page.read(call.store, sql, conversation["id"]) if email else []
    told = [Raw(json.encode(one)) for row in rows for one in _recipients_of(call.store, row, email)]
    return Answer(MessageRecipientPage(told, Meta(page.next, page.previous)))


def _recipients_of(store: Store, message: Row, email: list[Row]) -> list[MessageRecipient]:
    """The email participants of that time, each as it was addressed, after the one who sent it."""
    there = [row for row in email if row["date_created"] <= message["date_created"]]
    if not there:
        return []
    sid, author = message["sid"], message["author"]
    sender = next((row for row in there if row["address"] == author), None)
    if sender is None:
        name = store.value("SELECT friendly_name FROM users WHERE identity = ?", author) or author
        told = [MessageRecipient("email", sid, "from", name, there[0]["proxy_address"])]
    else:
        told = [MessageRecipient("email", sid, "from", sender["name"], author)]
        if sender["proxy_address"]:
            told.append(MessageRecipient("email", sid, "to", None, sender["proxy_address"]))
    for row in there:
        if row is not sender:
            told.append(MessageRecipient("email", sid, _level(row), row["name"], row["address"]))
    return told


def _level(row: Row) -> str:
    return "cc" if row["level"] == "cc" else "to"


ROUTES = [
    get("/Client/v2/Conversations/{conversation}/Messages/{message}/Receipts", _receipts),
    get("/Client/v2/Conversations/{conversation}/Messages/{message}/ChannelMetadata", _channel_metadata),
    get("/Client/v2/Conversations/{conversation}/MessageRecipients", _recipients),
]
