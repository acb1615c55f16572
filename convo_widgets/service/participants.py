"""Participants: join, be added by identity or address, change, leave, be removed."""

from __future__ import annotations

from collections.abc import Iterable
from sqlite3 import Row
from typing import Any

from msgspec import UNSET

from convo_widgets.service import conversations, groups, limits, rights, tell, timers, users, webhooks
from convo_widgets.service.calls import Answer, Call, delete, get, path, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store, new_sid
from convo_widgets.wire.schema import MessagingBinding, NewParticipant, ParticipantReply

FIELDS = (
    *("sid", "conversation", "identity", "type", "address", "proxy_address", "name", "level", "role_sid"),
    *("attributes", "last_read", "last_read_at", "notification_level", "date_created", "date_updated"),
    "projected_address",
)
INSERT = f"INSERT INTO participants ({', '.join(FIELDS)}) VALUES ({', '.join('?' * len(FIELDS))})"  # noqa: S608


def insert(store: Store, conversation: int, role_sid: str, time: str, **fields: Any) -> str:
    """A new participant of the given fields; the sid."""
    values: dict[str, Any] = dict.fromkeys(FIELDS)
    values |= {"sid": new_sid("MB"), "conversation": conversation, "type": "chat", "role_sid": role_sid}
    values |= {"attributes": "{}", "notification_level": "default", "date_created": time, "date_updated": time}
    values |= fields
    store.run(INSERT, *values.values())
    return str(values["sid"])


# --- Finding and telling -------------------------------------------------------------------------------------------


def _find(call: Call, conversation: Row) -> Row:
    """The participant in the path, by sid or identity, percent-encoded or not."""
    return find_by(call.store, conversation, call.names["participant"], call.raw_names["participant"])


def find_by(store: Store, conversation: Row, *names: str) -> Row:
    """The participant that has one of these as sid or identity."""
    sql = "SELECT * FROM participants WHERE conversation = ? AND (sid = ? OR identity = ?)"
    for name in names:
        row = store.row(sql, conversation["id"], name, name)
        if row is not None:
            return row
    raise Refused(50402)


def _show(call: Call, conversation: Row, sid: str) -> ParticipantReply:
    row = call.store.row("SELECT * FROM participants WHERE sid = ?", sid)
    assert row is not None
    return ParticipantReply(
        sid=sid,
        account_sid=call.store.meta("account_sid"),
        chat_service_sid=call.store.meta("service_sid"),
        conversation_sid=conversation["sid"],
        role_sid=row["role_sid"],
        attributes=row["attributes"],
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        identity=row["identity"],
        messaging_binding=binding_of(row),
        url=call.url("Conversations", conversation["sid"], "Participants", sid),
        links={"conversation": call.url("Conversations", conversation["sid"])},
    )


def binding_of(row: Row) -> MessagingBinding | None:
    """Address of a participant who is not on chat."""
    if not row["address"] and not row["projected_address"]:
        return None
    type = row["type"] if row["address"] else "sms"
    return MessagingBinding(
        row["address"], row["proxy_address"], type, row["name"], row["level"], row["projected_address"]
    )


# --- Writing, from either side -------------------------------------------------------------------------------------


def add(change: Change, conversation: Row, new: NewParticipant, role_sid: str | None = None, **dates: str) -> str:
    """A new participant, by identity or by address; its sid. `dates` stand in place of now."""
    (sid,) = add_all(change, conversation, [(new, role_sid)], **dates)
    return sid


def add_all(
    change: Change, conversation: Row, people: Iterable[tuple[NewParticipant, str | None]], **dates: str
) -> list[str]:
    """New participants with their roles, who come together; their sids.

    Who has a projected address comes first, for that makes a group of telephones, in which others need no proxy.
    """
    ordered = sorted(people, key=lambda one: not (one[0].messaging_binding or MessagingBinding()).projected_address)
    sids = [_add_one(change, conversation, new, role_sid, dates) for new, role_sid in ordered]
    groups.check(change.store, conversation["id"], sids)
    return sids


def _add_one(
    change: Change, conversation: Row, new: NewParticipant, role_sid: str | None, dates: dict[str, str]
) -> str:
    conversations.demand_open(conversation)
    timers.wake(change, conversation)
    fields = {"attributes": limits.attributes(new.attributes, limits.ATTRIBUTES), **dates}
    binding = new.messaging_binding or MessagingBinding()
    _demand_room(change.store, conversation["id"], chat=not binding.address)
    if binding.address or (binding.proxy_address and not new.identity):
        if new.identity:
            raise Refused(20001, "identity or an address, not both")
        return _add_address(change, conversation, binding, fields, role_sid)
    if not isinstance(new.identity, str):
        raise Refused(20001, "identity or messaging_binding is needed")
    if binding.projected_address:
        fields["projected_address"] = limits.projected(binding.projected_address)
    return _add_identity(change, conversation, limits.identity(new.identity), fields, role_sid)


