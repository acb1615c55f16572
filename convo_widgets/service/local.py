"""The embedded service as an object: made, it runs, in a thread of its own, or in the loop of who made it."""

from __future__ import annotations

import asyncio
import html
import ipaddress
import logging
import sqlite3
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from convo_widgets.errors import UsageError
from convo_widgets.service import inbound, seeds
from convo_widgets.service.agenda import Moment
from convo_widgets.service.app import CONNECTIONS
from convo_widgets.service.dispatch import Backend
from convo_widgets.service.faults import Faults
from convo_widgets.service.limits import Media
from convo_widgets.service.loops import call_in, is_in
from convo_widgets.service.refusals import Refused
from convo_widgets.service.replay import Replay
from convo_widgets.service.replay import read as read_recording
from convo_widgets.service.seeds.script import load as load_script
from convo_widgets.service.services import Left, Services
from convo_widgets.service.simulate import Simulation
from convo_widgets.service.store import Durability, Store
from convo_widgets.service.tables import SYNCHRONOUS
from convo_widgets.service.tokens import Tokens
from convo_widgets.wire.rest import ReceivedMessage

if TYPE_CHECKING:  # each is imported where it is used: there may be no threads, or no use for a transport
    from convo_widgets.service.inside import Inside
    from convo_widgets.service.threaded import Threaded

logger = logging.getLogger("convo_widgets.service")
COPIED = 600.0
"""Seconds for a backup; nothing else is done meanwhile, some 200 MB a second."""
SOON = 0.1
"""Seconds for an answer to leave before a restart in the same loop."""


