"""Who an email went to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Raw

from convo_widgets.client.paginator import Paginator, pages, turned
from convo_widgets.wire import json
from convo_widgets.wire.schema import MessageRecipientPage

if TYPE_CHECKING:
    from convo_widgets.client.session import Session

WHAT = "reading recipients"

EmailRecipientLevel = Literal["to", "from", "cc"]


@dataclass(frozen=True, slots=True)
class EmailRecipientDescriptor:
    """Somebody whom an email names.

    Attributes:
        type: "email".
        message_sid: the message (IM...).
        level: "to", "cc" or "from".
        name: of the person; None where it gives none.
        address: of the person.
    """

    message_sid: str
    level: EmailRecipientLevel
    name: str | None
    address: str
    type: Literal["email"] = field(default="email", init=False)


@dataclass(frozen=True, slots=True)
class UnknownRecipientDescriptor:
    """A recipient on a channel that is not known here.

    Attributes:
        type: the channel.
        message_sid: the message (IM...).
        raw_data: all that is known, as JSON.
    """

    type: str
    message_sid: str
    raw_data: str = field(repr=False)


RecipientDescriptor = EmailRecipientDescriptor | UnknownRecipientDescriptor


def recipient(raw: Raw) -> RecipientDescriptor:
    """The recipient that the service describes; one that has not the fields of its type is an unknown one."""
    data: Any = json.decode(raw)
    fields = data if isinstance(data, dict) else {}
    type, sid, level, address = (fields.get(name) for name in ("type", "message_sid", "level", "address"))
    if type == "email" and level in ("to", "from", "cc") and isinstance(address, str) and isinstance(sid, str):
        name = fields.get("name")
        return EmailRecipientDescriptor(sid, level, name if isinstance(name, str) else None, address)
    return UnknownRecipientDescriptor(
        type if isinstance(type, str) else "", sid if isinstance(sid, str) else "", json.encode(data).decode()
    )


async def recipients_of(session: Session, conversation: str, message_sid: str) -> list[RecipientDescriptor]:
    """Everybody whom the email of a message names; `conversation` is the URL of its conversation."""
    url, params = f"{conversation}/MessageRecipients", {"MessageSid": message_sid}
    read = pages(session, url, MessageRecipientPage, params, what=WHAT)
    return [recipient(raw) async for page in read for raw in page.message_recipients]


async def recipient_page(session: Session, conversation: str, page_size: int | None) -> Paginator[RecipientDescriptor]:
    """Everybody whom the emails of a conversation name, page by page."""
    url, size = f"{conversation}/MessageRecipients", {} if page_size is None else {"PageSize": page_size}

    async def turn(token: str | None) -> MessageRecipientPage:
        params: dict[str, Any] = size | ({"PageToken": token} if token else {})
        return await session.get(url, MessageRecipientPage, params, what=WHAT)

    return await turned(turn, lambda page: [recipient(raw) for raw in page.message_recipients])
