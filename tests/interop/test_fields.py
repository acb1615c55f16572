"""What the account is told of each resource: exactly these fields, and the official helper knows the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twilio.http.response import Response
from twilio.rest import Client

from convo_widgets.connecting import connect
from convo_widgets.service.local import LocalService

from .test_helper import ADDRESS, PROXY, Local

FIELDS = {
    "conversation": "account_sid attributes bindings chat_service_sid date_created date_updated friendly_name links "
    "messaging_service_sid sid state timers unique_name url",
    "message": "account_sid attributes author body content_sid conversation_sid date_created date_updated delivery "
    "index links media participant_sid sid url",
    "receipt": "account_sid channel_message_sid conversation_sid date_created date_updated error_code message_sid "
    "participant_sid sid status url",
    "participant": "account_sid attributes conversation_sid date_created date_updated identity "
    "last_read_message_index last_read_timestamp messaging_binding role_sid sid url",
    "webhook": "account_sid configuration conversation_sid date_created date_updated sid target url",
    "participant conversation": "account_sid chat_service_sid conversation_attributes conversation_created_by "
    "conversation_date_created conversation_date_updated conversation_friendly_name conversation_sid "
    "conversation_state conversation_timers conversation_unique_name links participant_identity "
    "participant_messaging_binding participant_sid participant_user_sid",
    "user": "account_sid attributes chat_service_sid date_created date_updated friendly_name identity is_notifiable "
    "is_online links role_sid sid url",
    "user conversation": "account_sid attributes chat_service_sid conversation_sid conversation_state created_by "
    "date_created date_updated friendly_name last_read_message_index links notification_level participant_sid timers "
    "unique_name unread_messages_count url user_sid",
    "role": "account_sid chat_service_sid date_created date_updated friendly_name permissions sid type url",
    "service": "account_sid date_created date_updated friendly_name links sid url",
    "service configuration": "chat_service_sid default_chat_service_role_sid default_conversation_creator_role_sid "
    "default_conversation_role_sid links reachability_enabled url",
    "service webhooks": "account_sid chat_service_sid filters method post_webhook_url pre_webhook_url url",
    "notifications": "account_sid added_to_conversation chat_service_sid log_enabled new_message "
    "removed_from_conversation url",
    "binding": "account_sid binding_type chat_service_sid credential_sid date_created date_updated endpoint identity "
    "message_types sid url",
    "configuration": "account_sid default_chat_service_sid default_closed_timer default_inactive_timer "
    "default_messaging_service_sid links url",
    "webhooks": "account_sid filters method post_webhook_url pre_webhook_url target url",
    "address": "account_sid address address_country auto_creation date_created date_updated friendly_name sid type url",
    "credential": "account_sid date_created date_updated friendly_name sandbox sid type url",
}
SCOPED = ("message", "receipt", "participant", "webhook")
"""These tell `chat_service_sid` only where the service is in the address."""
PARTS = {
    "conversation links": "export messages participants webhooks",
    "conversation timers": "date_closed date_inactive",
    "conversation bindings": "email",
    "message links": "channel_metadata delivery_receipts",
    "message delivery": "delivered failed read sent total undelivered",
    "participant messaging_binding": "address proxy_address type",
    "webhook configuration": "filters method url",
    "user links": "user_conversations",
    "user conversation links": "conversation participant",
    "participant conversation links": "conversation participant",
    "service links": "bindings configuration conversation_with_participants conversations participant_conversations "
    "roles users",
    "service configuration links": "notifications webhooks",
    "configuration links": "service webhooks",
    "notifications new_message": "badge_count_enabled enabled sound template with_media",
    "address auto_creation": "conversation_service_sid enabled type webhook_filters webhook_method webhook_url",
}
META = "first_page_url key next_page_url page page_size previous_page_url url"


class Listening(Local):
    """Keeps the last answer."""

    last: Any = None

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        """One request."""
        response = super().request(method, url, *args, **options)
        self.last = json.loads(response.text) if response.text else None
        return response


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    """An empty service for all."""
    with LocalService(seed=None) as running:
        yield running


@pytest.fixture(scope="module")
def http(service: LocalService) -> Iterator[Listening]:
    """What carries the helper's requests."""
    local = Listening(service)
    yield local
    assert local.session is not None
    local.session.close()


@pytest.fixture(scope="module")
def helper(service: LocalService, http: Listening) -> Client:
    """The helper with the API key."""
    return Client(service.api_key, service.api_secret, service.account_sid, http_client=http)


