"""Inbox, thread and participants in one, and how to go on in Python."""

from __future__ import annotations

from typing import Any

import traitlets

from convo_widgets.client.client import Client
from convo_widgets.errors import UsageError
from convo_widgets.widgets._base import bundle
from convo_widgets.widgets._parts import Host
from convo_widgets.widgets.inbox import Inbox
from convo_widgets.widgets.participants import Participants
from convo_widgets.widgets.thread import Thread


class Explorer(Host):
    """All conversations of a client: choose one on the left, read and write in it, see who is there.

    Attributes:
        selected_sid: sid (CH...) of the conversation that is shown, empty while there is none.
        inbox: the `Inbox` on the left, with its own traits and callbacks.
        thread: the `Thread` in the middle; None while no conversation is shown.
        participants: the `Participants` on the right; None while no conversation is shown.
    """

    _esm = bundle("explorer.js")
    _css = bundle("explorer.css")

    selected_sid = traitlets.Unicode().tag(sync=True)
    _title = traitlets.Unicode().tag(sync=True)

    def __init__(self, client: Client, **traits: Any) -> None:
        if not isinstance(client, Client):
            raise UsageError(f"Explorer shows a Client's conversations, not {type(client).__name__}.")
        self._client = client
        self.thread: Thread | None = None
        self.participants: Participants | None = None
        chosen = traits.pop("selected_sid", "")
        super().__init__(**{"height": 640, **traits})
        self._title = client.user.friendly_name or client.user.identity
        self._watch(client)
        self.inbox: Inbox = self._add("inbox", lambda tube: Inbox(client, comm=tube))
        traitlets.link((self.inbox, "selected_sid"), (self, "selected_sid"))
        self.observe(lambda change: self._spawn(self._show(change["new"])), "selected_sid")
        if chosen:
            self.selected_sid = chosen
        else:
            self._spawn(self._choose())

    def __repr__(self) -> str:
        return f"<Explorer of {self._client!r}>"

    @property
    def client(self) -> Client:
        """Whose conversations are shown."""
        return self._client

    async def _choose(self) -> None:
        """Begin with the newest conversation."""
        await self.inbox.loaded()
        if self.inbox.visible and not self.selected_sid:
            self.selected_sid = self.inbox.visible[0]

    async def _show(self, sid: str) -> None:
        if not sid or sid != self.selected_sid:
            return
        if self.thread is not None and self.participants is not None:
            self.thread.conversation_sid = self.participants.conversation_sid = sid
            return
        conversation = await self._client.get_conversation_by_sid(sid)
        if self.thread is None:
            self.thread = self._add("thread", lambda tube: Thread(conversation, comm=tube))
            self.participants = self._add("participants", lambda tube: Participants(conversation, comm=tube))
        elif self.selected_sid == sid:
            await self._show(sid)
