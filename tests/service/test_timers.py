"""Conversations become inactive and are closed by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from convo_widgets.service.local import LocalService

from .conftest import ROOMS, Connect, Wire
from .http import Account


@pytest.fixture
def account(service: LocalService) -> Account:
    """The account of the empty service."""
    return Account(service)


def ago(**length: float) -> str:
    """A time in the past."""
    return (datetime.now(UTC) - timedelta(**length)).isoformat()


async def room(account: Account, **fields: str) -> str:
    """A conversation of alice, who joined; the sid."""
    sid = str((await account.post("/Conversations", {name.replace("_", "."): v for name, v in fields.items()}))["sid"])
    await account.post(f"/Conversations/{sid}/Participants", {"Identity": "alice"})
    return sid


async def state(alice: Wire, sid: str, wanted: str) -> Any:
    """Wait until the conversation's document has a state."""
    document = (await alice.objects(sid))["conversation"]
    await alice.follow(document, "document", 1)
    return await alice.sync(
        lambda p: p["event_type"] == "document_updated" and p["event"]["document_data"]["state"]["current"] == wanted
    )


async def test_both_timers(account: Account, wire: Connect) -> None:
    """After its time without news a conversation is inactive, and later closed, and who is there sees it."""
    alice = await wire("alice")
    past = {"DateCreated": ago(minutes=5), "DateUpdated": ago(minutes=5)}
    sid = await room(account, Timers_Inactive="PT1M", Timers_Closed="P1D", **past)
    await state(alice, sid, "inactive")
    shown = (await account.ask("GET", f"/Conversations/{sid}")).body
    assert (shown["state"], list(shown["timers"])) == ("inactive", ["date_closed"])
    old = await room(account, Timers_Closed="PT10M", DateCreated=ago(hours=1), DateUpdated=ago(hours=1))
    await state(alice, old, "closed")
    assert (await alice.ask("POST", f"{ROOMS}/{old}/Messages", {"body": "x"})).code == 50377
    assert (await account.ask("GET", f"/Conversations/{old}")).body["timers"] == {}


async def test_news_count(account: Account, wire: Connect) -> None:
    """A message sets the time back, and makes an inactive conversation active."""
    alice = await wire("alice")
    fields = {"Timers_Inactive": "PT10M", "DateCreated": ago(minutes=9), "DateUpdated": ago(minutes=9)}
    sid = await room(account, **fields)
    before = (await account.ask("GET", f"/Conversations/{sid}")).body["timers"]["date_inactive"]
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "news"})
    assert (await account.ask("GET", f"/Conversations/{sid}")).body["timers"]["date_inactive"] > before
    await account.post(f"/Conversations/{sid}", {"State": "inactive"})
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "more"})
    assert (await account.ask("GET", f"/Conversations/{sid}")).body["state"] == "active"


async def test_only_where_there_are_timers(account: Account, wire: Connect) -> None:
    """Conversations without timers stay as they are."""
    alice = await wire("alice")
    quiet = await room(account, DateCreated=ago(days=400), DateUpdated=ago(days=400))
    due = await room(account, Timers_Closed="PT10M", DateCreated=ago(hours=1), DateUpdated=ago(hours=1))
    await state(alice, due, "closed")
    assert (await account.ask("GET", f"/Conversations/{quiet}")).body["state"] == "active"
