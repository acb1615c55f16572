"""Headers of Twilsock frames."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field


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
