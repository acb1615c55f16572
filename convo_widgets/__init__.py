"""Live conversations in notebooks: a client, widgets, DataFrames and an embedded service."""

from convo_widgets._version import __version__
from convo_widgets.client.builder import MessageBuilder, SendEmailOptions, UnsentMessage
from convo_widgets.client.client import Client, State
from convo_widgets.client.content import (
    ContentData,
    ContentDataAction,
    ContentDataActionOther,
    ContentDataActionPhone,
    ContentDataActionReply,
    ContentDataActionUrl,
    ContentDataCallToAction,
    ContentDataCard,
    ContentDataListItem,
    ContentDataListPicker,
    ContentDataLocation,
    ContentDataMedia,
    ContentDataOther,
    ContentDataQuickReply,
    ContentDataReply,
    ContentDataText,
)
from convo_widgets.client.conversation import Conversation
from convo_widgets.client.events import Discontinuity, Event
from convo_widgets.client.facts import (
    ConversationBindings,
    ConversationEmailBinding,
    ConversationSmsBinding,
    ConversationState,
    ConversationStatus,
    ConversationUpdated,
    ConversationUpdateReason,
    LastMessage,
    NotificationLevel,
)
from convo_widgets.client.files import ConversationLimits, FileMedia, UnsentMedia
from convo_widgets.client.media import Media, MediaCategory
from convo_widgets.client.message import (
    Message,
    MessageType,
    MessageUpdated,
    MessageUpdateReason,
)
from convo_widgets.client.paginator import Paginator
from convo_widgets.client.participant import (
    Participant,
    ParticipantBindingOptions,
    ParticipantBindings,
    ParticipantEmailBinding,
    ParticipantEmailLevel,
    ParticipantType,
    ParticipantUpdated,
    ParticipantUpdateReason,
)
from convo_widgets.client.push import (
    NotificationsChannelType,
    NotificationTypes,
    PushNotification,
    PushNotificationData,
    PushNotificationType,
)
from convo_widgets.client.receipts import (
    AggregatedDeliveryReceipt,
    ChannelMetadata,
    DeliveryAmount,
    DeliveryStatus,
    DetailedDeliveryReceipt,
)
from convo_widgets.client.recipients import (
    EmailRecipientDescriptor,
    EmailRecipientLevel,
    RecipientDescriptor,
    UnknownRecipientDescriptor,
)
from convo_widgets.client.recorder import Recorder, Recording, read_recording
from convo_widgets.client.templates import ContentTemplate, ContentTemplateVariable
from convo_widgets.client.tokens import TokenReport, explain_token
from convo_widgets.client.user import User, UserUpdated, UserUpdateReason
from convo_widgets.connecting import connect
from convo_widgets.dataframes.tables import messages_frame
from convo_widgets.errors import (
    Conflict,
    ConnectFailed,
    ConnectionLost,
    ConvoError,
    Forbidden,
    LocalProtocolError,
    NotFound,
    ProtocolError,
    RemoteProtocolError,
    ReplyError,
    RequestTimeout,
    ServiceFailed,
    Throttled,
    TokenError,
    TokenExpired,
    TokenInvalid,
    TooLarge,
    TransportError,
    Unauthorized,
    UsageError,
)
from convo_widgets.service.local import LocalService
from convo_widgets.service.store import Durability
from convo_widgets.transport.observer import ConnectionFault, ConnectionState
from convo_widgets.transport.transport import Transport
from convo_widgets.widgets.explorer import Explorer
from convo_widgets.widgets.inbox import Inbox
from convo_widgets.widgets.participants import Participants
from convo_widgets.widgets.thread import Thread
from convo_widgets.wire.recording import RecordedEvent

__all__ = [
    "AggregatedDeliveryReceipt",
    "ChannelMetadata",
    "Client",
    "Conflict",
    "ConnectFailed",
    "ConnectionFault",
    "ConnectionLost",
    "ConnectionState",
    "ContentData",
    "ContentDataAction",
    "ContentDataActionOther",
    "ContentDataActionPhone",
    "ContentDataActionReply",
    "ContentDataActionUrl",
    "ContentDataCallToAction",
    "ContentDataCard",
    "ContentDataListItem",
    "ContentDataListPicker",
    "ContentDataLocation",
    "ContentDataMedia",
    "ContentDataOther",
    "ContentDataQuickReply",
    "ContentDataReply",
    "ContentDataText",
    "ContentTemplate",
    "ContentTemplateVariable",
    "Conversation",
    "ConversationBindings",
    "ConversationEmailBinding",
    "ConversationLimits",
    "ConversationSmsBinding",
    "ConversationState",
    "ConversationStatus",
    "ConversationUpdateReason",
    "ConversationUpdated",
    "ConvoError",
    "DeliveryAmount",
    "DeliveryStatus",
    "DetailedDeliveryReceipt",
    "Discontinuity",
    "Durability",
    "EmailRecipientDescriptor",
    "EmailRecipientLevel",
    "Event",
    "Explorer",
    "FileMedia",
    "Forbidden",
    "Inbox",
    "LastMessage",
    "LocalProtocolError",
    "LocalService",
    "Media",
    "MediaCategory",
    "Message",
    "MessageBuilder",
    "MessageType",
    "MessageUpdateReason",
    "MessageUpdated",
    "NotFound",
    "NotificationLevel",
    "NotificationTypes",
    "NotificationsChannelType",
    "Paginator",
    "Participant",
    "ParticipantBindingOptions",
    "ParticipantBindings",
    "ParticipantEmailBinding",
    "ParticipantEmailLevel",
    "ParticipantType",
    "ParticipantUpdateReason",
    "ParticipantUpdated",
    "Participants",
    "ProtocolError",
    "PushNotification",
    "PushNotificationData",
    "PushNotificationType",
    "RecipientDescriptor",
    "RecordedEvent",
    "Recorder",
    "Recording",
    "RemoteProtocolError",
    "ReplyError",
    "RequestTimeout",
    "SendEmailOptions",
    "ServiceFailed",
    "State",
    "Thread",
    "Throttled",
    "TokenError",
    "TokenExpired",
    "TokenInvalid",
    "TokenReport",
    "TooLarge",
    "Transport",
    "TransportError",
    "Unauthorized",
    "UnknownRecipientDescriptor",
    "UnsentMedia",
    "UnsentMessage",
    "UsageError",
    "User",
    "UserUpdateReason",
    "UserUpdated",
    "__version__",
    "connect",
    "explain_token",
    "messages_frame",
    "read_recording",
]
