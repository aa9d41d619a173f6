"""Looks at charge permissions that wait for their buyer, and ends the wait when its time is up.

Amazon tells by notification when a payment method was changed; a notification may never come, so
polling alone reaches the same state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, or_, select, update

from amazonpay import ChargePermission
from billing.database import writing
from billing.merchants import Merchant
from billing.rows import Row, fetch, table_of, update_many
from billing.settle import Ending, end_of_dunning_rows
from billing.tables import ChargePermissionRow, InvoiceRow, SlotRow, SubscriptionRow

slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
invoices = table_of(InvoiceRow)
subscriptions = table_of(SubscriptionRow)

POLL_EVERY = timedelta(hours=1)
# Reasons that a permission's turning Chargeable cures. Others (AmazonRejected, an amount Amazon
# never takes) would only fail again, so they wait for a person.
CURED_BY_NEW_METHOD = (
    "HardDeclined",
    "PaymentMethodNotAllowed",
    "InvalidChargePermissionStatus",
    "ResourceNotFound",
    "NonChargeable",
    "PaymentMethodInvalid",
    "PaymentMethodDeleted",
    "PaymentMethodExpired",
    "PaymentMethodNotSet",
    "BillingAddressDeleted",
    "MFAFailed",
)


@dataclass(frozen=True, slots=True)
class WatchedPermission:
    """A charge permission whose state is to be read at Amazon."""

    id: int
    amazon_id: str


def permissions_to_read(
    engine: Engine, merchant: Merchant, *, at: datetime, limit: int = 200
) -> list[WatchedPermission]:
    """Permissions with a slot that waits for the buyer, not read within the last hour."""
    statement = (
        select(permissions.c.id, permissions.c.amazon_id)
        .where(permissions.c.merchant_id == merchant.id)
        .where(permissions.c.id.in_(_waiting(merchant)))
        .where(or_(permissions.c.checked_at.is_(None), permissions.c.checked_at <= at - POLL_EVERY))
        .order_by(permissions.c.id)
        .limit(limit)
    )
    with engine.connect().execution_options(autopay_reading=True) as connection:
        return [WatchedPermission(*row) for row in connection.execute(statement)]


def _waiting(merchant: Merchant) -> Any:
    return select(slots.c.permission_id).where(
        slots.c.merchant_id == merchant.id, slots.c.state == "waiting_buyer"
    )


def permissions_waiting(connection: Connection, merchant_id: str) -> list[str]:
    """Amazon's ids of the permissions with a slot that waits for the buyer."""
    statement = (
        select(permissions.c.amazon_id)
        .join(slots, slots.c.permission_id == permissions.c.id)
        .where(slots.c.merchant_id == merchant_id, slots.c.state == "waiting_buyer")
        .distinct()
    )
    return list(connection.execute(statement).scalars())


def record_permissions(
    engine: Engine,
    merchant: Merchant,
    seen: Sequence[tuple[WatchedPermission, ChargePermission]],
    *,
    at: datetime,
) -> None:
    """Write what Amazon said; a Chargeable one makes its waiting slots due at once."""
    if seen:
        writing(engine, lambda connection: _record(connection, merchant, seen, at))


def _record(
    connection: Connection,
    merchant: Merchant,
    seen: Sequence[tuple[WatchedPermission, ChargePermission]],
    at: datetime,
) -> None:
    ids = sorted(watched.id for watched, _ in seen)
    lock = select(permissions.c.id).where(permissions.c.id.in_(ids)).order_by(permissions.c.id)
    connection.execute(lock.with_for_update()).all()
    update_many(connection, permissions, [_seen_row(*pair, at) for pair in seen])
    cured = [w.id for w, permission in seen if str(permission.state) == "Chargeable"]
    connection.execute(
        update(slots)
        .where(slots.c.permission_id.in_(cured), slots.c.state == "waiting_buyer")
        .where(slots.c.reason.in_(CURED_BY_NEW_METHOD))
        .values(state="due", due_at=at)
    )
    closed = [w.id for w, permission in seen if str(permission.state) == "Closed"]
    _end(connection, merchant, at, slots.c.permission_id.in_(closed))


def _seen_row(
    watched: WatchedPermission, permission: ChargePermission, at: datetime
) -> dict[str, Any]:
    reasons = permission.reasons
    return {
        "id": watched.id,
        "state": str(permission.state),
        "state_reason": str(reasons[0].code) if reasons else None,
        "amount_limit_yen": permission.amount_limit_yen,
        "expires_at": permission.expires_at,
        "checked_at": at,
    }


def end_expired_waits(engine: Engine, merchant: Merchant, *, at: datetime) -> int:
    """End dunning of slots whose buyer did not act in time; returns how many."""
    return writing(engine, lambda connection: _end(connection, merchant, at, slots.c.due_at <= at))


def _end(connection: Connection, merchant: Merchant, at: datetime, which: Any) -> int:
    waiting = select(slots).where(
        slots.c.merchant_id == merchant.id, slots.c.state == "waiting_buyer", which
    )
    ended = fetch(connection, waiting)
    if not ended or merchant.dunning_end == "keep_open":
        return 0
    update_many(
        connection,
        slots,
        [{"id": row["id"], "state": "uncollectible", "settled_at": at} for row in ended],
    )
    end_of_dunning_rows(connection, merchant, _endings(connection, ended), at=at)
    return len(ended)


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
        )
        for slot in by_invoice.values()
    ]


def _by_id(connection: Connection, table: Any, ids: Sequence[int]) -> dict[int, Row]:
    rows = fetch(connection, select(table).where(table.c.id.in_(ids)))
    return {row["id"]: row for row in rows}
