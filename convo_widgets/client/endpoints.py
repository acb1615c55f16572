"""Where the service is."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from convo_widgets.errors import UsageError


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the service is.

    Attributes:
        socket: ws(s) URL of the Twilsock socket.
        api: base URL of the Conversations client API.
        sync: base URL of Sync.
        media: base URL of the media service, where its addresses are only paths.
        push: URL of push registrations.
    """

    socket: str
    api: str
    sync: str
    media: str
    push: str

    @classmethod
    def of_region(cls, region: str) -> Endpoints:
        """The cloud's addresses in a region such as "us1" or "ie1"."""
        return cls(
            f"wss://tsock.{region}.twilio.com/v3/wsconnect",
            f"https://aim.{region}.twilio.com",
            f"https://cds.{region}.twilio.com",
            f"https://mcs.{region}.twilio.com",
            f"https://ers.{region}.twilio.com/v1/registrations",
        )

    @classmethod
    def of_url(cls, url: str) -> Endpoints:
        """The addresses of a service that has everything in one place, as the embedded one."""
        base, parts = url.rstrip("/"), urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("url is no address of a service: it looks like http://127.0.0.1:8765.")
        if parts.username is not None or parts.password is not None:
            raise UsageError("url holds a name or a password: a token is all that a service needs.")
        socket = "ws" + base.removeprefix("http") + "/v3/wsconnect"
        return cls(socket, base, base, base, f"{base}/v1/registrations")
