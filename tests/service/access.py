"""The world of `access.md`: one conversation with everybody around it, and each operation as a request."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from starlette.routing import Route as HttpRoute
from websockets.asyncio.client import connect

from convo_widgets.service import content, conversations, delivery, media, messages, participants, users
from convo_widgets.service.account import door
from convo_widgets.service.app import make_app
from convo_widgets.service.dispatch import ROUTES, Backend
from convo_widgets.service.limits import DEFAULT_MEDIA
from convo_widgets.service.local import LocalService
from convo_widgets.service.permissions import KNOWN
from convo_widgets.service.services import Services
from convo_widgets.service.store import Change, Store
from convo_widgets.service.tokens import Tokens
from convo_widgets.wire import json
from convo_widgets.wire.protocol import Replied
from convo_widgets.wire.rest import NewContent
from convo_widgets.wire.schema import HttpRequest, MessagingBinding, NewConversation, NewMessage, NewParticipant

from .conftest import CONFIGURATION, Connect, Reply, Wire, inside
from .http import Account, ask

T = TypeVar("T")
ACTORS = ("stranger", "removed", "creator", "member", "admin", "moderator")
OUTSIDERS = ("stranger", "removed")
"""They may hear nothing of the conversation."""
TEXT = {"twilio/text": {"body": "hello"}}
SECRET = "velvet"
"""In everything that somebody wrote or named in the conversation."""
NOBODY = "nobody"
BY_PERMISSION = "By permission"


# --- The file ------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One line of a table: an operation on variants of its object, in some states, and what each actor is told."""

    operation: str
    variants: list[str]
    states: list[str]
    cells: dict[str, str]


class Allowed(NamedTuple):
    """One line of the table by permission: what is answered to who may, and to who may not.

    Attributes:
        permission: names, joined by "and" where all are needed, by "or" where one is enough.
        roles: types of roles.
    """

    permission: str
    roles: list[str]
    operation: str
    variants: list[str]
    who: str
    granted: str
    denied: str

    @property
    def names(self) -> set[str]:
        """The permissions."""
        return set(re.findall(r"\w+(?=`)", self.permission))

    def enough(self) -> list[set[str]]:
        """Sets of permissions of which each is enough."""
        return [self.names] if " and " in self.permission else [{name} for name in sorted(self.names)]

    def too_little(self, type: str) -> list[set[str]]:
        """The largest sets of permissions of which none is enough."""
        if " and " in self.permission:
            return [KNOWN[type] - {name} for name in sorted(self.names)]
        return [KNOWN[type] - self.names]


def tables() -> dict[str, list[Row]]:
    """The tables of `access.md` by their headings, but that by permission."""
    found: dict[str, list[Row]] = {}
    for heading, lines in _lines().items():
        for cells in lines if heading != BY_PERMISSION else []:
            given = dict(list(cells.items())[3:])
            operation, which, states = list(cells.values())[:3]
            found.setdefault(heading, []).append(
                Row(operation.strip("`"), which.split(", "), states.split(", "), given)
            )
    return found


def allowed() -> list[Allowed]:
    """The table by permission."""
    return [
        Allowed(
            cells["permission"],
            cells["role"].split(", "),
            cells["operation"].strip("`"),
            cells["of"].split(", "),
            cells["who"],
            cells["with"],
            cells["without"],
        )
        for cells in _lines()[BY_PERMISSION]
    ]


def _lines() -> dict[str, list[dict[str, str]]]:
    """The lines of all tables, by heading, each by the names of its columns."""
    found: dict[str, list[dict[str, str]]] = {}
    heading, columns = "", None
    for line in (Path(__file__).parent / "access.md").read_text().splitlines():
        if line.startswith("#"):
            heading, columns = line.lstrip("# "), None
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or set(line) <= set("|- "):
            continue
        if columns is None:
            columns = cells
            continue
        found.setdefault(heading, []).append(dict(zip(columns, cells, strict=True)))
    return found


