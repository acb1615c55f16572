"""Messages, and what carriers report of them."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import UNSET

from convo_widgets.service import limits, media, messages, participants, receipts, views
from convo_widgets.service.account.conversations import find
from convo_widgets.service.account.requests import Answer, Request, delete, get, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change
from convo_widgets.wire import json
from convo_widgets.wire.rest import AccountMessage, AccountReceipt
from convo_widgets.wire.schema import ChannelMetadata, NewMessage


def _find(request: Request, conversation: Row) -> Row:
    return messages.find(request.store, conversation, request.names["message"])


def _show(request: Request, conversation: Row, sid: str) -> AccountMessage:
    row = messages.find(request.store, conversation, sid)
    url = request.url("Conversations", conversation["sid"], "Messages", sid)
    return AccountMessage(
        sid=sid,
        **request.ids(),
        conversation_sid=conversation["sid"],
        index=row["idx"],
        author=row["author"],
        participant_sid=row["participant_sid"],
        body=row["body"],
        media=media.of_message(request.store, row["conversation"], row["idx"]),
        attributes=row["attributes"],
        content_sid=row["content_sid"],
        delivery=views.delivery(request.store, row["conversation"], row["idx"]),
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        url=url,
        links={"delivery_receipts": f"{url}/Receipts", "channel_metadata": f"{url}/ChannelMetadata"},
    )


def _new(request: Request) -> NewMessage:
    return NewMessage(
        body=request.text("Body"),
        subject=request.text("Subject"),
        attributes=request.text("Attributes"),
        media_sids=request.fields.get("MediaSid", UNSET),
        content_sid=request.text("ContentSid"),
        content_variables=request.text("ContentVariables"),
    )


def _send(request: Request, change: Change) -> Answer:
    conversation, author = find(request), limits.name(request.maybe("Author"), "Author") or limits.SYSTEM
    sql = "SELECT sid FROM participants WHERE conversation = ?1 AND (identity = ?2 OR address = ?2)"
    sent = messages.send(
        change,
        conversation,
        _new(request),
        author,
        request.store.value(sql, conversation["id"], author),
        most=request.backend.media,
        channel_metadata=_metadata(request.maybe("ChannelMetadata")),
    )
    return Answer(_show(request, conversation, sent["sid"]), 201)


def _metadata(text: str | None) -> str | None:
    """What a channel knows of a message: JSON with a type and data; other JSON is the data."""
    if text is None:
        return None
    if len(text.encode()) > limits.CONVERSATION_ATTRIBUTES:
        raise Refused(50303, f"ChannelMetadata has at most {limits.CONVERSATION_ATTRIBUTES:,} bytes of JSON")
    try:
        value = json.decode(text)
        typed = isinstance(value, dict) and isinstance(value.get("type"), str) and "data" in value
        told = ChannelMetadata(value["type"], value["data"]) if typed else ChannelMetadata("other", value)
        return json.encode(told).decode()
    except (json.BadJSON, RecursionError) as error:
        raise Refused(50304, "ChannelMetadata is JSON") from error


def _get(request: Request) -> Answer:
    conversation = find(request)
    return Answer(_show(request, conversation, request.names["message"]))


def _update(request: Request, change: Change) -> Answer:
    conversation = find(request)
    row = _find(request, conversation)
    messages.alter(change, conversation, row, _new(request), request.maybe("Author") or limits.SYSTEM)
    return Answer(_show(request, conversation, row["sid"]))


def _delete(request: Request, change: Change) -> Answer:
    conversation = find(request)
    messages.remove(change, conversation, _find(request, conversation))
    return Answer(status=204)


def _report(request: Request, change: Change) -> Answer:
    conversation = find(request)
    message = _find(request, conversation)
    member = participants.find_by(request.store, conversation, request.maybe("ParticipantSid") or "")
    given = (request.maybe("Status") or "", request.number("ErrorCode"))
    sid = receipts.report(change, conversation, message, member["sid"], *given)
    row = request.store.row("SELECT * FROM receipts WHERE sid = ?", sid)
    assert row is not None
    receipt = AccountReceipt(
        sid=sid,
        **request.ids(),
        conversation_sid=conversation["sid"],
        message_sid=message["sid"],
        participant_sid=row["participant_sid"],
        channel_message_sid=receipts.channel_message_sid(row),
        status=row["status"],
        error_code=row["error_code"],
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        url=request.url("Conversations", conversation["sid"], "Messages", message["sid"], "Receipts", sid),
    )
    return Answer(receipt, 201)


ROUTES = [
    post("/Conversations/{conversation}/Messages", _send),
    get("/Conversations/{conversation}/Messages/{message}", _get),
    post("/Conversations/{conversation}/Messages/{message}", _update),
    delete("/Conversations/{conversation}/Messages/{message}", _delete),
    post("/Conversations/{conversation}/Messages/{message}/Receipts", _report),
]
