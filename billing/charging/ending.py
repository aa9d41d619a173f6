"""Ends dunning: waits whose last day is over, and waits on an agreement closed at Amazon.

The one place where an invoice is given up. An invoice with another part under way or set aside is
never ended: that part's money may still arrive, and is waited for.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, case, func, literal, or_, select

from billing.charging.settle import Ending, end_of_dunning_rows
from billing.store.database import reading, writing
from billing.store.locking import lock_rows
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, is_word, table_of, update_many
from billing.tables import (
    ChargePermissionRow,
    DunningRow,
    InvoiceRow,
    SlotRow,
    SubscriptionRow,
)

log = logging.getLogger(__name__)

slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
invoices = table_of(InvoiceRow)
subscriptions = table_of(SubscriptionRow)
dunning = table_of(DunningRow)


def end_waits(engine: Engine, merchant: Merchant, *, at: datetime) -> int:
    """End every wait that is over at `at`; returns how many slots that were.

    Each charge permission is a transaction of its own under its lock, so that one which cannot
    be ended is logged and keeps no other from ending. What its schedule keeps open never ends.
    """
    statement = (
        _waits(merchant, at, slots.c.permission_id)
        .where(slots.c.merchant_id == merchant.id)
        .distinct()
        .order_by(slots.c.permission_id)
    )
    with reading(engine) as connection:
        over = list(connection.execute(statement).scalars())
    return sum(_end_one(engine, merchant, permission_id, at) for permission_id in over)


def _waits(merchant: Merchant, at: datetime, *columns: Any) -> Any:
    """Select waits that are over, and do not stay open by the schedule of their invoice."""
    over = or_(slots.c.due_at <= at, permissions.c.state == "Closed")
    return (
        select(*columns)
        .join(permissions, permissions.c.id == slots.c.permission_id)
        .outerjoin(dunning, dunning.c.invoice_id == slots.c.invoice_id)
        .where(is_word(slots.c.state, "waiting_buyer"), over, _policy(merchant) != "keep_open")
    )


def _policy(merchant: Merchant) -> Any:
    """How the dunning of an invoice ends: as frozen, or by the merchant's rule of today."""
    frozen = case(
        (permissions.c.state == "Closed", dunning.c.ends_closed_by), else_=dunning.c.ends_by
    )
    return func.coalesce(frozen, literal(merchant.dunning_end))


def _end_one(engine: Engine, merchant: Merchant, permission_id: int, at: datetime) -> int:
    try:
        return writing(engine, lambda c: _end(c, merchant, permission_id, at))
    except Exception:
        log.exception("waits on charge permission %d cannot be ended", permission_id)
        return 0


def _end(connection: Connection, merchant: Merchant, permission_id: int, at: datetime) -> int:
    lock_rows(connection, permissions, [permission_id])
    waiting = select(slots.c.subscription_id).where(
        slots.c.permission_id == permission_id, is_word(slots.c.state, "waiting_buyer")
    )
    lock_rows(connection, subscriptions, set(connection.execute(waiting).scalars()))
    statement = (
        _waits(merchant, at, slots, _policy(merchant).label("policy"))
        .where(slots.c.permission_id == permission_id)
        .where(slots.c.invoice_id.not_in(_under_way(permission_id)))
    )
    ended = fetch(connection, statement)
    update_many(
        connection,
        slots,
        [{"id": row["id"], "state": "uncollectible", "settled_at": at} for row in ended],
    )
    end_of_dunning_rows(connection, merchant, _endings(connection, ended), at=at)
    return len(ended)


def _under_way(permission_id: int) -> Any:
    """Invoices with a part whose money may still arrive."""
    return select(slots.c.invoice_id).where(
        slots.c.permission_id == permission_id,
        slots.c.state.in_(("open", "authorized", "quarantined")),
    )


def _endings(connection: Connection, ended: Sequence[Row]) -> list[Ending]:
    invoice_rows = _by_id(connection, invoices, [row["invoice_id"] for row in ended])
    owners = _by_id(connection, subscriptions, [row["subscription_id"] for row in ended])
    # One ending per invoice: its other waiting parts end with it.
    by_invoice = {row["invoice_id"]: row for row in ended}
    return [
        Ending(
            slot,
            invoice_rows[slot["invoice_id"]],
            owners[slot["subscription_id"]],
            slot["reason"] or "the buyer did not act",
            slot["policy"],
        )
        for slot in by_invoice.values()
    ]


def _by_id(connection: Connection, table: Any, ids: Sequence[int]) -> dict[int, Row]:
    rows = fetch(connection, select(table).where(table.c.id.in_(ids)))
    return {row["id"]: row for row in rows}
