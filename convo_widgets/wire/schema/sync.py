"""Bodies of Sync ("cds")."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType

from convo_widgets.wire.schema.values import Meta

SyncType = Literal["document", "list", "map"]
D = TypeVar("D")


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