def user_operations() -> set[str]:
    """Every route of the users' side: inside the socket, and whatever the app has over HTTP but its front page."""
    inside = {f"{route.method} {_address(route.pattern.pattern)}" for route in ROUTES.routes}
    routes = make_app(Services(Backend(Store(), Tokens("AC0", "IS0"), "http://x"))).routes
    others = [route for route in routes if isinstance(route, HttpRoute) and route.path not in ("/", "/v1/{path:path}")]
    return inside | {f"{method} {route.path}" for route in others for method in (route.methods or {"GET"}) - {"HEAD"}}


def account_operations() -> set[str]:
    """Every route of the account's side."""
    return {
        f"{route.method} {'/Services/{service}' if route.below == 'service' else ''}{route.address}"
        for route in door.ROUTES
    }


def _address(pattern: str) -> str:
    return re.sub(r"\(\?P<(\w+)>(\[\^/\]|\.)\+\)", r"{\1}", pattern)


# --- The world -----------------------------------------------------------------------------------------------------


@dataclass
class World:
    """A service and a connection of everybody.

    Attributes:
        service: as people see it.
        backend: what is behind it, to be touched in its own thread only.
        wires: a connection of each actor.
    """

    service: LocalService
    backend: Backend
    wires: dict[str, Wire] = field(default_factory=dict)
    rooms: int = 0

    @classmethod
    async def of(cls, service: LocalService, backend: Backend, wire: Connect) -> World:
        """Everybody is connected."""
        world = cls(service, backend)
        for actor in ACTORS:
            world.wires[actor] = await wire(actor)
        await world.act(world._make_moderator)
        return world

    async def act(self, does: Callable[[Change], T]) -> T:
        """Something in the service's own thread and in one transaction, told to others after it."""
        return await self.inside(lambda: self.backend.act(does))

    async def inside(self, does: Callable[[], T]) -> T:
        """Something in the service's own thread."""
        return await inside(self.service, does)

    async def stored(self) -> str:
        """All that the store holds."""
        return await self.inside(lambda: "\n".join(self.backend.store._db.iterdump()))

    def _make_moderator(self, change: Change) -> None:
        user = users.find_by(change.store, "moderator")
        users.give_role(change, user, change.store.value("SELECT sid FROM roles WHERE type = 'service' AND admin"))

    async def role(self, type: str, permissions: set[str]) -> str:
        """A new role, made by the account; its sid."""
        fields = {"FriendlyName": "some", "Type": type, "Permission": sorted(permissions)}
        return str((await Account(self.service).post("/Roles", fields))["sid"])

    async def admins(self) -> str:
        """The role of the service's admins."""
        sql = "SELECT sid FROM roles WHERE type = 'service' AND admin"
        return str(await self.inside(lambda: self.backend.store.value(sql)))

    async def allow(self, role: str, permissions: set[str]) -> None:
        """Change what a role allows, as the account."""
        await Account(self.service).post(f"/Roles/{role}", {"Permission": sorted(permissions)})

    async def room(self, state: str, created_by: str = "creator") -> Room:
        """A conversation that everybody tried to follow, from which `removed` was then removed."""
        self.rooms += 1
        room = await self.act(lambda change: Room(self, change, self.rooms, created_by))
        for actor in ACTORS:
            await room.follow(actor)
        room.marks["stranger"] = 0
        await self.act(room.remove)
        await self.hear()
        room.marks["removed"] = len(self.wires["removed"].told)
        if state == "closed":
            await self.act(room.close)
        elif state == "deleted":
            await self.act(lambda change: conversations.remove(change, room.row["id"]))
        await self.hear()
        for actor in ACTORS:
            room.marks.setdefault(actor, len(self.wires[actor].told))
        return room

    async def hear(self) -> None:
        """Wait until everybody has got what was sent so far."""
        for wire in self.wires.values():
            await wire.get(CONFIGURATION)

    async def told(self, room: Room, actor: str) -> list[Any]:
        """What an actor got since nothing more of the room was to come."""
        await self.wires[actor].get(CONFIGURATION)
        return self.wires[actor].told[room.marks[actor] :]


