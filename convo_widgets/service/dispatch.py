"""From requests in frames to their answers: a transaction for writes that wait, told to others after the commit."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from convo_widgets.service import (
    content,
    conversations,
    memberships,
    messages,
    participants,
    reach,
    receipts,
    sync,
    users,
    views,
    webhooks,
)
from convo_widgets.service.agenda import Agenda
from convo_widgets.service.calls import Answer, Call, Routes, refuse
from convo_widgets.service.carrier import Carrier
from convo_widgets.service.faults import Faults
from convo_widgets.service.hub import Follower, Hub
from convo_widgets.service.limits import Media
from convo_widgets.service.media import Signer
from convo_widgets.service.outside import Caller
from convo_widgets.service.pace import Pace
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Source, Store, disk_failed
from convo_widgets.service.together import Together
from convo_widgets.service.tokens import NO_ROLE, Grant, TokenRefused, Tokens
from convo_widgets.wire import json
from convo_widgets.wire.events import Requested
from convo_widgets.wire.schema import ResourceUrl, Status

T = TypeVar("T")
logger = logging.getLogger("convo_widgets.service")

# Narrow addresses come before those that take anything.
ROUTES = Routes(
    participants.ROUTES
    + receipts.ROUTES
    + messages.ROUTES
    + memberships.ROUTES
    + users.ROUTES
    + content.ROUTES
    + reach.ROUTES
    + conversations.ROUTES
    + sync.ROUTES
)
Said = tuple[Status, bytes, dict[str, str]]
"""Status, body and headers of an answer."""
HEADERS = {"Content-Type": "application/json; charset=utf-8"}
_NAMES = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content"}


@dataclass
class Backend:
    """What all connections to one service share.

    Attributes:
        base: the service's own address, without a slash at the end.
        media: what a message may carry.
        media_ttl: seconds that a temporary address of a medium is good for.
        hook_hosts: machines whose webhooks are called, beside this one.
        carries: whether messages to SMS and WhatsApp get the receipts of a simulated carrier.
        write_limit: writes a second of a conversation and of the service, beyond which is answered 429; None has none.
    """

    store: Store
    tokens: Tokens
    base: str
    media: Media = field(default_factory=Media)
    media_ttl: float = 300
    faults: Faults = field(default_factory=Faults)
    hub: Hub = field(default_factory=Hub)
    hook_hosts: tuple[str, ...] = ()
    carries: bool = False
    write_limit: int | None = None

    def __post_init__(self) -> None:
        self._kept: set[asyncio.Task[None]] = set()
        self.carrier = Carrier(self.store, self._report, Agenda(datetime.now(UTC)), self.keep)
        self.caller = Caller(self.tokens.api_secret, self.keep, self.hook_hosts)
        self.signer = Signer(f"{self.base}/v1/Services/{self.service_sid}/Media", self.media_ttl)
        self._together = Together(self.answer, self.hub.here)
        self.pace = Pace(self.write_limit)
        reach.start(self.store)
        if self.carries:
            self.carrier.resume()

    def keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin a task that ends with the service; in its loop."""
        task = asyncio.get_running_loop().create_task(work)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)
        return task

    def end(self) -> None:
        """Cancel what is still at work."""
        for task in self._kept:
            task.cancel()

    @property
    def service_sid(self) -> str:
        """Which service it is."""
        return self.tokens.service_sid

    @property
    def latency(self) -> float:
        """Seconds that every outgoing frame is held back."""
        return self.faults.delay

    def call(self, follower: Follower, requested: Requested) -> Call:
        """A request, with who answers it; never raises."""
        request = requested.request
        try:
            self.faults.strike(request.method, request.path)
            route, names = ROUTES.find(request.method, request.path)
        except Refused as refused:
            route, names = refuse(refused), {}
        return Call(
            *(self.store, self.hub, follower, self.base, request, requested.body, self.media),
            *(requested.id, route, names),
        )

    async def consult(
        self, event: str, names: dict[str, str], fields: dict[str, Any], source: Source
    ) -> dict[str, str]:
        """Ask webhooks about something that is about to be done; what they put in place of what it says.

        Raises:
            Refused: one is against it.
        """
        return await self.caller.ask(webhooks.before(self.store, event, names, fields, source))

    async def consult_on(self, calls: list[Call]) -> None:
        """Ask webhooks about calls of users, which they may change; those that they refuse are answered with a no."""
        for call in calls:
            if call.route.event is not None:
                source = Source("SDK", call.identity)
                try:
                    call.changes = await self.consult(call.route.event, call.names, call.said(), source)
                except Refused as refused:
                    call.veto = refused

    async def write(self, calls: list[Call]) -> list[Said]:
        """The answers to writes of one connection, committed with those of others; none if it ended before that."""
        return await self._together.write(calls)

    def answer(self, calls: list[Call]) -> list[Said]:
        """The answer to one request that reads, or to each of some that write together; never raises.

        What is written together is committed once. Where one fails that had written already, all is undone, and done
        again in three parts: those before it, it alone, those after it. Where the commit fails, each is done alone.
        """
        said: list[Said] = []
        while len(said) < len(calls):
            said += self._answer(calls[len(said) :])
        return said

    def _answer(self, calls: list[Call]) -> list[Said]:
        """The answers to the first ones, one at least."""
        said: list[Said] = []
        try:
            read = calls[0].route.reads
            if read is not None:
                return [_say(read(calls[0]))]
            with self.store.write() as change:
                for call in calls:
                    said.append(self._attempt(call, change))
                self._note(change)
        except Exception as error:  # must not cost the connection
            if len(calls) > 1 and len(said) == len(calls):
                return [self._answer([call])[0] for call in calls]
            if len(calls) > 1 and said:
                return self.answer(calls[: len(said)])
            return [_no(error if isinstance(error, Refused) else fault(f"{calls[0].request.method} request", error))]
        try:
            self._tell(change)
        except Exception as error:  # what is committed must not be done again
            log_fault("telling what was written", error)
        return said

    def _attempt(self, call: Call, change: Change) -> Said:
        """One of some writes; a no before anything was written leaves the others as they are."""
        before = self.store.changes
        change.source = Source("SDK", call.identity)
        try:
            if call.veto is not None:
                raise call.veto
            mutation = call.mutation_id()
            return _say(_seen(call, mutation) or self._write(call, mutation, change))
        except Refused as refused:
            if self.store.changes != before:
                raise
            return _no(refused)

    def _tell(self, change: Change) -> None:
        """Let everybody hear of what was committed."""
        self.hub.publish(change, self._may_see)
        self.hub.cut(change.ended)
        self.caller.tell(change.told)
        self._carry(change)

    def _write(self, call: Call, mutation: str | None, change: Change) -> Answer:
        scope = call.route.counts if self.pace.most and not call.counted else None
        key = conversations.find(call)["id"] if scope == "conversation" else scope
        if scope:
            self.pace.demand(scope, key)
        assert call.route.writes is not None
        answer = call.route.writes(call, change)
        if mutation is not None:
            values = (call.identity, mutation, answer.resource, change.time)
            change.run("INSERT INTO mutations VALUES (?, ?, ?, ?)", *values)
        if scope:
            self.pace.count(key)
            call.counted = True
        return answer

    def act(self, does: Callable[[Change], T], source: Source | None = None) -> T:
        """Something that no user asked for: in one transaction, told to others after the commit."""
        with self.store.write() as change:
            change.source = source
            done = does(change)
            self._note(change)
        self._tell(change)
        return done

    def attempt(self, what: str, does: Callable[[Change], None], source: Source | None = None) -> None:
        """The same of something that nobody waits for: a failure of the store is logged, and costs nothing else."""
        try:
            self.act(does, source)
        except Exception as error:
            log_fault(what, error)

    def _note(self, change: Change) -> None:
        if self.carries and change.sent:
            self.carrier.note(change)

    def _carry(self, change: Change) -> None:
        if self.carries and change.sent:
            self.carrier.carry(change.sent)
            self.carrier.start()

    def _report(self, when: datetime, does: Callable[[Change], None], source: Source) -> None:
        self.attempt("the carrier", does, source)  # the time is now: a machine that slept has another than was planned

    def _may_see(self, identity: str, sid: str) -> bool:
        object = views.find(self.store, sid)
        return object is not None and views.may_see(self.store, object, identity)

    def arrive(self, follower: Follower) -> None:
        """A connection is ready; with the first one its user is online."""
        first = not self.hub.has(follower.identity)
        self.hub.join(follower)
        if first:
            self._set_online(follower.identity, True)

    def depart(self, follower: Follower) -> None:
        """A connection is over; may be said twice."""
        there = self.hub.has(follower.identity)
        self.hub.leave(follower)
        if there and not self.hub.has(follower.identity):
            self._set_online(follower.identity, False)

    def _set_online(self, identity: str, online: bool) -> None:
        if not self.store.reachability:
            return
        self.attempt("reachability", lambda change: reach.set_online(change, identity, online))

    def welcome(self, grant: Grant) -> None:
        """Make the user of a first visit, with the role that the token names, if it names one.

        Raises:
            TokenRefused: 20106 where there is no such role.
        """
        if self.store.value("SELECT id FROM users WHERE identity = ?", grant.identity) is not None:
            return
        try:
            self.act(lambda change: users.ensure(change, grant.identity, grant.role_sid), Source("SDK", grant.identity))
        except Refused as refused:
            raise TokenRefused(20106, NO_ROLE) from refused


