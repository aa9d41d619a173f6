"""What was charged on each day, by outcome and reason; days that are over are read only once.

An outcome never changes once it is definite. So a day before yesterday on which nothing is open any
more is `closed`, and whoever has its figures need not ask again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    func,
    literal_column,
    select,
    union_all,
)

from billing.dates import civil_date
from billing.store.merchants import Merchant
from billing.store.rows import table_of
from billing.tables import AttemptRow
from billing.views.narrowing import Narrowing, joined_for, narrowed, own_rows

__all__ = [
    "Amounts",
    "DayFigures",
    "DayTotals",
    "day_bounds",
    "day_figures",
    "few_day_figures",
    "first_charged_day",
    "months_of_days",
]

attempts = table_of(AttemptRow)

OPEN = ("intended", "in_doubt", "pending", "authorized")
FAILED = ("declined", "refused")
DAYS_AT_ONCE = 31

Amounts = tuple[int | None, int | None]
"""The least and the most yen of a charge, both included; None is no bound."""


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Attempts begun on a day that have one outcome for one reason."""

    state: str
    reason: str
    rows: int
    amount_yen: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day of the merchant; `closed` when nothing about it will change any more."""

    day: date
    totals: tuple[DayTotals, ...] = ()
    closed: bool = False

    def rows(self, *states: str) -> int:
        """How many attempts of that day ended so."""
        return sum(total.rows for total in self.totals if total.state in states)

    def yen(self, *states: str) -> int:
        """Their yen."""
        return sum(total.amount_yen for total in self.totals if total.state in states)


def day_bounds(day: date, *, timezone: str) -> tuple[datetime, datetime]:
    """When a day of the merchant begins, and when the next one does."""
    zone = ZoneInfo(timezone)
    return (
        datetime.combine(day, time(), tzinfo=zone),
        datetime.combine(day + timedelta(days=1), time(), tzinfo=zone),
    )


def day_figures(
    connection: Connection,
    merchant: Merchant,
    *,
    days: Collection[date],
    today: date,
    amounts: Amounts = (None, None),
) -> dict[date, DayFigures]:
    """Figures of the given days; each is one range of the index of attempts by time.

    Only of charges within the amounts.
    """
    found: dict[date, DayFigures] = {}
    ordered = sorted(days)
    for first in range(0, len(ordered), DAYS_AT_ONCE):
        some = ordered[first : first + DAYS_AT_ONCE]
        found |= _figures(connection, merchant, some, today, amounts)
    return found


def few_day_figures(
    connection: Connection,
    merchant: Merchant,
    *,
    first: date,
    last: date,
    narrowing: Narrowing,
) -> list[DayFigures]:
    """The same of a few people's charges, found by these people: days with any, none closed.

    Reasons are left out.
    """
    begins, _ = day_bounds(first, timezone=merchant.timezone)
    _, ends = day_bounds(last, timezone=merchant.timezone)
    statement = (
        select(attempts.c.intended_at, attempts.c.state, attempts.c.amount_yen)
        .select_from(joined_for(narrowing))
        .where(
            own_rows(connection, merchant.id, narrowing),
            *narrowed(connection, merchant.id, narrowing, few=True),
            attempts.c.intended_at >= begins,
            attempts.c.intended_at < ends,
        )
    )
    sums: defaultdict[date, dict[str, tuple[int, int]]] = defaultdict(dict)
    for at, state, yen in connection.execute(statement):
        of_day = sums[civil_date(at=at, timezone=merchant.timezone)]
        rows, sum_yen = of_day.get(state, (0, 0))
        of_day[state] = rows + 1, sum_yen + yen
    return [
        DayFigures(
            day, tuple(DayTotals(state, "", *sums[day][state]) for state in sorted(sums[day]))
        )
        for day in sorted(sums)
    ]


def first_charged_day(connection: Connection, merchant: Merchant) -> date | None:
    """The day of the merchant's first attempt; None before there is one."""
    first = select(func.min(attempts.c.intended_at)).where(attempts.c.merchant_id == merchant.id)
    at = connection.execute(first).scalar()
    return None if at is None else civil_date(at=at, timezone=merchant.timezone)


def months_of_days(figures: Iterable[DayFigures]) -> dict[date, DayFigures]:
    """The same by calendar month, under the first day of each."""
    ordered = sorted(figures, key=lambda each: each.day)
    return {
        first: DayFigures(first, _together(list(group)))
        for first, group in groupby(ordered, key=lambda each: each.day.replace(day=1))
    }


def _together(figures: Sequence[DayFigures]) -> tuple[DayTotals, ...]:
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for total in (total for each in figures for total in each.totals):
        rows, yen = sums.get((total.state, total.reason), (0, 0))
        sums[total.state, total.reason] = rows + total.rows, yen + total.amount_yen
    return tuple(DayTotals(*key, *value) for key, value in sorted(sums.items()))


def _figures(
    connection: Connection,
    merchant: Merchant,
    days: Sequence[date],
    today: date,
    amounts: Amounts,
) -> dict[date, DayFigures]:
    if not days:
        return {}
    reason = func.coalesce(attempts.c.reason_code, "")
    of_amounts = _of_amounts(connection, amounts)
    of_days = [
        select(
            literal_column(str(position)).label("position"),
            attempts.c.state,
            reason.label("reason"),
            func.count().label("rows"),
            func.sum(attempts.c.amount_yen).label("yen"),
        )
        .where(attempts.c.merchant_id == merchant.id, *_within(day, merchant), *of_amounts)
        .group_by(attempts.c.state, reason)
        for position, day in enumerate(days)
    ]
    found: defaultdict[int, list[DayTotals]] = defaultdict(list)
    for position, state, why, rows, yen in connection.execute(union_all(*of_days)):
        found[position].append(DayTotals(state, why, rows, int(yen)))
    return {day: _day(day, found[position], today) for position, day in enumerate(days)}


def _within(day: date, merchant: Merchant) -> tuple[ColumnElement[bool], ...]:
    begins, ends = day_bounds(day, timezone=merchant.timezone)
    return attempts.c.intended_at >= begins, attempts.c.intended_at < ends


def _of_amounts(connection: Connection, amounts: Amounts) -> list[ColumnElement[bool]]:
    least, most = amounts
    amount: ColumnElement[int] = attempts.c.amount_yen
    if connection.dialect.name == "sqlite":
        # So said no index answers it: by that of amounts all days would be looked through.
        amount = literal_column("+attempt.amount_yen", Integer)
    bounds = [] if least is None else [amount >= least]
    return bounds if most is None else [*bounds, amount <= most]


def _day(day: date, totals: Sequence[DayTotals], today: date) -> DayFigures:
    is_over = day < today - timedelta(days=1)
    is_open = any(total.state in OPEN for total in totals)
    return DayFigures(day, tuple(sorted(totals, key=_order)), is_over and not is_open)


def _order(total: DayTotals) -> tuple[str, str]:
    return total.state, total.reason
