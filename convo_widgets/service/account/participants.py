"""Participants."""

from __future__ import annotations

from sqlite3 import Row

from convo_widgets.service import participants
from convo_widgets.service.account.conversations import find
from convo_widgets.service.account.requests import Answer, Request, delete, get, post
from convo_widgets.service.store import Change
from convo_widgets.wire.rest import AccountParticipant
from convo_widgets.wire.schema import MessagingBinding, NewParticipant


def _find(request: Request, conversation: Row) -> Row:
    return participants.find_by(request.store, conversation, request.names["participant"])


def _show(request: Request, conversation: Row, sid: str) -> AccountParticipant:
    row = participants.find_by(request.store, conversation, sid)
    return AccountParticipant(
        sid=row["sid"],
        **request.ids(),
        conversation_sid=conversation["sid"],
        identity=row["identity"],
        attributes=row["attributes"],
        messaging_binding=participants.binding_of(row),
        role_sid=row["role_sid"],
        last_read_message_index=row["last_read"],
        last_read_timestamp=row["last_read_at"],
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        url=request.url("Conversations", conversation["sid"], "Participants", row["sid"]),
    )


def _binding(request: Request) -> MessagingBinding | None:
    names = ("Address", "ProxyAddress", "Name", "Level")
    address, proxy, name, level = (request.maybe(f"MessagingBinding.{part}") for part in names)
    return MessagingBinding(address, proxy, None, name, level) if address or proxy else None


def _add(request: Request, change: Change) -> Answer:
    conversation = find(request)
    new = NewParticipant(request.text("Identity"), request.text("Attributes"), _binding(request))
    sid = participants.add(change, conversation, new, request.maybe("RoleSid"))
    return Answer(_show(request, conversation, sid), 201)


def _get(request: Request) -> Answer:
    conversation = find(request)
    return Answer(_show(request, conversation, request.names["participant"]))


def _update(request: Request, change: Change) -> Answer:
    conversation = find(request)
    row = _find(request, conversation)
    new = NewParticipant(attributes=request.text("Attributes"))
    participants.alter(change, conversation, row, new, request.maybe("RoleSid"))
    return Answer(_show(request, conversation, row["sid"]))


def _remove(request: Request, change: Change) -> Answer:
    conversation = find(request)
    participants.remove(change, conversation, _find(request, conversation))
    return Answer(status=204)


ROUTES = [
    post("/Conversations/{conversation}/Participants", _add),
    get("/Conversations/{conversation}/Participants/{participant}", _get),
    post("/Conversations/{conversation}/Participants/{participant}", _update),
    delete("/Conversations/{conversation}/Participants/{participant}", _remove),
]
