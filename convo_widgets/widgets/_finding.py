"""How a reader moves about in a thread: what is unread, how far one has read, searching, and going to a message."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from weakref import WeakKeyDictionary

import traitlets

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.message import Message
from convo_widgets.errors import ConvoError, ReplyError, UsageError
from convo_widgets.widgets._base import number
from convo_widgets.widgets._conversation import OfConversation
from convo_widgets.widgets._folded import folded
from convo_widgets.widgets._selecting import Selecting

READ_INTERVAL = 1.0  # seconds between two words to the service of what was read
STEP = 1000  # indexes that one step of a search looks through: a view can stop it after each
PREFETCH = 4  # pages that a step reads ahead
LONGEST_QUERY = 200  # characters
MOST_FOUND = 5000  # matches that a view is told of what Python has found
GOAL_KEPT = 10.0  # seconds in which a view that opens late still goes where the others were sent


class Finding(Selecting, OfConversation):
    """Base of the thread: finding messages, going to them, and what is unread.

    Attributes:
        mark_read: move one's read horizon to the newest message that was on the screen, at most once a second.
    """

    mark_read = traitlets.Bool(True).tag(sync=True)

    REQUESTS = frozenset({"read", "search"})

    def __init__(self, *rest: Any, **traits: Any) -> None:
        self._goal: dict[str, Any] | None = None
        self._goal_ids = itertools.count(1)
        self._goal_timer: asyncio.TimerHandle | None = None
        super().__init__(*rest, **traits)

    def _let_go(self) -> None:
        super()._let_go()
        if self._goal_timer is not None:
            self._goal_timer.cancel()
            self._goal_timer = None

    def _forget(self) -> None:
        super()._forget()
        self._goal = None
        self.selected = []

    # -- for users

    def scroll_to(self, message: int | str | Message) -> asyncio.Task[None]:
        """Show a message in every view, with those around it; views that do not exist yet begin there.

        Args:
            message: an index, a sid (IM...) or a message. Where there is none with that index, the next one is shown,
                or the newest.

        Returns:
            What is done when the views were told; it need not be awaited.

        Raises:
            UsageError: it is none of these, or of another conversation; or, when awaited, there is no such sid.
        """
        if isinstance(message, Message):
            if message.conversation.sid != self.conversation_sid:
                raise UsageError(f"Message {message.sid} is not in the conversation that is shown.")
            message = message.index
        if isinstance(message, bool) or not isinstance(message, int | str):
            raise UsageError(f"scroll_to takes an index, a sid or a Message, not {type(message).__name__}.")
        if isinstance(message, int) and message < 0:
            raise UsageError(f"index is {message}: the first message has index 0.")
        return self._spawn(self._go_to(message))

    async def _go_to(self, message: int | str) -> None:
        await self._loaded()
        index = message if isinstance(message, int) else await _index_of(self._conversation, message)
        self._send_views({"index": index})

    async def search(self, query: str) -> list[int]:
        """Find messages whose text, subject or file names hold this, whatever its case and accents.

        All of the history is read, the newest first, and the views show what was found: the newest match and how many
        there are.

        Returns:
            The indexes of the matches, in order.

        Raises:
            UsageError: there is nothing to search for, or one is not in the conversation.
            TransportError: the connection stayed lost.
        """
        needle = folded(query.strip()) if isinstance(query, str) else ""
        if not needle or len(query) > LONGEST_QUERY:
            raise UsageError(f"search takes a text of 1 to {LONGEST_QUERY} characters.")
        await self._loaded()
        conversation = self._conversation
        found = [index async for index in matches(conversation, needle)]
        found.reverse()
        if conversation is self._conversation:
            self._send_views({"query": query.strip(), "found": found[-MOST_FOUND:], "more": len(found) > MOST_FOUND})
        return found

    def _send_views(self, goal: dict[str, Any]) -> None:
        """Send every view there; one that opens in the next moments, or the first one ever, goes there too."""
        self._goal = {"id": next(self._goal_ids), **goal}
        if self._goal_timer is not None:
            self._goal_timer.cancel()
            self._goal_timer = None
        if self._beat_timer is not None:  # there was a view
            self._keep_goal_for_a_moment()
        self.send({"kind": "goal", **self._goal})

    def _keep_goal_for_a_moment(self) -> None:
        if self._goal is not None and self._goal_timer is None:
            self._goal_timer = self._loop.call_later(GOAL_KEPT, self._forget_goal)

    def _forget_goal(self) -> None:
        self._goal = self._goal_timer = None

    # -- what the view asks for

    async def _beginning(self, messages: list[Message], has_older: bool) -> dict[str, Any]:
        """Where a view that opens with these newest messages begins: what is unread, and where it is sent."""
        self._keep_goal_for_a_moment()
        conversation = self._conversation
        horizon = conversation.last_read_message_index
        unread = 0
        if horizon is not None and messages:
            identity = conversation.client.user.identity
            unread = sum(one.index > horizon and one.author != identity for one in messages)
            if has_older and messages[0].index > horizon + 1:
                unread = await _count_unread(conversation, messages[-1].index - horizon)
        return {"horizon": horizon, "unread": unread, "goal": self._goal}

    async def _answer_read(self, params: dict[str, Any]) -> None:
        index = number(params, "index")
        await self._loaded()
        is_shown = params.get("conversation_sid") == self._conversation.sid  # and not what was shown before
        if self.mark_read and is_shown and index >= 0:
            self._spawn(horizon_of(self._conversation).advance(self._conversation, index))

    def _connection_changed(self, state: str) -> None:
        super()._connection_changed(state)
        if state == "connected":  # what could not be told
            self._spawn(horizon_of(self._conversation).advance(self._conversation, -1))

    async def _answer_search(self, params: dict[str, Any]) -> dict[str, Any]:
        """One step back through the history: the matches in it, and before which index the next one begins."""
        query, before = params.get("query"), params.get("before")
        if not isinstance(query, str) or not folded(query) or len(query) > LONGEST_QUERY:
            raise UsageError("The view searched for nothing, or for too much.")
        await self._loaded()
        end = await _newest(self._conversation) if before is None else number(params, "before") - 1
        found, rest = await _step(self._conversation, folded(query), end)
        return {"found": found, "before": rest}


class Horizon:
    """How far one has read in a conversation: told to the service at most once a second, and never backwards."""

    def __init__(self) -> None:
        self._wanted = self._told = -1
        self._is_telling = False

    async def advance(self, conversation: Conversation, index: int) -> None:
        """It was read up to here; returns when the service knows, or somebody else is telling it."""
        known = conversation.last_read_message_index
        self._wanted = max(self._wanted, index)
        self._told = max(self._told, -1 if known is None else known)
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._wanted > self._told:
                wanted = self._wanted
                await conversation.advance_last_read_message_index(wanted)
                self._told = wanted
                await asyncio.sleep(READ_INTERVAL)
        except ReplyError:
            self._wanted = self._told  # asking again would not help
            raise
        finally:
            self._is_telling = False


_HORIZONS: WeakKeyDictionary[Conversation, Horizon] = WeakKeyDictionary()


def horizon_of(conversation: Conversation) -> Horizon:
    """The one of a conversation, whatever widgets show it: the furthest of them counts."""
    return _HORIZONS.setdefault(conversation, Horizon())


async def matches(conversation: Conversation, needle: str) -> AsyncIterator[int]:
    """Indexes of the messages that hold the folded needle, the newest first."""
    async with aclosing(conversation.history("desc")) as history:
        async for message in history:
            if _holds(message, needle):
                yield message.index


async def _step(conversation: Conversation, needle: str, end: int) -> tuple[list[int], int | None]:
    """The matches among the last indexes up to `end`, in order; and before which index to go on (None: it is all)."""
    if end < 0:
        return [], None
    start = max(0, end - STEP + 1)
    async with aclosing(conversation.history("desc", start=start, end=end, prefetch=PREFETCH)) as history:
        found = [message.index async for message in history if _holds(message, needle)]
    return found[::-1], start or None


def _holds(message: Message, needle: str) -> bool:
    """Whether what is shown of a message holds the folded needle."""
    texts = (message.body, message.subject, *(medium.filename for medium in message.attached_media))
    return any(text is not None and needle in folded(text) for text in texts)


async def _newest(conversation: Conversation) -> int:
    newest = (await conversation.get_messages(1)).items
    return newest[-1].index if newest else -1


async def _count_unread(conversation: Conversation, most: int) -> int:
    """How many messages lie behind the horizon; about, where the service does not say."""
    try:
        return await conversation.get_unread_messages_count() or 0
    except ConvoError:
        return most


async def _index_of(conversation: Conversation, sid: str) -> int:
    async with aclosing(conversation.message_records()) as pages:
        async for page in pages:
            for index, data in page:
                if data.sid == sid:
                    return index
    raise UsageError(f"There is no message {sid} in this conversation.")