def _say(answer: Answer) -> Said:
    body = b"" if answer.body is None else json.encode(answer.body)
    return Status(answer.status, _NAMES[answer.status]), body, HEADERS


def _no(refused: Refused) -> Said:
    return Status(refused.status, "Error"), refused.body(), HEADERS | refused.headers


def _seen(call: Call, mutation: str | None) -> Answer | None:
    """The answer to an act that was done before: where its outcome is."""
    if mutation is None:
        return None
    sql = "SELECT resource_path FROM mutations WHERE identity = ? AND id = ?"
    row = call.store.row(sql, call.identity, mutation)
    if row is None:
        return None
    if row["resource_path"] is None:
        return Answer(status=204)
    return Answer(ResourceUrl(call.base + row["resource_path"]), 202)


BUSY = _no(Refused(20429, "requests", retry_after=1))
"""The answer to what is not even looked at."""


def fault(what: str, error: Exception) -> Refused:
    """The no that a fault of ours is answered with, once it is logged: 20503 where the disk failed, else 20500."""
    log_fault(what, error)
    return Refused(20503 if disk_failed(error) else 20500)


def log_fault(what: str, error: BaseException) -> None:
    """Log a fault of ours: its kind and place, and nothing of what a user wrote or sent."""
    if disk_failed(error):
        logger.error("%s was refused: the disk is full, read-only or failing, or the file damaged (%s)", what, error)
        return
    places = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    logger.error("%s failed: %s at %s", what, type(error).__name__, " > ".join(places[-6:]))
