"""Users."""

from __future__ import annotations

import functools
from sqlite3 import Row

from convo_widgets.service import memberships, users, views
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get, post
from convo_widgets.service.store import Change
from convo_widgets.wire.rest import AccountUser
from convo_widgets.wire.schema import NewUserInfo

FIELDS = ("FriendlyName", "Attributes", "RoleSid")


def _show(request: Request, row: Row, *, listed: bool = False) -> AccountUser:
    """A user; who is reached is told of one, not in a list."""
    reached = views.reachability(request.store, row) if request.store.reachability and not listed else None
    return AccountUser(
        sid=row["sid"],
        **request.ids(),
        role_sid=row["role_sid"],
        identity=row["identity"],
        friendly_name=row["friendly_name"],
        attributes=row["attributes"],
        is_online=reached.online if reached else None,
        is_notifiable=reached.notifiable if reached else None,
        **dates_of(row),
        url=request.url("Users", row["sid"]),
        links={"user_conversations": request.url("Users", row["sid"], "Conversations")},
    )


def _get(request: Request) -> Answer:
    return Answer(_show(request, users.find_by(request.store, request.names["user"])))


def _new(request: Request) -> NewUserInfo:
    return NewUserInfo(request.text("FriendlyName"), request.text("Attributes"))


def _update(request: Request, change: Change) -> Answer:
    row = users.find_by(request.store, request.names["user"])
    users.alter(change, row, _new(request))
    role = request.maybe("RoleSid")
    if role is not None:
        users.give_role(change, row, role)
    return Answer(_show(request, users.find_by(request.store, row["sid"])))


def _create(request: Request, change: Change) -> Answer:
    sid = users.create(change, request.demand("Identity"), _new(request), request.maybe("RoleSid"))
    return Answer(_show(request, users.find_by(request.store, sid)), 201)


def _delete(request: Request, change: Change) -> Answer:
    memberships.remove_user(change, users.find_by(request.store, request.names["user"]))
    return Answer(status=204)


def _list(request: Request) -> Answer:
    show = functools.partial(_show, request, listed=True)
    return request.listing("users", show, "SELECT * FROM users", url=request.url("Users"))


ROUTES = [
    get("/Users", _list),
    post("/Users", _create, "Identity", *FIELDS),
    get("/Users/{user}", _get),
    post("/Users/{user}", _update, *FIELDS),
    delete("/Users/{user}", _delete),
]
