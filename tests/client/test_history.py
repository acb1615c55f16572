"""`history`: the whole of a conversation, read ahead in parallel."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import convo_widgets as cw
from convo_widgets.client.history import Order, Page, Reader
from convo_widgets.errors import RemoteProtocolError
from tests.client.people import Expected, People, Seen, write
from tests.client.proxy import Proxy


@dataclass(frozen=True)
class Item:
    """Something at a place."""

    index: int


@dataclass
class World:
    """A list that changes while it is read, in a service that cuts pages as it likes and answers when it likes."""

    present: set[int]
    random: Random
    gap: int
    changes: int
    slowness: int
    width: int
    removed: set[int] = field(default_factory=set)
    arrived: set[int] = field(default_factory=set)
    at_last: set[int] = field(default_factory=set)
    asked: int = 0
    busiest: int = 0

    async def fetch(self, start: int | None, page_size: int, order: Order) -> Page[Item]:
        """As the service answers."""
        self.asked += 1
        self.busiest = max(self.busiest, self.asked)
        try:
            await self._dawdle()
            up = order == "asc"
            places = sorted(self.present, reverse=not up)
            places = [one for one in places if start is None or (one >= start if up else one <= start)]
            page = places[: self.random.randint(1, min(page_size, self.width))]
            answer = Page([Item(one) for one in page], page[-1] if page else None, len(page) < len(places))
            self.at_last = set(self.present)
            self._change()
            await self._dawdle()
            return answer
        finally:
            self.asked -= 1

    async def _dawdle(self) -> None:
        for _ in range(self.random.randint(0, self.slowness)):
            await asyncio.sleep(0)

    def _change(self) -> None:
        if not self.changes:
            return
        self.changes -= 1
        if self.present and self.random.random() < 0.5:
            one = self.random.choice(sorted(self.present))
            self.present.remove(one)
            self.removed.add(one)
        else:  # a number is never used again
            one = max(self.present | self.removed, default=-1) + self.random.randint(1, self.gap)
            self.present.add(one)
            self.arrived.add(one)


@settings(deadline=None, max_examples=400)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 80),
    gap=st.sampled_from([1, 1, 2, 5, 1000, 10**12]),
    changes=st.integers(0, 25),
    slowness=st.integers(0, 3),
    width=st.integers(1, 12),
    order=st.sampled_from(["asc", "desc"]),
    start=st.none() | st.integers(0, 60),
    end=st.none() | st.integers(0, 100),
    hint=st.sampled_from([None, "true", "low", "high"]),
    page_size=st.integers(1, 10),
    prefetch=st.integers(1, 8),
)
@example(0, 16, 1, 0, 0, 2, "desc", None, None, None, 5, 4)
@example(0, 30, 1, 25, 0, 12, "asc", None, None, "high", 3, 8)
def test_everything_once_and_in_order(
    seed, count, gap, changes, slowness, width, order, start, end, hint, page_size, prefetch
):
    """Over any gaps, page cuts, arrivals and removals: what was there throughout comes, each once, in order."""
    random = Random(seed)
    present, place = set(), -1
    for _ in range(count):
        place += random.randint(1, gap)
        present.add(place)
    newest = {None: None, "true": place if present else None, "low": place // 2, "high": place + 1 + 3 * gap}[hint]
    world = World(set(present), random, gap, changes, slowness, width)
    reader = Reader(
        world.fetch,
        order=order,
        start=start or 0,
        end=end,
        newest=newest,
        page_size=page_size,
        prefetch=prefetch,
    )

    async def read() -> list[int]:
        before = asyncio.all_tasks()
        found = [item.index async for page in reader.pages() for item in page]
        assert asyncio.all_tasks() == before
        return found

    found = asyncio.run(read())
    wanted = [one for one in present - world.removed if (start or 0) <= one <= (one if end is None else end)]
    ever = present | world.arrived
    assert found == sorted(set(found), reverse=order == "desc")
    assert set(wanted) <= set(found) <= ever
    assert all((start or 0) <= one and (end is None or one <= end) for one in found)
    if order == "asc":  # what came meanwhile belongs to it
        assert {one for one in world.at_last if (start or 0) <= one <= (one if end is None else end)} <= set(found)
    assert world.busiest <= prefetch


async def test_nonsense_ends_in_an_error() -> None:
    """A service that answers with other places than those that were asked for is not followed in circles."""

    async def fetch(start: int | None, page_size: int, order: Order) -> Page[Item]:
        return Page([Item(3)], 3, True)

    reader = Reader(fetch, order="asc", start=10, end=None, newest=40, page_size=5, prefetch=2)
    with pytest.raises(RemoteProtocolError):
        async for _ in reader.pages():
            pass


async def test_unreadable_items_do_not_end_it() -> None:
    """Pages of which nothing can be read are passed over."""

    async def fetch(start: int | None, page_size: int, order: Order) -> Page[Item]:
        first = start or 0
        there = range(first, min(first + 5, 40))
        items = [Item(one) for one in there if not 7 <= one < 23]
        return Page(items, there[-1] if there else None, first + 5 < 40)

    for newest in (0, 39):
        reader = Reader(fetch, order="asc", start=0, end=None, newest=newest, page_size=5, prefetch=3)
        found = [item.index async for page in reader.pages() for item in page]
        assert found == [*range(7), *range(23, 40)]


# --- With a service ------------------------------------------------------------------------------------------------


async def test_both_orders_and_ranges(people: People) -> None:
    """Any part of a conversation with gaps, from either end, with any page size."""
    mine, theirs = await people.pair()
    await asyncio.gather(*(mine.send_message(str(number)) for number in range(150)))
    for message in (await mine.get_messages(150)).items[::7]:
        await message.remove()
    kept = [index for index in range(150) if index % 7]
    assert [message.index async for message in theirs.history()] == kept
    for order in ("asc", "desc"):
        for start, end in ((None, None), (0, 20), (21, 21), (22, 22), (100, None), (None, 33), (140, 900), (900, None)):
            for page_size, prefetch in ((100, 16), (1, 4), (7, 1)):
                found = [
                    (message.index, message.body)
                    async for message in theirs.history(
                        order, start=start, end=end, page_size=page_size, prefetch=prefetch
                    )
                ]
                expected = [index for index in kept if (start or 0) <= index and (end is None or index <= end)]
                assert found == [(one, str(one)) for one in (expected if order == "asc" else expected[::-1])]
    assert [message async for message in (await people.room(mine.client))[0].history("desc")] == []


async def test_what_comes_meanwhile_belongs_to_it(people: People) -> None:
    """Upwards, one reads up to the newest message that there is when one gets there."""
    mine, theirs = await people.pair()
    await write(theirs, 5)
    found = []
    async for message in mine.history(page_size=2):
        found.append(message.body)
        if len(found) <= 5:
            await theirs.send_message(f"new {len(found)}")
    assert found == [*map(str, range(5)), *(f"new {number}" for number in range(1, 6))]


async def test_nothing_is_kept_but_what_is_held(people: People) -> None:
    """A held message is updated and announced; others cost nothing, and the messages of pages stay."""
    mine, theirs = await people.pair()
    await write(mine, 30)
    reader = await people.client("bob")
    conversation = await reader.get_conversation_by_sid(theirs.sid)
    messages = conversation._messages
    held = None
    async for message in conversation.history():
        held = message if message.index == 3 else held
    del message
    gc.collect()
    assert held is not None
    assert (list(messages._known), list(messages._held())) == ([], [3])
    assert len(messages._loose._refs) <= 2  # and perhaps the place of the last one, which the loop had then
    seen = Seen(conversation)
    mine_ones = (await mine.get_messages(30)).items
    await mine_ones[5].update_body("nobody sees this")
    await mine_ones[3].update_body("changed")
    await seen.until(lambda: bool(seen.of(conversation, "messageUpdated")))
    (update,) = seen.of(conversation, "messageUpdated")
    assert (update.message, update.update_reasons[0], held.body) == (held, "body", "changed")
    assert messages._overtaking == {}
    assert (await conversation.get_messages(1, 5)).items[0].body == "nobody sees this"
    assert (await conversation.get_messages(1, 3)).items == [held]
    assert [message async for message in conversation.history(start=3, end=3)] == [held]
    gone = Expected(conversation, "messageRemoved")
    await mine_ones[3].remove()
    assert await gone is held


async def test_an_edit_that_overtakes_its_page(people: People) -> None:
    """An event that is newer than the page on its way is not lost: with nobody to tell it, the page takes it."""
    mine, theirs = await people.pair()
    await write(mine, 3)
    conversation = await (await people.client("bob")).get_conversation_by_sid(theirs.sid)
    fetch = conversation._client._session.items

    async def late(*arguments: object, **options: object) -> object:
        page = await fetch(*arguments, **options)  # type: ignore[arg-type]
        if not edited.is_set():
            edited.set()
            await told.wait()
        return page

    edited, told = asyncio.Event(), asyncio.Event()
    conversation._client._session.items = late  # type: ignore[method-assign, assignment]
    reading = asyncio.create_task(_all(conversation))
    await edited.wait()
    await (await mine.get_messages()).items[1].update_body("newer")
    while not conversation._messages._overtaking:  # noqa: ASYNC110 -- nobody is told of what nobody has
        await asyncio.sleep(0.01)
    told.set()
    assert await reading == ["0", "newer", "2"]
    assert conversation._messages._overtaking == {}


async def _all(conversation: cw.Conversation) -> list[str | None]:
    return [message.body async for message in conversation.history()]


async def test_leaving_the_loop_leaves_nothing(people: People) -> None:
    """`break`, `aclose` and a cancelled reader: no task is left."""
    mine, _ = await people.pair()
    await asyncio.gather(*(mine.send_message(str(number)) for number in range(60)))
    before = asyncio.all_tasks()
    async for _message in mine.history(page_size=2):
        break
    reading = mine.history("desc", page_size=2)
    assert (await anext(reading)).index == 59
    await reading.aclose()
    task = asyncio.create_task(_all(mine))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        while asyncio.all_tasks() - before:  # noqa: ASYNC110 -- they end by themselves
            await asyncio.sleep(0)


async def test_a_cut_in_between(people: People, proxy: Proxy) -> None:
    """The cable breaks while pages are on their way: everything comes all the same, once."""
    mine, _ = await people.pair()
    await asyncio.gather(*(mine.send_message(str(number)) for number in range(60)))
    client = await people.client("bob", proxy.url)
    conversation = await client.get_conversation_by_sid(mine.sid)
    found: list[int] = []
    async for message in conversation.history(page_size=3, prefetch=4):
        found.append(message.index)
        if message.index in (7, 33):
            proxy.cut()
    assert found == list(range(60))


async def test_being_removed_in_between(people: People) -> None:
    """Whoever is put out meanwhile is told so, and an outsider at once."""
    mine, theirs = await people.pair()
    await write(mine, 20)
    reading = theirs.history(page_size=2, prefetch=2)
    assert (await anext(reading)).index == 0
    left = Expected(theirs.client, "conversationLeft")
    await mine.remove_participant(theirs.client.user.identity)
    await left
    with pytest.raises(cw.Forbidden, match="not in this conversation any more"):
        async for _ in reading:
            pass
    with pytest.raises(cw.UsageError, match="join"):
        theirs.history()


async def test_bad_arguments(people: People) -> None:
    """They are refused before anything is asked."""
    mine, _ = await people.pair()
    with pytest.raises(cw.UsageError, match="order"):
        mine.history("up")  # type: ignore[arg-type]
    for options in ({"start": -1}, {"end": -5}, {"page_size": 0}, {"page_size": 101}, {"prefetch": 0}):
        with pytest.raises(cw.UsageError, match=next(iter(options))):
            mine.history(**options)  # type: ignore[arg-type]


async def test_a_message_takes_little_memory(tmp_path: Path) -> None:
    """Kept ones take less than 800 bytes each, 200 of which are the text and the sid; those of `history` nothing."""
    count = 3000
    lines = [
        {"at": f"2026-03-01T10:{number // 60 % 60:02}:{number % 60:02}Z", "from": "alice", "body": f"{number:>100}"}
        for number in range(count)
    ]
    talk = {
        "unique_name": "long",
        "created_by": "alice",
        "date_created": "2026-03-01T09:00:00Z",
        "participants": [{"key": "alice", "identity": "alice"}],
        "messages": lines,
    }
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"users": [{"identity": "alice"}], "conversations": [talk]}))
    with cw.LocalService(seed=file) as service:
        token = service.token("alice")
        async with cw.connect(token, url=service.url) as client:
            conversation = await client.get_conversation_by_unique_name("long")
            await conversation.get_messages(1)
            tracemalloc.start()
            try:
                last = [message.index async for message in conversation.history()][-1]
                gc.collect()
                passed = tracemalloc.take_snapshot()
                messages = (await conversation.get_messages(count)).items
                gc.collect()
                kept = tracemalloc.take_snapshot()
            finally:
                tracemalloc.stop()
    assert last == count - 1
    assert len(messages) == count

    def ours(snapshot: tracemalloc.Snapshot) -> int:
        """Bytes that the client's rooms and msgspec hold: the service is in this process too."""
        rooms = [
            tracemalloc.Filter(True, f"*/convo_widgets/{room}/*") for room in ("client", "sync", "wire", "transport")
        ]
        return sum(one.size for one in snapshot.filter_traces(rooms).statistics("filename"))

    assert (ours(kept) - ours(passed)) / count < 800
    assert ours(passed) < 100 * 1024
