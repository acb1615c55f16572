"""Who may see and do what, by role: asked anew at each request and each event, so that a change acts at once."""

from __future__ import annotations

from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Store


def role(store: Store, sid: str, type: str) -> str:
    """A role of a type, by its sid.

    Raises:
        Refused: 50100 where there is none.
    """
    if not store.value("SELECT EXISTS (SELECT 1 FROM roles WHERE sid = ? AND type = ?)", sid, type):
        raise Refused(50100, f"RoleSid is that of a {type} role")
    return sid


def service_admin(store: Store, identity: str) -> bool:
    """Whether a user reads and moderates every conversation, also from outside."""
    sql = "SELECT admin FROM users JOIN roles ON roles.sid = users.role_sid WHERE identity = ?"
    return bool(store.value(sql, identity))


def may(store: Store, conversation: int, identity: str, permission: str) -> bool:
    """Whether a user's role in a conversation, or that in the service, allows something there."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM participants JOIN roles ON roles.sid = participants.role_sid "
        "WHERE conversation = ?1 AND identity = ?2 AND instr(permissions, ?3)) "
        "OR EXISTS (SELECT 1 FROM users JOIN roles ON roles.sid = users.role_sid "
        "WHERE identity = ?2 AND (admin OR instr(permissions, ?3)))"
    )
    return bool(store.value(sql, conversation, identity, f'"{permission}"'))


def insider(store: Store, conversation: int, identity: str) -> bool:
    """Whether a user may read a conversation: participants, the creator until it leaves, and admins of the service."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM participants WHERE conversation = ?1 AND identity = ?2) "
        "OR EXISTS (SELECT 1 FROM conversations WHERE id = ?1 AND created_by = ?2 AND NOT creator_left)"
    )
    return bool(store.value(sql, conversation, identity)) or service_admin(store, identity)
