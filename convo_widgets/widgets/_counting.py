"""How many messages each participant of a conversation has written: a stretch of its history, and what comes live."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.message import Message
from convo_widgets.client.participant import Participant


class Counting:
    """Counts of one conversation.

    Args:
        conversation: whose messages.
        most: messages of the history that are read, the newest; 0 reads none, and counts nothing.

    Attributes:
        is_known: whether there is something to tell.
        is_part: whether there are older messages that were not read, so that each count is the least there are.
    """

    def __init__(self, conversation: Conversation, most: int) -> None:
        self._conversation = conversation
        self._most = most
        self._counts: Counter[str | None] = Counter()  # by author, and by sid of the participant
        self._early: list[Message] = []  # came before the history's newest message was known
        self._newest: int | None = None  # index up to which the history was read
        self._oldest = 0
        self.is_known = False
        self.is_part = False

    def of(self, participant: Participant) -> int | None:
        """How many messages somebody wrote, under their identity or on another channel; None where nobody knows."""
        return self._counts[participant.identity or participant.sid] if self.is_known else None

    def added(self, message: Message) -> None:
        """A new message."""
        if not self._most:
            return
        if self._newest is None:
            self._early.append(message)
        elif message.index > self._newest:
            self._count(message.author, message.participant_sid, 1)

    def removed(self, message: Message) -> None:
        """A message is no more."""
        if self._newest is not None and message.index >= self._oldest:
            self._count(message.author, message.participant_sid, -1)

    async def read(self) -> None:
        """Read the history.

        Raises:
            ConvoError: it could not be read; what was counted stays.
        """
        read, self._oldest = 0, 0
        if not self._most:
            return
        async with aclosing(self._conversation.message_records(prefetch=2)) as pages:
            async for page in pages:
                if self._newest is None:
                    self._begin(max((index for index, _ in page), default=-1))
                for index, data in page[: self._most - read]:
                    self._oldest = index
                    self._count(data.author, data.member_sid, 1)
                read += len(page)
                if read >= self._most:
                    self.is_part = self._oldest > 0
                    break
        if self._newest is None:
            self._begin(-1)
        if not self.is_part:
            self._oldest = 0
        self.is_known = True

    def _begin(self, newest: int) -> None:
        self._newest = newest
        early, self._early = self._early, []
        for message in early:
            self.added(message)

    def _count(self, author: str | None, participant_sid: str | None, by: int) -> None:
        for key in {author, participant_sid} - {None}:
            self._counts[key] = max(0, self._counts[key] + by)
