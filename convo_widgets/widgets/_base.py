"""What all widgets share: their tasks, requests from the view, and changes sent to it in batches.

Jupyter may call back in any thread (ipykernel 7 handles widget messages in a thread of its own), so nothing is done
in a callback: the loop on which the widget was made is remembered, and the work is handed over to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

import anywidget

from convo_widgets.errors import ConvoError, UsageError

log = logging.getLogger("convo_widgets")

STATIC = Path(__file__).parent / "static"
BATCH_INTERVAL = 1 / 60  # seconds: at most one message a frame, far below the notebook server's limit of 1,000/s
BATCH_LIMIT = 1000  # more changes than that at once, and the view had better read everything anew

Request = Callable[[dict[str, Any]], Awaitable[Any]]


NOT_BUILT = "export default {render: ({el}) => {el.textContent = 'The front end is not built: run make js (Node 20).'}}"


def bundle(name: str) -> Path | str:
    """A file of the built front end; in a checkout that has none yet, a module that says so."""
    path = STATIC / name
    if path.exists():
        return path
    return NOT_BUILT if name.endswith(".js") else ""


class Widget(anywidget.AnyWidget):
    """Base of all widgets. Make it where an event loop runs: in a notebook cell or in an async function."""

    REQUESTS: ClassVar[frozenset[str]] = frozenset()
    """What the view may ask for; `_answer_<name>` answers it."""
    _closed = True  # until it is made, for one that could not be made is closed all the same, when it is thrown away

    def __init__(self, **traits: Any) -> None:
        unknown = sorted(set(traits) - set(self.trait_names()))
        if unknown:
            raise UsageError(f"{type(self).__name__} has no argument {unknown[0]!r}.")
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(
                f"{type(self).__name__} needs a running event loop: make it in a notebook cell or an async function."
            ) from None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changes: list[dict[str, Any]] = []
        self._batch_timer: asyncio.TimerHandle | None = None
        self._sequence = 0
        super().__init__(**traits)
        self.on_msg(self._on_message)
        self._closed = False

    def close(self) -> None:
        """Take the widget off the page and end its tasks."""
        if not self._closed:
            self._closed = True
            for task in list(self._tasks):
                task.cancel()
            if self._batch_timer is not None:
                self._batch_timer.cancel()
        super().close()

    # -- tasks

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, ConvoError):
            log.warning("a task of %s failed: %s", type(self).__name__, error)
        elif error is not None:
            log.error("a task of %s failed", type(self).__name__, exc_info=error)

    def _soon(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Run it on the widget's own loop, from whatever thread this is."""
        self._loop.call_soon_threadsafe(call, *arguments)

    # -- requests from the view

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        self._soon(self._receive, content)

    def _receive(self, content: Any) -> None:
        if self._closed or not isinstance(content, dict) or content.get("kind") != "request":
            return
        self._spawn(self._respond(str(content.get("id")), str(content.get("method")), content.get("params")))

    async def _respond(self, id: str, method: str, params: Any) -> None:
        try:
            if method not in self.REQUESTS or not isinstance(params, dict):
                raise UsageError(f"The view asked for something unknown: {method}.")
            answer: Request = getattr(self, f"_answer_{method}")
            result = await answer(params)
        except ConvoError as error:
            self._reject(id, type(error).__name__, str(error))
        except Exception as error:  # whatever it is, the view waits for an answer
            log.exception("a request of the view could not be answered")
            self._reject(id, type(error).__name__, f"The kernel could not answer {method!r}: its log says why.")
        else:
            self.send({"kind": "response", "id": id, "ok": True, "result": result})

    def _reject(self, id: str, type: str, message: str) -> None:
        self.send({"kind": "response", "id": id, "ok": False, "error": {"type": type, "message": message}})

    # -- changes for the view

    def _change(self, type: str, **fields: Any) -> None:
        """Tell every view; what happens within one frame travels together."""
        self._changes.append({"type": type, **fields})
        if self._batch_timer is None:
            self._batch_timer = self._loop.call_later(BATCH_INTERVAL, self._flush)

    def _flush(self) -> None:
        self._batch_timer = None
        changes, self._changes = self._changes, []
        if len(changes) > BATCH_LIMIT:
            changes = [{"type": "reset"}]
        self._sequence += 1
        self.send({"kind": "batch", "seq": self._sequence, "changes": changes})

    # -- what is shown where no front end runs

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        made = super()._repr_mimebundle_(**options)
        if made is None:
            return None
        data, metadata = made if isinstance(made, tuple) else (made, {})
        return {**data, "text/html": self._static_html(), "text/plain": repr(self)}, metadata

    def _static_html(self) -> str:
        raise NotImplementedError
