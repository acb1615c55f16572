"""A user's own side of his conversations: configuration, the list, the read horizon, the notification level, typing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from sqlite3 import Row

from msgspec import UNSET

from convo_widgets.service import conversations, limits, participants, tell, webhooks
from convo_widgets.service.calls import Answer, Call, ask, get, path, post
from convo_widgets.service.hub import Hub
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store
from convo_widgets.wire import json
from convo_widgets.wire.schema import (
    Configuration,
    ConfigurationLinks,
    ConfigurationOptions,
    ConfigurationSync,
    Membership,
    MembershipReply,
    Meta,
    MyConversation,
    MyConversationPage,
    TypingNotice,
    TypingReply,
)

PAGE = 100
"""Conversations in a page."""
PAGE_BYTES = 256 * 1024
"""Most attributes in a page; it is shorter where they are larger."""
TYPING = 5
"""Seconds that a typing POST holds; the notice of it holds one longer, so that a renewal comes in time."""


def _configuration(call: Call) -> Answer:
    user = call.store.value("SELECT id FROM users WHERE identity = ?", call.identity)
    media = f"{call.base}/v1/Services/{call.store.meta('service_sid')}/Media"  # the SDK does not start without
    return Answer(
        Configuration(
            identity=call.identity,
            url=call.url("Configuration"),
            options=ConfigurationOptions(
                reachability_enabled=call.store.reachability,
                my_conversations_page_size=PAGE,
                media_attachments_count_limit=call.media.count,
                media_attachment_size_limit_in_mb=call.media.single_mb,
                media_attachments_total_size_limit_in_mb=call.media.total_mb,
                email_histories_allowed_mime_types=list(limits.EMAIL_TYPES),
                email_bodies_allowed_mime_types=list(limits.EMAIL_TYPES),
            ),
            sync_objects=ConfigurationSync(
                call.store.object_sid("conversations", user), call.store.object_sid("info", user)
            ),
            links=ConfigurationLinks(
                my_conversations=call.url("MyConversations"),
                conversations=call.url("Conversations"),
                users=call.url("Users"),
                current_user=call.url("Users", call.identity),
                typing=call.url("Typing"),
                media_service=media,
                media_set_service=f"{media}/Set",
                messages_receipts=call.url("Conversations") + "/%s/Messages/%s/Receipts",
            ),
        )
    )


def _list(call: Call) -> Answer:
    after = _position(call.param("PageToken"))
    members = call.store.rows(
        "SELECT * FROM participants WHERE identity = ? AND conversation > ? ORDER BY conversation LIMIT ?",
        *(call.identity, after, PAGE + 1),
    )
    found: list[MyConversation] = []
    size = 0
    for member in members[:PAGE]:
        conversation = call.store.row("SELECT * FROM conversations WHERE id = ?", member["conversation"])
        assert conversation is not None
        size += len(conversation["attributes"])
        if found and size > PAGE_BYTES:
            break
        found.append(conversations.mine(call, conversation, member))
    meta = Meta()
    if len(found) < len(members):
        meta.next_token = _token(members[len(found) - 1]["conversation"])
    if after and found:
        meta.previous_token = _token(_before(call, members[0]["conversation"]))
    return Answer(MyConversationPage(found, meta))


def _before(call: Call, first: int) -> int:
    """The position whose page ends before a conversation."""
    sql = (
        "SELECT conversation FROM participants WHERE identity = ? AND conversation < ? "
        "ORDER BY conversation DESC LIMIT 1 OFFSET ?"
    )
    return int(call.store.value(sql, call.identity, first, PAGE) or 0)


def _token(conversation: int) -> str:
    return urlsafe_b64encode(str(conversation).encode()).decode()


def _position(token: str | None) -> int:
    if not token:
        return 0
    try:
        position = int(urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise Refused(54453) from error
    if not 0 <= position < 1 << 62:
        raise Refused(54453)
    return position


def _get(call: Call) -> Answer:
    conversation = conversations.find(call)
    member = conversations.membership(call, conversation)
    if member is None:
        raise Refused(50350)
    return Answer(conversations.mine(call, conversation, member))


# --- Writing, from either side -------------------------------------------------------------------------------------


def alter(change: Change, conversation: Row, member: Row, new: Membership, read_at: str | None = None) -> None:
    """Change what is given of a participant's own side; `read_at` stands in place of now.

    Raises:
        Refused: 50421 where no message can have the index that was read last.
    """
    if new.last_read_message_index is not UNSET:
        index = new.last_read_message_index
        if index is not None and not 0 <= index < max(conversation["next_index"], 1):
            raise Refused(50421, "between 0 and the index of the newest message")
        sql = "UPDATE participants SET last_read = ?, last_read_at = ?, date_updated = ? WHERE id = ?"
        change.run(sql, index, None if index is None else read_at or change.time, change.time, member["id"])
        tell.participant(change, conversation["id"], "updated", member["sid"])
        webhooks.participant(change, "Updated", conversation, member["sid"])
    if new.notification_level is not UNSET:
        if new.notification_level not in ("default", "muted"):
            raise Refused(20422, "notification_level is default or muted")
        sql = "UPDATE participants SET notification_level = ?, date_updated = ? WHERE id = ?"
        change.run(sql, new.notification_level, change.time, member["id"])
    if member["identity"] is not None:
        tell.membership(change, conversation["id"], "updated", member["identity"])


def remove_user(change: Change, user: Row) -> None:
    """Remove a user from every conversation, and then with his list, his name and his devices.

    What he wrote stays. His connections end.
    """
    for member in change.store.rows("SELECT * FROM participants WHERE identity = ?", user["identity"]):
        conversation = change.store.row("SELECT * FROM conversations WHERE id = ?", member["conversation"])
        assert conversation is not None
        participants.remove(change, conversation, member)
    for view in ("info", "conversations"):
        sid = change.store.object_sid(view, user["id"])
        change.removed(sid, "map")
        change.run("DELETE FROM sync_objects WHERE sid = ?", sid)
    change.run("DELETE FROM registrations WHERE identity = ?", user["identity"])
    change.run("DELETE FROM users WHERE id = ?", user["id"])
    change.ended.append(user["identity"])


# --- The users' side -----------------------------------------------------------------------------------------------


def _update(call: Call, change: Change) -> Answer:
    conversation, new = conversations.find(call), call.read(Membership)
    me = conversations.standing(call, conversation)
    member = me.demand_member()
    if new.notification_level is not UNSET:
        me.demand("editNotificationLevel")
    alter(change, conversation, member, new)
    member = conversations.demand_member(call, conversation)
    count = conversations.unread(call.store, conversation, member["last_read"])
    reply = MembershipReply(count, member["last_read"], member["notification_level"])
    return Answer(reply, resource=path("MyConversations", conversation["sid"]))


def _typing(call: Call) -> Answer:
    sid = call.form("ChannelSid")
    conversation = call.store.row("SELECT * FROM conversations WHERE sid = ?", sid)
    if conversation is None:
        raise Refused(50350)
    conversations.demand_member(call, conversation)
    tell_typing(call.store, call.hub, conversation, call.identity)
    return Answer(TypingReply(TYPING))


def tell_typing(store: Store, hub: Hub, conversation: Row, identity: str) -> None:
    """Let the others in a conversation know that somebody is writing."""
    sql = "SELECT identity FROM participants WHERE conversation = ? AND identity NOTNULL AND identity <> ?"
    others = [row[0] for row in store.rows(sql, conversation["id"], identity)]
    body = json.encode(TypingNotice(conversation["sid"], identity, TYPING + 1))
    hub.tell(others, "twilio.ipmsg.typing_indicator", body)


ROUTES = [
    get("/Client/v2/Configuration", _configuration),
    get("/Client/v2/MyConversations", _list),
    get("/Client/v2/MyConversations/{conversation*}", _get),
    post("/Client/v2/MyConversations/{conversation*}", _update),
    ask("/Client/v2/Typing", _typing),
]
