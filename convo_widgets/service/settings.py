"""Settings of the account and its service, each a struct of defaults until it is changed."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from convo_widgets.service.store import Change, Store
from convo_widgets.wire import json

T = TypeVar("T", bound=Struct)


class Webhooks(Struct):
    """Where webhooks of all conversations go, and what they hear."""

    method: str = "POST"
    filters: list[str] = []
    pre_webhook_url: str | None = None
    post_webhook_url: str | None = None
    target: str = "webhook"


class Account(Struct):
    """The service of addresses that name none, and what new conversations have where they do not say it."""

    default_chat_service_sid: str | None = None
    default_messaging_service_sid: str | None = None
    default_inactive_timer: str | None = None
    default_closed_timer: str | None = None


WEBHOOKS = ("account_webhooks", "service_webhooks")
"""Names of the settings that are `Webhooks`."""
_OF_THE_ACCOUNT = ("account", "account_webhooks")


def load(store: Store, name: str, type: type[T]) -> T:
    """Settings of a name; where none were made, those that go without saying."""
    where = store.home if name in _OF_THE_ACCOUNT else store
    text = where.value("SELECT body FROM settings WHERE name = ?", name)
    return type() if text is None else json.decode(text, type)


def save(change: Change, name: str, settings: Struct) -> None:
    """Keep settings under a name."""
    change.run("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, json.encode(settings).decode())
