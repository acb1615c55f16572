"""Every no that the service says: a status of HTTP, a code of the public dictionary, and a sentence."""

from __future__ import annotations

from convo_widgets.wire import json
from convo_widgets.wire.schema import ErrorBody

REFUSALS: dict[int, tuple[int, str]] = {
    20001: (400, "A parameter is missing or unknown"),
    20004: (405, "This address does not take that method"),
    20101: (401, "Invalid access token"),
    20403: (403, "This host or origin may not use the service"),
    20404: (404, "The requested resource was not found"),
    20422: (400, "Invalid parameter"),
    20429: (429, "Too many at once"),
    20500: (500, "Internal error"),
    50107: (403, "Not authorized for this command"),
    50200: (404, "User not found"),
    50207: (400, "Identity is too long"),
    50303: (413, "Attributes are too long"),
    50304: (400, "Attributes are not valid JSON"),
    50350: (404, "Conversation not found"),
    50353: (409, "Conversation with this unique name exists already"),
    50377: (403, "The conversation is closed"),
    50402: (404, "Participant not found"),
    50407: (400, "Invalid messaging address"),
    50408: (400, "Invalid messaging proxy address"),
    50409: (400, "Messaging address and proxy address are the same"),
    50416: (409, "A conversation with this address and proxy address exists already"),
    50421: (400, "Invalid last read message index"),
    50430: (403, "User is not a participant of this conversation"),
    50433: (409, "Participant exists already"),
    50500: (404, "Message not found"),
    50503: (400, "The message has no body"),
    50504: (413, "The message text is too long"),
    54007: (403, "Access to this Sync object is forbidden"),
    54419: (429, "Too many subscriptions on this connection"),
    54453: (400, "Invalid page token"),
}


class Refused(Exception):
    """A request that is answered with an error; whatever it had begun is undone.

    Attributes:
        code: one of `REFUSALS`.
        status: the HTTP status that goes with it.
        message: what is wrong; may name what the caller sent, never what others wrote.
    """

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.status, text = REFUSALS[code]
        self.message = f"{text}: {detail}" if detail else text

    def body(self) -> bytes:
        """The body of the answer."""
        return json.encode(
            ErrorBody(self.status, self.code, self.message, f"https://www.twilio.com/docs/errors/{self.code}")
        )
