"""A cable that breaks: nothing is lost, nothing is twice, and everybody knows where they stand."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import convo_widgets as cw
from tests.client.people import Expected, People, Seen, write
from tests.client.proxy import Proxy

pytestmark = pytest.mark.both


async def _over(people: People, proxy: Proxy) -> tuple[cw.Conversation, cw.Conversation]:
    """A conversation of alice, who is behind the cable, and bob, who is not."""
    alice, bob = await people.client("alice", proxy.url), await people.client("bob")
    mine, theirs = await people.room(alice, bob)
    return mine, theirs


def _connected(client: cw.Client) -> Expected:
    return Expected(client, "connectionStateChanged", lambda state: state == "connected")


async def test_the_client_comes_back(people: People, proxy: Proxy) -> None:
    """States and faults of a cut; afterwards events arrive again."""
    mine, theirs = await _over(people, proxy)
    seen, back = Seen(mine.client), _connected(mine.client)
    proxy.cut()
    await back
    assert seen.of(mine.client, "connectionStateChanged") == ["connecting", "connected"]
    (fault,) = seen.of(mine.client, "connectionError")
    assert not fault.terminal
    assert fault.message
    added = Expected(mine, "messageAdded")
    await theirs.send_message("are you there?")
    assert (await added).body == "are you there?"


async def test_messages_of_others_while_cut(people: People, proxy: Proxy) -> None:
    """Fifty messages that others write meanwhile arrive once, in order, each; also edits and removals."""
    mine, theirs = await _over(people, proxy)
    seen = Seen(mine, mine.client)
    await write(theirs, 3)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 3)
    proxy.refuse()
    await write(theirs, 50, start=3)
    page = await theirs.get_messages(53)
    await page.items[0].update_body("edited")
    await page.items[1].remove()
    await page.items[10].update_body("edited at once")
    await page.items[20].remove()
    back = _connected(mine.client)
    proxy.restore()
    await back
    await theirs.send_message("the last one")
    await seen.until(lambda: any(message.index == 53 for message in seen.of(mine, "messageAdded")))
    indexes = [message.index for message in seen.of(mine, "messageAdded")]
    gone = [message.index for message in seen.of(mine, "messageRemoved")]
    assert (indexes, gone) in (  # one that came and went meanwhile may be told or not
        (list(range(54)), [1, 20]),
        ([index for index in range(54) if index != 20], [1]),
    )
    assert seen.of(mine.client, "messageAdded") == seen.of(mine, "messageAdded")
    now = {message.index: message.body for message in (await mine.get_messages(100)).items}
    there = {message.index: message.body for message in (await theirs.get_messages(100)).items}
    assert now == there
    assert now[0] == "edited"


async def test_what_others_did_while_cut(people: People, proxy: Proxy) -> None:
    """Names, participants, new conversations and lost ones: all of it is told after coming back."""
    mine, theirs = await _over(people, proxy)
    (lost,) = await people.room(theirs.client)
    joined = Expected(mine.client, "conversationJoined")
    await lost.add(mine.client.user.identity)
    mine_lost = await joined
    carol = await people.client("carol")
    seen = Seen(mine, mine.client, mine_lost)
    proxy.refuse()
    await theirs.update_friendly_name("renamed")
    await theirs.add(carol.user.identity)
    (new,) = await people.room(theirs.client, friendly_name="new")
    await new.add(mine.client.user.identity)
    await lost.delete()
    proxy.restore()
    await seen.until(
        lambda: bool(
            seen.of(mine, "participantJoined")
            and seen.of(mine, "updated")
            and seen.of(mine.client, "conversationJoined")
            and seen.of(mine_lost, "removed")
        )
    )
    assert mine.friendly_name == "renamed"
    assert [one.identity for one in seen.of(mine, "participantJoined")] == [carol.user.identity]
    assert [one.friendly_name for one in seen.of(mine.client, "conversationJoined")] == ["new"]
    assert seen.of(mine.client, "conversationRemoved") == [mine_lost]


@pytest.mark.parametrize("times", [1, 2])
async def test_a_message_is_sent_exactly_once(people: People, proxy: Proxy, times: int) -> None:
    """The cable breaks after the service has acted and before it could say so: the second try is recognised."""
    mine, theirs = await _over(people, proxy)
    seen = Seen(mine, theirs)
    proxy.swallow()
    sending = asyncio.create_task(mine.send_message("once"))
    for attempt in range(1, times + 1):
        await proxy.swallowed()
        if attempt < times:
            proxy.swallow()
        else:
            proxy.restore()
        proxy.cut()
        if attempt < times:
            await proxy.connections(proxy.accepted + 1)
    assert await sending == 0
    assert await mine.send_message("next") == 1
    await seen.until(lambda: all(len(seen.of(view, "messageAdded")) == 2 for view in (mine, theirs)))
    for view in (mine, theirs):
        assert [message.body for message in seen.of(view, "messageAdded")] == ["once", "next"]
        assert await view.get_messages_count() == 2


async def test_every_act_survives_a_cut(people: People, proxy: Proxy) -> None:
    """Each kind of change, cut between the act and its answer: done once, and answered as if nothing had been."""
    mine, theirs = await _over(people, proxy)
    alice = mine.client
    await write(mine, 2)
    first, second = (await mine.get_messages()).items
    carol = people.identity("carol")
    name = people.identity("cut")
    acts: list[Any] = [
        lambda: first.update_body("edited"),
        lambda: first.update_attributes({"a": 1}),
        lambda: second.remove(),
        lambda: mine.update_friendly_name("cut"),
        lambda: mine.update_attributes({"b": 2}),
        lambda: mine.add(carol),
        lambda: mine.set_all_messages_read(),
        lambda: mine.set_user_notification_level("muted"),
        lambda: mine.remove_participant(carol),
        lambda: alice.user.update_friendly_name("Alice"),
        lambda: alice.create_conversation(unique_name=name),
    ]
    for act in acts:
        proxy.swallow()
        doing = asyncio.create_task(act())
        await proxy.swallowed()
        proxy.restore()
        proxy.cut()
        await asyncio.wait_for(doing, 10)
    messages = (await theirs.get_messages()).items
    assert [(message.body, message.attributes) for message in messages] == [("edited", {"a": 1})]
    fresh = await people.client("alice")
    again = await fresh.get_conversation_by_sid(mine.sid)
    assert (again.friendly_name, again.attributes) == ("cut", {"b": 2})
    assert (again.last_read_message_index, again.notification_level) == (0, "muted")
    assert fresh.user.friendly_name == "Alice"
    assert await mine.get_participants_count() == 2
    assert (await alice.get_conversation_by_sid(doing.result().sid)).unique_name == name


async def test_leaving_and_joining_over_a_cut(people: People, proxy: Proxy) -> None:
    """Leaving, joining, deleting: each works through a cut, and is told once."""
    mine, theirs = await _over(people, proxy)
    seen = Seen(theirs)
    for act in (mine.leave, mine.join, mine.delete):
        proxy.swallow()
        doing = asyncio.create_task(act())
        await proxy.swallowed()
        proxy.restore()
        proxy.cut()
        assert await asyncio.wait_for(doing, 10) is mine
    await seen.until(lambda: seen.of(theirs, "removed") != [])
    told = [name for name in seen.names(theirs) if name.startswith("participant") or name == "removed"]
    assert told == ["participantLeft", "participantJoined", "removed"]


async def test_acts_while_disconnected_wait(people: People, proxy: Proxy) -> None:
    """What is asked for without a connection is done when there is one again, in its order."""
    mine, theirs = await _over(people, proxy)
    gone = Expected(mine.client, "connectionStateChanged")
    proxy.refuse()
    assert await gone == "connecting"
    sending = [asyncio.create_task(mine.send_message(str(number))) for number in range(5)]
    reading = asyncio.create_task(mine.get_messages_count())
    await proxy.connections(proxy.accepted + 1)
    assert not any(task.done() for task in sending)
    proxy.restore()
    assert await asyncio.gather(*sending) == [0, 1, 2, 3, 4]
    assert await reading in range(6)
    assert [message.body for message in (await theirs.get_messages()).items] == ["0", "1", "2", "3", "4"]


async def test_no_connection_in_time(people: People, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while one is told that nothing happened, and that it is safe to try again."""
    mine, _ = await _over(people, proxy)
    monkeypatch.setattr("convo_widgets.transport.link.CONNECTION_TIMEOUT", 0.1)
    gone = Expected(mine.client, "connectionStateChanged")
    proxy.refuse()
    await gone
    with pytest.raises(cw.ConnectionLost, match="safe to try again") as caught:
        await mine.send_message("never sent")
    assert not caught.value.may_have_happened
    with pytest.raises(cw.ConnectionLost):
        await mine.get_messages()