class Room:
    """One conversation with everything in it, and how each operation asks for it."""

    def __init__(self, world: World, change: Change, number: int, created_by: str) -> None:
        self.world, store = world, change.store
        self.number, self.marks = number, dict[str, int]()
        new = NewConversation(f"{SECRET} room", f"{SECRET}-{number}", attributes=f'{{"{SECRET}":1}}')
        self.sid = conversations.create(change, new, created_by)
        self.row = conversations.find_by(store, self.sid)
        for identity in ("member", "admin", "removed", "absent"):
            given = NewParticipant(identity, f'{{"{SECRET}":1}}')
            participants.add(change, self.row, given, store.role("conversation", admin=identity == "admin"))
        phone = MessagingBinding(f"+1555{number:07}", "+15550100", name=SECRET)
        self.phone = participants.add(change, self.row, NewParticipant(messaging_binding=phone))
        self.media = {"sent": self._medium(change, f"{SECRET}.txt"), "unsent": self._medium(change, f"{SECRET}.txt")}
        self.messages = {actor: self._message(change, actor) for actor in ACTORS}
        found = messages.find(store, self.row, self.messages["member"])
        self.receipt = delivery.report(change, self.row, found, self.phone, "read", 0)
        self.template = content.insert(change, NewContent(TEXT))
        self.objects = {view: store.object_sid(view, self.row["id"]) for view, _, _ in conversations.VIEWS}
        self.devices = {actor: self._device(change, actor) for actor in ACTORS}
        self.people = {
            row["identity"]: row["sid"]
            for row in store.rows("SELECT identity, sid FROM participants WHERE conversation = ?", self.row["id"])
        }

    def _medium(self, change: Change, filename: str) -> str:
        given: Any = {"time": change.time, "content_type": "text/plain", "filename": filename}
        return media.insert(change.store, author="member", pieces=[b"bytes"], **given)

    def _message(self, change: Change, author: str) -> str:
        row = conversations.find_by(change.store, self.sid)
        sids: Any = [self.media["sent"]] if author == "member" else []
        new = NewMessage(f"{SECRET} body", SECRET, sids, f'{{"{SECRET}":1}}')
        known = f'{{"type":"email","data":{{"{SECRET}":1}}}}'
        sent = messages.send(change, row, new, author, None, most=DEFAULT_MEDIA, channel_metadata=known)
        return str(sent["sid"])

    def _device(self, change: Change, identity: str) -> str:
        change.run("DELETE FROM registrations WHERE identity = ?", identity)
        sid = f"BS{ACTORS.index(identity)}{self.number:031x}"
        sql = "INSERT INTO registrations (sid, identity, channel_type, address, message_types, date_created, "
        values = (sid, identity, "fcm", f"of {identity}", "[]", change.time, change.time)
        change.run(sql + "date_updated) VALUES (?, ?, ?, ?, ?, ?, ?)", *values)
        return sid

    def remove(self, change: Change) -> None:
        """Remove the one who is to be removed."""
        participants.remove(change, self.row, participants.find_by(change.store, self.row, "removed"))

    def close(self, change: Change) -> None:
        """Close it."""
        conversations.alter(change, self.row, NewConversation(), conversations.Terms(state="closed"))

    async def give(self, role: str, type: str, actor: str) -> None:
        """Let somebody have a role, here or in the service, as the account."""
        path = f"/Users/{actor}" if type == "service" else f"/Conversations/{self.sid}/Participants/{actor}"
        await Account(self.world.service).post(path, {"RoleSid": role})

    async def settle(self) -> None:
        """Let everybody have heard what was so far, and count from there."""
        await self.world.hear()
        self.marks = {actor: len(wire.told) for actor, wire in self.world.wires.items()}

    async def follow(self, actor: str) -> None:
        """Subscribe to all three objects, or try."""
        requests = [
            {"object_sid": self.objects[view], "object_type": type, "last_event_id": 1 << 60}
            for view, _, type in conversations.VIEWS
        ]
        body = {"event_protocol_version": 4, "action": "establish", "correlation_id": 0, "requests": requests}
        await self.world.wires[actor].post("/v4/Subscriptions", body)

    def secrets(self) -> list[str]:
        """What nobody outside may be told."""
        return [SECRET, self.sid, *self.objects.values(), *self.messages.values(), *self.people.values()]


# --- Asking --------------------------------------------------------------------------------------------------------


def another(actor: str) -> str:
    """Somebody else in the conversation."""
    return "admin" if actor == "member" else "member"


