"""Users: made when they first come or are added, changed by themselves and by who may change all."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import UNSET

from convo_widgets.service import limits, rights, tell, webhooks
from convo_widgets.service.calls import Answer, Call, get, path, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store, new_sid
from convo_widgets.wire.schema import NewUserInfo, UserObjects, UserReply


def ensure(change: Change, identity: str, role_sid: str | None = None) -> int:
    """Row of the user of an identity, who is made where he is new, with a role of the service."""
    known = change.store.value("SELECT id FROM users WHERE identity = ?", identity)
    if known is not None:
        return int(known)
    user = insert(change.store, identity, change.time, role_sid=role_sid)
    webhooks.user(change, "Added", user)
    return user


def create(change: Change, identity: str, new: NewUserInfo, role_sid: str | None = None) -> str:
    """A new user; the sid.

    Raises:
        Refused: 50201 where there is one already.
    """
    if change.store.value("SELECT id FROM users WHERE identity = ?", limits.identity(identity)) is not None:
        raise Refused(50201)
    name = limits.name(new.friendly_name, "friendly_name")
    attributes = limits.attributes(new.attributes, limits.CONVERSATION_ATTRIBUTES)
    user = insert(change.store, identity, change.time, name, attributes, role_sid)
    webhooks.user(change, "Added", user)
    return str(change.store.value("SELECT sid FROM users WHERE id = ?", user))


def insert(
    store: Store,
    identity: str,
    time: str,
    friendly_name: str | None = None,
    attributes: str = "{}",
    role_sid: str | None = None,
) -> int:
    """A new user with both maps; the row. Without `role_sid` it has the role that goes without saying."""
    sid = new_sid("US")
    sql = (
        "INSERT INTO users (sid, identity, friendly_name, role_sid, attributes, date_created, date_updated) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    role = rights.role(store, role_sid, "service") if role_sid else store.role("service", admin=False)
    user = store.run(sql, sid, identity, friendly_name, role, attributes, time, time)
    for view in ("info", "conversations"):
        values = (new_sid("MP"), f"{sid}.{view}", "map", view, user, time)
        store.run("INSERT INTO sync_objects VALUES (?, ?, ?, ?, ?, ?)", *values)
    return user


def _find(call: Call) -> Row:
    """The user in the path, percent-encoded or not."""
    return find_by(call.store, call.names["identity"], call.raw_names["identity"])


def find_by(store: Store, *identities: str) -> Row:
    """The user that has one of these as identity or sid."""
    for identity in identities:
        sql = "SELECT * FROM users WHERE identity = ?1 OR sid = ?1 ORDER BY identity = ?1 DESC"
        row = store.row(sql, identity)
        if row is not None:
            return row
    raise Refused(50200)


def _show(call: Call, user: Row) -> UserReply:
    return UserReply(
        identity=user["identity"],
        sync_objects=UserObjects(call.store.object_sid("info", user["id"])),
        friendly_name=user["friendly_name"],
        attributes=user["attributes"],
        url=call.url("Users", user["identity"]),
    )


def _get(call: Call) -> Answer:
    return Answer(_show(call, _find(call)))


def _update(call: Call, change: Change) -> Answer:
    user, new = _find(call), call.read(NewUserInfo)
    own = user["identity"] == call.identity
    rights.demand_user(call.store, call.identity, *rights.own_or_any(own, "editOwnUserInfo", "editAnyUserInfo"))
    alter(change, user, new)
    return Answer(_show(call, _find(call)), resource=path("Users", user["identity"]))


def alter(change: Change, user: Row, new: NewUserInfo) -> None:
    """Change what is given of a user."""
    if new.friendly_name is not UNSET:
        value = limits.name(new.friendly_name, "friendly_name")
        change.run("UPDATE users SET friendly_name = ?, date_updated = ? WHERE id = ?", value, change.time, user["id"])
        tell.info(change, user["id"], "friendlyName")
    if new.attributes is not UNSET:
        value = limits.attributes(new.attributes, limits.CONVERSATION_ATTRIBUTES)
        change.run("UPDATE users SET attributes = ?, date_updated = ? WHERE id = ?", value, change.time, user["id"])
        tell.info(change, user["id"], "attributes")
    webhooks.user(change, "Updated", user["id"])


def give_role(change: Change, user: Row, role_sid: str) -> None:
    """Give a user another role in the service, which acts at once: also on what the user follows."""
    values = (rights.role(change.store, role_sid, "service"), change.time, user["id"])
    change.run("UPDATE users SET role_sid = ?, date_updated = ? WHERE id = ?", *values)
    change.revoked.append((user["identity"], None))
    webhooks.user(change, "Updated", user["id"])


ROUTES = [
    get("/Client/v2/Users/{identity*}", _get),
    post("/Client/v2/Users/{identity*}", _update),
]
