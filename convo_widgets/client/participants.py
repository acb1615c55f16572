"""The participants of one conversation: the followed roster, and who is typing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from convo_widgets.client.participant import Participant, ParticipantUpdated
from convo_widgets.sync.objects import Change, SyncMap
from convo_widgets.wire import json
from convo_widgets.wire.schema import NewParticipant, ParticipantData, ParticipantReply, SyncObjectReply

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation


class Participants:
    """What a conversation knows of its participants."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._session = conversation._client._session
        self._map: SyncMap | None = None
        self._known: dict[str, Participant] = {}
        self._typing: dict[str, asyncio.TimerHandle] = {}

    @property
    def object(self) -> SyncMap | None:
        """The roster; None where it is not to be followed."""
        return self._map

    @property
    def is_open(self) -> bool:
        """Whether the roster is to be followed."""
        return self._map is not None

    def all(self) -> list[Participant]:
        """Everybody, in the order in which they became known."""
        return list(self._known.values())

    def by_sid(self, sid: str) -> Participant | None:
        """The one with this sid."""
        return self._known.get(sid)

    def by_identity(self, identity: str) -> Participant | None:
        """The one with this identity."""
        return next((one for one in self._known.values() if one.identity == identity), None)

    async def open(self, name: str) -> None:
        """Read the roster and follow it from its position on."""
        await self._read(await self._session.open("Maps", name), tell=False)

    async def renew(self, opened: SyncObjectReply) -> None:
        """Read it anew, and tell what is different now."""
        await self._read(opened, tell=True)

    async def _read(self, opened: SyncObjectReply, *, tell: bool) -> None:
        roster = SyncMap(opened.sid, opened.last_event_id)
        url = opened.links.get("items", f"{opened.url}/Items")
        start: str | None = None
        here: set[str] = set()
        while True:
            page = await self._session.items(url, type=ParticipantData, start=start)
            known = len(here)
            for item in page.items:
                here.add(str(item.key))
                change = roster.load(item) if item.key != start else None
                data = self._session.item(change.data, ParticipantData) if change is not None else None
                if data is not None:
                    self._put(str(item.key), data, tell=tell)
            if page.meta.next_token is None or len(here) == known:  # a page of nobody new leads nowhere
                break
            start = str(page.items[-1].key)  # inclusive: the last one comes again, and is passed over
        for sid in self._known.keys() - here:  # left while nobody looked
            self._remove(sid, tell=tell)
        if tell and self._map is None:  # nobody wants it any more
            return
        self._map = roster
        self._session.follow(roster, self._changed)

    async def add(self, body: NewParticipant, attributes: Any) -> ParticipantReply:
        """Make somebody a participant."""
        body.attributes = json.encode({} if attributes is None else attributes).decode()
        what = f"adding {body.identity!r}" if body.identity else "adding a participant"
        url = self._conversation._links.participants
        return await self._session.post(url, body, ParticipantReply, what=what)

    async def remove(self, name: str) -> None:
        """Take somebody out, by sid or identity."""
        url = f"{self._conversation._links.participants}/{quote(name, safe='')}"
        await self._session.mutate("DELETE", url, {}, what="removing a participant")

    def close(self) -> None:
        """Follow it no more, and let nobody be typing."""
        if self._map is not None:
            self._session.unfollow(self._map.sid)
            self._map = None
        for identity in list(self._typing):
            self.stopped_typing(identity)

    def started_typing(self, identity: str, seconds: float) -> None:
        """Somebody is writing; without another word they have stopped after `seconds`."""
        participant = self.by_identity(identity)
        if participant is None:
            return
        timer = self._typing.pop(identity, None)
        if timer is not None:
            timer.cancel()
        self._typing[identity] = asyncio.get_running_loop().call_later(seconds, self.stopped_typing, identity)
        if not participant.is_typing:
            participant.is_typing = True
            self._tell(participant, "typingStarted")

    def stopped_typing(self, identity: str | None) -> None:
        """They stopped, or their message is there."""
        timer = self._typing.pop(identity or "", None)
        if timer is None:
            return
        timer.cancel()
        participant = self.by_identity(identity or "")
        if participant is not None:
            participant.is_typing = False
            self._tell(participant, "typingEnded")

    def _tell(self, participant: Participant, name: str) -> None:
        participant._emit(name, participant)
        self._conversation._announce(name, participant)

    def _put(self, sid: str, data: ParticipantData, *, tell: bool) -> None:
        """Take a participant's data."""
        known = self._known.get(sid)
        if known is None:
            known = self._known[sid] = Participant(self._conversation, sid, data)
            if tell:
                self._conversation._announce("participantJoined", known)
            return
        reasons = known._update(data)
        if reasons and tell:
            update = ParticipantUpdated(known, reasons)
            known._emit("updated", update)
            self._conversation._announce("participantUpdated", update)

    def _remove(self, sid: str, *, tell: bool) -> None:
        participant = self._known.get(sid)
        if participant is not None:
            self.stopped_typing(participant.identity)
            del self._known[sid]
            if tell:
                self._conversation._announce("participantLeft", participant)

    def _changed(self, change: Change) -> None:
        if change.kind in ("gone", "lost"):
            self._conversation._followed.lost("The service knows another past of its participants.")
            return
        if not isinstance(change.key, str):
            return
        if change.kind == "removed":
            self._remove(change.key, tell=True)
            return
        data = self._session.item(change.data, ParticipantData)
        if data is not None:
            self._put(change.key, data, tell=True)
