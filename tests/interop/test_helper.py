"""The official Python helper, sent to the local service: every resource, every verb, both forms of address."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
import requests
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from convo_widgets.connecting import connect
from convo_widgets.service.account.door import ROUTES
from convo_widgets.service.local import LocalService

CLOUD = "https://conversations.twilio.com"
ADDRESS, PROXY = "+447700900310", "+15550100"


class Local(TwilioHttpClient):
    """Calls the local service where the helper means the cloud, and says whether it did."""

    called: ClassVar[set[tuple[str, str, str]]] = set()
    """What was called so far: method, where it is, path."""

    def __init__(self, service: LocalService) -> None:
        super().__init__(timeout=10)
        self.service = service

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        """One request."""
        assert url.startswith((CLOUD, self.service.url)), url
        response = super().request(method, url.replace(CLOUD, self.service.url), *args, **options)
        path = url.partition("/v1")[2].partition("?")[0]
        below = path.removeprefix(f"/Services/{self.service.service_sid}")
        place = ("account", path) if below in ("", path) else ("service", below)
        self.called.add((method.upper(), *place))
        return response


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    """An empty service for all."""
    with LocalService(seed=None) as running:
        yield running


@pytest.fixture(scope="module")
def helper(service: LocalService) -> Iterator[Client]:
    """The helper with the API key."""
    local = Local(service)
    yield Client(service.api_key, service.api_secret, service.account_sid, http_client=local)
    assert local.session is not None
    local.session.close()


@pytest.fixture(params=["account", "service"])
def api(request: pytest.FixtureRequest, helper: Client, service: LocalService) -> Any:
    """The resources that are there with and without the service in the address."""
    version = helper.conversations.v1
    return version if request.param == "account" else version.services(service.service_sid)


def code(call: Any, *args: Any, **options: Any) -> int:
    """The code of a call that must fail."""
    with pytest.raises(TwilioException) as caught:
        call(*args, **options)
    error = caught.value
    if isinstance(error, TwilioRestException):
        return int(error.code)
    answer = error.args[1]  # lists tell the answer itself
    return int(json.loads(answer.text)["code"])


def test_auth_token(helper: Client, service: LocalService) -> None:
    """The secret is the account's auth token too; another one is refused."""
    local = Local(service)
    assert Client(service.account_sid, service.api_secret, http_client=local).conversations.v1.roles.list(limit=1)
    stranger = Client(service.account_sid, "x" * 32, http_client=local).conversations.v1
    assert code(stranger.roles.list) == 20003
    assert local.session is not None
    local.session.close()


def test_conversations(api: Any, service: LocalService) -> None:
    """Made, fetched by sid and unique name, updated, listed, removed."""
    made = api.conversations.create(
        friendly_name="F",
        unique_name="support 42",
        attributes='{"n": 1}',
        messaging_service_sid="MG" + "0" * 32,
        timers_inactive="PT5M",
        timers_closed="PT1H",
        bindings_email_address="desk@x.example",
        bindings_email_name="Desk",
        date_created=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        x_twilio_webhook_enabled="true",
    )
    assert (made.account_sid, made.chat_service_sid) == (service.account_sid, service.service_sid)
    assert (made.friendly_name, json.loads(made.attributes), made.state) == ("F", {"n": 1}, "active")
    assert (made.messaging_service_sid, made.date_created.year) == ("MG" + "0" * 32, 2026)
    assert set(made.timers) == {"date_inactive", "date_closed"}
    assert made.bindings == {"email": {"projected_address": "desk@x.example", "name": "Desk"}}
    assert urlsplit(made.url).netloc == urlsplit(service.url).netloc
    assert {"participants", "messages", "webhooks"} <= set(made.links)
    by_name = api.conversations("support 42").fetch()
    assert (by_name.sid, by_name.url) == (made.sid, made.url)
    changed = api.conversations(made.sid).update(
        friendly_name="G", state="inactive", timers_closed="", unique_name="", bindings_email_name="Ann"
    )
    assert (changed.friendly_name, changed.state, changed.unique_name) == ("G", "inactive", None)
    assert (changed.timers, changed.bindings["email"]["name"]) == ({}, "Ann")
    assert made.sid in [one.sid for one in api.conversations.list(state="inactive")]
    assert made.sid not in [one.sid for one in api.conversations.list(state="active")]
    early = api.conversations.list(start_date="2026-01-02", end_date="2026-01-02")
    assert [one.sid for one in early] == [made.sid]
    assert api.conversations.list(end_date="2026-01-01") == []
    assert api.conversations(made.sid).delete()
    assert code(api.conversations(made.sid).fetch) == 50350
    assert code(api.conversations.create, attributes="{") == 50304
    assert code(api.conversations.create, timers_inactive="PT1S") == 50375
    assert code(api.conversations.create, messaging_service_sid="MG1") == 20422
    assert code(api.conversations.list, state="open") == 20422
    assert code(api.conversations.list, start_date="yesterday") == 20422


