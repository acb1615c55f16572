"""Users: oneself and others, followed as they change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import convo_widgets as cw
from tests.client.people import Expected, People, Seen, reasons
from tests.service.http import Account

pytestmark = pytest.mark.both


async def test_oneself(people: People) -> None:
    """The client's own user is there and followed from the start."""
    alice = await people.client("alice")
    assert alice.user.identity == people.identity("alice")
    assert (alice.user.friendly_name, alice.user.attributes) == (None, {})
    assert alice.user.is_subscribed
    assert await alice.get_user(people.identity("alice")) is alice.user
    assert await alice.get_subscribed_users() == [alice.user]
    assert alice.user.identity in repr(alice.user)
    with pytest.raises(cw.UsageError, match="own user"):
        await alice.user.unsubscribe()


@pytest.mark.parametrize("attributes", [{"a": [1, "é🎉"]}, [], 0, "text", None])
async def test_changes_of_a_user_reach_all_who_follow(people: People, attributes: Any) -> None:
    """A name and attributes change at oneself, in one's other client and at others, once each."""
    alice, twin, bob = [await people.client(name) for name in ("alice", "alice", "bob")]
    seen_by_bob = await bob.get_user(alice.user.identity)
    users = [alice.user, twin.user, seen_by_bob]
    clients = [alice, twin, bob]
    seen = Seen(*users, *clients)
    assert await alice.user.update_friendly_name("Alice é 🎉") is alice.user
    await seen.until(lambda: all(len(seen.of(user, "updated")) == 1 for user in users))
    assert await alice.user.update_attributes(attributes) is alice.user
    changed = attributes != {}
    await seen.until(lambda: all(len(seen.of(user, "updated")) == 1 + changed for user in users))
    for user, client in zip(users, clients, strict=True):
        updates = seen.of(user, "updated")
        assert [reasons(update) for update in updates] == [{"friendlyName"}, {"attributes"}]
        assert all(update.user is user for update in updates)
        assert seen.of(client, "userUpdated") == updates
        assert (user.friendly_name, user.attributes) == ("Alice é 🎉", attributes)
    again = await people.client("alice")
    assert (again.user.friendly_name, again.user.attributes) == ("Alice é 🎉", attributes)


async def test_only_oneself_is_changed(people: People) -> None:
    """Others' names are theirs."""
    alice, bob = await people.client("alice"), await people.client("bob")
    other = await alice.get_user(bob.user.identity)
    with pytest.raises(cw.Forbidden, match=r"permission|role"):
        await other.update_friendly_name("Robert")
    with pytest.raises(cw.Forbidden):
        await other.update_attributes({})


async def test_users_are_subscribed_and_let_go(people: People) -> None:
    """Looking at a user follows them; letting go is told once, and changes come no more."""
    alice, bob = await people.client("alice"), await people.client("bob")
    seen = Seen(alice)
    user = await alice.get_user(bob.user.identity)
    assert seen.of(alice, "userSubscribed") == [user]
    assert await alice.get_user(bob.user.identity) is user
    assert await alice.get_subscribed_users() == [alice.user, user]
    assert user.is_subscribed
    gone = Seen(user)
    await user.unsubscribe()
    await user.unsubscribe()
    assert gone.of(user, "userUnsubscribed") == seen.of(alice, "userUnsubscribed") == [user]
    assert not user.is_subscribed
    assert await alice.get_subscribed_users() == [alice.user]
    await bob.user.update_friendly_name("Bob")
    fresh = await alice.get_user(bob.user.identity)
    assert fresh.friendly_name == "Bob"
    assert user.friendly_name is None


async def test_users_who_are_asked_for_at_once(people: People) -> None:
    """Two who look a user up at the same time get the same object, which hears the changes."""
    alice, bob = await people.client("alice"), await people.client("bob")
    seen = Seen(alice)
    first, *others = await asyncio.gather(*(alice.get_user(bob.user.identity) for _ in range(5)))
    assert all(other is first for other in others)
    assert seen.of(alice, "userSubscribed") == [first]
    updated = Expected(first, "updated")
    await bob.user.update_friendly_name("Bob")
    assert (await updated).user is first


async def test_unknown_users(people: People) -> None:
    """There is no such user: NotFound with a sentence."""
    alice = await people.client("alice")
    for identity in ("nobody at all", "+15550100", "a/b", ""):
        with pytest.raises(cw.ReplyError) as caught:
            await alice.get_user(identity)
        assert str(caught.value)
    with pytest.raises(cw.NotFound, match="no user with this identity"):
        await alice.get_user("nobody at all")


async def test_only_so_many_users_are_followed(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the service's limit, the one looked at longest ago is let go."""
    alice = await people.client("alice")
    monkeypatch.setattr(alice._users, "limit", 3)
    (made,) = await people.room(alice)
    names = [people.identity(f"guest{number}") for number in range(4)]
    for name in names:
        await made.add(name)
    seen = Seen(alice)
    users = [await alice.get_user(name) for name in names[:3]]
    assert await alice.get_user(names[0]) is users[0]
    last = await alice.get_user(names[3])
    assert seen.of(alice, "userUnsubscribed") == [users[1]]
    assert await alice.get_subscribed_users() == [alice.user, users[2], users[0], last]


async def test_a_user_who_was_deleted_and_comes_again(people: People) -> None:
    """They are let go with a word, and looked at again they are followed again."""
    alice, name = await people.client("alice"), people.identity("bob")
    account = Account(people.service)
    await account.post("/Users", {"Identity": name})
    bob = await alice.get_user(name)
    gone = Expected(alice, "userUnsubscribed", lambda user: user is bob)
    assert (await account.ask("DELETE", f"/Users/{name}")).status == 204
    await gone
    assert not bob.is_subscribed
    assert await alice.get_subscribed_users() == [alice.user]
    await account.post("/Users", {"Identity": name, "FriendlyName": "Bob"})
    again = await alice.get_user(name)
    assert (again.is_subscribed, again.friendly_name) == (True, "Bob")
