"""Conversations: made, found, changed and deleted; and who may do what in them."""

from __future__ import annotations

from sqlite3 import Row
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from convo_widgets.service import gaps, limits, rights, settings, tell, timers, webhooks
from convo_widgets.service.calls import Answer, Call, delete, get, path, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store, new_sid
from convo_widgets.wire.schema import (
    ConversationLinks,
    ConversationObjects,
    ConversationReply,
    MyConversation,
    NewConversation,
)

VIEWS = (("channel", "ET", "document"), ("messages", "ES", "list"), ("roster", "MP", "map"))


def insert(
    store: Store,
    *,
    created_by: str,
    date_created: str,
    unique_name: str | None = None,
    friendly_name: str | None = None,
    attributes: str = "{}",
    date_updated: str | None = None,
    state: str = "active",
    **terms: str | None,
) -> tuple[int, str]:
    """A new conversation with its three Sync objects; the row and the sid. `terms` are those of the account."""
    sid, updated = new_sid("CH"), date_updated or date_created
    row = store.run(
        "INSERT INTO conversations (sid, unique_name, friendly_name, attributes, state, state_updated, created_by, "
        "next_index, date_created, date_updated) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
        *(sid, unique_name, friendly_name, attributes, state, updated, created_by, date_created, updated),
    )
    if terms:
        fields = ", ".join(f"{name} = ?" for name in terms)
        store.run(f"UPDATE conversations SET {fields} WHERE id = ?", *terms.values(), row)  # noqa: S608 - names of ours
    for view, prefix, type in VIEWS:
        values = (new_sid(prefix), f"{sid}.{view}", type, view, row, date_created)
        store.run("INSERT INTO sync_objects VALUES (?, ?, ?, ?, ?, ?)", *values)
    return row, sid


# --- Writing, from either side -------------------------------------------------------------------------------------


class Terms(Struct):
    """What only the account says of a conversation; a missing one stays as it is.

    Attributes:
        inactive_after: time without news until it becomes inactive, as an ISO 8601 duration.
        closed_after: the same until it is closed.
    """

    state: str | UnsetType = UNSET
    date_created: str | UnsetType = UNSET
    date_updated: str | UnsetType = UNSET
    messaging_service_sid: str | UnsetType | None = UNSET
    inactive_after: str | UnsetType | None = UNSET
    closed_after: str | UnsetType | None = UNSET
    email_address: str | UnsetType | None = UNSET
    email_name: str | UnsetType | None = UNSET

    def checked(self) -> dict[str, str | None]:
        """Those that are given.

        Raises:
            Refused: 50378 a state, 50375, 50376, 50379 or 50380 a timer, 20422 another one that cannot be.
        """
        given = {name: value for name, value in asdict(self).items() if value is not UNSET}
        if "state" in given:
            _state(given["state"])
        if given.get("messaging_service_sid") and not limits.is_sid(given["messaging_service_sid"], "MG"):
            raise Refused(20422, "MessagingServiceSid is the sid of a messaging service")
        for name, timer in (("inactive_after", limits.INACTIVE), ("closed_after", limits.CLOSED)):
            given |= {name: limits.duration(given[name], timer)} if name in given else {}
        for name in ("email_address", "email_name"):
            given |= {name: limits.name(given[name], name)} if name in given else {}
        return given


def usual(store: Store, terms: Terms | None = None) -> Terms:
    """What the account says of a new conversation, and where it does not, its configuration."""
    terms, known = terms or Terms(), settings.load(store, "account", settings.Account)
    if terms.messaging_service_sid is UNSET:
        terms.messaging_service_sid = known.default_messaging_service_sid
    if terms.inactive_after is UNSET:
        terms.inactive_after = known.default_inactive_timer
    if terms.closed_after is UNSET:
        terms.closed_after = known.default_closed_timer
    return terms


def create(change: Change, new: NewConversation, created_by: str, terms: Terms | None = None) -> str:
    """A new conversation; its sid.

    Raises:
        Refused: 50384 where it would be closed from the beginning.
    """
    if terms and terms.state == "closed":
        raise Refused(50384)
    given: dict[str, Any] = {"date_created": change.time, **(terms.checked() if terms else {})}
    row, sid = insert(
        change.store,
        created_by=created_by,
        unique_name=_free_name(change.store, new),
        friendly_name=limits.name(new.friendly_name, "friendly_name"),
        attributes=limits.attributes(new.attributes, limits.CONVERSATION_ATTRIBUTES),
        **given,
    )
    timers.plan(change, row)
    webhooks.conversation(change, "Added", row)
    return sid


