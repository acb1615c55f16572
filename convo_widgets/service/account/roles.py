"""Roles: what users and participants may do."""

from __future__ import annotations

from sqlite3 import Row

from convo_widgets.service import limits
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get, post
from convo_widgets.service.permissions import KNOWN
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import DEFAULT_ROLES, Change, new_sid
from convo_widgets.wire import json
from convo_widgets.wire.rest import Role


def _find(request: Request, sid: str) -> Row:
    row = request.store.row("SELECT * FROM roles WHERE sid = ?", sid)
    if row is None:
        raise Refused(50100)
    return row


def _show(request: Request, row: Row) -> Role:
    return Role(
        sid=row["sid"],
        **request.ids(),
        friendly_name=row["friendly_name"],
        type=row["type"],
        permissions=json.decode(row["permissions"], list[str]),
        **dates_of(row),
        url=request.url("Roles", row["sid"]),
    )


def _permissions(request: Request, type: str) -> str:
    """The permissions of the form, as they are kept."""
    given = request.many("Permission") or []
    if not given:
        raise Refused(20001, "Permission is needed")
    unknown = [name for name in given if name not in KNOWN[type]]
    if unknown:
        raise Refused(50104, f"{unknown[0][:40]!r} is no permission of a {type} role")
    return json.encode(sorted(set(given))).decode()


def _create(request: Request, change: Change) -> Answer:
    name, type = limits.name(request.demand("FriendlyName"), "FriendlyName"), request.demand("Type")
    if type not in KNOWN:
        raise Refused(50105, f"Type is {' or '.join(KNOWN)}")
    sid, permissions = new_sid("RL"), _permissions(request, type)
    sql = "INSERT INTO roles (sid, type, friendly_name, admin, permissions, date_created, date_updated)"
    change.run(f"{sql} VALUES (?, ?, ?, 0, ?, ?, ?)", sid, type, name, permissions, change.time, change.time)
    return Answer(_show(request, _find(request, sid)), 201)


def _get(request: Request) -> Answer:
    return Answer(_show(request, _find(request, request.names["role"])))


def _update(request: Request, change: Change) -> Answer:
    row = _find(request, request.names["role"])
    sql = "UPDATE roles SET permissions = ?, date_updated = ? WHERE id = ?"
    change.run(sql, _permissions(request, row["type"]), change.time, row["id"])
    return Answer(_show(request, _find(request, row["sid"])))


def _delete(request: Request, change: Change) -> Answer:
    row = _find(request, request.names["role"])
    used = (
        "SELECT EXISTS (SELECT 1 FROM users WHERE role_sid = ?1) "
        "OR EXISTS (SELECT 1 FROM participants WHERE role_sid = ?1)"
    )
    if row["sid"] in [request.store.meta(name) for name in DEFAULT_ROLES.values()]:
        raise Refused(20409, "this role goes without saying: name another one in the service's configuration first")
    if request.store.value(used, row["sid"]):
        raise Refused(20409, "somebody has this role: give another one first")
    change.run("DELETE FROM roles WHERE id = ?", row["id"])
    return Answer(status=204)


def _list(request: Request) -> Answer:
    return request.listing("roles", lambda row: _show(request, row), "SELECT * FROM roles", url=request.url("Roles"))


ROUTES = [
    get("/Roles", _list),
    post("/Roles", _create, "FriendlyName", "Type", "Permission"),
    get("/Roles/{role}", _get),
    post("/Roles/{role}", _update, "Permission"),
    delete("/Roles/{role}", _delete),
]
