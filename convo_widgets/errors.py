"""Every error of the toolkit, in one tree.

::

    ConvoError
    ├── TransportError                 the network, not the service's answer
    │   ├── ConnectFailed              no connection could be made
    │   ├── ConnectionLost             it broke; .may_have_happened says whether a write could have arrived
    │   └── RequestTimeout             no answer in time; .may_have_happened as above
    ├── ProtocolError                  somebody broke the rules of the wire
    │   ├── LocalProtocolError         we did
    │   └── RemoteProtocolError        the peer did
    ├── TokenError                     the access token cannot be used
    │   ├── TokenExpired
    │   └── TokenInvalid               .reason says which part is wrong
    ├── ReplyError                     the service answered no: .status .code .message .more_info
    │   ├── Unauthorized (401)  Forbidden (403)  NotFound (404)  Conflict (409)  TooLarge (413 and size codes)
    │   ├── Throttled (429)            .retry_after in seconds, where the service said so
    │   └── ServiceFailed (5xx)
    └── UsageError                     also a RuntimeError: not initialized, closed, two connects

Errors are raised, never returned, and say what to do next. None of them ever holds a token or a key.
"""

from __future__ import annotations

from typing import Any, Literal

__all__ = [
    "Conflict",
    "ConnectFailed",
    "ConnectionLost",
    "ConvoError",
    "Forbidden",
    "LocalProtocolError",
    "NotFound",
    "ProtocolError",
    "RemoteProtocolError",
    "ReplyError",
    "RequestTimeout",
    "ServiceFailed",
    "Throttled",
    "TokenError",
    "TokenExpired",
    "TokenInvalid",
    "TooLarge",
    "TransportError",
    "Unauthorized",
    "UsageError",
    "reply_error",
    "token_error",
]

TokenFault = Literal[
    "malformed", "header", "issuer", "not_yet_valid", "grants", "signature", "identity", "service", "refused"
]

