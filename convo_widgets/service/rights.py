"""Who may see and do what, by role: asked anew at each request and each event, so that a change acts at once."""

from __future__ import annotations

from convo_widgets.service.store import Store


def service_admin(store: Store, identity: str) -> bool:
    """Whether a user reads and moderates every conversation, also from outside."""
    sql = "SELECT admin FROM users JOIN roles ON roles.sid = users.role_sid WHERE identity = ?"
    return bool(store.value(sql, identity))


def conversation_admin(store: Store, conversation: int, identity: str) -> bool:
    """Whether a user moderates a conversation: by the role there, or by that in the service."""
    sql = (
        "SELECT admin FROM participants JOIN roles ON roles.sid = participants.role_sid "
        "WHERE conversation = ? AND identity = ?"
    )
    return bool(store.value(sql, conversation, identity)) or service_admin(store, identity)


def insider(store: Store, conversation: int, identity: str) -> bool:
    """Whether a user may read a conversation: participants, the creator, and admins of the service."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM participants WHERE conversation = ?1 AND identity = ?2) "
        "OR EXISTS (SELECT 1 FROM conversations WHERE id = ?1 AND created_by = ?2)"
    )
    return bool(store.value(sql, conversation, identity)) or service_admin(store, identity)
