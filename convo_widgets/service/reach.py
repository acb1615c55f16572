"""Who can be reached: online while a connection is there, notifiable while a device is registered for push."""

from __future__ import annotations

from convo_widgets.service import tell, users
from convo_widgets.service.calls import Answer, Call, delete, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store, new_sid
from convo_widgets.wire.schema import PushRegistration, PushRegistrationReply, PushRemoval

DEVICES = 100
"""Registrations of a user."""
_ADDRESS = 4096


def set_online(change: Change, identity: str, online: bool) -> None:
    """A user's first connection came, or the last one went."""
    user = users.ensure(change, identity)
    change.run("UPDATE users SET online = ? WHERE id = ?", int(online), user)
    tell.reachability(change, user)


def start(store: Store) -> None:
    """Nobody is connected yet, whatever was so when the service ended."""
    left = store.rows("SELECT id FROM users WHERE online")
    if left:
        with store.write() as change:
            change.run("UPDATE users SET online = 0 WHERE online")
            for row in left:
                tell.reachability(change, row["id"])


# --- Devices -------------------------------------------------------------------------------------------------------


def _register(call: Call, change: Change) -> Answer:
    new = call.read(PushRegistration)
    address = new.data.get("registration_id", "")
    if new.channel_type not in ("fcm", "apn") or not 0 < len(address) <= _ADDRESS:
        raise Refused(20422, f"channel_type is fcm or apn, registration_id has 1 to {_ADDRESS:,} characters")
    sql = "SELECT id FROM registrations WHERE identity = ? AND channel_type = ? AND address = ?"
    id = call.store.value(sql, call.identity, new.channel_type, address)
    if id is None:
        if call.store.value("SELECT count(*) FROM registrations WHERE identity = ?", call.identity) >= DEVICES:
            raise Refused(20429, "devices")
        id = new_sid("BS")
        change.run("INSERT INTO registrations VALUES (?, ?, ?, ?)", id, call.identity, new.channel_type, address)
        _tell(change, call.identity)
    return Answer(PushRegistrationReply(id), 201)


def _remove(call: Call, change: Change) -> Answer:
    sql = "DELETE FROM registrations WHERE identity = ? AND id = ?"
    change.run(sql, call.identity, call.names["registration"])
    _tell(change, call.identity)
    return Answer(status=204)


def _remove_by_address(call: Call, change: Change) -> Answer:
    old = call.read(PushRemoval)
    sql = "DELETE FROM registrations WHERE identity = ? AND channel_type = ? AND address = ?"
    change.run(sql, call.identity, old.binding_type, old.address)
    _tell(change, call.identity)
    return Answer(status=204)


def _tell(change: Change, identity: str) -> None:
    tell.reachability(change, users.ensure(change, identity))


ROUTES = [
    post("/v1/registrations", _register),
    delete("/v1/registrations", _remove_by_address),
    delete("/v1/registrations/{registration}", _remove),
]
