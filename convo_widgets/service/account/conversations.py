"""Conversations."""

from __future__ import annotations

from sqlite3 import Row

from convo_widgets.service import conversations
from convo_widgets.service.account.requests import Answer, Request, delete, get, post
from convo_widgets.service.limits import SYSTEM
from convo_widgets.service.store import Change
from convo_widgets.wire.rest import AccountConversation
from convo_widgets.wire.schema import NewConversation


def find(request: Request) -> Row:
    """The conversation in the path, by sid or unique name."""
    return conversations.find_by(request.store, request.names["conversation"])


def _show(request: Request, sid: str) -> AccountConversation:
    row = conversations.find_by(request.store, sid)
    parts = {name.lower(): request.url("Conversations", sid, name) for name in ("Participants", "Messages")}
    return AccountConversation(
        sid=sid,
        **request.ids(),
        friendly_name=row["friendly_name"],
        unique_name=row["unique_name"],
        attributes=row["attributes"],
        state=row["state"],
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        url=request.url("Conversations", sid),
        links=parts,
    )


def _new(request: Request) -> NewConversation:
    return NewConversation(
        friendly_name=request.text("FriendlyName"),
        unique_name=request.text("UniqueName"),
        attributes=request.text("Attributes"),
    )


def _create(request: Request, change: Change) -> Answer:
    sid = conversations.create(change, _new(request), SYSTEM, request.maybe("State") or "active")
    return Answer(_show(request, sid), 201)


def _get(request: Request) -> Answer:
    return Answer(_show(request, find(request)["sid"]))


def _update(request: Request, change: Change) -> Answer:
    conversation = find(request)
    conversations.alter(change, conversation, _new(request), request.maybe("State"))
    return Answer(_show(request, conversation["sid"]))


def _delete(request: Request, change: Change) -> Answer:
    conversations.remove(change, find(request)["id"])
    return Answer(status=204)


ROUTES = [
    post("/Conversations", _create),
    get("/Conversations/{conversation}", _get),
    post("/Conversations/{conversation}", _update),
    delete("/Conversations/{conversation}", _delete),
]
