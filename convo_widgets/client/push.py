"""Push notifications: what a device was sent, read; and which device gets them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import quote

from convo_widgets.client.shown import line, table
from convo_widgets.errors import NotFound, UsageError
from convo_widgets.wire import json
from convo_widgets.wire.schema import PushRegistration, PushRegistrationReply, mapping_of, text_of

if TYPE_CHECKING:
    from convo_widgets.client.session import Session

NotificationsChannelType = Literal["fcm", "apn"]
PushNotificationType = Literal[
    "twilio.conversations.new_message",
    "twilio.conversations.added_to_conversation",
    "twilio.conversations.removed_from_conversation",
]
VERSIONS: dict[str, str] = {"fcm": "3", "apn": "4"}
PRODUCT = "ip_messaging"


class NotificationTypes:
    """The types of notifications, as they are called on the wire.

    Attributes:
        TYPING_INDICATOR: somebody is writing.
        NEW_MESSAGE: there is a new message.
        ADDED_TO_CONVERSATION: one was added to a conversation.
        REMOVED_FROM_CONVERSATION: one was removed from a conversation.
        CONSUMPTION_UPDATE: something was read.
    """

    TYPING_INDICATOR = "twilio.ipmsg.typing_indicator"
    NEW_MESSAGE = "twilio.conversations.new_message"
    ADDED_TO_CONVERSATION = "twilio.conversations.added_to_conversation"
    REMOVED_FROM_CONVERSATION = "twilio.conversations.removed_from_conversation"
    CONSUMPTION_UPDATE = "twilio.channel.consumption_update"


@dataclass(frozen=True, slots=True)
class PushNotificationData:
    """What a push notification is about; None where it does not say.

    Attributes:
        conversation_sid: the conversation (CH...).
        conversation_title: its name.
        message_index: place of the message.
        message_sid: the message (IM...).
        media: what is told of its first medium, parsed JSON.
        media_count: how many media it has.
    """

    conversation_sid: str | None = None
    conversation_title: str | None = None
    message_index: int | None = None
    message_sid: str | None = None
    media: Any = None
    media_count: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PushNotification:
    """A push notification, whichever way it came.

    Attributes:
        title: None where it has none; likewise the others.
        body: its text.
        sound: name of the sound to play.
        badge: number to show at the app.
        action: what to open.
        type: "twilio.conversations.new_message", "...added_to_conversation" or "...removed_from_conversation".
        data: what it is about.
    """

    title: str | None
    body: str | None
    sound: str | None
    badge: int | None
    action: str | None
    type: PushNotificationType | str
    data: PushNotificationData

    def __repr__(self) -> str:
        return f"<PushNotification {line(self.type)}: {line(self.title)} {line(self.body)}>"

    def _repr_html_(self) -> str:
        rows = {
            "type": self.type,
            "title": self.title,
            "body": self.body,
            "conversation": self.data.conversation_title or self.data.conversation_sid,
            "message": self.data.message_index,
            "media": self.data.media_count,
        }
        return table("Push notification", rows)


def parse_push_notification(payload: Any) -> PushNotification:
    """Read a payload as FCM (``data``) or APN (``aps``) delivered it.

    Fields that are not of their kind are None.

    Raises:
        UsageError: it is no push notification of a conversation.
    """
    if not isinstance(payload, Mapping):
        raise UsageError(f"A push notification's payload is a dict, not {type(payload).__name__}.")
    if "aps" in payload:
        aps = mapping_of(payload["aps"])
        alert = aps.get("alert")
        alert = {"body": alert} if isinstance(alert, str) else mapping_of(alert)
        shown = (alert.get("title"), alert.get("body"), aps.get("sound"), aps.get("category"))
        return _notification(payload, shown, _number(aps.get("badge")) or None)
    if "data" in payload:
        data = mapping_of(payload["data"])
        names = ("twi_title", "twi_body", "twi_sound", "twi_action")
        return _notification(data, tuple(data.get(name) for name in names), None)
    raise UsageError("This is no push notification: it has neither 'aps' (APN) nor 'data' (FCM).")


def _notification(data: Mapping[Any, Any], shown: tuple[Any, ...], badge: int | None) -> PushNotification:
    type = text_of(data.get("twi_message_type"))
    if type is None:
        raise UsageError("This is no push notification of a conversation: it has no twi_message_type.")
    title, body, sound, action = map(text_of, shown)
    about = PushNotificationData(
        conversation_sid=text_of(data.get("conversation_sid")),
        conversation_title=text_of(data.get("conversation_title")),
        message_index=_number(data.get("message_index")),
        message_sid=text_of(data.get("message_sid")),
        media=_json(data.get("media")),
        media_count=_number(data.get("media_count")),
    )
    return PushNotification(title, body, sound, badge, action, type, about)


def _number(value: Any) -> int | None:
    """An integer, also as text; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        return int(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return None
    try:
        return json.decode(value)
    except json.BadJSON:
        return None


class Registrations:
    """The devices that get push notifications of this client's user: one a channel.

    Args:
        session: how the service is reached.
        url: where registrations are kept.
    """

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url
        self._known: dict[str, tuple[str, str]] = {}  # by channel: the device, and the service's id of it

    async def set(self, channel_type: NotificationsChannelType, registration_id: str) -> None:
        """Register a device, in place of the one before."""
        _check(channel_type)
        if not isinstance(registration_id, str) or not registration_id:
            raise UsageError("registration_id is what FCM or APN gave the device; it is not empty.")
        known = self._known.get(channel_type)
        if known is not None and known[0] == registration_id:
            return
        await self.unset(channel_type)
        types = [
            NotificationTypes.NEW_MESSAGE,
            NotificationTypes.ADDED_TO_CONVERSATION,
            NotificationTypes.REMOVED_FROM_CONVERSATION,
            NotificationTypes.TYPING_INDICATOR,
            NotificationTypes.CONSUMPTION_UPDATE,
        ]
        data = {"registration_id": registration_id}
        body = PushRegistration("python", channel_type, VERSIONS[channel_type], types, data)
        what = "registering for push notifications"
        reply = await self._session.post(f"{self._url}?productId={PRODUCT}", body, PushRegistrationReply, what=what)
        self._known[channel_type] = (registration_id, reply.id)

    async def unset(self, channel_type: NotificationsChannelType) -> None:
        """Register this client's device no more; nothing happens where there is none."""
        _check(channel_type)
        known = self._known.pop(channel_type, None)
        if known is not None:
            await self._delete(f"{self._url}/{quote(known[1], safe='')}?productId={PRODUCT}", {})

    async def remove(self, channel_type: NotificationsChannelType, registration_id: str) -> None:
        """Remove all registrations of a device, whoever made them."""
        _check(channel_type)
        if not registration_id:
            raise UsageError("registration_id is what FCM or APN gave the device; it is not empty.")
        body = {"binding_type": channel_type, "address": registration_id}
        await self._delete(f"{self._url}?productId={PRODUCT}", body)
        if self._known.get(channel_type, ("",))[0] == registration_id:
            del self._known[channel_type]

    async def _delete(self, url: str, body: dict[str, str]) -> None:
        with contextlib.suppress(NotFound):  # it is gone already
            await self._session.mutate("DELETE", url, body, what="removing a push registration")


def _check(channel_type: str) -> None:
    if channel_type not in get_args(NotificationsChannelType):
        raise UsageError(f"channel_type is {channel_type!r}: it is 'fcm' or 'apn'.")