async def test_an_answer_that_never_comes(people: People, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The act was sent, the cable broke, and there was no connection again: it may have happened."""
    mine, theirs = await _over(people, proxy)
    monkeypatch.setattr("convo_widgets.transport.link.CONNECTION_TIMEOUT", 0.1)
    proxy.swallow()
    sending = asyncio.create_task(mine.send_message("who knows"))
    await proxy.swallowed()
    proxy.refuse()
    with pytest.raises(cw.ConnectionLost, match="look before you repeat") as caught:
        await sending
    assert caught.value.may_have_happened
    assert await theirs.get_messages_count() == 1


async def test_no_answer_in_time(people: People, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is there and says nothing: RequestTimeout, which says what is known."""
    mine, _ = await _over(people, proxy)
    monkeypatch.setattr("convo_widgets.transport.link.REPLY_TIMEOUT", 0.1)
    proxy.swallow()
    with pytest.raises(cw.RequestTimeout, match="look before you repeat") as caught:
        await mine.send_message("who knows")
    assert caught.value.may_have_happened
    with pytest.raises(cw.RequestTimeout, match="safe to try again"):
        await mine.get_messages()


async def test_after_a_blocked_loop_a_dead_cable_is_noticed_at_once(
    people: People, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at the next ping: the client looks as soon as it sees that time went by without it."""
    monkeypatch.setattr("convo_widgets.transport.clock.EVERY", 0.02)
    monkeypatch.setattr("convo_widgets.transport.clock.LOST", 0.2)
    monkeypatch.setattr("convo_widgets.transport.link.PROBE_TIMEOUT", 0.1)
    mine, theirs = await _over(people, proxy)
    added = Expected(mine, "messageAdded")
    gone = Expected(mine.client, "connectionStateChanged", lambda state: state == "connecting")
    proxy.swallow()
    time.sleep(0.5)  # noqa: ASYNC251 -- the loop is to be blocked
    await gone
    await theirs.send_message("are you awake?")
    proxy.restore()
    assert (await added).body == "are you awake?"


async def test_writes_keep_their_order_over_a_cut(people: People, proxy: Proxy) -> None:
    """Hundreds in flight, a cut amid them, and more are written: all arrive once, in the order of the calls."""
    mine, theirs = await _over(people, proxy)
    seen = Seen(theirs)
    sending = [asyncio.create_task(mine.send_message(str(number))) for number in range(300)]
    await seen.until(lambda: len(seen.of(theirs, "messageAdded")) >= 50)
    proxy.cut()
    sending += [asyncio.create_task(mine.send_message(str(number))) for number in range(300, 330)]
    await asyncio.gather(*sending)
    await seen.until(lambda: len(seen.of(theirs, "messageAdded")) == 330)
    assert [message.body for message in seen.of(theirs, "messageAdded")] == [str(number) for number in range(330)]


@pytest.mark.parametrize("read", ["get_messages", "history"])
async def test_what_a_read_brings_before_the_replay_is_announced_all_the_same(
    people: People, proxy: Proxy, read: str
) -> None:
    """A read that overtakes the replay, which the service refuses at first: whoever listens must not miss anything."""
    mine, theirs = await _over(people, proxy)
    seen = Seen(mine)
    await write(theirs, 2)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 2)
    proxy.refuse()
    await mine.client.wait_for("connectionStateChanged", timeout=10)
    await write(theirs, 3, start=2)
    await (await theirs.get_messages(1)).items[0].update_body("edited meanwhile")

    async def history() -> list[cw.Message]:
        return [message async for message in mine.history()]

    async def page() -> list[cw.Message]:
        return (await mine.get_messages()).items

    reading = asyncio.create_task(page() if read == "get_messages" else history())
    await asyncio.sleep(0)  # it waits for the connection
    people.service.faults.fail("/v4/Subscriptions", 503, times=1)
    proxy.restore()
    held = await reading
    assert len(seen.of(mine, "messageAdded")) == 2, "the read was there before"
    assert [message.index for message in held] == [0, 1, 2, 3, 4]
    await write(theirs, 1, start=5)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 6)
    assert [message.index for message in seen.of(mine, "messageAdded")] == [0, 1, 2, 3, 4, 5]
    assert seen.of(mine, "messageAdded")[2:5] == held[2:], "the very objects that were read"
    assert held[4].body == "edited meanwhile"


async def test_cut_again_and_again(people: People, proxy: Proxy) -> None:
    """Both write all the time while the cable breaks ten times: every message is there once, for both."""
    mine, theirs = await _over(people, proxy)
    seen = Seen(mine, theirs)
    count = 60

    async def talk(view: cw.Conversation, who: str) -> None:
        for number in range(count):
            await view.send_message(f"{who}{number}")

    async def trouble() -> None:
        for _ in range(10):
            await proxy.connections(proxy.accepted)
            await mine.wait_for("messageAdded", timeout=10)
            before = proxy.accepted
            proxy.cut()
            await proxy.connections(before + 1)

    await asyncio.gather(talk(mine, "a"), talk(theirs, "b"), trouble())
    await seen.until(lambda: all(len(seen.of(view, "messageAdded")) >= 2 * count for view in (mine, theirs)))
    wanted = sorted(f"{who}{number}" for who in "ab" for number in range(count))
    for view in (mine, theirs):
        messages = seen.of(view, "messageAdded")
        assert [message.index for message in messages] == list(range(2 * count))
        assert sorted(message.body for message in messages) == wanted


async def test_cut_during_the_listing(people: People, proxy: Proxy) -> None:
    """A client whose cable breaks while it opens its conversations has them all in the end."""
    alice = await people.client("alice")
    made = [(await people.room(alice))[0] for _ in range(20)]
    again = await people.client("alice", proxy.url)
    listing = asyncio.create_task(again.get_subscribed_conversations())
    added = Expected(again, "conversationAdded")
    await added
    proxy.cut()
    listed = await asyncio.wait_for(listing, 10)
    assert {one.sid for one in listed} == {one.sid for one in made}


async def test_the_service_ends_for_good(people: People) -> None:
    """A service that is stopped: the client keeps trying, says so, and can be shut down at once."""
    with cw.LocalService(seed=None) as service:
        client = people.keep(await cw.connect(service.token("alice"), service=service))
        gone = Expected(client, "connectionStateChanged")
        service.stop()
        assert await gone == "connecting"
    await asyncio.wait_for(client.shutdown(), 2)
    assert client.connection_state == "disconnected"
