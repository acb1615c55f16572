"""How many writes a second are taken where that is asked for, at both doors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from convo_widgets.errors import UsageError
from convo_widgets.service import pace
from convo_widgets.service.local import LocalService
from convo_widgets.service.refusals import Refused

from .conftest import ROOMS, Connect, Wire
from .http import Account


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
