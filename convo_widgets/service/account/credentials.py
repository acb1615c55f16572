"""Credentials of push services. Keys and certificates are not kept: this service sends no push messages."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import UNSET, UnsetType

from convo_widgets.service import limits
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, new_sid
from convo_widgets.wire.rest import Credential

MOST = 100
"""Rows in a page."""
_TYPES = ("apn", "gcm", "fcm")


def _find(request: Request, sid: str) -> Row:
    row = request.store.row("SELECT * FROM credentials WHERE sid = ?", sid)
    if row is None:
        raise Refused(20404, "there is no such credential")
    return row


def _show(request: Request, row: Row) -> Credential:
    return Credential(
        sid=row["sid"],
        **request.account(),
        friendly_name=row["friendly_name"],
        type=row["type"],
        sandbox=str(bool(row["sandbox"])),
        **dates_of(row),
        url=request.account_url("Credentials", row["sid"]),
    )


def _create(request: Request, change: Change) -> Answer:
    type = request.choice("Type", *_TYPES)
    if isinstance(type, UnsetType):
        raise Refused(20001, "Type is needed")
    name = limits.name(request.text("FriendlyName"), "FriendlyName")
    values = (sid := new_sid("CR"), type, name, int(request.flag("Sandbox") is True), change.time, change.time)
    sql = "INSERT INTO credentials (sid, type, friendly_name, sandbox, date_created, date_updated)"
    change.run(f"{sql} VALUES (?, ?, ?, ?, ?, ?)", *values)
    return Answer(_show(request, _find(request, sid)), 201)


def _get(request: Request) -> Answer:
    return Answer(_show(request, _find(request, request.names["credential"])))


def _update(request: Request, change: Change) -> Answer:
    row = _find(request, request.names["credential"])
    type, sandbox, name = request.choice("Type", *_TYPES), request.flag("Sandbox"), request.text("FriendlyName")
    values = (
        row["type"] if type is UNSET else type,
        row["friendly_name"] if name is UNSET else limits.name(name, "FriendlyName"),
        row["sandbox"] if sandbox is UNSET else int(sandbox is True),
    )
    sql = "UPDATE credentials SET type = ?, friendly_name = ?, sandbox = ?, date_updated = ? WHERE id = ?"
    change.run(sql, *values, change.time, row["id"])
    return Answer(_show(request, _find(request, row["sid"])))


def _delete(request: Request, change: Change) -> Answer:
    change.run("DELETE FROM credentials WHERE id = ?", _find(request, request.names["credential"])["id"])
    return Answer(status=204)


def _list(request: Request) -> Answer:
    url = request.account_url("Credentials")
    sql = "SELECT * FROM credentials"
    return request.listing("credentials", lambda row: _show(request, row), sql, most=MOST, url=url)


_FIELDS = ("Type", "FriendlyName", "Certificate", "PrivateKey", "Sandbox", "ApiKey", "Secret")
ROUTES = [
    get("/Credentials", _list, below="account"),
    post("/Credentials", _create, *_FIELDS, below="account"),
    get("/Credentials/{credential}", _get, below="account"),
    post("/Credentials/{credential}", _update, *_FIELDS, below="account"),
    delete("/Credentials/{credential}", _delete, below="account"),
]
