"""What it means when a service says no, in the socket or beside it: which error, and whether to ask again, and when."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from convo_widgets.errors import (
    ConvoError,
    LocalProtocolError,
    ReplyError,
    ServiceFailed,
    Throttled,
    TokenExpired,
    reply_error,
    token_error,
)
from convo_widgets.wire import json
from convo_widgets.wire.schema import ErrorBody, Status

PASSING = (429, 502, 503, 504)  # too busy just now, or somebody on the way is


def refusal(status: int, body: bytes, retry_after: object) -> ReplyError:
    """The error for an answer outside 2xx; a body that is not the service's, as a proxy's page, says nothing."""
    try:
        said = json.decode(body or b"{}", ErrorBody)
    except json.BadJSON:
        said = ErrorBody()
    error = reply_error(status, said.code, said.message, said.more_info)
    if isinstance(error, Throttled | ServiceFailed):
        error.retry_after = _seconds(retry_after)
    return error


def refused(status: Status, backoff_ms: int) -> ConvoError:
    """The error for an introduction, or a new token, that was refused."""
    code, why = status.error_code or 0, status.description or ""
    if status.code in (401, 403):
        return token_error(code, why)
    if status.code == 429:
        wait = backoff_ms / 1000 if backoff_ms else None
        return Throttled(429, code, why or "The service is busy", retry_after=wait)
    return reply_error(status.code, code, why)


def farewell(status: Status) -> ConvoError | None:
    """The error for which a service ends a connection; None where another one may do."""
    why = status.description or "no reason given"
    match status.code:
        case 410:
            return TokenExpired()
        case 401:
            return token_error(status.error_code or 0, why)
        case 406 | 417:
            return LocalProtocolError(f"The service ended the connection over a protocol error: {why}.")
    return None


def is_passing(error: ConvoError) -> bool:
    """Whether it may go well a little later; what is no answer at all may."""
    return not isinstance(error, ReplyError) or error.status in PASSING


def pause(error: ConvoError) -> float:
    """Seconds that the service asks to wait, 0 where it does not."""
    return getattr(error, "retry_after", None) or 0.0


def _seconds(said: object) -> float | None:
    """What a Retry-After header means: seconds, or a date; None where it is missing, or nonsense."""
    text = str(said).strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None
