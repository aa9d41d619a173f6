"""Monthly recurring revenue and churn, counted back from now by the events of the agreements.

The value of an agreement is its price × quantity by the month: a price for n months counts a n-th,
one for n years a 12n-th, one for n days or weeks by the 365.2425 days of an average year. What is
active or past due counts, what is tried out, paused or ended does not. Fractions are kept to the
end; a month's figure is rounded down once. `docs/back-office.md` has the definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from sqlalchemy import Connection, func, or_, select

from billing.dates import civil_date
from billing.desk.days import day_bounds
from billing.desk.growth_terms import PAYING, Change, load_changes, monthly_yen
from billing.store.merchants import Merchant
from billing.store.rows import fetch, table_of
from billing.tables import PriceRow, SubscriptionRow

__all__ = ["GrowthMonth", "growth", "monthly_yen"]

subscriptions = table_of(SubscriptionRow)
prices = table_of(PriceRow)

KINDS = ("new", "resumed", "changed", "paused", "canceled")


@dataclass(frozen=True, slots=True)
class GrowthMonth:
    """One month: what it began and ended with, and what moved it; yen per month, rounded down.

    `paused_yen`, `canceled_yen` and what is lost of `changed_yen` are below zero. Where prices do
    not divide by the month, the sum differs from `closing_yen` by the yen that rounding left out.
    """

    month: date
    opening_yen: int
    new_yen: int
    resumed_yen: int
    changed_yen: int
    paused_yen: int
    canceled_yen: int
    closing_yen: int
    opening_agreements: int
    new_agreements: int
    canceled_agreements: int
    closing_agreements: int


@dataclass(slots=True)
class _Sums:
    yen: dict[str, Fraction] = field(default_factory=lambda: dict.fromkeys(KINDS, Fraction(0)))
    agreements: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


def growth(
    connection: Connection, merchant: Merchant, *, at: datetime, months: int = 12
) -> list[GrowthMonth]:
    """The last `months` calendar months of the merchant, the current one up to now included."""
    first_days = _first_days(civil_date(at=at, timezone=merchant.timezone), months)
    begins = [day_bounds(day, timezone=merchant.timezone)[0] for day in first_days]
    sums: dict[date, _Sums] = {day: _Sums() for day in first_days}
    for change in load_changes(connection, merchant, begins=begins):
        _add(sums[first_days[change.month]], change)
    yen, agreements = _now(connection, merchant)
    found: list[GrowthMonth] = []
    for day in reversed(first_days):
        month_sums = sums[day]
        opening = yen - sum(month_sums.yen.values(), Fraction(0))
        opened = agreements - sum(month_sums.agreements.values())
        found.append(_month(day, month_sums, opening, yen, opened, agreements))
        yen, agreements = opening, opened
    return found[::-1]


def _first_days(today: date, months: int) -> list[date]:
    days = [today.replace(day=1)]
    while len(days) < months:
        days.append((days[-1] - timedelta(days=1)).replace(day=1))
    return days[::-1]


def _add(sums: _Sums, change: Change) -> None:
    sums.yen[change.kind] += change.yen
    sums.agreements[change.kind] += change.agreements


def _month(
    day: date,
    sums: _Sums,
    opening: Fraction,
    closing: Fraction,
    opened: int,
    closed: int,
) -> GrowthMonth:
    moved = {kind: _floor(yen) for kind, yen in sums.yen.items()}
    return GrowthMonth(
        month=day,
        opening_yen=_floor(opening),
        new_yen=moved["new"],
        resumed_yen=moved["resumed"],
        changed_yen=moved["changed"],
        paused_yen=moved["paused"],
        canceled_yen=moved["canceled"],
        closing_yen=_floor(closing),
        opening_agreements=opened,
        new_agreements=sums.agreements["new"],
        canceled_agreements=-sums.agreements["canceled"],
        closing_agreements=closed,
    )


def _floor(yen: Fraction) -> int:
    return yen.numerator // yen.denominator


def _now(connection: Connection, merchant: Merchant) -> tuple[Fraction, int]:
    statement = (
        select(
            prices.c.amount_yen,
            prices.c.interval_unit,
            prices.c.interval_count,
            prices.c.per_seat,
            func.count().label("agreements"),
            func.sum(subscriptions.c.quantity).label("seats"),
        )
        .select_from(subscriptions.join(prices, prices.c.id == subscriptions.c.price_id))
        .where(subscriptions.c.merchant_id == merchant.id)
        .where(or_(*(subscriptions.c.state == state for state in PAYING)))
        .group_by(prices.c.id)
    )
    yen, agreements = Fraction(0), 0
    for row in fetch(connection, statement):
        units = row["seats"] if row["per_seat"] else row["agreements"]
        yen += monthly_yen(
            amount_yen=row["amount_yen"],
            interval_unit=row["interval_unit"],
            interval_count=row["interval_count"],
            quantity=int(units),
        )
        agreements += row["agreements"]
    return yen, agreements
