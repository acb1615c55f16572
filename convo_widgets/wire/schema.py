"""Every body on the wire, once, as msgspec structs.

Both ends use them: the client decodes what the service encodes. Fields that a peer may leave out have a default,
unknown fields are ignored. Times stay the strings they are (`time_of` reads them), for one odd date must not cost
a message.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType, field

from convo_widgets.wire import json

SyncType = Literal["document", "list", "map"]
D = TypeVar("D")


# --- Twilsock headers ----------------------------------------------------------------------------------------------


class Status(Struct, omit_defaults=True, rename={"error_code": "errorCode"}, gc=False):
    """Outcome in a header: an HTTP-like code, its name, and for tokens the service's own error code."""

    code: int
    status: str = ""
    error_code: int | None = None
    description: str | None = None


class HttpRequest(Struct):
    """A request that travels inside a frame; `path` and `params` stay percent-encoded."""

    host: str
    path: str
    method: str
    params: dict[str, str | list[str]] = {}
    headers: dict[str, str] = {}


class ContinuationStatus(Struct):
    """Whether the service gave a new continuation token, and why."""

    reissued: bool = False
    reissue_message: str = ""


class Registration(Struct):
    """Which notifications a client wants, at init."""

    product: str
    type: str
    notification_protocol_version: int
    message_types: list[str]


class Storage(Struct):
    """Where the SDK may keep an offline copy."""

    storage_id: str


class Header(Struct, omit_defaults=True, gc=False):
    """Header of a frame. Which fields go with which method: `convo_widgets.wire.protocol`."""

    method: str
    id: str
    payload_size: int = field(default_factory=int)  # a factory, so that zero is written too
    payload_type: str | None = None
    status: Status | None = None
    token: str | None = None
    continuation_token: str | UnsetType | None = UNSET
    continuation_token_status: ContinuationStatus | None = None
    metadata: dict[str, Any] | None = None
    registrations: list[Registration] | None = None
    capabilities: list[str] | None = None
    offline_storage: dict[str, Storage] | None = None
    init_registrations: list[dict[str, Any]] | None = None
    debug_info: dict[str, Any] | None = None
    active_grant: str | None = None
    http_request: HttpRequest | None = None
    http_status: Status | None = None
    http_headers: dict[str, Any] | None = None
    message_type: str | None = None
    notification_ctx_id: str | None = None
    client_update_type: str | None = None

    def __repr__(self) -> str:
        return f"<Header {self.method} {self.id}>"  # it may hold a token

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for pretty printers, which would show every field of a struct."""
        return [("method", self.method), ("id", self.id)]


class BackoffPolicy(Struct):
    """How long to stay away, in milliseconds."""

    reconnect_min_ms: int = 0


class ClosePayload(Struct):
    """Payload of a close or of a throttled init."""

    backoff_policy: BackoffPolicy | None = None


# --- Conversations client API ("aim") ------------------------------------------------------------------------------


class ErrorBody(Struct):
    """Body of every answer outside 2xx."""

    status: int = 0
    code: int = 0
    message: str = ""
    more_info: str = ""


class Meta(Struct):
    """Paging of the client API and of Sync: the presence of a token says that there is more on that side."""

    next_token: str | None = None
    previous_token: str | None = None


class ConfigurationOptions(Struct):
    """Limits and intervals; durations are ISO 8601."""

    consumption_report_interval: str = "PT5S"
    http_cache_interval: str = "PT1M"
    user_infos_to_subscribe: int = 100
    reachability_enabled: bool = False
    my_conversations_page_size: int = 100
    media_attachments_count_limit: int = 10
    media_attachment_size_limit_in_mb: int = 150
    media_attachments_total_size_limit_in_mb: int = 150
    email_histories_allowed_mime_types: list[str] = []
    email_bodies_allowed_mime_types: list[str] = []


class ConfigurationSync(Struct):
    """Names of the user's own Sync objects."""

    my_conversations: str
    my_user_info: str


