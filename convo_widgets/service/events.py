"""Names of what webhooks hear: before it is done, and after."""

from __future__ import annotations

import re

from convo_widgets.service.refusals import Refused

PRE = frozenset(
    [f"on{noun}{act}" for noun in ("Message", "Participant", "Conversation") for act in ("Add", "Update", "Remove")]
    + ["onUserUpdate"]
)
"""What may be refused by a webhook."""
POST = frozenset(
    [f"on{noun}{act}" for noun in ("Message", "Participant", "Conversation") for act in ("Added", "Updated", "Removed")]
    + ["onConversationStateUpdated", "onDeliveryUpdated", "onUserAdded", "onUserUpdated"]
)
"""What webhooks are told of."""

CHANGES = {
    **dict.fromkeys(("onMessageAdd", "onMessageUpdate"), ("body", "author", "attributes")),
    **dict.fromkeys(("onConversationAdd", "onConversationUpdate"), ("friendly_name",)),
}
"""What an answer to a webhook may put in place of what is about to be written, by the event."""

_NOUN = re.compile(r".*/(Conversation|Message|Participant)s(/\{\w+\*?\})?")


def asked(method: str, address: str) -> str | None:
    """What a request is about to do, by its method and the pattern of its address; None where no webhook is asked."""
    if address == "/ConversationWithParticipants":
        return "onConversationAdd"
    if re.fullmatch(r".*/Users/\{\w+\*?\}", address) and method == "POST":
        return "onUserUpdate"
    match = _NOUN.fullmatch(address)
    if match is None or "/Users/" in address or method == "GET":
        return None
    act = "Remove" if method == "DELETE" else "Update" if match[2] else "Add"
    return f"on{match[1]}{act}"


def in_a_form(name: str) -> str:
    """The name that a field of JSON has in a form: ``friendly_name`` is ``FriendlyName``."""
    return "".join(word.title() for word in name.split("_"))


def filters(given: list[str], known: frozenset[str] = PRE | POST) -> list[str]:
    """Names of events, each once.

    Raises:
        Refused: 20422 where one is unknown.
    """
    unknown = [name for name in given if name not in known]
    if unknown:
        raise Refused(20422, f"{unknown[0][:40]!r} is no event; there are {', '.join(sorted(known))}")
    return list(dict.fromkeys(given))
