"""What comes in from outside: a message from a telephone or a mailbox, as its carrier hands it over.

It goes to the conversation that has this address and proxy address. Where there is none, the address that was written
to says what is to be: a new conversation with that person, or nothing.
"""

from __future__ import annotations

from sqlite3 import Row
from typing import Any

from convo_widgets.service import conversations, limits, messages, participants, webhooks
from convo_widgets.service.dispatch import Backend
from convo_widgets.service.refusals import Refused
from convo_widgets.service.services import Services
from convo_widgets.service.store import Change, Source, Store
from convo_widgets.wire import json
from convo_widgets.wire.rest import ReceivedMessage
from convo_widgets.wire.schema import MessagingBinding, NewConversation, NewMessage, NewParticipant


async def receive(services: Services, sender: str, to: str, body: str) -> ReceivedMessage:
    """Take a message from an address; webhooks are asked, and told, as of any other.

    Raises:
        Refused: 20404 nobody takes it, or what a message or its addresses are refused for.
    """
    source = Source(limits.binding(sender, to).upper())
    limits.body(body)
    backend, sid = _find(services, sender, to) or await _begin(services, sender, to, body, source)
    names = {"conversation": sid}
    about = {"Author": sender, "Body": body, "ParticipantSid": _participant(backend.store, sid, sender, to)}
    changes = await backend.consult("onMessageAdd", names, about, source)
    new = NewMessage(body=changes.get("body", body), attributes=changes.get("attributes", "{}"))
    author = limits.name(changes.get("author"), "author") or sender

    def send(change: Change) -> ReceivedMessage:
        conversation = conversations.find_by(change.store, sid)
        participant = _participant(change.store, sid, sender, to)
        sent = messages.send(change, conversation, new, author, participant, most=backend.media)
        return ReceivedMessage(backend.service_sid, sid, sent["sid"], participant)

    return backend.act(send, source)


def _find(services: Services, sender: str, to: str) -> tuple[Backend, str] | None:
    """The conversation that takes it, of any service; a closed one takes nothing."""
    sql = (
        "SELECT conversations.sid FROM participants JOIN conversations ON conversations.id = conversation "
        "WHERE address = ?1 AND (proxy_address = ?2 OR email_address = ?2) AND state <> 'closed' "
        "ORDER BY conversations.id DESC"
    )
    for backend in services:
        sid = backend.store.value(sql, sender, to)
        if sid is not None:
            return backend, str(sid)
    return None


def _participant(store: Store, sid: str, sender: str, to: str) -> str | None:
    sql = (
        "SELECT participants.sid FROM participants JOIN conversations ON conversations.id = conversation "
        "WHERE conversations.sid = ?1 AND address = ?2 AND (proxy_address = ?3 OR email_address = ?3)"
    )
    found = store.value(sql, sid, sender, to)
    return None if found is None else str(found)


async def _begin(services: Services, sender: str, to: str, body: str, source: Source) -> tuple[Backend, str]:
    """A new conversation with a stranger, as the address says that was written to."""
    store = services.home.store
    address = store.row("SELECT * FROM addresses WHERE address = ?", to)
    creation: dict[str, Any] = json.decode(address["auto_creation"]) if address is not None else {}
    if not creation.get("enabled"):
        raise Refused(20404, "no conversation has these two addresses, and the one written to begins none")
    backend = services.find(creation.get("conversation_service_sid")) or services.default
    about = {
        "MessagingBinding.Address": sender,
        "MessagingBinding.ProxyAddress": to,
        "MessageBody": body,
    }
    changes = await backend.consult("onConversationAdd", {}, about, source)
    new = NewConversation(friendly_name=changes.get("friendly_name"))

    def begin(change: Change) -> str:
        sid = conversations.create(change, new, limits.SYSTEM, conversations.usual(change.store))
        conversation = conversations.find_by(change.store, sid)
        _attach(change, conversation, creation)
        binding = MessagingBinding(sender, to)
        participants.add(change, conversation, NewParticipant(messaging_binding=binding))
        return sid

    return backend, backend.act(begin, source)


def _attach(change: Change, conversation: Row, creation: dict[str, Any]) -> None:
    """The webhook, or the flow, that the address gives to a conversation."""
    if creation["type"] == "webhook" and creation.get("webhook_url") and creation.get("webhook_filters"):
        hook = {
            "url": creation["webhook_url"],
            "method": (creation.get("webhook_method") or "post").lower(),
            "filters": creation["webhook_filters"],
        }
        webhooks.insert(change, conversation["id"], "webhook", hook)
    elif creation["type"] == "studio" and creation.get("studio_flow_sid"):
        webhooks.insert(change, conversation["id"], "studio", {"flow_sid": creation["studio_flow_sid"]})
