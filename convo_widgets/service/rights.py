"""Who may see and do what, by role: asked anew at each request and each event, so that a change acts at once.

A user has a role in the service, and one in each conversation that it is a participant of. Either may allow something
there. From outside a conversation the role in the service counts only for what moderators do; whatever concerns one's
own messages and place demands to be a participant.
"""

from __future__ import annotations

from functools import lru_cache
from sqlite3 import Row
from typing import NamedTuple

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


class Standing(NamedTuple):
    """What a user is in a conversation, and may do there.

    Attributes:
        member: the user as a participant, None where it is none.
        service_admin: whether it sees every conversation.
        here: permissions of its role in the conversation.
        everywhere: permissions of its role in the service.
    """

    member: Row | None
    service_admin: bool
    here: frozenset[str]
    everywhere: frozenset[str]

    def may(self, *permissions: str) -> bool:
        """Whether one of these is allowed."""
        return any(
            name in self.here or (name in self.everywhere and (self.member is not None or name in MODERATION))
            for name in permissions
        )

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
        if self.member is None and not self.service_admin and not self.may(*permissions):
            raise Refused(50430)

    def demand_member(self) -> Row:
        """The user as a participant.

        Raises:
            Refused: 50430 where it is none.
        """
        if self.member is None:
            raise Refused(50430)
        return self.member


def standing(store: Store, conversation: int, identity: str) -> Standing:
    """What a user is in a conversation now."""
    row = store.row(_STANDING, conversation, identity)
    if row is None:  # the account removed it meanwhile
        return Standing(None, False, frozenset(), frozenset())
    member = row if row["id"] is not None else None
    return Standing(member, bool(row["admin"]), _granted(row["here"]), _granted(row["everywhere"]))


_STANDING = (
    "SELECT participants.*, own.permissions AS here, wide.permissions AS everywhere, wide.admin AS admin "
    "FROM users JOIN roles AS wide ON wide.sid = users.role_sid "
    "LEFT JOIN participants ON participants.conversation = ?1 AND participants.identity = ?2 "
    "LEFT JOIN roles AS own ON own.sid = participants.role_sid WHERE users.identity = ?2"
)


def demand_user(store: Store, identity: str, *permissions: str) -> None:
    """A user's role in the service must allow one of these.

    Raises:
        Refused: 50107 where it does not.
    """
    sql = "SELECT permissions FROM users JOIN roles ON roles.sid = users.role_sid WHERE identity = ?"
    if _granted(store.value(sql, identity)).isdisjoint(permissions):
        raise _lacks(permissions)


def own_or_any(own: bool, mine: str, any: str) -> tuple[str, ...]:
    """The permissions of which one is needed for something, which may be one's own."""
    return (mine, any) if own else (any,)


def _lacks(permissions: tuple[str, ...]) -> Refused:
    return Refused(50107, f"the role does not allow {' or '.join(permissions)}")


@lru_cache(maxsize=256)
def _granted(text: str | None) -> frozenset[str]:
    """The permissions of a role, as they are kept: by their text, so that what is remembered cannot be too old."""
    return frozenset(json.decode(text, list[str])) if text else frozenset()


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
