"""Participants: who they are, what changes, and who is typing."""

from __future__ import annotations

import asyncio
import json

import pytest

import convo_widgets as cw
from convo_widgets.client.reporter import Reporter
from convo_widgets.wire.events import Notified
from tests.client.people import Expected, People, Seen, without_date

pytestmark = pytest.mark.both


async def test_a_participant(people: People) -> None:
    """All that one can read of a participant, found by sid and by identity."""
    mine, theirs = await people.pair()
    identity = mine.client.user.identity
    participant = await theirs.get_participant_by_identity(identity)
    assert participant is not None
    assert participant.sid.startswith("MB")
    assert await theirs.get_participant_by_sid(participant.sid) is participant
    assert participant in await theirs.get_participants()
    assert (participant.conversation, participant.identity, participant.type) == (theirs, identity, "chat")
    assert (participant.attributes, participant.bindings, participant.is_typing) == ({}, {}, False)
    assert participant.role_sid is not None
    assert participant.role_sid.startswith("RL")
    assert participant.date_created is not None
    assert participant.date_created == participant.date_updated
    assert identity in repr(participant)
    user = await participant.get_user()
    assert user.identity == identity
    assert await theirs.get_participant_by_identity("nobody") is None
    assert await theirs.get_participant_by_sid("MB" + "0" * 32) is None
    assert await theirs.get_participants_count() == 2


async def test_attributes_of_a_participant(people: People) -> None:
    """A change is told once at the participant, the conversation and the client, with the SDK's reasons."""
    mine, theirs = await people.pair()
    views = [await view.get_participant_by_identity(mine.client.user.identity) for view in (mine, theirs)]
    seen = Seen(mine, theirs, mine.client, theirs.client, *views)
    assert views[0] is not None
    assert await views[0].update_attributes({"seat": [1, "é"]}) is views[0]
    await seen.until(lambda: all(seen.of(one, "updated") for one in views))
    for view, participant in zip((mine, theirs), views, strict=True):
        assert participant is not None
        (update,) = seen.of(participant, "updated")
        assert update.participant is participant
        assert without_date(update) == {"attributes"}
        assert seen.of(view, "participantUpdated") == seen.of(view.client, "participantUpdated") == [update]
        assert participant.attributes == {"seat": [1, "é"]}


async def test_a_member_changes_only_itself(people: People) -> None:
    """Others' attributes are an admin's."""
    mine, theirs = await people.pair()
    alice = await theirs.get_participant_by_identity(mine.client.user.identity)
    assert alice is not None
    with pytest.raises(cw.Forbidden, match="admin"):
        await alice.update_attributes({"x": 1})


async def test_identities_with_odd_characters(people: People) -> None:
    """An identity is any text: it can be added, found, looked up and removed."""
    alice = await people.client("alice")
    (made,) = await people.room(alice)
    identity = people.identity("a/b c?d=é&%2F+@x 🎉")
    joined = Expected(made, "participantJoined")
    await made.add(identity)
    participant = await joined
    assert participant.identity == identity
    assert (await participant.get_user()).identity == identity
    left = Expected(made, "participantLeft")
    await made.remove_participant(identity)
    assert await left is participant
    odd = await people.client("", token=people.service.token(identity))
    assert odd.user.identity == identity


async def test_removing_who_is_not_there(people: People) -> None:
    """A participant that there is not is NotFound."""
    mine, _ = await people.pair()
    for name in ("nobody", "MB" + "0" * 32):
        with pytest.raises(cw.NotFound, match="no such participant"):
            await mine.remove_participant(name)


async def test_more_participants_than_a_page(people: People) -> None:
    """A roster of several pages is complete, each once."""
    alice = await people.client("alice")
    (made,) = await people.room(alice)
    names = [people.identity(f"guest{number}") for number in range(230)]
    await asyncio.gather(*(made.add(name) for name in names))
    again = await people.client("alice")
    view = await again.get_conversation_by_sid(made.sid)
    found = [one.identity for one in await view.get_participants()]
    assert sorted(map(str, found)) == sorted([*names, alice.user.identity])


async def test_typing_is_told_once_and_times_out(people: People) -> None:
    """The others hear it begin once, however often it is said, and end by itself; the typist hears nothing."""
    mine, theirs = await people.pair()
    alice = await theirs.get_participant_by_identity(mine.client.user.identity)
    assert alice is not None
    seen = Seen(mine, theirs, mine.client, theirs.client, alice)
    await asyncio.gather(*(mine.typing() for _ in range(5)))
    await seen.until(lambda: seen.of(alice, "typingStarted") != [])
    assert alice.is_typing
    await mine.typing()
    again = {"channel_sid": theirs.sid, "identity": alice.identity, "typing_timeout": 1}  # another word, for a second
    Reporter(theirs.client).notified(Notified("twilio.ipmsg.typing_indicator", json.dumps(again).encode()))
    said = asyncio.get_running_loop().time()
    await seen.until(lambda: seen.of(alice, "typingEnded") != [])
    assert 0.9 < asyncio.get_running_loop().time() - said < 4
    assert not alice.is_typing
    for name in ("typingStarted", "typingEnded"):
        assert seen.of(alice, name) == seen.of(theirs, name) == seen.of(theirs.client, name) == [alice]
    assert not {"typingStarted", "typingEnded"} & set(seen.names(mine) + seen.names(mine.client))


async def test_a_message_ends_typing(people: People) -> None:
    """Typing ends before the message is announced, and can begin again at once."""
    mine, theirs = await people.pair()
    seen = Seen(theirs)
    for round in (1, 2):
        await mine.typing()
        await seen.until(lambda n=round: len(seen.of(theirs, "typingStarted")) == n)  # type: ignore[misc]
        await mine.send_message("done")
        await seen.until(lambda n=round: len(seen.of(theirs, "messageAdded")) == n)  # type: ignore[misc]
    told = [name for name in seen.names(theirs) if name.startswith(("typing", "message"))]
    assert told == ["typingStarted", "typingEnded", "messageAdded"] * 2


async def test_leaving_ends_typing(people: People) -> None:
    """Who leaves in the middle of a word types no more."""
    mine, theirs = await people.pair()
    seen = Seen(theirs)
    await mine.typing()
    await seen.until(lambda: seen.of(theirs, "typingStarted") != [])
    await mine.leave()
    await seen.until(lambda: seen.of(theirs, "participantLeft") != [])
    assert seen.of(theirs, "typingEnded") == seen.of(theirs, "participantLeft")
    assert not seen.of(theirs, "typingEnded")[0].is_typing


async def test_typing_is_for_members(people: People) -> None:
    """Who is not in the conversation may not say that they type in it, and may try again once they are."""
    alice = await people.client("alice")
    made = await alice.create_conversation()
    for _ in range(2):
        with pytest.raises(cw.ReplyError, match="join"):
            await made.typing()
    await made.join()
    await made.typing()