def test_pages(api: Any) -> None:
    """Pages are followed in both directions, by token and by number, and hold what the list allows."""
    room = api.conversations.create()
    sent = [room.messages.create(body=str(number)).sid for number in range(7)]
    messages = api.conversations(room.sid).messages
    assert [one.sid for one in messages.list(page_size=3)] == sent
    assert [one.sid for one in messages.list(order="desc", page_size=3)] == sent[::-1]
    assert [one.sid for one in messages.list(limit=2)] == sent[:2]
    assert [one.sid for one in messages.stream(limit=500)] == sent
    first = messages.page(page_size=3)
    assert first.previous_page_url is None
    second = first.next_page()
    third = second.next_page()
    assert [one.sid for one in third] == sent[6:]
    assert third.next_page_url is None
    back = third.previous_page()
    assert [one.sid for one in back] == sent[3:6]
    assert [one.sid for one in back.previous_page()] == sent[:3]
    assert [one.sid for one in messages.page(page_size=3, page_number=1)] == sent[3:6]
    assert [one.sid for one in messages.page(page_size=3, page_number=9, order="desc")] == []
    assert [one.sid for one in messages.get_page(second._payload["meta"]["url"])] == sent[3:6]
    meta = messages.page(page_size=900)._payload["meta"]
    assert (meta["key"], meta["page_size"], meta["page"]) == ("messages", 100, 0)
    assert messages.page(order="desc", page_size=2).next_page_url.count("Order=desc") == 1
    for wrong in ("0", "-1", "x", "1001"):
        assert code(messages.page, page_size=wrong) == 20007
    room.delete()


def test_messages(api: Any) -> None:
    """Sent with everything, changed in everything, listed, removed."""
    room = api.conversations.create()
    messages = api.conversations(room.sid).messages
    alice = room.participants.create(identity="alice")
    time = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    sent = messages.create(author="alice", body="Hi", subject="S", attributes='{"a":1}', date_created=time)
    assert (sent.author, sent.body, sent.index, sent.participant_sid) == ("alice", "Hi", 0, alice.sid)
    assert (sent.date_created, sent.date_updated, sent.media, sent.delivery) == (time, time, None, None)
    assert sent.conversation_sid == room.sid
    assert set(sent.links) == {"delivery_receipts", "channel_metadata"}
    assert messages.create(body="x").author == "system"
    changed = messages(sent.sid).update(author="bob", body="Ho", attributes="{}", date_updated=time)
    assert (changed.author, changed.body, changed.attributes, changed.date_updated) == ("bob", "Ho", "{}", time)
    assert messages(sent.sid).fetch().body == "Ho"
    assert messages(sent.sid).delete()
    assert code(messages(sent.sid).fetch) == 50500
    assert [one.index for one in messages.list()] == [1]
    assert code(messages.create) == 50503
    room.delete()


def test_receipts(api: Any, service: LocalService) -> None:
    """What the carrier reported is listed and fetched."""
    room = api.conversations.create()
    tom = room.participants.create(messaging_binding_address=ADDRESS, messaging_binding_proxy_address=PROXY)
    sent = room.messages.create(body="Hi")
    url = f"{service.url}/v1/Conversations/{room.sid}/Messages/{sent.sid}/Receipts"
    auth = (service.api_key, service.api_secret)
    told = requests.post(url, data={"ParticipantSid": tom.sid, "Status": "read"}, auth=auth, timeout=10)
    assert told.status_code == 201
    receipts = api.conversations(room.sid).messages(sent.sid).delivery_receipts
    (one,) = receipts.list()
    assert (one.participant_sid, one.status, one.error_code, one.message_sid) == (tom.sid, "read", 0, sent.sid)
    assert receipts(one.sid).fetch().channel_message_sid.startswith("SM")
    assert code(receipts("DY" + "0" * 32).fetch) == 20404
    assert sent.fetch().delivery["read"] == "all"
    room.delete()


