"""Sync documents, lists and maps, rendered from the nouns.

Five kinds: of a conversation its `channel` document, `messages` list and `roster` map, of a user the `info` map and the
map of his `conversations`. Rendering reads; the events of a write carry what these functions give at that moment.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from convo_widgets.service import rights
from convo_widgets.service.store import Store
from convo_widgets.wire.schema import (
    ConversationData,
    ConversationState,
    Delivery,
    LastMessage,
    MediaData,
    MembershipData,
    MessageData,
    ParticipantData,
    SyncType,
    UserReachability,
    UserValue,
    time_of,
)

Key = int | str
Fields = sqlite3.Row | dict[str, Any]
"""A row of a table, or the values that it is made of."""


@dataclass(frozen=True, slots=True)
class SyncObject:
    """A Sync object by its sid or name; `subject` is the row of the noun that it shows."""

    sid: str
    name: str
    type: SyncType
    view: str
    subject: int
    date_created: str


class Item(Struct, frozen=True):
    """One rendered item; `data` is a struct of `wire.schema`."""

    key: Any
    data: Any
    date_created: str
    date_updated: str


@dataclass(frozen=True, slots=True)
class Range:
    """Which items: from a key on (`inclusive` or after it), upwards or `descending`, at most `limit`."""

    start: Key | None = None
    inclusive: bool = True
    descending: bool = False
    limit: int = 50

    def sql(self, column: str) -> tuple[str, list[Any]]:
        """The end of a query, after WHERE and AND, and its values."""
        order = f"ORDER BY {column} {'DESC' if self.descending else 'ASC'} LIMIT ?"
        if self.start is None:
            return f"TRUE {order}", [self.limit]
        sign = ("<" if self.descending else ">") + ("=" if self.inclusive else "")
        return f"{column} {sign} ? {order}", [self.start, self.limit]

    def cut(self, items: list[Item]) -> list[Item]:
        """The same, of items at hand."""
        ordered = sorted(items, key=lambda item: item.key, reverse=self.descending)
        if self.start is not None:
            ordered = [item for item in ordered if self._holds(item.key)]
        return ordered[: self.limit]

    def _holds(self, key: Any) -> bool:
        if key == self.start:
            return self.inclusive
        return bool(key < self.start if self.descending else key > self.start)


def find(store: Store, id: str) -> SyncObject | None:
    """The object of a sid or a name."""
    column = "name" if "." in id else "sid"  # every name has one, no sid has
    sql = f"SELECT sid, name, type, view, subject, date_created FROM sync_objects WHERE {column} = ?"  # noqa: S608
    row = store.row(sql, id)
    return None if row is None else SyncObject(*row)


def may_see(store: Store, object: SyncObject, identity: str) -> bool:
    """Whether a user may read and follow an object: a conversation's insiders, a user's own list, anybody's name."""
    match object.view:
        case "info":
            return True
        case "conversations":
            return bool(store.value("SELECT identity FROM users WHERE id = ?", object.subject) == identity)
    return rights.insider(store, object.subject, identity)


# --- Documents -----------------------------------------------------------------------------------------------------


def channel(store: Store, conversation: int) -> ConversationData:
    """Data of the conversation document."""
    row = store.row("SELECT * FROM conversations WHERE id = ?", conversation)
    assert row is not None
    sql = "SELECT idx, date_created FROM messages WHERE conversation = ? ORDER BY idx DESC LIMIT 1"
    last = store.row(sql, conversation)
    email = {"name": row["email_name"], "projected_address": row["email_address"]}
    return ConversationData(
        sid=row["sid"],
        unique_name=row["unique_name"],
        friendly_name=row["friendly_name"],
        attributes=row["attributes"],
        created_by=row["created_by"],
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        last_message=LastMessage(last["idx"], last["date_created"]) if last else None,
        state=ConversationState(row["state"], row["state_updated"]),
        bindings={"email": email} if any(email.values()) else {},
        messages=store.object_sid("messages", conversation),
        roster=store.object_sid("roster", conversation),
    )


# --- Items ---------------------------------------------------------------------------------------------------------


MESSAGE = (
    *("idx", "sid", "author", "body", "subject", "attributes", "participant_sid", "last_updated_by"),
    *("content_sid", "channel_metadata", "date_created", "date_updated"),
)
"""What the item of a message is made of."""
_MESSAGES = f"SELECT {', '.join(MESSAGE)} FROM messages WHERE conversation = ? AND "  # noqa: S608


def messages(store: Store, conversation: int, span: Range) -> list[Item]:
    """Items of a messages list, keyed by index."""
    where, values = span.sql("idx")
    rows = store.rows(_MESSAGES + where, conversation, *values)
    if not rows:
        return []
    ends = sorted((rows[0]["idx"], rows[-1]["idx"]))
    media, receipts = _media(store, conversation, *ends), _receipts(store, conversation, *ends)
    return [message(row, media.get(row[0]), receipts.get(row[0])) for row in rows]


def message(row: Iterable[Any], media: list[MediaData] | None = None, delivery: Delivery | None = None) -> Item:
    """The item of a message by the values of `MESSAGE`; taken apart all at once, for this is what pages wait for."""
    index, sid, author, body, subject, attributes, member, updated_by, content, metadata, created, updated = row
    data = MessageData(
        sid=sid,
        author=author,
        text=body,
        type="media" if media else "text",
        timestamp=created,
        date_updated=updated,
        last_updated_by=updated_by,
        attributes=attributes,
        member_sid=member,
        subject=subject,
        content_sid=content,
        channel_metadata=metadata is not None,
        medias=media,
        media=next((medium for medium in media if medium.category == "media"), None) if media else None,
        delivery=delivery,
    )
    return Item(index, data, created, updated)