async def request(room: Room, actor: str, operation: str, which: str) -> Reply:
    """What the service says to an actor's operation; of a subscription and a set of media, what it says of the one."""
    method, _, address = operation.partition(" ")
    path = address.format(**await names(room, actor, which))
    body = BODIES.get(operation, {}).get(which)
    if callable(body):
        body = body(room, actor)
    if "/Media" in address:
        return await _over_http(room, actor, method, path, body)
    if actor == NOBODY:
        return await _before_init(room, method, path)
    wire = room.world.wires[actor]
    if address == "/v4/Subscriptions":
        return await _subscribe(room, wire, which)
    return await wire.ask(method, path, body)


async def names(room: Room, actor: str, which: str) -> dict[str, str]:
    """The parts of a path."""
    own = which.startswith("own")
    whose = actor if own else another(actor)
    whose = whose if whose in ACTORS else "member"
    tokens = room.world.backend.signer.url(room.media["sent"]).split("/")
    found = {
        "conversation": room.sid,
        "message": room.messages[whose],
        "participant": whose if own else room.phone if which == "a phone" else room.people[whose],
        "identity": whose,
        "registration": room.devices[whose],
        "service": room.world.service.service_sid,
        "sid": room.media["unsent" if which == "unsent" else "sent"],
        "expires": tokens[-2],
        "signature": tokens[-1],
    }
    return found | await _object(room, actor, which)


async def _object(room: Room, actor: str, which: str) -> dict[str, str]:
    """Type and id of a Sync object."""
    by_name = {"document": "channel", "messages": "messages", "roster": "roster"}
    what, _, named = which.partition(" by ")
    if what in by_name:
        view = by_name[what]
        type = {"document": "Documents", "messages": "Lists", "roster": "Maps"}[what]
        return {"type": type, "id": f"{room.sid}.{view}" if named else room.objects[view]}
    whose, _, view = what.partition(" ")
    if view not in ("list", "name"):
        return {}
    identity = actor if whose == "own" and actor in ACTORS else another(actor)

    def find() -> str:
        store = room.world.backend.store
        return store.object_sid({"list": "conversations", "name": "info"}[view], users.find_by(store, identity)["id"])

    return {"type": "Maps", "id": await room.world.inside(find)}


async def _subscribe(room: Room, wire: Wire, which: str) -> Reply:
    object = await _object(room, await wire.identity(), which)
    type = {"Documents": "document", "Lists": "list", "Maps": "map"}[object["type"]]
    answer = await wire.follow(object["id"], type, 1)
    error = answer["event"].get("error")
    return Reply(200, {"code": error["code"]} if error else None)


async def _before_init(room: Room, method: str, path: str) -> Reply:
    """A request of a connection that never said who it is."""
    wire = Wire(await connect(room.world.service.ws_url, compression=None))
    wire.protocol.state = "ready"
    id = wire.protocol.request(HttpRequest("127.0.0.1", path, method))
    await wire.flush()
    event = await wire._settled(id)
    await wire.close()
    assert isinstance(event, Replied)
    return Reply(event.status.code, json.decode(event.body) if event.body else None)


async def _over_http(room: Room, actor: str, method: str, path: str, body: Any) -> Reply:
    service = room.world.service
    headers = {} if actor == NOBODY else {"X_Twilio_Token": service.token(actor)}
    content = body if isinstance(body, bytes) else b"" if body is None else json.encode(body)
    answer = await ask(method, service.url + path, content, Content_Type="text/plain", **headers)
    plain = answer.headers["content-type"] != "application/json"
    told = {"content": answer.content.decode()} if plain else answer.body
    if isinstance(told, list):  # a set of one
        told = told[0] | ({} if told[0]["code"] != 200 else {"code": 0})
    return Reply(answer.status, told)


def _conversation(*fields: str) -> Callable[[Room, str], dict[str, str]]:
    """A change of a conversation, in some of its fields."""

    def body(room: Room, actor: str) -> dict[str, str]:
        new = {"friendly_name": "renamed", "unique_name": f"renamed {room.number}", "attributes": "{}"}
        return {name: value for name, value in new.items() if name in fields}

    return body


def _medium(room: Room) -> dict[str, Any]:
    return {"media_sids": [room.media["unsent"]]}


