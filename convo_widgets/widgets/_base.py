"""What all widgets share: their tasks, requests from the view, callbacks, faults, and changes sent in batches.

Jupyter may call back in any thread (ipykernel 7 handles widget messages in a thread of its own), so whatever comes from
a view is handed over to the loop on which the widget was made: requests, traits, and with them observers and callbacks.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import re
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import traitlets

from convo_widgets.client.client import Client
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.widgets._saved import Saved
from convo_widgets.widgets._sealed import sealed

log = logging.getLogger("convo_widgets")

STATIC = Path(__file__).parent / "static"
BATCH_INTERVAL = 1 / 60  # seconds: at most one message a frame, far below the notebook server's limit of 1,000/s
BATCH_LIMIT = 1000  # more changes than that at once, and the view had better read everything anew
BEAT = 4.0  # seconds between two signs of life for the views
FAULTS = 20  # that are kept for the strip
LONGEST_TRACEBACK = 8000  # characters of a fault that a view is told; the end says most
_TOKEN = re.compile(r"eyJ[\w-]{8,}(\.[\w-]*){0,2}")

Request = Callable[[dict[str, Any]], Awaitable[Any]]
Callback = Callable[..., Any]


class Binary(NamedTuple):
    """An answer to a view that holds bytes."""

    result: Any
    buffers: list[bytes]


NOT_BUILT = "export default {render: ({el}) => {el.textContent = 'The front end is not built: run make js (Node 20).'}}"


def bundle(name: str) -> Path | str:
    """A file of the built front end; in a checkout that has none yet, a module that says so."""
    path = STATIC / name
    if path.exists():
        return path
    return NOT_BUILT if name.endswith(".js") else ""


class Widget(Saved):
    """Base of all widgets. Make it where an event loop runs: in a notebook cell or in an async function.

    Attributes:
        theme: "auto" follows the notebook; "light" and "dark" force it.
        height: of the view, in pixels.
    """

    theme = traitlets.Enum(["auto", "light", "dark"], "auto").tag(sync=True)
    height = traitlets.Int(480, min=160).tag(sync=True)
    _connection = traitlets.Unicode("connecting").tag(sync=True)

    REQUESTS: ClassVar[frozenset[str]] = frozenset()
    """What the view may ask for; `_answer_<name>` answers it. What came as bytes is in its params, as `buffers`."""
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
        self._offs: list[Callable[[], None]] = []
        self._callbacks: defaultdict[str, list[Callback]] = defaultdict(list)
        self._faults: list[dict[str, Any]] = []
        self._fault_ids = itertools.count(1)
        self._changes: list[dict[str, Any]] = []
        self._batch_timer: asyncio.TimerHandle | None = None
        self._beat_timer: asyncio.TimerHandle | None = None
        self._sequence = 0
        super().__init__(**traits)
        self.on_msg(self._on_message)
        self._closed = False

    def close(self) -> None:
        """Take the widget off the page and end its tasks; the client stays as it is."""
        if not self._closed:
            self._closed = True
            self._end()
        super().close()

    def _end(self) -> None:
        """End what belongs to it, once, and only if it was made whole."""
        self._let_go()
        for task in list(self._tasks):
            task.cancel()
        for timer in (self._batch_timer, self._beat_timer):
            if timer is not None:
                timer.cancel()

    def on_error(self, callback: Callback, remove: bool = False) -> None:
        """Call it with each exception that the views show: in their strip, or where something was not sent.

        Args:
            callback: sync or async, takes the exception.
            remove: do not call it any more.
        """
        self._register("error", callback, remove)

    # -- what it listens to

    def _watch(self, client: Client) -> None:
        """Show how the client's connection is."""
        self._connection = client.connection_state
        self._listen(client, "connectionStateChanged", to=self._connection_changed)

    def _connection_changed(self, state: str) -> None:
        self._connection = state

    def _listen(self, noun: Any, *events: str, to: Callback) -> None:
        """Hear events of a noun until `_let_go`."""
        self._offs += [noun.on(event, to) for event in events]

    def _let_go(self) -> None:
        """Hear nothing any more."""
        offs, self._offs = self._offs, []
        for off in offs:
            off()

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
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    # -- callbacks of users, and what goes wrong in them

    def _register(self, event: str, callback: Callback, remove: bool) -> None:
        if not callable(callback):
            raise UsageError(f"on_{event} takes a function, not {type(callback).__name__}.")
        if not remove:
            self._callbacks[event].append(callback)
        elif callback in self._callbacks[event]:
            self._callbacks[event].remove(callback)

    def _call(self, event: str, *values: Any) -> None:
        """Call everybody who wants to hear of it; one that fails stops nobody, and is shown in the strip."""
        for callback in tuple(self._callbacks[event]):
            self._spawn(self._run(event, callback, values))

    async def _run(self, event: str, callback: Callback, values: tuple[Any, ...]) -> None:
        try:
            result = callback(*values)
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            if event == "error":  # or it would be called with its own
                log.exception("a callback of on_error failed")
            self._fault(f"A callback of on_{event} failed", error, tell=event != "error")

    def _fault(self, what: str, error: BaseException, *, tell: bool = True) -> None:
        """Show in every view that something failed, with its traceback folded."""
        lines = "".join(traceback.format_exception(error))[-LONGEST_TRACEBACK:]
        fault = {"id": next(self._fault_ids), "what": what, "message": scrubbed(f"{type(error).__name__}: {error}")}
        self._faults = [*self._faults, fault | {"traceback": scrubbed(lines)}][-FAULTS:]
        self._tell_faults()
        if tell:
            self._call("error", error)

    def _tell_faults(self) -> None:
        self.send({"kind": "faults", "faults": self._faults})

    async def _answer_hello(self, _params: dict[str, Any]) -> dict[str, Any]:
        """A view is there, or asks for a sign of life."""
        self._beat_again()
        return {"faults": self._faults}

    async def _answer_dismiss(self, params: dict[str, Any]) -> None:
        self._faults = [fault for fault in self._faults if fault["id"] != params.get("id")]
        self._tell_faults()

    # -- from the view

    def _handle_msg(self, msg: dict[str, Any]) -> None:
        """Whatever comes from a page, in whatever thread."""
        self._soon(super()._handle_msg, msg)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The traits as views and saved notebooks get them; see `_sealed`."""
        state = super().get_state(key, drop_defaults)
        return {name: value if name in ("_esm", "_css") else sealed(value) for name, value in state.items()}

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take traits that a view has set; an observer that fails is shown in the strip."""
        if self._closed:
            return
        try:
            super().set_state(sync_data)
        except Exception as error:
            self._fault(f"An observer of {', '.join(sync_data)} failed", error)

    def _on_message(self, _widget: Any, content: Any, buffers: Any) -> None:
        if self._closed or not isinstance(content, dict) or content.get("kind") != "request":
            return
        params = content.get("params")
        if isinstance(params, dict) and buffers:
            params = {**params, "buffers": list(buffers)}
        self._spawn(self._respond(str(content.get("id")), str(content.get("method")), params))

    async def _respond(self, id: str, method: str, params: Any) -> None:
        try:
            known = method in self.REQUESTS or method in ("hello", "dismiss")
            if not known or not isinstance(params, dict):
                raise UsageError(f"The view asked for something unknown: {method}.")
            answer: Request = getattr(self, f"_answer_{method}")
            result = await answer(params)
        except ConvoError as error:
            self._reject(id, type(error).__name__, str(error))
        except Exception as error:  # whatever it is, the view waits for an answer
            log.exception("a request of the view could not be answered")
            self._fault(f"The kernel could not answer {method!r}", error)
            self._reject(id, type(error).__name__, f"The kernel could not answer {method!r}: its log says why.")
        else:
            result, buffers = result if isinstance(result, Binary) else (result, None)
            self.send({"kind": "response", "id": id, "ok": True, "result": result}, buffers)

    def _reject(self, id: str, type: str, message: str) -> None:
        self.send({"kind": "response", "id": id, "ok": False, "error": {"type": type, "message": message}})

    # -- signs of life, and changes for the view

    def _beat(self) -> None:
        self.send({"kind": "beat"})
        self._beat_again()

    def _beat_again(self) -> None:
        """From the first view on, views hear every few seconds that the kernel is there and not busy."""
        if self._beat_timer is not None:
            self._beat_timer.cancel()
        self._beat_timer = self._loop.call_later(BEAT, self._beat)

    def _change(self, type: str, **fields: Any) -> None:
        """Tell every view; what happens within one frame travels together."""
        self._changes.append({"type": type, **fields})
        if self._batch_timer is None:
            self._batch_timer = self._loop.call_later(BATCH_INTERVAL, self._flush)

    def _flush_now(self) -> None:
        """Let what is waiting go out before something else does."""
        if self._batch_timer is not None:
            self._batch_timer.cancel()
            self._flush()

    def _flush(self) -> None:
        self._batch_timer = None
        changes, self._changes = self._changes, []
        if len(changes) > BATCH_LIMIT:
            changes = [{"type": "reset"}]
        self._sequence += 1
        self.send({"kind": "batch", "seq": self._sequence, "changes": changes})


def number(params: dict[str, Any], name: str) -> int:
    """A whole number of a view's request.

    Raises:
        UsageError: there is none.
    """
    value = params.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"The view gave no number as {name!r}.")
    return value


def scrubbed(text: str) -> str:
    """The text without tokens."""
    return _TOKEN.sub("<token>", text)
