"""Live conversations in notebooks: a client, widgets, DataFrames and an embedded service."""

from convo_widgets._version import __version__
from convo_widgets.client.client import Client, State
from convo_widgets.client.conversation import (
    Conversation,
    ConversationStatus,
    ConversationUpdated,
    ConversationUpdateReason,
    NotificationLevel,
)
from convo_widgets.client.events import Discontinuity, Event
from convo_widgets.client.media import Media, MediaCategory
from convo_widgets.client.message import (
    AggregatedDeliveryReceipt,
    DeliveryAmount,
    Message,
    MessageType,
    MessageUpdated,
    MessageUpdateReason,
)
from convo_widgets.client.paginator import Paginator
from convo_widgets.client.participant import (
    Participant,
    ParticipantType,
    ParticipantUpdated,
    ParticipantUpdateReason,
)
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
from convo_widgets.transport.link import ConnectionFault, ConnectionState
from convo_widgets.widgets.thread import Thread

__all__ = [
    "AggregatedDeliveryReceipt",
    "Client",
    "Conflict",
    "ConnectFailed",
    "ConnectionFault",
    "ConnectionLost",
    "ConnectionState",
    "Conversation",
    "ConversationStatus",
    "ConversationUpdateReason",
    "ConversationUpdated",
    "ConvoError",
    "DeliveryAmount",
    "Discontinuity",
    "Event",
    "Forbidden",
    "LocalProtocolError",
    "LocalService",
    "Media",
    "MediaCategory",
    "Message",
    "MessageType",
    "MessageUpdateReason",
    "MessageUpdated",
    "NotFound",
    "NotificationLevel",
    "Paginator",
    "Participant",
    "ParticipantType",
    "ParticipantUpdateReason",
    "ParticipantUpdated",
    "ProtocolError",
    "RemoteProtocolError",
    "ReplyError",
    "RequestTimeout",
    "ServiceFailed",
    "State",
    "Thread",
    "Throttled",
    "TokenError",
    "TokenExpired",
    "TokenInvalid",
    "TokenReport",
    "TooLarge",
    "TransportError",
    "Unauthorized",
    "UsageError",
    "User",
    "UserUpdateReason",
    "UserUpdated",
    "__version__",
    "connect",
    "explain_token",
    "messages_frame",
]