NEW_TEXT, NEW_ATTRIBUTES = {"body": "changed"}, {"attributes": '{"new":1}'}
CHANNEL = {"endpoint_platform": "x", "channel_type": "fcm", "version": "1", "message_types": []}
BODIES: dict[str, dict[str, Any]] = {
    "POST /Client/v2/Conversations": {"": {"friendly_name": "another one"}},
    "POST /Client/v2/Conversations/{conversation}": {
        "": _conversation("friendly_name", "unique_name", "attributes"),
        "name": _conversation("friendly_name"),
        "unique name": _conversation("unique_name"),
        "attributes": _conversation("attributes"),
        "name and attributes": _conversation("friendly_name", "attributes"),
        "nothing": {},
    },
    "POST /Client/v2/Conversations/{conversation}/Participants": {
        "own": lambda room, actor: {"identity": actor},
        "another's": {"identity": "newcomer"},
        "a phone": lambda room, actor: {
            "messaging_binding": {"address": f"+1444{room.number:07}", "proxy_address": "+15550100"}
        },
    },
    "POST /Client/v2/Conversations/{conversation}/Participants/{participant}": {
        which: {"attributes": '{"new":1}'} for which in ("own", "another's", "a phone")
    },
    "POST /Client/v2/Conversations/{conversation}/Messages": {
        "": {"body": "hello"},
        "text": {"body": "hello"},
        "a template": lambda room, actor: {"content_sid": room.template},
        "a medium": lambda room, actor: _medium(room),
        "a medium with text": lambda room, actor: _medium(room) | {"body": "look"},
        "a medium with a template": lambda room, actor: _medium(room) | {"content_sid": room.template},
    },
    "POST /Client/v2/Conversations/{conversation}/Messages/{message}": {
        f"{whose}{what}": body
        for whose in ("own", "another's")
        for what, body in {
            "": NEW_TEXT,
            " text": NEW_TEXT,
            " attributes": NEW_ATTRIBUTES,
            " text and attributes": NEW_TEXT | NEW_ATTRIBUTES,
            " nothing": {},
        }.items()
    },
    "POST /Client/v2/MyConversations/{conversation}": {
        "": {"last_read_message_index": 0},
        "level": {"notification_level": "muted"},
        "level and horizon": {"notification_level": "muted", "last_read_message_index": 0},
    },
    "POST /Client/v2/Typing": {"": lambda room, actor: f"ChannelSid={room.sid}".encode()},
    "POST /Client/v2/Users/{identity}": {which: {"friendly_name": "new"} for which in ("own", "another's")},
    "POST /v1/registrations": {"own": CHANNEL | {"data": {"registration_id": "new"}}},
    "DELETE /v1/registrations": {
        "own": lambda room, actor: {"binding_type": "fcm", "address": f"of {actor}"},
        "another's": lambda room, actor: {"binding_type": "fcm", "address": f"of {another(actor)}"},
    },
    "POST /v1/Services/{service}/Media": {"own": b"bytes"},
    "POST /v1/Services/{service}/Media/Set": {
        which: lambda room, actor, which=which: {"command": "get", "list": [{"media_sid": room.media[which]}]}
        for which in ("sent", "unsent")
    },
}


# --- The account's side --------------------------------------------------------------------------------------------

