"""Amazon's own balance before charges near the limit, so that the plan starts from its figures.

Somebody else may charge the same permission, and Amazon may count a month otherwise than we do.
Far from the limit neither matters; near it a reading costs one GET and saves a refusal.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, case, exists, func, select, update

from amazonpay import ChargePermission
from billing.cap.plan import CapRule
from billing.dates import possible_months
from billing.evidence.readings import write_readings
from billing.store.cap_room import effective_limit_yen, load_cap_months
from billing.store.database import reading, writing
from billing.store.merchants import Merchant
from billing.store.rows import fetch, is_word, table_of
from billing.tables import BalanceReadingRow, CapMonthRow, ChargePermissionRow, SlotRow

slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
cap_months = table_of(CapMonthRow)
readings = table_of(BalanceReadingRow)

NEAR_PERCENT = 80
READ_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NearCap:
    """A permission whose balance is to be read: our row of it, and Amazon's id."""

    id: int
    amazon_id: str


def permissions_near_cap(
    engine: Engine,
    merchant: Merchant,
    *,
    at: datetime,
    limit: int = 200,
    only: Collection[int] | None = None,
) -> list[NearCap]:
    """Of the next `limit` due slots the permissions that they bring near their limit.

    Those read within the hour are left out, and so is what will not be sent.
    """
    month = possible_months(at=at, timezone=merchant.timezone)[-1]
    due = _next_due(merchant, at, limit, only)
    taken = func.coalesce(cap_months.c.used_yen + cap_months.c.held_yen, 0)
    told = func.coalesce(permissions.c.amount_limit_yen, merchant.cap_yen)
    cap = case((told < merchant.cap_yen, told), else_=merchant.cap_yen)
    # What does not fit is moved or refused without a call, unless it is split.
    fits = taken + due.c.amount_yen <= cap
    is_sent = taken < cap if merchant.cap_rule is CapRule.SPLIT else fits
    read = exists().where(
        readings.c.permission_id == permissions.c.id,
        readings.c.read_at > at - READ_EVERY,
        readings.c.read_at <= at,
    )
    statement = (
        select(permissions.c.id, permissions.c.amazon_id)
        .join(due, due.c.permission_id == permissions.c.id)
        .outerjoin(
            cap_months,
            (cap_months.c.permission_id == permissions.c.id) & (cap_months.c.month == month),
        )
        .where(is_word(permissions.c.state, "Chargeable"), ~read)
        .where((taken + due.c.amount_yen) * 100 >= cap * NEAR_PERCENT, is_sent)
        .distinct()
        .order_by(permissions.c.id)
    )
    with reading(engine) as connection:
        return [NearCap(*row) for row in connection.execute(statement)]


def _next_due(merchant: Merchant, at: datetime, limit: int, only: Collection[int] | None) -> Any:
    statement = (
        select(slots.c.permission_id, slots.c.amount_yen)
        .where(slots.c.merchant_id == merchant.id)
        .where(is_word(slots.c.state, "due"), slots.c.due_at <= at)
        .order_by(slots.c.due_at, slots.c.id)
        .limit(limit)
    )
    if only is not None:
        statement = statement.where(slots.c.id.in_(list(only)))
    return statement.subquery("next_due")


def record_balances(
    engine: Engine,
    merchant: Merchant,
    seen: Sequence[tuple[NearCap, ChargePermission]],
    *,
    at: datetime,
) -> None:
    """Keep the readings, and let a lower balance than our own view bound this month's room."""
    if seen:
        writing(engine, lambda connection: _record(connection, merchant, seen, at))


def _record(
    connection: Connection,
    merchant: Merchant,
    seen: Sequence[tuple[NearCap, ChargePermission]],
    at: datetime,
) -> None:
    by_id = {near.id: permission for near, permission in seen}
    lock = select(permissions.c.id).where(permissions.c.id.in_(list(by_id)))
    connection.execute(lock.order_by(permissions.c.id).with_for_update()).all()
    write_readings(connection, merchant, list(by_id.items()), at=at)
    months = possible_months(at=at, timezone=merchant.timezone)
    if len(months) != 1:
        # Whose month the balance is of is not known at a month's edge.
        return
    limits = {
        row["id"]: effective_limit_yen(merchant=merchant, amount_limit_yen=row["amount_limit_yen"])
        for row in fetch(connection, select(permissions).where(permissions.c.id.in_(list(by_id))))
    }
    rooms = load_cap_months(connection, limits=limits, months=months)
    for (permission_id, month), room in rooms.items():
        balance = by_id[permission_id].amount_balance_yen
        if balance is not None and balance < room.room_yen:
            bound = room.used_yen + room.held_yen + balance
            connection.execute(
                update(cap_months)
                .where(cap_months.c.permission_id == permission_id, cap_months.c.month == month)
                .values(limit_yen=bound, learned_limit_yen=bound)
            )
