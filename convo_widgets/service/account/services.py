"""Services: the first one, which is there as long as its data, and others that the account makes."""

from __future__ import annotations

import re
from sqlite3 import Row

from convo_widgets.service import limits
from convo_widgets.service.account.requests import Answer, Request, dates_of, get, run
from convo_widgets.service.refusals import Refused
from convo_widgets.wire.rest import AccountService

MOST = 100
"""Rows in a page."""
_PARTS = (
    *("Conversations", "Users", "Roles", "Bindings", "Configuration"),
    *("ParticipantConversations", "ConversationWithParticipants"),
)


def _show(request: Request, row: Row) -> AccountService:
    url = request.account_url("Services", row["sid"])
    return AccountService(
        **request.account(),
        sid=row["sid"],
        friendly_name=row["friendly_name"],
        **dates_of(row),
        url=url,
        links={re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part).lower(): f"{url}/{part}" for part in _PARTS},
    )


def _find(request: Request, sid: str) -> Row:
    row = request.store.row("SELECT * FROM services WHERE ready AND sid = ?", sid)
    if row is None:
        raise Refused(20404, "there is no such service")
    return row


def _get(request: Request) -> Answer:
    return Answer(_show(request, _find(request, request.names["service"])))


def _list(request: Request) -> Answer:
    sql, url = "SELECT * FROM services WHERE ready", request.account_url("Services")
    return request.listing("services", lambda row: _show(request, row), sql, most=MOST, url=url)


def _create(request: Request) -> Answer:
    name = limits.name(request.demand("FriendlyName"), "FriendlyName") or ""
    made = request.services.create(name)
    return Answer(_show(request, _find(request, made.service_sid)), 201)


def _delete(request: Request) -> Answer:
    sid = _find(request, request.names["service"])["sid"]
    if sid == request.services.home.service_sid:
        raise Refused(20403, "the first service has what is the account's: stop the LocalService, and remove its file")
    if sid == request.services.default.service_sid:
        raise Refused(20403, "it is the default service: set DefaultChatServiceSid of /Configuration to another first")
    request.services.remove(sid)
    return Answer(status=204)


ROUTES = [
    get("/Services", _list, below="account"),
    run("POST", "/Services", _create, "FriendlyName"),
    get("/Services/{service}", _get, below="account"),
    run("DELETE", "/Services/{service}", _delete),
]
