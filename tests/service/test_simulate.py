"""Simulated customers, agents and carriers: the same each time, in virtual time, and gone when they are stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import shutil
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.service import agenda, carrier
from convo_widgets.service.seeds import script
from convo_widgets.service.store import iso
from tests.client.people import PATIENCE, Expected, Seen

from .http import Account

MORNING = datetime(2026, 11, 23, 8, tzinfo=UTC)


# --- The same each time --------------------------------------------------------------------------------------------


def test_a_plan_is_the_same_each_time() -> None:
    """The same script, seed and rate make the same plan; another seed makes other people and another order."""
    desk = script.load("support-desk")
    plans = [list(islice(script.scenes(desk, seed, 5), 60)) for seed in (0, 0, 1)]
    assert plans[0] == plans[1]
    names, others = ([scene.customer.name for scene in plan] for plan in (plans[0], plans[2]))
    assert names != others
    assert [scene.number for scene in plans[0]] == list(range(60))


def test_a_plan_has_everything() -> None:
    """All channels and all that may be done occur; nobody has two conversations at a time, and no beat comes before."""
    plan = list(islice(script.scenes(script.load("support-desk"), 0, 50), 1000))
    assert {scene.channel for scene in plan} == {"chat", "sms", "whatsapp", "email"}
    does = {beat.does for scene in plan for beat in scene.beats}
    assert does == {"type", "say", "edit", "react", "set", "join", "leave", "read", "close"}
    until: dict[script.Guest, float] = {}
    again = 0
    for scene in plan:
        assert [beat.at for beat in scene.beats] == sorted(beat.at for beat in scene.beats)
        again += scene.customer in until
        assert until.get(scene.customer, -1) < scene.at
        until[scene.customer] = scene.at + scene.beats[-1].at
    assert again > 20
    addresses = [scene.customer.identity or scene.customer.address for scene in plan]
    assert len({(scene.customer.name, address) for scene, address in zip(plan, addresses, strict=True)}) == len(
        set(addresses)
    )


def test_rate_is_messages_a_minute() -> None:
    """Over many conversations there are as many messages a minute as were asked for."""
    desk = script.load("support-desk")
    for rate in (0.5, 5, 100):
        plan = list(islice(script.scenes(desk, 0, rate), 3000))
        messages = sum(beat.does == "say" for scene in plan for beat in scene.beats)
        assert messages / (plan[-1].at / 60) == pytest.approx(rate, rel=0.1)


def told(file: Path) -> dict[str, list[Any]]:
    """Everything in a data file that has no sid in it."""
    queries = {
        "users": "SELECT identity, friendly_name, attributes, date_created FROM users ORDER BY id",
        "conversations": (
            "SELECT friendly_name, attributes, state, created_by, next_index, date_created, date_updated "
            "FROM conversations ORDER BY id"
        ),
        "participants": (
            "SELECT conversation, identity, address, proxy_address, name, attributes, last_read, last_read_at, "
            "date_created FROM participants ORDER BY id"
        ),
        "messages": (
            "SELECT conversation, idx, author, body, subject, attributes, last_updated_by, date_created, date_updated "
            "FROM messages ORDER BY conversation, idx"
        ),
        "media": "SELECT conversation, idx, filename, size, date_created FROM media ORDER BY conversation, idx",
        "receipts": "SELECT conversation, idx, status, error_code, date_updated FROM receipts ORDER BY id",
    }
    db = sqlite3.connect(file)
    found = {name: db.execute(query).fetchall() for name, query in queries.items()}
    db.close()
    return found


def played(file: Path, **options: Any) -> dict[str, list[Any]]:
    """What a simulation leaves in a new file."""
    with cw.LocalService(file, seed=None) as service:
        service.simulate(start=MORNING, speed=math.inf, **options).wait(60)
    return told(file)


def test_the_same_seed_gives_the_same_service(tmp_path: Path) -> None:
    """People, texts, order, times, horizons, edits and receipts are the same; with another seed they are not."""
    first, second = (played(tmp_path / name, conversations=15) for name in ("1", "2"))
    assert first == second
    assert all(len(rows) > 2 for rows in first.values())
    assert first != played(tmp_path / "3", conversations=15, seed=1)
    days = [row[-2] for row in first["messages"]]
    assert min(days) >= "2026-11-23T08:00:00.000Z"
    assert {day[:10] for day in days} == {"2026-11-23"}
    assert len({row[-1] for row in first["receipts"]}) > 2


def test_what_is_written_is_of_its_kind(tmp_path: Path) -> None:
    """Bodies have no open words; receipts are only of SMS and WhatsApp; who has written has read; closed is closed."""
    found = played(tmp_path / "desk", conversations=60)
    assert not [row for row in found["messages"] if "{" in (row[3] or "")]
    assert {row[2] for row in found["conversations"]} == {"active", "closed"}
    outside = {row[0] for row in found["participants"] if (row[2] or "@").find("@") < 0}
    assert {row[0] for row in found["receipts"]} <= outside
    assert {row[2] for row in found["receipts"]} >= {"delivered", "read"}
    assert [row for row in found["messages"] if row[6]]
    for conversation, identity, *_, read, read_at, created in found["participants"]:
        wrote = [row[1] for row in found["messages"] if row[0] == conversation and row[2] == identity]
        assert identity is None or not wrote or (read is not None and read >= max(wrote) and read_at > created)


def test_a_day_in_a_moment(tmp_path: Path) -> None:
    """Virtual time runs as fast as asked for: never ahead of it, and messages carry it."""
    with cw.LocalService(seed=None) as service:
        began = time.monotonic()
        simulation = service.simulate(start=MORNING, speed=200_000, rate=0.2, conversations=60)
        assert simulation.time >= MORNING
        simulation.wait(60)
        passed = simulation.time - MORNING
        assert passed > timedelta(hours=10)
        assert time.monotonic() - began >= passed.total_seconds() / 200_000


async def test_an_agenda_runs_from_when_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is planned long after that waits for its own time, and no longer."""
    made, clock = agenda.Agenda(MORNING), time.monotonic
    monkeypatch.setattr(agenda, "monotonic", lambda: clock() + 3600)
    assert made.now >= MORNING + timedelta(minutes=59)
    done: list[datetime] = []
    made.add(made.now, done.append)
    made.add(MORNING, done.append)
    async with asyncio.timeout(PATIENCE):
        await made.run()
    assert done == sorted(done)
    assert len(done) == 2


