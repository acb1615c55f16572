"""What to call the people in a conversation."""

from __future__ import annotations

import asyncio
import re

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.participant import Participant
from convo_widgets.errors import ConvoError

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
        self._channels: dict[str, str] = {}

    async def load(self) -> None:
        """Look up everybody who is in the conversation."""
        participants = (await self._conversation.get_participants())[:LOOK_UPS]
        for participant in participants:
            self.meet(participant)
            address = self._address(participant)
            if participant.identity is None and address is not None:
                self._known[address] = self.of_participant(participant)
        await asyncio.gather(*(self.look_up(one.identity) for one in participants if one.identity))

    async def look_up(self, author: str) -> None:
        """Learn the name of an author; somebody unknown keeps their address."""
        if author in self._known:
            return
        try:
            user = await self._conversation.client.get_user(author)
            self._known[author] = user.friendly_name or author
        except ConvoError:
            self._known[author] = mask(author)

    def meet(self, participant: Participant) -> None:
        """Remember a participant's channel, also for when they have left."""
        self._channels[participant.sid] = participant.type

    def channel(self, participant_sid: str | None) -> str:
        """The channel of a message's author; chat where nobody knows."""
        return self._channels.get(participant_sid or "", "chat")

    def knows(self, author: str | None) -> bool:
        """Whether looking it up would change nothing."""
        return author is None or author in self._known

    def of(self, author: str | None) -> str:
        """The name of a message's author."""
        return self._known.get(author, mask(author)) if author else "system"

    def of_participant(self, participant: Participant) -> str:
        """The name of a participant."""
        attributes = participant.attributes if isinstance(participant.attributes, dict) else {}
        given = attributes.get("name")
        if participant.identity is not None:
            return self._known.get(participant.identity) or str(given or participant.identity)
        return str(given) if given else mask(self._address(participant) or participant.type)

    @staticmethod
    def _address(participant: Participant) -> str | None:
        """The address of a participant on another channel."""
        for binding in participant.bindings.values():
            if isinstance(binding, dict) and isinstance(binding.get("address"), str):
                return str(binding["address"])
        return None
