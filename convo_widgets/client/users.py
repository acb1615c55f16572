"""The users that the client follows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from convo_widgets.client.user import User
from convo_widgets.wire.schema import UserReply

if TYPE_CHECKING:
    from convo_widgets.client.client import Client


class Users:
    """The users that the client follows: its own for ever, others while there is room."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._followed: dict[str, User] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.limit = 100
        self.base_url = ""

    def url(self, identity: str) -> str:
        """Address of a user in the client API."""
        return f"{self.base_url}/{quote(identity, safe='')}"

    async def get(self, identity: str) -> User:
        """A user, followed from now on."""
        if self._client.user.identity == identity:
            return self._client.user
        async with self._locks.setdefault(identity, asyncio.Lock()):  # two who ask at once get the same user
            known = self._followed.pop(identity, None) or await self._open(identity)
            self._followed[identity] = known  # the last one looked at goes last
        while len(self._followed) > self.limit:
            self.drop(next(iter(self._followed.values())))
        return known

    async def _open(self, identity: str) -> User:
        reply = await self._client._session.get(self.url(identity), UserReply, what=f"looking up user {identity!r}")
        user = User(self._client, reply.identity)
        await user._open(reply.sync_objects.user_info_map)
        return user

    def drop(self, user: User) -> None:
        """Follow this one no more."""
        if self._followed.get(user.identity) is user:
            del self._followed[user.identity]
            user._close()

    def all(self) -> list[User]:
        """Who is followed, one's own first."""
        return [self._client.user, *self._followed.values()]
