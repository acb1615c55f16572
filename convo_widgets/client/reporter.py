"""What a link observes, told at its client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convo_widgets.transport.observer import ConnectionFault, ConnectionState
from convo_widgets.wire.events import Notified

if TYPE_CHECKING:
    from convo_widgets.client.client import Client

TYPING = "twilio.ipmsg.typing_indicator"


class Reporter:
    """The `Observer` of a client's link."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def state_changed(self, state: ConnectionState) -> None:
        """The link has another state."""
        self._client._session.connection_changed(is_open=state == "connected")
        self._client._emit("connectionStateChanged", state)

    def faulted(self, fault: ConnectionFault) -> None:
        """A connection failed."""
        self._client._emit("connectionError", fault)

    def token_about_to_expire(self) -> None:
        """The service asks for a new token: a token function is called, everybody else is told."""
        self._client._emit("tokenAboutToExpire", self._client)
        self._client._renewal.begin()

    def token_expired(self) -> None:
        """The token's time is over."""
        self._client._emit("tokenExpired", self._client)

    def notified(self, notice: Notified) -> None:
        """The service said something by itself."""
        if notice.message_type == TYPING:
            self._client._conversations.take_typing(notice.body)
        else:
            self._client._session.receive(notice)

    def clock_jumped(self, seconds: float) -> None:
        """The machine slept: a token may have come close to its end, or beyond, without a warning."""
        if self._client._tokens.is_short:
            self.token_about_to_expire()
