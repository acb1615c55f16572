"""What a change of a noun means to those who follow it: the sync events, in the order in which they are told."""

from __future__ import annotations

from convo_widgets.service import views
from convo_widgets.service.store import Change


def channel(change: Change, conversation: int) -> None:
    """The conversation's document changed; its last state is told, however often it changed."""
    change.at_the_end("channel", conversation, lambda: _channel(change, conversation))


def _channel(change: Change, conversation: int) -> None:
    sid = change.store.object_sid("channel", conversation)
    change.document_updated(sid, views.channel(change.store, conversation))


def message(change: Change, conversation: int, what: str, index: int, data: object = None) -> None:
    """A message was `added`, `updated` or `removed`; `data` is its item's where that is at hand."""
    data = data or _data(change, "messages", conversation, what, index)
    change.list_item(change.store.object_sid("messages", conversation), what, index, data)


def participant(change: Change, conversation: int, what: str, sid: str) -> None:
    """A participant was `added`, `updated` or `removed`."""
    data = _data(change, "roster", conversation, what, sid)
    change.map_item(change.store.object_sid("roster", conversation), what, sid, data)


def membership(change: Change, conversation: int, what: str, identity: str) -> None:
    """A conversation came into a user's list, changed there, or left it."""
    user = change.store.value("SELECT id FROM users WHERE identity = ?", identity)
    key = change.store.value("SELECT sid FROM conversations WHERE id = ?", conversation)
    data = _data(change, "conversations", user, what, key)
    change.map_item(change.store.object_sid("conversations", user), what, key, data)


def info(change: Change, user: int, key: str) -> None:
    """A value of a user's own map changed."""
    data = _data(change, "info", user, "updated", key)
    change.map_item(change.store.object_sid("info", user), "updated", key, data)


def reachability(change: Change, user: int) -> None:
    """A user came, went, or registered a device; only the last state of it need be told to those who were away."""
    if change.store.reachability:
        sid = change.store.object_sid("info", user)
        change.run("DELETE FROM events WHERE object_sid = ? AND item = 'reachability'", sid)
        info(change, user, "reachability")


def _data(change: Change, view: str, subject: int, what: str, key: views.Key) -> object:
    """The item as it is now; of a removed one nothing is told but that it is gone."""
    if what == "removed":
        return {}
    item = views.item(change.store, view, subject, key)
    assert item is not None
    return item.data
