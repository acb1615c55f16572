"""New tokens from a token function, before the old one ends."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from convo_widgets.errors import TokenError, TransportError
from convo_widgets.transport.backoff import fibonacci

if TYPE_CHECKING:
    from convo_widgets.client.session import Session
    from convo_widgets.client.tokens import TokenSource

log = logging.getLogger("convo_widgets")


class Renewal:
    """Keeps a session's token young, where its source can give another one."""

    def __init__(self, tokens: TokenSource, session: Session) -> None:
        self._tokens = tokens
        self._session = session
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The token has little time left: ask for another one, unless that is under way."""
        if self._tokens.renewable and (self._task is None or self._task.done()):
            self._task = self._session.tasks.spawn(self._renew(), "renew the token")

    async def _renew(self) -> None:
        """Ask the token function for a newer one until it gives one, or the connection ends and asks by itself."""
        await asyncio.sleep(self._tokens.pause())
        for delay in fibonacci():
            try:
                token = await self._tokens.fetch_newer()
                break
            except TokenError as error:
                log.warning("the token could not be renewed, and is asked for again in %.0f s: %s", delay, error)
            await asyncio.sleep(delay)
            if not self._session.link.is_open:
                return
        self._task = None  # the service may warn about the new one before it has said that it takes it
        try:
            await self._session.link.update(token)
        except (TokenError, TransportError) as error:
            log.warning("the new token was not taken: %s", error)
