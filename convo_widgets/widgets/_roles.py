"""What to call the roles of participants: the client API tells their sids only."""

from __future__ import annotations

from collections.abc import Collection

from convo_widgets.client.participant import Participant


def roles_of(people: Collection[Participant], created_by: str | None) -> dict[str, str]:
    """Words for role sids: "admin" and "member" where who holds them tells, else a short form of the sid.

    Whoever made a conversation is its admin, and people on other channels are members; so are, where nobody is, those
    with the only other role beside the admin's.
    """
    roles = {one.role_sid for one in people if one.role_sid}
    words = {role: f"{role[:2]}…{role[-6:]}" if len(role) > 10 else role for role in roles}
    members = {one.role_sid for one in people if one.identity is None and one.role_sid}
    admins = {one.role_sid for one in people if one.identity and one.identity == created_by and one.role_sid} - members
    rest = roles - members - admins
    if len(rest) == 1 and admins and not members:
        members = rest
    return words | dict.fromkeys(members, "member") | dict.fromkeys(admins, "admin")
