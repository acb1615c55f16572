"""From a request in a frame to its answer: one transaction a write, told to others after the commit, then answered."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, field

from convo_widgets.service import conversations, memberships, messages, participants, sync, users, views
from convo_widgets.service.calls import Answer, Call, WriteHandler, choose
from convo_widgets.service.faults import Faults
from convo_widgets.service.hub import Follower, Hub
from convo_widgets.service.limits import Media
from convo_widgets.service.media import Signer
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store
from convo_widgets.service.tokens import Tokens
from convo_widgets.wire import json
from convo_widgets.wire.protocol import Requested
from convo_widgets.wire.schema import ResourceUrl, Status

logger = logging.getLogger("convo_widgets.service")

# Narrow addresses come before those that take anything.
ROUTES = participants.ROUTES + messages.ROUTES + memberships.ROUTES + users.ROUTES + conversations.ROUTES + sync.ROUTES
HEADERS = {"Content-Type": "application/json; charset=utf-8"}
_NAMES = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content"}


@dataclass
class Backend:
    """What all connections share.

    Attributes:
        base: the service's own address, without a slash at the end.
        media: what a message may carry.
        media_ttl: seconds that a temporary address of a medium is good for.
    """

    store: Store
    tokens: Tokens
    base: str
    media: Media = field(default_factory=Media)
    media_ttl: float = 300
    faults: Faults = field(default_factory=Faults)
    hub: Hub = field(default_factory=Hub)

    def __post_init__(self) -> None:
        self.signer = Signer(f"{self.base}/v1/Services/{self.tokens.service_sid}/Media", self.media_ttl)

    @property
    def latency(self) -> float:
        """Seconds that every outgoing frame is held back."""
        return self.faults.delay

    def answer(self, follower: Follower, requested: Requested) -> tuple[Status, bytes, dict[str, str]]:
        """Status, body and headers for a request; never raises."""
        request = requested.request
        call = Call(self.store, self.hub, follower, self.base, request, requested.body, self.media)
        try:
            self.faults.strike(request.method, request.path)
            answer = self._answer(call)
            body = b"" if answer.body is None else json.encode(answer.body)
        except Refused as refused:
            return Status(refused.status, "Error"), refused.body(), HEADERS | refused.headers
        except Exception as error:  # our own fault, which must not cost the connection
            log_fault(f"{request.method} request", error)
            fault = Refused(20500)
            return Status(fault.status, "Error"), fault.body(), HEADERS
        return Status(answer.status, _NAMES[answer.status]), body, HEADERS

    def _answer(self, call: Call) -> Answer:
        route = choose(ROUTES, call)
        if route.reads is not None:
            return route.reads(call)
        assert route.writes is not None
        with self.store.write() as change:
            seen = _seen(call)
            if seen is not None:
                return seen
            answer = self._write(route.writes, call, change)
        self.hub.publish(change, self._may_see)
        return answer

    def _write(self, handler: WriteHandler, call: Call, change: Change) -> Answer:
        answer = handler(call, change)
        if call.mutation_id is not None:
            values = (call.identity, call.mutation_id, answer.resource, change.time)
            change.run("INSERT INTO mutations VALUES (?, ?, ?, ?)", *values)
        return answer

    def _may_see(self, identity: str, sid: str) -> bool:
        object = views.find(self.store, sid)
        return object is not None and views.may_see(self.store, object, identity)

    def welcome(self, identity: str) -> None:
        """Make the user of a first visit."""
        if self.store.value("SELECT id FROM users WHERE identity = ?", identity) is None:
            with self.store.write() as change:
                users.ensure(change, identity)


def _seen(call: Call) -> Answer | None:
    """The answer to an act that was done before: where its outcome is."""
    if call.mutation_id is None:
        return None
    sql = "SELECT resource_path FROM mutations WHERE identity = ? AND id = ?"
    row = call.store.row(sql, call.identity, call.mutation_id)
    if row is None:
        return None
    if row["resource_path"] is None:
        return Answer(status=204)
    return Answer(ResourceUrl(call.base + row["resource_path"]), 202)


def log_fault(what: str, error: BaseException) -> None:
    """Log a fault of ours: its kind and place, and nothing of what a user wrote or sent."""
    places = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    logger.error("%s failed: %s at %s", what, type(error).__name__, " > ".join(places[-6:]))
