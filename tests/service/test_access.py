"""Who may do what: every cell of `access.md` is asked for, over real sockets and real HTTP."""

from __future__ import annotations

import itertools
import re
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from convo_widgets.service import conversations, users
from convo_widgets.service.local import LocalService
from convo_widgets.service.permissions import KNOWN, PERMISSIONS
from convo_widgets.wire import protocol

from . import access
from .access import ACTORS, OUTSIDERS, SECRET, Allowed, Room, Row, World
from .conftest import Connect, Reply
from .http import ask

TABLES = access.tables()
USERS, ACCOUNT, TOKENS = TABLES["The users' side"], TABLES["The account's side"], TABLES["Nobody"]
DONE = ("200", "201", "204")
ASKED = ("/Typing", "/Subscriptions", "/Set")
"""These change nothing, whatever their verb."""
SEEN = ("/Client/v2/Conversations/{conversation}", "/Conversations/{conversation}")
"""What changes below these is told to those who follow the conversation."""


@pytest.fixture
async def world(service: LocalService, wire: Connect) -> World:
    """An empty service that everybody is connected to."""
    return await World.of(service, service._running.services.home, wire)


def cell(reply: Reply) -> str:
    """A reply as the file writes it."""
    code = reply.body.get("code") if isinstance(reply.body, dict) else None
    return f"{reply.status} {code}" if code else str(reply.status)


def name(row: Row) -> str:
    """A row in the name of a test."""
    return f"{row.operation} {'+'.join(row.variants)} {'+'.join(row.states)}"


def test_every_route_is_in_the_file() -> None:
    """A route that the file does not know, or one that is no more, fails here."""
    assert {row.operation for row in USERS} == access.user_operations()
    assert {row.operation for row in ACCOUNT} == access.account_operations()


@pytest.mark.parametrize("row", USERS, ids=name)
async def test_users(world: World, row: Row) -> None:
    """Each actor is told what the file says; who is refused hears and changes nothing, and nobody hears of it."""
    for which in row.variants:
        for state in row.states:
            for actor, expected in row.cells.items():
                room = await world.room(state)
                before = await world.stored()
                reply = await access.request(room, actor, row.operation, which)
                assert cell(reply) == expected, (which, state, actor, reply)
                changed = await world.stored() != before
                await check(world, room, f"{row.operation} {which}".strip(), actor, reply, changed=changed)


@pytest.mark.parametrize("row", [row for row in USERS if "active" in row.states], ids=name)
async def test_creator_who_left(world: World, row: Row) -> None:
    """A creator may look in before joining, not after leaving: from then on he is as anybody who was removed."""
    for which in row.variants:
        room = await world.room("active", created_by="removed")
        reply = await access.request(room, "removed", row.operation, which)
        assert cell(reply) == row.cells["removed"], (which, reply)
        await check(world, room, f"{row.operation} {which}".strip(), "removed", reply)


@pytest.mark.parametrize("row", ACCOUNT, ids=name)
async def test_account(world: World, row: Row) -> None:
    """Only who has the key acts; nobody else is told or changes anything."""
    for state in row.states:
        for actor, keys in access.keys(world.service).items():
            for key in keys if state == row.states[0] else keys[:1]:
                room = await world.room(state)
                method, url, content, type = await access.account_request(room, row.operation, state)
                before = await world.stored()
                answer = await ask(method, url, content, Authorization=key, Content_Type=type)
                reply = Reply(answer.status, answer.body if answer.content else None)
                assert cell(reply) == row.cells[actor], (state, actor, reply)
                changed = await world.stored() != before
                await check(world, room, f"account: {row.operation}", actor, reply, changed=changed)


