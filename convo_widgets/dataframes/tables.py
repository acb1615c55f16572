"""From typed pages to columns to DataFrames. Values are gathered column by column; no dict is made for a row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from convo_widgets.client.client import Client
from convo_widgets.client.conversation import PREFETCH, Conversation
from convo_widgets.client.messages import MessageRecord
from convo_widgets.client.participant import Participant
from convo_widgets.client.session import PAGE_LIMIT
from convo_widgets.client.tasks import together
from convo_widgets.client.user import User
from convo_widgets.dataframes.progress import Progress
from convo_widgets.dataframes.schema import AMOUNTS, AUTHOR_KINDS, CHANNELS, MESSAGES, frame_of
from convo_widgets.errors import ReplyError, UsageError
from convo_widgets.wire import json
from convo_widgets.wire.schema import attributes_of, time_of

Moment = datetime | str | None

_DERIVED = {"body_len", "word_count", "direction", "reply_to", "gap_s"}
_GATHERED: list[str] = [column.name for column in MESSAGES if column.name not in _DERIVED]


async def messages_frame(
    source: Conversation | Client | Sequence[Conversation],
    since: Moment = None,
    until: Moment = None,
    limit: int | None = None,
    concurrency: int = 8,
    progress: bool = True,
) -> pd.DataFrame:
    """The messages of a conversation, or of all that the client has joined, as a DataFrame.

    One row a message, by conversation and index. The columns and dtypes are always those of
    `convo_widgets.dataframes.schema.MESSAGES`, for no message as for millions.

    Args:
        source: a `Conversation`, several of them, or a `Client` for all its joined conversations.
        since: only messages written at this time or later: a datetime (UTC if it says nothing) or ISO 8601 text.
        until: only messages written before this time.
        limit: at most so many of each conversation, the newest.
        concurrency: conversations that are read at a time.
        progress: show how far it is, where somebody can see it.

    Raises:
        UsageError: an argument does not fit, or one is not in the conversation.
        TransportError: the connection stayed lost; nothing is returned half-read.
    """
    window = _Window(_moment(since), _moment(until), limit)
    if concurrency < 1:
        raise UsageError(f"concurrency is {concurrency}: at least one conversation has to be read at a time.")
    conversations = await _conversations(source)
    people = _People()
    room = asyncio.Semaphore(concurrency)
    ahead = max(1, PREFETCH // max(1, min(concurrency, len(conversations))))
    with Progress(len(conversations), shown=progress) as bar:

        async def read(conversation: Conversation) -> _Columns:
            async with room:
                columns = await _read(conversation, window, ahead, people, bar)
            bar.finished()
            return columns

        parts = await together(*map(read, conversations))
    return _frame(parts)


async def _conversations(source: Any) -> list[Conversation]:
    if isinstance(source, Conversation):
        return [source]
    if isinstance(source, list | tuple) and all(isinstance(one, Conversation) for one in source):
        return sorted({one.sid: one for one in source}.values(), key=lambda one: one.sid)
    if isinstance(source, Client):
        return sorted(await source.get_subscribed_conversations(), key=lambda one: one.sid)
    raise UsageError(f"A DataFrame is made from Conversations or a Client, not from {type(source).__name__}.")


@dataclass(frozen=True, slots=True)
class _Window:
    """Which messages are wanted."""

    since: datetime | None
    until: datetime | None
    limit: int | None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 0:
            raise UsageError(f"limit is {self.limit}: it cannot be negative.")


@dataclass(slots=True)
class _Columns:
    """The values of one conversation's messages, newest first while they are read."""

    values: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _GATHERED})
    old: int = 0  # read in a row that are older than what is wanted

    def __len__(self) -> int:
        return len(self.values["index"])

    def reverse(self) -> None:
        for values in self.values.values():
            values.reverse()


