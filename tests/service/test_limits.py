"""What is just inside a limit is taken, what is just outside is refused, with its status and code, at both doors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from convo_widgets.errors import UsageError
from convo_widgets.service import limits, pace
from convo_widgets.service.local import LocalService
from convo_widgets.service.refusals import Refused

from .conftest import ROOMS, Connect, Reply, Wire
from .http import Account, Answer


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


@pytest.mark.parametrize("chat", [True, False])
async def test_participants(service: LocalService, wire: Connect, monkeypatch: pytest.MonkeyPatch, chat: bool) -> None:
    """So many of them, and so many of those who are not on chat: one more has no room, at either door."""
    alice, account = await wire("alice"), Account(service)
    sid = await alice.room()
    monkeypatch.setattr(limits, "PARTICIPANTS" if chat else "NON_CHAT", 2 if chat else 1)
    first, more = ("bob", "carl") if chat else ("+15550101", "+15550102")
    mine = {"identity": more} if chat else {"messaging_binding": {"address": more, "proxy_address": "+15550199"}}
    binding = {"MessagingBinding.ProxyAddress": "+15550199"}
    await account.post(
        f"/Conversations/{sid}/Participants",
        {"Identity": first} if chat else {"MessagingBinding.Address": first} | binding,
    )
    reply = await alice.ask("POST", f"{ROOMS}/{sid}/Participants", mine)
    theirs = {"Identity": more} if chat else {"MessagingBinding.Address": more} | binding
    answer = await account.ask("POST", f"/Conversations/{sid}/Participants", theirs)
    assert {(reply.status, reply.code), (answer.status, answer.code)} == {(409, 50417 if chat else 50418)}


async def test_conversations_of_a_user(service: LocalService, wire: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is inactive counts, one that is closed does not."""
    monkeypatch.setattr(limits, "CONVERSATIONS", 2)
    alice, account = await wire("alice"), Account(service)
    first, _ = await alice.room(), await alice.room()
    third = (await account.post("/Conversations"))["sid"]
    await account.post(f"/Conversations/{first}", {"State": "inactive"})
    reply = await alice.ask("POST", f"{ROOMS}/{third}/Participants", {"identity": "alice"})
    answer = await account.ask("POST", f"/Conversations/{third}/Participants", {"Identity": "alice"})
    assert {(reply.status, reply.code), (answer.status, answer.code)} == {(409, 50214)}
    await account.post(f"/Conversations/{first}", {"State": "closed"})
    await alice.post(f"{ROOMS}/{third}/Participants", {"identity": "alice"})


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


# --- Writes a second -----------------------------------------------------------------------------------------------


def test_pace() -> None:
    """So many in any second, whichever of a conversation; what was long ago is forgotten."""
    now = [0.0]
    writes = pace.Pace(2, lambda: now[0])
    for moment in (0.0, 0.9):
        now[0] = moment
        writes.demand("conversation", 1)
        writes.count(1)
    writes.demand("conversation", 2)
    with pytest.raises(Refused) as refused:
        writes.demand("conversation", 1)
    assert (refused.value.status, refused.value.code, refused.value.headers) == (429, 20429, {"Retry-After": "1"})
    now[0] = 1.0
    writes.demand("conversation", 1)
    writes.count(1)
    with pytest.raises(Refused):
        writes.demand("conversation", 1)
    now[0] = 3.0
    for key in range(2 * pace.KEPT):
        writes.count(f"another {key}")
        now[0] += 0.01
    assert len(writes._times) <= pace.KEPT


@pytest.mark.parametrize(
    ("method", "address", "expected"),
    [
        ("POST", "/Client/v2/Conversations", "service"),
        ("POST", "/Client/v2/Conversations/{conversation}", "conversation"),
        ("DELETE", "/Client/v2/Conversations/{conversation}", "service"),
        ("POST", "/Client/v2/Conversations/{conversation}/Participants/{participant*}", "conversation"),
        ("DELETE", "/Client/v2/Conversations/{conversation}/Messages/{message}", "conversation"),
        ("GET", "/Conversations/{conversation}/Messages", None),
        ("POST", "/ConversationWithParticipants", "service"),
        ("DELETE", "/Users/{user}", "service"),
        ("POST", "/Roles", "service"),
        ("POST", "/Conversations/{conversation}/Webhooks", None),
        ("POST", "/Conversations/{conversation}/Messages/{message}/Receipts", None),
        ("POST", "/Client/v2/Users/{identity}/Conversations/{conversation}", None),
    ],
)
def test_what_counts(method: str, address: str, expected: str | None) -> None:
    """Writes of conversations, participants, messages, users and roles, and nothing else."""
    assert pace.scope(method, address) == expected


