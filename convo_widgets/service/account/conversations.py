"""Conversations, also with their first participants, and the conversations that somebody is in."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import UNSET, Struct, UnsetType

from convo_widgets.service import conversations, limits, participants, timers
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get, moment, post, time_in
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store
from convo_widgets.wire import json
from convo_widgets.wire.rest import AccountConversation, ParticipantConversation
from convo_widgets.wire.schema import MessagingBinding, NewConversation, NewParticipant

MOST = 100
"""Rows in a page."""
FIRST = 10
"""Participants that a conversation may be made with."""
FIELDS = (
    *("FriendlyName", "UniqueName", "Attributes", "State", "DateCreated", "DateUpdated", "MessagingServiceSid"),
    *("Timers.Inactive", "Timers.Closed", "Bindings.Email.Address", "Bindings.Email.Name"),
)


def find(request: Request) -> Row:
    """The conversation in the path, by sid or unique name."""
    return conversations.find_by(request.store, request.names["conversation"])


def _show(request: Request, row: Row) -> AccountConversation:
    sid, parts = row["sid"], ("Participants", "Messages", "Webhooks", "Export")
    email = {"projected_address": row["email_address"], "name": row["email_name"]}
    return AccountConversation(
        sid=sid,
        **request.ids(),
        messaging_service_sid=row["messaging_service_sid"],
        friendly_name=row["friendly_name"],
        unique_name=row["unique_name"],
        attributes=row["attributes"],
        state=row["state"],
        timers=timers_of(request.store, row),
        bindings={"email": email} if any(email.values()) else {},
        **dates_of(row),
        url=request.url("Conversations", sid),
        links={part.lower(): request.url("Conversations", sid, part) for part in parts},
    )


def timers_of(store: Store, row: Row) -> dict[str, str]:
    """When a conversation would become inactive, and be closed, if nothing happened in it."""
    return {name: moment(time) or "" for name, time in timers.dates(store, row).items()}


def _new(request: Request) -> NewConversation:
    return NewConversation(
        friendly_name=request.text("FriendlyName"),
        unique_name=request.text("UniqueName"),
        attributes=request.text("Attributes"),
    )


def _terms(request: Request) -> conversations.Terms:
    return conversations.Terms(
        state=request.maybe("State") or UNSET,
        date_created=request.time("DateCreated"),
        date_updated=request.time("DateUpdated"),
        messaging_service_sid=request.text("MessagingServiceSid"),
        inactive_after=request.text("Timers.Inactive"),
        closed_after=request.text("Timers.Closed"),
        email_address=request.text("Bindings.Email.Address"),
        email_name=request.text("Bindings.Email.Name"),
    )


def _make(request: Request, change: Change) -> Row:
    """A new conversation; what it does not say is as the account's configuration has it."""
    terms = conversations.usual(request.store, _terms(request))
    sid = conversations.create(change, _new(request), limits.SYSTEM, terms)
    return conversations.find_by(request.store, sid)


def _create(request: Request, change: Change) -> Answer:
    return Answer(_show(request, _make(request, change)), 201)


def _get(request: Request) -> Answer:
    return Answer(_show(request, find(request)))


def _update(request: Request, change: Change) -> Answer:
    conversation = find(request)
    conversations.alter(change, conversation, _new(request), _terms(request))
    return Answer(_show(request, conversations.find_by(request.store, conversation["sid"])))


def _delete(request: Request, change: Change) -> Answer:
    conversations.remove(change, find(request)["id"])
    return Answer(status=204)


def _list(request: Request) -> Answer:
    where, values = ["TRUE"], []
    state = request.param("State")
    if state is not None:
        if state not in ("active", "inactive", "closed"):
            raise Refused(20422, "State is active, inactive or closed")
        where.append("state = ?")
        values.append(state)
    for name, sign in (("StartDate", ">="), ("EndDate", "<=")):
        text = request.param(name)
        if text is not None:
            where.append(f"date_created {sign} ?")
            values.append(time_in(f"{text}T23:59:59.999Z" if sign == "<=" and len(text) == 10 else text, name))
    sql = f"SELECT * FROM conversations WHERE {' AND '.join(where)}"  # noqa: S608 - conditions of ours
    url = request.url("Conversations")
    return request.listing("conversations", lambda row: _show(request, row), sql, *values, most=MOST, url=url)


# --- With participants ---------------------------------------------------------------------------------------------


class _First(Struct):
    """A participant in a field of the form, as JSON."""

    identity: str | UnsetType | None = UNSET
    attributes: str | UnsetType | None = UNSET
    messaging_binding: MessagingBinding | UnsetType | None = UNSET
    role_sid: str | None = None


def _first(text: str) -> tuple[NewParticipant, str | None]:
    try:
        said = json.decode(text, _First)
    except json.BadJSON as error:
        raise Refused(20422, f"Participant is a JSON object ({error})") from error
    return NewParticipant(said.identity, said.attributes, said.messaging_binding), said.role_sid


def _create_with_participants(request: Request, change: Change) -> Answer:
    """All in one transaction, so that it is complete at once: the answer is 201."""
    given = request.many("Participant") or []
    if len(given) > FIRST:
        raise Refused(50426, f"at most {FIRST}")
    conversation = _make(request, change)
    participants.add_all(change, conversation, [_first(text) for text in given])
    return Answer(_show(request, conversation), 201)


def _of_participant(request: Request) -> Answer:
    identity, address = request.param("Identity"), request.param("Address")
    if (identity is None) == (address is None):
        raise Refused(50451)
    column = "identity" if address is None else "address"
    sql = (
        "SELECT participants.id AS id, participants.sid AS participant_sid, identity, address, proxy_address, type, "  # noqa: S608
        "name, level, projected_address, conversations.sid AS conversation_sid, conversation FROM participants "
        f"JOIN conversations ON conversations.id = conversation WHERE {column} = ?"
    )

    def show(row: Row) -> ParticipantConversation:
        conversation = conversations.find_by(request.store, row["conversation_sid"])
        user = "SELECT sid FROM users WHERE identity = ?"
        links = {
            "participant": request.url("Conversations", conversation["sid"], "Participants", row["participant_sid"]),
            "conversation": request.url("Conversations", conversation["sid"]),
        }
        return ParticipantConversation(
            **request.ids(),
            participant_sid=row["participant_sid"],
            participant_user_sid=request.store.value(user, row["identity"]),
            participant_identity=row["identity"],
            participant_messaging_binding=participants.binding_of(row),
            conversation_sid=conversation["sid"],
            conversation_unique_name=conversation["unique_name"],
            conversation_friendly_name=conversation["friendly_name"],
            conversation_attributes=conversation["attributes"],
            conversation_date_created=moment(conversation["date_created"]),
            conversation_date_updated=moment(conversation["date_updated"]),
            conversation_created_by=conversation["created_by"],
            conversation_state=conversation["state"],
            conversation_timers=timers_of(request.store, conversation),
            links=links,
        )

    url = request.url("ParticipantConversations")
    return request.listing("conversations", show, sql, identity or address, url=url)


ROUTES = [
    get("/Conversations", _list, "StartDate", "EndDate", "State"),
    post("/Conversations", _create, *FIELDS),
    get("/Conversations/{conversation}", _get),
    post("/Conversations/{conversation}", _update, *FIELDS),
    delete("/Conversations/{conversation}", _delete),
    post("/ConversationWithParticipants", _create_with_participants, *FIELDS, "Participant"),
    get("/ParticipantConversations", _of_participant, "Identity", "Address"),
]