@pytest.fixture(scope="module")
def found(helper: Client, service: LocalService) -> dict[str, dict[str, Callable[[], Any]]]:
    """How to fetch one of each: below the account, the service, or both."""
    version = helper.conversations.v1
    here = version.services(service.service_sid)

    async def device() -> None:
        client = await connect(service.token("alice"), service=service)
        await client.set_push_registration_id("fcm", "device")
        await client.shutdown()

    asyncio.run(device())
    timers = {"timers_inactive": "PT5M", "timers_closed": "PT1H", "bindings_email_address": "desk@x.example"}
    room = version.conversations.create(friendly_name="F", **timers)
    alice = room.participants.create(identity="alice")
    tom = room.participants.create(messaging_binding_address=ADDRESS, messaging_binding_proxy_address=PROXY)
    sent = room.messages.create(body="x")
    report = {"ParticipantSid": tom.sid, "Status": "read"}
    answer = helper.request(
        "POST",
        f"{service.url}/v1/Conversations/{room.sid}/Messages/{sent.sid}/Receipts",
        data=report,
        auth=(service.api_key, service.api_secret),
    )
    receipt = json.loads(answer.text)["sid"]
    url, filters = "http://127.0.0.1:1/", ["onMessageAdded"]
    hook = room.webhooks.create(target="webhook", configuration_url=url, configuration_filters=filters)
    role = version.roles.list(limit=1)[0].sid
    creation = {"auto_creation_enabled": True, "auto_creation_type": "webhook", "auto_creation_webhook_url": url}
    creation |= {"auto_creation_webhook_method": "POST", "auto_creation_webhook_filters": filters}
    creation |= {"auto_creation_conversation_service_sid": service.service_sid}
    line = version.address_configurations.create(type="sms", address="+15550155", **creation)
    key = version.credentials.create(type="fcm")
    (binding,) = here.bindings.list()

    def below(api: Any) -> dict[str, Callable[[], Any]]:
        inside = api.conversations(room.sid)
        return {
            "conversation": inside.fetch,
            "message": inside.messages(sent.sid).fetch,
            "receipt": inside.messages(sent.sid).delivery_receipts(receipt).fetch,
            "participant": inside.participants(tom.sid).fetch,
            "webhook": inside.webhooks(hook.sid).fetch,
            "participant conversation": lambda: api.participant_conversations.list(identity="alice")[0],
            "user": api.users("alice").fetch,
            "user conversation": api.users("alice").user_conversations(room.sid).fetch,
            "role": api.roles(role).fetch,
        }

    assert alice.identity == "alice"
    return {
        "account": below(version)
        | {
            "service": here.fetch,
            "configuration": version.configuration().fetch,
            "webhooks": version.configuration.webhooks().fetch,
            "address": version.address_configurations(line.sid).fetch,
            "credential": version.credentials(key.sid).fetch,
        },
        "service": below(here)
        | {
            "service configuration": here.configuration().fetch,
            "service webhooks": here.configuration.webhooks().fetch,
            "notifications": here.configuration.notifications().fetch,
            "binding": here.bindings(binding.sid).fetch,
        },
    }


@pytest.mark.parametrize("name", FIELDS)
def test_fields(found: dict[str, dict[str, Callable[[], Any]]], http: Listening, name: str) -> None:
    """The keys of the body, those that the helper reads, and those of the table are the same."""
    fetched = 0
    for below, fetch in ((below, ways[name]) for below, ways in found.items() if name in ways):
        known = {field for field in vars(fetch()) if not field.startswith("_")}
        told = http.last["conversations"][0] if name == "participant conversation" else http.last
        scoped = {"chat_service_sid"} if name in SCOPED and below == "service" else set()
        assert set(told) == known == set(FIELDS[name].split()) | scoped, below
        for part, fields in PARTS.items():
            noun, _, field = part.rpartition(" ")
            if noun == name:
                assert set(told[field]) == set(fields.split()), (below, part)
        fetched += 1
    assert fetched == (2 if name in found["account"] and name in found["service"] else 1)


def test_meta(helper: Client, http: Listening) -> None:
    """A list is an array and where it stands, named by the array's key."""
    version = helper.conversations.v1
    for key, list in {
        "conversations": version.conversations.list,
        "services": version.services.list,
        "address_configurations": version.address_configurations.list,
    }.items():
        list(limit=1)
        assert set(http.last) == {key, "meta"}
        assert set(http.last["meta"]) == set(META.split())
        assert http.last["meta"]["key"] == key
