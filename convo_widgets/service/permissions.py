"""What roles may allow, in the words of the REST API, and the four roles that every service begins with."""

from __future__ import annotations

MODERATION = frozenset(
    {
        *("addNonChatParticipant", "addParticipant", "deleteAnyMessage", "deleteConversation", "editAnyMessage"),
        *("editAnyMessageAttributes", "editAnyParticipantAttributes", "editConversationAttributes"),
        *("editConversationName", "removeParticipant"),
    }
)
"""What a role in the service allows in every conversation, also from outside."""
_OWN = {"deleteOwnMessage", "editOwnMessage", "editOwnMessageAttributes", "editOwnParticipantAttributes"}
_USER = {"createConversation", "editOwnUserInfo", "joinConversation"}
_TALK = {"editNotificationLevel", "leaveConversation", "sendMediaMessage", "sendMessage"}
_PLACE = {"addNonChatParticipant", "addParticipant", "editConversationAttributes", "editConversationName"}
KNOWN = {
    "service": MODERATION | _OWN | _USER | {"editAnyUserInfo"},
    "conversation": MODERATION | _OWN | _TALK,
}
"""What a role of a type may be given: what concerns no conversation, or only one, is of one type alone."""
PERMISSIONS = {
    ("service", True): MODERATION | _OWN | _USER,
    ("service", False): _USER,
    ("conversation", True): MODERATION | _OWN | _TALK,
    ("conversation", False): _PLACE | _OWN | _TALK,
}
"""What the roles of the beginning allow, by type and whether it is the admins'.

Users may nothing in their conversations by their role in the service, so that the role in a conversation alone decides.
"""