async def check(world: World, room: Room, what: str, actor: str, reply: Reply, *, changed: bool = False) -> None:
    """What must be so beside the answer."""
    refused = cell(reply) not in DONE
    asks = what.removeprefix("account: ").startswith("GET") or what.split()[1].endswith(ASKED)
    assert not (changed and (refused or asks)), f"{what} changed the store"
    if refused or (actor in OUTSIDERS and "Temporary" not in what):
        assert SECRET not in str(reply), what
    for watcher in ACTORS:
        told = await world.told(room, watcher)
        if watcher in OUTSIDERS and not (watcher == actor and what.endswith("own list")):
            shown = [secret for secret in room.secrets() if secret in str(without_answers(told))]
            assert not shown, f"{watcher} heard of {what}: {told}"
        elif refused and watcher != actor:
            assert not told, f"{watcher} heard of {what}, which was refused"
    if changed and what.removeprefix("account: ").split()[1].startswith(SEEN) and "Webhooks" not in what:
        assert await world.told(room, "admin" if actor == "moderator" else "moderator"), f"nobody heard of {what}"


def without_answers(told: list[Any]) -> list[Any]:
    """What was told beside the answers to subscriptions."""
    return [payload for _, payload in told if not payload.get("event_type", "").startswith("subscription_")]


GRANTED = [(row, type) for row in access.allowed() for type in row.roles]
ADMINS, PARTICIPANTS = {("service", True), ("conversation", True)}, {("conversation", True), ("conversation", False)}
FIRST: dict[str, set[tuple[str, bool]]] = {
    "none": set(),
    "admin": ADMINS,
    "service: all": {("service", True), ("service", False)},
    "conversation: all": PARTICIPANTS,
    "conversation: all; service: admin": PARTICIPANTS | ADMINS,
}
"""How the page says which of the first roles have a permission."""
BARE = {"service": {"createConversation"}, "conversation": {"leaveConversation"}}
"""Roles that allow little, since none can allow nothing."""


def test_every_permission_is_in_the_file() -> None:
    """A permission that the file does not know, or one that is no more, fails here; so does an operation."""
    for type, known in KNOWN.items():
        assert {name for row, of in GRANTED if of == type for name in row.names} == known
    assert {row.operation for row, _ in GRANTED} <= access.user_operations()
    refused = {row.operation for row in USERS if any("50107" in cell for cell in row.cells.values())}
    assert refused <= {row.operation for row, _ in GRANTED}


def test_every_permission_is_told() -> None:
    """The page of the service says of every permission what it allows, and which of the first roles have it."""
    page = (Path(__file__).parents[2] / "docs/service.md").read_text().partition("### Roles")[2].partition("\n- ")[0]
    told = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        told |= {permission: cells[2] for permission in re.findall(r"`(\w+)`", cells[0]) if len(cells) == 3}
    assert told.keys() == set().union(*KNOWN.values())
    for permission, roles in told.items():
        has = {(type, admin) for (type, admin), allowed in PERMISSIONS.items() if permission in allowed}
        assert has == FIRST[roles], permission


def allowed_name(value: Allowed | str) -> str:
    """A line in the name of a test."""
    return value if isinstance(value, str) else f"{value.permission} {value.operation} {'+'.join(value.variants)}"


@pytest.mark.parametrize(("row", "type"), GRANTED, ids=allowed_name)
async def test_permission(world: World, row: Allowed, type: str) -> None:
    """Given, it is allowed at once; taken away, refused at once: with the connection and its subscriptions open."""
    actor = "member" if row.who == "member" else "moderator"
    role = await (world.admins() if row.who == "moderator" else world.role(type, row.names))
    bare = await world.role("conversation", BARE["conversation"])
    turns = [*itertools.product(row.too_little(type), row.enough()), (row.too_little(type)[0], None)]
    for which in row.variants:
        for too_little, enough in turns:
            room = await world.room("active")
            if actor == "member":
                await room.give(bare, "conversation", actor)
            await room.give(role, type, actor)
            await room.settle()
            await world.allow(role, too_little)
            await expect(world, room, row, which, actor, row.denied)
            if enough is not None:
                await world.allow(role, enough)
                await expect(world, room, row, which, actor, row.granted)


