"""The conversations of a user, with what only that user has of them: the read horizon, the notification level."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import UNSET, UnsetType

from convo_widgets.service import conversations, memberships, participants, users
from convo_widgets.service.account.conversations import find, timers_of
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change
from convo_widgets.wire.rest import UserConversation
from convo_widgets.wire.schema import Membership


def _find(request: Request) -> tuple[Row, Row, Row]:
    """The user and the conversation in the path, and the one as a participant of the other."""
    user, conversation = users.find_by(request.store, request.names["user"]), find(request)
    sql = "SELECT * FROM participants WHERE conversation = ? AND identity = ?"
    member = request.store.row(sql, conversation["id"], user["identity"])
    if member is None:
        raise Refused(50402, "the user is not in this conversation")
    return user, conversation, member


def _show(request: Request, user: Row, conversation: Row, member: Row) -> UserConversation:
    links = {
        "participant": request.url("Conversations", conversation["sid"], "Participants", member["sid"]),
        "conversation": request.url("Conversations", conversation["sid"]),
    }
    return UserConversation(
        **request.ids(),
        conversation_sid=conversation["sid"],
        participant_sid=member["sid"],
        user_sid=user["sid"],
        unread_messages_count=conversations.unread(request.store, conversation, member["last_read"]),
        last_read_message_index=member["last_read"],
        friendly_name=conversation["friendly_name"],
        unique_name=conversation["unique_name"],
        conversation_state=conversation["state"],
        timers=timers_of(request.store, conversation),
        attributes=conversation["attributes"],
        created_by=conversation["created_by"],
        notification_level=member["notification_level"],
        **dates_of(conversation),
        url=request.url("Users", user["sid"], "Conversations", conversation["sid"]),
        links=links,
    )


def _get(request: Request) -> Answer:
    return Answer(_show(request, *_find(request)))


def _update(request: Request, change: Change) -> Answer:
    _, conversation, member = _find(request)
    level, index = request.text("NotificationLevel"), request.index("LastReadMessageIndex")
    read_at = request.time("LastReadTimestamp")
    if isinstance(read_at, str) and index is UNSET:
        raise Refused(20001, "LastReadTimestamp needs a LastReadMessageIndex")
    when = None if isinstance(read_at, UnsetType) else read_at
    memberships.alter(change, conversation, member, Membership(index, level), when)
    return Answer(_show(request, *_find(request)))


def _leave(request: Request, change: Change) -> Answer:
    _, conversation, member = _find(request)
    participants.remove(change, conversation, member)
    return Answer(status=204)


def _list(request: Request) -> Answer:
    user = users.find_by(request.store, request.names["user"])

    def show(member: Row) -> UserConversation:
        conversation = request.store.row("SELECT * FROM conversations WHERE id = ?", member["conversation"])
        assert conversation is not None
        return _show(request, user, conversation, member)

    sql, url = "SELECT * FROM participants WHERE identity = ?", request.url("Users", user["sid"], "Conversations")
    return request.listing("conversations", show, sql, user["identity"], url=url)


_ADDRESS = "/Users/{user}/Conversations"
ROUTES = [
    get(_ADDRESS, _list),
    get(_ADDRESS + "/{conversation}", _get),
    post(
        _ADDRESS + "/{conversation}",
        _update,
        *("NotificationLevel", "LastReadTimestamp", "LastReadMessageIndex"),
    ),
    delete(_ADDRESS + "/{conversation}", _leave),
]
