"""What only the local service has: faults on demand, and messages from outside."""

from __future__ import annotations

from convo_widgets.errors import UsageError
from convo_widgets.service import inbound
from convo_widgets.service.account.requests import Answer, Request, ask, wait
from convo_widgets.service.refusals import Refused
from convo_widgets.wire.rest import NewFault, NewInbound


def _fault(request: Request) -> Answer:
    new = request.read(NewFault)
    try:
        request.backend.faults.fail(new.path, new.status, new.times, new.retry_after, new.method)
    except UsageError as error:
        raise Refused(20422, str(error)) from error
    return Answer(new, 201)


async def _inbound(request: Request) -> Answer:
    new = request.read(NewInbound)
    return Answer(await inbound.receive(request.services, new.sender, new.to, new.body), 201)


ROUTES = [ask("/_local/faults", _fault), wait("/_local/inbound", _inbound)]
