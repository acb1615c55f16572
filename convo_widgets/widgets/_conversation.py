"""What widgets of one conversation share: which one it is, and going over to another."""

from __future__ import annotations

import asyncio
from typing import Any

import traitlets

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.message import Message
from convo_widgets.client.participant import Participant
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.widgets._base import Widget, number
from convo_widgets.widgets._names import Names


class OfConversation(Widget):
    """Base of widgets of one conversation.

    Attributes:
        conversation_sid: which one; set it to show another one of the same client.
    """

    conversation_sid = traitlets.Unicode().tag(sync=True)

    def __init__(self, conversation: Conversation, *rest: Any, **traits: Any) -> None:
        if not isinstance(conversation, Conversation):
            raise UsageError(f"{type(self).__name__} shows a Conversation, not {type(conversation).__name__}.")
        self._conversation, self._names = conversation, Names(conversation)
        self._target = conversation.sid
        super().__init__(*rest, conversation_sid=conversation.sid, **traits)
        self._ready = self._spawn(self._load())
        self.observe(lambda change: self._soon(self._switch, change["new"]), "conversation_sid")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._conversation!r}>"

    @property
    def conversation(self) -> Conversation:
        """The conversation that is shown."""
        return self._conversation

    async def loaded(self) -> None:
        """Wait until what is shown at first has been read; a failure is shown in the view."""
        await self._loaded()

    async def _load(self) -> None:
        """Listen to the conversation and read what is shown of it."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Another conversation is about to be shown: nothing of the last one may be told any more."""
        self._changes.clear()

    async def _loaded(self) -> None:
        """Wait until it is read; try anew where that failed: one had not joined, or there was no connection."""
        if self._ready.done() and not self._ready.cancelled() and self._ready.exception() is not None:
            self._ready = self._spawn(self._load())
        while not self._ready.done():  # it may be replaced meanwhile, by a switch to another conversation
            await asyncio.wait([self._ready])

    def _switch(self, sid: str) -> None:
        if not sid and self._conversation.status == "joined":  # linked to where nothing is chosen: this one is shown
            self.conversation_sid = self._target
        elif sid and sid != self._target and not self._closed:
            self._target = sid
            self._ready.cancel()
            self._ready = self._spawn(self._switch_to(sid))

    async def _switch_to(self, sid: str) -> None:
        try:
            conversation = await self._conversation.client.get_conversation_by_sid(sid)
        except ConvoError:
            self._target = self.conversation_sid = self._conversation.sid
            raise
        self._conversation, self._names = conversation, Names(conversation)
        self._forget()
        await self._load()
        self._change("reset")


class OfMessages(OfConversation):
    """Base of widgets that show the messages of a conversation.

    Attributes:
        read_only: nobody writes or changes anything in the views.
    """

    read_only = traitlets.Bool(False).tag(sync=True)

    @property
    def _identity(self) -> str:
        return self._conversation.client.user.identity

    async def _people(self) -> list[Participant]:
        """The participants; nobody where one is no participant any more."""
        try:
            return await self._conversation.get_participants()
        except UsageError:
            return []

    async def _message(self, params: dict[str, Any]) -> Message:
        """The message that a view names, as it is now."""
        index = number(params, "index")
        await self._loaded()
        found = (await self._conversation.get_messages(1, index, "forward")).items
        if not found or found[0].index != index:
            raise UsageError("This message is not there any more.")
        return found[0]
