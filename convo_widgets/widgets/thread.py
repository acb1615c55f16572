"""A live conversation: read it, and write in it."""

from __future__ import annotations

import asyncio
from typing import Any

import traitlets

from convo_widgets.client.conversation import Conversation
from convo_widgets.client.message import Message, MessageUpdated
from convo_widgets.widgets._base import bundle, number
from convo_widgets.widgets._exporting import Exporting
from convo_widgets.widgets._finding import Finding
from convo_widgets.widgets._reading import Reading
from convo_widgets.widgets._sending import Sending
from convo_widgets.widgets._transcript import bounded, thread_html

RECENT = 50  # messages that travel with the widget's state: the first paint, and what a saved notebook shows
RECENT_INTERVAL = 1.0  # seconds between two updates of them
MAX_PAGE = 200


class Thread(Reading, Sending, Finding, Exporting):
    """A live conversation: messages as they come, older ones on scroll, and a composer.

    Text is shown as text, whatever it holds. Several views of one thread stay in step.

    Attributes:
        read_only: no composer, and nothing is sent, edited, removed or reacted to.
        enter_sends: Enter sends and Shift+Enter makes a new line; False: the other way round.
        moderator: offer to edit and delete the messages of others too; the service says who may.
        times: "clock" shows when a message was written, "relative" how long ago; pointing at it shows all of it.
        markdown: show bodies as Markdown, of which bold, italic, code, lists, quotes and links are known; text messages
            (SMS) stay as they are.
        mark_read: move one's read horizon to the newest message that was on the screen, at most once a second.
        selected: sids of the selected messages; set it to select others.
    """

    _esm = bundle("thread.js")
    _css = bundle("thread.css")

    _header = traitlets.Dict().tag(sync=True)
    _recent: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    REQUESTS = Reading.REQUESTS | Sending.REQUESTS | Finding.REQUESTS | {"open", "older", "newer", "around"}

    def __init__(self, conversation: Conversation, **traits: Any) -> None:
        self._recent_timer: asyncio.TimerHandle | None = None
        super().__init__(conversation, **traits)

    # -- which conversation

    async def _load(self) -> None:
        conversation, client = self._conversation, self._conversation.client
        self._let_go()
        self._listen(conversation, "messageAdded", to=self._added)
        self._listen(conversation, "messageUpdated", to=self._updated)
        self._listen(conversation, "messageRemoved", to=self._removed)
        self._listen(conversation, "typingStarted", "typingEnded", to=self._typing_changed)
        self._listen(conversation, "updated", "participantJoined", "participantLeft", to=self._header_changed)
        self._listen(conversation, "participantJoined", to=self._names.meet)
        self._listen(conversation, "participantJoined", "participantLeft", "participantUpdated", to=self._readers_soon)
        self._listen(conversation, "discontinuity", to=lambda _: self._change("reset"))
        self._watch(client)
        self._writing_changed()
        await self._names.load()
        self._header_changed()
        self._readers_soon()
        self._watch_writing()
        await self._refresh_recent()

    def _let_go(self) -> None:
        if self._recent_timer is not None:
            self._recent_timer.cancel()
            self._recent_timer = None
        super()._let_go()

    # -- what the view asks for

    async def _answer_open(self, params: dict[str, Any]) -> dict[str, Any]:
        await self._loaded()
        sequence = self._sequence  # before the read: what comes meanwhile is then told twice, not never
        page = await self._conversation.get_messages(_count(params))
        return {
            "messages": await self._rows(page.items),
            "has_older": page.has_prev_page,
            "seq": sequence,
            "typing": await self._typing_names(),
            **await self._beginning(page.items, page.has_prev_page),
        }

    async def _answer_older(self, params: dict[str, Any]) -> dict[str, Any]:
        page = await self._conversation.get_messages(_count(params), number(params, "before") - 1, "backwards")
        return {"messages": await self._rows(page.items), "has_older": page.has_prev_page}

    async def _answer_newer(self, params: dict[str, Any]) -> dict[str, Any]:
        page = await self._conversation.get_messages(_count(params), number(params, "after") + 1, "forward")
        return {"messages": await self._rows(page.items), "has_newer": page.has_next_page}

    async def _answer_around(self, params: dict[str, Any]) -> dict[str, Any]:
        count, index = _count(params), max(0, number(params, "index"))
        after = await self._conversation.get_messages(count, index, "forward")
        end = after.items[0].index - 1 if after.items else index
        before = await self._conversation.get_messages(count, end, "backwards") if end >= 0 else None
        older = [] if before is None else before.items
        return {
            "messages": await self._rows([*older, *after.items]),
            "has_older": before is not None and before.has_prev_page,
            "has_newer": after.has_next_page,
        }

    # -- what the conversation tells

    def _added(self, message: Message) -> None:
        self._change("added", message=self._row(message))
        self._learn(message)
        self._refresh_soon()

    def _updated(self, update: MessageUpdated) -> None:
        self._note(update)
        self._change("updated", message=self._row(update.message))
        self._refresh_soon()

    def _removed(self, message: Message) -> None:
        self._change("removed", index=message.index, sid=message.sid)
        self._unselect(message.sid)
        self._refresh_soon()

    def _learn(self, message: Message) -> None:
        """A newcomer's message is shown at once under their identity, and again under their name."""
        if self._names.knows(message.author):
            return

        async def learn(author: str) -> None:
            await self._names.look_up(author)
            self._change("updated", message=self._row(message))

        self._spawn(learn(message.author or ""))

    def _typing_changed(self, _participant: Any) -> None:
        async def tell() -> None:
            self._change("typing", names=await self._typing_names())

        self._spawn(tell())

    def _header_changed(self, _event: Any = None) -> None:
        async def tell() -> None:
            conversation = self._conversation
            people = await self._people()
            self._header = {
                "title": conversation.friendly_name or conversation.unique_name or conversation.sid,
                "state": conversation.state.current if conversation.state else "active",
                "names": [self._names.of_participant(one) for one in people[:20]],
                "identity": conversation.client.user.identity,
            }

        self._spawn(tell())

    def _connection_changed(self, state: str) -> None:
        if state == "connected" and self._connection == "connecting":
            self._change("reset")  # a page that is read before the replay takes its messages out of the announcements
        super()._connection_changed(state)

    # -- rows

    async def _typing_names(self) -> list[str]:
        return [self._names.of_participant(one) for one in await self._people() if one.is_typing]

    async def _rows(self, messages: list[Message]) -> list[dict[str, Any]]:
        await asyncio.gather(*(self._names.look_up(author) for author in {one.author for one in messages} if author))
        return [self._row(message) for message in messages]

    # -- what travels with the widget's state

    def _refresh_soon(self) -> None:
        if self._recent_timer is None:
            self._recent_timer = self._loop.call_later(RECENT_INTERVAL, self._refresh_now)

    def _refresh_now(self) -> None:
        self._recent_timer = None
        self._spawn(self._refresh_recent())

    async def _refresh_recent(self) -> None:
        page = await self._conversation.get_messages(RECENT)
        self._recent = bounded(await self._rows(page.items))
        self._keep()

    def _static_html(self) -> str:
        return thread_html(self._header.get("title") or repr(self), self._recent)


def _count(params: dict[str, Any]) -> int:
    """How many messages a view asked for, within reason."""
    return max(1, min(number(params, "count"), MAX_PAGE))
