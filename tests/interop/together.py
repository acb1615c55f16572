"""Two people, each with a genuine SDK and with our client: what the one kind sees, the other must see."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

import convo_widgets as cw
from tests.service.http import Account

from .ours import Ours
from .sides import PATIENCE, Sdk, Side

PEOPLE = ("alice", "bob")
COUNTED = frozenset(
    {
        *("conversationAdded", "conversationJoined", "conversationLeft", "conversationRemoved", "conversationUpdated"),
        *("participantJoined", "participantLeft", "participantUpdated", "typingStarted", "typingEnded"),
        *("messageAdded", "messageUpdated", "messageRemoved", "userUpdated", "userSubscribed", "userUnsubscribed"),
    }
)
LATER = ("bindings", "contentSid", "limits")
"""What 2.0.0 has not, or names otherwise."""
LATE = PATIENCE
"""Seconds in which two clients are to agree after the last of their events; a busy machine needs them."""


class Together:
    """Alice and Bob at a service, each with both kinds of clients.

    Attributes:
        sdk: the genuine clients, by identity.
        ours: our clients, by identity.
        account: the account, which acts as carrier and as support desk.
    """

    def __init__(self, service: cw.LocalService) -> None:
        self.service = service
        self.account = Account(service)
        self.sdk: dict[str, Sdk] = {}
        self.ours: dict[str, Ours] = {}
        self._marks = itertools.count()

    async def start(self, version: str) -> Together:
        """Connect everybody, and make the conversation by which they know that they have heard everything."""
        self.version = version
        for name in PEOPLE:
            self.sdk[name] = await Sdk.start(version)
            await self.sdk[name].connect(self.service, name, httpCacheIntervalOverride="PT0S")
            self.ours[name] = await Ours().connect(self.service, name)
        self._marker = await self.room()
        return self

    async def stop(self) -> None:
        """Everybody goes."""
        await asyncio.gather(*(side.stop() for side in self.everybody()))

    def everybody(self) -> Iterator[Side]:
        """All four clients."""
        yield from (*self.sdk.values(), *self.ours.values())

    def known(self, told: Any) -> Any:
        """What was told, without what this version of the SDK has not."""
        if isinstance(told, list):
            return [self.known(one) for one in told]
        if not isinstance(told, dict):
            return told
        fields = {name: self.known(field) for name, field in told.items() if name != "page"}
        if self.version == "2":
            fields = {name: field for name, field in fields.items() if name not in LATER}
            if "attachedMedia" in fields:
                fields["attachedMedia"] = fields["attachedMedia"] or []  # it has null for none
        return fields

    async def agreed(self, ask: Callable[[Side], Coroutine[Any, Any, Any]], name: str = "alice") -> Any:
        """What both clients of a person answer: the same, be it a moment later."""
        sides = (self.sdk[name], self.ours[name])
        deadline = asyncio.get_running_loop().time() + LATE
        while True:
            there, here = self.known([await ask(side) for side in sides])
            if there == here or asyncio.get_running_loop().time() > deadline:
                assert here == there, "\n".join(_apart(there, here))
                return there

    def side(self, kind: str, name: str = "alice") -> Side:
        """A person's client of a kind, "sdk" or "python"."""
        return self.sdk[name] if kind == "sdk" else self.ours[name]

    async def room(self, **options: Any) -> str:
        """A new conversation, made by Alice, with both in it and known to all; its sid."""
        maker = self.sdk["alice"]
        sid = str((await maker.client("createConversation", options))["sid"])
        await maker.conversation(sid, "join")
        await maker.conversation(sid, "add", "bob")
        for side in self.everybody():
            await side.wait("conversationJoined", lambda told: told["sid"] == sid)
            while len(await side.conversation(sid, "getParticipants")) < len(PEOPLE):
                await side.news()
            await side.conversation(sid, "getMessages")
        await self.account.post(f"/Conversations/{sid}/Participants/bob", {"Attributes": '{"live": true}'})
        for side in self.everybody():  # a while after it has joined the SDK hears live of what is in it
            await side.wait("participantUpdated", lambda told: told["participant"]["conversation"] == sid)
        return sid

    async def is_well(self) -> bool:
        """Whether everybody hears of a new conversation."""
        try:
            await self.room()
        except (TimeoutError, pytest.fail.Exception):
            return False
        return True

    async def settled(self) -> None:
        """Everybody has heard what was said so far."""
        text = f"mark {next(self._marks)}"
        await self.account.post(f"/Conversations/{self._marker}/Messages", {"Body": text, "Author": "desk"})
        for side in self.everybody():
            await side.wait("messageAdded", lambda told: told["body"] == text)

    async def watch(self, act: Any) -> Watched:
        """Do something, and what everybody heard of it."""
        await self.settled()
        starts = {side: len(side.events) for side in self.everybody()}
        await act
        await self.settled()
        return Watched(self, starts)


