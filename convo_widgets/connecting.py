"""`connect`: from nothing, or from a token, to a client that is ready."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Any

from convo_widgets.client.client import Client
from convo_widgets.client.tokens import Token
from convo_widgets.errors import UsageError
from convo_widgets.service.local import LocalService
from convo_widgets.transport.network import NETWORK

DEMO_IDENTITY = "dana"


class Connecting:
    """What `connect` returns: await it for a client, or enter it with ``async with``."""

    def __init__(self, token: Token | None, region: str, url: str | None, service: LocalService | None) -> None:
        if url is not None and service is not None:
            raise UsageError("Give connect() a url or a service, not both.")
        if token is None and url is not None:
            raise UsageError("A service at a url needs a token: connect(token, url=...).")
        self._token = token
        self._region = region
        self._url = url
        self._service = service
        self._own_service: LocalService | None = None
        self._client: Client | None = None

    def __await__(self) -> Generator[Any, None, Client]:
        return self._connect().__await__()

    async def __aenter__(self) -> Client:
        self._client = await self._connect()
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.shutdown()
        if self._own_service is not None:
            self._own_service.stop()

    async def _connect(self) -> Client:
        service, token = self._service, self._token
        if token is None and service is None:
            service = self._own_service = LocalService()
        if token is None:
            assert service is not None
            token = _minting(service)
        try:
            url, transport = (self._url, None) if service is None else (service.url, service.transport)
            client = await Client.create(token, region=self._region, url=url, transport=transport or NETWORK)
        except BaseException:
            if self._own_service is not None:
                self._own_service.stop()
            raise
        client.service = service
        return client


def connect(
    token: Token | None = None,
    *,
    region: str = "us1",
    url: str | None = None,
    service: LocalService | None = None,
) -> Connecting:
    """Connect to a chat service: await the result, or enter it with ``async with``.

    Without a token it needs no account: it starts the embedded service with its demo data (or uses `service`) and
    connects as "dana", an agent of the demo support desk. The service is then `client.service`.

    Args:
        token: an access token, or a function (sync or async) that fetches one; a function is called again before the
            token expires.
        region: of the cloud, for example "ie1".
        url: base URL of a service elsewhere, as ``convo-widgets serve`` prints it.
        service: an embedded service of this process.

    Raises:
        ConnectFailed: nobody answers there.
        TokenError: the token cannot be used; it says why.
        UsageError: the arguments do not fit together.
    """
    return Connecting(token, region, url, service)


def _minting(service: LocalService) -> Token:
    return lambda: service.token(DEMO_IDENTITY)
