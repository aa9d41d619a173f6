"""Money that a change gives back: refunds of what was captured, the rest put before a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from billing.refunds import RefundableCharge, refundable_charges, request_refund
from billing.refunds.refundable import lock_charges
from billing.store.merchants import Merchant
from billing.store.notices import write_notices
from billing.store.rows import Row
from plans import BadInput
from plans.lifecycle import Event

__all__ = ["pay_back"]


def pay_back(
    connection: Connection,
    merchant: Merchant,
    row: Row,
    events: Sequence[Event],
    amount_yen: int,
    *,
    at: datetime,
) -> None:
    """Request refunds of the agreement's own charges; the debt is on the books already.

    What another system captured cannot be given back by us: a notice asks a person to do it, and
    the debt stays on `refund_payable`.
    """
    if amount_yen == 0:
        return
    last = events[-1]
    charges = _captured(connection, merchant, row)
    ours_yen = min(amount_yen, sum(charge.free_yen for charge in charges))
    if ours_yen:
        request_refund(
            connection,
            merchant,
            request_id=f"agreement-{row['id']}-{last.sequence}",
            amount_yen=ours_yen,
            reason=last.reason.strip() or last.fact.kind,
            actor=last.actor.value,
            at=at,
            subscription_id=row["external_id"],
            owed_already=True,
        )
    if ours_yen < amount_yen:
        write_notices(connection, [_by_hand(row, last, amount_yen - ours_yen, at)])


def _captured(connection: Connection, merchant: Merchant, row: Row) -> list[RefundableCharge]:
    """Lock the charges, then read what is left of them: a refund at the desk may run beside us."""
    try:
        seen = refundable_charges(connection, merchant, subscription_id=row["external_id"])
    except BadInput:
        return []  # nothing of it was ever captured by us
    lock_charges(connection, seen)
    return refundable_charges(connection, merchant, subscription_id=row["external_id"])


def _by_hand(row: Row, last: Event, amount_yen: int, at: datetime) -> dict[str, object]:
    return {
        "merchant_id": row["merchant_id"],
        "subscription_id": row["id"],
        "dedup_key": f"{row['external_id']}/refund_by_hand/{last.sequence}",
        "kind": "refund_by_hand",
        "written_at": at,
        "amount_yen": amount_yen,
        "reason": last.fact.kind,
        "next_try_at": None,
        "reference": None,
        "facts": None,
    }
