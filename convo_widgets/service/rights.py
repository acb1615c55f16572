"""Who may see and do what, by role: asked anew at each request and each event, so that a change acts at once.

A user has a role in the service, and one in each conversation that it is a participant of. Either may allow something
there. From outside a conversation the role in the service counts only for what moderators do; whatever concerns one's
own messages and place demands to be a participant.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from sqlite3 import Row

from convo_widgets.service.permissions import MODERATION
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Store
from convo_widgets.wire import json


def role(store: Store, sid: str, type: str) -> str:
    """A role of a type, by its sid.

    Raises:
        Refused: 50100 where there is none.
    """
    if not store.value("SELECT EXISTS (SELECT 1 FROM roles WHERE sid = ? AND type = ?)", sid, type):
        raise Refused(50100, f"RoleSid is that of a {type} role")
    return sid


class Standing:
    """What a user is in a conversation, and may do there.

    Attributes:
        member: the user as a participant, None where it is none.
    """

    def __init__(self, store: Store, conversation: int, identity: str) -> None:
        sql = (
            "SELECT participants.*, permissions FROM participants JOIN roles ON roles.sid = role_sid "
            "WHERE conversation = ? AND identity = ?"
        )
        self.member = store.row(sql, conversation, identity)
        self._here = _granted(self.member["permissions"]) if self.member else _NOTHING
        self._ask = store, identity

    @cached_property
    def _everywhere(self) -> frozenset[str]:
        """What the role in the service allows; most do only what that in the conversation does."""
        allowed = _of_user(*self._ask)
        return allowed if self.member else allowed & MODERATION

    def may(self, *permissions: str) -> bool:
        """Whether one of these is allowed."""
        return not self._here.isdisjoint(permissions) or not self._everywhere.isdisjoint(permissions)

    def demand(self, *permissions: str) -> None:
        """One of these must be allowed.

        Raises:
            Refused: 50430 to who is outside, 50107 to others.
        """
        if not self.may(*permissions):
            self.demand_inside()
            raise _lacks(permissions)

    def demand_inside(self, *permissions: str) -> None:
        """The user must be a participant, an admin of the service, or be allowed one of these.

        Raises:
            Refused: 50430 where it is not so.
        """
        if self.member is None and not service_admin(*self._ask) and not self.may(*permissions):
            raise Refused(50430)

    def demand_member(self) -> Row:
        """The user as a participant.

        Raises:
            Refused: 50430 where it is none.
        """
        if self.member is None:
            raise Refused(50430)
        return self.member


def demand_user(store: Store, identity: str, *permissions: str) -> None:
    """A user's role in the service must allow one of these.

    Raises:
        Refused: 50107 where it does not.
    """
    if _of_user(store, identity).isdisjoint(permissions):
        raise _lacks(permissions)


def _of_user(store: Store, identity: str) -> frozenset[str]:
    """What a user's role in the service allows."""
    sql = "SELECT permissions FROM users JOIN roles ON roles.sid = users.role_sid WHERE identity = ?"
    text = store.value(sql, identity)
    return _NOTHING if text is None else _granted(text)  # the account may have removed it meanwhile


def own_or_any(own: bool, mine: str, any: str) -> tuple[str, ...]:
    """The permissions of which one is needed for something, which may be one's own."""
    return (mine, any) if own else (any,)


def _lacks(permissions: tuple[str, ...]) -> Refused:
    return Refused(50107, f"the role does not allow {' or '.join(permissions)}")


@lru_cache(maxsize=256)
def _granted(text: str) -> frozenset[str]:
    """The permissions of a role, as they are kept: by their text, so that what is remembered cannot be too old."""
    return frozenset(json.decode(text, list[str]))


_NOTHING: frozenset[str] = frozenset()


def service_admin(store: Store, identity: str) -> bool:
    """Whether a user reads every conversation, also from outside."""
    sql = "SELECT admin FROM users JOIN roles ON roles.sid = users.role_sid WHERE identity = ?"
    return bool(store.value(sql, identity))


def insider(store: Store, conversation: int, identity: str) -> bool:
    """Whether a user may read a conversation: participants, the creator until it leaves, and admins of the service."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM participants WHERE conversation = ?1 AND identity = ?2) "
        "OR EXISTS (SELECT 1 FROM conversations WHERE id = ?1 AND created_by = ?2 AND NOT creator_left)"
    )
    return bool(store.value(sql, conversation, identity)) or service_admin(store, identity)
