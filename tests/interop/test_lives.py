"""The life of a connection: the genuine SDK and our client tell of it in the same words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest

import convo_widgets as cw

from .ours import Ours
from .sides import Sdk, SdkError, Side

LIFE = (
    *("initialized", "initFailed", "stateChanged", "connectionStateChanged", "connectionError"),
    *("tokenAboutToExpire", "tokenExpired"),
)
UNTOLD = ("initialized", "initFailed", "tokenAboutToExpire", "tokenExpired")
"""Events that come without a payload there, or with an error that has other names."""


def life(side: Side) -> list[tuple[str, Any]]:
    """What was told of the connection, without sentences."""
    told = [(name, payload) for name, payload in side.events if name in LIFE]
    return [(name, None if name in UNTOLD else bare(payload)) for name, payload in told]


def bare(payload: Any) -> Any:
    """What of a failure can be compared."""
    fields = ("terminal", "httpStatusCode", "errorCode")
    return [payload.get(name) for name in fields] if isinstance(payload, dict) else payload


def states(side: Side) -> list[str]:
    """The states of the connection."""
    return [str(state) for state in side.seen("connectionStateChanged")]


@pytest.fixture
async def pair(service: cw.LocalService) -> AsyncIterator[tuple[Sdk, Ours]]:
    """One client of each kind, not connected yet."""
    sdk, ours = await Sdk.start("3"), Ours()
    yield sdk, ours
    await asyncio.gather(sdk.stop(), ours.stop())


async def connect(pair: tuple[Sdk, Ours], service: cw.LocalService, token: str | None = None) -> None:
    """Connect both as Alice."""
    for side in pair:
        await side.connect(service, "alice", token=token)


async def test_a_lost_connection(service: cw.LocalService, pair: tuple[Sdk, Ours]) -> None:
    """From the beginning over a loss; only ours also tells that it was lost, as `connectionError`."""
    await connect(pair, service)
    service.faults.drop_connections()
    for side in pair:
        await side.wait("connectionStateChanged", lambda _, side=side: states(side).count("connected") > 1)
    there, here = [[told for told in life(side) if told[0] != "connectionError"] for side in pair]
    assert here == there


async def test_a_token_that_ends(service: cw.LocalService, pair: tuple[Sdk, Ours]) -> None:
    """Announced, over, and a new one: at both, though only the SDK is "disconnecting" in between."""
    await connect(pair, service, service.token("alice", ttl=2))
    for side in pair:
        await side.wait("connectionStateChanged", lambda state: state == "disconnected")
        await side.client("updateToken", service.token("alice"))
        await side.wait("connectionStateChanged", lambda _, side=side: states(side)[-1] == "connected")
    there, here = [[state for state in states(side) if state != "disconnecting"] for side in pair]
    assert here == there
    for name in ("tokenAboutToExpire", "tokenExpired"):
        assert len(pair[0].seen(name)) == len(pair[1].seen(name)) == 1


@pytest.mark.parametrize("kind", ["expired", "foreign", "signature", "service"])
async def test_a_refused_token(service: cw.LocalService, pair: tuple[Sdk, Ours], kind: str) -> None:
    """What the service minds of it: the same events with the same codes (the SDK says some of them twice)."""
    claims = jwt.decode(service.token("alice"), options={"verify_signature": False})
    secret, changes = {
        "expired": (service.api_secret, {"exp": int(time.time()) - 10}),
        "foreign": ("f" * 40, {"iss": "SK" + "1" * 32, "sub": "AC" + "1" * 32}),
        "signature": ("f" * 40, {}),
        "service": (service.api_secret, {"grants": {"identity": "alice", "chat": {"service_sid": "IS" + "1" * 32}}}),
    }[kind]
    token = jwt.encode({**claims, **changes}, secret, algorithm="HS256", headers={"cty": "twilio-fpa;v=1"})
    for side in pair:
        with pytest.raises(SdkError):
            await side.connect(service, "alice", token=token)
        await side.wait("connectionError")
        await side.wait("initFailed")
    there, here = [{str(told) for told in life(side)} for side in pair]
    assert here == there
    assert states(pair[1]) == ["connecting", "denied"]