ADVICE: dict[int, str] = {
    20001: "a parameter is unknown or missing: check the spelling of what you passed",
    20003: "this identity or key has no permission for that",
    20004: "only some methods work at this address: look it up in the service's documentation",
    20007: "ask for a smaller page, or for none: the service then chooses",
    20101: "the token is not one that this service can read: mint a new one for it",
    20102: "the token's header is wrong: it must be an access token (HS256, cty 'twilio-fpa;v=1')",
    20103: "the token was issued with another API key: mint it with this service's own key",
    20104: "the token has expired: give connect() a function that fetches one, or call client.update_token(token)",
    20105: "the token is not valid yet: check the clock of the machine that minted it",
    20106: "the token's grants do not fit: it needs an identity and a chat grant for this service",
    20107: "the token's signature does not match: mint it with this service's own secret",
    20403: "this origin or host is not allowed to speak to the service",
    20404: "there is no such thing here: check the sid, and that it belongs to this service",
    20408: "send it again, over a faster network or in smaller parts",
    20409: "it is in use, or there already: free it first, or use the one that is there",
    20422: "a value is not of the kind that is expected here",
    20429: "too many requests at once: wait a moment and try again",
    20500: "the service failed: try again, and report it if it stays",
    20503: "the service could not store it: make room on its disk, or try again later",
    50056: "a webhook of this service said no: ask whoever runs it",
    50057: "a webhook of this service failed: ask whoever runs it",
    50063: "the service takes only so many writes a second: wait a moment, then try again",
    50076: "a webhook of this service is too slow: try again, or ask whoever runs it",
    50100: "there is no such role: check the sid, and that it belongs to this service",
    50104: "a role of this type cannot be given that: the service's documentation lists what roles may allow",
    50105: "a role is one of the service, or one of conversations",
    50107: "this user's role does not allow it: ask an admin of the conversation",
    50200: "there is no user with this identity",
    50201: "use the user of this identity that is there already",
    50203: "choose another identity: the account acts under this one",
    50207: "choose a shorter identity",
    50214: "close a conversation of this user, or remove the user from one, first",
    50303: "the attributes are too long: 16 KB for a conversation or user, 4 KB for a message or participant",
    50304: "the attributes are not valid JSON",
    50350: "no such conversation, or you are not in it: check the sid, or join it first",
    50353: "the unique name is taken: choose another, or open the conversation that has it",
    50360: "there is no such webhook: check the sid",
    50361: "remove a webhook of this conversation first",
    50375: "give the timer until it is inactive a minute or more",
    50376: "give the timer until it is closed ten minutes or more",
    50377: "the conversation is closed: closed is final, start a new conversation",
    50378: "a state is active, inactive or closed",
    50379: "give the timer as an ISO 8601 duration, as PT1H",
    50380: "give the timer as an ISO 8601 duration, as PT24H",
    50384: "create it active, and close it afterwards",
    50402: "there is no such participant in this conversation",
    50407: "the address of this participant is not valid for its channel",
    50408: "the proxy address is not valid for its channel",
    50409: "the proxy address is the service's own, and not that of the participant",
    50416: "this address and proxy address are in use by another conversation",
    50417: "remove a participant first, or start a new conversation",
    50418: "remove a participant who is not on chat first, or start a new conversation",
    50421: "read up to an index between 0 and that of the newest message, or None",
    50426: "add at most ten participants in one request, and the others afterwards",
    50430: "you are not a participant of this conversation: join() it first",
    50433: "this participant is in the conversation already",
    50434: "give everybody on chat a projected address, or take the telephones out of the group",
    50435: "in a group of telephones each has an address of its own and none a proxy address",
    50436: "remove a participant of the group first: it has room for ten",
    50438: "use the conversation that has the same telephone numbers",
    50441: "leave the proxy address out: in a group the projected address stands for it",
    50443: "leave the projected address out: only chat participants in a group have one",
    50451: "pass one of the two",
    50500: "no such message: it may have been removed",
    50503: "a message needs a body, media or a content template",
    50504: "the text is too long: a body holds at most 32 KB of UTF-8, so split it into several messages",
    50506: "upload the medium first: add_media() does",
    50507: "upload the medium again: it is not there, or somebody else's",
    50508: "upload the medium again: each belongs to one message",
    50510: "the sid of a medium begins with ME: check what you passed",
    50511: "name the type as in image/png",
    50512: "conversation.limits has what a message may carry: send smaller media, or several messages",
    50526: "check the sid of the template (HX...): client.get_content_templates() lists those that there are",
    50527: "the variables are texts by name: pass ContentTemplateVariable objects of the template",
    50528: "name the template too, with its sid (HX...)",
    50530: "the channel that it came by tells nothing of this message",
    51207: "the frame is larger than the service takes",
    54007: "this belongs to a conversation that you are not in, or are not any more: join() it first",
    54419: "follow fewer conversations and users with one client",
    54453: "begin with the first page again: tokens of pages are good for the listing that gave them",
}


class ConvoError(Exception):
    """Base of every error of the toolkit."""


class TransportError(ConvoError):
    """The network failed, not the service's answer."""


class ConnectFailed(TransportError):
    """No connection could be made.

    Attributes:
        url: where to, without credentials.
    """

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(url, cause)
        self.url = url
        self.cause = cause

    def __str__(self) -> str:
        return (
            f"Could not connect to {self.url}: {self.cause}. "
            "Is the service running, and are the address and port right?"
        )


class _Interrupted(TransportError):
    """A request whose answer never came."""

    def __init__(self, what: str, *, may_have_happened: bool) -> None:
        super().__init__(what)
        self.what = what
        self.may_have_happened = may_have_happened

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.what, self.may_have_happened)

    def _outcome(self) -> str:
        if self.may_have_happened:
            return "It may have happened all the same: look before you repeat it."
        return "It has not happened; it is safe to try again."


def _restore(kind: type[_Interrupted], what: str, may_have_happened: bool) -> _Interrupted:
    """The error again, in another process: pickle knows no keyword arguments."""
    return kind(what, may_have_happened=may_have_happened)


class ConnectionLost(_Interrupted):
    """The connection broke before an answer came.

    Attributes:
        what: the request, in words.
        may_have_happened: whether the service could have acted on it.
    """

    def __str__(self) -> str:
        return f"The connection was lost during {self.what}. {self._outcome()}"


