"""Cancels authorisations that will not be captured: the agreement ended, or it grows too old.

One that grows old is cancelled before it lapses, and its slot is due again once Amazon has said
that it is cancelled: so there are never two authorisations of one slot.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, or_

from billing.captures.authorized import (
    attempts,
    authorized_charges,
    invoices,
    lock_permissions,
    slots,
    subscriptions,
)
from billing.captures.intending import act_row, write_acts
from billing.protocol.checkpoints import reached
from billing.store.brake import load_brake
from billing.store.database import writing
from billing.store.merchants import Merchant
from billing.store.notices import notice_row, write_notices
from billing.store.rows import Row, fetch

MOST_LOOKED_AT = 5_000
# Nothing is charged for an agreement in another state, so nothing would be authorised again.
GOING_ON = ("pending", "trialing", "active", "past_due")


def intend_cancellations(
    engine: Engine, merchant: Merchant, *, at: datetime, limit: int = 200
) -> int:
    """Write the cancellations that are due; returns how many. Call again until it is 0.

    Nothing is sent here. While the brake is pulled nothing is intended.
    """
    intended = writing(engine, lambda connection: _intend(connection, merchant, at, limit))
    if intended:
        reached("act.intended")
    return intended


def _intend(connection: Connection, merchant: Merchant, at: datetime, limit: int) -> int:
    if load_brake(connection, merchant.id).is_pulled:
        return 0
    soon = at + timedelta(days=merchant.reauthorize_days)
    over = or_(invoices.c.state != "open", subscriptions.c.state == "canceled")
    old = (attempts.c.lapses_at <= soon) & subscriptions.c.state.in_(GOING_ON)
    statement = authorized_charges(merchant).where(or_(over, old))
    oldest = statement.order_by(attempts.c.lapses_at, slots.c.id).limit(MOST_LOOKED_AT)
    wanted = [row for row in fetch(connection, oldest) if _cause(row, merchant, at)][:limit]
    locked = lock_permissions(
        connection, {row["permission_id"] for row in wanted}, skip_locked=True
    )
    # Read again: only now nobody else ships or cancels them.
    again = statement.where(
        slots.c.id.in_([row["id"] for row in wanted]), slots.c.permission_id.in_(locked)
    )
    rows = [(row, _cause(row, merchant, at)) for row in fetch(connection, again)]
    due = [(row, cause) for row, cause in rows if cause is not None]
    write_acts(
        connection,
        [
            act_row(
                row, merchant, kind="cancel", cause=cause, amount_yen=None, actor="engine", at=at
            )
            for row, cause in due
        ],
        [{"id": row["id"], "state": "open"} for row, _ in due],
    )
    write_notices(connection, [_overdue(row, at) for row, cause in due if cause == "reauthorize"])
    return len(due)


def _overdue(row: Row, at: datetime) -> dict[str, Any]:
    """The staff are told of goods that should have been shipped long ago."""
    return notice_row(
        row, kind="shipment_overdue", at=at, reason="not shipped", step=row["attempt"]
    )


def _cause(row: Row, merchant: Merchant, at: datetime) -> str | None:
    """Why an authorisation is to be cancelled now; None when it is not."""
    if row["invoice_state"] != "open" or row["owner_state"] == "canceled":
        return "ended"
    return "reauthorize" if at >= reauthorize_at(row, merchant) else None


def reauthorize_at(row: Row, merchant: Merchant) -> datetime:
    """When a charge is authorised anew: some days before it lapses, but not in its first half.

    Sandboxes let authorisations lapse after two days; counting three back from there would
    authorise again for ever.
    """
    lapses_at: datetime = row["lapses_at"]
    half: datetime = lapses_at - (lapses_at - row["intended_at"]) // 2
    return max(half, lapses_at - timedelta(days=merchant.reauthorize_days))
