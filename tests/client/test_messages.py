"""Messages: written, read page by page, edited and removed, by oneself and by others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

import convo_widgets as cw
from tests.client.people import Expected, People, Seen, reasons, without_date, write

pytestmark = pytest.mark.both


async def test_a_message_as_both_sides_see_it(people: People) -> None:
    """What was written arrives once at the writer and at the reader, with all its properties."""
    mine, theirs = await people.pair()
    seen = Seen(mine, theirs, mine.client, theirs.client)
    index = await mine.send_message("Hello", {"mood": ["🎉"]}, subject="About")
    await seen.until(lambda: all(seen.of(view, "messageAdded") for view in (mine, theirs)))
    me = await mine.get_participant_by_identity(mine.client.user.identity)
    assert me is not None
    for view in (mine, theirs):
        (message,) = seen.of(view, "messageAdded")
        assert seen.of(view.client, "messageAdded") == [message]
        assert message.conversation is view
        assert message.sid.startswith("IM")
        assert (message.index, message.body, message.subject) == (index, "Hello", "About") == (0, "Hello", "About")
        assert (message.author, message.type, message.content_sid) == (mine.client.user.identity, "text", None)
        assert message.attributes == {"mood": ["🎉"]}
        assert (message.media, message.attached_media, message.aggregated_delivery_receipt) == (None, [], None)
        assert message.participant_sid == me.sid
        assert message.last_updated_by is None
        assert message.date_created == message.date_updated
        assert message.date_created.tzinfo is UTC
        assert abs((datetime.now(UTC) - message.date_created).total_seconds()) < 60
        assert (await message.get_participant()).identity == mine.client.user.identity
        assert "Hello" in repr(message)
        assert (await view.get_messages()).items == [message]
    assert await theirs.get_messages_count() == 1


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script><img src=x onerror='alert(2)'>&amp;&lt;",
        "🎉👩‍👩‍👧‍👦 שלום مرحبا é e\u0301 \u202e",
        "a\x00b\x01\x7f\t\r\n\u2028",
        " spaces around \n",
        '{"json": true}\\n"',
        "x" * 32 * 1024,
        "é" * 16 * 1024,
    ],
)
async def test_a_body_is_kept_verbatim(people: People, body: str) -> None:
    """HTML, emoji, control characters, 32 KB: what arrives is what was written."""
    mine, theirs = await people.pair()
    added = Expected(theirs, "messageAdded")
    await mine.send_message(body)
    assert (await added).body == body
    assert (await mine.get_messages()).items[0].body == body


async def test_half_a_character_in_a_body(people: People) -> None:
    """A lone surrogate becomes U+FFFD, in bodies and in attributes."""
    mine, theirs = await people.pair()
    added = Expected(theirs, "messageAdded")
    await mine.send_message("a\ud83db", {"k": "\udc00"})
    message = await added
    assert (message.body, message.attributes) == ("a\ufffdb", {"k": "\ufffd"})


@pytest.mark.parametrize("attributes", [[], 0, False, "", "text", None, {"a": {"b": [None, 1.5, "é"]}}])
async def test_attributes_of_a_message(people: People, attributes: Any) -> None:
    """Any JSON comes back as it was; None is an empty object."""
    mine, theirs = await people.pair()
    added = Expected(theirs, "messageAdded")
    await mine.send_message("x", attributes)
    message = await added
    assert message.attributes == ({} if attributes is None else attributes)


async def test_bad_messages_are_refused(people: People) -> None:
    """Too long, empty, no text, too large attributes: a typed error with advice, and nothing was written."""
    mine, _ = await people.pair()
    with pytest.raises(cw.TooLarge, match=r"nothing was sent.*32 KB"):
        await mine.send_message("x" * 33 * 1024)
    with pytest.raises(cw.TooLarge, match="nothing was sent"):
        await mine.send_message("é" * 17 * 1024)
    with pytest.raises(cw.UsageError, match="text, not int"):
        await mine.send_message(5)  # type: ignore[arg-type]
    for nothing in ("", None):
        with pytest.raises(cw.ReplyError, match="body"):
            await mine.send_message(nothing)
    with pytest.raises(cw.TooLarge):
        await mine.send_message("x", {"a": "x" * 1_000_000})
    with pytest.raises(cw.TooLarge):
        await mine.send_message("x", {"a": "x" * 5_000})
    assert (await mine.get_messages()).items == []
    index = await mine.send_message("good")
    message = (await mine.get_messages(1)).items[0]
    assert message.index == index
    with pytest.raises(cw.TooLarge, match="nothing was sent"):
        await message.update_body("x" * 33 * 1024)
    assert message.body == "good"


async def test_edits_reach_everybody_with_their_reasons(people: People) -> None:
    """An edit is told once at the message, the conversation and the client, with the SDK's reasons."""
    mine, theirs = await people.pair()
    both = [Expected(view, "messageAdded") for view in (mine, theirs)]
    await mine.send_message("first")
    messages = [await added for added in both]
    seen = Seen(mine, theirs, mine.client, theirs.client, *messages)
    me = mine.client.user.identity
    acts: list[tuple[Any, set[str]]] = [
        (lambda: messages[0].update_body("second"), {"body", "lastUpdatedBy"}),
        (lambda: messages[0].update_body("third"), {"body"}),
        (lambda: messages[0].update_attributes({"a": 1}), {"attributes"}),
    ]
    for number, (act, expected) in enumerate(acts, 1):
        before = messages[0].date_updated
        assert await act() is messages[0]
        await seen.until(lambda n=number: all(len(seen.of(one, "updated")) == n for one in messages))  # type: ignore[misc]
        for view, message in zip((mine, theirs), messages, strict=True):
            update = seen.of(message, "updated")[-1]
            assert update.message is message
            assert without_date(update) == expected
            assert ("dateUpdated" in reasons(update)) == (message.date_updated != before)
            assert seen.of(view, "messageUpdated")[-1] is update
            assert seen.of(view.client, "messageUpdated")[-1] is update
    for view, message in zip((mine, theirs), messages, strict=True):
        assert (message.body, message.attributes, message.last_updated_by) == ("third", {"a": 1}, me)
        assert message.date_updated >= message.date_created
        assert len(seen.of(view.client, "messageUpdated")) == len(acts)


