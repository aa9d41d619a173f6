"""Amazon's balances as rows, and what our own books took in between."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from amazonpay import ChargePermission
from billing.dates import possible_months
from billing.evidence.balance import Movement, Reading, movement
from billing.evidence.looking import Doubt
from billing.evidence.rule import DoubtRules, sealed_from
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_many, is_word, table_of
from billing.tables import AttemptRow, BalanceReadingRow, RefundRow

readings = table_of(BalanceReadingRow)
attempts = table_of(AttemptRow)
refunds = table_of(RefundRow)

LONGER_THAN_A_MONTH = timedelta(days=32)


def write_readings(
    connection: Connection,
    merchant: Merchant,
    seen: Sequence[tuple[int, ChargePermission]],
    *,
    at: datetime,
) -> None:
    """Keep what Amazon says is left, by our row of the permission."""
    rows: list[dict[str, Any]] = [
        {
            "merchant_id": merchant.id,
            "permission_id": permission_id,
            "read_at": at,
            "limit_yen": permission.amount_limit_yen,
            "balance_yen": permission.amount_balance_yen,
        }
        for permission_id, permission in seen
        if permission.amount_balance_yen is not None
    ]
    insert_many(connection, readings, rows)


def balance_movement(
    connection: Connection,
    merchant: Merchant,
    doubt: Doubt,
    permission: ChargePermission,
    *,
    rules: DoubtRules,
    at: datetime,
) -> Movement | None:
    """What the balance says about the doubt; None when Amazon tells no balance."""
    if permission.amount_balance_yen is None:
        return None
    after = Reading(at, permission.amount_limit_yen, permission.amount_balance_yen)
    months = _months(merchant, doubt, rules)
    before = _before(connection, doubt, months, merchant)
    since = _since(doubt, before)
    ours_yen = _taken(_ours(connection, doubt, since), months, merchant, before)
    return movement(
        amount_yen=doubt.attempt.amount_yen,
        before=before,
        after=after,
        ours_yen=ours_yen or 0,
        months=months,
        month_now=possible_months(at=at, timezone=merchant.timezone),
        others_open=ours_yen is None or _others_open(connection, doubt),
        refunded=_refunded(connection, doubt, since),
    )


def _months(merchant: Merchant, doubt: Doubt, rules: DoubtRules) -> tuple[str, ...]:
    """Every month in which the attempt could count, from its first send to the last possible."""
    last = sealed_from(rested_at=doubt.rested_at, rules=rules)
    instants = (doubt.intended_at, doubt.rested_at, last)
    zone = merchant.timezone
    return tuple(sorted({m for i in instants for m in possible_months(at=i, timezone=zone)}))


def _before(
    connection: Connection, doubt: Doubt, months: Sequence[str], merchant: Merchant
) -> Reading | None:
    """The last reading before the attempt was intended, of the same month."""
    statement = (
        select(readings.c.read_at, readings.c.limit_yen, readings.c.balance_yen)
        .where(readings.c.permission_id == doubt.permission_id)
        .where(readings.c.read_at <= doubt.intended_at)
        .order_by(readings.c.read_at.desc(), readings.c.id.desc())
        .limit(1)
    )
    found = connection.execute(statement).first()
    if found is None:
        return None
    of_month = possible_months(at=found[0], timezone=merchant.timezone)
    return Reading(*found) if of_month == tuple(months) else None


def _since(doubt: Doubt, before: Reading | None) -> datetime:
    """From when our own charges explain the balance: the reading, or long before the month."""
    return doubt.intended_at - LONGER_THAN_A_MONTH if before is None else before.at


def _taken(
    rows: Sequence[Row], months: Sequence[str], merchant: Merchant, before: Reading | None
) -> int | None:
    """Yen of our charges that count in these months; None when it is not sure in which they do.

    One that was under way during the reading before may be in its figure already. Whether an
    authorisation moves the balance, and its cancellation back, is not documented.
    """
    total = 0
    for row in rows:
        if before is not None and row["intended_at"] <= before.at:
            return None
        its = possible_months(at=row["intended_at"], timezone=merchant.timezone)
        if row["state"] == "canceled" and set(its) & set(months):
            return None
        if its == tuple(months):
            total += row["amount_yen"]
        elif set(its) & set(months):
            return None
    return total


def _ours(connection: Connection, doubt: Doubt, since: datetime) -> list[Row]:
    statement = select(attempts.c.state, attempts.c.intended_at, attempts.c.amount_yen).where(
        attempts.c.permission_id == doubt.permission_id,
        is_word(attempts.c.state, "captured", "canceled"),
        attempts.c.answered_at > since,
    )
    return fetch(connection, statement)


def _others_open(connection: Connection, doubt: Doubt) -> bool:
    statement = select(func.count()).where(
        attempts.c.permission_id == doubt.permission_id,
        attempts.c.id != doubt.attempt.id,
        is_word(attempts.c.state, "intended", "in_doubt", "pending", "authorized"),
    )
    return bool(connection.execute(statement).scalar_one())


def _refunded(connection: Connection, doubt: Doubt, start: datetime) -> bool:
    statement = (
        select(func.count())
        .select_from(refunds)
        .join(attempts, attempts.c.id == refunds.c.attempt_id)
        .where(attempts.c.permission_id == doubt.permission_id, refunds.c.requested_at >= start)
    )
    return bool(connection.execute(statement).scalar_one())