def alter(change: Change, conversation: Row, new: NewConversation, terms: Terms | None = None) -> None:
    """Change what is given of a conversation.

    Raises:
        Refused: 50377 where the state of a closed one is to change.
    """
    values: dict[str, str | None] = {"date_updated": change.time, **(terms.checked() if terms else {})}
    if values.get("state", conversation["state"]) != conversation["state"]:
        demand_open(conversation)
        values["state_updated"] = change.time
    if new.friendly_name is not UNSET:
        values["friendly_name"] = limits.name(new.friendly_name, "friendly_name")
    if new.unique_name is not UNSET:
        values["unique_name"] = _free_name(change.store, new, conversation["id"])
    if new.attributes is not UNSET:
        values["attributes"] = limits.attributes(new.attributes, limits.CONVERSATION_ATTRIBUTES)
    fields = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE conversations SET {fields} WHERE id = ?"  # noqa: S608 - names from above
    change.run(sql, *values.values(), conversation["id"])
    timers.plan(change, conversation["id"])
    tell.channel(change, conversation["id"])
    webhooks.conversation(change, "Updated", conversation["id"], conversation["state"])


def _free_name(store: Store, new: NewConversation, self: int | None = None) -> str | None:
    """The asked unique name, which nobody else may have."""
    name = limits.unique_name(new.unique_name)
    if name is not None:
        other = store.value("SELECT id FROM conversations WHERE unique_name = ?", name)
        if other not in (None, self):
            raise Refused(50353)
    return name


def _state(state: str) -> str:
    if state not in ("active", "inactive", "closed"):
        raise Refused(50378, "active, inactive or closed")
    return state


def remove(change: Change, conversation: int) -> None:
    """Remove a conversation with all that belongs to it, and tell everybody who had it."""
    store = change.store
    webhooks.conversation(change, "Removed", conversation)
    people = store.rows("SELECT identity FROM participants WHERE conversation = ? AND identity NOTNULL", conversation)
    for row in people:
        tell.membership(change, conversation, "removed", row["identity"])
    for view, _, type in VIEWS:
        sid = store.object_sid(view, conversation)
        change.removed(sid, type)
        change.run("DELETE FROM sync_objects WHERE sid = ?", sid)
    change.run("DELETE FROM conversations WHERE id = ?", conversation)
    change.never("channel", conversation)


# --- Finding and permissions ---------------------------------------------------------------------------------------


def find(call: Call) -> Row:
    """The conversation in the path, by sid or, for who is inside, unique name; percent-encoded or not.

    Raises:
        Refused: 50350 where there is none, or it has a name that an outsider guessed.
    """
    name = call.names["conversation"]
    row = find_by(call.store, name, call.raw_names["conversation"])
    if row["sid"] != name and not rights.insider(call.store, row["id"], call.identity):
        raise Refused(50350)
    return row


def find_by(store: Store, *names: str) -> Row:
    """The conversation that has one of these as sid or unique name."""
    for name in names:
        column = "sid" if limits.is_sid(name, "CH") else "unique_name"
        row = store.row(f"SELECT * FROM conversations WHERE {column} = ?", name)  # noqa: S608
        if row is not None:
            return row
    raise Refused(50350)


def membership(call: Call, conversation: Row) -> Row | None:
    """The caller as a participant, None where he is none."""
    sql = "SELECT * FROM participants WHERE conversation = ? AND identity = ?"
    return call.store.row(sql, conversation["id"], call.identity)


def demand_member(call: Call, conversation: Row) -> Row:
    """The caller as a participant."""
    member = membership(call, conversation)
    if member is None:
        raise Refused(50430)
    return member


def demand_insider(call: Call, conversation: Row) -> None:
    """The caller must be a participant, the creator or an admin of the service."""
    if not rights.insider(call.store, conversation["id"], call.identity):
        raise Refused(50430)


def demand_open(conversation: Row) -> None:
    """Closed is final."""
    if conversation["state"] == "closed":
        raise Refused(50377)


