"""Access tokens: minted with the service's own key, and checked against it."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt

from convo_widgets.errors import UsageError
from convo_widgets.service.limits import NAME, SYSTEM, is_sid
from convo_widgets.service.refusals import REFUSALS
from convo_widgets.service.store import new_sid
from convo_widgets.wire.schema import Status

CONTENT_TYPE = "twilio-fpa;v=1"
NO_ROLE = "Invalid access token grants: deployment_role_sid is that of a service role"
SHORTEST_SECRET = 32
"""Bytes of an API secret."""


class TokenRefused(Exception):
    """A token that is not taken.

    Attributes:
        code: 20101 to 20107.
        status: for the reply's header.
    """

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.status = Status(401, "UNAUTHORIZED", code, detail or REFUSALS[code][1])


@dataclass(frozen=True, slots=True)
class Grant:
    """What a good token says: who, and until when (seconds since 1970).

    Attributes:
        token: a digest of it.
        role_sid: the role in the service that its user gets who is new.
    """

    identity: str
    expires: float
    token: str = field(default="", repr=False)
    role_sid: str | None = None


class Tokens:
    """Mints and checks tokens of one account, service and API key; the secret never leaves it but by `api_secret`."""

    def __init__(self, account_sid: str, service_sid: str, api_key: str | None = None, api_secret: str | None = None):
        self.account_sid = account_sid
        self.service_sid = service_sid
        self.api_key = api_key or new_sid("SK")
        self.api_secret = api_secret or secrets.token_urlsafe(SHORTEST_SECRET)
        if len(self.api_secret.encode()) < SHORTEST_SECRET:
            raise UsageError(f"api_secret is too short: at least {SHORTEST_SECRET} bytes, made at random")
        self._expired: set[str] = set()
        self._numbers = itertools.count(int(time.time()))

    def __repr__(self) -> str:
        return f"<Tokens of {self.api_key}>"

    def mint(self, identity: str, ttl: float = 3600) -> str:
        """A token for a user, valid for `ttl` seconds."""
        if not identity or len(identity) > NAME or identity == SYSTEM:
            raise UsageError(f"identity is a text of 1 to {NAME} characters, and not {SYSTEM!r}")
        issued = int(time.time())
        claims = {
            "jti": f"{self.api_key}-{next(self._numbers)}",
            "iss": self.api_key,
            "sub": self.account_sid,
            "iat": issued,
            "exp": int(time.time() + ttl),
            "grants": {"identity": identity, "chat": {"service_sid": self.service_sid}},
        }
        return jwt.encode(claims, self.api_secret, algorithm="HS256", headers={"cty": CONTENT_TYPE})

    def check(self, token: str) -> Grant:
        """What the token grants.

        Raises:
            TokenRefused: with one of the codes 20101 to 20107.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "HS256" or header.get("cty") != CONTENT_TYPE:
                raise TokenRefused(20102)
            claims = self._decode(token)
            grant = self._grant(claims, hashlib.sha256(token.encode()).hexdigest())
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise TokenRefused(20101) from error
        if grant.token in self._expired:
            raise TokenRefused(20104)
        return grant

    def expire(self, grant: Grant) -> None:
        """Take a token from now on as one whose time has come."""
        self._expired.add(grant.token)

    def _decode(self, token: str) -> dict[str, Any]:
        """The claims, after the signature, then the times."""
        try:
            return jwt.decode(
                token,
                self.api_secret,
                algorithms=["HS256"],
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )
        except jwt.InvalidSignatureError as error:
            loose = jwt.decode(token, options={"verify_signature": False})
            raise TokenRefused(20107 if loose.get("iss") == self.api_key else 20103) from error
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused(20104) from error
        except jwt.ImmatureSignatureError as error:
            raise TokenRefused(20105) from error
        except jwt.MissingRequiredClaimError as error:
            raise TokenRefused(20101, f"Invalid access token: the claim {error.claim} is missing") from error

    def _grant(self, claims: dict[str, Any], token: str) -> Grant:
        if claims["iss"] != self.api_key or claims["sub"] != self.account_sid:
            raise TokenRefused(20103)
        grants = claims.get("grants")
        chat = grants.get("chat") if isinstance(grants, dict) else None
        if not isinstance(chat, dict) or chat.get("service_sid") != self.service_sid:
            raise TokenRefused(20106)
        identity = grants.get("identity") if isinstance(grants, dict) else None
        if not isinstance(identity, str) or not 0 < len(identity) <= NAME or not _storable(identity):
            raise TokenRefused(20106)
        if identity == SYSTEM:
            raise TokenRefused(20106, f"Invalid access token grants: the identity {SYSTEM} is reserved")
        role_sid = chat.get("deployment_role_sid")
        if role_sid is not None and not (isinstance(role_sid, str) and is_sid(role_sid, "RL")):
            raise TokenRefused(20106, NO_ROLE)
        return Grant(identity, float(claims["exp"]), token, role_sid)


def _storable(text: str) -> bool:
    """Whether it has no lone surrogates."""
    return text.encode("utf-8", "replace").decode() == text
