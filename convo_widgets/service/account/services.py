"""Services: there is one, which is there as long as its data."""

from __future__ import annotations

import re

from convo_widgets.service.account.requests import Answer, Request, delete, get, moment, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change
from convo_widgets.wire.rest import AccountService

MOST = 100
"""Rows in a page."""
NAME = "Local service"
_PARTS = (
    *("Conversations", "Users", "Roles", "Bindings", "Configuration"),
    *("ParticipantConversations", "ConversationWithParticipants"),
)


def _show(request: Request) -> AccountService:
    made = moment(request.store.value("SELECT min(date_created) FROM roles"))  # the first of them were made with it
    return AccountService(
        **request.account(),
        sid=request.backend.tokens.service_sid,
        friendly_name=NAME,
        date_created=made,
        date_updated=made,
        url=request.service_url(),
        links={re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part).lower(): request.service_url(part) for part in _PARTS},
    )


def _find(request: Request) -> AccountService:
    if request.names["service"] != request.backend.tokens.service_sid:
        raise Refused(20404)
    return _show(request)


def _get(request: Request) -> Answer:
    return Answer(_find(request))


def _list(request: Request) -> Answer:
    sql = "SELECT 1 AS id"
    return request.listing("services", lambda row: _show(request), sql, most=MOST, url=request.account_url("Services"))


def _create(request: Request, change: Change) -> Answer:
    request.demand("FriendlyName")
    raise Refused(20403, "this program has one conversations service: start another LocalService for a second one")


def _delete(request: Request, change: Change) -> Answer:
    _find(request)
    raise Refused(20403, "the one service is there as long as its data: stop the LocalService, and remove its file")


ROUTES = [
    get("/Services", _list, below="account"),
    post("/Services", _create, "FriendlyName", below="account"),
    get("/Services/{service}", _get, below="account"),
    delete("/Services/{service}", _delete, below="account"),
]