# --- Seen by others ------------------------------------------------------------------------------------------------


async def test_others_see_it_live() -> None:
    """A member of the conversations is told everything that people at a real desk would cause."""
    with cw.LocalService(seed=None) as service:
        async with cw.connect(service=service) as client:
            seen = Seen(client)
            simulation = service.simulate(rate=600, speed=600, conversations=40)
            wanted = {
                *("conversationAdded", "conversationJoined", "conversationUpdated", "messageAdded", "messageUpdated"),
                *("participantJoined", "participantLeft", "participantUpdated", "typingStarted", "typingEnded"),
            }
            await seen.until(lambda: wanted <= set(seen.names(client)))
            await simulation.finished()
            assert simulation.conversations == 40
            assert len(await client.get_subscribed_conversations()) == 40


async def test_members() -> None:
    """Whoever is named is in every conversation, and nobody else who does nothing."""
    with cw.LocalService(seed=None) as service:
        service.simulate(members=["ann", "ben"], conversations=3, speed=math.inf).wait(30)
        service.simulate(members="cem", conversations=1, speed=math.inf, start="2026-11-23T08:00Z").wait(30)
        for name, many in (("ann", 3), ("ben", 3), ("cem", 1), ("dana", 0)):
            async with cw.connect(service.token(name), service=service) as client:
                assert len(await client.get_subscribed_conversations()) == many


