"""Widgets inside a widget, over its one comm.

Marimo shows no containers of widgets, so a composed view is one anywidget. Each part is the widget that it is
elsewhere. Only its comm is another: what it sends goes out as a message of its host, and what the host's views say to a
part is given to it. A view begins with the snapshot in the host's state and then asks for the parts as they are now.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import ipywidgets
import traitlets

from convo_widgets.widgets._base import Widget
from convo_widgets.wire import json

SNAPSHOT_INTERVAL = 1.0  # seconds between two updates of what new views and saved notebooks begin with
SNAPSHOT_LIMIT = 256 * 1024  # bytes of a part in it
_NOT_SHOWN = ("_esm", "_css", "_anywidget", "_model_", "_view_", "_dom_", "layout", "tabbable", "tooltip")

Handler = Callable[[dict[str, Any]], None]


class Tube:
    """The comm of a part, as ipywidgets uses one.

    Attributes:
        comm_id: names the part among all widgets of the kernel.
    """

    def __init__(self, host: Host, name: str) -> None:
        self.comm_id = uuid4().hex
        self._host = host
        self._name = name
        self._handler: Handler | None = None

    def on_msg(self, handler: Handler | None) -> None:
        """Where what the views say is to go."""
        self._handler = handler

    def on_close(self, handler: Handler | None) -> None:
        """Nobody closes a part but its host."""

    def send(self, data: dict[str, Any] | None = None, metadata: Any = None, buffers: Any = None) -> None:
        """What a part says: a message, or traits that have changed."""
        self._host._part_said(self._name, data or {}, buffers)

    def close(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        """The part is over."""
        self._handler = None

    def hear(self, data: dict[str, Any], buffers: Any) -> None:
        """What a view says."""
        if self._handler is not None:
            self._handler({"content": {"data": data}, "buffers": buffers or []})


class Host(Widget):
    """Base of widgets that are made of others; `_add` the parts."""

    _parts: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)

    REQUESTS = frozenset({"parts"})

    def __init__(self, **traits: Any) -> None:
        self._inside: dict[str, Widget] = {}
        self._snapshot_timer: asyncio.TimerHandle | None = None
        super().__init__(**traits)

    def _end(self) -> None:
        if self._snapshot_timer is not None:
            self._snapshot_timer.cancel()
        for part in self._inside.values():
            part.close()
        super()._end()

    def _add(self, name: str, make: Callable[[Tube], Widget]) -> Any:
        """Make a part: `make` gets the comm that it must be made with."""
        with _unannounced():
            part = self._inside[name] = make(Tube(self, name))
        self.send({"kind": "part", "part": name, "state": _state(part)})
        self._snapshot_soon()
        return part

    async def _answer_parts(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {name: _state(part) for name, part in self._inside.items()}

    def _static_html(self) -> str:
        return "\n".join(part._static_html() for part in self._inside.values())

    def _part_said(self, name: str, data: dict[str, Any], buffers: Any) -> None:
        if self._closed or name not in self._inside:  # it is being made: `_add` tells all of its state
            return
        if data.get("method") == "custom":
            self.send({"kind": "part", "part": name, "content": data.get("content")}, buffers)
            return
        state = _shown(data.get("state", {}))
        if state:
            self.send({"kind": "part", "part": name, "state": state})
            self._snapshot_soon()

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("kind") != "part":
            super()._on_message(widget, content, buffers)
            return
        part = self._inside.get(str(content.get("part")))
        if part is None or self._closed:
            return
        state = content.get("state")
        tube: Tube = part.comm
        if isinstance(state, dict):
            tube.hear({"method": "update", "state": _shown(state)}, None)
        else:
            tube.hear({"method": "custom", "content": content.get("content")}, buffers)

    def _snapshot_soon(self) -> None:
        if self._snapshot_timer is None:
            self._snapshot_timer = self._loop.call_later(SNAPSHOT_INTERVAL, self._snapshot)

    def _snapshot(self) -> None:
        self._snapshot_timer = None
        self._parts = {name: _bounded(_state(part)) for name, part in self._inside.items()}
        self._keep()


@contextlib.contextmanager
def _unannounced() -> Iterator[None]:
    """What is made meanwhile is not told to the notebook: marimo would give it a comm of its own."""
    callback = ipywidgets.Widget._widget_construction_callback
    ipywidgets.Widget.on_widget_constructed(None)
    try:
        yield
    finally:
        ipywidgets.Widget.on_widget_constructed(callback)


def _state(part: Widget) -> dict[str, Any]:
    """The traits of a part that its view needs."""
    return _shown(part.get_state())


def _bounded(state: dict[str, Any]) -> dict[str, Any]:
    """So much of it as a saved notebook may hold: the largest traits are left out, and told when a view asks."""
    sizes = {name: len(json.encode(value)) for name, value in state.items()}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sum(sizes.values()) <= SNAPSHOT_LIMIT:
            break
        del sizes[name]
    return {name: state[name] for name in sizes}


def _shown(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if not name.startswith(_NOT_SHOWN)}