def test_participants(api: Any) -> None:
    """By identity, by address, in a group of telephones; changed, listed, removed; the conversations of each."""
    room = api.conversations.create(unique_name="here", friendly_name="F")
    room.messages.create(body="0")
    people = api.conversations(room.sid).participants
    alice = people.create(identity="alice", attributes='{"a":1}', messaging_binding_projected_address="+15550111")
    tom = people.create(messaging_binding_address=ADDRESS, messaging_binding_proxy_address=PROXY)
    other = people.create(messaging_binding_address="+447700900311")
    assert alice.messaging_binding == {"type": "sms", "projected_address": "+15550111"}
    assert (tom.messaging_binding["type"], other.messaging_binding["address"]) == ("sms", "+447700900311")
    time = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    changed = people(alice.sid).update(attributes="{}", last_read_message_index=0, last_read_timestamp=time.isoformat())
    assert (changed.last_read_message_index, changed.attributes) == (0, "{}")
    assert changed.last_read_timestamp.startswith("2026-01-02T00:00:00")
    assert people(tom.sid).update(messaging_binding_proxy_address="+15550102").messaging_binding["proxy_address"] == (
        "+15550102"
    )
    assert [one.sid for one in people.list(page_size=2)] == [alice.sid, tom.sid, other.sid]
    assert people("alice").fetch().sid == alice.sid
    (mine,) = [one for one in api.participant_conversations.list(identity="alice") if one.conversation_sid == room.sid]
    assert (mine.participant_sid, mine.conversation_unique_name, mine.conversation_state) == (
        alice.sid,
        "here",
        "active",
    )
    assert mine.participant_user_sid.startswith("US")
    (his,) = api.participant_conversations.list(address=ADDRESS)
    assert (his.participant_identity, his.participant_messaging_binding["address"]) == (None, ADDRESS)
    for wrong in ({}, {"identity": "a", "address": "b"}):
        assert code(api.participant_conversations.list, **wrong) == 50451
    assert people(tom.sid).delete()
    assert code(people(tom.sid).fetch) == 50402
    assert code(people.create, identity="alice") == 50433
    assert code(people(alice.sid).update, last_read_message_index=5) == 50421
    assert people(alice.sid).update(identity="bob").identity == "bob"
    assert people("bob").fetch().sid == alice.sid
    room.delete()


def test_conversation_with_participants(api: Any) -> None:
    """All at once, or nothing."""
    binding = {"messaging_binding": {"address": ADDRESS, "proxy_address": PROXY}}
    people = [json.dumps({"identity": "alice"}), json.dumps(binding)]
    made = api.conversation_with_participants.create(friendly_name="F", unique_name="with", participant=people)
    found = api.conversations(made.sid).participants.list()
    assert [(one.identity, bool(one.messaging_binding)) for one in found] == [("alice", False), (None, True)]
    create = api.conversation_with_participants.create
    assert code(create, unique_name="none", participant=['{"identity":"a"}', "{"]) == 20422
    assert code(create, participant=['{"identity":"a"}'] * 11) == 50426
    assert code(api.conversations("none").fetch) == 50350
    api.conversations(made.sid).delete()


def test_conversation_webhooks(api: Any) -> None:
    """Each target with what it needs; five are the most."""
    room = api.conversations.create()
    hooks = api.conversations(room.sid).webhooks
    url = "https://x.example/hook"
    made = hooks.create(target="webhook", configuration_url=url, configuration_filters=["onMessageAdded"])
    assert (made.target, made.configuration["url"], made.configuration["filters"]) == (
        "webhook",
        url,
        ["onMessageAdded"],
    )
    changed = hooks(made.sid).update(configuration_method="get", configuration_filters=["onMessageRemoved"])
    assert (changed.configuration["method"], changed.configuration["filters"]) == ("get", ["onMessageRemoved"])
    assert hooks(made.sid).fetch().conversation_sid == room.sid
    hooks.create(target="trigger", configuration_url=url, configuration_triggers=["help"], configuration_replay_after=0)
    hooks.create(target="studio", configuration_flow_sid="FW" + "0" * 32)
    assert len(hooks.list()) == 3
    for _ in range(2):
        hooks.create(target="webhook", configuration_url=url, configuration_filters=["onMessageAdded"])
    assert code(hooks.create, target="studio", configuration_flow_sid="FW" + "0" * 32) == 50361
    assert hooks(made.sid).delete()
    assert code(hooks(made.sid).fetch) == 50360
    assert code(hooks.create, target="webhook") == 20001
    assert code(hooks.create, target="mail") == 20422
    assert code(hooks.create, target="webhook", configuration_url="ftp://x", configuration_filters=["a"]) == 20422
    room.delete()


