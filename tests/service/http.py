"""Plain HTTP for the tests: one request, without any client of ours."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from convo_widgets.service.local import LocalService


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The content as JSON."""
        return json.loads(self.content)

    @property
    def code(self) -> int:
        """The error code in it."""
        return int(self.body["code"])


async def ask(method: str, url: str, content: bytes = b"", **headers: str) -> Answer:
    """One request; underscores in the names of headers are hyphens."""

    def run() -> Answer:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, target, content or None, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    return await asyncio.to_thread(run)


class Account:
    """The account of a service, at its REST API."""

    def __init__(self, service: LocalService) -> None:
        self.service = service
        secret = base64.b64encode(f"{service.api_key}:{service.api_secret}".encode()).decode()
        self.headers = {"Authorization": f"Basic {secret}"}

    async def ask(self, method: str, path: str, fields: Any = None, **options: str) -> Answer:
        """A request: form fields from a dict, JSON with `json` true."""
        headers, content = dict(self.headers), b""
        if fields is not None and options.pop("json", ""):
            content, headers["Content-Type"] = json.dumps(fields).encode(), "application/json"
        elif fields is not None:
            content = urlencode(fields, doseq=True).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = f"{self.service.url}/v1{path}"
        if self.service.transport is None:
            return await ask(method, url, content, **headers, **options)
        async with httpx.AsyncClient(transport=self.service.transport) as client:
            named = headers | {name.replace("_", "-"): value for name, value in options.items()}
            response = await client.request(method, url, content=content or None, headers=named)
            return Answer(response.status_code, dict(response.headers), response.content)

    async def post(self, path: str, fields: Any = None, **options: str) -> Any:
        """The body of a POST that must succeed."""
        answer = await self.ask("POST", path, fields or {}, **options)
        assert 200 <= answer.status < 300, answer
        return answer.body