class ConfigurationLinks(Struct):
    """Absolute URLs; `messages_receipts` has two ``%s``, conversation and message sid."""

    my_conversations: str
    conversations: str
    users: str
    current_user: str
    typing: str
    media_service: str = ""
    media_set_service: str = ""
    messages_receipts: str = ""


class Configuration(Struct):
    """Answer to GET Client/v2/Configuration."""

    identity: str
    url: str
    options: ConfigurationOptions
    sync_objects: ConfigurationSync
    links: ConfigurationLinks


class ConversationObjects(Struct):
    """Sids or names of a conversation's Sync objects."""

    conversation: str | None = None
    participants: str | None = None
    messages: str | None = None


class MyConversation(Struct):
    """One of the user's conversations (`attributes` is a JSON string, as everywhere in REST).

    `sid`, `url` and `links` come where this answers for a conversation that was just made (a mutation seen before).
    """

    conversation_sid: str
    sync_objects: ConversationObjects
    status: str = "unknown"
    friendly_name: str | None = None
    unique_name: str | None = None
    created_by: str | None = None
    date_created: str | None = None
    date_updated: str | None = None
    attributes: str | None = None
    last_read_message_index: int | None = None
    unread_messages_count: int | None = None
    notification_level: str | None = None
    participants_count: int | UnsetType = UNSET
    messages_count: int | UnsetType = UNSET
    sid: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    links: ConversationLinks | UnsetType = UNSET


class MyConversationPage(Struct):
    """A page of MyConversations."""

    conversations: list[MyConversation]
    meta: Meta


class ConversationLinks(Struct):
    """URLs of a conversation's parts."""

    messages: str
    participants: str


class ConversationReply(Struct):
    """Answer to creating or changing a conversation."""

    sid: str
    url: str
    links: ConversationLinks
    sync_objects: ConversationObjects
    friendly_name: str | None = None
    unique_name: str | None = None
    created_by: str | None = None
    date_created: str | None = None
    date_updated: str | None = None
    attributes: str | None = None


class NewConversation(Struct, omit_defaults=True):
    """Body of POST links.conversations; a missing field stays as it is in an update."""

    friendly_name: str | UnsetType | None = UNSET
    unique_name: str | UnsetType | None = UNSET
    access: str | UnsetType | None = UNSET
    attributes: str | UnsetType | None = UNSET


class MessagingBinding(Struct, omit_defaults=True):
    """Address of a participant who is not on chat."""

    address: str | None = None
    proxy_address: str | None = None
    type: str | None = None
    name: str | None = None
    level: str | None = None
    projected_address: str | None = None


class NewParticipant(Struct, omit_defaults=True):
    """Body of POST .../Participants and .../Participants/{sid}."""

    identity: str | UnsetType | None = UNSET
    attributes: str | UnsetType | None = UNSET
    messaging_binding: MessagingBinding | UnsetType | None = UNSET


class ParticipantReply(Struct):
    """A participant, as REST tells it."""

    sid: str
    account_sid: str
    chat_service_sid: str
    conversation_sid: str
    role_sid: str | None = None
    attributes: str | None = None
    date_created: str | None = None
    date_updated: str | None = None
    identity: str | None = None
    messaging_binding: MessagingBinding | None = None
    url: str = ""
    links: dict[str, str] = {}


class RestMedia(Struct):
    """A medium of a message, as REST tells it (Sync says ``contentType``)."""

    sid: str
    size: int
    content_type: str
    filename: str | None = None


class NewMessage(Struct, omit_defaults=True):
    """Body of POST .../Messages and .../Messages/{sid}."""

    body: str | UnsetType | None = UNSET
    subject: str | UnsetType | None = UNSET
    media_sids: list[str] | UnsetType | None = UNSET
    attributes: str | UnsetType | None = UNSET
    content_sid: str | UnsetType | None = UNSET
    content_variables: str | UnsetType | None = UNSET


class MessageReply(Struct):
    """A message, as REST tells it."""

    sid: str
    index: int
    author: str | None = None
    participant_sid: str | None = None
    body: str | None = None
    subject: str | None = None
    attributes: str | None = None
    date_created: str | None = None
    date_updated: str | None = None
    media: list[RestMedia] | None = None
    url: str = ""
    links: dict[str, str] = {}


