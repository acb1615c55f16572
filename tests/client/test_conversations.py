"""Conversations: found, made, changed, joined, left and deleted, with each event once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

import convo_widgets as cw
from tests.client.people import Expected, People, Seen, reasons, without_date

pytestmark = pytest.mark.both


async def test_a_new_conversation_has_what_it_was_made_with(people: People) -> None:
    """All that the maker gave can be read, and what the service adds."""
    alice = await people.client("alice")
    name = people.identity("Team / ü 🎉")
    attributes = {"a": [1, None, {"é": "🎉"}], "b": True}
    made = await alice.create_conversation(friendly_name="Team 🎉", unique_name=name, attributes=attributes)
    assert (made.friendly_name, made.unique_name, made.attributes) == ("Team 🎉", name, attributes)
    assert await made.get_attributes() == attributes
    assert (made.status, made.created_by, made.client) == ("notParticipating", alice.user.identity, alice)
    assert made.state is not None
    assert made.state.current == "active"
    assert made.last_message is None
    assert made.last_read_message_index is None
    assert (made.notification_level, made.bindings) == ("default", {})
    assert made.date_created is not None
    assert made.date_created.tzinfo is UTC
    assert abs((datetime.now(UTC) - made.date_created).total_seconds()) < 60
    assert made.date_updated == made.date_created
    assert made.sid in repr(made)
    assert await alice.get_conversation_by_sid(made.sid) is made
    assert await alice.peek_conversation_by_sid(made.sid) is made


async def test_a_conversation_without_anything(people: People) -> None:
    """Names are None where there are none, attributes an empty object."""
    alice = await people.client("alice")
    made = await alice.create_conversation()
    assert (made.friendly_name, made.unique_name, made.attributes) == (None, None, {})


@pytest.mark.parametrize("attributes", [[], 0, False, None, [1], {"": {"": None}}, 1.5])
async def test_attributes_are_any_json(people: People, attributes: Any) -> None:
    """What JSON can say comes back as it was; None given at the start is an empty object."""
    alice = await people.client("alice")
    made = await alice.create_conversation(attributes=attributes)
    assert made.attributes == ({} if attributes is None else attributes)
    await made.join()
    updated = Expected(made, "updated", lambda update: "attributes" in update.update_reasons)
    await made.update_attributes({"other": attributes})
    await updated
    assert made.attributes == {"other": attributes}


async def test_lone_surrogates_become_replacement_characters(people: People) -> None:
    """Half a character cannot be stored; the rest of the text is."""
    alice = await people.client("alice")
    made = await alice.create_conversation(friendly_name="a\ud83db", attributes={"k\ud800": "v\udc00"})
    assert made.friendly_name == "a\ufffdb"
    assert made.attributes == {"k\ufffd": "v\ufffd"}


async def test_deep_attributes(people: People) -> None:
    """A hundred levels are kept; a million are refused before they are sent."""
    alice = await people.client("alice")
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    made = await alice.create_conversation(attributes=deep)
    assert made.attributes == deep


async def test_a_taken_unique_name(people: People) -> None:
    """A second conversation of the same name is a Conflict that says what to do, for making and for renaming."""
    alice = await people.client("alice")
    name = people.identity("taken")
    await alice.create_conversation(unique_name=name)
    with pytest.raises(cw.Conflict, match="choose another") as caught:
        await alice.create_conversation(unique_name=name)
    assert caught.value.code == 50353
    other = await (await alice.create_conversation()).join()
    with pytest.raises(cw.Conflict):
        await other.update_unique_name(name)


async def test_too_large_attributes(people: People) -> None:
    """17 KB are refused by the service, 1 MB before anything is sent, and the client lives on."""
    alice = await people.client("alice")
    with pytest.raises(cw.TooLarge, match="16 KB"):
        await alice.create_conversation(attributes={"a": "x" * 17_000})
    made = await alice.create_conversation()
    with pytest.raises(cw.TooLarge, match=r"1,\d+,\d+ bytes"):
        await made.update_attributes({"a": "x" * 1_000_000})
    assert alice.connection_state == "connected"
    await made.join()
    assert await made.send_message("still here") == 0


async def test_changes_reach_everybody_with_their_reasons(people: People) -> None:
    """Each change is told once to each side, at the conversation and at the client, with the SDK's reasons."""
    mine, theirs = await people.pair()
    seen = Seen(mine, theirs, mine.client, theirs.client)
    name = people.identity("new-name")
    acts: list[tuple[Any, set[str]]] = [
        (lambda: mine.update_friendly_name("Hello"), {"friendlyName"}),
        (lambda: mine.update_unique_name(name), {"uniqueName"}),
        (lambda: mine.update_attributes({"x": 1}), {"attributes"}),
        (lambda: mine.update_unique_name(None), {"uniqueName"}),
    ]
    for number, (act, expected) in enumerate(acts, 1):
        before = mine.date_updated
        assert await act() is mine
        await seen.until(lambda n=number: all(len(seen.of(one, "updated")) == n for one in (mine, theirs)))  # type: ignore[misc]
        for view in (mine, theirs):
            update = seen.of(view, "updated")[-1]
            assert update.conversation is view
            assert without_date(update) == expected
            assert ("dateUpdated" in reasons(update)) == (view.date_updated != before)
            assert seen.of(view.client, "conversationUpdated")[-1] is update
    for view in (mine, theirs):
        assert (view.friendly_name, view.unique_name, view.attributes) == ("Hello", None, {"x": 1})
        assert len(seen.of(view.client, "conversationUpdated")) == len(acts)
        assert view.date_updated is not None
        assert view.date_created is not None
        assert view.date_updated >= view.date_created