def _demand_room(store: Store, conversation: int, *, chat: bool) -> None:
    """A conversation has only so many participants.

    Raises:
        Refused: 50417 where it is full, 50418 where it has too many who are not on chat.
    """
    sql = "SELECT count(*), count(address) FROM participants WHERE conversation = ?"
    row = store.row(sql, conversation)
    assert row is not None
    if row[0] >= limits.PARTICIPANTS:
        raise Refused(50417, f"at most {limits.PARTICIPANTS:,}")
    if not chat and row[1] >= limits.NON_CHAT:
        raise Refused(50418, f"at most {limits.NON_CHAT}")


def alter(
    change: Change, conversation: Row, row: Row, new: NewParticipant, role_sid: str | None = None, **dates: str
) -> None:
    """Change what is given of a participant; a role acts at once. `dates` stand in place of its own."""
    values: dict[str, str | None] = {"date_updated": change.time, **dates}
    if new.attributes is not UNSET:
        values["attributes"] = limits.attributes(new.attributes, limits.ATTRIBUTES)
    if role_sid is not None:
        values["role_sid"] = rights.role(change.store, role_sid, "conversation")
    if new.messaging_binding:
        values |= _rebind(change.store, row, new.messaging_binding)
    if values == {"date_updated": change.time}:
        return
    fields = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE participants SET {fields} WHERE id = ?"  # noqa: S608 - names from above
    change.run(sql, *values.values(), row["id"])
    if "projected_address" in values:
        groups.check(change.store, conversation["id"])
    tell.participant(change, conversation["id"], "updated", row["sid"])
    webhooks.participant(change, "Updated", conversation, row["sid"])


def remove(change: Change, conversation: Row, row: Row) -> None:
    """Remove a participant, who sees nothing of the conversation from then on."""
    webhooks.participant(change, "Removed", conversation, row["sid"])
    change.run("DELETE FROM participants WHERE id = ?", row["id"])
    tell.participant(change, conversation["id"], "removed", row["sid"])
    if row["identity"] is not None:
        _lose(change, conversation, row["identity"])


def become(change: Change, conversation: Row, row: Row, identity: str) -> None:
    """Give the place of a participant on chat, its sid and role, to another user: one leaves, the other joins."""
    conversations.demand_open(conversation)
    if row["identity"] is None:
        raise Refused(20422, "who is here by an address does not become a user")
    _demand_welcome(change.store, conversation, limits.identity(identity))
    users.ensure(change, identity)
    sql = (
        "UPDATE participants SET identity = ?, last_read = NULL, last_read_at = NULL, notification_level = 'default', "
        "date_updated = ? WHERE id = ?"
    )
    change.run(sql, identity, change.time, row["id"])
    tell.participant(change, conversation["id"], "removed", row["sid"])
    _lose(change, conversation, row["identity"])
    tell.participant(change, conversation["id"], "added", row["sid"])
    webhooks.participant(change, "Updated", conversation, row["sid"])
    tell.membership(change, conversation["id"], "added", identity)


def _lose(change: Change, conversation: Row, identity: str) -> None:
    """A user is in the conversation no more."""
    tell.membership(change, conversation["id"], "removed", identity)
    if identity == conversation["created_by"]:
        change.run("UPDATE conversations SET creator_left = 1 WHERE id = ?", conversation["id"])
    sids = [change.store.object_sid(view, conversation["id"]) for view, _, _ in conversations.VIEWS]
    change.revoked.append((identity, sids))


def _demand_welcome(store: Store, conversation: Row, identity: str) -> None:
    """A user who comes is not here already, and not in too many conversations.

    Raises:
        Refused: 50433, 50214.
    """
    sql = "SELECT EXISTS (SELECT 1 FROM participants WHERE conversation = ? AND identity = ?)"
    if store.value(sql, conversation["id"], identity):
        raise Refused(50433)
    sql = (
        "SELECT count(*) FROM participants JOIN conversations ON conversations.id = conversation "
        "WHERE identity = ? AND state <> 'closed'"
    )
    if store.value(sql, identity) >= limits.CONVERSATIONS:
        raise Refused(50214, f"at most {limits.CONVERSATIONS:,} that are not closed")


def _rebind(store: Store, row: Row, binding: MessagingBinding) -> dict[str, str | None]:
    """Another proxy or projected address."""
    values: dict[str, str | None] = {}
    if binding.proxy_address:
        if not row["address"]:
            raise Refused(50441, "who is on chat has no address")
        limits.binding(row["address"], binding.proxy_address)
        if binding.proxy_address != row["proxy_address"]:
            _demand_free(store, row["conversation"], row["address"], binding.proxy_address)
        values["proxy_address"] = binding.proxy_address
    if binding.projected_address:
        if row["address"]:
            raise Refused(50443, "who has an address of their own")
        values["projected_address"] = limits.projected(binding.projected_address)
    return values


