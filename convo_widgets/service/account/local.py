"""What only the local service has: faults on demand, and messages from outside."""

from __future__ import annotations

from collections.abc import Callable

from convo_widgets.errors import UsageError
from convo_widgets.service import inbound
from convo_widgets.service.account.requests import Answer, Request, ask, wait
from convo_widgets.service.faults import Faults
from convo_widgets.service.refusals import Refused
from convo_widgets.wire.rest import NewFault, NewInbound, NewTrouble

TROUBLES: dict[str, Callable[[Faults, NewTrouble], None]] = {
    "drop": lambda faults, new: faults.drop_connections(),
    "latency": lambda faults, new: faults.latency(new.ms),
    "throttle": lambda faults, new: faults.throttle(new.after, new.retry_after),
    "expire-tokens": lambda faults, new: faults.expire_tokens(),
    "restart": lambda faults, new: faults.restart(),
    "clear": lambda faults, new: faults.clear(),
}


def _fault(request: Request) -> Answer:
    new = request.read(NewFault)
    try:
        request.backend.faults.fail(new.path, new.status, new.times, new.retry_after, new.method)
    except UsageError as error:
        raise Refused(20422, str(error)) from error
    return Answer(new, 201)


def _trouble(request: Request) -> Answer:
    trouble = TROUBLES.get(request.names["trouble"])
    if trouble is None:
        raise Refused(20404, f"the troubles are {', '.join(TROUBLES)}")
    new = request.read(NewTrouble)
    try:
        trouble(request.backend.faults, new)
    except UsageError as error:
        raise Refused(20422, str(error)) from error
    return Answer(new, 201)


async def _inbound(request: Request) -> Answer:
    new = request.read(NewInbound)
    return Answer(await inbound.receive(request.services, new.sender, new.to, new.body), 201)


ROUTES = [
    ask("/_local/faults", _fault),
    ask("/_local/faults/{trouble}", _trouble),
    wait("/_local/inbound", _inbound),
]