class DeliveryReceipt(Struct):
    """What became of a message for one addressee outside of chat: sent, delivered, read, failed or undelivered."""

    sid: str
    message_sid: str
    conversation_sid: str
    participant_sid: str | None
    status: str | None
    channel_message_sid: str | None = ""
    error_code: int | str | None = 0
    date_created: str | None = None
    date_updated: str | None = None


class DeliveryReceiptPage(Struct):
    """A page of GET links.messages_receipts."""

    delivery_receipts: list[DeliveryReceipt]
    meta: Meta


class ChannelMetadata(Struct):
    """Answer to GET .../Messages/{sid}/ChannelMetadata: what a channel knows of a message, by channel."""

    type: str
    data: Any = None


class MessageRecipient(Struct):
    """A recipient of an email: level is "to", "cc" or "from"; other types of channel have other fields."""

    type: str
    message_sid: str
    level: str = ""
    name: str | None = None
    address: str | None = None


class MessageRecipientPage(Struct):
    """A page of GET links.conversations/{sid}/MessageRecipients; a recipient stays raw until its type is known."""

    message_recipients: list[Raw]
    meta: Meta


class ContentTemplate(Struct):
    """A content template: `variables` is JSON text of an object, `variants` holds the content by type."""

    sid: str
    friendly_name: str = ""
    account_sid: str = ""
    variables: str = "{}"
    variants: dict[str, Any] = {}
    date_created: str | None = None
    date_updated: str | None = None


class ContentTemplatePage(Struct):
    """A page of GET Client/v2/ContentTemplates; the last page's `next_token` is there, and null."""

    templates: list[ContentTemplate]
    meta: Meta


class PushRegistration(Struct):
    """Body of POST ers: which device gets which push messages."""

    endpoint_platform: str
    channel_type: str
    version: str
    message_types: list[str]
    data: dict[str, str]


class PushRemoval(Struct):
    """Body of DELETE ers: a registration by what it is of."""

    binding_type: str
    address: str


class PushRegistrationReply(Struct):
    """Answer to it."""

    id: str


class Membership(Struct, omit_defaults=True):
    """Body of POST links.my_conversations/{sid}: one of the two."""

    last_read_message_index: int | UnsetType | None = UNSET
    notification_level: str | UnsetType = UNSET


class MembershipReply(Struct):
    """Answer to it; the count is null while the read horizon is null."""

    unread_messages_count: int | None = None
    last_read_message_index: int | None = None
    notification_level: str | None = None


class UserObjects(Struct):
    """The Sync map of a user."""

    user_info_map: str


class UserReply(Struct):
    """A user."""

    identity: str
    sync_objects: UserObjects
    friendly_name: str | None = None
    attributes: str | None = None
    url: str = ""


class NewUserInfo(Struct, omit_defaults=True):
    """Body of POST links.users/{identity}."""

    friendly_name: str | UnsetType | None = UNSET
    attributes: str | UnsetType | None = UNSET


class TypingReply(Struct):
    """Answer to a typing POST: how long it holds, in seconds."""

    typing_timeout: int


class TypingNotice(Struct):
    """Notification ``twilio.ipmsg.typing_indicator``; the time-out is in seconds."""

    channel_sid: str
    identity: str
    typing_timeout: int = 5


class ResourceUrl(Struct):
    """Answer 202 to a mutation id that was seen before."""

    resource_url: str


# --- Media ("mcs"), over HTTP --------------------------------------------------------------------------------------


class MediaLinks(Struct):
    """Where the bytes are: `content` wants the token header, `content_direct_temporary` is short-lived instead."""

    content: str | None = None
    content_direct_temporary: str | None = None


