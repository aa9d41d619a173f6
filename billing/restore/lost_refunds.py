"""Refunds that Amazon made and restored books lost: found by their ids, or by what is missing.

Amazon has no list of refunds. Their ids are in notifications and in reports; of each charge Amazon
says how much it gave back. A refund whose id is known is booked again and never sent; a sum whose
refund nobody can name is shown to people, for only they know what it was for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from amazonpay import Refund
from billing.refunds import request_refund
from billing.store.merchants import Merchant
from billing.store.rows import fetch, is_word, table_of, update_many
from billing.tables import AttemptRow, NotificationRow, RefundRow

_attempts = table_of(AttemptRow)
_refunds = table_of(RefundRow)
_notifications = table_of(NotificationRow)

ACTOR = "reconcile"
NOT_MADE = ("declined", "by_hand")


@dataclass(frozen=True, slots=True)
class RefundedCharge:
    """A captured charge, and yen that our books gave back through Amazon at most."""

    attempt_id: int
    charge_id: str
    ours_yen: int


def charges_to_compare(
    connection: Connection, merchant: Merchant, *, since: datetime, after: int, limit: int = 200
) -> list[RefundedCharge]:
    """Charges captured after `since`, the next `limit` behind the attempt `after`."""
    made = case((is_word(_refunds.c.state, *NOT_MADE), 0), else_=_refunds.c.amount_yen)
    statement = (
        select(
            _attempts.c.id.label("attempt_id"),
            _attempts.c.charge_id,
            func.coalesce(func.sum(made), 0).label("ours_yen"),
        )
        .outerjoin(_refunds, _refunds.c.attempt_id == _attempts.c.id)
        .where(_attempts.c.merchant_id == merchant.id, is_word(_attempts.c.state, "captured"))
        .where(_attempts.c.charge_id.is_not(None), _attempts.c.intended_at >= since)
        .where(_attempts.c.id > after)
        .group_by(_attempts.c.id, _attempts.c.charge_id)
        .order_by(_attempts.c.id)
        .limit(limit)
    )
    return [RefundedCharge(**row) for row in fetch(connection, statement)]


def told_refund_ids(connection: Connection, merchant: Merchant, *, since: datetime) -> set[str]:
    """Refunds that notifications since then named; most are ours already."""
    statement = select(_notifications.c.object_id).where(
        _notifications.c.merchant_id == merchant.id,
        _notifications.c.received_at >= since,
        func.upper(_notifications.c.object_type) == "REFUND",
        _notifications.c.object_id.is_not(None),
    )
    return set(connection.execute(statement).scalars())


def unknown_refund_ids(
    connection: Connection, merchant: Merchant, refund_ids: Collection[str]
) -> list[str]:
    """Those of the given refunds that no row of ours has."""
    statement = select(_refunds.c.refund_id).where(
        _refunds.c.merchant_id == merchant.id, _refunds.c.refund_id.in_(sorted(refund_ids))
    )
    return sorted(set(refund_ids) - set(connection.execute(statement).scalars()))


def request_of(refund_id: str) -> str:
    """The id of the request under which a refund is booked again, once."""
    return f"restored/{refund_id}"


def book_again(
    connection: Connection, merchant: Merchant, refund: Refund, *, at: datetime
) -> Sequence[int]:
    """Write a refund that Amazon made for a charge of ours; the row ids, which are `pending`.

    It takes the number, and with it the key, that the next refund of the charge would have. It has
    Amazon's id from the start, so it is asked about and never sent. Raises `BadInput` when the
    charge is not ours, or has no room for it: another refund of it is open in the books.
    """
    made = request_refund(
        connection,
        merchant,
        request_id=request_of(refund.refund_id),
        amount_yen=refund.refund_amount_yen,
        reason="made after the backup that these books come from",
        actor=ACTOR,
        at=at,
        charge_id=refund.charge_id,
    )
    ids = [each.id for each in made.refunds if each.refund_id is None]
    known = {"state": "pending", "refund_id": refund.refund_id, "look_at": at}
    update_many(connection, _refunds, [{"id": row_id} | known for row_id in ids])
    return ids