async def test_somebody_else_interferes(caplog: pytest.LogCaptureFixture) -> None:
    """A conversation that is removed, closed or has odd attributes by somebody else does not end the others."""
    caplog.set_level(logging.WARNING)
    with cw.LocalService(seed=None) as service:
        account = Account(service)
        async with cw.connect(service=service) as client:
            joined: list[cw.Conversation] = []
            client.on("conversationJoined", joined.append)
            simulation = service.simulate(rate=3000, speed=3000, conversations=60)
            for number in range(12):
                while len(joined) <= number:
                    await client.wait_for("conversationJoined", PATIENCE)
                one = f"/Conversations/{joined[number].sid}"
                act = ({"State": "closed"}, {"Attributes": "[1]"}, None)[number % 3]
                await account.ask("POST" if act else "DELETE", one, act or {})
            await simulation.finished()
            assert simulation.conversations == 60
    assert not [record for record in caplog.records if record.name == "convo_widgets.service"]


# --- Its end -------------------------------------------------------------------------------------------------------


async def test_stop() -> None:
    """When `stop` returns nothing more is written; a second stop does nothing; the service goes on."""
    with cw.LocalService(seed=None) as service:
        async with cw.connect(service=service) as client:
            added = Expected(client, "messageAdded")
            simulation = service.simulate(rate=600, speed=600)
            assert simulation.running
            await added
            simulation.stop()
            before = simulation.conversations, simulation.messages
            simulation.stop()
            assert not simulation.running
            assert f"over, {before[0]:,} conversations" in repr(simulation)
            added = Expected(client, "messageAdded")
            with service.simulate(seed=1, rate=600, speed=600) as other:
                await added
            assert not other.running
            assert (simulation.conversations, simulation.messages) == before


def test_it_ends_with_the_service() -> None:
    """A service that is stopped or started again plays no more, and says so to who wants to play on it."""
    service = cw.LocalService(seed=None)
    simulation = service.simulate(rate=1)
    service.restart()
    simulation.wait(10)
    assert not simulation.running
    again = service.simulate(rate=1)
    assert again.running
    service.stop()
    again.wait(10)
    again.stop()
    with pytest.raises(cw.UsageError, match="was stopped"):
        service.simulate()


def test_twice_on_one_file(tmp_path: Path) -> None:
    """A second run over what the first one left unfinished passes over those who are still in a conversation."""
    for _ in range(2):
        with cw.LocalService(tmp_path / "desk", seed=None) as service:
            simulation = service.simulate(start=MORNING, speed=math.inf, conversations=30)
            simulation.wait(60)
            assert simulation.conversations == 30
    assert 30 < len(told(tmp_path / "desk")["conversations"]) <= 60


@pytest.mark.parametrize(
    "options",
    [
        {"rate": 0},
        {"rate": -1},
        {"rate": math.inf},
        {"rate": math.nan},
        {"speed": 0},
        {"speed": math.nan},
        {"speed": math.inf},
        {"conversations": 0},
        {"start": datetime(9000, 1, 1, tzinfo=UTC)},
        {"start": "yesterday"},
        {"members": ["ann", ""]},
        {"members": ["system"]},
        {"script": "no-such-script"},
    ],
)
def test_what_cannot_be_played(options: dict[str, Any]) -> None:
    """It is refused in words, before anything is played."""
    with cw.LocalService(seed=None) as service, pytest.raises(cw.UsageError):
        service.simulate(**options)