class MediaRecord(Struct):
    """A stored medium; `size` in bytes."""

    sid: str
    service_sid: str = ""
    channel_sid: str | None = None
    message_sid: str | None = None
    date_created: str | None = None
    date_upload_updated: str | None = None
    date_updated: str | None = None
    size: int = 0
    content_type: str = "application/octet-stream"
    filename: str | None = None
    category: str = "media"
    author: str | None = None
    is_multipart_upstream: bool = False
    url: str = ""
    links: MediaLinks = field(default_factory=MediaLinks)


class MediaWanted(Struct):
    """One medium of a set."""

    media_sid: str


class MediaSetRequest(Struct):
    """Body of POST links.media_set_service."""

    wanted: list[MediaWanted] = field(name="list")
    command: str = "get"


class MediaFound(Struct):
    """One answer of it: 200 with the record, or 404 with the sid alone."""

    code: int
    media_record: MediaRecord


# --- Sync ("cds") --------------------------------------------------------------------------------------------------


class SyncObjectReply(Struct):
    """A document, list or map as GET /v3/Documents|Lists|Maps/{id} answers it; only a document has `data`."""

    sid: str
    last_event_id: int
    unique_name: str | None = None
    url: str = ""
    revision: str = "0"
    data: Raw | UnsetType = UNSET
    date_created: str | None = None
    date_updated: str | None = None
    date_expires: str | None = None
    links: dict[str, str] = {}
    items: list[SyncItem] | UnsetType = UNSET  # of a map, where ``Include=items`` was asked


class SyncItem(Struct):
    """One item of a list (`index`) or map (`key`)."""

    data: Raw
    last_event_id: int
    index: int | UnsetType = UNSET
    key: str | UnsetType = UNSET
    url: str = ""
    revision: str = "0"
    date_created: str | None = None
    date_updated: str | None = None
    date_expires: str | None = None


class SyncItemPage(Struct):
    """A page of items, in the asked order."""

    items: list[SyncItem]
    meta: Meta


class TypedItem(Struct, Generic[D], gc=False):
    """An item as a client reads it in one go, where the type of its data is known."""

    data: D
    last_event_id: int
    index: int | UnsetType = UNSET
    key: str | UnsetType = UNSET


class TypedPage(Struct, Generic[D]):
    """A page of them."""

    items: list[TypedItem[D]]
    meta: Meta


class SubscriptionRequest(Struct, omit_defaults=True):
    """One object to follow from an event id on, or to stop following."""

    object_sid: str
    object_type: SyncType
    last_event_id: int | None = None


class Subscriptions(Struct, omit_defaults=True):
    """Body of POST /v4/Subscriptions."""

    event_protocol_version: int
    action: Literal["establish", "cancel"]
    correlation_id: int
    requests: list[SubscriptionRequest]
    retried_requests: int | None = None
    ttl_in_s: int | None = None
    reason: str | None = None


class SubscriptionsReply(Struct):
    """Answer to it: when to ask again, how many at once, and for how long it holds (seconds, -1 for ever)."""

    estimated_delivery_in_ms: int = 20_000
    max_batch_size: int = 100
    ttl_in_s: int = -1


class SyncError(Struct):
    """Why a subscription failed."""

    status: int = 0
    code: int = 0
    message: str = ""


class SyncEvent(Struct, omit_defaults=True):
    """What happened to one object; the fields that go with each type are in the design page of the wire."""

    id: int | None = None
    document_sid: str | None = None
    document_revision: str | None = None
    document_data: Raw | UnsetType = UNSET
    list_sid: str | None = None
    list_revision: str | None = None
    map_sid: str | None = None
    map_revision: str | None = None
    item_index: int | UnsetType = UNSET
    item_key: str | UnsetType = UNSET
    item_url: str | None = None
    item_revision: str | None = None
    item_data: Raw | UnsetType = UNSET
    date_created: str | None = None
    date_expires: str | None = None
    object_sid: str | None = None
    object_type: SyncType | None = None
    replay_status: str | None = None
    last_event_id: int | None = None
    error: SyncError | None = None

    @property
    def subject(self) -> str | None:
        """Sid of the object that this is about, whichever field names it."""
        return self.object_sid or self.list_sid or self.map_sid or self.document_sid


