"""Delivery receipts of messages; a carrier's reports make them, and here the account is the carrier too."""

from __future__ import annotations

from sqlite3 import Row

from convo_widgets.service import delivery, messages, participants, receipts
from convo_widgets.service.account.conversations import find
from convo_widgets.service.account.requests import Answer, Request, dates_of, get, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Source
from convo_widgets.wire.rest import AccountReceipt


def _message(request: Request) -> tuple[Row, Row]:
    conversation = find(request)
    return conversation, messages.find(request.store, conversation, request.names["message"])


def _show(request: Request, conversation: Row, message: Row, row: Row) -> AccountReceipt:
    place = ("Conversations", conversation["sid"], "Messages", message["sid"], "Receipts", row["sid"])
    return AccountReceipt(
        sid=row["sid"],
        **request.parts(),
        conversation_sid=conversation["sid"],
        message_sid=message["sid"],
        participant_sid=row["participant_sid"],
        channel_message_sid=receipts.channel_message_sid(row),
        status=row["status"],
        error_code=row["error_code"],
        **dates_of(row),
        url=request.url(*place),
    )


def _find(request: Request, conversation: Row, message: Row, sid: str) -> Answer:
    sql = "SELECT * FROM receipts WHERE sid = ? AND conversation = ? AND idx = ?"
    row = request.store.row(sql, sid, conversation["id"], message["idx"])
    if row is None:
        raise Refused(20404, "there is no such receipt")
    return Answer(_show(request, conversation, message, row))


def _list(request: Request) -> Answer:
    conversation, message = _message(request)
    sql = "SELECT * FROM receipts WHERE conversation = ? AND idx = ?"
    url = request.url("Conversations", conversation["sid"], "Messages", message["sid"], "Receipts")
    values = (conversation["id"], message["idx"])
    return request.listing(
        "delivery_receipts", lambda row: _show(request, conversation, message, row), sql, *values, url=url
    )


def _get(request: Request) -> Answer:
    return _find(request, *_message(request), request.names["receipt"])


def _report(request: Request, change: Change) -> Answer:
    conversation, message = _message(request)
    member = participants.find_by(request.store, conversation, request.maybe("ParticipantSid") or "")
    change.source = Source("API")  # it is the carrier who says it, and webhooks hear of that in any case
    given = (request.maybe("Status") or "", request.number("ErrorCode"))
    sid = delivery.report(change, conversation, message, member["sid"], *given)
    return Answer(_find(request, conversation, message, sid).body, 201)


_ADDRESS = "/Conversations/{conversation}/Messages/{message}/Receipts"
ROUTES = [
    get(_ADDRESS, _list),
    post(_ADDRESS, _report, "ParticipantSid", "Status", "ErrorCode"),
    get(_ADDRESS + "/{receipt}", _get),
]
