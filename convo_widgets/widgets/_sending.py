"""What the views of a thread write: messages with files, exactly once; edits and removals.

A view gives every message an id of its own (`local_id`). Asking to send the same one again is harmless: it joins the
try under way, repeats one that failed, or hears what became of it. Files come first: `send` answers with the bytes that
are missing, the view brings them in chunks, and asks again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any

import traitlets

from convo_widgets.client.builder import UnsentMessage
from convo_widgets.client.conversation import Conversation
from convo_widgets.client.files import MB, FileMedia
from convo_widgets.client.message import Message
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.widgets._base import Callback
from convo_widgets.widgets._conversation import OfMessages

CHUNK = MB  # bytes of a file that a view may bring at a time; the notebook server drops messages over 10 MB
IN_MEMORY = MB  # bytes of a file that is under way; the rest of a larger one is on disk
IDLE = 600.0  # seconds after which a message that is not sent is forgotten, with its files
KEPT = 1000  # local ids of sent messages
MOST_WAITING = 50  # messages that are under way, or failed and not given up
PROGRESS_INTERVAL = 0.1  # seconds between two words of how far an upload is
SHORT = 1600  # characters that a message may have where somebody is on one of these
SHORT_CHANNELS = frozenset({"sms", "whatsapp"})
MOST_NAMED = 3
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+", re.IGNORECASE)


@dataclass(eq=False)
class Incoming:
    """A file on its way from a view.

    Attributes:
        name: as the others will see it.
        type: MIME type; None guesses by the name.
        size: bytes that there will be.
        received: bytes that are there.
    """

    name: str | None
    type: str | None
    size: int
    received: int = 0
    _spool: SpooledTemporaryFile[bytes] | None = None

    def write(self, chunk: memoryview) -> None:
        """Take the next bytes."""
        if self._spool is None:
            self._spool = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - `close` closes it
        self._spool.seek(self.received)
        self._spool.write(chunk)
        self.received += len(chunk)

    def medium(self) -> FileMedia:
        """All of it, once it is there."""
        assert self._spool is not None
        self._spool.seek(0)
        return FileMedia(self._spool, self.type, self.name)  # type: ignore[arg-type]

    def close(self) -> None:
        """Remove it."""
        if self._spool is not None:
            self._spool.close()


@dataclass(eq=False)
class Outgoing:
    """A message that a view wants to have sent.

    Attributes:
        unsent: the message, without its files until they are there.
        files: by the view's ids.
        task: sends it, or has failed to.
        is_posted: whether its files are up: it cannot be stopped any more.
    """

    conversation: Conversation
    unsent: UnsentMessage
    files: dict[str, Incoming]
    task: asyncio.Task[int] | None = None
    is_posted: bool = False
    expiry: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether it is being sent."""
        return self.task is not None and not self.task.done()

    @property
    def missing(self) -> list[dict[str, Any]]:
        """The files of which not all is there, and where each goes on."""
        return [{"id": id, "offset": one.received} for id, one in self.files.items() if one.received < one.size]

    def close(self) -> None:
        """Stop it, and remove its files."""
        if self.expiry is not None:
            self.expiry.cancel()
        if self.task is not None and not self.task.done():
            self.task.cancel()
            self.task.add_done_callback(lambda _: self._remove_files())  # they are being read
        else:
            self._remove_files()

    def _remove_files(self) -> None:
        for file in self.files.values():
            file.close()


