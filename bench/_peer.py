"""Our client as a peer of the benchmark: a task in, as a line of JSON; what was measured out, likewise."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import convo_widgets as cw
from bench import _process

now = time.perf_counter
used = time.process_time
"""Seconds of the processor that this process took."""
Task = dict[str, Any]


def say(**report: Any) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


def memory() -> int:
    """Bytes of this process in memory, after all garbage is gone."""
    gc.collect()
    return _process.resident(os.getpid())


def told(messages: list[cw.Message]) -> dict[str, Any]:
    """What tells whether two peers got the same."""
    return {
        "count": len(messages),
        "first": messages[0].body if messages else None,
        "last": messages[-1].body if messages else None,
        "in_order": all(message.index == messages[0].index + place for place, message in enumerate(messages)),
    }


async def history(task: Task) -> Task:
    """Read a whole conversation; `marks` are the times at every `every`-th message."""
    client = await cw.connect(task["token"], url=task["url"])
    conversation = await client.get_conversation_by_unique_name(task["conversation"])
    before, every = memory(), task.get("every") or sys.maxsize
    messages: list[cw.Message] = []
    marks: list[float] = []
    started, idle = now(), used()
    async for message in conversation.history():
        messages.append(message)
        if not len(messages) % every:
            marks.append(now() - started)
    seconds, cpu = now() - started, used() - idle
    held = memory() - before
    await client.shutdown()
    return {"seconds": seconds, "cpu": cpu, "marks": marks, "held": held, "rss": held, **told(messages)}


async def live(task: Task) -> Task:
    """Say open, say ready at the first message, then take `count` more; `ended` is a time of the day."""
    client = await cw.connect(task["token"], url=task["url"])
    conversation = await client.get_conversation_by_unique_name(task["conversation"])
    messages: list[cw.Message] = []
    idle = started = 0.0
    done: asyncio.Future[dict[str, float]] = asyncio.get_running_loop().create_future()

    def finish() -> None:
        if not done.done():
            done.set_result({"seconds": now() - started, "ended": time.time(), "cpu": used() - idle})

    def added(message: cw.Message) -> None:
        nonlocal idle, started
        messages.append(message)
        if len(messages) == 1:
            idle = used()
            say(ready=True)
        elif len(messages) == 2:
            started = now()
        if len(messages) > task["count"]:
            finish()

    conversation.on("messageAdded", added)
    asyncio.get_running_loop().call_later(task["patience"], finish)  # with what came until then
    say(open=True)
    report = await done
    await client.shutdown()
    return report | told(messages[1:])


async def connect(task: Task) -> Task:
    """From nothing to every conversation with its participants and messages open."""
    started, idle = now(), used()
    client = await cw.connect(task["token"], url=task["url"])
    conversations = await client.get_subscribed_conversations()
    rosters = await asyncio.gather(*(one.get_participants() for one in conversations))
    seconds, cpu = now() - started, used() - idle
    await client.shutdown()
    names = sorted(one.unique_name or "" for one in conversations)
    same = {"count": len(names), "first": names[0], "last": names[-1], "in_order": True}
    return {"seconds": seconds, "cpu": cpu, "participants": sum(map(len, rosters)), **same}


async def sends(task: Task) -> Task:
    """Many sends at once, then some one after the other."""
    client = await cw.connect(task["token"], url=task["url"])
    conversation = await client.get_conversation_by_unique_name(task["conversation"])
    await conversation.get_messages(1)
    started, idle = now(), used()
    await asyncio.gather(*(conversation.send_message(body) for body in task["bodies"]))
    seconds, cpu = now() - started, used() - idle
    messages = [message async for message in conversation.history()]
    in_order = [message.body for message in messages] == task["bodies"]
    started = now()
    for number in range(task["sequential"]):
        await conversation.send_message(f"then {number}")
    each = (now() - started) / task["sequential"]
    await client.shutdown()
    return {**told(messages), "seconds": seconds, "cpu": cpu, "each": each, "in_order": in_order}


TASKS: dict[str, Callable[[Task], Awaitable[Task]]] = {
    "history": history,
    "live": live,
    "connect": connect,
    "sends": sends,
}


async def main() -> None:
    """Do the one task."""
    task = json.loads(sys.stdin.readline())
    say(**await TASKS[task["task"]](task))


if __name__ == "__main__":
    asyncio.run(main())