async def test_removing_a_message(people: People) -> None:
    """It is told once to each, its index is not used again, and it cannot be changed any more."""
    mine, theirs = await people.pair()
    both = [Expected(view, "messageAdded") for view in (mine, theirs)]
    await mine.send_message("one")
    messages = [await added for added in both]
    seen = Seen(mine, theirs, mine.client, theirs.client)
    assert await messages[0].remove() is messages[0]
    await seen.until(lambda: all(seen.of(view, "messageRemoved") for view in (mine, theirs)))
    for view, message in zip((mine, theirs), messages, strict=True):
        assert seen.of(view, "messageRemoved") == seen.of(view.client, "messageRemoved") == [message]
        assert (await view.get_messages()).items == []
    for act in (messages[0].remove(), messages[0].update_body("no"), messages[1].update_attributes({})):
        with pytest.raises(cw.NotFound, match="removed"):
            await act
    assert await mine.send_message("two") == 1


async def test_only_ones_own_messages(people: People) -> None:
    """A member may not edit or remove what others wrote."""
    mine, theirs = await people.pair()
    added = Expected(theirs, "messageAdded")
    await mine.send_message("mine")
    message = await added
    for act in (message.update_body("theirs"), message.update_attributes({}), message.remove()):
        with pytest.raises(cw.Forbidden, match="admin"):
            await act
    assert (await mine.get_messages()).items[0].body == "mine"


