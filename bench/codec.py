"""How much slower is decoding frames than `msgspec.json.decode` of their payloads alone, into the same types?

The frames are real ones: those that the service sends for pages of history and for new messages.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec

from bench._harness import Verdict, rate, serving
from bench._raw import Raw
from bench._talks import body, talk
from convo_widgets.wire import frame, json
from convo_widgets.wire.schema import MessageData, SyncEvent, SyncNotification, TypedPage

ROUNDS = 100
"""Passes over all frames; the fastest counts, for everything else is noise."""


def run(quick: bool) -> list[Verdict]:
    """Ask it."""
    pages, notifications = asyncio.run(_frames(2 if quick else 100, 20 if quick else 2_000))
    rounds = 2 if quick else ROUNDS
    page, notification, message = map(_decoder, (TypedPage[MessageData], SyncNotification, MessageData))

    def alone(payload: bytes) -> Any:
        return message(notification(payload).event.item_data)

    def ours(payload: bytes) -> Any:
        event = cast(SyncEvent, json.decode(payload, SyncNotification).event)
        return json.decode(cast(msgspec.Raw, event.item_data), MessageData)

    whole_page = partial(json.decode, type=TypedPage[MessageData])
    return [
        _compare("pages of 100 messages", pages, whole_page, page, rounds),
        _compare("notifications of a new message, down to the message", notifications, ours, alone, rounds),
    ]


def _decoder(kind: Any) -> Callable[[Any], Any]:
    """Msgspec alone, made once, as it is fastest."""
    return msgspec.json.Decoder(kind).decode


def _compare(
    what: str, frames: list[bytes], ours: Callable[[bytes], Any], alone: Callable[[bytes], Any], rounds: int
) -> Verdict:
    payloads = [cast(frame.Frame, frame.decode(data)).payload for data in frames]

    def whole(data: bytes) -> Any:
        return ours(cast(frame.Frame, frame.decode(data)).payload)

    void = "" if list(map(whole, frames)) == list(map(alone, payloads)) else "the two decoded something else"
    bare, full = _fastest(rounds, (alone, payloads), (whole, frames))
    count = len(frames)
    return Verdict(
        f"codec: {what}",
        "-",
        f"{rate(count, full)} frames, payloads alone {rate(count, bare)}",
        full / bare,
        2,
        at_most=True,
        notes=[f"{count:,} frames of {sum(map(len, frames)) / count:,.0f} bytes, the fastest of {rounds} passes"],
        void=void,
    )


def _fastest(rounds: int, *passes: tuple[Callable[[bytes], Any], list[bytes]]) -> list[float]:
    """Seconds of the fastest pass of each, in turn."""
    times = [math.inf] * len(passes)
    for _ in range(rounds):
        for place, (decode, units) in enumerate(passes):
            started = time.perf_counter()
            for unit in units:
                decode(unit)
            times[place] = min(times[place], time.perf_counter() - started)
    return times


async def _frames(pages: int, notifications: int) -> tuple[list[bytes], list[bytes]]:
    """Frames as they came: replies with a page each, and notifications."""
    dice = random.Random("codec")
    with serving([talk("codec", 100 * pages)]) as service:
        raw = await Raw.open(service.task("raw"))
        sid = await raw.conversation("codec")
        items = await raw.follow(sid)
        replies = []
        for number in range(pages):
            raw.request("GET", items, params={"PageSize": "100", "Order": "asc", "From": str(100 * number)})
            await raw.flush()
            replies.append(await raw.reply())
        bodies = [body(dice, number) for number in range(notifications)]
        other = await Raw.open(service.task("raw", "ben"))
        requests = await other.messages(await other.conversation("codec"), bodies)
        told, _ = await asyncio.gather(raw.notifications(notifications), other.send(requests))
        await raw.socket.close()
        await other.socket.close()
    return replies, told
