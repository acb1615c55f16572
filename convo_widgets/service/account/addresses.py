"""Addresses of the account. What messages from strangers are to begin is kept: nobody from outside can write here."""

from __future__ import annotations

import re
from sqlite3 import Row
from typing import Any

from msgspec import UNSET, UnsetType

from convo_widgets.service import events, limits
from convo_widgets.service.account.configuration import hook_url
from convo_widgets.service.account.requests import Answer, Request, dates_of, delete, get, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, new_sid
from convo_widgets.wire import json
from convo_widgets.wire.rest import AccountAddress

TYPES = ("sms", "whatsapp", "messenger", "gbm", "email", "rcs", "apple", "chat")
RETRIES = 3
"""Times that a flow may be tried again."""


def _find(request: Request, name: str) -> Row:
    """The address of a sid, or by itself."""
    row = request.store.row("SELECT * FROM addresses WHERE sid = ?1 OR address = ?1", name)
    if row is None:
        raise Refused(20404, "there is no such address")
    return row


def _show(request: Request, row: Row) -> AccountAddress:
    return AccountAddress(
        sid=row["sid"],
        **request.account(),
        type=row["type"],
        address=row["address"],
        friendly_name=row["friendly_name"],
        address_country=row["address_country"],
        auto_creation=json.decode(row["auto_creation"]),
        **dates_of(row),
        url=request.account_url("Configuration", "Addresses", row["sid"]),
    )


def _auto_creation(request: Request) -> dict[str, Any]:
    """What is given of it."""
    service = request.text("AutoCreation.ConversationServiceSid")
    if isinstance(service, str) and service and request.services.find(service) is None:
        raise Refused(20422, "AutoCreation.ConversationServiceSid is the sid of a service")
    flow, retries = request.text("AutoCreation.StudioFlowSid"), request.index("AutoCreation.StudioRetryCount")
    if isinstance(flow, str) and flow and not limits.is_sid(flow, "FW"):
        raise Refused(20422, "AutoCreation.StudioFlowSid is the sid of a flow")
    if isinstance(retries, int) and not 0 <= retries <= RETRIES:
        raise Refused(20422, f"AutoCreation.StudioRetryCount is 0 to {RETRIES}")
    chosen = request.many("AutoCreation.WebhookFilters")
    given = {
        "enabled": request.flag("AutoCreation.Enabled"),
        "type": request.choice("AutoCreation.Type", "webhook", "studio", "default"),
        "conversation_service_sid": service,
        "webhook_url": hook_url(request.text("AutoCreation.WebhookUrl"), "AutoCreation.WebhookUrl"),
        "webhook_method": request.choice("AutoCreation.WebhookMethod", "get", "post", "GET", "POST"),
        "webhook_filters": chosen if isinstance(chosen, UnsetType) else events.filters(chosen),
        "studio_flow_sid": flow,
        "studio_retry_count": retries,
    }
    return {name: value or None if value == "" else value for name, value in given.items() if value is not UNSET}


def _create(request: Request, change: Change) -> Answer:
    type, address = request.choice("Type", *TYPES), limits.name(request.demand("Address"), "Address")
    if isinstance(type, UnsetType):
        raise Refused(20001, "Type is needed")
    if request.store.value("SELECT EXISTS (SELECT 1 FROM addresses WHERE address = ?)", address):
        raise Refused(20409, "this address is there already")
    creation = {"enabled": False, "type": "default"} | _auto_creation(request)
    name, country = limits.name(request.text("FriendlyName"), "FriendlyName"), request.maybe("AddressCountry")
    if country is not None and not re.fullmatch(r"[A-Z]{2}", country):
        raise Refused(20422, "AddressCountry is a code of two letters")
    values = (sid := new_sid("IG"), type, address, name, country, json.encode(creation).decode())
    sql = (
        "INSERT INTO addresses (sid, type, address, friendly_name, address_country, auto_creation, "
        "date_created, date_updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    change.run(sql, *values, change.time, change.time)
    return Answer(_show(request, _find(request, sid)), 201)


def _get(request: Request) -> Answer:
    return Answer(_show(request, _find(request, request.names["address"])))


def _update(request: Request, change: Change) -> Answer:
    row, given = _find(request, request.names["address"]), request.text("FriendlyName")
    name = row["friendly_name"] if given is UNSET else limits.name(given, "FriendlyName")
    creation = json.encode(json.decode(row["auto_creation"]) | _auto_creation(request)).decode()
    sql = "UPDATE addresses SET friendly_name = ?, auto_creation = ?, date_updated = ? WHERE id = ?"
    change.run(sql, name, creation, change.time, row["id"])
    return Answer(_show(request, _find(request, row["sid"])))


def _delete(request: Request, change: Change) -> Answer:
    change.run("DELETE FROM addresses WHERE id = ?", _find(request, request.names["address"])["id"])
    return Answer(status=204)


def _list(request: Request) -> Answer:
    type = request.param("Type")
    if type is not None and type not in TYPES:
        raise Refused(20422, f"Type is one of {', '.join(TYPES)}")
    sql = "SELECT * FROM addresses WHERE ?1 IS NULL OR type = ?1"
    url = request.account_url("Configuration", "Addresses")
    return request.listing("address_configurations", lambda row: _show(request, row), sql, type, url=url)


_FIELDS = (
    "FriendlyName",
    *(f"AutoCreation.{name}" for name in ("Enabled", "Type", "ConversationServiceSid", "WebhookUrl", "WebhookMethod")),
    *(f"AutoCreation.{name}" for name in ("WebhookFilters", "StudioFlowSid", "StudioRetryCount")),
)
ROUTES = [
    get("/Configuration/Addresses", _list, "Type", below="account"),
    post("/Configuration/Addresses", _create, "Type", "Address", "AddressCountry", *_FIELDS, below="account"),
    get("/Configuration/Addresses/{address}", _get, below="account"),
    post("/Configuration/Addresses/{address}", _update, *_FIELDS, below="account"),
    delete("/Configuration/Addresses/{address}", _delete, below="account"),
]
