"""Messages: sent, edited, removed. An index is never used twice."""

from __future__ import annotations

from sqlite3 import Row

from msgspec import UNSET

from convo_widgets.service import conversations, limits, media, tell
from convo_widgets.service.calls import Answer, Call, delete, get, path, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, new_sid
from convo_widgets.wire.schema import MessageReply, NewMessage

INSERT = (
    "INSERT INTO messages (conversation, idx, sid, author, participant_sid, body, subject, attributes, "
    "last_updated_by, date_created, date_updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _find(call: Call, conversation: Row) -> Row:
    sql = "SELECT * FROM messages WHERE sid = ? AND conversation = ?"
    row = call.store.row(sql, call.names["message"], conversation["id"])
    if row is None:
        raise Refused(50500)
    return row


def _show(call: Call, conversation: Row, sid: str) -> MessageReply:
    row = call.store.row("SELECT * FROM messages WHERE sid = ?", sid)
    assert row is not None
    return MessageReply(
        sid=sid,
        index=row["idx"],
        author=row["author"],
        participant_sid=row["participant_sid"],
        body=row["body"],
        subject=row["subject"],
        attributes=row["attributes"],
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        media=media.of_message(call.store, row["conversation"], row["idx"]),
        url=call.url("Conversations", conversation["sid"], "Messages", sid),
        links={"conversation": call.url("Conversations", conversation["sid"])},
    )


def _send(call: Call, change: Change) -> Answer:
    conversation, new = conversations.find(call), call.read(NewMessage)
    member = conversations.demand_member(call, conversation)
    conversations.demand_open(conversation)
    if new.content_sid:
        raise Refused(20404, "there is no such content template")
    sid, index = new_sid("IM"), conversation["next_index"]
    text, subject = limits.body(new.body, needed=not new.media_sids), limits.name(new.subject, "subject")
    attributes = limits.attributes(new.attributes, limits.ATTRIBUTES)
    change.run("UPDATE conversations SET next_index = ? WHERE id = ?", index + 1, conversation["id"])
    values = (call.identity, member["sid"], text, subject, attributes, None, change.time, change.time)
    change.run(INSERT, conversation["id"], index, sid, *values)
    if new.media_sids:
        media.attach(change, (conversation["id"], index), new.media_sids, call.identity, call.media)
    tell.message(change, conversation["id"], "added", index)
    tell.channel(change, conversation["id"])
    return Answer(_show(call, conversation, sid), 201, path("Conversations", conversation["sid"], "Messages", sid))


def _get(call: Call) -> Answer:
    conversation = conversations.find(call)
    conversations.demand_insider(call, conversation)
    return Answer(_show(call, conversation, _find(call, conversation)["sid"]))


def _update(call: Call, change: Change) -> Answer:
    conversation, new = conversations.find(call), call.read(NewMessage)
    row = _demand_own(call, conversation, "edits")
    values: dict[str, str | None] = {"date_updated": change.time, "last_updated_by": call.identity}
    if new.body is not UNSET:
        values["body"] = limits.body(new.body)
    if new.attributes is not UNSET:
        values["attributes"] = limits.attributes(new.attributes, limits.ATTRIBUTES)
    fields = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE messages SET {fields} WHERE conversation = ? AND idx = ?"  # noqa: S608 - names from above
    change.run(sql, *values.values(), conversation["id"], row["idx"])
    tell.message(change, conversation["id"], "updated", row["idx"])
    resource = path("Conversations", conversation["sid"], "Messages", row["sid"])
    return Answer(_show(call, conversation, row["sid"]), resource=resource)


def _remove(call: Call, change: Change) -> Answer:
    conversation = conversations.find(call)
    row = _demand_own(call, conversation, "removes")
    change.run("DELETE FROM messages WHERE conversation = ? AND idx = ?", conversation["id"], row["idx"])
    tell.message(change, conversation["id"], "removed", row["idx"])
    tell.channel(change, conversation["id"])
    return Answer(status=204)


def _demand_own(call: Call, conversation: Row, does: str) -> Row:
    """The message in the path, if the caller may touch it."""
    admin = conversations.is_admin(call, conversation)
    if not admin:
        conversations.demand_member(call, conversation)
    row = _find(call, conversation)
    if row["author"] != call.identity and not admin:
        raise Refused(50107, f"a participant {does} its own messages, an admin those of all")
    return row


ROUTES = [
    post("/Client/v2/Conversations/{conversation}/Messages", _send),
    get("/Client/v2/Conversations/{conversation}/Messages/{message}", _get),
    post("/Client/v2/Conversations/{conversation}/Messages/{message}", _update),
    delete("/Client/v2/Conversations/{conversation}/Messages/{message}", _remove),
]
