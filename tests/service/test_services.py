"""Several services of one account: apart in all that they have, together at the start, the restart and the end."""

from __future__ import annotations

import math
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import convo_widgets as cw
from convo_widgets.errors import UsageError
from convo_widgets.service import services
from convo_widgets.service.local import LocalService
from convo_widgets.service.services import MOST
from convo_widgets.wire import protocol

from .conftest import CONFIGURATION, ROOMS, Connect, Wire
from .http import Account, ask
from .test_timers import state
from .test_webhooks import Ear, ear

__all__ = ["ear"]


@pytest.fixture
def account(service: LocalService) -> Account:
    """The account of the empty service."""
    return Account(service)


async def second(account: Account, name: str = "second") -> str:
    """Another service; its sid."""
    return str((await account.post("/Services", {"FriendlyName": name}))["sid"])


async def enter(wire: Connect, service: LocalService, identity: str, sid: str) -> Wire:
    """A connection to a service."""
    made = await wire(to=service)
    assert isinstance(await made.init(service.token(identity, service_sid=sid)), protocol.Initialized)
    return made


async def sids(account: Account, path: str, key: str) -> list[str]:
    """The sids of a list."""
    return [one["sid"] for one in (await account.ask("GET", path)).body[key]]


async def test_apart(service: LocalService, account: Account, wire: Connect) -> None:
    """The same identity is another user in another service; nothing of one is found or heard in the other."""
    sid = await second(account)
    here, there = await wire("alice"), await enter(wire, service, "alice", sid)
    room = await there.room(friendly_name="over there", unique_name="room")
    messages = (await there.objects(room))["messages"]
    await there.follow(messages, "list")
    assert (await here.ask("GET", f"{ROOMS}/{room}")).code == 50350
    assert (await here.follow(messages, "list"))["event_type"] == "subscription_failed"
    own = await here.room(unique_name="room")
    assert await sids(account, "/Conversations", "conversations") == [own]
    assert await sids(account, f"/Services/{sid}/Conversations", "conversations") == [room]
    assert (await account.ask("GET", f"/Conversations/{room}")).code == 50350
    assert (await account.ask("GET", "/Conversations/room")).body["sid"] == own
    shown = (await account.ask("GET", f"/Services/{sid}/Conversations/room")).body
    assert (shown["sid"], shown["chat_service_sid"]) == (room, sid)
    users, others = (
        await sids(account, "/Users", "users"),
        await sids(account, f"/Services/{sid}/Users", "users"),
    )
    assert len(users) == len(others) == 1
    assert users != others
    roles = set(await sids(account, "/Roles", "roles"))
    assert not roles & set(await sids(account, f"/Services/{sid}/Roles", "roles"))
    await account.post(f"/Services/{sid}/Conversations/{room}/Messages", {"Body": "from outside"})
    told = await there.sync(lambda payload: payload["event_type"] == "list_item_added")
    assert told["event"]["item_data"]["text"] == "from outside"
    assert not here.seen("list_item_added")
    assert (await account.ask("DELETE", f"/Services/{sid}/Users/alice")).status == 204
    await there.ended()
    assert not here.closed
    await here.get(CONFIGURATION)


async def test_media(service: LocalService, account: Account) -> None:
    """A medium belongs to the service that it was uploaded to; a token of one opens nothing of the other."""
    sid = await second(account)
    tokens = {one: service.token("alice", service_sid=one) for one in (service.service_sid, sid)}
    url = f"{service.url}/v1/Services/{sid}/Media"
    made = await ask("POST", url, b"bytes", X_Twilio_Token=tokens[sid], Content_Type="text/plain")
    assert (made.status, made.body["service_sid"]) == (201, sid)
    assert (await ask("GET", made.body["links"]["content_direct_temporary"])).content == b"bytes"
    token = tokens[service.service_sid]
    assert (await ask("GET", made.body["url"], X_Twilio_Token=token)).code == 20106
    moved = made.body["url"].replace(sid, service.service_sid)
    assert (await ask("GET", moved, X_Twilio_Token=token)).code == 20404
    temporary = made.body["links"]["content_direct_temporary"].replace(sid, service.service_sid)
    assert (await ask("GET", temporary)).code == 20404


