"""What people do all the time costs no more where there is ten times as much: counted in steps of SQLite's machine."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from convo_widgets.service import conversations, gaps, messages, participants, users
from convo_widgets.service.local import LocalService
from convo_widgets.service.store import Store, new_sid

from .conftest import MINE, ROOMS, Connect, Wire

FEW = 300
MANY = 10 * FEW


def fill(path: Path, count: int) -> None:
    """A conversation of that many messages, each with an event, and as many others of other people."""
    store = Store(path, durability="relaxed")
    with store.write() as change:
        role = store.role("conversation", admin=True)
        users.insert(store, "ana", change.time)
        row, _ = conversations.insert(store, created_by="ana", date_created=change.time, unique_name="long")
        participants.insert(store, row, role, change.time, identity="ana", last_read=0, last_read_at=change.time)
        fixed = ("ana", None, "Hello", None, "{}", None, change.time, change.time)
        store.run_many(messages.INSERT, ((row, index, new_sid("IM"), *fixed) for index in range(count)))
        store.run("UPDATE conversations SET next_index = ? WHERE id = ?", count, row)
        for index in range(count):
            change.list_item(store.object_sid("messages", row), "added", index, {})
            change.map_item(store.object_sid("roster", row), "updated", "MB", {})
            user, time = f"user-{index}", change.time
            users.insert(store, user, time)
            other, _ = conversations.insert(store, created_by=user, date_created=time, unique_name=f"other-{index}")
            participants.insert(store, other, role, time, identity=user)
    store.close()


class Bench:
    """A service, a user of it, and a count of the steps that the store takes for what he asks."""

    def __init__(self, service: LocalService, connect: Connect, wire: Wire, sid: str, count: int) -> None:
        self.service, self.connect, self.wire, self.sid, self.count = service, connect, wire, sid, count
        self.steps = 0
        self.room = f"{ROOMS}/{sid}"
        self.items = f"/v3/Lists/{sid}.messages/Items"

    async def measure(self, does: Callable[[Bench], Awaitable[object]]) -> int:
        """Steps that it takes."""
        before = self.steps
        await does(self)
        return self.steps - before

    def count_steps(self) -> None:
        """Begin, in the service's thread."""

        def step() -> int:
            self.steps += 1
            return 0

        store = self.service._running.backend.store
        self.service._running.loop.call_soon_threadsafe(lambda: store._db.set_progress_handler(step, 1))

    async def at(self, index: int, order: str) -> None:
        """A page of the list."""
        page = await self.wire.get(self.items, From=str(index), Order=order, PageSize="100")
        assert page["items"][0]["index"] == index

    async def beyond(self) -> None:
        """Two pages back from the end by tokens."""
        page = await self.wire.get(self.items, Order="desc", PageSize="50")
        for token in ("next_token", "previous_token"):
            page = await self.wire.get(self.items, PageToken=page["meta"][token], PageSize="50")
        assert page["items"][0]["index"] >= self.count - 50

    async def remove(self) -> None:
        """An early message goes."""
        page = await self.wire.get(self.items, From="10", PageSize="1")
        assert (await self.wire.ask("DELETE", f"{self.room}/Messages/{page['items'][0]['data']['sid']}")).status == 204

    async def edit(self) -> None:
        """A message in the middle gets another text."""
        page = await self.wire.get(self.items, From=str(self.count // 2), PageSize="1")
        await self.wire.post(f"{self.room}/Messages/{page['items'][0]['data']['sid']}", {"body": "again"})

    async def come_and_go(self) -> None:
        """Somebody connects, and leaves."""
        ben = await self.connect("ben", self.service)
        await ben.close()
        while self.service._running.backend.hub.has("ben"):
            await self.wire.ask("GET", "/nowhere")  # which asks nothing of the store

    async def replay(self) -> None:
        """Somebody follows who has missed the newest events."""
        established = await self.wire.follow(f"{self.sid}.messages", "list", self.newest - 20)
        assert established["event_type"] == "subscription_established"
        assert self.wire.seen("list_item_added")

    @property
    def newest(self) -> int:
        """Id of the newest event."""
        return self.service._running.backend.store.newest

    async def account(self) -> None:
        """The account reads on by a token, far inside."""
        auth = (self.service.api_key, self.service.api_secret)
        address = f"{self.service.url}/v1/Conversations/{self.sid}/Messages"
        async with httpx.AsyncClient(auth=auth) as account:
            page = (await account.get(address, params={"Order": "desc", "PageSize": 100})).json()
            page = (await account.get(page["meta"]["next_page_url"])).json()
            assert page["messages"][0]["index"] <= self.count - 100
            assert (await account.get(f"{address}/{page['messages'][5]['sid']}")).status_code == 200


ACTS: dict[str, Callable[[Bench], Awaitable[object]]] = {
    "first page": lambda b: b.at(0, "asc"),
    "page in the middle": lambda b: b.at(b.count // 2, "asc"),
    "page in the middle, downwards": lambda b: b.at(b.count // 2, "desc"),
    "last page, downwards": lambda b: b.at(b.count - 1, "desc"),
    "pages by tokens": lambda b: b.beyond(),
    "list": lambda b: b.wire.get(f"/v3/Lists/{b.sid}.messages"),
    "document": lambda b: b.wire.get(f"/v3/Documents/{b.sid}.channel"),
    "roster": lambda b: b.wire.get(f"/v3/Maps/{b.sid}.roster", Include="items"),
    "my conversations": lambda b: b.wire.get(MINE),
    "one of mine": lambda b: b.wire.get(f"{MINE}/{b.sid}"),
    "one by its name": lambda b: b.wire.get(f"{ROOMS}/long"),
    "a user": lambda b: b.wire.get("/Client/v2/Users/ana"),
    "follow": lambda b: b.wire.follow(f"{b.sid}.messages", "list", b.newest),
    "send": lambda b: b.wire.post(f"{b.room}/Messages", {"body": "Hello"}),
    "edit": lambda b: b.edit(),
    "read": lambda b: b.wire.post(f"{MINE}/{b.sid}", {"last_read_message_index": 1}),
    "remove": lambda b: b.remove(),
    "typing": lambda b: b.wire.post("/Client/v2/Typing", f"ChannelSid={b.sid}".encode()),
    "mute": lambda b: b.wire.post(f"{MINE}/{b.sid}", {"notification_level": "muted"}),
    "follow after a while": lambda b: b.replay(),
    "account": lambda b: b.account(),
    "add a participant": lambda b: b.wire.post(f"{b.room}/Participants", {"identity": "ben"}),
    "come and go": lambda b: b.come_and_go(),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Two stores, one with ten times as much."""
    folder = tmp_path_factory.mktemp("growth")
    for count in (FEW, MANY):
        fill(folder / str(count), count)
    return {count: folder / str(count) for count in (FEW, MANY)}


@pytest.fixture
async def benches(files: dict[int, Path], wire: Connect) -> AsyncIterator[list[Bench]]:
    """A service on each."""
    with LocalService(files[FEW]) as small, LocalService(files[MANY]) as large:
        made = []
        for service, count in ((small, FEW), (large, MANY)):
            ana = await wire("ana", service)
            bench = Bench(service, wire, ana, (await ana.get(f"{ROOMS}/long"))["sid"], count)
            bench.count_steps()
            made.append(bench)
        yield made


async def test_growth(benches: list[Bench]) -> None:
    """Nothing takes a fifth more, beside the looks of a timer at the clock."""
    small, large = benches
    grown = {}
    for name, act in ACTS.items():
        few, many = await small.measure(act), await large.measure(act)
        assert few > 0
        if many > 1.2 * few + 100:
            grown[name] = (few, many)
    assert not grown


def test_gaps() -> None:
    """Messages are counted right whatever is missing, and gaps that touch are one."""
    dice = random.Random(7)
    store = Store()
    with store.write() as change:
        row, sid = conversations.insert(store, created_by="ana", date_created=change.time)
        change.run("UPDATE conversations SET next_index = 60 WHERE id = ?", row)
        conversation = conversations.find_by(store, sid)
        there = set(range(60))
        for index in dice.sample(range(60), 60):
            gaps.add(change, row, index, index)
            there.discard(index)
            for above in range(-1, 60):
                assert gaps.messages(store, conversation, above) == sum(one > above for one in there)
            holes = sum(one not in there and (one == 0 or one - 1 in there) for one in range(60))
            assert store.value("SELECT count(*) FROM gaps") == holes
    store.close()
