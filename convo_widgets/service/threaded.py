"""The service in a thread of its own, behind a port of this machine."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from convo_widgets.errors import UsageError
from convo_widgets.service import descriptors, timers
from convo_widgets.service.app import make_app
from convo_widgets.service.dispatch import Backend
from convo_widgets.service.server import Server
from convo_widgets.service.services import Left, Services


@dataclass
class _Running:
    """What the service's thread says once it takes connections."""

    server: Server
    loop: asyncio.AbstractEventLoop
    services: Services


class Threaded:
    """A service that listens and serves in a thread of its own, until `stop`.

    Args:
        make: makes the services, given their address; in the thread of the service, which owns the stores.
        host: where to listen.
        port: 0 takes a free one.
        origins: web origins that may connect.
        connections: sockets at once.

    Attributes:
        port: where it listens.
        url: its address.
        services: what it serves.
        loop: in which it runs.

    Raises:
        UsageError: the port is taken, or the store cannot be used.
    """

    def __init__(
        self, make: Callable[[str], Services], host: str, port: int, origins: tuple[str, ...], connections: int
    ) -> None:
        listener = _listen(host, port)
        self.port: int = listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        started: Future[_Running] = Future()
        self._over: Future[Left] = Future()
        arguments = (partial(make, self.url), (host,), origins, descriptors.allow(connections), listener, started)
        self._thread = threading.Thread(
            target=_run, args=(*arguments, self._over), name="convo-widgets service", daemon=True
        )
        self._thread.start()
        running = started.result()
        self.services, self.loop, self._server = running.services, running.loop, running.server

    @property
    def backend(self) -> Backend:
        """The first service."""
        return self.services.home

    @property
    def running(self) -> bool:
        """Whether it still takes connections."""
        return self._thread.is_alive()

    @property
    def left(self) -> Left:
        """What stores in memory held when it was stopped."""
        return self._over.result(timeout=10)

    def stop(self) -> None:
        """Ask the server to end, and wait for it."""
        with suppress(RuntimeError):  # it has ended already
            self.loop.call_soon_threadsafe(self._server.stop)
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=10)


def _run(
    make: Callable[[], Services],
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    connections: int,
    listener: socket.socket,
    started: Future[_Running],
    over: Future[Left],
) -> None:
    """Make the services, serve until told to stop, close their stores: all in this thread.

    `over` gets what stores in memory held, for another start.
    """
    try:
        services = make()
    except BaseException as error:
        listener.close()
        over.set_result(Left())
        started.set_exception(error)
        return
    try:
        asyncio.run(_serve(services, hosts, origins, connections, listener, started))
    finally:
        services.home.faults.serve(None)
        over.set_result(services.close())
        listener.close()


async def _serve(
    services: Services,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    connections: int,
    listener: socket.socket,
    started: Future[_Running],
) -> None:
    server = Server(make_app(services, hosts, origins, connections), connections)
    services.home.faults.serve(asyncio.get_running_loop())
    clock = asyncio.create_task(timers.run(services))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        started.set_result(_Running(server, asyncio.get_running_loop(), services))
        await serving
        clock.cancel()
        return
    ready.cancel()
    started.set_exception(UsageError("The service could not start: see the log of uvicorn"))


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a port that is taken is told at once."""
    if not 0 <= port <= 65535:
        raise UsageError(f"Cannot listen on port {port}: it is 0, for a free one, to 65535")
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # asyncio switches Nagle's delay off only where the protocol is named
        listener = socket.socket(info[0], socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except (OSError, OverflowError) as error:
        raise UsageError(f"Cannot listen on host {host!r}, port {port}: {error}") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(info[4])
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"Cannot listen on port {port} of {host}: {error}. Stop what uses it, or take port=0 for a free one"
        ) from error
    return listener
