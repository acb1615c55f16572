"""Users and roles."""

from __future__ import annotations

from convo_widgets.service import users, views
from convo_widgets.service.account.requests import Answer, Request, get, post
from convo_widgets.service.rights import PERMISSIONS
from convo_widgets.service.store import Change
from convo_widgets.wire.rest import AccountUser, PageMeta, Role, RolePage
from convo_widgets.wire.schema import NewUserInfo


def _show(request: Request, name: str) -> AccountUser:
    row = users.find_by(request.store, name)
    reached = views.reachability(request.store, row) if request.store.reachability else None
    return AccountUser(
        sid=row["sid"],
        **request.ids(),
        role_sid=row["role_sid"],
        identity=row["identity"],
        friendly_name=row["friendly_name"],
        attributes=row["attributes"],
        is_online=reached.online if reached else None,
        is_notifiable=reached.notifiable if reached else None,
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        url=request.url("Users", row["sid"]),
        links={"user_conversations": request.url("Users", row["sid"], "Conversations")},
    )


def _get(request: Request) -> Answer:
    return Answer(_show(request, request.names["user"]))


def _update(request: Request, change: Change) -> Answer:
    row = users.find_by(request.store, request.names["user"])
    users.alter(change, row, NewUserInfo(request.text("FriendlyName"), request.text("Attributes")))
    role = request.maybe("RoleSid")
    if role is not None:
        users.give_role(change, row, role)
    return Answer(_show(request, row["identity"]))


def _roles(request: Request) -> Answer:
    rows = request.store.rows("SELECT * FROM roles ORDER BY type DESC, admin DESC")
    roles = [
        Role(
            sid=row["sid"],
            **request.ids(),
            friendly_name=row["friendly_name"],
            type=row["type"],
            permissions=PERMISSIONS[row["type"], bool(row["admin"])],
            url=request.url("Roles", row["sid"]),
        )
        for row in rows
    ]
    url = f"{request.url('Roles')}?PageSize=50&Page=0"
    return Answer(RolePage(roles, PageMeta("roles", 0, 50, url, url)))


ROUTES = [
    get("/Users/{user}", _get),
    post("/Users/{user}", _update),
    get("/Roles", _roles),
]