class SyncNotification(Struct, omit_defaults=True):
    """Payload of a Sync notification."""

    event_type: str
    event: SyncEvent | None = None
    events: list[SyncEvent] | None = None
    correlation_id: int | None = None
    event_protocol_version: int = 4
    strictly_ordered: bool = False


# --- What conversations keep in Sync -------------------------------------------------------------------------------


class MembershipData(Struct, rename="camel"):
    """Item of the my-conversations map, keyed by conversation sid."""

    channel: str
    status: str = "joined"
    messages: str | None = None
    roster: str | None = None
    last_consumed_message_index: int | UnsetType | None = UNSET
    notification_level: str | UnsetType | None = UNSET


class LastMessage(Struct):
    """Where a conversation's newest message stands."""

    index: int | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET


class ConversationState(Struct, rename="camel"):
    """active, inactive or closed, and since when."""

    current: str
    date_updated: str | None = None


class ConversationData(Struct, rename="camel"):
    """Data of the conversation document; `attributes` is an object or a JSON string."""

    sid: str | UnsetType = UNSET
    unique_name: str | UnsetType | None = UNSET
    friendly_name: str | UnsetType | None = UNSET
    attributes: Any | UnsetType = UNSET
    created_by: str | UnsetType | None = UNSET
    date_created: str | UnsetType | None = UNSET
    date_updated: str | UnsetType | None = UNSET
    last_message: LastMessage | UnsetType | None = UNSET
    state: ConversationState | UnsetType | None = UNSET
    bindings: dict[str, Any] | UnsetType | None = UNSET
    notification_level: str | UnsetType | None = UNSET
    messages: str | UnsetType | None = UNSET
    roster: str | UnsetType | None = UNSET


class MediaData(Struct, rename="camel", gc=False):
    """A medium of a message, as Sync tells it; `size` in bytes."""

    sid: str
    size: int = 0
    content_type: str = "application/octet-stream"
    filename: str | None = None
    category: str = "media"


class Delivery(Struct, gc=False):
    """How many of a message's addressees it reached: each amount none, some or all."""

    total: int = 0
    sent: str = "none"
    delivered: str = "none"
    read: str = "none"
    failed: str = "none"
    undelivered: str = "none"


class MessageData(Struct, rename="camel", gc=False):
    """Item of the messages list; the item's index is the message's."""

    sid: str
    author: str | None = None
    text: str | None = None
    type: str = "text"
    timestamp: str | None = None
    date_updated: str | None = None
    last_updated_by: str | None = None
    attributes: Any = None
    member_sid: str | None = None
    subject: str | None = None
    content_sid: str | None = None
    channel_metadata: bool = False
    medias: list[MediaData] | None = None
    media: MediaData | None = None
    delivery: Delivery | None = None


class ParticipantData(Struct, rename="camel"):
    """Item of the roster map, keyed by participant sid; the read timestamp is in ms since 1970."""

    identity: str | None = None
    type: str = "chat"
    role_sid: str | None = None
    attributes: Any = None
    date_created: str | None = None
    date_updated: str | None = None
    last_consumed_message_index: int | None = None
    last_consumption_timestamp: int | None = None
    user_info: str | None = None
    bindings: dict[str, Any] | None = None


class UserValue(Struct):
    """Item ``friendlyName`` or ``attributes`` of a user's map."""

    value: str | None = None


class UserReachability(Struct):
    """Item ``reachability`` of a user's map."""

    online: bool | None = None
    notifiable: bool | None = None


# --- Values --------------------------------------------------------------------------------------------------------


def time_of(text: str | UnsetType | None) -> datetime | None:
    """The UTC time that an ISO 8601 string means; None for a missing or unreadable one."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: a time zone took it out of the years 1 to 9999
        return None


def attributes_of(value: Any) -> Any:
    """Attributes as parsed JSON, from a JSON string or from the value itself; `{}` where that cannot be read."""
    if not isinstance(value, str):
        return {} if value is None or value is UNSET else value
    try:
        return json.decode(value)
    except json.BadJSON:
        return {}
