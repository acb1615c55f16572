"""Webhooks: who is to hear of what happened, and in which words. `outside` calls them after the commit.

Whoever hears of a thing is looked up when it happens, for of a removed conversation nothing is left afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Any

from convo_widgets.service import limits, media, settings
from convo_widgets.service.store import Change, Source, Store, new_sid
from convo_widgets.wire import json

REPLAYED = 1000
"""Messages that a new webhook may hear of."""


@dataclass(frozen=True, slots=True)
class Told:
    """One webhook, and what it is told."""

    url: str = field(repr=False)
    method: str
    fields: dict[str, str] = field(repr=False)


def message(change: Change, act: str, conversation: Row, index: int) -> None:
    """A message was `Added`, `Updated` or `Removed`; of a removed one while it is still there."""
    if not heard(change):
        return
    row = change.store.row("SELECT * FROM messages WHERE conversation = ? AND idx = ?", conversation["id"], index)
    assert row is not None
    fields = _message(change.store, row) | {"MessagingServiceSid": conversation["messaging_service_sid"]}
    fields |= _since(change, act) | (
        {"DateUpdated": None} if act == "Added" else {"ModifiedBy": row["last_updated_by"]}
    )
    tell(change, f"onMessage{act}", fields, conversation)


def _message(store: Store, row: Row) -> dict[str, Any]:
    attached = media.of_message(store, row["conversation"], row["idx"])
    return {
        "MessageSid": row["sid"],
        "Index": row["idx"],
        "Author": row["author"],
        "Body": row["body"],
        "ParticipantSid": row["participant_sid"],
        "Attributes": row["attributes"],
        "Media": json.encode(attached).decode() if attached else None,
        "DateCreated": row["date_created"],
        "DateUpdated": row["date_updated"],
    }


def _since(change: Change, act: str) -> dict[str, Any]:
    """When it was removed, if it was."""
    return {"DateRemoved": change.time} if act == "Removed" else {}


def participant(change: Change, act: str, conversation: Row, sid: str) -> None:
    """A participant was `Added`, `Updated` or `Removed`; of a removed one while it is still there."""
    if not heard(change):
        return
    row = change.store.row("SELECT * FROM participants WHERE sid = ?", sid)
    assert row is not None
    fields = _participant(row) | _since(change, act)
    fields |= {"DateUpdated": None} if act == "Added" else {"LastReadMessageIndex": row["last_read"]}
    tell(change, f"onParticipant{act}", fields, conversation)


def _participant(row: Row) -> dict[str, Any]:
    return {
        "ParticipantSid": row["sid"],
        "Identity": row["identity"],
        "RoleSid": row["role_sid"],
        "Attributes": row["attributes"],
        "MessagingBinding.Type": row["type"] if row["address"] else None,
        "MessagingBinding.Address": row["address"],
        "MessagingBinding.ProxyAddress": row["proxy_address"],
        "MessagingBinding.ProjectedAddress": row["projected_address"],
        "DateCreated": row["date_created"],
        "DateUpdated": row["date_updated"],
    }


def conversation(change: Change, act: str, id: int, before: str | None = None, reason: str = "API") -> None:
    """A conversation was `Added`, `Updated` or `Removed`; `before` is its old state, `reason` why it changed."""
    if not heard(change):
        return
    row = change.store.row("SELECT * FROM conversations WHERE id = ?", id)
    assert row is not None
    tell(change, f"onConversation{act}", _conversation(row) | _since(change, act), row)
    if before not in (None, row["state"]):
        moved = {"StateFrom": before, "StateTo": row["state"], "StateUpdated": row["state_updated"], "Reason": reason}
        moved["MessagingServiceSid"] = row["messaging_service_sid"]
        tell(change, "onConversationStateUpdated", moved, row)


def _conversation(row: Row) -> dict[str, Any]:
    return {
        "FriendlyName": row["friendly_name"],
        "UniqueName": row["unique_name"],
        "Attributes": row["attributes"],
        "State": row["state"],
        "MessagingServiceSid": row["messaging_service_sid"],
        "DateCreated": row["date_created"],
        "DateUpdated": row["date_updated"],
    }


def user(change: Change, act: str, id: int) -> None:
    """A user was `Added` or `Updated`."""
    if not heard(change):
        return
    row = change.store.row("SELECT * FROM users WHERE id = ?", id)
    assert row is not None
    tell(change, f"onUser{act}", _user(row) | ({"DateUpdated": None} if act == "Added" else {}))


def _user(row: Row) -> dict[str, Any]:
    return {
        "UserSid": row["sid"],
        "Identity": row["identity"],
        "FriendlyName": row["friendly_name"],
        "Attributes": row["attributes"],
        "RoleSid": row["role_sid"],
        "DateCreated": row["date_created"],
        "DateUpdated": row["date_updated"],
    }


def delivery(change: Change, conversation: Row, message_sid: str, sid: str) -> None:
    """A receipt is new, or changed."""
    if not heard(change):
        return
    row = change.store.row("SELECT * FROM receipts WHERE sid = ?", sid)
    assert row is not None
    fields = {
        "MessageSid": message_sid,
        "DeliveryReceiptSid": sid,
        "ParticipantSid": row["participant_sid"],
        "Status": row["status"],
        "ErrorCode": row["error_code"],
        "DateCreated": row["date_created"],
        "DateUpdated": row["date_updated"],
    }
    tell(change, "onDeliveryUpdated", fields, conversation)


def before(store: Store, event: str, names: dict[str, str], fields: dict[str, Any], source: Source) -> list[Told]:
    """The webhooks that are to be asked about something, by the names in its path and the fields of its form.

    They hear of the noun as it would be. Of a conversation that is not there none is asked.
    """
    hooks = [settings.load(store, name, settings.Webhooks) for name in settings.WEBHOOKS]
    asked = [one for one in hooks if one.pre_webhook_url and event in one.filters]
    if not asked:
        return []
    now = _now(store, event, names, source)
    if now is None:
        return []
    whole = words(event, {**now, **fields}, source, store.meta("account_sid"), store.meta("service_sid"))
    return [Told(one.pre_webhook_url or "", one.method, whole) for one in asked]


def _now(store: Store, event: str, names: dict[str, str], source: Source) -> dict[str, Any] | None:
    """What there is of the noun in a path before anything is done; None where its conversation is not there."""
    if "user" in names or "identity" in names:
        sql = "SELECT * FROM users WHERE identity = ?1 OR sid = ?1"
        user = store.row(sql, names.get("user") or names.get("identity"))
        return {} if user is None else _user(user)
    if "conversation" not in names:
        return {"Attributes": "{}", "State": "active"}
    sql = "SELECT * FROM conversations WHERE sid = ?1 OR unique_name = ?1"
    conversation = store.row(sql, names["conversation"])
    if conversation is None:
        return None
    about = {"ConversationSid": conversation["sid"]}
    if event.startswith("onConversation"):
        return about | _conversation(conversation)
    if event == "onMessageAdd":
        sql = "SELECT sid FROM participants WHERE conversation = ? AND identity = ?"
        sender = store.value(sql, conversation["id"], source.identity)
        return about | {"Author": source.identity or limits.SYSTEM, "ParticipantSid": sender, "Attributes": "{}"}
    if event == "onParticipantAdd":
        return about | {"Attributes": "{}"}
    noun, name = ("messages", "message") if "message" in names else ("participants", "participant")
    sql = f"SELECT * FROM {noun} WHERE conversation = ? AND "  # noqa: S608 - names from above
    sql += "sid = ?" if noun == "messages" else "(sid = ?2 OR identity = ?2)"
    row = store.row(sql, conversation["id"], names[name])
    if row is None:
        return about
    return about | (_message(store, row) if noun == "messages" else _participant(row))


def heard(change: Change) -> bool:
    """Whether anybody may want to hear of it."""
    return change.source is not None and change.store.hooked


def tell(change: Change, event: str, fields: dict[str, Any], conversation: Row | None = None) -> None:
    """Let every webhook that waits for an event hear of it after the commit."""
    assert change.source is not None
    store = change.store
    about = {"ConversationSid": conversation["sid"]} if conversation is not None else {}
    whole = words(event, {**about, **fields}, change.source, store.meta("account_sid"), store.meta("service_sid"))
    for name in settings.WEBHOOKS:
        hooks = settings.load(store, name, settings.Webhooks)
        if hooks.post_webhook_url and event in hooks.filters:
            change.told.append(Told(hooks.post_webhook_url, hooks.method, whole))
    if conversation is None:
        return
    for row in store.rows("SELECT * FROM webhooks WHERE conversation = ? ORDER BY id", conversation["id"]):
        hook = json.decode(row["configuration"])
        if _wants(row["target"], hook, event, fields.get("Body") or ""):
            change.told.append(Told(hook["url"], hook["method"].upper(), whole))


def insert(change: Change, conversation: int, target: str, configuration: dict[str, Any]) -> str:
    """A new webhook of a conversation (row); its sid."""
    values = (sid := new_sid("WH"), conversation, target, json.encode(configuration).decode())
    sql = "INSERT INTO webhooks (sid, conversation, target, configuration, date_created, date_updated)"
    change.run(f"{sql} VALUES (?, ?, ?, ?, ?, ?)", *values, change.time, change.time)
    change.store.hook()
    return sid


def replay(change: Change, conversation: Row, target: str, hook: dict[str, Any], after: int) -> None:
    """Let a webhook hear of the messages from an index on, as if they were sent now; of so many at most."""
    store = change.store
    sql = "SELECT * FROM messages WHERE conversation = ? AND idx >= ? ORDER BY idx LIMIT ?"
    for row in store.rows(sql, conversation["id"], after, REPLAYED):
        if not _wants(target, hook, "onMessageAdded", row["body"] or ""):
            continue
        here = {"ConversationSid": conversation["sid"], "MessagingServiceSid": conversation["messaging_service_sid"]}
        fields = _message(store, row) | here | {"DateUpdated": None}
        user = store.value("SELECT identity FROM users WHERE identity = ?", row["author"])
        source = Source("API" if user is None else "SDK", user)
        whole = words("onMessageAdded", fields, source, store.meta("account_sid"), store.meta("service_sid"))
        change.told.append(Told(hook["url"], hook["method"].upper(), whole))


def words(event: str, fields: dict[str, Any], source: Source, account_sid: str, service_sid: str) -> dict[str, str]:
    """The form that a webhook gets."""
    whole = {
        "EventType": event,
        "AccountSid": account_sid,
        "ChatServiceSid": service_sid,
        "Source": source.kind,
        "ClientIdentity": source.identity,
        **fields,
    }
    return {name: str(value) for name, value in whole.items() if value is not None}


def _wants(target: str, hook: dict[str, Any], event: str, body: str) -> bool:
    """Whether a conversation's webhook waits for it; a flow is nothing that could be called from here."""
    if target == "webhook":
        return event in hook["filters"]
    if target == "trigger" and event == "onMessageAdded":
        return any(word.casefold() in body.casefold() for word in hook["triggers"])
    return False
