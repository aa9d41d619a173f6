"""What an agreement is worth by the month, and each event that changed what all are worth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    and_,
    case,
    func,
    literal_column,
    not_,
    or_,
    select,
)

from billing.catalogue.monthly import monthly_yen
from billing.dates import civil_date
from billing.store.merchants import Merchant
from billing.store.rows import Row, among, fetch, table_of
from billing.tables import (
    InvoiceLineRow,
    InvoiceRow,
    PlanRow,
    PriceRow,
    SubscriptionEventRow,
    SubscriptionRow,
)

__all__ = ["PAYING", "Change", "load_changes", "monthly_yen"]

subscriptions = table_of(SubscriptionRow)
events = table_of(SubscriptionEventRow)
prices = table_of(PriceRow)
plan_table = table_of(PlanRow)
invoices = table_of(InvoiceRow)
lines = table_of(InvoiceLineRow)

PAYING = ("active", "past_due")


@dataclass(frozen=True, slots=True)
class Change:
    """By how much events of a month moved what all agreements are worth, and how many there are."""

    month: int
    kind: str
    yen: Fraction
    agreements: int


@dataclass(frozen=True, slots=True)
class _Terms:
    """What an agreement was on: a row of a price, and seats."""

    price_id: int
    quantity: int


def load_changes(
    connection: Connection, merchant: Merchant, *, begins: Sequence[datetime]
) -> list[Change]:
    """What moved the value or the number of agreements, by the months that begin then.

    Agreements whose terms never changed meanwhile are summed by the database; the others are
    walked through event by event.
    """
    values = _Values(connection, merchant)
    by_owner: dict[int, list[Row]] = {}
    for row in fetch(connection, _events_of_changed(merchant, begins)):
        by_owner.setdefault(row["subscription_id"], []).append(row)
    days = {
        owner: civil_date(at=next(filter(_is_change, rows))["at"], timezone=merchant.timezone)
        for owner, rows in by_owner.items()
    }
    first = values.first_terms(connection, days)
    walked = [
        change
        for owner, rows in by_owner.items()
        for change in _of_owner(rows, first.get(owner), values)
    ]
    summed = fetch(connection, _sums_of_unchanged(merchant, begins))
    return [*walked, *(change for row in summed for change in _of_sum(row, values))]


def _of_sum(row: Row, values: _Values) -> Iterator[Change]:
    kind = _movement(row)
    if kind is not None:
        sign = 1 if kind in ("new", "resumed") else -1
        yen = values.monthly_of_many(row["price_id"], row["agreements"], int(row["seats"]))
        yield Change(row["month"], kind, sign * yen, sign * row["agreements"])


def _of_owner(rows: Sequence[Row], first: _Terms | None, values: _Values) -> Iterator[Change]:
    """Walk through the events of one agreement; unchanged ones are worth what they are now."""
    now = _Terms(rows[0]["price_id"], rows[0]["quantity"])
    terms = first or now
    for row in rows:
        if _is_change(row):
            before, terms = terms, values.after(terms, row)
            if row["state_after"] in PAYING:
                moved = values.monthly(terms) - values.monthly(before)
                yield Change(row["month"], "changed", moved, 0)
            continue
        kind = _movement(row)
        if kind is not None:
            sign = 1 if kind in ("new", "resumed") else -1
            yield Change(row["month"], kind, sign * values.monthly(terms), sign)


def _movement(row: Row) -> str | None:
    before, after = row["state_before"] in PAYING, row["state_after"] in PAYING
    if row["kind"] == "imported":
        return "new" if after else None
    if after and not before:
        return "resumed" if row["state_before"] == "paused" else "new"
    if before and not after:
        return "canceled" if row["state_after"] == "canceled" else "paused"
    return None


def _is_change(row: Row) -> bool:
    return bool(row["kind"] == "terms_changed")


def _within(merchant: Merchant, begins: Sequence[datetime]) -> tuple[ColumnElement[bool], ...]:
    return events.c.merchant_id == merchant.id, events.c.at >= begins[0]


def _month(begins: Sequence[datetime]) -> ColumnElement[int]:
    """The position of the month that an event lies in."""
    month: ColumnElement[int] = literal_column(str(len(begins) - 1))
    for position in range(len(begins) - 1, 0, -1):
        earlier: ColumnElement[int] = literal_column(str(position - 1))
        month = case((events.c.at < begins[position], earlier), else_=month)
    return month


def _changed(merchant: Merchant, begins: Sequence[datetime]) -> Select[tuple[int]]:
    """Agreements whose terms were changed meanwhile."""
    return select(events.c.subscription_id).where(
        *_within(merchant, begins), events.c.kind == "terms_changed"
    )


def _moves() -> ColumnElement[bool]:
    """The event takes an agreement into what counts, or out of it."""
    before, after = events.c.state_before.in_(PAYING), events.c.state_after.in_(PAYING)
    return or_(and_(before, not_(after)), and_(after, not_(before)), events.c.kind == "imported")


def _events_of_changed(merchant: Merchant, begins: Sequence[datetime]) -> Select[Any]:
    return (
        select(
            _month(begins).label("month"),
            events.c.subscription_id,
            events.c.at,
            events.c.kind,
            events.c.state_before,
            events.c.state_after,
            events.c.body,
            subscriptions.c.price_id,
            subscriptions.c.quantity,
        )
        .join(subscriptions, subscriptions.c.id == events.c.subscription_id)
        .where(*_within(merchant, begins), or_(_moves(), events.c.kind == "terms_changed"))
        .where(events.c.subscription_id.in_(_changed(merchant, begins)))
        .order_by(events.c.id)
    )


def _sums_of_unchanged(merchant: Merchant, begins: Sequence[datetime]) -> Select[Any]:
    keys = (events.c.kind, events.c.state_before, events.c.state_after, subscriptions.c.price_id)
    month = _month(begins)
    return (
        select(
            month.label("month"),
            *keys,
            func.count().label("agreements"),
            func.sum(subscriptions.c.quantity).label("seats"),
        )
        .join(subscriptions, subscriptions.c.id == events.c.subscription_id)
        .where(*_within(merchant, begins), _moves())
        .where(events.c.subscription_id.not_in(_changed(merchant, begins)))
        .group_by("month", *keys)
    )


class _Values:
    """The merchant's prices, each with its worth by the month."""

    def __init__(self, connection: Connection, merchant: Merchant) -> None:
        statement = (
            select(prices, plan_table.c.code)
            .join(plan_table, plan_table.c.id == prices.c.plan_id)
            .where(prices.c.merchant_id == merchant.id)
        )
        self._prices: Mapping[int, Row] = {row["id"]: row for row in fetch(connection, statement)}
        self._by_name = {
            f"{row['code']}@{row['valid_from'].isoformat()}": row["id"]
            for row in self._prices.values()
        }

    def monthly(self, terms: _Terms) -> Fraction:
        """What these terms are worth by the month."""
        return self.monthly_of_many(terms.price_id, 1, terms.quantity)

    def monthly_of_many(self, price_id: int, agreements: int, seats: int) -> Fraction:
        """What so many agreements on one price are worth by the month, with all their seats."""
        price = self._prices[price_id]
        return monthly_yen(
            amount_yen=price["amount_yen"],
            interval_unit=price["interval_unit"],
            interval_count=price["interval_count"],
            quantity=seats if price["per_seat"] else agreements,
        )

    def after(self, terms: _Terms, row: Row) -> _Terms:
        """The terms that an event leaves; one about something else leaves them as they are."""
        change: Mapping[str, Any] = json.loads(row["body"])["fact"]["change"]
        if "price_ref" in change:
            return replace(terms, price_id=self._by_name[change["price_ref"]])
        if "quantity" in change:
            return replace(terms, quantity=change["quantity"])
        return terms

    def first_terms(self, connection: Connection, days: Mapping[int, date]) -> dict[int, _Terms]:
        """What agreements were on before the change of a day: by the last invoice before it.

        Without one the first invoice counts; without any an agreement is left out, as if it had
        begun with what it is on now.
        """
        if not days:
            return {}
        statement = (
            select(
                invoices.c.subscription_id,
                invoices.c.issued_on,
                invoices.c.price_id,
                lines.c.quantity,
            )
            .join(lines, lines.c.invoice_id == invoices.c.id)
            .where(among(connection, invoices.c.subscription_id, days))
            .where(invoices.c.purpose == "renewal", lines.c.position == _plan_line(invoices.c.id))
            .where(invoices.c.price_id.is_not(None))
            .order_by(invoices.c.cycle)
        )
        found: dict[int, _Terms] = {}
        for row in fetch(connection, statement):
            owner = row["subscription_id"]
            if owner not in found or row["issued_on"] < days[owner]:
                found[owner] = _Terms(row["price_id"], row["quantity"])
        return found


def _plan_line(invoice_id: Column[int]) -> ScalarSelect[int]:
    """The first line of an invoice: that of the plan itself, add-ons come after it."""
    first = lines.alias("first")
    return (
        select(func.min(first.c.position)).where(first.c.invoice_id == invoice_id).scalar_subquery()
    )