async def _read(conversation: Conversation, window: _Window, ahead: int, people: _People, bar: Progress) -> _Columns:
    columns = _Columns()
    if window.limit == 0:
        return columns
    await people.meet(conversation)
    if window.limit is not None:
        ahead = min(ahead, -(-window.limit // PAGE_LIMIT))
    pages = conversation.message_records("backwards", prefetch=ahead)
    async with aclosing(pages):
        async for page in pages:
            taken, done = _inside(page, window, columns)
            await people.look_up(conversation, {data.author for _, data in taken if data.author})
            _gather(columns.values, conversation, taken, people)
            bar.advance(len(taken))
            if done:
                break
    columns.reverse()
    return columns


def _inside(page: list[MessageRecord], window: _Window, columns: _Columns) -> tuple[list[MessageRecord], bool]:
    """What of a page (newest first) is wanted, and whether nothing older can be.

    Imported messages may be older than those before them, so only a hundred old ones in a row end the search.
    """
    taken: list[MessageRecord] = []
    for record in page:
        written = time_of(record[1].timestamp)
        if written is not None and window.since is not None and written < window.since:
            columns.old += 1
            continue
        columns.old = 0
        if written is None or window.until is None or written < window.until:
            taken.append(record)
        if window.limit is not None and len(columns) + len(taken) >= window.limit:
            return taken, True
    return taken, columns.old >= PAGE_LIMIT


def _gather(
    values: dict[str, list[Any]], conversation: Conversation, page: list[MessageRecord], people: _People
) -> None:
    """Append a page to the columns."""
    records = [data for _, data in page]
    media = [[medium for medium in data.medias or [] if medium.category == "media"] for data in records]
    told = [data.delivery if data.delivery and data.delivery.total > 0 else None for data in records]
    values["conversation_sid"] += [conversation.sid] * len(page)
    values["message_sid"] += [data.sid for data in records]
    values["index"] += [index for index, _ in page]
    values["author"] += [data.author for data in records]
    values["participant_sid"] += [data.member_sid for data in records]
    values["author_kind"] += [people.kind(data.author, data.member_sid) for data in records]
    values["channel"] += [people.channel(data.author, data.member_sid) for data in records]
    values["body"] += [data.text for data in records]
    values["subject"] += [data.subject for data in records]
    values["media_count"] += [len(some) for some in media]
    values["media_bytes"] += [sum(medium.size for medium in some) for some in media]
    values["media_types"] += [", ".join(medium.content_type for medium in some) or None for some in media]
    values["content_sid"] += [data.content_sid for data in records]
    values["attributes"] += [_json_text(data.attributes) for data in records]
    values["reactions_n"] += [_reactions(data.attributes) for data in records]
    values["date_created"] += [time_of(data.timestamp) for data in records]
    values["date_updated"] += [time_of(data.date_updated) for data in records]
    values["edited"] += [data.last_updated_by is not None for data in records]
    values["deleted_seen"] += [False] * len(page)
    values["delivery_total"] += [None if one is None else one.total for one in told]
    for amount in ("sent", "delivered", "read", "failed", "undelivered"):
        amounts = [None if one is None else getattr(one, amount) for one in told]
        values[f"delivery_{amount}"] += [one if one in AMOUNTS else None for one in amounts]
    values["source"] += ["backfill"] * len(page)


def _frame(parts: list[_Columns]) -> pd.DataFrame:
    """One frame of all parts, with the columns that follow from the others."""
    values: dict[str, Any] = {name: [value for part in parts for value in part.values[name]] for name in _GATHERED}
    frame = frame_of(MESSAGES, values, sum(map(len, parts)))
    body = frame["body"]
    frame["body_len"] = body.str.len().astype("Int64")
    frame["word_count"] = body.str.split().map(len, na_action="ignore").astype("Int64")
    frame["direction"] = frame["author_kind"].map(_DIRECTIONS).astype(frame["direction"].dtype)
    by_conversation = frame.groupby("conversation_sid", sort=False)
    seconds = by_conversation["date_created"].diff().dt.total_seconds()
    frame["gap_s"] = seconds.astype(frame["gap_s"].dtype)
    frame["reply_to"] = _reply_to(frame)
    return frame


_DIRECTIONS = {kind: "in" if kind == "customer" else "out" for kind in AUTHOR_KINDS}


def _reply_to(frame: pd.DataFrame) -> pd.Series[Any]:
    """For each message the sid of the last one before it from the other direction, in its conversation."""
    answer = pd.Series(pd.NA, index=frame.index, dtype=frame["message_sid"].dtype)
    groups = frame["conversation_sid"]
    for mine, other in (("in", "out"), ("out", "in")):
        last = frame["message_sid"].where(frame["direction"] == other).groupby(groups, sort=False).ffill()
        answer = answer.mask(frame["direction"] == mine, last)
    return answer


class _People:
    """Who the authors are: looked up once, however many conversations they write in."""

    def __init__(self) -> None:
        self._participants: dict[str, Participant] = {}
        self._users: dict[str, asyncio.Task[User | None]] = {}

    async def meet(self, conversation: Conversation) -> None:
        """Learn a conversation's participants."""
        for participant in await conversation.get_participants():
            self._participants[participant.sid] = participant

    async def look_up(self, conversation: Conversation, authors: Iterable[str]) -> None:
        """Learn whether these authors are users, and which."""
        for author in authors:
            if author not in self._users:
                self._users[author] = asyncio.create_task(_user(conversation, author))
            await self._users[author]

    def kind(self, author: str | None, participant_sid: str | None) -> str | None:
        """customer, agent, bot or system; None where nothing tells."""
        if participant_sid is None:
            return "system"
        participant, user = self._participants.get(participant_sid), self._user(author)
        for one in (participant, user):
            role = one.attributes.get("role") if one is not None and isinstance(one.attributes, dict) else None
            if role in AUTHOR_KINDS:
                return str(role)
        return "customer" if self.channel(author, participant_sid) not in ("chat", None) else None

    def channel(self, author: str | None, participant_sid: str | None) -> str | None:
        """The author's channel: their participant's, or after they left what their address looks like."""
        participant = self._participants.get(participant_sid or "")
        if participant is not None:
            return participant.type if participant.type in CHANNELS else None
        if participant_sid is None or author is None:
            return None
        return "chat" if self._user(author) is not None else _channel_of_address(author)

    def _user(self, author: str | None) -> User | None:
        task = self._users.get(author or "")
        return task.result() if task is not None else None


def _channel_of_address(address: str) -> str | None:
    """sms, whatsapp, email ... by the form of an address."""
    prefix = address.partition(":")[0]
    if prefix in CHANNELS:
        return prefix
    if "@" in address:
        return "email"
    return "sms" if address.startswith("+") else None


async def _user(conversation: Conversation, identity: str) -> User | None:
    try:
        return await conversation.client.get_user(identity)
    except ReplyError as error:
        if error.status == 429 or error.status >= 500:
            raise
        return None  # an address on another channel, or somebody who is no more


def _json_text(attributes: Any) -> str:
    return attributes if isinstance(attributes, str) else json.encode(attributes_of(attributes)).decode()


def _reactions(attributes: Any) -> int:
    reactions = attributes_of(attributes)
    reactions = reactions.get("reactions") if isinstance(reactions, dict) else None
    if not isinstance(reactions, dict):
        return 0
    return sum(len(people) for people in reactions.values() if isinstance(people, list))


def _moment(value: Moment) -> datetime | None:
    """The UTC time that a caller means."""
    if value is None:
        return None
    moment = time_of(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or pd.isna(moment):
        raise UsageError(f"{value!r} is no time: give a datetime or ISO 8601 text such as '2026-11-19T08:00Z'.")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
