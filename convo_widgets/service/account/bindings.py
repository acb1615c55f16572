"""Bindings: the devices that users registered for push messages."""

from __future__ import annotations

from sqlite3 import Row

from convo_widgets.service import reach
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change
from convo_widgets.wire import json
from convo_widgets.wire.rest import Binding

MOST = 100
"""Rows in a page."""
_TYPES = ("apn", "gcm", "fcm", "twilsock")


def _find(request: Request) -> Row:
    row = request.store.row("SELECT * FROM registrations WHERE sid = ?", request.names["binding"])
    if row is None:
        raise Refused(20404, "there is no such binding")
    return row


def _show(request: Request, row: Row) -> Binding:
    return Binding(
        sid=row["sid"],
        **request.ids(),
        endpoint=row["address"],
        identity=row["identity"],
        binding_type=row["channel_type"],
        message_types=json.decode(row["message_types"], list[str]),
        **dates_of(row),
        url=request.service_url("Bindings", row["sid"]),
    )


def _get(request: Request) -> Answer:
    return Answer(_show(request, _find(request)))


def _delete(request: Request, change: Change) -> Answer:
    row = _find(request)
    reach.unregister(change, row["identity"], row["sid"])
    return Answer(status=204)


def _list(request: Request) -> Answer:
    types, people = request.query.get("BindingType", []), request.query.get("Identity", [])
    if any(type not in _TYPES for type in types):
        raise Refused(20422, f"BindingType is one of {', '.join(_TYPES)}")
    where = ["TRUE"]
    for column, values in (("channel_type", types), ("identity", people)):
        if values:
            where.append(f"{column} IN ({', '.join('?' * len(values))})")
    sql = f"SELECT * FROM registrations WHERE {' AND '.join(where)}"  # noqa: S608 - conditions of ours
    url = request.service_url("Bindings")
    return request.listing("bindings", lambda row: _show(request, row), sql, *types, *people, most=MOST, url=url)


ROUTES = [
    get("/Bindings", _list, "BindingType", "Identity", below="service"),
    get("/Bindings/{binding}", _get, below="service"),
    delete("/Bindings/{binding}", _delete, below="service"),
]