class Sending(OfMessages):
    """Base of the thread: all that its composer and the menus of its rows ask for.

    Attributes:
        enter_sends: Enter sends and Shift+Enter makes a new line; False: the other way round.
        moderator: offer to edit and delete the messages of others too; the service says who may.
    """

    enter_sends = traitlets.Bool(True).tag(sync=True)
    moderator = traitlets.Bool(False).tag(sync=True)
    _writing = traitlets.Dict().tag(sync=True)

    REQUESTS = frozenset({"send", "upload", "cancel", "unsent", "typing", "edit", "remove"})

    def __init__(self, conversation: Conversation, *rest: Any, **traits: Any) -> None:
        self._outgoing: dict[str, Outgoing] = {}
        self._sent: dict[str, int] = {}
        self._local_ids: dict[int, str] = {}
        self._told = -1  # the newest index that a batch has added
        identity = conversation.client.user.identity if isinstance(conversation, Conversation) else ""
        super().__init__(conversation, *rest, _writing={"identity": identity}, **traits)

    def _end(self) -> None:
        for local_id in list(self._outgoing):
            self._drop(local_id)
        super()._end()

    def on_send(self, callback: Callback, remove: bool = False) -> None:
        """Call it with each message that was sent from a view, once the service has it.

        Args:
            callback: sync or async, takes the `Message`.
            remove: do not call it any more.
        """
        self._register("send", callback, remove)

    # -- who it goes to, and whether it can

    def _watch_writing(self) -> None:
        conversation = self._conversation
        self._listen(
            conversation, "updated", "removed", "participantJoined", "participantLeft", to=self._writing_changed
        )
        self._listen(conversation.client, "conversationLeft", to=self._writing_changed)
        self._writing_changed()

    def _writing_changed(self, _event: Any = None) -> None:
        async def tell() -> None:
            self._writing = await self._describe_writing()

        self._spawn(tell())

    async def _describe_writing(self) -> dict[str, Any]:
        conversation, identity = self._conversation, self._identity
        others = [one for one in await self._people() if one.identity != identity]
        others.sort(key=lambda one: one.type == "chat")
        limits = conversation.limits
        return {
            "identity": identity,
            "to": [{"name": self._names.of_participant(one), "channel": one.type} for one in others[:MOST_NAMED]],
            "others": len(others),
            "short": sorted({one.type for one in others} & SHORT_CHANNELS),
            "longest": SHORT,
            "most_files": limits.media_attachments_count_limit,
            "largest": limits.media_attachment_size_limit_in_mb * MB,
            "largest_together": limits.media_attachments_total_size_limit_in_mb * MB,
            "why_not": _why_not(conversation),
        }

    def _check_writable(self) -> None:
        if self.read_only:
            raise UsageError("This thread is read-only.")

    # -- sending

    async def _answer_send(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_writable()
        local_id = _text(params, "local_id")
        if local_id in self._sent:
            return {"index": self._sent[local_id]}
        outgoing = self._outgoing.get(local_id) or await self._begin(local_id, params)
        self._rest(local_id, outgoing)
        if outgoing.missing:
            return {"missing": outgoing.missing}
        if not outgoing.is_running:
            outgoing.task = self._spawn(self._deliver(local_id, outgoing))
        task = outgoing.task
        assert task is not None
        try:
            return {"index": await asyncio.shield(task)}
        except asyncio.CancelledError:
            if not task.cancelled() or self._closed:
                raise
            raise UsageError("It was cancelled: nothing was sent.") from None

    async def _begin(self, local_id: str, params: dict[str, Any]) -> Outgoing:
        body, files = _text(params, "body"), _files(params)
        conversation = await self._conversation_of(params)
        known = self._outgoing.get(local_id)  # it may have come twice
        if known is not None:
            return known
        self._make_room(list(files.values()), conversation)
        unsent = UnsentMessage.of(conversation, body or None, None, None)
        if files and not body:
            unsent.text = None
        outgoing = self._outgoing[local_id] = Outgoing(conversation, unsent, files)
        return outgoing

    async def _deliver(self, local_id: str, outgoing: Outgoing) -> int:
        unsent = outgoing.unsent
        try:
            if outgoing.files:
                if not unsent.media_content:
                    unsent.media_content = [("media", file.medium()) for file in outgoing.files.values()]
                await unsent.upload(self._progress_of(local_id))
            outgoing.is_posted = True
            index = await unsent.send()
        except ConvoError as error:
            self._call("error", error)
            raise
        finally:
            outgoing.is_posted = False
        self._sent[local_id] = index
        if len(self._sent) > KEPT:
            del self._sent[next(iter(self._sent))]
        outgoing.task = None  # it is this one, which has to end by itself
        self._drop(local_id)
        if index > self._told and outgoing.conversation is self._conversation:
            self._local_ids[index] = local_id  # else the view has the message already, and knows it by its index
        if self._callbacks["send"]:
            self._spawn(self._tell_sent(outgoing.conversation, index))
        return index

    async def _tell_sent(self, conversation: Conversation, index: int) -> None:
        found = (await conversation.get_messages(1, index, "forward")).items
        if found and found[0].index == index:
            self._call("send", found[0])

    def _flush(self) -> None:
        for change in self._changes:
            if change["type"] == "added":
                index = change["message"]["index"]
                self._told = max(self._told, index)
                if index in self._local_ids:
                    change["local_id"] = self._local_ids.pop(index)
        super()._flush()

    def _forget(self) -> None:
        super()._forget()
        self._local_ids.clear()
        self._told = -1

    def _progress_of(self, local_id: str) -> Callable[[int, int], None]:
        told = 0.0

        def tell(through: int, total: int) -> None:
            nonlocal told
            now = self._loop.time()
            if through >= total or now - told >= PROGRESS_INTERVAL:
                told = now
                self.send({"kind": "progress", "local_id": local_id, "through": through, "total": total})

        return tell

    async def _answer_upload(self, params: dict[str, Any]) -> dict[str, Any]:
        """The next chunk of a file; one that does not fit is left out, and the answer says where to go on."""
        self._check_writable()
        local_id = _text(params, "local_id")
        outgoing = self._outgoing.get(local_id)
        file = outgoing.files.get(_text(params, "id")) if outgoing is not None else None
        buffers, offset = params.get("buffers"), params.get("offset")
        if outgoing is None or file is None:
            raise UsageError("The kernel does not know this file any more: send the message again.")
        if not isinstance(buffers, list) or len(buffers) != 1:
            raise UsageError("The view brought no bytes.")
        chunk = memoryview(buffers[0]).cast("B")
        if len(chunk) > min(CHUNK, file.size - (offset if isinstance(offset, int) else 0)):
            raise UsageError("The view brought more bytes than it said.")
        if offset == file.received and not outgoing.is_running:
            file.write(chunk)
        self._rest(local_id, outgoing)
        return {"offset": file.received}

    async def _answer_cancel(self, params: dict[str, Any]) -> dict[str, bool]:
        """Stop a message, if that is still possible."""
        local_id = _text(params, "local_id")
        outgoing = self._outgoing.get(local_id)
        if local_id in self._sent or (outgoing is not None and outgoing.is_posted):
            return {"cancelled": False}
        self._drop(local_id)
        return {"cancelled": True}

    async def _answer_unsent(self, params: dict[str, Any]) -> list[str]:
        """Which of these messages were not sent, nor will be: a page that was reloaded gives their texts back."""
        local_ids = params.get("local_ids")
        if not isinstance(local_ids, list):
            raise UsageError("The view named no messages.")
        asked = [one for one in local_ids if isinstance(one, str)]
        tasks = [one.task for id, one in self._outgoing.items() if id in asked and one.task is not None]
        if tasks:
            await asyncio.wait(tasks)
        unsent = [one for one in asked if one not in self._sent]
        for local_id in unsent:
            self._drop(local_id)
        return unsent

    def _make_room(self, files: list[Incoming], conversation: Conversation) -> None:
        """Let go of what waits longest, where there is too much; refuse what is too much at all."""
        limits, size = conversation.limits, sum(file.size for file in files)
        most, largest = limits.media_attachments_count_limit, limits.media_attachments_total_size_limit_in_mb * MB
        if len(files) > most:
            raise UsageError(f"A message has at most {most} attachments, not {len(files)}.")
        if size > largest:
            raise UsageError(f"The files have {size:,} bytes together, and at most {largest:,} are allowed.")

        def is_full() -> bool:
            kept = sum(file.size for one in self._outgoing.values() for file in one.files.values())
            return kept + size > 2 * largest or len(self._outgoing) >= MOST_WAITING

        for local_id in [id for id, one in self._outgoing.items() if not one.is_running]:
            if is_full():
                self._drop(local_id)
        if is_full():
            raise UsageError("Too much is being sent already: wait until some of it is through.")

    def _rest(self, local_id: str, outgoing: Outgoing) -> None:
        """Somebody cares for it: it is kept for some more minutes."""

        def expire() -> None:
            if outgoing.is_running:
                self._rest(local_id, outgoing)
            else:
                self._drop(local_id)

        if outgoing.expiry is not None:
            outgoing.expiry.cancel()
        outgoing.expiry = self._loop.call_later(IDLE, expire)

    def _drop(self, local_id: str) -> None:
        outgoing = self._outgoing.pop(local_id, None)
        if outgoing is not None:
            outgoing.close()

    # -- typing, editing, removing

    async def _answer_typing(self, _params: dict[str, Any]) -> None:
        if not self.read_only:
            await self._conversation.typing()

    async def _answer_edit(self, params: dict[str, Any]) -> None:
        self._check_writable()
        message = await self._message_of(params)
        try:
            await message.update_body(_text(params, "body"))
        except ConvoError as error:
            self._call("error", error)
            raise

    async def _answer_remove(self, params: dict[str, Any]) -> None:
        self._check_writable()
        message = await self._message_of(params)
        try:
            await message.remove()
        except ConvoError as error:
            self._call("error", error)
            raise

    async def _message_of(self, params: dict[str, Any]) -> Message:
        message = await self._message(params)
        if message.sid != params.get("sid"):  # another conversation may be shown by now
            raise UsageError("This message is not there any more.")
        return message

    async def _conversation_of(self, params: dict[str, Any]) -> Conversation:
        """The one that the view means: it may have been written before another one was shown."""
        sid = params.get("conversation_sid")
        if sid is None or sid == self._conversation.sid:
            return self._conversation
        return await self._conversation.client.get_conversation_by_sid(str(sid))


def _why_not(conversation: Conversation) -> str:
    """Why nobody could write, or an empty text."""
    if conversation.status != "joined":
        return "left"
    state = conversation.state
    return "closed" if state is not None and state.current == "closed" else ""


def _text(params: dict[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str):
        raise UsageError(f"The view gave no text as {name!r}.")
    return value


def _files(params: dict[str, Any]) -> dict[str, Incoming]:
    """The files that a view announces."""
    announced = params.get("files", [])
    if not isinstance(announced, list) or not all(isinstance(one, dict) for one in announced):
        raise UsageError("The view announced something that is no file.")
    files: dict[str, Incoming] = {}
    for one in announced:
        name, type, size = one.get("name"), one.get("type"), one.get("size")
        if not isinstance(size, int) or size < 1:
            raise UsageError("The view announced a file without a size.")
        files[_text(one, "id")] = Incoming(
            name[:255] or None if isinstance(name, str) else None,
            type if isinstance(type, str) and _TYPE.fullmatch(type) else "application/octet-stream",
            size,
        )
    return files