async def test_a_message_moves_the_last_message(people: People) -> None:
    """`last_message` follows what is written and removed, for both."""
    mine, theirs = await people.pair()
    both = [Expected(view, "updated", lambda update: "lastMessage" in update.update_reasons) for view in (mine, theirs)]
    await mine.send_message("one")
    for view, updated in zip((mine, theirs), both, strict=True):
        assert reasons(await updated) == {"lastMessage"}
        message = (await view.get_messages(1)).items[0]
        assert view.last_message is not None
        assert (view.last_message.index, view.last_message.date_created) == (0, message.date_created)
    gone = Expected(theirs, "updated", lambda update: "lastMessage" in update.update_reasons)
    await (await mine.get_messages(1)).items[0].remove()
    await gone
    assert theirs.last_message is None


async def test_names_find_conversations(people: People) -> None:
    """By sid and by unique name, odd characters included, one gets the same object."""
    name = people.identity("a/b c?d=é&%2F")
    mine, theirs = await people.pair(unique_name=name)
    assert await mine.client.get_conversation_by_unique_name(name) is mine
    assert await theirs.client.get_conversation_by_unique_name(name) is theirs
    assert await theirs.client.get_conversation_by_sid(theirs.sid) is theirs
    assert await theirs.client.peek_conversation_by_sid(theirs.sid) is theirs


@pytest.mark.parametrize("sid", ["CH" + "0" * 32, "nonsense", "CH/../..", "ü"])
async def test_unknown_conversations(people: People, sid: str) -> None:
    """There is no such conversation: NotFound with advice, however one asks."""
    alice = await people.client("alice")
    for find in (
        alice.get_conversation_by_sid,
        alice.peek_conversation_by_sid,
        alice.get_conversation_by_unique_name,
    ):
        with pytest.raises(cw.NotFound, match=r"check the sid|join it first"):
            await find(sid)


async def test_a_stranger_sees_nothing(people: People) -> None:
    """A conversation that one is not in is not found."""
    mine, _ = await people.pair()
    carol = await people.client("carol")
    for find in (carol.get_conversation_by_sid, carol.peek_conversation_by_sid):
        with pytest.raises(cw.NotFound):
            await find(mine.sid)
    assert await carol.get_subscribed_conversations() == []