WEBHOOK = {"Target": "webhook", "Configuration.Url": "http://127.0.0.1:1/", "Configuration.Filters": "onMessageAdded"}
ROLE = {"FriendlyName": "reader", "Type": "conversation", "Permission": "sendMessage"}
NEW: dict[str, Callable[[Room], dict[str, str]]] = {
    "credential": lambda room: {"Type": "fcm", "FriendlyName": "x"},
    "address": lambda room: {"Type": "sms", "Address": f"+1333{room.number:07}"},
    "role": lambda room: ROLE,
    "webhook": lambda room: WEBHOOK,
}
"""What an operation finds, unless it makes it."""
LISTS = {
    "credential": "/Credentials",
    "address": "/Configuration/Addresses",
    "role": "/Roles",
    "webhook": "/Conversations/{conversation}/Webhooks",
}
FORMS: dict[str, Callable[[Room], dict[str, str]]] = {
    "/Conversations": lambda room: {"FriendlyName": "x"},
    "/Conversations/{conversation}": lambda room: {"FriendlyName": "x", "Attributes": "{}"},
    "/ConversationWithParticipants": lambda room: {"Participant": '{"identity":"newcomer"}'},
    "/Conversations/{conversation}/Messages": lambda room: {"Author": "desk", "Body": "x"},
    "/Conversations/{conversation}/Messages/{message}": lambda room: {"Body": "changed"},
    "/Conversations/{conversation}/Messages/{message}/Receipts": lambda room: {
        "ParticipantSid": room.phone,
        "Status": "failed",
    },
    "/Conversations/{conversation}/Participants": lambda room: {"Identity": "newcomer"},
    "/Conversations/{conversation}/Participants/{participant}": lambda room: {"Attributes": "{}"},
    "/Conversations/{conversation}/Webhooks": lambda room: WEBHOOK,
    "/Conversations/{conversation}/Webhooks/{webhook}": lambda room: {"Configuration.Method": "post"},
    "/Users": lambda room: {"Identity": f"new {room.number}"},
    "/Users/{user}": lambda room: {"FriendlyName": "x"},
    "/Users/{user}/Conversations/{conversation}": lambda room: {"NotificationLevel": "muted"},
    "/Roles": lambda room: ROLE,
    "/Roles/{role}": lambda room: {"Permission": "sendMessage"},
    "/Services": lambda room: {"FriendlyName": "x"},
    "/Services/{service}/Configuration": lambda room: {"ReachabilityEnabled": "true"},
    "/Services/{service}/Configuration/Webhooks": lambda room: {"Method": "get"},
    "/Services/{service}/Configuration/Notifications": lambda room: {"LogEnabled": "true"},
    "/Configuration": lambda room: {"DefaultInactiveTimer": "PT1H"},
    "/Configuration/Webhooks": lambda room: {"Method": "get"},
    "/Configuration/Addresses": lambda room: {"Type": "sms", "Address": f"+1222{room.number:07}"},
    "/Configuration/Addresses/{address}": lambda room: {"FriendlyName": "x"},
    "/Credentials": NEW["credential"],
    "/Credentials/{credential}": lambda room: {"FriendlyName": "x"},
}
JSON: dict[str, Any] = {
    "/Content": {"friendly_name": "x", "language": "en", "variables": {}, "types": TEXT},
    "/_local/faults": {"path": "/never", "status": 503},
    "/_local/faults/{trouble}": {},
    "/_local/inbound": {"from": "+447700900999", "to": "+15550199", "body": "Is anybody there?"},
}


async def account_request(room: Room, operation: str, state: str) -> tuple[str, str, bytes, str]:
    """Method, URL, body and content type of an operation of the account."""
    method, _, address = operation.partition(" ")
    world, account = room.world, Account(room.world.service)
    parts = await names(room, "account", "") | {
        "user": "absent",
        "trouble": "clear",
        "participant": room.people["absent"],
        "receipt": room.receipt,
        "binding": room.devices["member"],
    }
    for name, new in NEW.items():
        if f"{{{name}}}" in address and state != "deleted":
            parts[name] = (await account.post(LISTS[name].format(**parts), new(room)))["sid"]
    parts |= {name: "WH" + "0" * 32 for name in NEW if name not in parts}
    url = f"{world.service.url}/v1{address.format(**parts)}"
    if address == "/ParticipantConversations":
        url += "?Identity=member"
    if method != "POST":
        return method, url, b"", ""
    if address in JSON:
        return method, url, json.encode(JSON[address]), "application/json"
    return method, url, urlencode(FORMS[address](room)).encode(), "application/x-www-form-urlencoded"


def keys(service: LocalService) -> dict[str, list[str]]:
    """Values of the header Authorization by who has them: one of the account's, many of others."""

    def basic(name: str, secret: str) -> str:
        return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()

    key, secret, other = service.api_key, service.api_secret, "s" * 43
    token = service.token("moderator")
    return {
        "nobody": ["", basic(key, other), basic("SK" + "0" * 32, secret), basic(key, ""), basic("", "")],
        "a user": [f"Bearer {token}", basic(key, token), basic("moderator", token), token],
        "account": [basic(key, secret)],
    }
