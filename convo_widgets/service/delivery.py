"""What becomes of a message for those who are not on chat: a carrier's reports, and what no carrier takes at all."""

from __future__ import annotations

from sqlite3 import Row

from convo_widgets.service import limits, tell, webhooks
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store, new_sid

STATUSES = ("sent", "delivered", "read", "failed", "undelivered")


def report(change: Change, conversation: Row, message: Row, participant_sid: str, status: str, error_code: int) -> str:
    """What a carrier says of a message for one addressee: a new receipt, or news of the one there is; its sid."""
    if status not in STATUSES:
        raise Refused(20422, f"Status is one of {', '.join(STATUSES)}")
    place = conversation["id"], message["idx"], participant_sid
    sql = "SELECT sid FROM receipts WHERE conversation = ? AND idx = ? AND participant_sid = ?"
    sid = change.store.value(sql, *place)
    if sid is None:
        sid = new_sid("DY")
        insert(change.store, sid, *place, status, error_code, change.time)
    else:
        sql = "UPDATE receipts SET status = ?, error_code = ?, date_updated = ? WHERE sid = ?"
        change.run(sql, status, error_code, change.time, sid)
    tell.message(change, conversation["id"], "updated", message["idx"])
    webhooks.delivery(change, conversation, message["sid"], str(sid))
    return str(sid)


def insert(
    store: Store, sid: str, conversation: int, index: int, participant: str, status: str, code: int, time: str
) -> None:
    """A new receipt."""
    sql = (
        "INSERT INTO receipts (sid, conversation, idx, participant_sid, status, error_code, "
        "date_created, date_updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    store.run(sql, sid, conversation, index, participant, status, code, time, time)


def refuse(change: Change, conversation: Row, index: int, message_sid: str) -> None:
    """A message was sent: for those whose channel does not take so much it failed, which is no matter of chance."""
    unfit = _unfit(change.store, conversation["id"], index)
    made = []
    for participant_sid, code in unfit:
        made.append(new_sid("DY"))
        insert(change.store, made[-1], conversation["id"], index, participant_sid, "failed", code, change.time)
    if made:
        tell.message(change, conversation["id"], "updated", index)
    for sid in made:
        webhooks.delivery(change, conversation, message_sid, sid)


def _unfit(store: Store, conversation: int, index: int) -> list[tuple[str, int]]:
    """Whom a message cannot go to, by the sid of the participant, and the code that says why."""
    sql = (
        "SELECT length(body) AS length, participant_sid, (SELECT total(size) FROM media "
        "WHERE media.conversation = messages.conversation AND media.idx = messages.idx AND category = 'media') AS size "
        "FROM messages WHERE conversation = ? AND idx = ?"
    )
    row = store.row(sql, conversation, index)
    assert row is not None
    codes = {type: limits.unfit(type, row["length"] or 0, row["size"]) for type in limits.OUTSIDE}
    if not any(codes.values()):
        return []
    sql = "SELECT sid, type FROM participants WHERE conversation = ? AND address NOTNULL AND sid IS NOT ? ORDER BY id"
    people = store.rows(sql, conversation, row["participant_sid"])
    return [(one["sid"], code) for one in people if (code := codes.get(one["type"]))]