async def expect(world: World, room: Room, row: Allowed, which: str, actor: str, answer: str) -> None:
    """Ask, and be told that; where it is a no, nothing is changed and nobody hears of it."""
    before = await world.stored()
    reply = await access.request(room, actor, row.operation, which)
    assert cell(reply) == answer, (which, reply)
    changed = await world.stored() != before
    assert changed == (answer in DONE)
    await check(world, room, f"{row.operation} {which}", actor, reply, changed=changed)


GOVERNED = {row.operation for row, _ in GRANTED} - {"POST /Client/v2/MyConversations/{conversation}"}
"""Operations that need a permission, whatever they are asked for; how far one has read, everybody may say."""


@pytest.mark.parametrize(
    "row", [row for row in USERS if row.operation not in GOVERNED and "active" in row.states], ids=name
)
async def test_no_permission(world: World, row: Row) -> None:
    """What is not in the table by permission is answered to a member whose roles allow next to nothing as to any."""
    roles = {type: await world.role(type, permissions) for type, permissions in BARE.items()}
    for which in row.variants:
        room = await world.room("active")
        for type, role in roles.items():
            await room.give(role, type, "member")
        reply = await access.request(room, "member", row.operation, which)
        assert cell(reply) == row.cells["member"], (which, reply)


async def test_role_taken_away(world: World) -> None:
    """An admin of the service who is one no more loses open subscriptions at once, and is told as little as anybody."""
    room = await world.room("active")
    await world.act(
        lambda change: users.give_role(
            change, users.find_by(change.store, "moderator"), change.store.role("service", admin=False)
        )
    )
    await world.act(lambda change: conversations.alter(change, room.row, conversations.NewConversation("new")))
    assert not await world.told(room, "moderator")
    assert await world.told(room, "admin")
    for row in USERS:
        if row.operation == "GET /v3/{type}/{id}/Items" and "active" in row.states:
            for which in row.variants:
                assert cell(await access.request(room, "moderator", row.operation, which)) == row.cells["stranger"]


def tokens(service: LocalService) -> dict[str, str]:
    """Tokens that are no good, by their names in the file."""

    def mint(secret: str = service.api_secret, **changes: Any) -> str:
        claims = jwt.decode(service.token("member"), options={"verify_signature": False}) | changes
        return jwt.encode(claims, secret, algorithm="HS256", headers={"cty": "twilio-fpa;v=1"})

    foreign = {"identity": "member", "chat": {"service_sid": "IS" + "0" * 32}}
    return {
        "none": "",
        "noise": "a.b.c",
        "the API key": f"{service.api_key}:{service.api_secret}",
        "expired": mint(exp=int(time.time()) - 1),
        "not valid yet": mint(nbf=int(time.time()) + 100),
        "of another key": mint("k" * 40, iss="SK" + "0" * 32),
        "of another service": mint(grants=foreign),
        "signed by somebody else": mint("k" * 40),
    }


async def test_nobody(world: World, wire: Connect) -> None:
    """A token that is no good lets nobody in: not to the socket, not to any route of media."""
    bad = tokens(world.service)
    assert {row.operation for row in TOKENS} == set(bad)
    room = await world.room("active")
    before = await world.stored()
    media = {row.operation for row in USERS if "/Media" in row.operation and "Temporary" not in row.operation}
    for row in TOKENS:
        refused = await (await wire()).init(bad[row.operation])
        assert isinstance(refused, protocol.Refused)
        assert f"{refused.status.code} {refused.status.error_code}" == row.cells["told"], row
        for operation in media:
            method, _, address = operation.partition(" ")
            url = world.service.url + address.format(**await access.names(room, "member", "sent"))
            answer = await ask(method, url, X_Twilio_Token=bad[row.operation])
            assert cell(Reply(answer.status, answer.body)) == row.cells["told"], (row, operation)
    assert await world.stored() == before
