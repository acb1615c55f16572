"""Every no that the service says: a status of HTTP, a code of the public dictionary, and a sentence."""

from __future__ import annotations

from starlette.responses import Response

from convo_widgets.wire import json
from convo_widgets.wire.schema import ErrorBody

REFUSALS: dict[int, tuple[int, str]] = {
    20001: (400, "A parameter is missing or unknown"),
    20004: (405, "This address does not take that method"),
    20003: (401, "Authentication failed"),
    20101: (401, "Invalid access token"),
    20102: (401, "Invalid access token header: HS256 and cty twilio-fpa;v=1 are expected"),
    20103: (401, "Invalid access token issuer or subject: it was made with another key or for another account"),
    20104: (401, "Access token expired"),
    20105: (401, "Access token is not valid yet"),
    20106: (401, "Invalid access token grants: an identity and a chat grant for this service are needed"),
    20007: (400, "Invalid page size"),
    20107: (401, "Invalid access token signature"),
    20403: (403, "Forbidden"),
    20404: (404, "The requested resource was not found"),
    20409: (409, "That is in use"),
    20408: (408, "The request came too slowly"),
    20422: (400, "Invalid parameter"),
    20429: (429, "Too many at once"),
    20500: (500, "Internal error"),
    20503: (
        503,
        "Nothing can be stored now, nor was this: the disk is full, read-only or failing, or a file damaged",
    ),
    50100: (404, "Role not found"),
    50104: (400, "Permission not found"),
    50105: (400, "Invalid role type"),
    50107: (403, "Not authorized for this command"),
    50200: (404, "User not found"),
    50201: (409, "User exists already"),
    50203: (400, "Identity is reserved"),
    50207: (400, "Identity is too long"),
    50214: (409, "The user is in too many conversations"),
    50303: (413, "Attributes are too long"),
    50304: (400, "Attributes are not valid JSON"),
    50350: (404, "Conversation not found"),
    50056: (403, "A webhook refused it"),
    50057: (400, "A webhook failed"),
    50063: (429, "Too many writes a second"),
    50076: (400, "A webhook did not answer in time"),
    50353: (409, "Conversation with this unique name exists already"),
    50360: (404, "Webhook not found"),
    50361: (409, "The conversation has too many webhooks"),
    50375: (400, "The timer until it is inactive has at least a minute"),
    50376: (400, "The timer until it is closed has at least ten minutes"),
    50377: (403, "The conversation is closed"),
    50378: (400, "Invalid state of a conversation"),
    50379: (400, "Invalid timer until it is inactive"),
    50380: (400, "Invalid timer until it is closed"),
    50384: (400, "A new conversation cannot be closed"),
    50402: (404, "Participant not found"),
    50407: (400, "Invalid messaging address"),
    50408: (400, "Invalid messaging proxy address"),
    50409: (400, "Messaging address and proxy address are the same"),
    50416: (409, "A conversation with this address and proxy address exists already"),
    50417: (409, "The conversation has too many participants"),
    50418: (409, "The conversation has too many participants who are not on chat"),
    50421: (400, "Invalid last read message index"),
    50426: (400, "Too many participants in one request"),
    50430: (403, "User is not a participant of this conversation"),
    50433: (409, "Participant exists already"),
    50434: (400, "In a group of telephones everybody on chat needs a projected address"),
    50435: (400, "The participants cannot be a group of telephones"),
    50436: (409, "The group of telephones has too many participants"),
    50438: (409, "A group of telephones with the same numbers exists already"),
    50441: (400, "The participant cannot have a proxy address"),
    50443: (400, "The participant cannot have a projected address"),
    50451: (400, "Either an identity or an address is needed"),
    50500: (404, "Message not found"),
    50503: (400, "The message has no body"),
    50504: (413, "The message text is too long"),
    50506: (400, "Media sid not provided"),
    50507: (404, "Media not found"),
    50508: (409, "Media was sent with another message already"),
    50510: (400, "Invalid media sid"),
    50511: (400, "Invalid media content type"),
    50512: (413, "Message media size is too large"),
    50526: (400, "Invalid content sid"),
    50527: (400, "Invalid content variables"),
    50528: (400, "Content variables without a content sid"),
    50530: (404, "Channel metadata not found"),
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
        headers: of the answer.
    """

    headers: dict[str, str] = {}  # noqa: RUF012 - never changed, only replaced

    def __init__(self, code: int, detail: str = "", retry_after: int | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.status, text = REFUSALS[code]
        self.message = f"{text}: {detail}" if detail else text
        if retry_after is not None:
            self.headers = {"Retry-After": str(retry_after)}

    def body(self) -> bytes:
        """The body of the answer."""
        return json.encode(
            ErrorBody(self.status, self.code, self.message, f"https://www.twilio.com/docs/errors/{self.code}")
        )

    def response(self) -> Response:
        """The answer over HTTP."""
        return Response(self.body(), self.status, self.headers, "application/json")
