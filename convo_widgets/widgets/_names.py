"""What to call the people in a conversation."""

from __future__ import annotations

import asyncio
import re

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.participant import Participant
from convo_widgets.errors import ReplyError, TransportError

_TEXT_MESSAGES = frozenset({"sms", "mms"})
LOOK_UPS = 50  # people whose names are looked up when a thread is opened


def mask(address: str) -> str:
    """An address as it may be shown: of a phone number only its beginning and end."""
    bare = address.partition(":")[2] if re.match(r"^(whatsapp|messenger|rcs|sms):", address) else address
    if re.fullmatch(r"\+?\d{7,15}", bare):
        return f"{bare[:3]} •••• {bare[-4:]}"
    return bare


class Names:
    """Names by author: the user's friendly name, else the participant's attribute, else the masked address."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._known: dict[str, str] = {}
        self._given: dict[str, str] = {}
        self._channels: dict[str, str] = {}

    async def load(self) -> None:
        """Look up everybody who is in the conversation."""
        participants = await self._conversation.get_participants()
        for participant in participants:
            self.meet(participant)
        identities = [one.identity for one in participants if one.identity]
        await asyncio.gather(*(self.look_up(identity) for identity in identities[:LOOK_UPS]))

    async def look_up(self, author: str) -> None:
        """Learn the name of an author; somebody unknown keeps their address."""
        if author in self._known:
            return
        try:
            user = await self._conversation.client.get_user(author)
        except ReplyError:
            self._known[author] = self.of(author)
        except TransportError:
            return  # asked again with their next message
        else:
            self._known[author] = user.friendly_name or self._given.get(author) or author

    def rename(self, identity: str, friendly_name: str | None) -> None:
        """A user is called something else now."""
        self._known[identity] = friendly_name or self._given.get(identity) or identity

    def meet(self, participant: Participant) -> None:
        """Remember a participant's channel and given name, also for when they have left."""
        self._channels[participant.sid] = participant.type
        attributes = participant.attributes if isinstance(participant.attributes, dict) else {}
        given, author = attributes.get("name"), participant.identity or self._address(participant)
        if isinstance(given, str) and given and author is not None:
            self._given[author] = given
        if participant.identity is None and author is not None:
            self._known[author] = self._given.get(author) or mask(author)

    def forget_people(self) -> None:
        """Who is in the conversation is about to be met anew; names stay."""
        self._channels.clear()

    def channel(self, participant_sid: str | None) -> str:
        """The channel of a message's author; chat where nobody knows."""
        return self._channels.get(participant_sid or "", "chat")

    def main_channel(self) -> str:
        """The channel that is not chat, where somebody is on one; else chat."""
        return next((channel for channel in self._channels.values() if channel != "chat"), "chat")

    def reaches_phones(self) -> bool:
        """Whether what is written here goes out as text messages."""
        return not _TEXT_MESSAGES.isdisjoint(self._channels.values())

    def knows(self, author: str | None) -> bool:
        """Whether looking it up would change nothing."""
        return author is None or author in self._known

    def of(self, author: str | None) -> str:
        """The name of a message's author."""
        if not author:
            return "system"
        return self._known.get(author) or self._given.get(author) or mask(author)

    def of_participant(self, participant: Participant) -> str:
        """The name of a participant."""
        self.meet(participant)
        if participant.identity is not None:
            return self._known.get(participant.identity) or self._given.get(participant.identity, participant.identity)
        return self.of(self._address(participant) or participant.type)

    @classmethod
    def address(cls, participant: Participant) -> str | None:
        """The address of a participant on another channel, as it may be shown."""
        address = cls._address(participant)
        return None if address is None else mask(address)

    @staticmethod
    def _address(participant: Participant) -> str | None:
        """The address of a participant on another channel."""
        for binding in participant.bindings.values():
            if isinstance(binding, dict) and isinstance(binding.get("address"), str):
                return str(binding["address"])
        return None