async def test_tokens(service: LocalService, account: Account, wire: Connect) -> None:
    """A token for another service does not renew a connection, and one for none of ours is refused."""
    sid = await second(account)
    there = await enter(wire, service, "alice", sid)
    refused = await there.update(service.token("alice"))
    assert isinstance(refused, protocol.Refused)
    assert refused.status.error_code == 20106
    assert isinstance(await there.update(service.token("alice", service_sid=sid)), protocol.Updated)
    with pytest.raises(UsageError, match="no such service"):
        service.token("alice", service_sid="IS" + "0" * 32)


async def test_default(account: Account) -> None:
    """Addresses that name no service are of the default one, which can be another."""
    sid, first = await second(account), account.service.service_sid
    assert (await account.ask("POST", "/Configuration", {"DefaultChatServiceSid": "IS" + "0" * 32})).code == 20422
    changed = await account.post("/Configuration", {"DefaultChatServiceSid": sid, "DefaultInactiveTimer": "PT1H"})
    assert (changed["default_chat_service_sid"], changed["links"]["service"][-34:]) == (sid, sid)
    made = await account.post("/Conversations", {"UniqueName": "room"})
    assert (made["chat_service_sid"], set(made["timers"])) == (sid, {"date_inactive"})
    assert (await account.ask("GET", f"/Services/{first}/Conversations/room")).code == 50350
    assert (await account.ask("DELETE", f"/Services/{sid}")).code == 20403
    assert (await account.ask("DELETE", f"/Services/{first}")).code == 20403
    await account.post("/Configuration", {"DefaultChatServiceSid": first})
    assert (await account.ask("GET", "/Conversations/room")).code == 50350
    assert (await account.ask("DELETE", f"/Services/{sid}")).status == 204


async def test_removed(account: Account, service: LocalService, wire: Connect) -> None:
    """With a service go its connections, its addresses and its tokens; others go on."""
    sid, other = await second(account), await second(account, "third")
    there, elsewhere = await enter(wire, service, "alice", sid), await enter(wire, service, "alice", other)
    room = await there.room()
    token = service.token("alice", service_sid=sid)
    assert (await account.ask("DELETE", f"/Services/{sid}")).status == 204
    await there.ended()
    assert (await account.ask("GET", f"/Services/{sid}/Conversations/{room}")).code == 20404
    assert (await account.ask("GET", f"/Services/{sid}")).code == 20404
    assert (await account.ask("DELETE", f"/Services/{sid}")).code == 20404
    refused = await (await wire()).init(token)
    assert isinstance(refused, protocol.Refused)
    assert refused.status.error_code == 20106
    assert await sids(account, "/Services", "services") == [service.service_sid, other]
    await elsewhere.get(CONFIGURATION)


async def test_what_is_the_accounts(account: Account, ear: Ear) -> None:
    """Webhooks of the account hear of every service, and content is for all; webhooks of a service hear of it alone."""
    sid = await second(account)
    here = f"/Services/{sid}"
    hooks = {"PostWebhookUrl": ear.url, "Filters": "onConversationAdded"}
    await account.post("/Configuration/Webhooks", hooks)
    headed = {"X_Twilio_Webhook_Enabled": "true"}
    await account.post(f"{here}/Conversations", {}, **headed)
    (heard,) = await ear.until("onConversationAdded")
    assert heard.form["ChatServiceSid"] == sid
    await account.post("/Configuration/Webhooks", {"PostWebhookUrl": ""})
    await account.post(f"{here}/Configuration/Webhooks", hooks)
    await account.post("/Conversations", {}, **headed)
    room = (await account.post(f"{here}/Conversations", {}, **headed))["sid"]
    (heard,) = await ear.until("onConversationAdded")
    assert heard.form["ConversationSid"] == room
    text = {"friendly_name": "x", "types": {"twilio/text": {"body": "from a template"}}}
    content = (await account.post("/Content", text, json="yes"))["sid"]
    sent = await account.post(f"{here}/Conversations/{room}/Messages", {"ContentSid": content})
    assert sent["body"] == "from a template"