def test_users(api: Any) -> None:
    """Made, found by identity, changed, listed; their conversations; gone with all their memberships."""
    role = next(one.sid for one in api.roles.list() if (one.type, one.friendly_name) == ("service", "service admin"))
    made = api.users.create(identity="ü/1", friendly_name="U", attributes='{"a":1}', role_sid=role)
    assert (made.identity, made.friendly_name, made.role_sid, made.is_online) == ("ü/1", "U", role, False)
    assert code(api.users.create, identity="ü/1") == 50201
    assert api.users(made.sid).update(friendly_name="V", attributes="{}").friendly_name == "V"
    (listed,) = [one for one in api.users.list() if one.sid == made.sid]
    assert (listed.is_online, listed.is_notifiable) == (None, None)
    room = api.conversations.create(friendly_name="F")
    room.messages.create(body="0")
    room.messages.create(body="1")
    room.participants.create(identity="ü/1")
    mine = api.users(made.sid).user_conversations
    (one,) = mine.list()
    assert (one.conversation_sid, one.user_sid, one.unread_messages_count) == (room.sid, made.sid, None)
    changed = mine(room.sid).update(notification_level="muted", last_read_message_index=0)
    assert (changed.notification_level, changed.unread_messages_count) == ("muted", 1)
    assert mine(room.sid).fetch().last_read_message_index == 0
    assert code(mine(room.sid).update, notification_level="loud") == 20422
    assert mine(room.sid).delete()
    assert code(mine(room.sid).fetch) == 50402
    room.participants.create(identity="ü/1")
    assert api.users(made.sid).delete()
    assert code(api.users(made.sid).fetch) == 50200
    assert room.participants.list() == []
    room.delete()


def test_roles(api: Any, helper: Client, service: LocalService) -> None:
    """Made, changed, removed when nobody has it; the four of the beginning stay."""
    four = api.roles.list()
    assert [one.type for one in four] == ["service", "service", "conversation", "conversation"]
    made = api.roles.create(friendly_name="guest", type="conversation", permission=["sendMessage", "leaveConversation"])
    assert made.permissions == ["leaveConversation", "sendMessage"]
    assert api.roles(made.sid).update(permission=["sendMessage"]).permissions == ["sendMessage"]
    assert code(api.roles(made.sid).update, permission=["createConversation"]) == 50104
    assert api.roles(made.sid).fetch().chat_service_sid == service.service_sid
    room = api.conversations.create()
    guest = room.participants.create(identity="guest", role_sid=made.sid)
    assert guest.role_sid == made.sid
    assert code(api.roles(made.sid).delete) == 20409
    room.delete()
    assert api.roles(made.sid).delete()
    assert code(api.roles(made.sid).fetch) == 50100
    assert code(api.roles.create, friendly_name="x", type="conversation", permission=["fly"]) == 50104
    assert code(api.roles.create, friendly_name="x", type="channel", permission=["sendMessage"]) == 50105
    assert code(api.roles.create, friendly_name="x", type="service", permission=["sendMessage"]) == 50104
    assert code(api.roles(four[1].sid).delete) == 20409


