"""Participants."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import UNSET

from convo_widgets.service import memberships, participants
from convo_widgets.service.account.conversations import find
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get, moment, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change
from convo_widgets.wire.rest import AccountParticipant
from convo_widgets.wire.schema import Membership, MessagingBinding, NewParticipant

MOST = 100
"""Rows in a page."""
FIELDS = (
    *("Identity", "Attributes", "RoleSid", "DateCreated", "DateUpdated"),
    *("MessagingBinding.ProxyAddress", "MessagingBinding.ProjectedAddress"),
)
ADDRESS = ("MessagingBinding.Address", "MessagingBinding.Name", "MessagingBinding.Level")
READ = ("LastReadMessageIndex", "LastReadTimestamp")


def _find(request: Request, conversation: Row) -> Row:
    return participants.find_by(request.store, conversation, request.names["participant"])


def _show(request: Request, conversation: Row, row: Row) -> AccountParticipant:
    return AccountParticipant(
        sid=row["sid"],
        **request.parts(),
        conversation_sid=conversation["sid"],
        identity=row["identity"],
        attributes=row["attributes"],
        messaging_binding=participants.binding_of(row),
        role_sid=row["role_sid"],
        last_read_message_index=row["last_read"],
        last_read_timestamp=moment(row["last_read_at"]),
        **dates_of(row),
        url=request.url("Conversations", conversation["sid"], "Participants", row["sid"]),
    )


def _binding(request: Request) -> MessagingBinding | None:
    names = ("Address", "ProxyAddress", "Name", "Level", "ProjectedAddress")
    address, proxy, name, level, projected = (request.maybe(f"MessagingBinding.{part}") for part in names)
    if not (address or proxy or projected):
        return None
    return MessagingBinding(address, proxy, None, name, level, projected)


def _add(request: Request, change: Change) -> Answer:
    conversation = find(request)
    new = NewParticipant(request.text("Identity"), request.text("Attributes"), _binding(request))
    sid = participants.add(change, conversation, new, request.maybe("RoleSid"), **request.dates())
    return Answer(_show(request, conversation, participants.find_by(request.store, conversation, sid)), 201)


def _get(request: Request) -> Answer:
    conversation = find(request)
    return Answer(_show(request, conversation, _find(request, conversation)))


def _update(request: Request, change: Change) -> Answer:
    conversation = find(request)
    row = _find(request, conversation)
    identity = request.maybe("Identity")
    if identity not in (None, row["identity"]):
        participants.become(change, conversation, row, identity)
        row = participants.find_by(request.store, conversation, row["sid"])
    index = request.index("LastReadMessageIndex")
    new = NewParticipant(attributes=request.text("Attributes"), messaging_binding=_binding(request))
    participants.alter(change, conversation, row, new, request.maybe("RoleSid"), **request.dates())
    read_at = request.time("LastReadTimestamp")
    if index is not UNSET:
        memberships.alter(change, conversation, row, Membership(index), read_at or None)
    elif read_at is not UNSET:
        raise Refused(20001, "LastReadTimestamp needs a LastReadMessageIndex")
    return Answer(_show(request, conversation, participants.find_by(request.store, conversation, row["sid"])))


def _remove(request: Request, change: Change) -> Answer:
    conversation = find(request)
    participants.remove(change, conversation, _find(request, conversation))
    return Answer(status=204)


def _list(request: Request) -> Answer:
    conversation = find(request)
    return request.listing(
        "participants",
        lambda row: _show(request, conversation, row),
        "SELECT * FROM participants WHERE conversation = ?",
        conversation["id"],
        most=MOST,
        url=request.url("Conversations", conversation["sid"], "Participants"),
    )


ROUTES = [
    get("/Conversations/{conversation}/Participants", _list),
    post("/Conversations/{conversation}/Participants", _add, *FIELDS, *ADDRESS),
    get("/Conversations/{conversation}/Participants/{participant}", _get),
    post("/Conversations/{conversation}/Participants/{participant}", _update, *FIELDS, *READ),
    delete("/Conversations/{conversation}/Participants/{participant}", _remove),
]
