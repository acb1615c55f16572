"""A program of its own for `test_hosts`: a client that is put to sleep. It reads JSON and tokens, a line each."""

from __future__ import annotations

import asyncio
import json
import sys

import convo_widgets as cw
import convo_widgets.transport.backoff


def ask() -> str:
    """A token from whoever started this."""
    print("token?", flush=True)
    return sys.stdin.readline().strip()


async def main() -> None:
    """Listen to the only conversation until so many messages were told; print what they were."""
    convo_widgets.transport.backoff.FIRST = 0.05
    start = json.loads(sys.stdin.readline())
    enough, bodies = asyncio.Event(), []

    def told(message: cw.Message) -> None:
        bodies.append(message.body)
        if len(bodies) >= start["count"]:
            enough.set()

    async with cw.connect(ask, url=start["url"]) as client:
        (conversation,) = await client.get_subscribed_conversations()
        conversation.on("messageAdded", told)
        print("ready", flush=True)
        await enough.wait()
        print(json.dumps({"bodies": bodies, "state": client.connection_state}), flush=True)


asyncio.run(main())