def test_services(helper: Client, service: LocalService) -> None:
    """One is there from the beginning; another one comes, with all that a service has, and goes."""
    services = helper.conversations.v1.services
    (one,) = services.list()
    assert (one.sid, services(one.sid).fetch().friendly_name) == (service.service_sid, "Local service")
    assert set(one.links) == {
        *("conversations", "users", "roles", "bindings", "configuration"),
        *("participant_conversations", "conversation_with_participants"),
    }
    made = services.create(friendly_name="second")
    assert [(each.sid, each.friendly_name) for each in services.list()][1:] == [(made.sid, "second")]
    assert services(made.sid).fetch().date_created == made.date_created
    room = services(made.sid).conversations.create(unique_name="over there")
    assert (room.chat_service_sid, code(helper.conversations.v1.conversations("over there").fetch)) == (made.sid, 50350)
    assert len(services(made.sid).roles.list()) == 4
    configuration = helper.conversations.v1.configuration()
    assert configuration.update(default_chat_service_sid=made.sid).default_chat_service_sid == made.sid
    assert helper.conversations.v1.conversations("over there").fetch().sid == room.sid
    assert code(services(made.sid).delete) == 20403
    configuration.update(default_chat_service_sid=one.sid)
    assert services(made.sid).delete()
    assert code(services(made.sid).fetch) == 20404
    assert code(services(one.sid).delete) == 20403
    assert code(services("IS" + "0" * 32).fetch) == 20404


def test_service_configuration(helper: Client, service: LocalService) -> None:
    """Default roles act; push texts and webhooks are kept."""
    here = helper.conversations.v1.services(service.service_sid)
    configuration = here.configuration()
    before = configuration.fetch()
    assert (before.reachability_enabled, set(before.links)) == (True, {"notifications", "webhooks"})
    role = here.roles.create(friendly_name="quiet", type="conversation", permission=["leaveConversation"])
    changed = configuration.update(default_conversation_role_sid=role.sid, reachability_enabled=False)
    assert (changed.default_conversation_role_sid, changed.reachability_enabled) == (role.sid, False)
    room = here.conversations.create()
    assert room.participants.create(identity="quiet").role_sid == role.sid
    room.delete()
    assert code(configuration.update, default_conversation_role_sid=before.default_chat_service_role_sid) == 50100
    configuration.update(
        default_conversation_role_sid=before.default_conversation_role_sid,
        default_conversation_creator_role_sid=before.default_conversation_creator_role_sid,
        default_chat_service_role_sid=before.default_chat_service_role_sid,
        reachability_enabled=True,
    )
    here.roles(role.sid).delete()

    notifications = here.configuration.notifications()
    told = notifications.update(
        log_enabled=True,
        new_message_enabled=True,
        new_message_template="${USER}: ${MESSAGE}",
        new_message_sound="ring",
        new_message_badge_count_enabled=True,
        added_to_conversation_enabled=True,
        added_to_conversation_template="a",
        added_to_conversation_sound="b",
        removed_from_conversation_enabled=True,
        removed_from_conversation_template="c",
        removed_from_conversation_sound="d",
        new_message_with_media_enabled=True,
        new_message_with_media_template="e",
    )
    kept = notifications.fetch()
    assert (told.log_enabled, kept.new_message, kept.removed_from_conversation) == (
        True,
        {
            "enabled": True, "template": "${USER}: ${MESSAGE}", "sound": "ring", "badge_count_enabled": True,
            "with_media": {"enabled": True, "template": "e"},
        },
        {"enabled": True, "template": "c", "sound": "d"},
    )  # fmt: skip

    hooks = here.configuration.webhooks()
    url = "http://127.0.0.1:1/"
    changed = hooks.update(pre_webhook_url=url, post_webhook_url=url, filters=["onMessageAdded"], method="POST")
    assert (changed.pre_webhook_url, hooks.fetch().filters, changed.method) == (url, ["onMessageAdded"], "POST")
    assert code(hooks.update, filters=["onRain"]) == 20422
    assert hooks.update(pre_webhook_url="", post_webhook_url="", filters=[""]).pre_webhook_url is None


async def test_bindings(helper: Client, service: LocalService) -> None:
    """What a user registered is listed, by type and by identity, fetched and taken away."""
    client = await connect(service.token("dora"), service=service)
    await client.set_push_registration_id("fcm", "device")
    bindings = helper.conversations.v1.services(service.service_sid).bindings

    def check() -> None:
        (one,) = bindings.list(binding_type=["fcm"], identity=["dora", "bob"])
        assert (one.identity, one.endpoint, one.binding_type) == ("dora", "device", "fcm")
        assert bindings(one.sid).fetch().date_created is not None
        assert bindings(one.sid).delete()
        assert code(bindings(one.sid).fetch) == 20404
        assert bindings.list(identity=["dora"]) == []

    await asyncio.to_thread(check)
    await client.shutdown()


