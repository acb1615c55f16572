"""What a link tells, and whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from convo_widgets.wire.events import Notified

ConnectionState = Literal["unknown", "connecting", "connected", "disconnecting", "disconnected", "denied"]


@dataclass(frozen=True, slots=True)
class ConnectionFault:
    """Why a connection ended or could not be made; after a terminal one it is not tried again by itself."""

    terminal: bool
    message: str
    http_status_code: int | None = None
    error_code: int | None = None


class Observer(Protocol):
    """Whom a link tells what happens. Calls come from its task; none may block."""

    def state_changed(self, state: ConnectionState) -> None:
        """The connection has another state."""

    def notified(self, notice: Notified) -> None:
        """The service said something by itself."""

    def faulted(self, fault: ConnectionFault) -> None:
        """A connection failed."""

    def token_about_to_expire(self) -> None:
        """The service asks for a new token."""

    def token_expired(self) -> None:
        """The token's time is over."""

    def clock_jumped(self, seconds: float) -> None:
        """So much time went by unseen: the machine slept, or the loop was blocked."""