def _add_identity(
    change: Change, conversation: Row, identity: str, fields: dict[str, Any], role_sid: str | None
) -> str:
    _demand_welcome(change.store, conversation, identity)
    users.ensure(change, identity)
    role = _role(change.store, role_sid, admin=conversation["created_by"] == identity)
    sid = insert(change.store, conversation["id"], role, change.time, identity=identity, **fields)
    tell.participant(change, conversation["id"], "added", sid)
    webhooks.participant(change, "Added", conversation, sid)
    tell.membership(change, conversation["id"], "added", identity)
    return sid


def _role(store: Store, role_sid: str | None, *, admin: bool) -> str:
    """The role that was asked for, or the one that goes without saying."""
    if role_sid is not None:
        return rights.role(store, role_sid, "conversation")
    return store.role("conversation", admin=admin)


def _add_address(
    change: Change, conversation: Row, binding: MessagingBinding, fields: dict[str, Any], role_sid: str | None
) -> str:
    if binding.projected_address:
        raise Refused(50443, "who has an address of their own")
    grouped = groups.is_group(change.store, conversation["id"])
    fields |= {
        "type": limits.binding(binding.address, binding.proxy_address, grouped=grouped),
        "address": binding.address,
        "proxy_address": binding.proxy_address,
        "name": limits.name(binding.name, "name"),
        "level": binding.level if binding.level in ("to", "from", "cc") else None,
    }
    _demand_free(change.store, conversation["id"], binding.address, binding.proxy_address)
    role = _role(change.store, role_sid, admin=False)
    sid = insert(change.store, conversation["id"], role, change.time, **fields)
    tell.participant(change, conversation["id"], "added", sid)
    webhooks.participant(change, "Added", conversation, sid)
    return sid


def _demand_free(store: Store, conversation: int, address: str | None, proxy_address: str | None) -> None:
    """No open conversation may have the pair of addresses: a message of it would have two places to go.

    Without a proxy there is no pair: only the conversation itself may not have the address already.
    """
    sql = (
        "SELECT EXISTS (SELECT 1 FROM participants JOIN conversations ON conversations.id = conversation "
        "WHERE address = ? AND proxy_address IS ? "
        "AND (conversation = ? OR (state <> 'closed' AND proxy_address NOTNULL)))"
    )
    if store.value(sql, address, proxy_address, conversation):
        raise Refused(50416)


# --- The users' side -----------------------------------------------------------------------------------------------


def _add(call: Call, change: Change) -> Answer:
    conversation, new = conversations.find(call), call.read(NewParticipant)
    _demand_add(call, conversation, new)
    sid = add(change, conversation, new)
    resource = path("Conversations", conversation["sid"], "Participants", sid)
    return Answer(_show(call, conversation, sid), 201, resource)


def _demand_add(call: Call, conversation: Row, new: NewParticipant) -> None:
    """Whoever knows the sid of a conversation may join it, if he may join at all; to add others one must be inside."""
    if new.identity == call.identity and not new.messaging_binding:
        if conversations.membership(call, conversation) is None:
            rights.demand_user(call.store, call.identity, "joinConversation")
    else:
        needed = "addParticipant" if new.identity else "addNonChatParticipant"
        conversations.standing(call, conversation).demand(needed)


def _get(call: Call) -> Answer:
    conversation = conversations.find(call)
    conversations.demand_insider(call, conversation)
    return Answer(_show(call, conversation, _find(call, conversation)["sid"]))


def _update(call: Call, change: Change) -> Answer:
    conversation, new = conversations.find(call), call.read(NewParticipant)
    me = conversations.standing(call, conversation)
    mine, any = "editOwnParticipantAttributes", "editAnyParticipantAttributes"
    me.demand_inside(any)
    row = _find(call, conversation)
    me.demand(*rights.own_or_any(row["identity"] == call.identity, mine, any))
    alter(change, conversation, row, new)
    resource = path("Conversations", conversation["sid"], "Participants", row["sid"])
    return Answer(_show(call, conversation, row["sid"]), resource=resource)


def _remove(call: Call, change: Change) -> Answer:
    conversation = conversations.find(call)
    me = conversations.standing(call, conversation)
    me.demand_inside("removeParticipant")
    row = _find(call, conversation)
    me.demand("leaveConversation" if row["identity"] == call.identity else "removeParticipant")
    remove(change, conversation, row)
    return Answer(status=204)


ROUTES = [
    post("/Client/v2/Conversations/{conversation}/Participants", _add),
    get("/Client/v2/Conversations/{conversation}/Participants/{participant*}", _get),
    post("/Client/v2/Conversations/{conversation}/Participants/{participant*}", _update),
    delete("/Client/v2/Conversations/{conversation}/Participants/{participant*}", _remove),
]
