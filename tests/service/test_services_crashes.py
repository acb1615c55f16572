"""Killed while services come, are written to, and go: what was acknowledged is so, and no file is left behind."""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from .http import Account
from .test_crashes import KEY, SECRET, Desk, Nursery, nursery, port

__all__ = ["nursery", "port"]
pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
KILLS = 12
LOAD = (0.05, 0.5)
"""Seconds of load before a kill."""


class Town:
    """What the account was told of its services.

    Attributes:
        there: conversations by the service that they are in, as acknowledged.
        leaving: services whose removal was asked for.
        gone: those whose removal was acknowledged.
    """

    def __init__(self, account: Account, chance: random.Random) -> None:
        self.account, self.chance = account, chance
        self.there: dict[str, set[str]] = {}
        self.leaving: set[str] = set()
        self.gone: set[str] = set()

    async def live(self) -> None:
        """Make, fill and remove services until nobody answers."""
        while True:
            try:
                await self.act()
            except (OSError, http.client.HTTPException):
                return

    async def act(self) -> None:
        """One of these."""
        staying = sorted(set(self.there) - self.leaving)
        dice = self.chance.random()
        if len(staying) < 3 or dice < 0.15:
            made = await self.account.ask("POST", "/Services", {"FriendlyName": "x"})
            if made.status == 201:
                self.there[made.body["sid"]] = set()
        elif dice < 0.3 and len(staying) > 4:
            sid = self.chance.choice(staying)
            self.leaving.add(sid)
            if (await self.account.ask("DELETE", f"/Services/{sid}")).status == 204:
                self.gone.add(sid)
        else:
            sid = self.chance.choice(staying)
            made = await self.account.ask("POST", f"/Services/{sid}/Conversations", {})
            if made.status == 201:
                self.there[sid].add(made.body["sid"])

    async def check(self, home: str, files: set[str]) -> None:
        """After a start: all of it is so."""
        listed = {one["sid"] for one in await self.all("/Services", "services")} - {home}
        assert files == listed
        assert not listed & self.gone
        staying = set(self.there) - self.leaving
        assert staying <= listed
        for sid in staying:
            found = {one["sid"] for one in await self.all(f"/Services/{sid}/Conversations", "conversations")}
            assert self.there[sid] <= found
        self.there = {sid: self.there.get(sid, set()) for sid in listed}
        self.leaving &= listed

    async def all(self, path: str, key: str) -> list[Any]:
        """All items of a list."""
        found: list[Any] = []
        url: str | None = f"{path}?PageSize=100"
        while url is not None:
            body = (await self.account.ask("GET", url)).body
            found += body[key]
            following = body["meta"]["next_page_url"]
            url = following and following.partition("/v1")[2]
        return found


async def test_killed(nursery: Nursery, tmp_path: Path, port: int) -> None:
    """Killed a dozen times: services that were acknowledged are there with what was acknowledged in them."""
    desk, chance = Desk(nursery, tmp_path / "data.sqlite3", port), random.Random()
    town: Town | None = None
    for _ in range(KILLS):
        running = await desk.start()
        if town is None:
            seen: Any = SimpleNamespace(url=desk.told["url"], api_key=KEY, api_secret=SECRET, transport=None)
            town = Town(Account(seen), chance)
        files = {path.name.split(".")[1] for path in tmp_path.glob("data.IS*.sqlite3")}
        await town.check(desk.told["service_sid"], files)
        load = [asyncio.create_task(town.live()) for _ in range(3)]
        await asyncio.sleep(chance.uniform(*LOAD))
        running.send(signal.SIGKILL)
        await running.ended()
        await asyncio.gather(*load)
    assert town is not None
    assert town.gone
    assert sum(map(len, town.there.values())) > KILLS
    assert nursery.errors.read_text() == ""