async def test_timers(account: Account, service: LocalService, wire: Connect) -> None:
    """Conversations of every service are closed when their time has come."""
    sid = await second(account)
    alice = await enter(wire, service, "alice", sid)
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    given = {"Timers.Closed": "PT10M", "DateCreated": past, "DateUpdated": past}
    room = (await account.post(f"/Services/{sid}/Conversations", given))["sid"]
    await account.post(f"/Services/{sid}/Conversations/{room}/Participants", {"Identity": "alice"})
    await state(alice, room, "closed")


async def test_trouble(account: Account, service: LocalService, wire: Connect) -> None:
    """What goes wrong on demand goes wrong in every service, and what plays does so in the one that it is told."""
    sid = await second(account)
    here, there = await wire("alice"), await enter(wire, service, "alice", sid)
    await there.get(CONFIGURATION)
    service.faults.fail("/Conversations$", 503, times=2, method="POST")
    for one in (here, there):
        assert (await one.ask("POST", ROOMS, {})).status == 503
    token = service.token("alice", service_sid=sid)
    late = await wire()
    await late.init(token)
    service.faults.expire_tokens()
    for one in (here, there, late):
        await one.ended()
    refused = await (await wire()).init(token)
    assert isinstance(refused, protocol.Refused)
    assert refused.status.error_code == 20104
    simulation = service.simulate(conversations=2, speed=math.inf, service_sid=sid)
    await simulation.finished()
    assert len(await sids(account, f"/Services/{sid}/Conversations", "conversations")) == 2
    assert await sids(account, "/Conversations", "conversations") == []


@pytest.mark.parametrize("kept", [True, False])
async def test_restart(tmp_path: Path, kept: bool) -> None:
    """Every service goes on after a restart, in memory and in files, with all that it has."""
    with LocalService(tmp_path / "desk.sqlite3" if kept else None, seed=None) as service:
        account = Account(service)
        sid = await second(account, "Schüler")
        await account.post("/Configuration", {"DefaultChatServiceSid": sid})
        alice = await cw.connect(service.token("alice", service_sid=sid), service=service)
        room = await alice.create_conversation(friendly_name="over there")
        await room.join()
        await room.send_message("before")
        service.restart()
        assert [one["friendly_name"] for one in (await account.ask("GET", "/Services")).body["services"]] == [
            "Local service",
            "Schüler",
        ]
        found = (await account.ask("GET", f"/Conversations/{room.sid}/Messages")).body["messages"]
        assert [one["body"] for one in found] == ["before"]
        await alice.shutdown()
        assert (tmp_path / f"desk.{sid}.sqlite3").exists() is kept
        await account.post("/Configuration", {"DefaultChatServiceSid": service.service_sid})
        assert (await account.ask("DELETE", f"/Services/{sid}")).status == 204
        assert sorted(tmp_path.glob("*IS*")) == []
    if kept:
        with LocalService(tmp_path / "desk.sqlite3", seed=None) as service:
            assert len((await Account(service).ask("GET", "/Services")).body["services"]) == 1


async def test_as_many_as_there_may_be(account: Account) -> None:
    """There is a most, and a name is needed."""
    for number in range(MOST - 1):
        await second(account, str(number))
    assert (await account.ask("POST", "/Services", {"FriendlyName": "x"})).code == 20403
    assert (await account.ask("POST", "/Services", {})).code == 20001
    assert len(await sids(account, "/Services", "services")) == MOST


# --- What may go wrong in between ----------------------------------------------------------------------------------


async def made(path: Path) -> tuple[str, str]:
    """A data file with a second service that has a conversation; both sids."""
    with LocalService(path, seed=None) as service:
        account = Account(service)
        sid = await second(account)
        return sid, (await account.post(f"/Services/{sid}/Conversations", {}))["sid"]


