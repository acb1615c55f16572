"""What is just inside a limit is taken, what is just outside is refused, with its status and code, at both doors."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from convo_widgets.service import conversations, limits, participants
from convo_widgets.service.local import LocalService
from convo_widgets.service.store import Change

from .conftest import ROOMS, Connect, Reply, inside
from .http import Account, Answer
from .test_delivery import uploaded


def attributes(size: int) -> str:
    """Attributes of so many bytes."""
    return json.dumps({"x": "y" * (size - len('{"x": ""}'))})


class Limit(NamedTuple):
    """A field of a noun: a value that fits, one that does not, and how that is refused; `path` follows the room."""

    field: str
    inside: str
    outside: str
    status: int
    code: int
    path: str = "/Messages"
    others: dict[str, str] = {}  # noqa: RUF012 - never changed


AT_LEAST_BODY = {"body": "x"}
LIMITS = {
    "body": Limit("body", "é" * 16_384, "é" * 16_384 + "x", 413, 50504),
    "no body": Limit("body", "x", "", 400, 50503),
    "subject": Limit("subject", "x" * 256, "x" * 257, 400, 20422, others=AT_LEAST_BODY),
    "message attributes": Limit("attributes", attributes(4096), attributes(4097), 413, 50303, others=AT_LEAST_BODY),
    "JSON": Limit("attributes", "[1]", "[1", 400, 50304, others=AT_LEAST_BODY),
    "conversation attributes": Limit("attributes", attributes(16_384), attributes(16_385), 413, 50303, ""),
    "friendly name": Limit("friendly_name", "x" * 256, "x" * 257, 400, 20422, ""),
    "unique name": Limit("unique_name", "x" * 256, "x" * 257, 400, 20422, ""),
    "participant attributes": Limit(
        "attributes", attributes(4096), attributes(4097), 413, 50303, "/Participants", others={"identity": "bob"}
    ),
    "identity": Limit("identity", "x" * 256, "x" * 257, 400, 50207, "/Participants"),
    "reserved identity": Limit("identity", "systems", "system", 400, 50203, "/Participants"),
}


def form(fields: dict[str, str]) -> dict[str, str]:
    """The same, in the words of a form."""
    return {"".join(map(str.title, name.split("_"))): value for name, value in fields.items()}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
async def test_fields(service: LocalService, wire: Connect, limit: Limit) -> None:
    """At both doors: refused first, so that nothing of it is there, then taken."""
    alice, account = await wire("alice"), Account(service)
    ours, theirs = await alice.room(), (await account.post("/Conversations"))["sid"]
    for value, taken in ((limit.outside, False), (limit.inside, True)):
        body = {**limit.others, limit.field: value}
        said: list[Reply | Answer] = [
            await alice.ask("POST", f"{ROOMS}/{ours}{limit.path}", body),
            await account.ask("POST", f"/Conversations/{theirs}{limit.path}", form(body)),
        ]
        if taken:
            assert [one.status // 100 for one in said] == [2, 2 if limit.field != "unique_name" else 4]
        else:
            assert [(one.status, one.code) for one in said] == [(limit.status, limit.code)] * 2


async def test_unique_name(service: LocalService, wire: Connect) -> None:
    """Only one conversation has it; another one gets none by a change either."""
    alice, account = await wire("alice"), Account(service)
    first, second = await alice.room(unique_name="here"), await alice.room()
    said: list[Reply | Answer] = [
        await alice.ask("POST", ROOMS, {"unique_name": "here"}),
        await alice.ask("POST", f"{ROOMS}/{second}", {"unique_name": "here"}),
        await account.ask("POST", "/Conversations", {"UniqueName": "here"}),
        await account.ask("POST", f"/Conversations/{second}", {"UniqueName": "here"}),
    ]
    assert {(one.status, one.code) for one in said} == {(409, 50353)}
    await alice.post(f"{ROOMS}/{first}", {"unique_name": "here"})


@pytest.mark.parametrize(
    ("field", "inside", "outside", "status", "code"),
    [
        ("friendly_name", "x" * 256, "x" * 257, 400, 20422),
        ("attributes", attributes(16_384), attributes(16_385), 413, 50303),
        ("attributes", "{}", "{", 400, 50304),
    ],
)
async def test_users(
    service: LocalService, wire: Connect, field: str, inside: str, outside: str, status: int, code: int
) -> None:
    """At both doors, and where the account makes one, whose name is not reserved."""
    alice, account = await wire("alice"), Account(service)
    for value in (outside, inside):
        fields = {field: value}
        said: list[Reply | Answer] = [
            await alice.ask("POST", "/Client/v2/Users/alice", fields),
            await account.ask("POST", "/Users/alice", form(fields)),
            await account.ask("POST", "/Users", form(fields | {"identity": "bob"})),
        ]
        if value == outside:
            assert {(one.status, one.code) for one in said} == {(status, code)}
        else:
            assert [one.status // 100 for one in said] == [2, 2, 2]
    answer = await account.ask("POST", "/Users", {"Identity": "system"})
    assert (answer.status, answer.code) == (400, 50203)


@pytest.mark.parametrize(
    ("address", "proxy_address", "code"),
    [
        ("messenger:" + "1" * 246, "messenger:" + "2" * 246, 0),
        ("messenger:" + "1" * 247, "messenger:2", 50407),
        ("messenger:1", "messenger:" + "2" * 247, 50408),
        ("+15550101", "whatsapp:+15550199", 50408),
        ("15550101", "+15550199", 50407),
        ("+15550199", "+15550199", 50409),
    ],
)
async def test_addresses(service: LocalService, wire: Connect, address: str, proxy_address: str, code: int) -> None:
    """So long at most, of one kind, and two."""
    alice, account = await wire("alice"), Account(service)
    ours, theirs = await alice.room(), await alice.room()
    binding = {"address": address, "proxy_address": proxy_address}
    reply = await alice.ask("POST", f"{ROOMS}/{ours}/Participants", {"messaging_binding": binding})
    if not code:  # a pair is in one open conversation only
        await account.post(f"/Conversations/{ours}", {"State": "closed"})
    fields = {f"MessagingBinding.{name}": value for name, value in form(binding).items()}
    answer = await account.ask("POST", f"/Conversations/{theirs}/Participants", fields)
    if code:
        assert {(reply.status, reply.code), (answer.status, answer.code)} == {(400, code)}
    else:
        assert (reply.status, answer.status) == (201, 201)


@pytest.mark.parametrize("chat", [True, False])
async def test_participants(service: LocalService, wire: Connect, chat: bool) -> None:
    """A thousand of them, fifty of those who are not on chat: one more has no room, at either door."""
    alice, account, backend = await wire("alice"), Account(service), service._running.backend
    sid = await alice.room()

    def fill(change: Change) -> None:
        row, role = conversations.find_by(change.store, sid), change.store.role("conversation", admin=False)
        for number in range(998 if chat else 49):
            who = {"identity": f"guest {number}"} if chat else {"type": "email", "address": f"guest{number}@x.example"}
            participants.insert(change.store, row["id"], role, change.time, **who)

    await inside(service, lambda: backend.act(fill))
    people = [
        ({"identity": f"late {number}"}, {"Identity": f"late {number}"})
        if chat
        else ({"messaging_binding": {"address": address}}, {"MessagingBinding.Address": address})
        for number, address in enumerate(("a@x.example", "b@x.example"))
    ]
    await account.post(f"/Conversations/{sid}/Participants", people[0][1])  # the last one
    reply = await alice.ask("POST", f"{ROOMS}/{sid}/Participants", people[1][0])
    answer = await account.ask("POST", f"/Conversations/{sid}/Participants", people[1][1])
    assert {(reply.status, reply.code), (answer.status, answer.code)} == {(409, 50417 if chat else 50418)}
    if not chat:
        await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})


async def test_conversations_of_a_user(service: LocalService, wire: Connect) -> None:
    """A thousand; one that is inactive counts, one that is closed does not."""
    alice, account, backend = await wire("alice"), Account(service), service._running.backend
    first = await alice.room()

    def fill(change: Change) -> None:
        role = change.store.role("conversation", admin=False)
        for _ in range(998):
            row, _ = conversations.insert(change.store, created_by="system", date_created=change.time)
            participants.insert(change.store, row, role, change.time, identity="alice")

    await inside(service, lambda: backend.act(fill))
    await alice.room()  # the last one
    more = (await account.post("/Conversations"))["sid"]
    await account.post(f"/Conversations/{first}", {"State": "inactive"})
    reply = await alice.ask("POST", f"{ROOMS}/{more}/Participants", {"identity": "alice"})
    answer = await account.ask("POST", f"/Conversations/{more}/Participants", {"Identity": "alice"})
    assert {(reply.status, reply.code), (answer.status, answer.code)} == {(409, 50214)}
    await account.post(f"/Conversations/{first}", {"State": "closed"})
    await alice.post(f"{ROOMS}/{more}/Participants", {"identity": "alice"})


@pytest.mark.parametrize(
    ("sizes", "taken"),
    [
        ([1] * 10, True),
        ([1] * 11, False),
        ([100 * limits.MB, 50 * limits.MB], True),
        ([100 * limits.MB, 50 * limits.MB + 1], False),
        ([150 * limits.MB], True),
        ([150 * limits.MB + 1], False),
    ],
)
async def test_media(service: LocalService, wire: Connect, sizes: list[int], taken: bool) -> None:
    """Ten in a message, 150 MB together; what is refused may be sent with another one."""
    alice, account = await wire("alice"), Account(service)
    sid = await alice.room()
    sids = await uploaded(service, "alice", sizes)
    reply = await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"media_sids": sids})
    assert (reply.status == 201) if taken else ((reply.status, reply.code) == (413, 50512))
    if len(sizes) == 1:
        (medium,) = await uploaded(service, "alice", sizes)
        answer = await account.ask("POST", f"/Conversations/{sid}/Messages", {"MediaSid": medium})
        assert (answer.status == 201) if taken else ((answer.status, answer.code) == (413, 50512))
    elif not taken:
        await alice.post(f"{ROOMS}/{sid}/Messages", {"media_sids": sids[1:]})


async def test_of_the_account_alone(service: LocalService) -> None:
    """Ten participants in one call, five webhooks."""
    account = Account(service)
    people = [json.dumps({"identity": f"guest {number}"}) for number in range(11)]
    answer = await account.ask("POST", "/ConversationWithParticipants", {"Participant": people})
    assert (answer.status, answer.code) == (400, 50426)
    sid = (await account.post("/ConversationWithParticipants", {"Participant": people[:10]}))["sid"]
    hook = {"Target": "studio", "Configuration.FlowSid": "FW" + "0" * 32}
    for _ in range(5):
        await account.post(f"/Conversations/{sid}/Webhooks", hook)
    answer = await account.ask("POST", f"/Conversations/{sid}/Webhooks", hook)
    assert (answer.status, answer.code) == (409, 50361)


@pytest.mark.parametrize(
    ("field", "wrong", "code", "right"),
    [
        ("Timers.Inactive", "PT59S", 50375, "PT1M"),
        ("Timers.Inactive", "a minute", 50379, "P1D"),
        ("Timers.Closed", "PT9M59S", 50376, "PT10M"),
        ("Timers.Closed", "P", 50380, "PT0S"),
        ("State", "initializing", 50378, "inactive"),
        ("State", "open", 50378, "active"),
    ],
)
async def test_states_and_timers(service: LocalService, field: str, wrong: str, code: int, right: str) -> None:
    """Of a conversation that is made, and of one that is there; the timers of the account's configuration too."""
    account = Account(service)
    sid = (await account.post("/Conversations"))["sid"]
    places = ["/Conversations", f"/Conversations/{sid}", "/ConversationWithParticipants"]
    for path in places:
        answer = await account.ask("POST", path, {field: wrong})
        assert (answer.status, answer.code) == (400, code)
        await account.post(path, {field: right})
    if field.startswith("Timers"):
        name = f"Default{field.removeprefix('Timers.')}Timer"
        answer = await account.ask("POST", "/Configuration", {name: wrong})
        assert (answer.status, answer.code) == (400, code)


async def test_closed_is_final(service: LocalService, wire: Connect) -> None:
    """Nothing begins closed, and nothing that is closed goes on."""
    alice, account = await wire("alice"), Account(service)
    answer = await account.ask("POST", "/Conversations", {"State": "closed"})
    assert (answer.status, answer.code) == (400, 50384)
    sid = await alice.room()
    await account.post(f"/Conversations/{sid}", {"State": "closed"})
    said = [await account.ask("POST", f"/Conversations/{sid}", {"State": state}) for state in ("active", "inactive")]
    said.append(await account.ask("POST", f"/Conversations/{sid}/Messages", {"Body": "x"}))
    said.append(await account.ask("POST", f"/Conversations/{sid}/Participants", {"Identity": "bob"}))
    assert {(one.status, one.code) for one in said} == {(403, 50377)}
    reply = await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x"})
    assert (reply.status, reply.code) == (403, 50377)
