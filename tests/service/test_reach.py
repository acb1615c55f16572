"""Who is online, who can be notified, and the registrations that make it so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convo_widgets.service.local import LocalService
from convo_widgets.service.reach import DEVICES

from .conftest import CONFIGURATION, Connect, Wire
from .http import Account

ERS = "/v1/registrations"


def device(address: str, channel: str = "fcm") -> dict[str, Any]:
    """A registration, as the SDK sends it."""
    shape = {"endpoint_platform": "web", "channel_type": channel, "version": "4", "message_types": ["x"]}
    return shape | {"data": {"registration_id": address}}


async def info(wire: Wire, identity: str) -> str:
    """Sid of a user's info map."""
    return str((await wire.get(f"/Client/v2/Users/{identity}"))["sync_objects"]["user_info_map"])


async def reached(wire: Wire, sid: str) -> Any:
    """The item of it."""
    items = (await wire.get(f"/v3/Maps/{sid}/Items", Key="reachability"))["items"]
    return items[0]["data"] if items else None


async def test_online(wire: Connect) -> None:
    """A user is online from the first connection to the end of the last one; those who follow are told each once."""
    with LocalService(seed=None) as service:
        alice, bob = await wire("alice", to=service), await wire("bob", to=service)
        sid = await info(alice, "bob")
        assert await reached(alice, sid) == {"online": True, "notifiable": False}
        await alice.follow(sid, "map", (await alice.get(f"/v3/Maps/{sid}"))["last_event_id"])
        second = await wire("bob", to=service)
        await bob.close()
        await second.close()
        await alice.sync(lambda payload: payload["event_type"] == "map_item_updated")
        assert await reached(alice, sid) == {"online": False, "notifiable": False}
        assert (await Account(service).ask("GET", "/Users/bob")).body["is_online"] is False
        await wire("bob", to=service)
        await alice.sync(lambda p: p["event_type"] == "map_item_updated" and p["event"]["item_data"]["online"])
        told = [(event["item_key"], event["item_data"]["online"]) for event in alice.seen("map_item_updated")]
        assert told == [("reachability", False), ("reachability", True)]
        await alice.close()


async def test_nobody_is_online_after_a_crash(tmp_path: Path, wire: Connect) -> None:
    """Whoever was there when the service ended is offline when it begins, and those who follow hear it."""
    with LocalService(tmp_path / "data.sqlite3", seed=None) as service:
        alice, _ = await wire("alice", to=service), await wire("bob", to=service)
        sid = await info(alice, "bob")
        position = (await alice.get(f"/v3/Maps/{sid}"))["last_event_id"]
        service.restart()
        alice = await wire("alice", to=service)
        await alice.follow(sid, "map", position)
        assert [event["item_data"]["online"] for event in alice.seen("map_item_updated")] == [False]
        await alice.close()


async def test_switched_off(wire: Connect) -> None:
    """Where the service does not tell it, there is no such item."""
    with LocalService(seed=None, reachability=False) as service:
        alice = await wire("alice", to=service)
        assert (await alice.get(CONFIGURATION))["options"]["reachability_enabled"] is False
        assert await reached(alice, await info(alice, "alice")) is None
        await alice.post(ERS, device("a"))
        await alice.close()


async def test_set_by_the_account(wire: Connect) -> None:
    """What the account has set outlives a restart, and the argument."""
    with LocalService(seed=None, reachability=False) as service:
        account = Account(service)
        await account.post(f"/Services/{service.service_sid}/Configuration", {"ReachabilityEnabled": "true"})
        service.restart()
        alice = await wire("alice", to=service)
        assert (await alice.get(CONFIGURATION))["options"]["reachability_enabled"] is True
        assert await reached(alice, await info(alice, "alice")) is not None
        await alice.close()


async def test_registrations(service: LocalService, wire: Connect) -> None:
    """Devices come and go, by id and by address; the same one twice is one; a user is notifiable while there is one."""
    alice, bob = await wire("alice"), await wire("bob")
    assert (await alice.get(CONFIGURATION))["options"]["reachability_enabled"] is True
    sid = await info(alice, "alice")
    first = await alice.post(ERS, device("a"), productId="ip_messaging")
    assert await alice.post(ERS, device("a")) == first
    await alice.post(ERS, device("b", "apn"))
    assert await reached(bob, sid) == {"online": True, "notifiable": True}
    assert (await bob.ask("DELETE", f"{ERS}/{first['id']}")).status == 204
    assert (await alice.ask("DELETE", f"{ERS}/{first['id']}", {})).status == 204
    assert (await reached(bob, sid))["notifiable"] is True
    assert (await alice.ask("DELETE", ERS, {"binding_type": "apn", "address": "b"})).status == 204
    assert (await reached(bob, sid))["notifiable"] is False
    for wrong in (device(""), device("x" * 4097), device("a", "pigeon"), {}):
        assert (await alice.ask("POST", ERS, wrong)).code == 20422
    for number in range(DEVICES):
        await alice.post(ERS, device(str(number)))
    assert (await alice.ask("POST", ERS, device("one more"))).status == 429