class LocalService:
    """A conversations service on this machine, which real clients can connect to.

    It starts at once and runs until `stop`, the end of its `with` or `async with` block, or the end of the process.

    Args:
        data: a file that keeps everything; None keeps it in memory.
        port: 0 takes a free one.
        seed: "demo", "chitchat", the path of a file like the demo's, or None for an empty service. A data file that
            holds something already is left as it is.
        host: where to listen; beyond this machine only with an `api_secret` of your own.
        token_ttl: seconds that a token of `token` is valid for.
        latency_ms: how long every frame to a client is held back.
        api_key: and
        api_secret: what tokens are signed with; random where they are not given.
        origins: web origins that may connect, beside the service's own.
        media_mb: the largest medium, and the most media of a message, in MB.
        media_url_ttl: seconds that a temporary address of a medium is good for.
        reachability: whether users are told who is online, until the account sets `ReachabilityEnabled`.
        hook_hosts: machines whose webhooks are called, beside this one.
        durability: "full" has everything that was acknowledged on the disk; with "relaxed", which is faster, a power
            cut may lose the last moment (a crash of the process loses nothing either way).
        connections: sockets at once; more are answered 429.
        carrier: whether messages to SMS and WhatsApp get simulated receipts; None means with the demo's data only.
        write_limit: writes a second of one conversation, and as many of conversations, users and roles as such; more
            are answered 429. The cloud has 30; None has no limit.
        in_process: whether it runs in the event loop of who makes it, without any socket or thread, and is reached over
            `transport` alone; None means where there are no threads, as in Pyodide.

    Attributes:
        url: address of the service, without a slash at the end.
        ws_url: address of its socket.
        faults: trouble on demand, for lessons and tests.
        transport: the way to it in process, for `Client.create` and ``httpx.AsyncClient``; None where it listens.
        lost: why it could not start again, after a restart that was asked for over the network; else None.

    Raises:
        UsageError: the port is taken, the seed unknown, the file unreadable or in use; in process, no loop runs.
    """

    def __init__(
        self,
        data: str | PathLike[str] | None = None,
        port: int = 0,
        seed: str | PathLike[str] | None = "demo",
        *,
        host: str = "127.0.0.1",
        token_ttl: float = 3600,
        latency_ms: float = 0,
        api_key: str | None = None,
        api_secret: str | None = None,
        origins: tuple[str, ...] = (),
        media_mb: int = 150,
        media_url_ttl: float = 300,
        reachability: bool = True,
        hook_hosts: tuple[str, ...] = (),
        carrier: bool | None = None,
        durability: Durability = "full",
        connections: int = CONNECTIONS,
        write_limit: int | None = None,
        in_process: bool | None = None,
    ) -> None:
        if durability not in SYNCHRONOUS:
            raise UsageError(f"durability={durability!r}: it is {' or '.join(map(repr, SYNCHRONOUS))}")
        if connections < 1:
            raise UsageError(f"connections={connections}: sockets at once, 1 or more")
        if write_limit is not None and write_limit < 1:
            raise UsageError(f"write_limit={write_limit}: writes a second, 1 or more")
        inside = sys.platform == "emscripten" if in_process is None else in_process
        if inside and (host, port) != ("127.0.0.1", 0):
            raise UsageError("in_process=True listens nowhere: it has no host and no port")
        _check_host(host, api_secret)
        self.host = host
        self.seed = None if seed is None else str(seed)
        self.token_ttl = token_ttl
        self.faults = Faults(latency_ms)
        self._data = None if data is None else Path(data)
        self._left = Left()
        self._origins = origins
        self._media = Media(single_mb=media_mb, total_mb=media_mb)
        self._media_ttl = media_url_ttl
        self._reachability = reachability
        self._durability = durability
        self._connections = connections
        self._hook_hosts = hook_hosts
        self._write_limit = write_limit
        self._carries = seed == "demo" if carrier is None else carrier
        self.transport = _inside() if inside else None
        self._turn = threading.RLock()
        self.lost: str | None = None
        soon = weakref.WeakMethod(self._restart_soon)
        self.faults.restarts = lambda: there() if (there := soon()) is not None else None
        self._start(port, seed, api_key, api_secret)

    def _start(self, port: int, seed: str | PathLike[str] | None, api_key: str | None, api_secret: str | None) -> None:
        """Serve, in a thread of its own or here."""
        data, left, media, media_ttl, faults = self._data, self._left, self._media, self._media_ttl, self.faults
        reachability, hook_hosts, carries = self._reachability, self._hook_hosts, self._carries
        durability, write_limit = self._durability, self._write_limit

        def make(url: str) -> Services:  # in the thread that then owns the stores
            store = Store(data, left.home, reachability=reachability, durability=durability)
            try:
                seeds.load(store, seed)
                tokens = Tokens(store.meta("account_sid"), store.meta("service_sid"), api_key, api_secret)
                options: dict[str, Any] = {"hook_hosts": hook_hosts, "carries": carries, "write_limit": write_limit}
                return Services(Backend(store, tokens, url, media, media_ttl, faults, **options), left.others)
            except BaseException as error:
                store.close()
                if isinstance(error, sqlite3.DatabaseError):
                    raise UsageError(store.explain(error)) from error
                raise

        running: Threaded | Inside
        if self.transport is None:
            from convo_widgets.service.threaded import Threaded

            running = Threaded(make, self.host, port, self._origins, self._connections)
        else:
            running = self.transport.begin(make, self._origins, self._connections)
        self.port: int = running.port
        self.url: str = running.url
        self.ws_url = f"{self.url.replace('http', 'ws', 1)}/v3/wsconnect"
        self._running, self._tokens = running, running.services.home.tokens
        self._finalizer = weakref.finalize(self, running.stop)

    # -- who it is

    @property
    def account_sid(self) -> str:
        """Sid of the account; kept in the data file."""
        return self._tokens.account_sid

    @property
    def service_sid(self) -> str:
        """Sid of the first conversations service; kept in the data file."""
        return self._tokens.service_sid

    @property
    def api_key(self) -> str:
        """Sid of the key that signs tokens; another one at each start."""
        return self._tokens.api_key

    @property
    def api_secret(self) -> str:
        """Secret of that key: whoever has it can be anybody here."""
        return self._tokens.api_secret

    @property
    def running(self) -> bool:
        """Whether it still takes connections."""
        return self._finalizer.alive and self._running.running

    def token(self, identity: str, ttl: float | None = None, *, service_sid: str | None = None) -> str:
        """An access token for a user, valid for `ttl` seconds; a new identity is a new user.

        Args:
            identity: who it is for.
            ttl: seconds; None is `token_ttl`.
            service_sid: which of the account's services lets the user in; None is the first one.

        Raises:
            UsageError: `identity` cannot be one, or there is no such service.
        """
        tokens = self._find(service_sid).tokens
        return tokens.mint(identity, self.token_ttl if ttl is None else ttl)

    def _find(self, service_sid: str | None) -> Backend:
        """The service of a sid, the first one without."""
        service = self._running.services.find(service_sid or self.service_sid)
        if service is None:
            raise UsageError(f"service_sid={service_sid!r}: there is no such service; GET /v1/Services lists them")
        return service

    # -- what plays on it

    def simulate(
        self,
        script: str | PathLike[str] = "support-desk",
        rate: float = 5,
        *,
        seed: int | str = 0,
        speed: float = 1,
        start: Moment | None = None,
        conversations: int | None = None,
        members: Iterable[str] | None = None,
        service_sid: str | None = None,
    ) -> Simulation:
        """Let scripted customers and agents talk, in virtual time; it ends with the service, or before.

        The same script, seed, rate and start give the same people, texts, times and order in an empty service.

        Args:
            script: "support-desk", or the path of a file like it.
            rate: messages a minute of virtual time, on average.
            seed: another one, other people and other cases.
            speed: minutes of virtual time in a minute: 1440 lets a day pass; `math.inf` does not wait at all.
            start: the virtual time at which it begins, a datetime or ISO 8601 text; None is now.
            conversations: how many customers come; None is without end.
            members: identities who are in every conversation; None are those of the script, "dana".
            service_sid: in which of the account's services; None is the first one.

        Raises:
            UsageError: an argument or the script does not fit, or the service is stopped.
        """
        options: dict[str, Any] = {"rate": rate, "seed": seed, "speed": speed, "start": start}
        self._demand_running()
        backend = self._find(service_sid)
        simulation = Simulation(backend, load_script(script), **options, most=conversations, members=members)
        return simulation.begin(self._running.loop)

    def replay(
        self,
        path: str | PathLike[str],
        speed: float = 1,
        *,
        start: Moment | None = None,
        members: Iterable[str] = (),
        service_sid: str | None = None,
    ) -> Replay:
        """Let what a `Recorder` has recorded happen again, in conversations of their own.

        Args:
            path: the recording.
            speed: minutes of the recording in a minute; `math.inf` does not wait at all.
            start: when it began, for its messages; None is when it was recorded.
            members: identities who are in every conversation, beside those who were.
            service_sid: in which of the account's services; None is the first one.

        Raises:
            UsageError: an argument or the file does not fit, or the service is stopped.
        """
        running, events = self._demand_running(), read_recording(path)
        return Replay(self._find(service_sid), events, speed=speed, start=start, members=members).begin(running.loop)

    async def receive_message(self, sender: str, to: str, body: str) -> ReceivedMessage:
        """Take a message from outside, as a carrier would hand it over.

        It goes to the conversation of these two addresses. Where there is none, the configuration of the address that
        was written to says whether one begins (`AutoCreation` of ``/v1/Configuration/Addresses``).

        Args:
            sender: a telephone number, as "+447700900310" or "whatsapp:+447700900310", or a mail address.
            to: the address of the account, of the same kind.
            body: the text.

        Raises:
            UsageError: nobody takes it, a webhook refused it, or the service is stopped.
        """
        running = self._demand_running()
        work = inbound.receive(running.services, sender, to, body)
        try:
            if is_in(running.loop):
                return await work
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, running.loop))
        except Refused as refused:
            raise UsageError(f"The message was not taken: {refused.message}") from refused

    def _demand_running(self) -> Threaded | Inside:
        if not self.running:
            raise UsageError("The service was stopped: start one before something can play on it")
        return self._running

    def backup(self, path: str | PathLike[str]) -> None:
        """Copy all data, as it is now, into a file that another service can start with; it goes on meanwhile.

        A file of that name is replaced once the copy is whole. Clients that know more than the copy notice, should it
        be started in place of the original. What has other services has files beside it, one each.

        Raises:
            UsageError: it cannot be written there, or the service is stopped.
        """
        running, target = self._demand_running(), Path(path).expanduser()
        call_in(running.loop, lambda: running.services.backup(target), within=COPIED)

    # -- its end

    def stop(self) -> None:
        """End all connections and close the file; a second call does nothing."""
        self._do_there(self._finalizer)

    def restart(self) -> None:
        """End all connections, and start again at once: same port, same data, same keys."""
        self._do_there(self._restart)

    def _restart(self) -> None:
        self.stop()
        self._left = self._running.left
        self._start(self.port, None, self.api_key, self.api_secret)

    def _do_there(self, act: Callable[[], object]) -> None:
        """Do it one at a time; where the service is in a loop, in that loop."""
        if self.transport is not None and self.transport.loop.is_running() and not is_in(self.transport.loop):
            call_in(self.transport.loop, lambda: self._do_there(act))
            return
        with self._turn:
            act()

    def _restart_soon(self) -> None:
        """Restart once who asked in the service's own loop has an answer."""
        if self.transport is None:
            threading.Thread(target=self._restart_running, name="convo-widgets restart", daemon=True).start()
        else:
            loop = self.transport.loop
            loop.call_soon_threadsafe(loop.call_later, SOON, self._restart_running)

    def _restart_running(self) -> None:
        with self._turn:
            if self.running:
                try:
                    self.restart()
                except UsageError as error:
                    self.lost = str(error)
                    logger.error("The service could not start again: %s", error)

    def __enter__(self) -> LocalService:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> LocalService:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.transport is None:
            await asyncio.to_thread(self.stop)
        else:
            self.stop()
            await self.transport.ended()

    def __repr__(self) -> str:
        return f"<LocalService {self.url} {'running' if self.running else 'stopped'}>"

    def _repr_html_(self) -> str:
        state = "running" if self.running else "stopped"
        return f"<div><b>Local service</b> {html.escape(self.url)} <span>({state})</span></div>"


def _inside() -> Inside:
    from convo_widgets.service.inside import Inside

    return Inside()


def _check_host(host: str, api_secret: str | None) -> None:
    if host == "localhost":
        return
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is not None and address.is_unspecified:
        raise UsageError(
            f"host={host!r} would listen everywhere, but requests are checked against the host that they ask for: "
            "give the address that others will use"
        )
    if (address is None or not address.is_loopback) and api_secret is None:
        raise UsageError(
            f"host={host!r} can be reached from other machines: give an api_secret of your own "
            "(at least 32 random bytes), and tokens only to people who may take part"
        )
