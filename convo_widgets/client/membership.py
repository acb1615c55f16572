"""One's own place in a conversation: what one has read, how one is notified, whether one is writing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, get_args

from msgspec import UNSET

from convo_widgets.client.facts import ConversationUpdateReason, NotificationLevel
from convo_widgets.errors import UsageError
from convo_widgets.wire import schema
from convo_widgets.wire.schema import MembershipData, MembershipReply, MyConversation, TypingReply

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation

TYPING = 5.0  # seconds that a word of typing holds, until the service has said


class Membership:
    """What the service keeps of oneself in a conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._client = conversation._client
        self._typing_until = 0.0

    def take(self, data: MembershipData) -> list[ConversationUpdateReason]:
        """Take newer data; what of it is new."""
        conversation, horizon, level = self._conversation, data.last_consumed_message_index, data.notification_level
        reasons: list[ConversationUpdateReason] = []
        if horizon is not UNSET and horizon != conversation.last_read_message_index:
            conversation.last_read_message_index = horizon
            reasons.append("lastReadMessageIndex")
        if level in ("default", "muted") and level != conversation.notification_level:
            conversation.notification_level = level  # type: ignore[assignment]
            reasons.append("notificationLevel")
        return reasons

    async def count_unread(self) -> int | None:
        """How many messages lie behind the read horizon; None while that was never set."""
        mine = await self._client._session.get(self._url, MyConversation, what="counting unread messages")
        return mine.unread_messages_count

    async def set_horizon(self, index: int | None) -> int | None:
        """Set what was read, or that nothing was; returns the unread count.

        Raises:
            UsageError: no message can have this index.
        """
        if index is not None and index < 0:
            raise UsageError(f"index is {index}: the first message has index 0.")
        reply = await self._set(schema.Membership(last_read_message_index=index), "setting what was read")
        return reply.unread_messages_count

    async def set_notification_level(self, level: NotificationLevel) -> None:
        """Choose between "default" and "muted".

        Raises:
            UsageError: it is neither.
        """
        if level not in get_args(NotificationLevel):
            raise UsageError(f"notification_level is {level!r}: it is 'default' or 'muted'.")
        await self._set(schema.Membership(notification_level=level), "setting the notification level")

    async def _set(self, body: schema.Membership, what: str) -> MembershipReply:
        return await self._client._session.post(self._url, body, MembershipReply, what=what)

    @property
    def _url(self) -> str:
        return f"{self._client._links.my_conversations}/{self._conversation.sid}"

    async def tell_typing(self) -> None:
        """Tell the others that one is writing, unless they know."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._typing_until:
            return
        self._typing_until = loop.time() + TYPING  # at once: a second call need not wait for the first one's answer
        url, fields = self._client._links.typing, {"ChannelSid": self._conversation.sid}
        try:
            reply = await self._client._session.post_form(url, fields, TypingReply, what="telling that one is typing")
        except BaseException:
            self.stopped_typing()
            raise
        self._typing_until = loop.time() + min(max(reply.typing_timeout, 0), 60)

    def stopped_typing(self) -> None:
        """The message is there: the next word of typing goes out."""
        self._typing_until = 0.0
