"""Who can be reached: online while a connection is there, notifiable while a device is registered for push."""

from __future__ import annotations

from convo_widgets.service import limits, tell, users
from convo_widgets.service.calls import Answer, Call, delete, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store, new_sid
from convo_widgets.wire import json
from convo_widgets.wire.schema import PushRegistration, PushRegistrationReply, PushRemoval

DEVICES = 100
"""Registrations of a user."""
_ADDRESS = 4096
MESSAGE_TYPES = 20
"""Kinds of push messages that a device asks for."""


def set_online(change: Change, identity: str, online: bool) -> None:
    """A user's first connection came, or the last one went."""
    user = change.store.value("SELECT id FROM users WHERE identity = ?", identity)
    if user is None:  # the account removed it meanwhile
        return
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
    sql = "SELECT sid FROM registrations WHERE identity = ? AND channel_type = ? AND address = ?"
    sid = call.store.value(sql, call.identity, new.channel_type, address)
    types = json.encode([limits.name(type, "message_types") for type in new.message_types[:MESSAGE_TYPES]]).decode()
    if sid is not None:
        sql = "UPDATE registrations SET message_types = ?, date_updated = ? WHERE sid = ?"
        change.run(sql, types, change.time, sid)
    else:
        if call.store.value("SELECT count(*) FROM registrations WHERE identity = ?", call.identity) >= DEVICES:
            raise Refused(20429, "devices")
        sid = new_sid("BS")
        sql = (
            "INSERT INTO registrations (sid, identity, channel_type, address, message_types, date_created, "
            "date_updated) VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        values = (call.identity, new.channel_type, address, types, change.time, change.time)
        change.run(sql, sid, *values)
        _tell(change, call.identity)
    return Answer(PushRegistrationReply(sid), 201)


def _remove(call: Call, change: Change) -> Answer:
    unregister(change, call.identity, call.names["registration"])
    return Answer(status=204)


def _remove_by_address(call: Call, change: Change) -> Answer:
    old = call.read(PushRemoval)
    sql = "DELETE FROM registrations WHERE identity = ? AND channel_type = ? AND address = ?"
    change.run(sql, call.identity, old.binding_type, old.address)
    _tell(change, call.identity)
    return Answer(status=204)


def unregister(change: Change, identity: str, sid: str) -> None:
    """Forget a device of a user."""
    change.run("DELETE FROM registrations WHERE identity = ? AND sid = ?", identity, sid)
    _tell(change, identity)


def _tell(change: Change, identity: str) -> None:
    tell.reachability(change, users.ensure(change, identity))


ROUTES = [
    post("/v1/registrations", _register),
    delete("/v1/registrations", _remove_by_address),
    delete("/v1/registrations/{registration}", _remove),
]
