"""Does a page take as long at the first, the middle and the last of a million messages, and as in a tenth of them?

A user reads pages of the list over a bare socket, upwards and downwards, the account over HTTP by page tokens; all in
turn, in another order each time, so that a slow minute of the machine hits all.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from bench._harness import READER, Service, Verdict, folder
from bench._raw import Raw
from bench._talks import body
from convo_widgets.service import conversations, messages, participants, users
from convo_widgets.service.store import Store, new_sid

PAGE = 100
PLACES = ("first", "middle", "last")

Read = Callable[[], Awaitable[list[int]]]
"""Reads a page; the indices of its messages."""
Reads = dict[tuple[str, int, str], Read]
"""By whose side, messages of the conversation, and place."""


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    few, many, times = (1_000, 10_000, 3) if quick else (100_000, 1_000_000, 200)
    with folder() as place:
        started = time.perf_counter()
        fill(place / "data.sqlite3", few, many)
        filled = time.perf_counter() - started
        service = Service("--data", str(place / "data.sqlite3"))
        with service.process:
            seconds, void = asyncio.run(_measure(service, few, many, times))
    note = f"medians of {times} reads each, of {PAGE} messages; {few + many:,} messages were written in {filled:.0f} s"
    return [verdict for side in ("socket", "account") for verdict in _verdicts(seconds, side, few, many, note, void)]


def fill(path: Path, *counts: int) -> None:
    """Conversations of so many messages each, named by their number."""
    dice = random.Random("pages")
    bodies = [body(dice, number) for number in range(10_000)]
    store = Store(path, durability="relaxed")
    with store.write() as change:
        users.insert(store, READER, change.time)
        for count in counts:
            row, _ = conversations.insert(store, created_by=READER, date_created=change.time, unique_name=str(count))
            member = participants.insert(
                *(store, row, store.role("conversation", admin=True), change.time), identity=READER, last_read=0
            )
            store.run_many(messages.INSERT, _messages(row, member, bodies, count, change.time))
            store.run("UPDATE conversations SET next_index = ? WHERE id = ?", count, row)
    store.close()


def _messages(row: int, member: str, bodies: list[str], count: int, time: str) -> Iterator[tuple[Any, ...]]:
    for index in range(count):
        text = bodies[index % len(bodies)]
        yield row, index, new_sid("IM"), READER, member, text, None, "{}", None, time, time


async def _measure(service: Service, few: int, many: int, times: int) -> tuple[dict[tuple[str, int, str], float], str]:
    """Median seconds of each read, and what was wrong with what came."""
    raw = await Raw.open(service.task("pages"))
    async with httpx.AsyncClient(auth=service.auth, base_url=service.url) as account:
        reads: Reads = {}
        for count in (few, many):
            sid = await raw.conversation(str(count))
            reads |= {("socket", count, place): read for place, read in _by_socket(raw, sid, count).items()}
            reads |= {("account", count, place): read for place, read in (await _by_rest(account, sid, count)).items()}
        seconds: defaultdict[tuple[str, int, str], list[float]] = defaultdict(list)
        dice, void = random.Random("turns"), ""
        for _ in range(times):
            for name, read in dice.sample(sorted(reads.items()), len(reads)):
                started = time.perf_counter()
                found = await read()
                seconds[name].append(time.perf_counter() - started)
                void = void or _wrong(name, found)
    await raw.socket.close()
    return {name: statistics.median(taken) for name, taken in seconds.items()}, void


def _by_socket(raw: Raw, sid: str, count: int) -> dict[str, Read]:
    async def read(start: int, order: str) -> list[int]:
        url = f"{raw.url}/v3/Lists/{sid}.messages/Items"
        page = await raw.ask("GET", url, params={"From": str(start), "Order": order, "PageSize": str(PAGE)})
        return [item["index"] for item in page["items"]]

    starts = {"first": (0, "asc"), "middle": (count // 2, "desc"), "last": (count - 1, "desc")}
    return {place: partial(read, *start) for place, start in starts.items()}


async def _by_rest(account: httpx.AsyncClient, sid: str, count: int) -> dict[str, Read]:
    """The tokens of pages far inside are those that the service gives after a page that was asked for by its number."""

    async def read(url: str) -> list[int]:
        page = (await account.get(url)).json()
        return [message["index"] for message in page["messages"]]

    first = f"{_path(sid)}?PageSize={PAGE}"
    urls = {"first": first}
    for place, number in (("middle", count // PAGE // 2), ("last", count // PAGE - 2)):
        urls[place] = (await account.get(f"{first}&Page={number}")).json()["meta"]["next_page_url"]
    return {place: partial(read, url) for place, url in urls.items()}


def _path(sid: str) -> str:
    """Where the account finds the messages of a conversation."""
    return f"/v1/Conversations/{sid}/Messages"


def _wrong(name: tuple[str, int, str], found: list[int]) -> str:
    """What is wrong with a page; empty where nothing is."""
    side, count, place = name
    if len(found) != PAGE or len({abs(one - other) for one, other in pairwise(found)}) != 1:
        return f"the {place} page of {count:,} ({side}) has gaps"
    near = {"first": found[0], "middle": abs(found[0] - count // 2), "last": count - 1 - max(found)}[place]
    return "" if near <= PAGE else f"the {place} page of {count:,} ({side}) is another one"


def _verdicts(
    seconds: dict[tuple[str, int, str], float], side: str, few: int, many: int, note: str, void: str
) -> list[Verdict]:
    far = {place: seconds[side, many, place] for place in PLACES}
    growth = {place: far[place] / seconds[side, few, place] for place in PLACES}
    worst = max(growth.values())
    times = ", ".join(f"{far[place] * 1000:.2f} ms" for place in PLACES)
    whose = {"socket": "a user's", "account": "the account's"}[side]
    return [
        Verdict(
            f"{whose} pages of {many:,} messages: first, middle, last",
            "-",
            times,
            max(far.values()) / min(far.values()),
            1.5,
            at_most=True,
            notes=[note] if side == "socket" else [],
            void=void,
        ),
        Verdict(
            f"{whose} pages of {many:,} messages against those of {few:,}",
            "-",
            ", ".join(f"{ratio:.2f}x" for ratio in growth.values()),
            worst,
            1.2,
            at_most=True,
            void=void,
        ),
    ]
