"""The genuine SDKs in another service of the account: another world with the same names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from twilio.rest import Client

from convo_widgets.service.local import LocalService

from .conftest import Start
from .test_helper import Local


@pytest.fixture
def other(service: LocalService) -> Any:
    """Another service, made by the official helper."""
    local = Local(service)
    yield Client(service.api_key, service.api_secret, service.account_sid, http_client=local).conversations.v1.services
    assert local.session is not None
    local.session.close()


async def test_two_services(service: LocalService, start: Start, other: Any) -> None:
    """Who is let into the second one finds and hears what is there, with media, and nothing of the first."""
    sid = (await asyncio.to_thread(other.create, friendly_name="second")).sid
    first = await start(service, "alice")
    alice, bob = [
        await start(service, identity, token=service.token(identity, service_sid=sid)) for identity in ("alice", "bob")
    ]
    made = await alice.client("createConversation", {"friendlyName": "There", "uniqueName": "desk"})
    await alice.conversation(made["sid"], "join")
    await alice.conversation(made["sid"], "add", "bob")
    await bob.wait("conversationJoined", lambda conversation: conversation["sid"] == made["sid"])
    await alice.conversation(made["sid"], "sendMessage", "Hello")
    await bob.wait("messageAdded", lambda message: message["body"] == "Hello")
    here = await first.client("createConversation", {"friendlyName": "Here", "uniqueName": "desk"})
    assert here["sid"] != made["sid"]
    assert not first.seen("messageAdded")
    room = other(sid).conversations("desk")
    sent = await asyncio.to_thread(room.messages.create, author="desk", body="From outside")
    assert sent.chat_service_sid == sid
    await bob.wait("messageAdded", lambda message: message["body"] == "From outside")
    await asyncio.to_thread(other(sid).delete)
    await bob.wait("connectionStateChanged", lambda state: state in ("disconnected", "denied"))
    await first.conversation(here["sid"], "join")