async def test_not_joined(people: People) -> None:
    """Before joining, the maker is told to join first; afterwards all of it works."""
    alice = await people.client("alice")
    made = await alice.create_conversation()
    for act in (
        lambda: made.get_messages(),
        lambda: made.get_participants(),
        lambda: made.set_all_messages_read(),
        lambda: made.update_last_read_message_index(0),
    ):
        with pytest.raises(cw.UsageError, match="join"):
            await act()
    with pytest.raises(cw.ReplyError, match="join"):
        await made.send_message("hello")
    await made.join()
    assert [one.identity for one in await made.get_participants()] == [alice.user.identity]
    assert (await made.get_messages()).items == []


async def test_joining_is_told_once(people: People) -> None:
    """The maker: added when it is made, joined when it is joined; joining twice does nothing more."""
    alice = await people.client("alice")
    seen = Seen(alice)
    made = await alice.create_conversation()
    assert seen.names(alice) == ["conversationAdded"]
    watch = Seen(made)
    assert await made.join() is made
    assert made.status == "joined"
    assert await made.join() is made
    await made.update_friendly_name("a later event")
    await seen.until(lambda: seen.of(alice, "conversationUpdated") != [])
    assert seen.names(alice) == ["conversationAdded", "conversationJoined", "conversationUpdated"]
    assert watch.names(made) == ["updated"]
    assert await alice.get_subscribed_conversations() == [made]


async def test_being_added_is_told_once(people: People) -> None:
    """Who is added hears of the conversation and finds everybody in it; the others hear of the newcomer."""
    alice, bob = await people.client("alice"), await people.client("bob")
    (made,) = await people.room(alice)
    seen = Seen(alice, bob, made)
    reply = await made.add(bob.user.identity, {"team": 7})
    await seen.until(lambda: bool(seen.of(bob, "conversationJoined") and seen.of(alice, "participantJoined")))
    joined = seen.of(bob, "conversationJoined")[0]
    assert seen.of(bob, "conversationAdded") == [joined]
    assert joined.status == "joined"
    assert {one.identity for one in await joined.get_participants()} == {alice.user.identity, bob.user.identity}
    (participant,) = seen.of(made, "participantJoined")
    assert seen.of(alice, "participantJoined") == [participant]
    assert (participant.sid, participant.identity, participant.attributes) == (
        reply.sid,
        bob.user.identity,
        {"team": 7},
    )
    assert await made.get_participants_count() == 2
    with pytest.raises(cw.Conflict, match="already"):
        await made.add(bob.user.identity)


async def test_leaving_and_coming_back(people: People) -> None:
    """Leaving is told once to each side; after joining again the same object works, and who left meanwhile is gone."""
    mine, theirs = await people.pair()
    carol = await people.client("carol")
    await mine.add(carol.user.identity)
    seen = Seen(mine, theirs, mine.client, theirs.client)
    assert await theirs.leave() is theirs
    await seen.until(lambda: bool(seen.of(theirs, "removed") and seen.of(mine, "participantLeft")))
    assert theirs.status == "notParticipating"
    told = [name for name in seen.names(theirs.client) if name.startswith("conversation")]
    assert told == ["conversationLeft", "conversationRemoved"]
    assert seen.of(theirs.client, "conversationLeft") == [theirs]
    assert seen.of(theirs, "removed") == [theirs]
    (left,) = seen.of(mine, "participantLeft")
    assert seen.of(mine.client, "participantLeft") == [left]
    assert left.identity == theirs.client.user.identity
    assert await theirs.leave() is theirs
    assert await theirs.client.get_subscribed_conversations() == []
    with pytest.raises(cw.UsageError, match="join"):
        await theirs.get_messages()

    await mine.remove_participant(carol.user.identity)
    await mine.send_message("while away")
    back = Expected(mine, "participantJoined")
    assert await theirs.join() is theirs
    assert theirs.status == "joined"
    assert await theirs.client.get_subscribed_conversations() == [theirs]
    assert await theirs.client.get_conversation_by_sid(theirs.sid) is theirs
    here = {mine.client.user.identity, theirs.client.user.identity}
    assert {one.identity for one in await theirs.get_participants()} == here
    assert (await back).identity == theirs.client.user.identity
    assert [one.body for one in (await theirs.get_messages()).items] == ["while away"]
    added = Expected(theirs, "messageAdded")
    await mine.send_message("welcome")
    assert (await added).body == "welcome"
    assert seen.names(theirs.client).count("conversationJoined") == 1


