"""A service whose past changed under its clients: restored from a backup, or made anew."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import convo_widgets as cw
from tests.client.people import Expected, Seen, write

NOTHING_LOST = "no word of a discontinuity"


class Desk:
    """A service on a data file, which can be stopped, restored and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "desk.sqlite3"
        self._key = "SK" + "0" * 32
        self._secret = secrets.token_urlsafe(32)
        self.service = self._start(0)
        self.clients: list[cw.Client] = []

    def _start(self, port: int) -> cw.LocalService:
        return cw.LocalService(self.data, port, None, api_key=self._key, api_secret=self._secret)

    def stop(self) -> None:
        """Stop it; its clients try to come back."""
        self.service.stop()

    def start(self) -> None:
        """Start it where it was."""
        self.service = self._start(self.service.port)

    def keep(self) -> Path:
        """A backup of the stopped service's file."""
        return Path(shutil.copy(self.data, self.data.with_suffix(".backup")))

    def restore(self, backup: Path) -> None:
        """Put the backup in the place of the stopped service's file."""
        shutil.copy(backup, self.data)

    async def client(self, name: str) -> cw.Client:
        """A client that asks for its tokens itself."""
        client = await cw.connect(lambda: self.service.token(name), url=self.service.url)
        self.clients.append(client)
        return client


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A service on a file of its own."""
    desk = Desk(tmp_path)
    yield desk
    for client in desk.clients:
        await client.shutdown()
    desk.stop()


async def _room(desk: Desk) -> tuple[cw.Conversation, cw.Conversation]:
    """A conversation of bob, who is to be misled, and alice; ten messages."""
    bob, alice = await desk.client("bob"), await desk.client("alice")
    mine = await (await bob.create_conversation(friendly_name="before", unique_name="room")).join()
    joined = Expected(alice, "conversationJoined")
    await mine.add("alice")
    theirs = await joined
    last = Expected(mine, "messageAdded", lambda message: message.index == 9)
    await write(theirs, 10)
    await last
    return mine, theirs


async def _back(*clients: cw.Client) -> None:
    """Wait until they are connected again."""
    for client in clients:
        while client.connection_state != "connected":
            await client.wait_for("connectionStateChanged", timeout=10)


async def test_a_plain_restart_is_no_discontinuity(desk: Desk) -> None:
    """The same file again: nothing is lost, so nothing is said."""
    mine, theirs = await _room(desk)
    seen = Seen(mine, mine.client)
    desk.stop()
    desk.start()
    await _back(mine.client, theirs.client)
    await write(theirs, 1, start=10)
    await seen.until(lambda: len(seen.of(mine, "messageAdded")) == 1)
    assert seen.of(mine.client, "discontinuity") == [], NOTHING_LOST


async def test_a_service_that_was_restored(desk: Desk) -> None:
    """What the backup does not know is taken back, visibly, and what comes then arrives."""
    mine, theirs = await _room(desk)
    desk.stop()
    backup = desk.keep()
    desk.start()
    await _back(mine.client, theirs.client)
    seen = Seen(mine, mine.client)
    await write(theirs, 5, start=10)
    await (await theirs.get_messages(1, 3)).items[0].update_body("edited after the backup")
    await theirs.update_friendly_name("after")
    await theirs.add("carol")
    await seen.until(lambda: bool(seen.of(mine, "participantJoined")) and mine.friendly_name == "after")
    edited = (await mine.get_messages(1, 3)).items[0]
    assert edited.body == "edited after the backup"

    desk.stop()
    desk.restore(backup)
    again = Seen(mine, mine.client)
    desk.start()
    await again.until(lambda: len(again.of(mine, "messageRemoved")) == 5 and mine.friendly_name == "before")
    await again.until(lambda: bool(again.of(mine, "participantLeft")))
    (discontinuity,) = again.of(mine, "discontinuity")
    assert discontinuity.source is mine
    assert again.names(mine)[0] == "discontinuity", "it is said before what follows from it"
    assert [message.index for message in again.of(mine, "messageRemoved")] == [10, 11, 12, 13, 14]
    assert [one.identity for one in again.of(mine, "participantLeft")] == ["carol"]
    assert edited.body == "3"

    await _back(theirs.client)
    await write(theirs, 3, start=10)
    await again.until(lambda: len(again.of(mine, "messageAdded")) == 3)
    bodies = [message.body for message in (await mine.get_messages(100)).items]
    assert bodies == [str(number) for number in range(13)]
    assert len(again.of(mine, "discontinuity")) == 1


async def test_a_service_that_was_made_anew(desk: Desk) -> None:
    """Nothing of the old one is there: the list of conversations is read anew, and the new ones arrive."""
    mine, theirs = await _room(desk)
    seen = Seen(mine, mine.client)
    desk.stop()
    desk.data.unlink()
    desk.start()
    await seen.until(lambda: bool(seen.of(mine.client, "conversationRemoved")))
    assert any(word.source is mine.client for word in seen.of(mine.client, "discontinuity"))
    assert mine.status == "notParticipating"
    assert await mine.client.get_subscribed_conversations() == []

    await _back(mine.client, theirs.client)
    fresh = await (await mine.client.create_conversation(friendly_name="fresh")).join()
    await fresh.send_message("hello")
    assert [one.sid for one in await mine.client.get_subscribed_conversations()] == [fresh.sid]
    await mine.client.user.update_friendly_name("Bob")
    await seen.until(lambda: mine.client.user.friendly_name == "Bob")


async def test_a_second_past_while_the_first_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is lost again during the reading is read again: nothing stays unfollowed."""
    mine, theirs = await _room(desk)
    desk.stop()
    backup = desk.keep()
    desk.start()
    await _back(mine.client, theirs.client)
    session, go = mine.client._session, asyncio.Event()
    items = session.items

    async def late(url: str, **options: Any) -> Any:
        await go.wait()
        return await items(url, **options)

    async def restore() -> None:
        desk.stop()
        desk.restore(backup)
        desk.start()
        await _back(mine.client, theirs.client)

    last = Expected(mine, "messageAdded", lambda message: message.body == "lost")
    await theirs.send_message("lost")
    await last
    monkeypatch.setattr(session, "items", late)
    seen = Seen(mine, mine.client)
    await restore()
    await seen.until(lambda: bool(seen.of(mine, "discontinuity")))
    await theirs.update_friendly_name("once more")
    await seen.until(lambda: mine.friendly_name == "once more")
    await restore()
    document = mine._followed._document
    assert document is not None
    async with asyncio.timeout(10):
        while session.is_followed(document):  # noqa: ASYNC110 -- nobody is told
            await asyncio.sleep(0.01)
    go.set()
    await theirs.update_friendly_name("in step")
    await seen.until(lambda: mine.friendly_name == "in step")
    assert len(seen.of(mine, "discontinuity")) == 2
