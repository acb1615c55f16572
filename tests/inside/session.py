"""A whole session without sockets and threads: run as a program, here and in Pyodide; it prints "whole"."""

from __future__ import annotations

import asyncio
import io
import math
import sys
from typing import Any

import httpx

import convo_widgets as cw

DATA = bytes(range(256)) * 8192


async def session() -> str:
    """Create, send, receive, media, cuts, a restart, a simulation, a recording and its replay, the account."""
    async with (
        cw.LocalService(seed=None)
        if sys.platform == "emscripten"
        else cw.LocalService(seed=None, in_process=True) as service,
        cw.connect(service.token("alice"), service=service) as alice,
        cw.connect(lambda: service.token("bob"), service=service) as bob,
    ):
        made = await alice.create_conversation(friendly_name="Hello")
        await made.join()
        joined = asyncio.ensure_future(_next(bob, "conversationJoined"))
        await made.add("bob")
        theirs = await joined
        recorder = cw.Recorder(theirs, "recording.jsonl")
        heard: list[str | None] = []
        theirs.on("messageAdded", lambda message: heard.append(message.body))
        typing = asyncio.ensure_future(_next(theirs, "typingStarted"))
        await made.typing()
        assert (await typing).identity == "alice"

        for number in range(100):
            await made.send_message(str(number))
        service.faults.drop_connections()
        await made.send_message("after a cut")
        service.restart()
        await made.send_message("after a restart")
        sent = cw.FileMedia(io.BytesIO(DATA), "application/octet-stream", "data.bin")
        await made.prepare_message().set_body("with a medium").add_media(sent).build().send()
        await _until(lambda: heard[-1:] == ["with a medium"], theirs)
        assert heard == [*map(str, range(100)), "after a cut", "after a restart", "with a medium"]
        (medium,) = (await theirs.get_messages(1)).items[0].attached_media
        assert await medium.read() == DATA

        recorder.stop()
        replay = service.replay("recording.jsonl", speed=math.inf)
        await replay.finished()
        assert replay.messages == 103, replay
        simulation = service.simulate(conversations=5, speed=math.inf, members=["bob"])
        await simulation.finished()
        assert (simulation.conversations, simulation.running) == (5, False)

        auth = (service.api_key, service.api_secret)
        url = service.url + "/v1"
        async with httpx.AsyncClient(transport=service.transport, base_url=url, auth=auth) as account:
            listed = (await account.get("/Conversations")).json()["conversations"]
            assert "Hello" in [one["friendly_name"] for one in listed]
    assert "uvicorn" not in sys.modules
    return "whole"


async def _next(source: Any, name: str) -> Any:
    return await source.wait_for(name, timeout=10)


async def _until(enough: Any, source: Any) -> None:
    async with asyncio.timeout(10):
        while not enough():
            await source.wait_for("messageAdded", timeout=10)


if __name__ == "__main__":
    print(asyncio.run(session()))  # noqa: T201