def case(**fields: Any) -> dict[str, Any]:
    """A script of one case with one step."""
    people = [{"identity": "a"}, {"identity": "b"}]
    step = {"who": "customer", "say": ["Hi {customer}"]} | fields
    names = {"first": ["Ann"], "last": ["Lee"]}
    one = {"topic": "T", "channels": ["chat"], "steps": [step]}
    return {"agents": people, "customers": names, "desk": {}, "cases": [one]}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"read": True}, "one thing"),
        ({"say": []}, "one thing"),
        ({"say": ["{nobody}"]}, "'nobody' is no word"),
        ({"after": [3, 2]}, "after is two numbers"),
        ({"after": [-1, 2]}, "after is two numbers"),
        ({"chance": 2}, "chance"),
        ({"who": "bot"}, "no bot"),
        ({"who": "boss"}, "Invalid enum"),
        ({"sya": ["x"]}, "sya"),
        ({"media": {"filename": "x", "content_type": "video/mp4"}}, "no sample"),
    ],
)
def test_a_script_of_ones_own(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    """A file like ours is played; one that does not fit is refused, with what is wrong."""
    file = tmp_path / "script.json"
    with cw.LocalService(seed=None) as service:
        file.write_text(json.dumps(case()))
        assert service.simulate(file, conversations=2, speed=math.inf).wait(10) is None
        file.write_text(json.dumps(case(**fields)))
        with pytest.raises(cw.UsageError, match=said):
            service.simulate(file)


# --- The carrier ---------------------------------------------------------------------------------------------------


def test_fates() -> None:
    """Every end occurs; SMS tells nobody that it was read; the same message has the same fate."""
    for type, ends in (
        ("sms", {"delivered", "undelivered", "failed"}),
        ("whatsapp", {"delivered", "read", "failed"}),
    ):
        fates = [carrier.fate(type, "+15550142", index) for index in range(1000)]
        assert fates == [carrier.fate(type, "+15550142", index) for index in range(1000)]
        assert {steps[-1][1] for steps in fates} == ends
        assert all(code for steps in fates for _, status, code in steps if status in ("failed", "undelivered"))
        assert {steps[0][1] for steps in fates} == {"sent", "failed"}


@pytest.mark.parametrize("who", ["user", "account"])
async def test_the_carrier_reports(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    """A message to a phone is sent, delivered and read, as its sender sees; chat and the author get no receipts."""
    monkeypatch.setattr(carrier, "fate", lambda *_: [(0.01, "sent", 0), (0.01, "delivered", 0), (0.01, "read", 0)])
    with cw.LocalService(seed=None, carrier=True) as service:
        account = Account(service)
        async with cw.connect(service.token("alice"), service=service) as alice:
            room = await (await alice.create_conversation()).join()
            await room.add("bob")
            await room.add_non_chat_participant("whatsapp:+15550101", "whatsapp:+15550142")
            amounts: list[tuple[Any, ...]] = []

            def note(update: cw.MessageUpdated) -> None:
                told = update.message.aggregated_delivery_receipt
                assert told is not None
                amounts.append((told.total, told.sent, told.delivered, told.read))

            room.on("messageUpdated", note)
            read = Expected(room, "messageUpdated", lambda one: one.message.aggregated_delivery_receipt.read == "all")
            if who == "user":
                await room.send_message("On its way")
            else:
                await account.post(f"/Conversations/{room.sid}/Messages", {"Body": "On its way"})
            await read
            assert amounts == [(1, "all", "none", "none"), (1, "all", "all", "none"), (1, "all", "all", "all")]


async def test_another_report_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is reported from outside stays: the carrier says no more of that message and addressee."""
    later = {"+15550142": 0.2, "+15550143": 0.4}
    monkeypatch.setattr(carrier, "fate", lambda _, address, __: [(0, "sent", 0), (later[address], "delivered", 0)])
    with cw.LocalService(seed=None, carrier=True) as service:
        account = Account(service)
        room = f"/Conversations/{(await account.post('/Conversations', {}))['sid']}"
        people = []
        for address in later:
            binding = {"MessagingBinding.Address": address, "MessagingBinding.ProxyAddress": "+15550100"}
            people.append((await account.post(f"{room}/Participants", binding))["sid"])
        await account.post(f"{room}/Participants", {"Identity": "alice"})
        async with cw.connect(service.token("alice"), service=service) as alice:
            conversation = (await alice.get_subscribed_conversations())[0]
            sent = Expected(
                conversation, "messageUpdated", lambda one: one.message.aggregated_delivery_receipt.sent == "all"
            )
            delivered = Expected(
                conversation, "messageUpdated", lambda one: one.message.aggregated_delivery_receipt.delivered == "some"
            )
            await conversation.send_message("On its way")
            message = (await sent).message
            report = {"ParticipantSid": people[0], "Status": "undelivered", "ErrorCode": "30003"}
            await account.post(f"{room}/Messages/{message.sid}/Receipts", report)
            await delivered
            receipts = await message.get_detailed_delivery_receipts()
            assert {one.participant_sid: one.status for one in receipts} == dict(
                zip(people, ("undelivered", "delivered"), strict=True)
            )


@pytest.mark.parametrize("end", ["stopped", "killed"])
async def test_the_carrier_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """What was under way when the service ended is reported by the next one; what others reported since stays."""
    day = 86_400.0
    monkeypatch.setattr(carrier, "fate", lambda *_: [(0, "sent", 0), (day, "delivered", 0), (day, "read", 0)])
    data, copy = tmp_path / "data.sqlite3", tmp_path / "copy.sqlite3"
    with cw.LocalService(data, seed=None, carrier=True) as service:
        async with cw.connect(service.token("alice"), service=service) as alice:
            room = await (await alice.create_conversation(unique_name="kept")).join()
            for proxy, address in (("+15550142", "+15550101"), ("+15550143", "+15550102")):
                sent = Expected(room, "participantJoined", lambda one: one.type == "sms")
                await room.add_non_chat_participant(proxy, address)
                await sent
            sent = Expected(room, "messageUpdated", lambda one: one.message.aggregated_delivery_receipt.sent == "all")
            await room.send_message("On its way")
            message = (await sent).message
            receipts = await message.get_detailed_delivery_receipts()
            other = receipts[1].participant_sid
            report = {"ParticipantSid": other, "Status": "failed", "ErrorCode": "30003"}
            await Account(service).post(f"/Conversations/{room.sid}/Messages/{message.sid}/Receipts", report)
        for file in tmp_path.glob("data.sqlite3*"):  # as a kill leaves it
            shutil.copy(file, str(file).replace("data", "copy"))
    path = data if end == "stopped" else copy
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        assert database.execute("SELECT count(*) FROM carried WHERE steps = 1").fetchone() == (2,)
        database.execute("UPDATE carried SET due = ?", (iso(datetime.now(UTC) - timedelta(hours=1)),))
    with cw.LocalService(path, seed=None, carrier=True) as service:
        account = Account(service)
        async with cw.connect(service.token("alice"), service=service) as alice:
            room = await alice.get_conversation_by_unique_name("kept")
            address = f"/Conversations/{room.sid}/Messages/{message.sid}/Receipts"
            async with asyncio.timeout(10):
                while True:
                    told = (await account.ask("GET", address)).body["delivery_receipts"]
                    found = {receipt["participant_sid"]: receipt["status"] for receipt in told}
                    if "delivered" in found.values():
                        break
                    await asyncio.sleep(0.01)
            assert sorted(found.values()) == ["delivered", "failed"]
            assert found[other] == "failed"
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT steps FROM carried").fetchall() == [(2,)]


def test_the_carrier_works_in_the_demo_only() -> None:
    """Tests get no receipts that they did not ask for; the demo has them; either may be said."""
    for options, carries in (
        ({}, True),
        ({"seed": None}, False),
        ({"seed": None, "carrier": True}, True),
        ({"carrier": False}, False),
    ):
        with cw.LocalService(**options) as service:
            assert service._running.backend.carries is carries
