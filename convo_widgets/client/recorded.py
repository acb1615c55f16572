"""What a `Recorder` keeps of an event's payload: texts, names, sids; never a token, a key or an address of a medium."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from convo_widgets.client.client import Client
from convo_widgets.client.conversation import Conversation
from convo_widgets.client.events import Discontinuity
from convo_widgets.client.facts import ConversationUpdated
from convo_widgets.client.message import Message, MessageUpdated
from convo_widgets.client.participant import Participant, ParticipantUpdated
from convo_widgets.client.push import PushNotification
from convo_widgets.client.user import User, UserUpdated
from convo_widgets.transport.observer import ConnectionFault
from convo_widgets.wire.recording import (
    RecordedConversation,
    RecordedDelivery,
    RecordedMedium,
    RecordedMessage,
    RecordedParticipant,
    RecordedUser,
)

Told = tuple[str | None, str | None, str | None, Any]
"""Sid, sid of the conversation, who did it, and the fields."""


def told(payload: Any) -> Told:
    """What of a payload is kept; of what is not known here, nothing."""
    match payload:
        case Message():
            return _of_message(payload)
        case MessageUpdated():
            sid, conversation, _, fields = _of_message(payload.message, payload.update_reasons)
            edited = {"body", "subject", "attributes"} & set(payload.update_reasons)
            return sid, conversation, payload.message.last_updated_by if edited else None, fields
        case Participant():
            return _of_participant(payload)
        case ParticipantUpdated():
            return _of_participant(payload.participant, payload.update_reasons)
        case Conversation():
            return _of_conversation(payload)
        case ConversationUpdated():
            return _of_conversation(payload.conversation, payload.update_reasons)
        case User():
            return _of_user(payload)
        case UserUpdated():
            return _of_user(payload.user, payload.update_reasons)
    return _of_other(payload)


def _of_other(payload: Any) -> Told:
    match payload:
        case Client():
            return None, None, payload.user.identity or None, {}
        case Discontinuity():
            sid = payload.source.sid if isinstance(payload.source, Conversation) else None
            return sid, sid, None, {"reason": payload.reason}
        case ConnectionFault():  # its text may come from the network, its codes say the same
            codes = {"http_status_code": payload.http_status_code, "error_code": payload.error_code}
            return None, None, None, {"terminal": payload.terminal, **codes}
        case PushNotification():
            fields = {"type": payload.type, "title": payload.title, "body": payload.body}
            return payload.data.message_sid, payload.data.conversation_sid, None, fields
        case str():
            return None, None, None, {"state": payload}
        case BaseException():
            return None, None, None, {"error": type(payload).__name__}
    return None, None, None, {}


def _of_message(message: Message, reasons: Any = ()) -> Told:
    delivery = message.aggregated_delivery_receipt
    media = message.get_media_by_categories(["media", "body", "history"])
    fields = RecordedMessage(
        index=message.index,
        author=message.author,
        participant_sid=message.participant_sid,
        body=message.body,
        subject=message.subject,
        attributes=message.attributes,
        content_sid=message.content_sid,
        last_updated_by=message.last_updated_by,
        date_created=message.date_created,
        date_updated=message.date_updated,
        media=[RecordedMedium(one.sid, one.filename, one.content_type, one.size, one.category) for one in media],
        delivery=None if delivery is None else RecordedDelivery(**asdict(delivery)),
        reasons=list(reasons),
    )
    return message.sid, message.conversation.sid, message.author, fields


def _of_participant(participant: Participant, reasons: Any = ()) -> Told:
    fields = _participant(participant, reasons)
    binding = fields.bindings.get(participant.type, {})
    return participant.sid, participant.conversation.sid, participant.identity or binding.get("address"), fields


def _participant(participant: Participant, reasons: Any = ()) -> RecordedParticipant:
    bindings: dict[str, Any] = dict(participant.bindings)
    return RecordedParticipant(
        sid=participant.sid,
        identity=participant.identity,
        type=participant.type,
        attributes=participant.attributes,
        bindings={channel: dict(one) for channel, one in bindings.items() if isinstance(one, dict)},
        role_sid=participant.role_sid,
        last_read_message_index=participant.last_read_message_index,
        last_read_timestamp=participant.last_read_timestamp,
        date_created=participant.date_created,
        date_updated=participant.date_updated,
        reasons=list(reasons),
    )


def _of_conversation(conversation: Conversation, reasons: Any = ()) -> Told:
    people = conversation._participants
    fields = RecordedConversation(
        unique_name=conversation.unique_name,
        friendly_name=conversation.friendly_name,
        attributes=conversation.attributes,
        created_by=conversation.created_by,
        state=conversation.state.current if conversation.state else None,
        status=conversation.status,
        last_read_message_index=conversation.last_read_message_index,
        notification_level=conversation.notification_level,
        date_created=conversation.date_created,
        date_updated=conversation.date_updated,
        participants=[_participant(one) for one in people.all()] if people.is_open and not reasons else None,
        reasons=list(reasons),
    )
    return conversation.sid, conversation.sid, None, fields


def _of_user(user: User, reasons: Any = ()) -> Told:
    fields = RecordedUser(
        user.identity, user.friendly_name, user.attributes, user.is_online, user.is_notifiable, list(reasons)
    )
    return None, None, user.identity, fields
