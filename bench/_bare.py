"""The least that a WebSocket service can be: Starlette under uvicorn, which gives every message to everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from socket import socket

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench._raw import say

everybody: set[WebSocket] = set()


async def talk(websocket: WebSocket) -> None:
    """Receive, and send the same bytes to all."""
    async for data in _received(websocket):
        for one in tuple(everybody):
            await one.send_bytes(data)


async def listen(websocket: WebSocket) -> None:
    """Take no notice of what is received."""
    async for _ in _received(websocket):
        pass


async def _received(websocket: WebSocket) -> AsyncIterator[bytes]:
    await websocket.accept()
    everybody.add(websocket)
    try:
        while True:
            yield await websocket.receive_bytes()
    except WebSocketDisconnect:
        pass
    finally:
        everybody.discard(websocket)


if __name__ == "__main__":
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        say(ws_url=f"ws://127.0.0.1:{listener.getsockname()[1]}")
        app = Starlette(routes=[WebSocketRoute("/talk", talk), WebSocketRoute("/listen", listen)])
        config = uvicorn.Config(app, ws_per_message_deflate=False, lifespan="off", access_log=False, log_config=None)
        uvicorn.Server(config).run([listener])
