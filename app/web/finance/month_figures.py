"""One month of money by the merchant's days: taken, given back, taken back by banks, and the rest.

A charge counts on the day it was sent, as the charge history lists it; a refund on the day Amazon
said yes; a chargeback on the day it happened. Only the month that is asked for is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from app.web.shell.tables import TABLES
from billing import Merchant, civil_date
from billing.desk import day_bounds, day_figures

attempts, slots = TABLES["attempt"], TABLES["slot"]
refunds, chargebacks = TABLES["refund"], TABLES["chargeback"]
subscriptions, customers = TABLES["subscription"], TABLES["customer"]

GIVEN_BACK = ("refunded", "by_hand")
KINDS = ("refunds", "chargebacks")
FIGURES = ("charges", "captured_yen", "refunded_yen", "charged_back_yen", "net_yen")


@dataclass(frozen=True, slots=True)
class Money:
    """One day, or a sum of days; yen are whole, `charges` counts captured ones."""

    charges: int = 0
    captured_yen: int = 0
    refunded_yen: int = 0
    charged_back_yen: int = 0

    @property
    def net_yen(self) -> int:
        """What is left, before Amazon's fees; below 0 when more went back than came in."""
        return self.captured_yen - self.refunded_yen - self.charged_back_yen


@dataclass(frozen=True, slots=True)
class MonthMoney:
    """Every day of a month, in order, and their sum."""

    first: date
    days: tuple[tuple[date, Money], ...]

    @property
    def last(self) -> date:
        """The month's last day."""
        return self.days[-1][0]

    @property
    def total(self) -> Money:
        """The sum of all days, figure by figure."""
        each = [money for _, money in self.days]
        return Money(
            sum(money.charges for money in each),
            sum(money.captured_yen for money in each),
            sum(money.refunded_yen for money in each),
            sum(money.charged_back_yen for money in each),
        )


@dataclass(frozen=True, slots=True)
class Returned:
    """A refund or a chargeback of one charge; `on` is the merchant's date."""

    on: date
    attempt_id: int
    customer_name: str
    subscription: str
    amount_yen: int
    reason: str
    number: str | None


def month_money(
    connection: Connection, merchant: Merchant, *, first: date, today: date
) -> MonthMoney:
    """The figures of the month that begins with `first`."""
    days = days_of(first)
    taken = day_figures(connection, merchant, days=days, today=today)
    back = _by_day(returned(connection, merchant, "refunds", first=days[0], last=days[-1]))
    contested = _by_day(returned(connection, merchant, "chargebacks", first=days[0], last=days[-1]))
    return MonthMoney(
        first,
        tuple(
            (
                day,
                Money(
                    taken[day].rows("captured"),
                    taken[day].yen("captured"),
                    back.get(day, 0),
                    contested.get(day, 0),
                ),
            )
            for day in days
        ),
    )


def days_of(first: date) -> list[date]:
    """Every day of the month of a date."""
    begin = first.replace(day=1)
    after = (begin + timedelta(days=31)).replace(day=1)
    return [begin + timedelta(days=n) for n in range((after - begin).days)]


def returned(
    connection: Connection, merchant: Merchant, kind: str, *, first: date, last: date
) -> list[Returned]:
    """The refunds or the chargebacks of some days, both included, oldest first."""
    statement = (_refunds if kind == "refunds" else _chargebacks)(merchant, first, last)
    return [_returned(row, merchant) for row in connection.execute(statement).mappings()]


def _refunds(merchant: Merchant, first: date, last: date) -> Select[Any]:
    begins, _ = day_bounds(first, timezone=merchant.timezone)
    _, ends = day_bounds(last, timezone=merchant.timezone)
    at = func.coalesce(refunds.c.answered_at, refunds.c.requested_at)
    columns = (at.label("moment"), refunds.c.amount_yen, refunds.c.reason)
    return (
        select(*columns, refunds.c.refund_id.label("number"), *_NAMES)
        .select_from(refunds.join(attempts, attempts.c.id == refunds.c.attempt_id).join(*_SLOT))
        .where(refunds.c.merchant_id == merchant.id, refunds.c.state.in_(GIVEN_BACK))
        .where(at >= begins, at < ends)
        .order_by(at, refunds.c.id)
    )


def _chargebacks(merchant: Merchant, first: date, last: date) -> Select[Any]:
    on: ColumnElement[date] = chargebacks.c.happened_on
    columns = (on.label("moment"), chargebacks.c.amount_yen, chargebacks.c.reason)
    origin = chargebacks.join(attempts, attempts.c.id == chargebacks.c.attempt_id).join(*_SLOT)
    return (
        select(*columns, chargebacks.c.case_id.label("number"), *_NAMES)
        .select_from(origin)
        .where(chargebacks.c.merchant_id == merchant.id, on.between(first, last))
        .order_by(on, chargebacks.c.id)
    )


def _returned(row: Any, merchant: Merchant) -> Returned:
    values = dict(row)
    moment = values.pop("moment")
    is_instant = isinstance(moment, datetime)
    on = civil_date(at=moment, timezone=merchant.timezone) if is_instant else moment
    return Returned(on=on, **values)


def _by_day(rows: Sequence[Returned]) -> dict[date, int]:
    found: dict[date, int] = {}
    for row in rows:
        found[row.on] = found.get(row.on, 0) + row.amount_yen
    return found


_NAMES = (
    attempts.c.id.label("attempt_id"),
    customers.c.name.label("customer_name"),
    subscriptions.c.external_id.label("subscription"),
)
_SLOT = (
    slots.join(subscriptions, subscriptions.c.id == slots.c.subscription_id).join(
        customers, customers.c.id == subscriptions.c.customer_id
    ),
    slots.c.id == attempts.c.slot_id,
)
