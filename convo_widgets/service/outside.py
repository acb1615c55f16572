"""Calls to webhooks: one after the other for each address, in the order of what happened, each within five seconds."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import unquote, urlencode, urlsplit

from convo_widgets.service import events
from convo_widgets.service.loops import Keep
from convo_widgets.service.refusals import Refused
from convo_widgets.service.webhooks import Told
from convo_widgets.wire import json

logger = logging.getLogger("convo_widgets.service")
WITHIN = 5.0
"""Seconds for an answer."""
WAITING = 1000
"""Calls that may wait for one address; what comes after them is not told."""
ADDRESSES = 100
"""Addresses that are called at a time."""
LARGEST = 64 * 1024
"""Bytes of an answer that are read."""


class HookFailed(Exception):
    """A webhook could not be called, or what it answered is no HTTP."""


class Caller:
    """Calls webhooks on this machine, and on `hosts`.

    Args:
        secret: signs each call, as X-Twilio-Signature.
        keep: begins a task that ends with the service.
        hosts: names of other machines that may be called.
    """

    def __init__(self, secret: str, keep: Keep, hosts: Iterable[str] = ()) -> None:
        self._secret = secret
        self._hosts = frozenset(host.lower() for host in hosts)
        self._waiting: dict[str, deque[Told]] = {}
        self._keep = keep

    def __repr__(self) -> str:
        return f"<Caller of {len(self._waiting)} addresses>"

    def tell(self, told: Iterable[Told]) -> None:
        """Call these soon; what they answer does not matter."""
        for one in told:
            if one.url in self._waiting:
                if len(self._waiting[one.url]) < WAITING:
                    self._waiting[one.url].append(one)
                else:
                    logger.warning("a webhook is too slow: it misses %s", one.fields["EventType"])
            elif len(self._waiting) < ADDRESSES:
                self._waiting[one.url] = deque([one])
                self._keep(self._tell_all(one.url))

    async def _tell_all(self, url: str) -> None:
        queue = self._waiting[url]
        while queue:
            told = queue.popleft()
            try:
                await self.call(told)
            except (HookFailed, OSError) as error:
                why = error if isinstance(error, HookFailed) else type(error).__name__
                logger.warning("a webhook did not hear of %s: %s", told.fields["EventType"], why)
        del self._waiting[url]

    async def ask(self, told: Iterable[Told]) -> dict[str, str]:
        """Ask one after the other; what they put in place of what is about to be written, by the names of JSON.

        Who cannot be reached, or is silent, has nothing against it.

        Raises:
            Refused: 50056 one is against it, 50057 one failed, or answered what cannot be.
        """
        changes: dict[str, str] = {}
        for one in told:
            event = one.fields["EventType"]
            fields = one.fields | {events.in_a_form(name): text for name, text in changes.items()}
            try:
                status, body = await self.call(replace(one, fields=fields))
            except HookFailed as error:
                raise Refused(50057, str(error)) from error
            except OSError as error:  # a timeout is one too
                logger.warning("a webhook was not asked about %s: %s", event, type(error).__name__)
                continue
            if not 200 <= status < 300:
                raise Refused(50056 if 400 <= status < 500 else 50057, f"it answered {status}")
            changes |= _changes(event, body)
        return changes

    async def call(self, told: Told) -> tuple[int, bytes]:
        """Call one and wait: status and body of its answer.

        Raises:
            HookFailed: it may not be called, or does not answer in HTTP.
            OSError: it cannot be reached, or, as TimeoutError, took too long.
        """
        parts = urlsplit(told.url)
        host = parts.hostname or ""
        if not self._may_call(host):
            raise HookFailed("only webhooks on this machine are called, and on hosts that were named at the start")
        secure = parts.scheme == "https"
        try:
            async with asyncio.timeout(WITHIN):
                reader, writer = await asyncio.open_connection(
                    host, parts.port or (443 if secure else 80), ssl=secure or None, limit=LARGEST
                )
                try:
                    writer.write(self._request(told))
                    await writer.drain()
                    return await _answer(reader)
                finally:
                    writer.close()
        except (ValueError, EOFError, asyncio.LimitOverrunError) as error:
            raise HookFailed(f"no answer in HTTP ({type(error).__name__})") from error

    def _may_call(self, host: str) -> bool:
        if host.lower() in self._hosts or host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def _request(self, told: Told) -> bytes:
        """The request: a form, or for GET the same in the address; signed over the address and the sorted form."""
        parts, form = urlsplit(told.url), urlencode(told.fields)
        target, url, body = parts.path or "/", told.url.partition("#")[0], b""
        query = parts.query
        if told.method == "GET":
            query = f"{query}&{form}" if query else form
            url = f"{url.partition('?')[0]}?{query}"
            signed = url
        else:
            body = form.encode()
            signed = url + "".join(name + told.fields[name] for name in sorted(told.fields))
        digest = hmac.new(self._secret.encode(), signed.encode(), hashlib.sha1).digest()
        lines = [
            f"{told.method} {target}{'?' + query if query else ''} HTTP/1.1",
            f"Host: {parts.netloc.rpartition('@')[2]}",
            "User-Agent: convo-widgets",
            "Accept: */*",
            f"X-Twilio-Signature: {base64.b64encode(digest).decode()}",
            "Connection: close",
        ]
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            lines.append(f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
        if told.method != "GET":
            lines += ["Content-Type: application/x-www-form-urlencoded; charset=utf-8", f"Content-Length: {len(body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body


def _changes(event: str, body: bytes) -> dict[str, str]:
    """What an answer says in place of what is about to be written; one that is no JSON object says nothing."""
    try:
        said = json.decode(body)
    except (json.BadJSON, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    changes = {name: said[name] for name in events.CHANGES.get(event, ()) if said.get(name) is not None}
    for name, value in changes.items():
        if not isinstance(value, str):
            raise Refused(50057, f"{name} in its answer is no text")
    return changes


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body, of which no more is read than there may be."""
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    version, status, *_ = head[0].split(b" ")
    if not version.startswith(b"HTTP/1.") or not status.isdigit() or len(status) != 3:
        raise ValueError("no status")
    headers = dict(line.lower().split(b":", 1) for line in head[1:] if b":" in line)
    length = headers.get(b"content-length", b"").strip()
    if length.isdigit() and len(length) < 10:
        return int(status), await reader.readexactly(min(int(length), LARGEST))
    body = b""
    while len(body) < LARGEST:
        part = await reader.read(LARGEST - len(body))
        if not part:
            break
        body += part
    return int(status), _unchunk(body) if b"chunked" in headers.get(b"transfer-encoding", b"") else body


def _unchunk(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        count = int(size.partition(b";")[0], 16)
        if not 0 < count <= len(body):
            break
        whole, body = whole + body[:count], body[count + 2 :]
    return whole