def _media(store: Store, conversation: int, first: int, last: int) -> dict[int, list[MediaData]]:
    sql = "SELECT * FROM media WHERE conversation = ? AND idx BETWEEN ? AND ? ORDER BY idx, position"
    found: dict[int, list[MediaData]] = defaultdict(list)
    for row in store.rows(sql, conversation, first, last):
        medium = MediaData(row["sid"], row["size"], row["content_type"], row["filename"], row["category"])
        found[row["idx"]].append(medium)
    return found


def _receipts(store: Store, conversation: int, first: int, last: int) -> dict[int, Delivery]:
    sql = "SELECT idx, status FROM receipts WHERE conversation = ? AND idx BETWEEN ? AND ?"
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for row in store.rows(sql, conversation, first, last):
        counts[row["idx"]][row["status"]] += 1
    return {index: delivery_of(count) for index, count in counts.items()}


def delivery(store: Store, conversation: int, index: int) -> Delivery | None:
    """How far one message came; None where there is no receipt."""
    return _receipts(store, conversation, index, index).get(index)


def delivery_of(statuses: Counter[str]) -> Delivery:
    """How far a message came, from its receipts: who has read it has received it, and what was received was sent."""
    total = statuses.total()
    read = statuses["read"]
    delivered = statuses["delivered"] + read
    sent = statuses["sent"] + delivered + statuses["undelivered"]

    def amount(count: int) -> str:
        return "none" if not count else "all" if count == total else "some"

    ends = (amount(statuses["failed"]), amount(statuses["undelivered"]))
    return Delivery(total, amount(sent), amount(delivered), amount(read), *ends)


def roster(store: Store, conversation: int, span: Range) -> list[Item]:
    """Items of a roster map, keyed by participant sid."""
    where, values = span.sql("participants.sid")
    sql = (
        "SELECT participants.*, sync_objects.sid AS user_info FROM participants "  # noqa: S608 - no values in it
        "LEFT JOIN users ON users.identity = participants.identity "
        "LEFT JOIN sync_objects ON sync_objects.view = 'info' AND sync_objects.subject = users.id "
        f"WHERE conversation = ? AND {where}"
    )
    return [_participant(row) for row in store.rows(sql, conversation, *values)]


def _participant(row: sqlite3.Row) -> Item:
    read_at = time_of(row["last_read_at"])
    bindings: dict[str, Any] = {}
    if row["type"] == "email":
        bindings["email"] = {"name": row["name"], "address": row["address"], "level": row["level"]}
    elif row["address"]:
        bindings[row["type"]] = {"address": row["address"], "proxy_address": row["proxy_address"]}
    data = ParticipantData(
        identity=row["identity"],
        type=row["type"],
        role_sid=row["role_sid"],
        attributes=row["attributes"],
        date_created=row["date_created"],
        date_updated=row["date_updated"],
        last_consumed_message_index=row["last_read"],
        last_consumption_timestamp=int(read_at.timestamp() * 1000) if read_at else None,
        user_info=row["user_info"],
        bindings=bindings,
    )
    return Item(row["sid"], data, row["date_created"], row["date_updated"])


def conversations(store: Store, user: int, span: Range) -> list[Item]:
    """Items of a user's map of conversations, keyed by conversation sid."""
    where, values = span.sql("conversations.sid")
    objects = ", ".join(
        f"(SELECT sid FROM sync_objects WHERE view = '{view}' AND subject = conversations.id) AS {view}"  # noqa: S608
        for view in ("channel", "messages", "roster")
    )
    sql = (
        f"SELECT participants.*, conversations.sid AS key, {objects} FROM users "  # noqa: S608
        "JOIN participants ON participants.identity = users.identity "
        "JOIN conversations ON conversations.id = participants.conversation "
        f"WHERE users.id = ? AND {where}"
    )
    return [_membership(row) for row in store.rows(sql, user, *values)]


def _membership(row: sqlite3.Row) -> Item:
    data = MembershipData(
        channel=row["channel"],
        messages=row["messages"],
        roster=row["roster"],
        last_consumed_message_index=row["last_read"],
        notification_level=row["notification_level"],
    )
    return Item(row["key"], data, row["date_created"], row["date_updated"])


def info(store: Store, user: int, span: Range) -> list[Item]:
    """Items of a user's info map: friendlyName, attributes, and reachability where the service tells it."""
    row = store.row("SELECT * FROM users WHERE id = ?", user)
    assert row is not None
    dates = row["date_created"], row["date_updated"]
    values = {"attributes": row["attributes"], "friendlyName": row["friendly_name"]}
    items = [Item(key, UserValue(value), *dates) for key, value in values.items()]
    if store.reachability:
        items.append(Item("reachability", reachability(store, row), *dates))
    return span.cut(items)


def reachability(store: Store, user: sqlite3.Row) -> UserReachability:
    """Whether a user is connected, and has a device that push messages go to."""
    sql = "SELECT EXISTS (SELECT 1 FROM registrations WHERE identity = ?)"
    return UserReachability(bool(user["online"]), bool(store.value(sql, user["identity"])))


Reader = Callable[[Store, int, Range], list[Item]]
READERS: dict[str, Reader] = {"messages": messages, "roster": roster, "conversations": conversations, "info": info}


def item(store: Store, view: str, subject: int, key: Key) -> Item | None:
    """One item by its key."""
    found = READERS[view](store, subject, Range(key, limit=1))
    return found[0] if found and found[0].key == key else None