class Watched:
    """What everybody heard since some moment."""

    def __init__(self, together: Together, starts: dict[Side, int]) -> None:
        self._together = together
        self._starts = starts

    def heard(self, side: Side) -> list[tuple[str, Any]]:
        """Events at one client, without the words of order, as (name, payload)."""
        events = side.events[self._starts[side] :]
        known = self._together.known
        return [(name, known(told)) for name, told in events if name in COUNTED and not self._is_mark(told)]

    def _is_mark(self, told: Any) -> bool:
        where = told.get("conversation")
        where = where["sid"] if isinstance(where, dict) else where
        return where == self._together._marker

    async def until(self, name: str) -> bool:
        """Wait until a genuine client has heard an event; whether it has."""
        sides = self._together.sdk.values()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LATE):
                while not self._has(name):
                    await _either(*(side.news() for side in sides))
        return self._has(name)

    def _has(self, name: str) -> bool:
        return any(event == name for side in self._together.sdk.values() for event, _ in self.heard(side))

    async def differences(self, name: str) -> list[str]:
        """How a person's two clients differ in what they heard; nothing where they agree, be it a moment later."""
        sdk, ours = self._together.sdk[name], self._together.ours[name]

        def lines(side: Side) -> list[str]:
            return _lines(self.heard(side), name)

        try:
            async with asyncio.timeout(LATE):
                while lines(sdk) != lines(ours):
                    await _either(sdk.news(), ours.news())
        except TimeoutError:
            pass
        there, here = lines(sdk), lines(ours)
        return [f"only the SDK: {line}" for line in there if line not in here] + [
            f"only ours: {line}" for line in here if line not in there
        ]


def part(content: bytes, content_type: str, filename: str | None = None) -> dict[str, Any]:
    """Something to attach."""
    return {"contentType": content_type, "filename": filename, "base64": base64.b64encode(content).decode()}


async def _either(*waits: Coroutine[Any, Any, None]) -> None:
    """Wait until one of these is done, and let go of the others."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _apart(there: Any, here: Any, where: str = "") -> Iterator[str]:
    """Where two values differ."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in sorted(there.keys() | here.keys()):
            yield from _apart(there.get(name, "nothing"), here.get(name, "nothing"), f"{where}.{name}")
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            yield from _apart(one, other, f"{where}[{number}]")
    elif there != here:
        yield f"{where}: the SDK has {there!r}, ours {here!r}"


def _lines(events: list[tuple[str, Any]], name: str) -> list[str]:
    """Events as text, in an order that does not depend on chance."""
    chance = ("participantJoined", name)  # the SDK may read a roster before it has oneself in it, or after
    return sorted(
        f"{event} {json.dumps(_orderly(told), sort_keys=True)}"
        for event, told in events
        if (event, told.get("identity")) != chance
    )


def _orderly(told: Any) -> Any:
    return told | {"updateReasons": sorted(told["updateReasons"])} if "updateReasons" in told else told
