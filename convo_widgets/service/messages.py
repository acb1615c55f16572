"""Messages: sent, edited, removed. An index is never used twice."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import UNSET

from convo_widgets.service import (
    content,
    conversations,
    delivery,
    gaps,
    limits,
    media,
    rights,
    tell,
    timers,
    views,
    webhooks,
)
from convo_widgets.service.calls import Answer, Call, delete, get, path, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store, new_sid
from convo_widgets.wire.schema import MessageReply, NewMessage, RestMedia

FIELDS = (
    *("conversation", "idx", "sid", "author", "participant_sid", "body", "subject", "attributes", "last_updated_by"),
    *("date_created", "date_updated"),
)
INSERT = f"INSERT INTO messages ({', '.join(FIELDS)}) VALUES ({', '.join('?' * len(FIELDS))})"  # noqa: S608

Dates = tuple[str | None, str | None]
"""When it was made and when it was changed."""


def find(store: Store, conversation: Row, sid: str) -> Row:
    """The message of a sid in a conversation."""
    row = store.row("SELECT * FROM messages WHERE sid = ? AND conversation = ?", sid, conversation["id"])
    if row is None:
        raise Refused(50500)
    return row


# --- Writing, from either side -------------------------------------------------------------------------------------


def send(
    change: Change,
    conversation: Row,
    new: NewMessage,
    author: str,
    participant_sid: str | None,
    *,
    most: limits.Media,
    uploader: str | None = None,
    channel_metadata: str | None = None,
    dates: Dates = (None, None),
) -> views.Fields:
    """A new message with what belongs to it.

    `uploader` must have uploaded its media, None takes anybody's; `channel_metadata` is JSON of what its channel knows.
    `dates` stand in place of now.
    """
    conversations.demand_open(conversation)
    timers.wake(change, conversation)
    rich = None
    if new.content_sid:
        rich = content.Rendered(change.store, new.content_sid, new.content_variables)
        new = NewMessage(body=rich.text, attributes=new.attributes, subject=new.subject)
    elif new.content_variables:
        raise Refused(50528)
    sid, index = new_sid("IM"), conversation["next_index"]
    text = limits.body(new.body, needed=not new.media_sids and rich is None)
    subject = limits.name(new.subject, "subject")
    attributes = limits.attributes(new.attributes, limits.ATTRIBUTES)
    change.run("UPDATE conversations SET next_index = ? WHERE id = ?", index + 1, conversation["id"])
    created = dates[0] or change.time
    values = (author, participant_sid, text, subject, attributes, None, created, dates[1] or created)
    row = dict(zip(FIELDS, (conversation["id"], index, sid, *values), strict=True))
    change.run(INSERT, *row.values())
    if new.media_sids:
        media.attach(change, (conversation["id"], index), new.media_sids, uploader, most)
    if rich is not None:
        change.run("UPDATE messages SET content_sid = ? WHERE sid = ?", rich.sid, sid)
        media.insert(
            change.store,
            author=author,
            time=change.time,
            content_type=rich.content_type,
            pieces=[rich.body],
            category="body",
            message=(conversation["id"], index),
        )
    if channel_metadata is not None:
        change.run("UPDATE messages SET channel_metadata = ? WHERE sid = ?", channel_metadata, sid)
    data = None
    if rich is None and channel_metadata is None and not new.media_sids:  # all of it is at hand
        row |= {"content_sid": None, "channel_metadata": None}
        data = views.message(row[name] for name in views.MESSAGE).data
    tell.message(change, conversation["id"], "added", index, data)
    webhooks.message(change, "Added", conversation, index)
    if new.media_sids or len(text or "") > limits.OUTSIDE_TEXT:
        delivery.refuse(change, conversation, index, sid)
    change.sent.append((conversation["id"], index))
    tell.channel(change, conversation["id"])
    return row if data else find(change.store, conversation, sid)


def alter(change: Change, conversation: Row, row: Row, new: NewMessage, by: str, **others: str | None) -> None:
    """Change what is given of a message; `others` are its author and dates, which only the account changes."""
    values: dict[str, str | None] = {"date_updated": change.time, "last_updated_by": by, **others}
    if new.body is not UNSET:
        values["body"] = limits.body(new.body)
    if new.subject is not UNSET:
        values["subject"] = limits.name(new.subject, "subject")
    if new.attributes is not UNSET:
        values["attributes"] = limits.attributes(new.attributes, limits.ATTRIBUTES)
    fields = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE messages SET {fields} WHERE conversation = ? AND idx = ?"  # noqa: S608 - names from above
    change.run(sql, *values.values(), conversation["id"], row["idx"])
    tell.message(change, conversation["id"], "updated", row["idx"])
    webhooks.message(change, "Updated", conversation, row["idx"])


def remove(change: Change, conversation: Row, row: Row) -> None:
    """Remove a message, its media and its receipts."""
    webhooks.message(change, "Removed", conversation, row["idx"])
    change.run("DELETE FROM messages WHERE conversation = ? AND idx = ?", conversation["id"], row["idx"])
    gaps.add(change, conversation["id"], row["idx"], row["idx"])
    tell.message(change, conversation["id"], "removed", row["idx"])
    tell.channel(change, conversation["id"])


# --- The users' side -----------------------------------------------------------------------------------------------


def _show(call: Call, conversation: Row, row: views.Fields, attached: list[RestMedia] | None) -> MessageReply:
    """A message of the given fields, as REST tells it."""
    url = call.url("Conversations", conversation["sid"])
    return MessageReply(
        sid=row["sid"],
        index=row["idx"],
        author=row["author"],
        participant_sid=row["participant_sid"],
        body=row["body"],
        subject=row["subject"],
        attributes=row["attributes"],
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        media=attached,
        url=f"{url}/Messages/{row['sid']}",
        links={"conversation": url},
    )


def _attached(call: Call, row: views.Fields) -> list[RestMedia] | None:
    return media.of_message(call.store, row["conversation"], row["idx"])


def _send(call: Call, change: Change) -> Answer:
    conversation, new = conversations.find(call), call.read(NewMessage)
    me = conversations.standing(call, conversation)
    sender, sid = call.identity, me.demand_member()["sid"]
    if new.media_sids:
        me.demand("sendMediaMessage")
    if new.body or new.content_sid or not new.media_sids:
        me.demand("sendMessage")
    author = limits.name(call.changes.get("author"), "author") or sender
    row = send(change, conversation, call.changed(new), author, sid, most=call.media, uploader=sender)
    resource = path("Conversations", conversation["sid"], "Messages", row["sid"])
    attached = _attached(call, row) if new.media_sids or new.content_sid else None
    return Answer(_show(call, conversation, row, attached), 201, resource)


def _get(call: Call) -> Answer:
    conversation = conversations.find(call)
    conversations.demand_insider(call, conversation)
    row = find(call.store, conversation, call.names["message"])
    return Answer(_show(call, conversation, row, _attached(call, row)))


def _update(call: Call, change: Change) -> Answer:
    conversation, new = conversations.find(call), call.read(NewMessage)
    row = _demand_own(call, conversation, _changing(new))
    author, new = limits.name(call.changes.get("author"), "author"), call.changed(new)
    others = {"author": author} if author else {}
    alter(change, conversation, row, NewMessage(body=new.body, attributes=new.attributes), call.identity, **others)
    resource = path("Conversations", conversation["sid"], "Messages", row["sid"])
    row = find(call.store, conversation, row["sid"])
    return Answer(_show(call, conversation, row, _attached(call, row)), resource=resource)


def _remove(call: Call, change: Change) -> Answer:
    conversation = conversations.find(call)
    remove(change, conversation, _demand_own(call, conversation, [("deleteOwnMessage", "deleteAnyMessage")]))
    return Answer(status=204)


def _changing(new: NewMessage) -> list[tuple[str, str]]:
    """What is needed for a change, of one's own message and of any; for a change of nothing, all."""
    body, attributes = new.body is not UNSET, new.attributes is not UNSET
    needed = [
        (body, ("editOwnMessage", "editAnyMessage")),
        (attributes, ("editOwnMessageAttributes", "editAnyMessageAttributes")),
    ]
    return [permissions for given, permissions in needed if given or not (body or attributes)]


def _demand_own(call: Call, conversation: Row, needed: list[tuple[str, str]]) -> Row:
    """The message in the path, if the caller may do with it what needs these permissions (own, any)."""
    me = conversations.standing(call, conversation)
    me.demand_inside(*(any for _, any in needed))
    row = find(call.store, conversation, call.names["message"])
    for mine, any in needed:
        me.demand(*rights.own_or_any(row["author"] == call.identity, mine, any))
    return row


ROUTES = [
    post("/Client/v2/Conversations/{conversation}/Messages", _send),
    get("/Client/v2/Conversations/{conversation}/Messages/{message}", _get),
    post("/Client/v2/Conversations/{conversation}/Messages/{message}", _update),
    delete("/Client/v2/Conversations/{conversation}/Messages/{message}", _remove),
]
