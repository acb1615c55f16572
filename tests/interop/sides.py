"""The two kinds of clients side by side: the genuine SDKs in Node, and ours behind the same words."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convo_widgets.service.local import LocalService

from .used import record

HERE = Path(__file__).parent
PATIENCE = 15.0
"""Seconds for anything that a client is to say."""


class SdkError(Exception):
    """A call of the SDK failed: `.name`, `.status`, `.code`, `.body` as the SDK told them."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message"))
        self.name = error.get("name")
        self.status = error.get("status")
        self.code = error.get("code")
        self.body = error.get("body")


class Side:
    """One client, driven in the words of the SDK, whichever kind it is.

    Attributes:
        version: "2" and "3" are the genuine SDKs; "python" is ours.
        events: whatever it announced, oldest first, as (name, payload).
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.events: list[tuple[str, Any]] = []
        self._news = asyncio.Event()

    async def op(self, op: str, **args: Any) -> Any:
        """Run one op of the driver."""
        raise NotImplementedError

    async def client(self, method: str, *args: Any) -> Any:
        """Call a method of the client."""
        return await self.op("call", on="client", method=method, args=args)

    async def conversation(self, sid: str, method: str, *args: Any) -> Any:
        """Call a method of a conversation."""
        return await self.op("call", on={"conversation": sid}, method=method, args=args)

    async def message(self, sid: str, index: int, method: str, *args: Any) -> Any:
        """Call a method of a message."""
        return await self.op("call", on={"conversation": sid, "message": index}, method=method, args=args)

    async def participant(self, sid: str, participant: str, method: str, *args: Any) -> Any:
        """Call a method of a participant."""
        on = {"conversation": sid, "participant": participant}
        return await self.op("call", on=on, method=method, args=args)

    async def user(self, identity: str, method: str, *args: Any) -> Any:
        """Call a method of a user."""
        return await self.op("call", on={"user": identity}, method=method, args=args)

    async def page(self, page: dict[str, Any], method: str) -> Any:
        """Go on from a page: nextPage or prevPage."""
        return await self.op("call", on={"page": page["page"]}, method=method)

    async def get(self, on: Any, name: str) -> Any:
        """A property of the client ("client") or of an object."""
        return await self.op("get", on=on, name=name)

    def seen(self, name: str) -> list[Any]:
        """Payloads of the events of a name so far."""
        return [payload for event, payload in self.events if event == name]

    async def wait(self, name: str, match: Callable[[Any], bool] = lambda payload: True) -> Any:
        """The first event of a name, also an earlier one, whose payload matches."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := [payload for payload in self.seen(name) if match(payload)]):
                    await self.news()
        except TimeoutError:
            names = [event for event, _ in self.events]
            pytest.fail(f"{self.version} never announced the {name!r} that was waited for; it announced {names}")
        return found[0]

    async def news(self) -> None:
        """Wait for the next event, whichever."""
        self._news.clear()
        await self._news.wait()

    def _take(self, name: str, payload: Any) -> None:
        self.events.append((name, payload))
        self._news.set()


class Sdk(Side):
    """One genuine client in a Node process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, version: str) -> None:
        super().__init__(version)
        self._process = process
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, version: str) -> Sdk:
        """Start Node with one version of the SDK."""
        node = shutil.which("node")
        if node is None:
            pytest.fail("Node.js is missing: install Node 20 or newer")
        if not (HERE / "node_modules" / f"conversations-{version}").is_dir():
            pytest.fail("The genuine SDKs are not installed: run `npm ci` in tests/interop, or `make test`")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            node, "driver.mjs", version, cwd=HERE, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 24,
        )  # fmt: skip
        sdk = cls(process, version)
        await sdk.wait("ready")
        return sdk

    async def connect(
        self,
        service: LocalService,
        identity: str,
        *,
        token: str | None = None,
        ws_url: str | None = None,
        **options: Any,
    ) -> Sdk:
        """Connect to a service (through another socket address, if one is given); wait until the SDK is initialized."""
        token = service.token(identity) if token is None else token
        await self.op("connect", token=token, url=service.url, ws_url=ws_url or service.ws_url, options=options)
        return self

    async def op(self, op: str, **args: Any) -> Any:
        """Run one op of the driver."""
        id = len(self._waiting)
        future = self._waiting[id] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": id, "op": op, "args": args}).encode() + b"\n")
        async with asyncio.timeout(PATIENCE * 2):
            return await future

    async def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader
        for future in self._waiting.values():
            future.cancel()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            record(self.version, told["used"])
            if "event" in told:
                self._take(told["event"], told.get("payload"))
                continue
            future = self._waiting[told["id"]]
            if future.done():
                continue
            if told["ok"]:
                future.set_result(told.get("result"))
            else:
                future.set_exception(SdkError(told["error"]))
