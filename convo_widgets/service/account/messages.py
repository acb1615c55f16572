"""Messages, and what their channels know of them."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import UNSET

from convo_widgets.service import limits, media, messages, views
from convo_widgets.service.account.conversations import find
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change
from convo_widgets.wire import json
from convo_widgets.wire.rest import AccountMessage
from convo_widgets.wire.schema import ChannelMetadata, NewMessage

MOST = 100
"""Rows in a page."""
FIELDS = ("Author", "Body", "Subject", "Attributes", "DateCreated", "DateUpdated")
PARTS = ("MediaSid", "ContentSid", "ContentVariables")


def _find(request: Request, conversation: Row) -> Row:
    return messages.find(request.store, conversation, request.names["message"])


def _show(request: Request, conversation: Row, row: Row) -> AccountMessage:
    url = request.url("Conversations", conversation["sid"], "Messages", row["sid"])
    return AccountMessage(
        sid=row["sid"],
        **request.parts(),
        conversation_sid=conversation["sid"],
        index=row["idx"],
        author=row["author"],
        participant_sid=row["participant_sid"],
        body=row["body"],
        media=media.of_message(request.store, row["conversation"], row["idx"]),
        attributes=row["attributes"],
        content_sid=row["content_sid"],
        delivery=views.delivery(request.store, row["conversation"], row["idx"]),
        **dates_of(row),
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
    dates = request.dates()
    sql = "SELECT sid FROM participants WHERE conversation = ?1 AND (identity = ?2 OR address = ?2)"
    sent = messages.send(
        change,
        conversation,
        _new(request),
        author,
        request.store.value(sql, conversation["id"], author),
        most=request.backend.media,
        channel_metadata=_metadata(request.maybe("ChannelMetadata")),
        dates=(dates.get("date_created"), dates.get("date_updated")),
    )
    return Answer(_show(request, conversation, messages.find(request.store, conversation, sent["sid"])), 201)


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
    return Answer(_show(request, conversation, _find(request, conversation)))


def _update(request: Request, change: Change) -> Answer:
    conversation = find(request)
    row, others = _find(request, conversation), dict(request.dates())
    author = limits.name(request.maybe("Author"), "Author")
    others |= {"author": author} if author else {}
    messages.alter(change, conversation, row, _new(request), limits.SYSTEM, **others)
    return Answer(_show(request, conversation, _find(request, conversation)))


def _delete(request: Request, change: Change) -> Answer:
    conversation = find(request)
    messages.remove(change, conversation, _find(request, conversation))
    return Answer(status=204)


def _list(request: Request) -> Answer:
    conversation = find(request)
    order = request.param("Order") or "asc"
    if order not in ("asc", "desc"):
        raise Refused(20422, "Order is asc or desc")
    return request.listing(
        "messages",
        lambda row: _show(request, conversation, row),
        "SELECT *, idx AS id FROM messages WHERE conversation = ?",
        conversation["id"],
        most=MOST,
        descending=order == "desc",
        url=request.url("Conversations", conversation["sid"], "Messages"),
    )


def _channel_metadata(request: Request) -> Answer:
    text = _find(request, find(request))["channel_metadata"]
    if text is None:
        raise Refused(50530)
    return Answer(json.decode(text, ChannelMetadata))


ROUTES = [
    get("/Conversations/{conversation}/Messages", _list, "Order"),
    post("/Conversations/{conversation}/Messages", _send, *FIELDS, *PARTS, "ChannelMetadata"),
    get("/Conversations/{conversation}/Messages/{message}", _get),
    post("/Conversations/{conversation}/Messages/{message}", _update, *FIELDS),
    delete("/Conversations/{conversation}/Messages/{message}", _delete),
    get("/Conversations/{conversation}/Messages/{message}/ChannelMetadata", _channel_metadata),
]