@pytest.mark.parametrize("there", [True, False])
async def test_cut_short(tmp_path: Path, there: bool) -> None:
    """Killed while a service is made or removed: at the next start it is not there, and neither is its file."""
    path = tmp_path / "desk.sqlite3"
    sid, _ = await made(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE services SET ready = 0 WHERE sid = ?", (sid,))
    db.close()
    if not there:
        (tmp_path / f"desk.{sid}.sqlite3").unlink()
    with LocalService(path, seed=None) as service:
        account = Account(service)
        assert await sids(account, "/Services", "services") == [service.service_sid]
        assert not list(tmp_path.glob("*IS*"))
        assert (await account.ask("GET", f"/Services/{sid}/Conversations")).code == 20404
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM services").fetchone() == (1,)
    db.close()


async def test_missing(tmp_path: Path) -> None:
    """A service whose file is gone is no service that began anew, unless somebody says so."""
    path = tmp_path / "desk.sqlite3"
    sid, room = await made(path)
    other = tmp_path / f"desk.{sid}.sqlite3"
    aside = other.rename(tmp_path / "aside")
    with pytest.raises(UsageError, match="is missing, which has another service"):
        LocalService(path, seed=None)
    aside.rename(other)
    with LocalService(path, seed=None) as service:
        assert (await Account(service).ask("GET", f"/Services/{sid}/Conversations/{room}")).status == 200
    other.unlink()
    other.touch()
    with LocalService(path, seed=None) as service:
        assert (await Account(service).ask("GET", f"/Services/{sid}/Conversations")).body["conversations"] == []


@pytest.mark.parametrize("page", [0, 3, 9])
async def test_damaged(tmp_path: Path, page: int) -> None:
    """A damaged file is named, and nothing of the others is held: with the file whole again all of it starts."""
    path = tmp_path / "desk.sqlite3"
    sid, room = await made(path)
    other = tmp_path / f"desk.{sid}.sqlite3"
    whole = other.read_bytes()
    other.write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
    try:
        LocalService(path, seed=None).stop()
    except UsageError as error:
        assert other.name in str(error)
    else:
        assert page, "without its first page it is no database"
    other.write_bytes(whole)
    with LocalService(path, seed=None) as service:
        assert (await Account(service).ask("GET", f"/Services/{sid}/Conversations/{room}")).status == 200


async def test_mixed_up(tmp_path: Path) -> None:
    """The file of a service of another account is not taken for ours."""
    ours, theirs = tmp_path / "ours.sqlite3", tmp_path / "theirs.sqlite3"
    sid, _ = await made(ours)
    other, _ = await made(theirs)
    (tmp_path / f"theirs.{other}.sqlite3").rename(tmp_path / f"ours.{sid}.sqlite3")
    with pytest.raises(UsageError, match="of another account or service"):
        LocalService(ours, seed=None)


async def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service whose file cannot be made is answered with a no, and is not there, now or after a restart."""
    sid = "IS" + "a" * 32
    (tmp_path / f"desk.{sid}.sqlite3").mkdir()
    with LocalService(tmp_path / "desk.sqlite3", seed=None) as service:
        account = Account(service)
        monkeypatch.setattr(services, "new_sid", lambda prefix: sid)
        assert (await account.ask("POST", "/Services", {"FriendlyName": "x"})).code == 20503
        for _ in range(2):
            assert await sids(account, "/Services", "services") == [service.service_sid]
            service.restart()


async def test_hooks_of_a_conversation(account: Account, ear: Ear) -> None:
    """A conversation's webhook of another service is heard with that service's sid."""
    sid = await second(account)
    room = (await account.post(f"/Services/{sid}/Conversations"))["sid"]
    fields = {"Target": "webhook", "Configuration.Url": ear.url, "Configuration.Filters": "onMessageAdded"}
    await account.post(f"/Services/{sid}/Conversations/{room}/Webhooks", fields)
    url = f"/Services/{sid}/Conversations/{room}/Messages"
    await account.post(url, {"Body": "x"}, X_Twilio_Webhook_Enabled="true")
    (heard,) = await ear.until("onMessageAdded")
    assert heard.form["ChatServiceSid"] == sid
