"""What no channel outside takes: the message is there, and failed at once for those of that channel."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from convo_widgets.service import limits, media
from convo_widgets.service.local import LocalService

from .conftest import ROOMS, Connect, inside
from .http import Account
from .test_webhooks import Ear, ear, hook

__all__ = ["ear"]
TEXT, MEDIA = limits.TEXT_TOO_LONG, limits.MEDIA_TOO_LARGE
MB = 1 << 20
DESK = "+15550100"
PEOPLE = {
    "tom": ("+447700900123", DESK),
    "ann": ("whatsapp:+447700900124", f"whatsapp:{DESK}"),
    "eve": ("eve@x.example", "desk@x.example"),
}


class Sent(NamedTuple):
    """A message of so many characters and so many bytes of media, and for whom it failed, with which code."""

    length: int
    sizes: list[int]
    failed: dict[str, int]


SENT = {
    "text that fits": Sent(1600, [], {}),
    "too long": Sent(1601, [], {"tom": TEXT, "ann": TEXT}),
    "media that fit": Sent(0, [5 * MB - 1, 1], {}),
    "too large for MMS": Sent(0, [5 * MB, 1], {"tom": MEDIA}),
    "large for WhatsApp": Sent(1, [16 * MB], {"tom": MEDIA}),
    "too large for WhatsApp": Sent(1, [16 * MB, 1], {"tom": MEDIA, "ann": MEDIA}),
    "both": Sent(1601, [6 * MB], {"tom": TEXT, "ann": TEXT}),
    "ten media": Sent(0, [1] * 10, {}),
}


async def uploaded(service: LocalService, author: str, sizes: list[int]) -> list[str]:
    """Media of such sizes; their bytes are not here."""
    store = service._running.backend.store
    given: Any = {"author": author, "time": "2026-01-02T00:00:00.000Z", "content_type": "image/png"}
    return await inside(service, lambda: [media.insert(store, **given, size=size) for size in sizes])


async def people(account: Account, sid: str) -> dict[str, str]:
    """One on SMS, one on WhatsApp, one on email in a conversation; their sids."""
    sids = {}
    for name, (address, proxy) in PEOPLE.items():
        binding = {"MessagingBinding.Address": address, "MessagingBinding.ProxyAddress": proxy}
        sids[name] = (await account.post(f"/Conversations/{sid}/Participants", binding))["sid"]
    return sids


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
@pytest.mark.parametrize("carried", [False, True], ids=["nobody carries", "carried"])
async def test_failed_at_once(wire: Connect, sent: Sent, carried: bool) -> None:
    """Taken by both doors, with receipts that say why; the simulated carrier carries none of those."""
    with LocalService(seed=None, carrier=carried) as service:
        alice, account = await wire("alice", to=service), Account(service)
        sid = await alice.room()
        members = await people(account, sid)
        body = {"body": "é" * sent.length} if sent.length else {}
        media = {"media_sids": await uploaded(service, "alice", sent.sizes)} if sent.sizes else {}
        reply = await alice.ask("POST", f"{ROOMS}/{sid}/Messages", body | media)
        assert reply.status == 201
        messages = [reply.body["sid"]]
        if len(sent.sizes) < 2:  # the account gives one medium
            more = {"MediaSid": (await uploaded(service, "alice", sent.sizes))[0]} if sent.sizes else {}
            form = {name.title(): value for name, value in body.items()} | more
            messages.append((await account.post(f"/Conversations/{sid}/Messages", form))["sid"])
        for message in messages:
            path = f"/Conversations/{sid}/Messages/{message}"
            receipts = (await account.ask("GET", f"{path}/Receipts")).body["delivery_receipts"]
            told = {one["participant_sid"]: (one["status"], one["error_code"]) for one in receipts}
            expected = {members[name]: ("failed", code) for name, code in sent.failed.items()}
            assert {one: said for one, said in told.items() if said[0] == "failed"} == expected
            whole = (await account.ask("GET", path)).body["delivery"]
            if expected and not carried:
                assert (whole["total"], whole["failed"], whole["sent"]) == (len(expected), "all", "none")
            own = (await alice.get(f"{ROOMS}/{sid}/Messages/{message}/Receipts"))["delivery_receipts"]
            assert {one["sid"] for one in own} >= {one["sid"] for one in receipts}


async def test_who_sends_is_not_among_them(service: LocalService, wire: Connect) -> None:
    """A long text from a telephone comes in; others outside do not get it."""
    alice, account = await wire("alice"), Account(service)
    sid = await alice.room()
    members = await people(account, sid)
    (address, proxy) = PEOPLE["tom"]
    came = await account.ask("POST", "/_local/inbound", {"from": address, "to": proxy, "body": "x" * 2000}, json="yes")
    assert came.status == 201, came
    message = (await account.ask("GET", f"/Conversations/{sid}/Messages")).body["messages"][0]
    listed = await account.ask("GET", f"/Conversations/{sid}/Messages/{message['sid']}/Receipts")
    assert [one["participant_sid"] for one in listed.body["delivery_receipts"]] == [members["ann"]]


async def test_told(service: LocalService, wire: Connect, ear: Ear) -> None:
    """Everybody hears of the message, then of what became of it: users as an update, webhooks of each receipt."""
    alice, account = await wire("alice"), Account(service)
    sid = await alice.room()
    members = await people(account, sid)
    await hook(account, sid, ear.url, "onMessageAdded", "onDeliveryUpdated")
    await alice.follow((await alice.objects(sid))["messages"], "list")
    message = (await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "x" * 1601}))["sid"]
    await alice.sync(lambda payload: payload["event_type"] == "list_item_updated")
    (added,), (updated,) = alice.seen("list_item_added"), alice.seen("list_item_updated")
    assert added["item_data"].get("delivery") is None
    assert updated["item_data"]["delivery"]["failed"] == "all"
    _, first, second = await ear.until("onMessageAdded", "onDeliveryUpdated", "onDeliveryUpdated")
    for heard, name in ((first, "tom"), (second, "ann")):
        said = (heard.form["MessageSid"], heard.form["ParticipantSid"], heard.form["Status"], heard.form["ErrorCode"])
        assert said == (message, members[name], "failed", str(TEXT))