async def test_being_removed(people: People) -> None:
    """Who is taken out hears it once, and can neither read nor write."""
    mine, theirs = await people.pair()
    seen = Seen(theirs, theirs.client)
    participant = await mine.get_participant_by_identity(theirs.client.user.identity)
    assert participant is not None
    await participant.remove()
    await seen.until(lambda: seen.of(theirs, "removed") != [])
    assert [name for name in seen.names(theirs.client) if name.startswith("conversation")] == [
        "conversationLeft",
        "conversationRemoved",
    ]
    with pytest.raises(cw.ReplyError):
        await theirs.send_message("may I?")
    with pytest.raises(cw.NotFound):
        await theirs.get_unread_messages_count()


async def test_only_admins_remove(people: People) -> None:
    """A member may not take others out, nor delete; the advice names who can."""
    _, theirs = await people.pair()
    others = [one for one in await theirs.get_participants() if one.identity != theirs.client.user.identity]
    with pytest.raises(cw.Forbidden, match="admin"):
        await theirs.remove_participant(others[0])
    with pytest.raises(cw.Forbidden, match="admin"):
        await theirs.delete()


async def test_deleting(people: People) -> None:
    """A deleted conversation is left and removed, once each, for all; nothing is found afterwards."""
    mine, theirs = await people.pair()
    seen = Seen(mine, theirs, mine.client, theirs.client)
    await mine.delete()
    await seen.until(lambda: all(seen.of(view, "removed") for view in (mine, theirs)))
    for view in (mine, theirs):
        again = await view.client.create_conversation()  # whatever was still to come has come before its answer
        told = [name for name in seen.names(view.client) if name in ("conversationLeft", "conversationRemoved")]
        assert told == ["conversationLeft", "conversationRemoved"]
        assert seen.of(view, "removed") == [view]
        assert view.status == "notParticipating"
        with pytest.raises(cw.NotFound):
            await view.client.get_conversation_by_sid(view.sid)
        assert await view.client.get_subscribed_conversations() == []
        assert again.sid != view.sid


async def test_found_while_they_are_listed(people: People) -> None:
    """Right after connecting, a conversation that is just being opened is waited for, by sid and by name."""
    name = people.identity("early")
    mine, theirs = await people.pair(unique_name=name)
    await mine.send_message("hello")
    again = await people.client("bob")
    by_sid, by_name, peeked, listed = await asyncio.gather(
        again.get_conversation_by_sid(theirs.sid),
        again.get_conversation_by_unique_name(name),
        again.peek_conversation_by_sid(theirs.sid),
        again.get_subscribed_conversations(),
    )
    assert by_sid is by_name is peeked is listed[0]
    assert by_sid.status == "joined"
    assert (await by_sid.get_messages()).items[0].body == "hello"


async def test_a_sid_is_found_before_the_listing_is_done(people: People) -> None:
    """The first thing that one does after connecting can be to open a conversation."""
    mine, _ = await people.pair()
    again = await people.client("bob")
    found = await again.get_conversation_by_sid(mine.sid)
    assert found.status == "joined"
    assert (await found.get_messages()).items == []


async def test_many_conversations(people: People) -> None:
    """More conversations than one page of the list holds are all there, each once."""
    alice = await people.client("alice")
    made = await asyncio.gather(*(alice.create_conversation() for _ in range(130)))
    await asyncio.gather(*(one.join() for one in made))
    again = await people.client("alice")
    seen = Seen(again)
    listed = await again.get_subscribed_conversations()
    assert {one.sid for one in listed} == {one.sid for one in made}
    assert len(seen.of(again, "conversationJoined")) == len(seen.of(again, "conversationAdded")) <= 130