async def test_messages_from_two_sides_at_once(people: People) -> None:
    """Both write fast: each sees every message once, in the order of the indexes."""
    mine, theirs = await people.pair()
    seen = Seen(mine, theirs)
    indexes = await asyncio.gather(
        *(mine.send_message(f"a{number}") for number in range(25)),
        *(theirs.send_message(f"b{number}") for number in range(25)),
    )
    assert sorted(indexes) == list(range(50))
    await seen.until(lambda: all(len(seen.of(view, "messageAdded")) == 50 for view in (mine, theirs)))
    for view in (mine, theirs):
        assert [message.index for message in seen.of(view, "messageAdded")] == list(range(50))
    bodies = [[message.body for message in seen.of(view, "messageAdded")] for view in (mine, theirs)]
    assert bodies[0] == bodies[1]


# --- Pages ---------------------------------------------------------------------------------------------------------

GAPS = {0, 1, 49, 50, 51, 120, 199, 200, 258, 259}
KEPT = [index for index in range(260) if index not in GAPS]


@pytest.fixture(scope="module")
def long_one(listening: cw.LocalService) -> tuple[str, str]:
    """A conversation of 250 messages with indexes 2 to 257 and gaps between: its reader and its sid."""

    async def write_all() -> str:
        async with cw.connect(listening.token("author"), service=listening) as author:
            made = await author.create_conversation()
            await made.join()
            await made.add("reader")
            for index in range(260):
                assert await made.send_message(str(index)) == index
            page = await made.get_messages(260)
            for message in page.items:
                if message.index in GAPS:
                    await message.remove()
            return made.sid

    return "reader", asyncio.run(write_all())


@pytest.fixture
async def long_conversation(people: People, long_one: tuple[str, str]) -> cw.Conversation:
    """It, as a new client sees it."""
    identity, sid = long_one
    client = await people.client("", token=people.service.token(identity))
    return await client.get_conversation_by_sid(sid)


def indexes(page: cw.Paginator[cw.Message]) -> list[int]:
    """Indexes on a page; the text tells that each message is the right one."""
    assert [message.body for message in page.items] == [str(message.index) for message in page.items]
    return [message.index for message in page.items]


@pytest.mark.parametrize("size", [1, 30, 100, 249, 250, 251, 1000])
async def test_pages_backwards_and_forwards(long_conversation: cw.Conversation, size: int) -> None:
    """From the end to the beginning and back: every message once, full pages, exact ends."""
    page = await long_conversation.get_messages(size)
    assert not page.has_next_page
    pages = [indexes(page)]
    while page.has_prev_page:
        page = await page.prev_page()
        assert page.has_next_page
        pages.insert(0, indexes(page))
        if size == 1 and len(pages) == 60:  # far enough for one request a message
            break
    whole = [index for page_indexes in pages for index in page_indexes]
    assert whole == KEPT[-len(whole) :]
    assert all(len(one) == size for one in pages[1:])
    if size != 1:
        assert whole == KEPT
    again = [indexes(page)]
    while page.has_next_page:
        page = await page.next_page()
        assert page.has_prev_page
        again.append(indexes(page))
    assert [index for one in again for index in one] == whole


@pytest.mark.parametrize("size", [1, 7, 150])
async def test_pages_from_an_anchor(long_conversation: cw.Conversation, size: int) -> None:
    """A page ends or starts at its anchor, which need not exist; the neighbours of one with messages join it."""
    for anchor in (0, 1, 2, 50, 51, 100, 120, 257, 258, 5000):
        await _pages_from(long_conversation, anchor, size)


