"""What roles may allow, in the words of the REST API, and the four roles that every service begins with."""

from __future__ import annotations

_OWN = ["editOwnMessage", "editOwnMessageAttributes", "editOwnUserInfo"]
_PLACE = ["addParticipant", "editConversationAttributes", "editConversationName"]
_ANY = ["deleteAnyMessage", "deleteConversation", "editAnyMessage", "editAnyMessageAttributes", "removeParticipant"]
_TALK = ["addNonChatParticipant", "deleteOwnMessage", "editNotificationLevel", "editOwnParticipantAttributes"]
_TALK += ["leaveConversation", "sendMediaMessage", "sendMessage"]
PERMISSIONS = {
    ("service", True): sorted(["createConversation", "joinConversation", *_OWN, *_PLACE, *_ANY]),
    ("service", False): sorted(["createConversation", "joinConversation", *_OWN]),
    ("conversation", True): sorted([*_OWN, *_PLACE, *_TALK, *_ANY, "editAnyParticipantAttributes"]),
    ("conversation", False): sorted([*_OWN, *_PLACE, *_TALK]),
}
"""What a role of a type may do, for admins and for others."""
KNOWN = {
    "service": {*PERMISSIONS["service", True], "editAnyUserInfo"},
    "conversation": {*PERMISSIONS["conversation", True]},
}
"""What a role of a type may be given."""
