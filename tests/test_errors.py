"""The error tree: what each says, how it is chosen, and that it survives the way to another process."""

import copy
import pickle
import re

import pytest

from convo_widgets import errors
from convo_widgets.errors import (
    ADVICE,
    ConnectFailed,
    ConnectionLost,
    ConvoError,
    LocalProtocolError,
    RemoteProtocolError,
    ReplyError,
    RequestTimeout,
    Throttled,
    TokenError,
    TokenExpired,
    TokenInvalid,
    UsageError,
    reply_error,
    token_error,
)
from convo_widgets.service.refusals import REFUSALS

ONE_OF_EACH = [
    ConnectFailed("ws://127.0.0.1:1", "nothing listens there"),
    ConnectionLost("sending a message", may_have_happened=True),
    ConnectionLost("reading", may_have_happened=False),
    RequestTimeout("sending a message", may_have_happened=True),
    LocalProtocolError("we did it"),
    RemoteProtocolError("they did it"),
    TokenExpired(),
    TokenExpired(61.0),
    TokenInvalid("signature", "The signature does not match."),
    ReplyError(418, 0, "short and stout"),
    Throttled(429, 20429, "too many", retry_after=1.5),
    UsageError("closed"),
    *(reply_error(status, 20001, "no", "https://example.org/20001") for status in (401, 403, 404, 409, 413, 500, 503)),
]


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"])
def test_an_error_survives_copying(error, again):
    """Notebooks and process pools copy and pickle what is raised: type, fields and text stay."""
    twin = again(error)
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, 0, errors.Unauthorized),
        (403, 50107, errors.Forbidden),
        (404, 50350, errors.NotFound),
        (409, 50433, errors.Conflict),
        (413, 0, errors.TooLarge),
        (400, 50504, errors.TooLarge),
        (400, 50303, errors.TooLarge),
        (400, 50512, errors.TooLarge),
        (400, 51207, errors.TooLarge),
        (429, 20429, errors.Throttled),
        (500, 20500, errors.ServiceFailed),
        (503, 0, errors.ServiceFailed),
        (599, 0, errors.ServiceFailed),
        (400, 20001, ReplyError),
        (302, 0, ReplyError),
        (0, 0, ReplyError),
    ],
)
def test_the_most_specific_reply_error(status, code, kind):
    """Status and code choose the class; an unknown one is a plain ReplyError."""
    error = reply_error(status, code, "words", "page")
    assert type(error) is kind
    assert (error.status, error.code, error.message, error.more_info) == (status, code, "words", "page")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (20101, "malformed"),
        (20102, "header"),
        (20103, "issuer"),
        (20105, "not_yet_valid"),
        (20106, "grants"),
        (20107, "signature"),
        (0, "refused"),
        (99999, "refused"),
    ],
)
def test_a_refused_token_says_which_part_is_wrong(code, reason):
    """Each code of the service becomes one word, and a sentence with what to do."""
    error = token_error(code, "Access token rejected.")
    assert isinstance(error, TokenInvalid)
    assert error.reason == reason
    assert str(error).startswith("Access token rejected: ")
    assert "mint" in str(error) or "check" in str(error) or "needs" in str(error) or "must" in str(error)


def test_an_expired_token_is_an_error_of_its_own():
    """20104 is about time, not about the token's making."""
    assert type(token_error(20104, "whatever")) is TokenExpired


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second ago"),
        (59.9, "59 seconds ago"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (86400, "1 day ago"),
        (86400 * 9, "9 days ago"),
    ],
)
def test_an_expired_token_says_since_when(seconds, words):
    """A person reads a span, not a number of seconds."""
    assert f"expired {words}:" in str(TokenExpired(seconds))


def test_what_may_have_happened_is_said():
    """The text tells whether repeating is safe, and the field is for programs."""
    assert "may have happened" in str(ConnectionLost("x", may_have_happened=True))
    assert "safe to try again" in str(RequestTimeout("x", may_have_happened=False))


def test_every_error_can_be_caught_by_its_base():
    """ConvoError catches all; a UsageError is a RuntimeError too."""
    assert all(isinstance(error, ConvoError) for error in ONE_OF_EACH)
    assert issubclass(UsageError, RuntimeError)
    assert issubclass(TokenInvalid, TokenError)


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_advice_is_a_sentence_that_says_what_to_do(code):
    """It stands after a colon and before a full stop, so it has neither capital nor stop; and it is not the message."""
    advice = ADVICE[code]
    assert re.match(r"[a-z]", advice)
    assert not advice.endswith(".")
    assert str(reply_error(400, code, "Words")) == f"Words [400/{code}]: {advice}."


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_what_our_service_refuses_has_advice(code):
    """Every no says what to do."""
    assert code in ADVICE
