"""Bodies of the account's REST API, version 1 (`schema` has those of users). Attributes are JSON strings here."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from convo_widgets.wire.schema import Delivery, MessagingBinding, RestMedia


class AccountConversation(Struct):
    """A conversation."""

    sid: str
    account_sid: str
    chat_service_sid: str
    messaging_service_sid: str | None = None
    friendly_name: str | None = None
    unique_name: str | None = None
    attributes: str = "{}"
    state: str = "active"
    timers: dict[str, str] = {}
    bindings: dict[str, Any] = {}
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""
    links: dict[str, str] = {}


class AccountMessage(Struct, kw_only=True):
    """A message; `participant_sid` is null where no participant wrote it."""

    sid: str
    account_sid: str
    chat_service_sid: str | UnsetType = UNSET
    conversation_sid: str
    index: int
    author: str | None = None
    participant_sid: str | None = None
    body: str | None = None
    media: list[RestMedia] | None = None
    attributes: str = "{}"
    content_sid: str | None = None
    delivery: Delivery | None = None
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""
    links: dict[str, str] = {}


class AccountParticipant(Struct, kw_only=True):
    """A participant, by identity or by a messaging binding."""

    sid: str
    account_sid: str
    chat_service_sid: str | UnsetType = UNSET
    conversation_sid: str
    identity: str | None = None
    attributes: str = "{}"
    messaging_binding: MessagingBinding | None = None
    role_sid: str | None = None
    last_read_message_index: int | None = None
    last_read_timestamp: str | None = None
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""


class AccountReceipt(Struct, kw_only=True):
    """What became of a message for one addressee."""

    sid: str
    account_sid: str
    chat_service_sid: str | UnsetType = UNSET
    conversation_sid: str
    message_sid: str
    participant_sid: str
    channel_message_sid: str
    status: str
    error_code: int = 0
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""


class AccountUser(Struct):
    """A user."""

    sid: str
    account_sid: str
    chat_service_sid: str
    role_sid: str
    identity: str
    friendly_name: str | None = None
    attributes: str = "{}"
    is_online: bool | None = None
    is_notifiable: bool | None = None
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""
    links: dict[str, str] = {}


class Role(Struct):
    """A role, of a service or in a conversation."""

    sid: str
    account_sid: str
    chat_service_sid: str
    friendly_name: str
    type: Literal["service", "conversation"]
    permissions: list[str] = []
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""


class PageMeta(Struct):
    """Where a page stands; `key` names the array beside it."""

    key: str
    page: int = 0
    page_size: int = 50
    url: str = ""
    first_page_url: str = ""
    previous_page_url: str | None = None
    next_page_url: str | None = None


class AccountWebhook(Struct, kw_only=True):
    """A webhook of one conversation."""

    sid: str
    account_sid: str
    chat_service_sid: str | UnsetType = UNSET
    conversation_sid: str
    target: str
    configuration: dict[str, Any]
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""


class ParticipantConversation(Struct, kw_only=True):
    """A conversation that somebody is in, by identity or by address."""

    account_sid: str
    chat_service_sid: str
    participant_sid: str
    participant_user_sid: str | None = None
    participant_identity: str | None = None
    participant_messaging_binding: MessagingBinding | None = None
    conversation_sid: str
    conversation_unique_name: str | None = None
    conversation_friendly_name: str | None = None
    conversation_attributes: str = "{}"
    conversation_date_created: str | None = None
    conversation_date_updated: str | None = None
    conversation_created_by: str | None = None
    conversation_state: str = "active"
    conversation_timers: dict[str, str] = {}
    links: dict[str, str] = {}


class UserConversation(Struct, kw_only=True):
    """A conversation as a user has it; the unread count is null while nothing was ever read."""

    account_sid: str
    chat_service_sid: str
    conversation_sid: str
    participant_sid: str
    user_sid: str
    unread_messages_count: int | None = None
    last_read_message_index: int | None = None
    friendly_name: str | None = None
    unique_name: str | None = None
    conversation_state: str = "active"
    timers: dict[str, str] = {}
    attributes: str = "{}"
    created_by: str | None = None
    notification_level: str = "default"
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""
    links: dict[str, str] = {}


class AccountService(Struct, kw_only=True):
    """A conversations service."""

    account_sid: str
    sid: str
    friendly_name: str
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""
    links: dict[str, str] = {}


class Binding(Struct, kw_only=True):
    """A device of a user, to which push messages go."""

    sid: str
    account_sid: str
    chat_service_sid: str
    credential_sid: str | None = None
    endpoint: str
    identity: str
    binding_type: str
    message_types: list[str]
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""


class AccountAddress(Struct, kw_only=True):
    """An address of the account, and what becomes of messages from people who are in no conversation."""

    sid: str
    account_sid: str
    type: str
    address: str
    friendly_name: str | None = None
    address_country: str | None = None
    auto_creation: dict[str, Any]
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""


class Credential(Struct, kw_only=True):
    """A credential of a push service; nothing of what it is made of is told."""

    sid: str
    account_sid: str
    friendly_name: str | None = None
    type: str
    sandbox: str
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""


class NewContent(Struct):
    """Body of POST Content: `types` holds the content by type, `variables` their defaults."""

    types: dict[str, dict[str, Any]]
    friendly_name: str = ""
    language: str = "en"
    variables: dict[str, str] = {}


class Content(Struct):
    """A content template."""

    sid: str
    account_sid: str
    friendly_name: str
    language: str
    variables: dict[str, str]
    types: dict[str, dict[str, Any]]
    date_created: str | None = None
    date_updated: str | None = None
    url: str = ""
    links: dict[str, str] = {}


class NewFault(Struct):
    """Body of POST _local/faults: the next `times` requests that match get the status."""

    path: str
    status: int
    times: int = 1
    method: str | None = None
    retry_after: float | None = None


class NewTrouble(Struct):
    """Body of POST _local/faults/{trouble}: what `latency` (ms) and `throttle` (after, retry_after) are to be."""

    ms: float = 0
    after: int = 0
    retry_after: float | None = None


class NewInbound(Struct, rename={"sender": "from"}):
    """Body of POST _local/inbound: a message from a telephone or a mailbox to an address of the account."""

    sender: str
    to: str
    body: str


class ReceivedMessage(Struct, frozen=True):
    """Where a message from outside went."""

    chat_service_sid: str
    conversation_sid: str
    message_sid: str
    participant_sid: str | None = None