Write = Callable[[int], Awaitable[Any]]


async def refused_of(write: Write, count: int) -> list[tuple[int, int, Any]]:
    """Status, code and Retry-After of the writes that were refused."""
    said = [await write(number) for number in range(count)]
    bad = [one for one in said if one.status >= 300]
    return [(one.status, one.code, {k.lower(): v for k, v in one.headers.items()}["retry-after"]) for one in bad]


@pytest.fixture
def hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second that is long enough for a test."""
    monkeypatch.setattr(pace, "WINDOW", 3600.0)


async def test_both_doors_share_the_limit(wire: Connect, hour: None) -> None:
    """What users and the account write counts together; what is refused is not done, and other rooms go on."""
    with LocalService(seed=None, write_limit=4) as service:
        alice, account = await wire("alice", to=service), Account(service)
        sid = await alice.room()  # one of the service, one of the conversation
        other = await alice.room()
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "one"})
        await account.post(f"/Conversations/{sid}/Messages", {"Body": "two"})
        bad = await refused_of(lambda n: alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x"}), 2)
        assert bad == [(429, 20429, "1")]
        bad = await refused_of(lambda n: account.ask("POST", f"/Conversations/{sid}/Messages", {"Body": "x"}), 1)
        assert bad == [(429, 20429, "1")]
        await alice.post(f"{ROOMS}/{other}/Messages", {"body": "elsewhere"})
        listed = await account.ask("GET", f"/Conversations/{sid}/Messages")
        assert [one["body"] for one in listed.body["messages"]] == ["one", "two", "x"]
        bad = await refused_of(lambda n: account.ask("POST", "/Users", {"Identity": f"guest {n}"}), 3)
        assert bad == [(429, 50063, "1")]
        bad = await refused_of(lambda n: alice.ask("POST", ROOMS, {}), 1)
        assert bad == [(429, 50063, "1")]


async def test_an_act_that_comes_twice_counts_once(wire: Connect, hour: None) -> None:
    """A lost answer is found again, whatever the limit says; a no takes nobody's turn."""
    with LocalService(seed=None, write_limit=2) as service:
        alice = await wire("alice", to=service)
        sid = await alice.room()
        path = f"{ROOMS}/{sid}/Messages"
        for _ in range(3):
            assert (await alice.ask("POST", path, {"body": ""})).code == 50503
        said = [(await alice.ask("POST", path, {"body": "x"}, mutation="the same")).status for _ in range(3)]
        assert said == [201, 202, 202]
        assert (await alice.ask("POST", path, {"body": "y"})).status == 429


async def test_a_pipeline_is_cut_at_the_limit(wire: Connect, hour: None) -> None:
    """Writes that share a commit are counted one by one."""
    with LocalService(seed=None, write_limit=10) as service:
        alice = await wire("alice", to=service)
        sid = await alice.room()
        said = await _together(alice, f"{ROOMS}/{sid}/Messages", 40)
        assert said == [201] * 9 + [429] * 31


async def _together(someone: Wire, path: str, count: int) -> list[int]:
    replies = await asyncio.gather(*(someone.ask("POST", path, {"body": str(n)}) for n in range(count)))
    return [reply.status for reply in replies]


async def test_without_a_limit(service: LocalService, wire: Connect) -> None:
    """That is how it is where nothing is said: lessons, seeds and simulations are not held up."""
    alice = await wire("alice")
    sid = await alice.room()
    assert await _together(alice, f"{ROOMS}/{sid}/Messages", 100) == [201] * 100
    with pytest.raises(UsageError, match="write_limit=0"):
        LocalService(seed=None, write_limit=0)
