"""One month of money by the merchant's days: taken, given back, taken back by banks, and the rest.

A charge counts on the day it was sent, as the charge history lists it; a refund on the day Amazon
said yes; a chargeback on the day it happened. Only the month that is asked for is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from app.web.shell.tables import TABLES
from billing import Merchant, civil_date
from billing.desk import DayFigures, day_bounds

attempts, slots = TABLES["attempt"], TABLES["slot"]
refunds, chargebacks = TABLES["refund"], TABLES["chargeback"]
subscriptions, customers = TABLES["subscription"], TABLES["customer"]

GIVEN_BACK = ("refunded", "by_hand")
IDS_AT_ONCE = 500
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
    connection: Connection, merchant: Merchant, *, first: date, taken: Sequence[DayFigures]
) -> MonthMoney:
    """The figures of the month that begins with `first`; `taken` is what its days brought."""
    days = days_of(first)
    back = returned_by_day(connection, merchant, "refunds", first=days[0], last=days[-1])
    contested = returned_by_day(connection, merchant, "chargebacks", first=days[0], last=days[-1])
    return MonthMoney(
        first,
        tuple(
            (
                each.day,
                Money(
                    each.rows("captured"),
                    each.yen("captured"),
                    back.get(each.day, 0),
                    contested.get(each.day, 0),
                ),
            )
            for each in taken
        ),
    )


def days_of(first: date) -> list[date]:
    """Every day of the month of a date."""
    begin = first.replace(day=1)
    after = (begin + timedelta(days=31)).replace(day=1)
    return [begin + timedelta(days=n) for n in range((after - begin).days)]


def returned(
    connection: Connection,
    merchant: Merchant,
    kind: str,
    *,
    first: date,
    last: date,
    skip: int = 0,
    limit: int | None = None,
) -> tuple[list[Returned], int]:
    """The refunds or the chargebacks of some days, both included, oldest first; yen of all."""
    found = _of_days(connection, merchant, kind, first, last)
    ids = _ids(found)[skip:]
    shown = ids if limit is None else ids[:limit]
    names = _names_of(connection, kind, shown)
    rows = [_returned(names[number], merchant) for number in shown]
    return rows, sum(row.amount_yen for row in found)


def returned_by_day(
    connection: Connection, merchant: Merchant, kind: str, *, first: date, last: date
) -> dict[date, int]:
    """Yen of refunds or chargebacks by the merchant's days; days without any are left out."""
    found: dict[date, int] = {}
    for row in _of_days(connection, merchant, kind, first, last):
        on = _day_of(row.moment, merchant)
        found[on] = found.get(on, 0) + row.amount_yen
    return found


def _of_days(
    connection: Connection, merchant: Merchant, kind: str, first: date, last: date
) -> Sequence[Any]:
    """Moment, row and yen of each, without the names: what the index and little more tells."""
    if kind == "chargebacks":
        on = chargebacks.c.happened_on
        of_days = select(on.label("moment"), chargebacks.c.id, chargebacks.c.amount_yen).where(
            chargebacks.c.merchant_id == merchant.id, on.between(first, last)
        )
        return connection.execute(of_days).all()
    begins, _ = day_bounds(first, timezone=merchant.timezone)
    _, ends = day_bounds(last, timezone=merchant.timezone)
    answered, asked = refunds.c.answered_at, refunds.c.requested_at
    rows: list[Any] = []
    # Asked apart, each is one range of the index; few that were given back have no answer.
    for at, others in ((answered, ()), (asked, (answered.is_(None),))):
        columns = at.label("moment"), refunds.c.id, refunds.c.amount_yen
        chosen = refunds.c.merchant_id == merchant.id, at >= begins, at < ends
        given_back = refunds.c.state.in_(GIVEN_BACK)
        rows += connection.execute(select(*columns).where(*chosen, *others, given_back)).all()
    return rows


def _ids(rows: Sequence[Any]) -> list[int]:
    return [row.id for row in sorted(rows, key=lambda row: (row.moment, row.id))]


def _names_of(connection: Connection, kind: str, ids: Sequence[int]) -> dict[int, Any]:
    table = refunds if kind == "refunds" else chargebacks
    moment: ColumnElement[Any] = (
        func.coalesce(refunds.c.answered_at, refunds.c.requested_at)
        if kind == "refunds"
        else chargebacks.c.happened_on
    )
    number = refunds.c.refund_id if kind == "refunds" else chargebacks.c.case_id
    columns = table.c.id, moment.label("moment"), table.c.amount_yen, table.c.reason
    found: dict[int, Any] = {}
    for begin in range(0, len(ids), IDS_AT_ONCE):
        statement = (
            select(*columns, number.label("number"), *_NAMES)
            .select_from(table.join(attempts, attempts.c.id == table.c.attempt_id).join(*_SLOT))
            .where(table.c.id.in_(ids[begin : begin + IDS_AT_ONCE]))
        )
        found |= {row["id"]: row for row in connection.execute(statement).mappings()}
    return found


def _day_of(moment: date, merchant: Merchant) -> date:
    if isinstance(moment, datetime):
        return civil_date(at=moment, timezone=merchant.timezone)
    return moment


def _returned(row: Any, merchant: Merchant) -> Returned:
    values = {name: value for name, value in row.items() if name != "id"}
    return Returned(on=_day_of(values.pop("moment"), merchant), **values)


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