def test_account_configuration(helper: Client, service: LocalService) -> None:
    """Default timers come into new conversations; webhooks are kept."""
    configuration = helper.conversations.v1.configuration()
    assert configuration.fetch().default_chat_service_sid == service.service_sid
    changed = configuration.update(
        default_chat_service_sid=service.service_sid,
        default_messaging_service_sid="MG" + "1" * 32,
        default_inactive_timer="PT10M",
        default_closed_timer="P1D",
    )
    assert (changed.default_inactive_timer, changed.default_closed_timer) == ("PT10M", "P1D")
    room = helper.conversations.v1.conversations.create()
    assert (set(room.timers), room.messaging_service_sid) == ({"date_inactive", "date_closed"}, "MG" + "1" * 32)
    room.delete()
    assert code(configuration.update, default_closed_timer="PT1M") == 50376
    configuration.update(default_messaging_service_sid="", default_inactive_timer="", default_closed_timer="")

    hooks = helper.conversations.v1.configuration.webhooks()
    changed = hooks.update(method="GET", filters=["onUserAdded"], post_webhook_url="http://[::1]:1", target="flex")
    assert (changed.method, changed.target, hooks.fetch().post_webhook_url) == ("GET", "flex", "http://[::1]:1")
    hooks.update(post_webhook_url="", filters=[""], target="webhook")


def test_addresses(helper: Client, service: LocalService) -> None:
    """Made, found by sid, changed, listed by type, removed."""
    addresses = helper.conversations.v1.address_configurations
    made = addresses.create(
        type="sms",
        address=PROXY,
        friendly_name="Desk",
        address_country="GB",
        auto_creation_enabled=True,
        auto_creation_type="webhook",
        auto_creation_conversation_service_sid=service.service_sid,
        auto_creation_webhook_url="http://127.0.0.1:1/",
        auto_creation_webhook_method="POST",
        auto_creation_webhook_filters=["onMessageAdded"],
    )
    assert (made.type, made.address, made.auto_creation["enabled"]) == ("sms", PROXY, True)
    changed = addresses(made.sid).update(
        friendly_name="D",
        auto_creation_type="studio",
        auto_creation_studio_flow_sid="FW" + "0" * 32,
        auto_creation_studio_retry_count=3,
    )
    assert (changed.friendly_name, changed.auto_creation["type"]) == ("D", "studio")
    assert [one.sid for one in addresses.list(type="sms")] == [made.sid]
    assert addresses.list(type="email") == []
    assert addresses(made.sid).fetch().address_country == "GB"
    assert code(addresses.create, type="sms", address=PROXY) == 20409
    assert addresses(made.sid).delete()
    assert code(addresses(made.sid).fetch) == 20404


def test_credentials(helper: Client) -> None:
    """Made, changed, listed, removed; nothing secret comes back."""
    credentials = helper.conversations.v1.credentials
    made = credentials.create(type="apn", friendly_name="C", certificate="cert", private_key="key", sandbox=True)
    assert (made.type, made.friendly_name, made.sandbox) == ("apn", "C", "True")
    changed = credentials(made.sid).update(friendly_name="D", sandbox=False, api_key="k", secret="s")
    assert (changed.friendly_name, changed.sandbox) == ("D", "False")
    assert [one.sid for one in credentials.list()] == [made.sid]
    assert credentials(made.sid).fetch().date_created is not None
    assert credentials(made.sid).delete()
    assert code(credentials(made.sid).fetch) == 20404
    assert code(credentials.create, type="pigeon") == 20422


NOT_OF_THE_HELPER = (
    "/Content",
    "/_local/faults",
    "/_local/faults/{trouble}",
    "/_local/inbound",
    "/openapi.json",
    "/Conversations/{conversation}/Messages/{message}/ChannelMetadata",
)
"""Of another host, of this service only, and linked but in no description."""


def test_everything_was_called() -> None:
    """After the tests above: every verb of every address was called, in both forms where there are two."""
    report = ("POST", "/Conversations/{conversation}/Messages/{message}/Receipts")
    for route in ROUTES:
        if route.address in NOT_OF_THE_HELPER or (route.method, route.address) == report:
            continue
        for below in ("account", "service") if route.below == "either" else (route.below,):
            paths = [path for method, place, path in Local.called if (method, place) == (route.method, below)]
            assert any(route.pattern.fullmatch(path) for path in paths), (route.method, below, route.address)