class RequestTimeout(_Interrupted):
    """No answer came in time.

    Attributes:
        what: the request, in words.
        may_have_happened: whether the service could have acted on it.
    """

    def __str__(self) -> str:
        return f"No answer in time to {self.what}. {self._outcome()}"


class ProtocolError(ConvoError):
    """Somebody broke the rules of the wire."""


class LocalProtocolError(ProtocolError):
    """We broke the rules of the wire: a fault of this package."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the rules of the wire, or does not speak it."""


class TokenError(ConvoError):
    """The access token cannot be used."""


class TokenExpired(TokenError):
    """The token's time is over.

    Attributes:
        since: how many seconds ago, where that is known.
    """

    def __init__(self, since: float | None = None) -> None:
        super().__init__(since)
        self.since = since

    def __str__(self) -> str:
        ago = "" if self.since is None else f" {_duration(self.since)} ago"
        return f"The access token expired{ago}: {ADVICE[20104].partition(': ')[2]}."


class TokenInvalid(TokenError):
    """The token cannot be used, and a newer copy of the same kind would not help.

    Attributes:
        reason: which part is wrong, as one word.
        detail: the same as a sentence.
    """

    def __init__(self, reason: TokenFault, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class ReplyError(ConvoError):
    """The service answered no.

    Attributes:
        status: HTTP status of the answer.
        code: the service's own error code, 0 where it gave none.
        message: the service's words.
        more_info: a page about the code, where the service named one.
    """

    def __init__(self, status: int, code: int = 0, message: str = "", more_info: str = "") -> None:
        super().__init__(status, code, message, more_info)
        self.status = status
        self.code = code
        self.message = message
        self.more_info = more_info

    def __str__(self) -> str:
        number = f"{self.status}/{self.code}" if self.code else str(self.status)
        advice = ADVICE.get(self.code, "")
        text = self.message or "The service refused"
        return f"{text} [{number}]" + (f": {advice}." if advice else "")


class Unauthorized(ReplyError):
    """401: who you are is not accepted."""


class Forbidden(ReplyError):
    """403: you are known, and may not do that."""


class NotFound(ReplyError):
    """404: there is no such thing, or not for you."""


class Conflict(ReplyError):
    """409: it is there already, or changed meanwhile."""


class TooLarge(ReplyError):
    """413, or a code that says something is too long."""


class Throttled(ReplyError):
    """429: too many requests; it has not been acted on.

    Attributes:
        retry_after: seconds to wait, where the service said so.
    """

    def __init__(
        self, status: int, code: int = 0, message: str = "", more_info: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(status, code, message, more_info)
        self.retry_after = retry_after


class ServiceFailed(ReplyError):
    """5xx: the service failed.

    Attributes:
        retry_after: seconds to wait, where the service said so.
    """

    retry_after: float | None = None


class UsageError(ConvoError, RuntimeError):
    """The call does not fit the state: not initialized, closed, two connects, an unknown argument."""


_BY_STATUS: dict[int, type[ReplyError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    429: Throttled,
}
_SIZE_CODES = {50303, 50504, 50512, 51207}


def reply_error(status: int, code: int = 0, message: str = "", more_info: str = "") -> ReplyError:
    """The most specific error for an answer outside 2xx."""
    if code in _SIZE_CODES:
        return TooLarge(status, code, message, more_info)
    if status >= 500:
        return ServiceFailed(status, code, message, more_info)
    return _BY_STATUS.get(status, ReplyError)(status, code, message, more_info)


_TOKEN_FAULTS: dict[int, TokenFault] = {
    20101: "malformed",
    20102: "header",
    20103: "issuer",
    20105: "not_yet_valid",
    20106: "grants",
    20107: "signature",
}


def token_error(code: int, message: str = "") -> TokenError:
    """The error for a token that the service refused with this code."""
    if code == 20104:
        return TokenExpired()
    said = message.rstrip(".") or "The service refused the token"
    return TokenInvalid(_TOKEN_FAULTS.get(code, "refused"), f"{said}: {ADVICE.get(code, ADVICE[20101])}.")


def _duration(seconds: float) -> str:
    """A time span as a person says it."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    count = int(seconds)
    return f"{count} second{'s' if count != 1 else ''}"