async def _pages_from(long_conversation: cw.Conversation, anchor: int, size: int) -> None:
    older = [index for index in KEPT if index <= anchor]
    page = await long_conversation.get_messages(size, anchor, "backwards")
    assert indexes(page) == older[-size:]
    assert page.has_prev_page == (len(older) > size)
    assert page.has_next_page == (0 < len(older) < len(KEPT))
    if page.has_next_page:
        following = await page.next_page()
        assert indexes(following) == [index for index in KEPT if index > anchor][:size]
        assert following.has_prev_page
    newer = [index for index in KEPT if index >= anchor]
    page = await long_conversation.get_messages(size, anchor, "forward")
    assert indexes(page) == newer[:size]
    assert page.has_next_page == (len(newer) > size)
    assert page.has_prev_page == (0 < len(newer) < len(KEPT))
    if page.has_prev_page:
        before = await page.prev_page()
        assert indexes(before) == [index for index in KEPT if index < anchor][-size:]
        assert before.has_next_page


async def test_pages_from_the_beginning(long_conversation: cw.Conversation) -> None:
    """Forward without an anchor starts with the first message."""
    page = await long_conversation.get_messages(10, direction="forward")
    assert indexes(page) == KEPT[:10]
    assert (page.has_prev_page, page.has_next_page) == (False, True)
    with pytest.raises(cw.UsageError, match="has_prev_page"):
        await page.prev_page()
    last = await long_conversation.get_messages()
    assert len(last.items) == 30
    assert "30 items" in repr(last)
    with pytest.raises(cw.UsageError, match="has_next_page"):
        await last.next_page()


async def test_a_message_is_one_object(long_conversation: cw.Conversation) -> None:
    """However one comes to a message, it is the same object."""
    page = await long_conversation.get_messages(20)
    again = await long_conversation.get_messages(5, page.items[-1].index)
    assert all(one is other for one, other in zip(again.items, page.items[-5:], strict=True))


@pytest.mark.parametrize("arguments", [{"page_size": 0}, {"page_size": -5}, {"anchor": -1}, {"direction": "up"}])
async def test_impossible_pages(long_conversation: cw.Conversation, arguments: dict[str, Any]) -> None:
    """A page that cannot be is a UsageError, not an odd answer."""
    with pytest.raises(cw.UsageError, match=f"{next(iter(arguments))} is"):
        await long_conversation.get_messages(**arguments)


async def test_records_for_bulk_readers(long_conversation: cw.Conversation) -> None:
    """Every message as plain data, in both directions."""
    for direction, expected in (("backwards", KEPT[::-1]), ("forward", KEPT)):
        records = [record async for page in long_conversation.message_records(direction) for record in page]  # type: ignore[arg-type]
        assert [index for index, _ in records] == expected
        assert [data.text for _, data in records] == [str(index) for index in expected]


async def test_an_empty_conversation_has_one_empty_page(people: People) -> None:
    """No messages: an empty page without neighbours, at any anchor."""
    mine, _ = await people.pair()
    for page in (
        await mine.get_messages(),
        await mine.get_messages(5, 10),
        await mine.get_messages(5, 10, "forward"),
    ):
        assert (page.items, page.has_prev_page, page.has_next_page) == ([], False, False)
    assert [page async for page in mine.message_records()] in ([], [[]])


async def test_new_messages_come_behind_the_last_page(people: People) -> None:
    """A page is what there was; what is written later is announced, and is on the next page that is read."""
    mine, theirs = await people.pair()
    await write(mine, 5)
    page = await theirs.get_messages(5)
    added = Expected(theirs, "messageAdded")
    await mine.send_message("5")
    new = await added
    assert not page.has_next_page
    assert indexes(page) == [0, 1, 2, 3, 4]
    newest = await theirs.get_messages(2)
    assert indexes(newest) == [4, 5]
    assert newest.items[1] is new


# --- Read horizon --------------------------------------------------------------------------------------------------


async def test_unread_is_null_until_something_was_read(people: People) -> None:
    """None is not 0: before the horizon is set nobody can say what is unread."""
    mine, theirs = await people.pair()
    await write(mine, 4)
    assert theirs.last_read_message_index is None
    assert await theirs.get_unread_messages_count() is None
    assert await theirs.update_last_read_message_index(1) == 2
    assert await theirs.get_unread_messages_count() == 2
    assert await theirs.set_all_messages_read() == 0
    assert await theirs.get_unread_messages_count() == 0
    assert await theirs.set_all_messages_unread() is None
    assert await theirs.get_unread_messages_count() is None
    assert await theirs.update_last_read_message_index(0) == 3
    assert await theirs.update_last_read_message_index(None) is None


