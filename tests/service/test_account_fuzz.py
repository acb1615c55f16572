"""Whatever is asked of the account's REST API, it answers, and never with a fault of its own."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from convo_widgets.service.account.door import ROUTES
from convo_widgets.service.account.requests import Route
from convo_widgets.service.local import LocalService

ODD = [
    *("", " ", "\x00", "\n", "%", "..", "null", "true", "false", "-1", "0", "1", "5", "1e9", "9" * 30, "x" * 300),
    *("é", "\U0001f600", "\ufffd", "'; DROP TABLE users; --", "{}", "[]", "{", '{"identity":"a"}', "1" * 5000),
    *("[" * 3000, '{"identity":[]}', '{"messaging_binding":{"address":"+15550100"}}', "system", "a", "b"),
    *("2026-01-31T00:00:00Z", "9999-12-31T23:59:59.999+00:00", "0001-01-01T00:00:00+14:00", "2026-01-31", "P1D"),
    *("PT1H", "P", "PT", "P99999DT999999H", "asc", "desc", "active", "inactive", "closed", "initializing"),
    *("webhook", "trigger", "studio", "service", "conversation", "sendMessage", "onMessageAdded", "get", "post"),
    *("http://127.0.0.1:1/", "http://[", "http://a:99999/", "https://x.example/é", "file:///etc", "sms", "fcm"),
    *("+15550100", "+447700900310", "whatsapp:+15550100", "a@b.example", "default", "muted", "sent", "read"),
]
"""Values that somebody may try."""
PREFIXES = {
    "conversation": "CH",
    "message": "IM",
    "participant": "MB",
    "user": "US",
    "role": "RL",
    "webhook": "WH",
    "receipt": "DY",
    "binding": "BS",
    "address": "IG",
    "credential": "CR",
    "service": "IS",
}
SIDS = {"RoleSid": "RL", "ParticipantSid": "MB", "DefaultChatServiceSid": "IS"}
CASES = [route for route in ROUTES if not route.address.startswith("/_local/")]
WEIGHTED = [route for route in CASES for _ in range({"POST": 6, "GET": 3}.get(route.method, 1))]
"""More is made than removed."""
ROUNDS = 1500
RIGHT = {
    "Type": ["conversation", "sms", "fcm"],
    "State": ["active", "inactive"],
    "Attributes": ["{}", "[1]"],
    "Permission": ["sendMessage"],
    "Identity": ["a", "b", "c", "d"],
    "Target": ["webhook", "trigger", "studio"],
    "Url": ["http://127.0.0.1:1/"],
    "Filters": ["onMessageAdded"],
    "Triggers": ["word"],
    "FlowSid": ["FW" + "0" * 32],
    "Method": ["get", "post"],
    "ReplayAfter": ["0"],
    "Status": ["sent", "read"],
    "ErrorCode": ["0", "30003"],
    "NotificationLevel": ["muted"],
    "LastReadMessageIndex": ["0"],
    "LastReadTimestamp": ["2026-01-31T00:00:00Z"],
    "DateCreated": ["2026-01-31T00:00:00Z"],
    "DateUpdated": ["2026-01-31T00:00:00+02:00"],
    "Enabled": ["true"],
    "StartDate": ["2026-01-31"],
    "EndDate": ["2030-01-31"],
    "Order": ["asc", "desc"],
    "Inactive": ["PT5M", ""],
    "MediaSid": [""],
    "ContentVariables": [""],
    "MessagingServiceSid": [""],
    "ChannelMetadata": ["{}"],
    "Participant": ['{"identity":"a"}'],
    "Sandbox": ["true", "false"],
    "ReachabilityEnabled": ["true", "false"],
    "ConversationServiceSid": [""],
    "WebhookUrl": [""],
    "WebhookMethod": ["get"],
    "WebhookFilters": [""],
    "PreWebhookUrl": [""],
    "PostWebhookUrl": [""],
    "LogEnabled": ["true"],
    "BadgeCountEnabled": ["false"],
    "StudioFlowSid": [""],
    "StudioRetryCount": ["1"],
    "DefaultMessagingServiceSid": [""],
    "Closed": ["PT1H", ""],
    "DefaultInactiveTimer": [""],
    "DefaultClosedTimer": ["", "P1D"],
    "AddressCountry": ["GB"],
    "Level": ["to", "cc"],
    "Address": ["+15550101", "+15550102", "a@b.example", ""],
    "ProxyAddress": ["+15550100", ""],
    "ProjectedAddress": [""],
    "BindingType": ["fcm"],
    "ContentSid": [""],
}
"""Values that fields may have, by the last part of their names; others take any text."""
NOT_HERE = {
    *{("GET", "/Bindings/{binding}"), ("DELETE", "/Bindings/{binding}")},  # no user of this service has a device
}


class World:
    """A service, and the sids that it told of."""

    def __init__(self, service: LocalService) -> None:
        self.service = service
        secret = base64.b64encode(f"{service.api_key}:{service.api_secret}".encode()).decode()
        self.headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/x-www-form-urlencoded"}
        self.connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=10)
        self.sids: dict[str, list[str]] = {"IS": [service.service_sid]}
        self.statuses: set[int] = set()
        self.paths: list[str] = []
        self.done: set[tuple[str, str]] = set()
        self.chance = Random(0)

    def known(self, prefix: str) -> str:
        """One of the newest sids of a kind."""
        found = self.sids.get(prefix)
        return self.chance.choice(found[-4:]) if found else prefix + "0" * 32

    def ask(self, route: Route, target: str, content: bytes) -> None:
        """One request; what comes back must be well-formed."""
        self.connection.request(route.method, target, content or None, self.headers)
        response = self.connection.getresponse()
        body, status = response.read(), response.status
        self.statuses.add(status)
        what = f"{route.method} {target} {content[:200]!r}: {status} {body[:300]!r}"
        assert status < 500, what
        if status == 204:
            assert body == b"", what
            self.done.add((route.method, route.address))
            self._forget(urlsplit(target).path.rpartition("/")[2])
            return
        told = json.loads(body)
        assert response.headers["content-type"] == "application/json", what
        if status >= 400:
            assert set(told) == {"status", "code", "message", "more_info"}, what
            assert told["status"] == status, what
            assert 20000 <= told["code"] < 60000, what
            assert told["message"], what
            assert told["more_info"].endswith(f"/{told['code']}"), what
        else:
            assert status == (201 if route.method == "POST" and status == 201 else 200), what
            self.done.add((route.method, route.address))
            self._learn(told)

    def _learn(self, told: Any) -> None:
        text = json.dumps(told)
        for match in re.findall(r'"([A-Z]{2}[0-9a-f]{32})"', text):
            kind = self.sids.setdefault(match[:2], [])
            if match not in kind:
                kind.append(match)
        for match in re.findall(rf'"{self.service.url}/v1(?:/Services/\w+(?=/))?([^"?]+)"', text):
            if match not in self.paths:
                self.paths.append(match)

    def path(self, route: Route) -> str | None:
        """An address that it told, and that is one of a route."""
        found = [path for path in self.paths if route.pattern.fullmatch(path)]
        return self.chance.choice(found[-6:]) if found else None

    def _forget(self, sid: str) -> None:
        if sid in self.sids.get(sid[:2], []):
            self.sids[sid[:2]].remove(sid)
            self.paths = [path for path in self.paths if sid not in path]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A service with a little of everything."""
    with LocalService(seed="demo") as service:
        world = World(service)
        by_name = {(route.method, route.address): route for route in CASES}
        for address, fields in (
            ("/Conversations", {}),
            ("/Users", {"Identity": "fuzz"}),
            ("/Configuration/Addresses", {"Type": "sms", "Address": "+15550199"}),
            ("/Credentials", {"Type": "fcm"}),
            ("/Roles", {"FriendlyName": "r", "Type": "conversation", "Permission": "sendMessage"}),
        ):
            world.ask(by_name["POST", address], f"/v1{address}", urlencode(fields).encode())
        room = f"/v1/Conversations/{world.known('CH')}"
        for part, fields in (
            ("Participants", {"Identity": "fuzz"}),
            ("Messages", {"Body": "x", "ChannelMetadata": "{}"}),
            ("Webhooks", {"Target": "studio", "Configuration.FlowSid": "FW" + "0" * 32}),
        ):
            route = by_name["POST", f"/Conversations/{{conversation}}/{part}"]
            world.ask(route, f"{room}/{part}", urlencode(fields).encode())
        report = {"ParticipantSid": world.known("MB"), "Status": "read"}
        receipts = "/Conversations/{conversation}/Messages/{message}/Receipts"
        path = f"{room}/Messages/{world.known('IM')}/Receipts"
        world.ask(by_name["POST", receipts], path, urlencode(report).encode())
        world.ask(by_name["GET", f"{receipts}/{{receipt}}"], f"{path}/{world.known('DY')}", b"")  # before it is removed
        yield world
        world.connection.close()


