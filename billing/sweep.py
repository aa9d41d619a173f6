"""Looks at charge permissions that wait for their buyer.

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
from billing.dunning import RETRYABLE
from billing.merchants import Merchant
from billing.rows import is_word, table_of, update_many
from billing.tables import ChargePermissionRow, SlotRow

slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)

POLL_EVERY = timedelta(hours=1)
# Reasons that a permission's being Chargeable does not cure: they would only fail again, so they
# wait for a person, or for the end of the wait. Every other wait ends with a Chargeable permission.
NOT_CURED = (
    *sorted(RETRYABLE),
    "AmazonRejected",
    "MFANotCompleted",
    "TransactionAmountExceeded",
    "TransactionCountExceeded",
)


@dataclass(frozen=True, slots=True)
class WatchedPermission:
    """A charge permission whose state is to be read at Amazon."""

    id: int
    amazon_id: str


def permissions_to_read(
    engine: Engine, merchant: Merchant, *, at: datetime, limit: int = 200
) -> list[WatchedPermission]:
    """Permissions with a slot that waits for the buyer, not read within the last hour.

    The longest unread come first. A reading dated in the future (a clock was wrong) is none.
    """
    read = permissions.c.checked_at
    statement = (
        select(permissions.c.id, permissions.c.amazon_id)
        .where(permissions.c.merchant_id == merchant.id)
        .where(permissions.c.id.in_(_waiting(merchant)))
        .where(or_(read.is_(None), read <= at - POLL_EVERY, read > at))
        .order_by(read.nulls_first(), permissions.c.id)
        .limit(limit)
    )
    with engine.connect().execution_options(autopay_reading=True) as connection:
        return [WatchedPermission(*row) for row in connection.execute(statement)]


def _waiting(merchant: Merchant) -> Any:
    return select(slots.c.permission_id).where(
        slots.c.merchant_id == merchant.id, is_word(slots.c.state, "waiting_buyer")
    )


def permissions_waiting(connection: Connection, merchant_id: str) -> list[str]:
    """Amazon's ids of the permissions with a slot that waits for the buyer."""
    statement = (
        select(permissions.c.amazon_id)
        .join(slots, slots.c.permission_id == permissions.c.id)
        .where(slots.c.merchant_id == merchant_id, is_word(slots.c.state, "waiting_buyer"))
        .distinct()
    )
    return list(connection.execute(statement).scalars())


def record_permissions(
    engine: Engine,
    merchant: Merchant,
    seen: Sequence[tuple[WatchedPermission, ChargePermission | None]],
    *,
    at: datetime,
) -> None:
    """Write what Amazon said; a Chargeable one makes its waiting slots due at once.

    One that could not be read keeps its state; only the time of the try is written.
    """
    if seen:
        writing(engine, lambda connection: _record(connection, seen, at))


def _record(
    connection: Connection,
    tried: Sequence[tuple[WatchedPermission, ChargePermission | None]],
    at: datetime,
) -> None:
    ids = sorted(watched.id for watched, _ in tried)
    lock = select(permissions.c.id).where(permissions.c.id.in_(ids)).order_by(permissions.c.id)
    connection.execute(lock.with_for_update()).all()
    seen = [(watched, found) for watched, found in tried if found is not None]
    unread = [{"id": w.id, "checked_at": at} for w, found in tried if found is None]
    update_many(connection, permissions, unread)
    update_many(connection, permissions, [_seen_row(*pair, at) for pair in seen])
    cured = [w.id for w, permission in seen if str(permission.state) == "Chargeable"]
    connection.execute(
        update(slots)
        .where(slots.c.permission_id.in_(cured), is_word(slots.c.state, "waiting_buyer"))
        .where(slots.c.reason.not_in(NOT_CURED))
        .values(state="due", due_at=at)
    )


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
