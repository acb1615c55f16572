"""Widgets without a browser: what they send is seen at the comm, and what a view would send is given to it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import comm
import pytest
from comm.base_comm import BaseComm

import convo_widgets as cw
from convo_widgets.widgets._base import Widget
from convo_widgets.widgets._sealed import unsealed
from tests.client.people import PATIENCE, People, visitors


class View(BaseComm):
    """The page's end of a widget: the last place before the kernel's own sockets.

    Attributes:
        sent: every custom message, oldest first; one with bytes has them as `buffers`.
        state: the synced traits, as a page has them.
    """

    def publish_msg(self, msg_type: str, data: Any = None, *rest: Any, **keys: Any) -> None:
        """Take what goes out; it must be JSON, as it will be on the way to a page."""
        if not hasattr(self, "sent"):
            self.sent: list[dict[str, Any]] = []
            self.state: dict[str, Any] = {}
            self.closed = False
            self._ids = itertools.count(1)
            self._news = asyncio.Event()
        data = json.loads(json.dumps(data))
        if msg_type == "comm_close":
            self.closed = True
        elif data.get("method") == "custom":
            buffers = keys.get("buffers")
            self.sent.append({**data["content"], **({"buffers": [bytes(one) for one in buffers]} if buffers else {})})
        else:
            self.state |= {name: unsealed(value) for name, value in data.get("state", {}).items()}
        self._news.set()

    def say(self, content: Any, buffers: Sequence[bytes] = ()) -> None:
        """A custom message of the page."""
        views = [memoryview(one) for one in buffers]
        self.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": views})

    def set(self, **traits: Any) -> None:
        """The page changes traits."""
        self.handle_msg({"content": {"data": {"method": "update", "state": traits}}, "buffers": []})

    async def until(self, enough: Callable[[], Any]) -> Any:
        """Wait until `enough` gives something true; it is asked after each message."""
        async with asyncio.timeout(PATIENCE):
            while not (found := enough()):
                self._news.clear()
                await self._news.wait()
        return found

    async def ask(self, method: str, buffers: Sequence[bytes] = (), **params: Any) -> Any:
        """A request of the page; its response, good or bad."""
        id = f"r{next(self._ids)}"
        self.say({"kind": "request", "id": id, "method": method, "params": params}, buffers)
        return await self.until(lambda: next((one for one in self.sent if one.get("id") == id), None))

    async def result(self, method: str, **params: Any) -> Any:
        """A request of the page that must succeed; its result."""
        response = await self.ask(method, **params)
        assert response["ok"], response
        return response["result"]

    @property
    def batches(self) -> list[dict[str, Any]]:
        """The batches of changes so far; their numbers have no gap."""
        batches = [one for one in self.sent if one["kind"] == "batch"]
        numbers = [one["seq"] for one in batches]
        assert numbers == list(range(1, len(numbers) + 1))
        return batches

    def changes(self, *types: str) -> list[dict[str, Any]]:
        """The changes of these types so far (all, where none is named)."""
        changes = [change for batch in self.batches for change in batch["changes"]]
        return [change for change in changes if not types or change["type"] in types]


@pytest.fixture(autouse=True)
def comms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Widgets open their comm to a `View`."""
    monkeypatch.setattr(comm, "create_comm", View)
    monkeypatch.setattr("convo_widgets.transport.backoff.FIRST", 0.05)


@pytest.fixture(scope="session")
def service() -> Iterator[cw.LocalService]:
    """An empty service."""
    with cw.LocalService(seed=None) as running:
        yield running


@pytest.fixture
async def people(service: cw.LocalService) -> AsyncIterator[People]:
    """The people of one test, who leave nothing behind."""
    async with visitors(service) as everybody:
        yield everybody


Shown = Callable[[Widget], View]


@pytest.fixture
async def view_of(people: People) -> AsyncIterator[Shown]:
    """What a page has of a widget, which is closed at the end."""
    widgets: list[Widget] = []

    def of(widget: Widget) -> View:
        widgets.append(widget)
        view = widget.comm
        assert isinstance(view, View)
        return view

    yield of
    for widget in widgets:
        widget.close()


Show = Callable[..., tuple[cw.Thread, View]]


@pytest.fixture
async def show(people: People) -> AsyncIterator[Show]:
    """Makes a Thread of a conversation: the widget, and what a page has of it."""
    threads: list[cw.Thread] = []

    def make(conversation: cw.Conversation, **traits: Any) -> tuple[cw.Thread, View]:
        thread = cw.Thread(conversation, **traits)
        threads.append(thread)
        view = thread.comm
        assert isinstance(view, View)
        return thread, view

    yield make
    for thread in threads:
        thread.close()
