"""Who is connected and follows what; committed events go out from here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol

from msgspec import Raw, Struct

from convo_widgets.service.store import Change, StoredEvent
from convo_widgets.wire import json
from convo_widgets.wire.protocol import notification


class Follower(Protocol):
    """A connection, as the hub sees it.

    Attributes:
        followed: sids of the objects that it subscribed to.
    """

    identity: str
    followed: set[str]

    def notify(self, frame: bytes) -> None:
        """Queue the frame of a notification; must not raise and must not wait."""

    def cut(self) -> None:
        """Lose the connection without a word."""


class _Told(Struct, omit_defaults=True):
    """A `SyncNotification` whose event is encoded already."""

    event_type: str
    event: Raw
    correlation_id: int | None = None
    event_protocol_version: int = -1
    strictly_ordered: bool = False


def payload(event: StoredEvent, correlation_id: int | None = None, *, ordered: bool = False) -> bytes:
    """The notification of a stored event."""
    return json.encode(_Told(event.event_type, Raw(event.body), correlation_id, 4, ordered))


class Hub:
    """Connections by identity, and by the objects that they follow."""

    def __init__(self) -> None:
        self._people: defaultdict[str, set[Follower]] = defaultdict(set)
        self._followers: defaultdict[str, set[Follower]] = defaultdict(set)

    def has(self, identity: str) -> bool:
        """Whether a user has a connection."""
        return identity in self._people

    def here(self, follower: Follower) -> bool:
        """Whether a connection is not over."""
        return follower in self._people.get(follower.identity, ())

    def join(self, follower: Follower) -> None:
        """A connection is ready."""
        self._people[follower.identity].add(follower)

    def leave(self, follower: Follower) -> None:
        """A connection is over; its subscriptions end with it."""
        for sid in list(follower.followed):
            self.unfollow(follower, sid)
        _discard(self._people, follower.identity, follower)

    def follow(self, follower: Follower, sid: str) -> None:
        """From now on the connection gets the object's events."""
        follower.followed.add(sid)
        self._followers[sid].add(follower)

    def unfollow(self, follower: Follower, sid: str) -> None:
        """The connection gets the object's events no more."""
        follower.followed.discard(sid)
        _discard(self._followers, sid, follower)

    def publish(self, change: Change, may_see: Callable[[str, str], bool]) -> None:
        """Send what was committed; `may_see(identity, sid)` is asked where somebody may have lost sight."""
        for identity, sids in change.revoked:
            for sid in self._followed(identity) if sids is None else sids:
                if not may_see(identity, sid):
                    self._revoke(identity, sid)
        for event in change.events:
            followers = tuple(self._followers.get(event.object_sid, ()))
            if not followers:
                continue
            type = event.event_type.partition("_")[0]
            frame = notification(f"com.twilio.rtd.cds.{type}", payload(event))
            for follower in followers:
                follower.notify(frame)
                if event.event_type == f"{type}_removed":
                    self.unfollow(follower, event.object_sid)

    def tell(self, identities: Iterable[str], message_type: str, body: bytes) -> None:
        """Send a notification to all connections of some users."""
        frame = notification(message_type, body)
        for identity in identities:
            for follower in tuple(self._people.get(identity, ())):
                follower.notify(frame)

    def cut(self, identities: Iterable[str] | None = None) -> None:
        """End the connections of users who are there no more; of all where none are named."""
        for identity in list(self._people if identities is None else identities):
            for follower in tuple(self._people.get(identity, ())):
                follower.cut()

    def _followed(self, identity: str) -> set[str]:
        """Whatever a user's connections follow."""
        return {sid for follower in self._people.get(identity, ()) for sid in follower.followed}

    def _revoke(self, identity: str, sid: str) -> None:
        for follower in tuple(self._people.get(identity, ())):
            self.unfollow(follower, sid)


def _discard(index: defaultdict[str, set[Follower]], key: str, follower: Follower) -> None:
    members = index.get(key)
    if members is not None:
        members.discard(follower)
        if not members:
            del index[key]