def _fill(world: World, chance: Random, name: str) -> str:
    """A value of a field: most often one that it may have."""
    if not chance.randrange(8):
        return chance.choice(ODD) if chance.randrange(3) else chr(chance.randrange(1, 0xD800))
    if name in SIDS:
        return world.known(SIDS[name])
    return chance.choice(RIGHT.get(name.rpartition(".")[2], ["x"]))


def _ask(world: World, route: Route, chance: Random) -> None:
    """A request of a route, right in most of it and odd in some."""

    def name(match: re.Match[str]) -> str:
        odd = quote(chance.choice(ODD), safe="") or "_"
        return world.known(PREFIXES[match[1]]) if chance.randrange(12) else odd

    below = route.below == "service" or (route.below == "either" and chance.randrange(2))
    path = re.sub(r"\{(\w+)\}", name, route.address)
    if chance.randrange(4):
        path = world.path(route) or path
    named = [one for one in route.fields or () if chance.randrange(3)]
    fields = [(one, _fill(world, chance, one)) for one in named]
    if not chance.randrange(20):
        fields.append((chance.choice(ODD), chance.choice(ODD)))
    query, content = [], b""
    if route.method == "GET":
        query = fields
        for one in ("PageSize", "Page", "PageToken"):
            if not chance.randrange(4):
                query.append((one, chance.choice([*ODD, "1", "2", "PTMQ==", "PTLTE=", "PT" + "9" * 30])))
    elif route.fields is None:
        content = chance.choice([b"{}", b"[", b"null", b"[" * 5000, b'{"types":{"twilio/text":{"body":"x"}}}'])
    else:
        content = urlencode(fields).encode()
        if not chance.randrange(30):
            content += chance.randbytes(8)
    base = f"/v1/Services/{world.service.service_sid}" if below else "/v1"
    world.ask(route, base + path + (f"?{urlencode(query)}" if query else ""), content)


@pytest.mark.parametrize("seed", range(4))
def test_no_fault(world: World, seed: int) -> None:
    """Requests of known routes with right and odd values, one after the other on a service that they change."""
    chance = Random(seed)
    for _ in range(ROUNDS):
        _ask(world, chance.choice(WEIGHTED), chance)


def test_every_route_was_met(world: World) -> None:
    """The fuzzer got through to all that there is, so that its silence means something."""
    assert {200, 201, 204, 400, 404, 409} <= world.statuses
    missed = {(route.method, route.address) for route in CASES} - world.done
    assert missed <= NOT_HERE, missed
