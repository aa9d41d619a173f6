"""Keeps what Amazon sent before it is answered; what was kept once is not kept again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, func, select

from billing.notifications.words import InboxResult
from billing.protocol.checkpoints import reached
from billing.store.database import writing
from billing.store.rows import fresh_row, is_word, table_of
from billing.tables import ChargebackRow, NotificationRow

notifications = table_of(NotificationRow)
chargebacks = table_of(ChargebackRow)

READABLE = ("CHARGE", "CHARGE_PERMISSION", "REFUND")
OPEN = ("waiting", "parked")
# Enough for hours of a busy shop. Above it Amazon is asked to deliver again, and polling finds
# everything anyway: a flood must not fill the disk.
MOST_OPEN = 20_000
# Anybody can have SNS sign a wish to subscribe us to a topic of his own; a few are enough to see.
MOST_UNLISTED = 20
MOST_TEXT = 4_000
# Longer than anything is delivered again, so that a repetition is always recognised.
KEEP_DONE = timedelta(days=30)
KEEP_ATTENTION = timedelta(days=90)
_FORGET_SLICE = 1_000


class Kept(StrEnum):
    """What became of an arrival."""

    NEW = "new"
    KNOWN = "known"  # the same message was kept before
    FULL = "full"  # not kept: too many wait; ask for it again later


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A genuine message as it arrived; `kind` is one of `NOTIFICATION_KINDS`.

    `listed` tells whether its topic is one of the merchant's. `message` is kept up to 4,000
    characters, for people.
    """

    message_id: str
    kind: str
    topic_arn: str
    sent_at: datetime
    listed: bool = True
    object_type: str | None = None
    object_id: str | None = None
    permission_id: str | None = None
    notification_type: str | None = None
    notification_id: str | None = None
    message: str | None = None


def keep_arrival(engine: Engine, merchant_id: str, arrival: Arrival, *, at: datetime) -> Kept:
    """Commit an arrival; after that it may be answered with 200, whatever happens to us."""
    kept = writing(engine, lambda connection: _keep(connection, merchant_id, arrival, at))
    reached("notification.kept")
    return kept


def _keep(connection: Connection, merchant_id: str, arrival: Arrival, at: datetime) -> Kept:
    if _is_known(connection, merchant_id, arrival.message_id):
        return Kept.KNOWN
    if _is_full(connection, merchant_id, arrival):
        return Kept.FULL
    fresh = fresh_row(connection, notifications, _row(merchant_id, arrival, at))
    unless_known = fresh.on_conflict_do_nothing().returning(notifications.c.id)
    made = connection.execute(unless_known).scalar()
    return Kept.KNOWN if made is None else Kept.NEW


def _is_known(connection: Connection, merchant_id: str, message_id: str) -> bool:
    same = (notifications.c.merchant_id == merchant_id, notifications.c.message_id == message_id)
    return connection.execute(select(notifications.c.id).where(*same)).first() is not None


def _is_full(connection: Connection, merchant_id: str, arrival: Arrival) -> bool:
    mine = notifications.c.merchant_id == merchant_id
    if arrival.listed:
        limit, waiting = MOST_OPEN, (mine, is_word(notifications.c.state, *OPEN))
    else:
        limit, waiting = MOST_UNLISTED, (mine, is_word(notifications.c.kind, "subscription"))
    counted = select(notifications.c.id).where(*waiting).limit(limit).subquery()
    found = connection.execute(select(func.count()).select_from(counted)).scalar_one()
    return int(found) >= limit


def _row(merchant_id: str, arrival: Arrival, at: datetime) -> dict[str, Any]:
    result = _for_a_person(arrival)
    return {
        "merchant_id": merchant_id,
        "message_id": arrival.message_id,
        "kind": arrival.kind,
        "topic_arn": arrival.topic_arn,
        "object_type": arrival.object_type,
        "object_id": arrival.object_id,
        "permission_amazon_id": arrival.permission_id,
        "notification_type": arrival.notification_type,
        "notification_id": arrival.notification_id,
        "sent_at": arrival.sent_at,
        "received_at": at,
        "state": "waiting" if result is None else "attention",
        "look_at": at,
        "tries": 0,
        "handled_at": None if result is None else at,
        "result": result,
        "message": None if arrival.message is None else arrival.message[:MOST_TEXT],
    }


def _for_a_person(arrival: Arrival) -> InboxResult | None:
    """Say why no call can look into this one; None for what can be read at Amazon."""
    by_kind = {
        "unreadable": InboxResult.UNREADABLE,
        "unsubscribed": InboxResult.UNSUBSCRIBED,
        "subscription": InboxResult.TO_CONFIRM,
    }
    if arrival.kind in by_kind:
        return by_kind[arrival.kind]
    if arrival.object_type == "CHARGEBACK":
        return InboxResult.CHARGEBACK
    if arrival.object_type not in READABLE or arrival.object_id is None:
        return InboxResult.UNKNOWN_TYPE
    return None


def forget_old(engine: Engine, merchant_id: str, *, at: datetime) -> int:
    """Delete what was done 30 days ago, and 90 days ago what was shown; returns how many.

    A chargeback that nobody has booked or put away stays: its message is all that tells of it.
    """
    gone = 0
    while True:
        done = writing(engine, lambda connection: _forget(connection, merchant_id, at))
        gone += done
        if done < _FORGET_SLICE:
            return gone


def _forget(connection: Connection, merchant_id: str, at: datetime) -> int:
    mine = notifications.c.merchant_id == merchant_id
    done = (notifications.c.state == "done") & (notifications.c.received_at < at - KEEP_DONE)
    shown = notifications.c.received_at < at - KEEP_ATTENTION
    old = (
        select(notifications.c.id)
        .where(mine, ~is_word(notifications.c.state, *OPEN), done | shown, ~_is_owed_an_act())
        .where(notifications.c.received_at < at - KEEP_DONE)
        .order_by(notifications.c.received_at, notifications.c.id)
        .limit(_FORGET_SLICE)
    )
    return connection.execute(delete(notifications).where(notifications.c.id.in_(old))).rowcount


def _is_owed_an_act() -> ColumnElement[bool]:
    """SQL: it tells of a chargeback that waits on the desk (`billing.evidence.desk`)."""
    booked = exists().where(
        chargebacks.c.merchant_id == notifications.c.merchant_id,
        chargebacks.c.case_id == notifications.c.object_id,
    )
    told = notifications.c.object_type == "CHARGEBACK"
    return told & is_word(notifications.c.state, "attention") & ~booked
