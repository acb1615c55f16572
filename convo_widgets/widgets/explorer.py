"""Inbox, thread and participants in one, and how to go on in Python."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pandas as pd
import traitlets

from convo_widgets.client.client import Client
from convo_widgets.dataframes.csv import write_whole
from convo_widgets.dataframes.tables import messages_frame
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.widgets._base import Binary, bundle
from convo_widgets.widgets._exports import KINDS, Chosen, Kind, encoded, free_path, name_of
from convo_widgets.widgets._parts import Host
from convo_widgets.widgets.connection import Connection
from convo_widgets.widgets.inbox import Inbox
from convo_widgets.widgets.participants import Participants
from convo_widgets.widgets.thread import Thread

DOWNLOAD = 16 * 1024 * 1024  # bytes of a file that a view is given; a larger one is written by the kernel
LONGEST_HINT = 2000  # characters of the Python that a view shows
COLUMNS = ("conversation_sid", "index", "author", "channel", "body", "date_created")  # that a learner looks at first


class Explorer(Host):
    """All conversations of a client: choose one on the left, read and write in it, see who is there.

    Attributes:
        selected_sid: sid (CH...) of the conversation that is shown, empty while there is none.
        scope: what is exported: the "conversation" that is shown, or all that are "listed" by the inbox's search and
            filters.
        since: only messages written then or later are exported: ISO 8601 text such as "2026-11-19", in UTC; empty for
            all.
        until: only messages written before then.
        frame: the last DataFrame that was made with the button or `to_frame`; None before.
        inbox: the `Inbox` on the left, with its own traits and callbacks.
        thread: the `Thread` in the middle; None while no conversation was shown: `await explorer.ready()`.
        participants: the `Participants` on the right; None as the thread is.
        connection: the `Connection` at the foot.
    """

    _esm = bundle("explorer.js")
    _css = bundle("explorer.css")

    selected_sid = traitlets.Unicode().tag(sync=True)
    scope = traitlets.Enum(["conversation", "listed"], "conversation").tag(sync=True)
    since = traitlets.Unicode().tag(sync=True)
    until = traitlets.Unicode().tag(sync=True)
    _title = traitlets.Unicode().tag(sync=True)
    _gone = traitlets.Unicode().tag(sync=True)
    _hint = traitlets.Unicode().tag(sync=True)

    REQUESTS = Host.REQUESTS | {"frame", "export", "cancel", "python"}

    def __init__(self, client: Client, **traits: Any) -> None:
        if not isinstance(client, Client):
            raise UsageError(f"Explorer shows a Client's conversations, not {type(client).__name__}.")
        self._client = client
        self.frame: pd.DataFrame | None = None
        self.thread: Thread | None = None
        self.participants: Participants | None = None
        self._work: asyncio.Task[Any] | None = None
        chosen = traits.pop("selected_sid", "")
        super().__init__(**{"height": 640, **traits})
        self._title = client.user.friendly_name or client.user.identity
        self._watch(client)
        self._listen(client, "conversationLeft", "conversationRemoved", to=self._left)
        self.connection: Connection = self._add("connection", lambda tube: Connection(client, comm=tube))
        self.inbox: Inbox = self._add("inbox", lambda tube: Inbox(client, comm=tube))
        traitlets.link((self.inbox, "selected_sid"), (self, "selected_sid"))
        self.inbox.observe(self._hint_anew, "view_state")
        self.observe(self._hint_anew, ["selected_sid", "scope", "since", "until"])
        self.observe(lambda change: self._follow(change["new"]), "selected_sid")
        self._showing = self._spawn(self._choose())
        if chosen:
            self.selected_sid = chosen

    def __repr__(self) -> str:
        return f"<Explorer of {self._client!r}>"

    @property
    def client(self) -> Client:
        """Whose conversations are shown."""
        return self._client

    async def ready(self) -> Explorer:
        """Wait until the conversations are listed and one of them is shown, if there is one; gives the explorer."""
        await self.inbox.loaded()
        while not self._showing.done():  # it may be replaced meanwhile, by another choice
            await asyncio.wait([self._showing])
        for part in (self.thread, self.participants):
            if part is not None:
                await part._loaded()
        return self

    # -- which conversation

    async def _choose(self) -> None:
        """Begin with the newest conversation."""
        await self.inbox.loaded()
        if self.inbox.visible and not self.selected_sid:
            self.selected_sid = self.inbox.visible[0]

    def _follow(self, sid: str) -> None:
        if not self._closed and sid:
            self._gone = ""
            self._showing = self._spawn(self._show(sid))

    async def _show(self, sid: str) -> None:
        """Show a conversation; one that cannot be is a fault, and what was shown before stays."""
        try:
            conversation = await self._client.get_conversation_by_sid(sid)
        except ConvoError as error:
            if sid == self.selected_sid:
                self._fault("The conversation cannot be shown", error)
                self.selected_sid = "" if self.thread is None else self.thread.conversation_sid
            return
        if sid != self.selected_sid:
            return
        if self.thread is None or self.participants is None:
            self.thread = self._add("thread", lambda tube: Thread(conversation, comm=tube))
            self.participants = self._add("participants", lambda tube: Participants(conversation, comm=tube))
            self.thread.observe(self._thread_switched, "conversation_sid")
        else:
            self.thread.conversation_sid = self.participants.conversation_sid = sid

    def _thread_switched(self, change: Any) -> None:
        """Somebody let the thread show another conversation: the rest goes with it."""
        self.selected_sid = change["new"]

    def _left(self, conversation: Any) -> None:
        """It was removed under the reader, or left elsewhere."""
        if conversation.sid == self.selected_sid:
            self._gone = conversation.friendly_name or conversation.unique_name or conversation.sid
            self.selected_sid = ""

    # -- exports

    async def to_frame(self) -> pd.DataFrame:
        """The messages of what is chosen (`scope`, `since`, `until`) as a DataFrame, also kept as `frame`.

        Raises:
            UsageError: nothing is chosen, or a date is none.
            TransportError: the connection stayed lost.
        """
        chosen = self._chosen()
        if chosen.sids is None:
            source: Any = self._client
        else:
            source = [await self._client.get_conversation_by_sid(sid) for sid in chosen.sids]
        frame = await messages_frame(source, chosen.since or None, chosen.until or None, progress=False)
        self.frame = frame
        return frame

    async def export(self, kind: Kind, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the messages of what is chosen to a file, which is there whole or not at all.

        Args:
            kind: "csv" (no text is a formula for a spreadsheet), "parquet" (verbatim), or "html" (a transcript for
                people, of the conversation that is shown, with all its messages).
            path: the file; None makes one in the working folder, named by what is in it, and replaces none.

        Returns:
            The path.

        Raises:
            UsageError: nothing is chosen, or the kind, a date or the path does not fit.
        """
        data = await self._file(kind)
        return await self._write(data, kind, path)

    def python(self) -> str:
        """The Python that reads what is chosen into a DataFrame, to run in a cell: there is no token in it."""
        return self._chosen().python(name_of(self._client, "client"), name_of(self, "explorer"))

    def _chosen(self) -> Chosen:
        if self.scope == "listed":
            state, every = self.inbox.view_state, self.inbox.visible
            is_all = not state.get("search") and not state.get("filters")
            return Chosen(None if is_all else every, since=self.since, until=self.until)
        if not self.selected_sid:
            raise UsageError("No conversation is chosen: choose one, or export all that are listed.")
        name = self.selected_sid
        if self.thread is not None and self.thread.conversation.sid == self.selected_sid:
            conversation = self.thread.conversation
            name = conversation.unique_name or conversation.friendly_name or name
        return Chosen([self.selected_sid], name, self.since, self.until)

    async def _file(self, kind: Kind) -> bytes:
        if kind not in KINDS:
            raise UsageError(f"An export is of kind {', '.join(KINDS)}, not {kind!r}.")
        if kind != "html":
            data: bytes = await self._client._media.http.aside(encoded, await self.to_frame(), kind)
            return data
        if self.scope != "conversation" or self.thread is None or not self.selected_sid:
            raise UsageError("A page is of one conversation: choose it, and export that.")
        await self.ready()
        page = await self.thread.to_html()
        return page.encode("utf-8", "replace")

    async def _write(self, data: bytes, kind: Kind, path: str | os.PathLike[str] | None) -> Path:
        target = free_path(self._chosen().file_name(kind)) if path is None else path
        try:
            written: Path = await self._client._media.http.aside(write_whole, target, data)
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error.strerror or error}") from error
        return written

    # -- what the views ask for

    async def _answer_frame(self, _params: dict[str, Any]) -> dict[str, Any]:
        frame = await self._cancellable(self.to_frame())
        name = name_of(self, "explorer")
        self._hint = f"df = {name}.frame\ndf[{list(COLUMNS)}].tail()"
        return {"rows": len(frame), "columns": len(frame.columns), "python": f"df = {name}.frame"}

    async def _answer_export(self, params: dict[str, Any]) -> Any:
        kind = params.get("kind")
        if kind not in KINDS:
            raise UsageError("The view asked for an export of a kind that there is not.")
        name = self._chosen().file_name(kind)
        data = await self._cancellable(self._file(kind))
        python = f"await {name_of(self, 'explorer')}.export({kind!r})"
        told = {"name": name, "size": len(data), "path": None, "python": python}
        if params.get("download") is not False and len(data) <= DOWNLOAD:
            return Binary(told, [data])
        return told | {"path": str(await self._write(data, kind, None))}

    async def _answer_cancel(self, _params: dict[str, Any]) -> None:
        if self._work is not None:
            self._work.cancel()

    async def _answer_python(self, _params: dict[str, Any]) -> str:
        return self.python()

    async def _cancellable(self, work: Any) -> Any:
        """Do it, one at a time; the view may want it no more."""
        if self._work is not None and not self._work.done():
            work.close()
            raise UsageError("An export is being made: wait for it, or cancel it.")
        self._work = self._spawn(work)
        await asyncio.wait([self._work])
        if self._work.cancelled():
            raise UsageError("The export was cancelled.")
        return self._work.result()

    def _hint_anew(self, _change: Any = None) -> None:
        try:
            code = self.python()
        except UsageError:
            code = ""
        self._hint = code if len(code) <= LONGEST_HINT else code[code.rindex("\n") + 1 :]
