"""Bodies of the Conversations client API ("aim")."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from convo_widgets.wire.schema.values import Meta


class ErrorBody(Struct):
    """Body of every answer outside 2xx."""

    status: int = 0
    code: int = 0
    message: str = ""
    more_info: str = ""


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