async def test_advance_never_goes_back(people: People) -> None:
    """`advance` keeps the larger index, `update` sets what it is given."""
    mine, theirs = await people.pair()
    await write(mine, 5)
    updated = Expected(theirs, "updated", lambda update: theirs.last_read_message_index == 3)
    assert await theirs.advance_last_read_message_index(3) == 1
    assert reasons(await updated) == {"lastReadMessageIndex"}
    assert await theirs.advance_last_read_message_index(1) == 1
    assert theirs.last_read_message_index == 3
    back = Expected(theirs, "updated", lambda update: theirs.last_read_message_index == 1)
    assert await theirs.update_last_read_message_index(1) == 3
    await back
    for index, error in ((-1, cw.UsageError), (99, cw.ReplyError)):
        with pytest.raises(error):
            await theirs.update_last_read_message_index(index)
    await theirs.set_all_messages_unread()
    with pytest.raises(cw.UsageError):
        await theirs.advance_last_read_message_index(-1)


async def test_the_others_see_how_far_one_has_read(people: People) -> None:
    """The horizon is told to oneself at the conversation, and to all at the participant, with index and time."""
    mine, theirs = await people.pair()
    await write(mine, 3)
    bob = await mine.get_participant_by_identity(theirs.client.user.identity)
    assert bob is not None
    assert (bob.last_read_message_index, bob.last_read_timestamp) == (None, None)
    seen = Seen(mine, theirs, bob)
    await theirs.set_all_messages_read()
    await seen.until(lambda: bool(seen.of(bob, "updated") and seen.of(theirs, "updated")))
    (update,) = seen.of(bob, "updated")
    assert without_date(update) == {"lastReadMessageIndex", "lastReadTimestamp"}
    assert seen.of(mine, "participantUpdated") == [update]
    assert bob.last_read_message_index == 2
    assert bob.last_read_timestamp is not None
    assert abs((datetime.now(UTC) - bob.last_read_timestamp).total_seconds()) < 60
    assert theirs.last_read_message_index == 2
    await theirs.set_all_messages_unread()
    await seen.until(lambda: len(seen.of(bob, "updated")) == 2)
    assert without_date(seen.of(bob, "updated")[1]) == {"lastReadMessageIndex"}
    assert bob.last_read_message_index is None
    assert mine.last_read_message_index is None


async def test_reading_an_empty_conversation(people: People) -> None:
    """There is nothing to be read: 0, and the horizon stays where it is."""
    mine, _ = await people.pair()
    assert await mine.set_all_messages_read() == 0
    assert await mine.get_unread_messages_count() is None


async def test_all_read_never_goes_back(people: People) -> None:
    """Where the newest messages were removed, reading all does not move the horizon back."""
    mine, _ = await people.pair()
    await write(mine, 3)
    moved = Expected(mine, "updated", lambda update: mine.last_read_message_index == 2)
    await mine.set_all_messages_read()
    await moved
    await (await mine.get_messages(1)).items[0].remove()
    await mine.set_all_messages_read()
    again = await people.client("alice")
    assert (await again.get_conversation_by_sid(mine.sid)).last_read_message_index == 2


async def test_removed_messages_are_not_unread(people: People) -> None:
    """The unread count counts messages that are still there."""
    mine, theirs = await people.pair()
    await write(mine, 4)
    assert await theirs.update_last_read_message_index(0) == 3
    await (await mine.get_messages(1)).items[0].remove()
    assert await theirs.get_unread_messages_count() == 2
    assert await theirs.get_messages_count() == 3
