"""Access tokens: where they come from, and what is in them.

A token is a JWT (HS256) that names an identity and a chat service. The client cannot check its signature and need not;
it reads the claims to say early, and in words, why a token will not work.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt

from convo_widgets.client.shown import table
from convo_widgets.errors import ConvoError, TokenError, TokenExpired, TokenInvalid
from convo_widgets.wire.schema import mapping_of, text_of

Token = str | Callable[[], str | Awaitable[str]]
PROVIDER_TIMEOUT = 30.0  # seconds that a token function may take
SHORT = 180.0  # seconds left of a token at which another one is due
PAUSE = 1.0  # seconds at least between two calls of it for renewals


@dataclass(frozen=True, slots=True)
class TokenReport:
    """What a token says; print it to read it.

    Attributes:
        identity: who it lets in.
        service_sid: the chat service that it is for.
        account_sid: the account of that service.
        issuer: sid of the API key that signed it.
        issued_at: when, in UTC.
        expires_at: until when it holds, in UTC.
        problems: what is wrong with it, in sentences; empty where nothing is that can be seen without the secret.
    """

    identity: str | None = None
    service_sid: str | None = None
    account_sid: str | None = None
    issuer: str | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def seconds_left(self) -> float:
        """Seconds until it expires, negative afterwards; 0 where it does not say."""
        return 0.0 if self.expires_at is None else (self.expires_at - datetime.now(UTC)).total_seconds()

    @property
    def lifetime(self) -> float:
        """Seconds from its issue to its end; 0 where it does not say."""
        if self.expires_at is None or self.issued_at is None:
            return 0.0
        return max(0.0, (self.expires_at - self.issued_at).total_seconds())

    def _repr_html_(self) -> str:
        rows = {
            "identity": self.identity,
            "service": self.service_sid,
            "account": self.account_sid,
            "key": self.issuer,
            "expires": self.expires_at,
            "problems": "; ".join(self.problems) or "none that can be seen",
        }
        return table("Access token", rows)

    def __str__(self) -> str:
        lines = [
            f"identity  {self.identity or '(none)'}",
            f"service   {self.service_sid or '(none)'}",
            f"account   {self.account_sid or '(none)'}, key {self.issuer or '(none)'}",
            f"expires   {self.expires_at:%Y-%m-%d %H:%M:%S} UTC" if self.expires_at else "expires   (not said)",
        ]
        return "\n".join(lines + [f"problem   {problem}" for problem in self.problems or ["none that can be seen"]])


def explain_token(token: str) -> TokenReport:
    """Who a token lets in, to which service, until when, and what is wrong with it.

    Reads the claims only: the signature can be checked by the service alone. Never raises for a bad token.
    """
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, TypeError, ValueError, RecursionError):
        return TokenReport(
            problems=["it is not an access token (a JWT has three parts with dots between): was it copied whole?"]
        )
    grants = mapping_of(claims.get("grants"))
    chat = mapping_of(grants.get("chat"))
    report = TokenReport(
        identity=text_of(grants.get("identity")),
        service_sid=text_of(chat.get("service_sid")),
        account_sid=text_of(claims.get("sub")),
        issuer=text_of(claims.get("iss")),
        issued_at=_time(claims.get("iat")),
        expires_at=_time(claims.get("exp")),
    )
    report.problems.extend(_problems(report, header, _time(claims.get("nbf"))))
    return report


def _problems(report: TokenReport, header: dict[str, Any], not_before: datetime | None) -> list[str]:
    problems = []
    if header.get("alg") != "HS256":
        problems.append("its header says another algorithm than HS256")
    if not str(header.get("cty", "")).startswith("twilio-fpa"):
        problems.append("its header lacks cty 'twilio-fpa;v=1': it is no access token")
    if report.identity is None:
        problems.append("it names no identity: add grants.identity")
    if report.service_sid is None:
        problems.append("it has no chat grant: add grants.chat.service_sid (IS...)")
    if report.expires_at is None:
        problems.append("it does not say when it expires")
    elif report.seconds_left <= 0:
        problems.append(str(TokenExpired(-report.seconds_left)))
    if not_before is not None and not_before > datetime.now(UTC):
        problems.append("it is not valid yet: check the clocks")
    return problems


class TokenSource:
    """Where the client's tokens come from.

    Attributes:
        renewable: whether asking again can give a newer one.
        report: what the last one said.
    """

    def __init__(self, token: Token) -> None:
        self._token = token
        self._given: str | None = None  # by hand, where the source is a function
        self._last = token if isinstance(token, str) else ""
        self._taken_at, self._left = 0.0, 0.0
        self._identity: str | None = None  # of the first one: a client stays one person
        self.report = TokenReport()
        self.renewable = callable(token)

    def __repr__(self) -> str:
        return f"<TokenSource {'function' if self.renewable else 'fixed'}>"

    def replace(self, token: str) -> None:
        """Use this one from now on; a function is asked again after it.

        Raises:
            TokenInvalid: it is no token, or somebody else's; the old one stays.
        """
        self._take(token)
        if self.renewable:
            self._given = token
        else:
            self._token = token

    @property
    def is_short(self) -> bool:
        """Whether the last one has so little time left that another one is due."""
        return self.report.seconds_left <= min(SHORT, self.report.lifetime / 2)

    def pause(self) -> float:
        """Seconds to wait before the next one is asked for.

        Services warn about a short-lived token as soon as they have it: half of what is left of it is used first, and a
        function that gives the same token again and again is not asked without a pause.
        """
        age = asyncio.get_running_loop().time() - self._taken_at
        return max(0.0, PAUSE - age, self._left / 2 - age)

    async def current(self, newer: bool = False) -> str:
        """The last token, for requests beside the connection; a `newer` one, where that was refused and can be had.

        Raises:
            TokenError: as `fetch`.
        """
        return await self.fetch_newer() if self.renewable and newer else self._last or await self.fetch()

    async def fetch(self) -> str:
        """A token to present now.

        Raises:
            TokenError: the function failed or hangs, or what it gave is no token.
        """
        token, self._given = self._given, None
        if token is None:
            token = await self._call() if callable(self._token) else self._token
        self._take(token)
        return self._last

    async def fetch_newer(self) -> str:
        """A token to replace one that still works, so it must not be worth less than that.

        Raises:
            TokenError: as `fetch`; or it has expired already.
        """
        before = self.report
        token = await self.fetch()
        if self.report.seconds_left <= 0 < before.seconds_left:
            expired, self.report = self.report, before
            raise TokenExpired(-expired.seconds_left)
        return token

    def _take(self, token: Any) -> None:
        """It is the last one from now on."""
        self.report = self._check(token)
        self._last = token
        self._identity = self.report.identity or self._identity
        self._taken_at = asyncio.get_running_loop().time()
        self._left = min(self.report.seconds_left, self.report.lifetime)  # should this clock be wrong

    def _check(self, token: Any) -> TokenReport:
        report = explain_token(token if isinstance(token, str) else "")
        if not isinstance(token, str) or token.count(".") != 2:
            raise TokenInvalid("malformed", f"The token cannot be used: {report.problems[0]}")
        if report.identity and self._identity and report.identity != self._identity:
            raise TokenInvalid("identity", "The token is for another identity: connect() again to be somebody else.")
        return report

    async def _call(self) -> Any:
        assert callable(self._token)
        try:
            result = self._token()
            if inspect.isawaitable(result):
                async with asyncio.timeout(PROVIDER_TIMEOUT):
                    result = await result
        except ConvoError:
            raise
        except TimeoutError as error:
            raise TokenError(f"The token function gave nothing within {PROVIDER_TIMEOUT:.0f} seconds.") from error
        except Exception as error:
            raise TokenError(f"The token function raised {type(error).__name__}: {error}") from error
        return result


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