async def test_notification_level(people: People) -> None:
    """Muting is one's own: told to oneself, also in one's other client, and to nobody else."""
    mine, theirs = await people.pair()
    other = await people.client("alice")
    twin = await other.get_conversation_by_sid(mine.sid)
    seen = Seen(mine, theirs, twin)
    await mine.set_user_notification_level("muted")
    await seen.until(lambda: bool(seen.of(mine, "updated") and seen.of(twin, "updated")))
    assert reasons(seen.of(mine, "updated")[0]) == reasons(seen.of(twin, "updated")[0]) == {"notificationLevel"}
    assert (mine.notification_level, twin.notification_level, theirs.notification_level) == (
        "muted",
        "muted",
        "default",
    )
    await theirs.send_message("one more event")
    await seen.until(lambda: seen.of(theirs, "messageAdded") != [])
    assert all("notificationLevel" not in reasons(update) for update in seen.of(theirs, "updated"))
    with pytest.raises(cw.UsageError):
        await mine.set_user_notification_level("loud")  # type: ignore[arg-type]


async def test_two_clients_of_one_identity(people: People) -> None:
    """What one of them makes, joins and leaves, the other one sees."""
    first, second = await people.client("alice"), await people.client("alice")
    seen = Seen(second)
    made = await first.create_conversation(friendly_name="shared")
    await made.join()
    await seen.until(lambda: seen.of(second, "conversationJoined") != [])
    (twin,) = await second.get_subscribed_conversations()
    assert twin is not made
    assert twin.friendly_name == "shared"
    added = Expected(twin, "messageAdded")
    await made.send_message("from the first")
    assert (await added).author == second.user.identity
    await made.leave()
    await seen.until(lambda: seen.of(second, "conversationRemoved") != [])
    assert twin.status == "notParticipating"


async def test_deleted_while_it_is_opened(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no more before it was open is not announced, and nothing of it is followed."""
    alice, bob = await people.client("alice"), await people.client("bob")
    made = await (await alice.create_conversation()).join()
    session, go = bob._session, asyncio.Event()
    items = session.items

    async def late(url: str, **options: Any) -> Any:
        await go.wait()
        return await items(url, **options)

    monkeypatch.setattr(session, "items", late)
    seen, before = Seen(bob), set(session._routes)
    await made.add(bob.user.identity)
    async with asyncio.timeout(5):
        while set(session._routes) == before:  # noqa: ASYNC110 -- nobody is told that the document is followed
            await asyncio.sleep(0.01)
    await made.delete()
    async with asyncio.timeout(5):
        while set(session._routes) != before:  # noqa: ASYNC110 -- nor that it is gone
            await asyncio.sleep(0.01)
    go.set()
    other = await (await bob.create_conversation()).join()
    assert await bob.get_subscribed_conversations() == [other]
    told = [one for name, one in seen.told(bob) if name.startswith("conversation") and name != "conversationUpdated"]
    assert told == [other, other]
    assert len(session._routes) == len(before) + 3


async def test_one_that_could_not_be_opened_is_opened_at_its_next_news(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A no that stays costs this opening, and not the conversation."""
    alice, bob, twin = [await people.client(name) for name in ("alice", "bob", "bob")]
    session, refused = bob._session, asyncio.Event()
    opening = session.open

    async def refusing(kind: str, name: str) -> Any:
        if not refused.is_set():
            refused.set()
            raise cw.ReplyError(400, 20001, "No")
        return await opening(kind, name)

    monkeypatch.setattr(session, "open", refusing)
    joined = [Expected(client, "conversationJoined") for client in (bob, twin)]
    made = await (await alice.create_conversation()).join()
    await made.add(bob.user.identity)
    await refused.wait()
    await (await joined[1]).set_user_notification_level("muted")
    assert (await joined[0]).notification_level == "muted"


async def test_a_listing_that_is_overtaken_by_another(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for one's conversations waits for the newest listing."""
    alice = await people.client("alice")
    mine = await (await alice.create_conversation()).join()
    conversations, turns = alice._conversations, [asyncio.Event(), asyncio.Event()]
    begun = iter(turns)

    async def listing() -> None:
        await next(begun).wait()

    monkeypatch.setattr(conversations, "_load", listing)
    conversations.load()
    asked = asyncio.create_task(alice.get_subscribed_conversations())
    await asyncio.sleep(0)
    first = conversations._listing
    conversations.load()
    turns[0].set()
    assert first is not None
    await first
    await asyncio.sleep(0)
    assert not asked.done()
    turns[1].set()
    assert await asked == [mine]
