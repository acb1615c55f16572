"""Webhooks of one conversation."""

from __future__ import annotations

import re
from sqlite3 import Row
from typing import Any

from msgspec import UNSET, UnsetType

from convo_widgets.service import events, limits, webhooks
from convo_widgets.service.account.configuration import hook_url
from convo_widgets.service.account.conversations import find
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change
from convo_widgets.wire import json
from convo_widgets.wire.rest import AccountWebhook

MOST = 5
"""Webhooks of a conversation."""
TRIGGERS = 20
"""Words that a webhook waits for."""


def _find(request: Request, conversation: Row, sid: str) -> Row:
    row = request.store.row("SELECT * FROM webhooks WHERE sid = ? AND conversation = ?", sid, conversation["id"])
    if row is None:
        raise Refused(50360)
    return row


def _show(request: Request, conversation: Row, row: Row) -> AccountWebhook:
    return AccountWebhook(
        sid=row["sid"],
        **request.parts(),
        conversation_sid=conversation["sid"],
        target=row["target"],
        configuration=json.decode(row["configuration"]),
        **dates_of(row),
        url=request.url("Conversations", conversation["sid"], "Webhooks", row["sid"]),
    )


def _configuration(request: Request) -> dict[str, Any]:
    """What is given of where it goes and what it hears."""
    method = request.choice("Configuration.Method", "get", "post", "GET", "POST")
    chosen, triggers = request.many("Configuration.Filters"), request.many("Configuration.Triggers")
    if isinstance(triggers, list) and (len(triggers) > TRIGGERS or any(len(word) > limits.NAME for word in triggers)):
        raise Refused(20422, f"at most {TRIGGERS} triggers of {limits.NAME} characters")
    flow = request.text("Configuration.FlowSid")
    if isinstance(flow, str) and not limits.is_sid(flow, "FW"):
        raise Refused(20422, "Configuration.FlowSid is the sid of a flow")
    given = {
        "url": hook_url(request.text("Configuration.Url"), "Configuration.Url"),
        "method": method if isinstance(method, UnsetType) else method.lower(),
        "filters": chosen if isinstance(chosen, UnsetType) else events.filters(chosen, events.POST),
        "triggers": triggers,
        "flow_sid": flow,
        "replay_after": request.index("Configuration.ReplayAfter"),
    }
    return {name: value for name, value in given.items() if value is not UNSET}


_NEEDS = {"webhook": ("url", "filters"), "trigger": ("url", "triggers"), "studio": ("flow_sid",)}
"""What a webhook has by its target."""


def _demand_whole(target: str, configuration: dict[str, Any]) -> None:
    """A webhook without the half of it would never be heard of."""
    for name in _NEEDS[target]:
        if not configuration.get(name):
            words = re.sub(r"(^|_)(\w)", lambda match: match[2].upper(), name)
            raise Refused(20001, f"Configuration.{words} is needed for {target}")


def _create(request: Request, change: Change) -> Answer:
    conversation, target = find(request), request.choice("Target", *_NEEDS)
    if isinstance(target, UnsetType):
        raise Refused(20001, "Target is needed")
    count = request.store.value("SELECT count(*) FROM webhooks WHERE conversation = ?", conversation["id"])
    if count >= MOST:
        raise Refused(50361, f"at most {MOST}")
    configuration = ({} if target == "studio" else {"method": "post"}) | _configuration(request)
    _demand_whole(target, configuration)
    sid = webhooks.insert(change, conversation["id"], target, configuration)
    after = configuration.get("replay_after")
    if after is not None:
        webhooks.replay(change, conversation, target, configuration, after)
    return Answer(_show(request, conversation, _find(request, conversation, sid)), 201)


def _get(request: Request) -> Answer:
    conversation = find(request)
    return Answer(_show(request, conversation, _find(request, conversation, request.names["webhook"])))


def _update(request: Request, change: Change) -> Answer:
    conversation = find(request)
    row = _find(request, conversation, request.names["webhook"])
    configuration = json.decode(row["configuration"]) | _configuration(request)
    _demand_whole(row["target"], configuration)
    sql = "UPDATE webhooks SET configuration = ?, date_updated = ? WHERE id = ?"
    change.run(sql, json.encode(configuration).decode(), change.time, row["id"])
    return Answer(_show(request, conversation, _find(request, conversation, row["sid"])))


def _delete(request: Request, change: Change) -> Answer:
    change.run("DELETE FROM webhooks WHERE id = ?", _find(request, find(request), request.names["webhook"])["id"])
    return Answer(status=204)


def _list(request: Request) -> Answer:
    conversation = find(request)
    return request.listing(
        "webhooks",
        lambda row: _show(request, conversation, row),
        "SELECT * FROM webhooks WHERE conversation = ?",
        conversation["id"],
        most=MOST,
        url=request.url("Conversations", conversation["sid"], "Webhooks"),
    )


_FIELDS = tuple(f"Configuration.{name}" for name in ("Url", "Method", "Filters", "Triggers", "FlowSid"))
ROUTES = [
    get("/Conversations/{conversation}/Webhooks", _list),
    post("/Conversations/{conversation}/Webhooks", _create, "Target", *_FIELDS, "Configuration.ReplayAfter"),
    get("/Conversations/{conversation}/Webhooks/{webhook}", _get),
    post("/Conversations/{conversation}/Webhooks/{webhook}", _update, *_FIELDS),
    delete("/Conversations/{conversation}/Webhooks/{webhook}", _delete),
]
