"""People: their names, attributes and reachability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from convo_widgets.client.events import Emitter
from convo_widgets.client.shown import line, table
from convo_widgets.errors import UsageError
from convo_widgets.sync.objects import Change, SyncMap
from convo_widgets.wire import json
from convo_widgets.wire.schema import NewUserInfo, UserReachability, UserReply, UserValue, attributes_of

if TYPE_CHECKING:
    from convo_widgets.client.client import Client

UserUpdateReason = Literal["friendlyName", "attributes", "reachabilityOnline", "reachabilityNotifiable"]


@dataclass(frozen=True, slots=True)
class UserUpdated:
    """Payload of "updated" and "userUpdated"."""

    user: User
    update_reasons: list[UserUpdateReason]


class User(Emitter):
    """Somebody who uses the service, with what they say of themselves.

    Attributes:
        identity: their unique name in tokens and messages.
        friendly_name: the name to show; None where they have set none.
        attributes: their own JSON.
        is_online: whether they are connected; None where the service does not tell.
        is_notifiable: whether push would reach them; None where the service does not tell.
        is_subscribed: whether changes still arrive.

    Events:
        discontinuity: what was known could not be continued and is read anew; payload a `Discontinuity`.
        updated: something of it changed, by whomever; payload a `UserUpdated`, with the reasons.
        userSubscribed: changes arrive from now on; payload the user.
        userUnsubscribed: changes arrive no more; payload the user.
    """

    EVENTS: ClassVar[frozenset[str]] = frozenset({"discontinuity", "updated", "userSubscribed", "userUnsubscribed"})

    def __init__(self, client: Client, identity: str) -> None:
        super().__init__()
        self._client = client
        self._map: SyncMap | None = None
        self._name = ""
        self.identity = identity
        self.friendly_name: str | None = None
        self.attributes: Any = {}
        self.is_online: bool | None = None
        self.is_notifiable: bool | None = None
        self.is_subscribed = False

    def __repr__(self) -> str:
        return f"<User {line(self.identity)} {line(self.friendly_name)}>"

    def _repr_html_(self) -> str:
        rows = {
            "identity": self.identity,
            "friendly name": self.friendly_name,
            "attributes": line(self.attributes, 75) if self.attributes else None,
            "online": self.is_online,
            "notifiable": self.is_notifiable,
            "subscribed": self.is_subscribed,
        }
        return table("User", rows)

    async def update_friendly_name(self, friendly_name: str | None) -> User:
        """Change the name to show; only one's own.

        Raises:
            Forbidden: it is somebody else.
        """
        return await self._change(NewUserInfo(friendly_name=friendly_name), "changing a user's name")

    async def update_attributes(self, attributes: Any) -> User:
        """Replace the attributes (any JSON); only one's own.

        Raises:
            Forbidden: it is somebody else.
        """
        text = json.encode(attributes).decode()
        return await self._change(NewUserInfo(attributes=text), "changing a user's attributes")

    async def unsubscribe(self) -> None:
        """Let go of the live updates of this user; not for the client's own.

        Raises:
            UsageError: it is the client's own user.
        """
        if self is self._client.user:
            raise UsageError("The client's own user stays subscribed.")
        self._client._users.drop(self)

    async def _change(self, body: NewUserInfo, what: str) -> User:
        url = self._client._users.url(self.identity)
        await self._client._session.post(url, body, UserReply, what=what)
        return self

    async def _open(self, name: str) -> None:
        """Read the user's map and follow it from there."""
        await self._read(name)
        self.is_subscribed = True
        self._client._announce(self, "userSubscribed", self)

    async def _read(self, name: str) -> list[UserUpdateReason]:
        """The same, for the first time or anew; what of it was not known."""
        session = self._client._session
        opened = await session.open("Maps", name)
        self._name, self._map = name, SyncMap(opened.sid, opened.last_event_id)
        page = await session.items(opened.links.get("items", f"{opened.url}/Items"))
        changes = [self._map.load(item) for item in page.items]
        session.follow(self._map, self._changed)
        return [reason for change in changes if change is not None for reason in self._take(change)]

    async def _renew(self) -> None:
        if self is self._client.user:  # a service that was made anew gives it another map
            self._name = (await self._client._configure()).sync_objects.my_user_info
        self._updated(await self._read(self._name))

    def _close(self) -> None:
        if self._map is not None:
            self._client._session.unfollow(self._map.sid)
        self.is_subscribed = False
        self._client._announce(self, "userUnsubscribed", self)

    def _changed(self, change: Change) -> None:
        if change.kind == "lost" or (change.kind == "gone" and self is self._client.user):
            self._client._discontinued(self, "The service knows another past of this user.")
            self._client._session.tasks.persist(self._renew, f"reading user {self.identity!r} anew")
        elif change.kind == "gone":
            self._client._users.drop(self)
        else:
            self._updated(self._take(change))

    def _updated(self, reasons: list[UserUpdateReason]) -> None:
        if reasons:
            update = UserUpdated(self, reasons)
            self._emit("updated", update)
            self._client._emit("userUpdated", update)

    def _take(self, change: Change) -> list[UserUpdateReason]:
        reasons: list[UserUpdateReason] = []

        def put(attribute: str, value: Any, reason: UserUpdateReason) -> None:
            if getattr(self, attribute) != value:
                setattr(self, attribute, value)
                reasons.append(reason)

        read = self._client._session.item
        if change.key == "friendlyName" and (name := read(change.data, UserValue)) is not None:
            put("friendly_name", name.value, "friendlyName")
        elif change.key == "attributes" and (own := read(change.data, UserValue)) is not None:
            put("attributes", attributes_of(own.value), "attributes")
        elif change.key == "reachability" and (reach := read(change.data, UserReachability)) is not None:
            put("is_online", reach.online, "reachabilityOnline")
            put("is_notifiable", reach.notifiable, "reachabilityNotifiable")
        return reasons
