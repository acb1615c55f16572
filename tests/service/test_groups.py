"""Groups of telephones: everybody has a number, at most ten of them, and no two groups are alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from convo_widgets.service.local import LocalService

from .conftest import ROOMS, Connect
from .http import Account, Answer


def phone(number: int, **others: str) -> dict[str, str]:
    """Somebody with a telephone."""
    return {"address": f"+1555010{number:04}", **others}


def chat(identity: str, number: int) -> dict[str, Any]:
    """Somebody on chat, with the number that telephones show."""
    return {"identity": identity, "messaging_binding": {"projected_address": f"+1555020{number:04}"}}


def form(given: dict[str, Any]) -> dict[str, str]:
    """The same, in the words of a form."""
    binding = given.get("messaging_binding", {})
    fields = {f"MessagingBinding.{name.title().replace('_', '')}": value for name, value in binding.items()}
    return fields | ({"Identity": given["identity"]} if "identity" in given else {})


@pytest.fixture
def account(service: LocalService) -> Account:
    """The account of the empty service."""
    return Account(service)


async def made(account: Account, *people: dict[str, Any]) -> Answer:
    """A conversation with these people in it, made in one call."""
    given = [json.dumps(one if "identity" in one else {"messaging_binding": one}) for one in people]
    return await account.ask("POST", "/ConversationWithParticipants", {"Participant": given})


async def test_who_may_come(account: Account, wire: Connect) -> None:
    """By either door: telephones without a proxy, people on chat with a number, and nobody else."""
    alice = await wire("alice")
    sid = await alice.room()
    path = f"/Conversations/{sid}/Participants"
    said = await account.ask("POST", path, form(chat("bob", 2)))
    assert (said.status, said.code) == (400, 50435)  # alice is here, who has none
    await account.post(f"{path}/alice", {"MessagingBinding.ProjectedAddress": "+15550200001"})
    await account.post(path, form(chat("bob", 2)))
    tom = await alice.post(f"{ROOMS}/{sid}/Participants", {"messaging_binding": phone(1)})
    assert tom["messaging_binding"] | {"type": "sms", "address": phone(1)["address"]} == tom["messaging_binding"]
    for wrong, code in (
        ({"identity": "carl"}, 50434),
        (chat("carl", 2), 50435),
        ({"messaging_binding": {"address": "+15550200001"}}, 50435),
        ({"messaging_binding": {"address": "whatsapp:+15550109", "proxy_address": "whatsapp:+15550100"}}, 50435),
        ({"messaging_binding": phone(1)}, 50416),
        ({"messaging_binding": phone(3, projected_address="+15550200003")}, 50443),
        ({"identity": "carl", "messaging_binding": {"projected_address": "carl"}}, 50407),
    ):
        reply = await alice.ask("POST", f"{ROOMS}/{sid}/Participants", wrong)
        answer = await account.ask("POST", path, form(wrong))
        assert reply.code == answer.code == code, wrong
    said = await account.ask("POST", f"{path}/{tom['sid']}", {"MessagingBinding.ProjectedAddress": "+15550200009"})
    assert (said.status, said.code) == (400, 50443)
    said = await account.ask("POST", f"{path}/bob", {"MessagingBinding.ProxyAddress": "+15550200009"})
    assert (said.status, said.code) == (400, 50441)
    listed = (await account.ask("GET", path)).body["participants"]
    assert [one["identity"] for one in listed] == ["alice", "bob", None]


async def test_ten(account: Account) -> None:
    """In one call, or one by one; the eleventh has no room."""
    people = [phone(number) for number in range(9)]
    answer = await made(account, *people, chat("alice", 1))  # whoever makes it a group may come last
    assert answer.status == 201, answer
    said = await account.ask(
        "POST", f"/Conversations/{answer.body['sid']}/Participants", form({"messaging_binding": phone(9)})
    )
    assert (said.status, said.code) == (409, 50436)
    sid = (await account.post("/Conversations"))["sid"]
    for number in range(11):
        await account.post(f"/Conversations/{sid}/Participants", {"MessagingBinding.Address": f"{number}@x.example"})
    said = await account.ask("POST", f"/Conversations/{sid}/Participants", form(chat("alice", 1)))
    assert (said.status, said.code) == (409, 50436)


async def test_no_two_alike(account: Account) -> None:
    """The same numbers make the same group; one more or less, another one. A closed one frees them."""
    people = [phone(1), phone(2), chat("alice", 1)]
    first = (await made(account, *people)).body["sid"]
    again = await made(account, *reversed(people))
    assert (again.status, again.code) == (409, 50438)
    more = await made(account, *people, phone(3))
    assert more.status == 201
    sid = (await made(account, *people[1:])).body["sid"]
    path = f"/Conversations/{sid}/Participants"
    said = await account.ask("POST", path, form({"messaging_binding": phone(1)}))
    assert (said.status, said.code) == (409, 50438)
    assert len((await account.ask("GET", path)).body["participants"]) == 2
    await account.post(f"/Conversations/{first}", {"State": "closed"})
    await account.post(path, form({"messaging_binding": phone(1)}))


async def test_one_who_has_no_number(account: Account) -> None:
    """All is refused, and nothing of it is there."""
    answer = await made(account, phone(1), {"identity": "bob"}, chat("alice", 1))
    assert (answer.status, answer.code) == (400, 50434)
    assert (await account.ask("GET", "/Conversations")).body["conversations"] == []