def standing(call: Call, conversation: Row) -> rights.Standing:
    """What the caller is in the conversation, and may do there."""
    return rights.Standing(call.store, conversation["id"], call.identity)


# --- How it is told ------------------------------------------------------------------------------------------------


def objects(store: Store, conversation: int) -> ConversationObjects:
    """Sids of the three Sync objects."""
    sids = [store.object_sid(view, conversation) for view in ("channel", "roster", "messages")]
    return ConversationObjects(*sids)


def links(call: Call, sid: str) -> ConversationLinks:
    """URLs of the parts."""
    return ConversationLinks(call.url("Conversations", sid, "Messages"), call.url("Conversations", sid, "Participants"))


def mine(call: Call, conversation: Row, member: Row | None) -> MyConversation:
    """A conversation as its participant sees it."""
    return MyConversation(
        conversation_sid=conversation["sid"],
        sync_objects=objects(call.store, conversation["id"]),
        status="joined" if member else "notParticipating",
        friendly_name=conversation["friendly_name"],
        unique_name=conversation["unique_name"],
        created_by=conversation["created_by"],
        date_created=conversation["date_created"],
        date_updated=conversation["date_updated"],
        attributes=conversation["attributes"],
        last_read_message_index=member["last_read"] if member else None,
        unread_messages_count=unread(call.store, conversation, member["last_read"]) if member else None,
        notification_level=member["notification_level"] if member else None,
    )


def unread(store: Store, conversation: Row, last_read: int | None) -> int | None:
    """How many messages still there are above the horizon; None where there is no horizon."""
    return None if last_read is None else gaps.messages(store, conversation, last_read)


def _reply(call: Call, sid: str) -> ConversationReply:
    row = call.store.row("SELECT * FROM conversations WHERE sid = ?", sid)
    assert row is not None
    return ConversationReply(
        sid=sid,
        url=call.url("Conversations", sid),
        links=links(call, sid),
        sync_objects=objects(call.store, row["id"]),
        friendly_name=row["friendly_name"],
        unique_name=row["unique_name"],
        created_by=row["created_by"],
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        attributes=row["attributes"],
    )


# --- Handlers ------------------------------------------------------------------------------------------------------


def _create(call: Call, change: Change) -> Answer:
    rights.demand_user(call.store, call.identity, "createConversation")
    sid = create(change, call.changed(call.read(NewConversation)), call.identity)
    return Answer(_reply(call, sid), 201, path("Conversations", sid))


def _get(call: Call) -> Answer:
    conversation = find(call)
    member = membership(call, conversation)
    if not rights.insider(call.store, conversation["id"], call.identity):
        raise Refused(50350)
    body = mine(call, conversation, member)
    count = "SELECT count(*) FROM participants WHERE conversation = ?"
    body.participants_count = call.store.value(count, conversation["id"])
    body.messages_count = gaps.messages(call.store, conversation)
    body.sid = conversation["sid"]
    body.url = call.url("Conversations", conversation["sid"])
    body.links = links(call, conversation["sid"])
    return Answer(body)


def _update(call: Call, change: Change) -> Answer:
    conversation, new = find(call), call.read(NewConversation)
    me = standing(call, conversation)
    for permission in _changing(new):
        me.demand(permission)
    alter(change, conversation, call.changed(new))
    return Answer(_reply(call, conversation["sid"]), resource=path("Conversations", conversation["sid"]))


def _changing(new: NewConversation) -> list[str]:
    """What is needed for a change; for one of nothing, all."""
    name = new.friendly_name is not UNSET or new.unique_name is not UNSET
    attributes = new.attributes is not UNSET
    needed = [(name, "editConversationName"), (attributes, "editConversationAttributes")]
    return [permission for given, permission in needed if given or not (name or attributes)]


def _delete(call: Call, change: Change) -> Answer:
    conversation = find(call)
    standing(call, conversation).demand("deleteConversation")
    remove(change, conversation["id"])
    return Answer(status=204)


ROUTES = [
    post("/Client/v2/Conversations", _create),
    get("/Client/v2/Conversations/{conversation*}", _get),
    post("/Client/v2/Conversations/{conversation}", _update),
    delete("/Client/v2/Conversations/{conversation}", _delete),
]
