"""Whom a price migration moves: their yen before and after, and the first day of the new price.

The engine's own steps say it (`terms_in_force`), here asked for all subscribers of a price at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Select, func, select

from billing.catalogue.monthly import monthly_yen
from billing.catalogue.price_moves import PriceMoves, load_price_moves, terms_in_force
from billing.catalogue.terms import Terms, terms_of
from billing.deliveries import announcement_of
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import NoticeRow, PlanRow, PriceRow, SubscriptionRow
from plans import PriceMigration, PriceRef, cycle_on_or_after, cycle_start

__all__ = ["PricePayer", "monthly_change", "price_payers", "told_of"]

subscriptions = table_of(SubscriptionRow)
prices = table_of(PriceRow)
plan_table = table_of(PlanRow)
notices = table_of(NoticeRow)

_ENDED = ("canceled", "pending")
_COLUMNS = (
    *("id", "external_id", "price_id", "quantity", "state", "started_on", "next_cycle"),
    *("anchor_year", "anchor_month", "anchor_day", "cancel_at_period_end"),
)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PricePayer:
    """A subscription that a migration moves: whole yen of a cycle, and the first cycle's day."""

    id: int
    name: str
    state: str
    quantity: int
    old_yen: int
    new_yen: int
    monthly: Fraction
    first_on: date


@dataclass(slots=True)
class _Costs:
    """What cycles cost, asked once for each price, quantity and day of the move."""

    migration: PriceMigration
    moves: PriceMoves
    known: dict[tuple[int, int, date, date], tuple[int, int, Fraction] | None] = field(
        default_factory=dict
    )

    def of(self, row: Row, agreed: Terms, moves_on: date) -> tuple[int, int, Fraction] | None:
        """Yen before and after and the change a month; None for whom another migration moves."""
        key = row["price_id"], row["quantity"], row["started_on"], moves_on
        if key not in self.known:
            self.known[key] = self._asked(row, agreed, moves_on)
        return self.known[key]

    def _asked(self, row: Row, agreed: Terms, moves_on: date) -> tuple[int, int, Fraction] | None:
        old, new = (
            terms_in_force(agreed=agreed, moves=self.moves, subscribed_on=row["started_on"], on=on)
            for on in (moves_on - _ONE_DAY, moves_on)
        )
        if _ref(old) != self.migration.old or _ref(new) != self.migration.new:
            return None
        quantity = row["quantity"]
        change = _worth(new, quantity) - _worth(old, quantity)
        old_yen, new_yen = (each.price.cycle_yen(quantity=quantity) for each in (old, new))
        return old_yen, new_yen, change


def price_payers(
    connection: Connection, merchant: Merchant, migration: PriceMigration
) -> list[PricePayer]:
    """List whom a stored migration moves; who keeps the old price or leaves before is no part.

    Raises as `terms_in_force` does.
    """
    moves = load_price_moves(connection, merchant.id)
    agreed = {
        number: terms
        for number, terms in _terms(connection, merchant).items()
        if migration in moves.chain(terms)
    }
    costs = _Costs(migration, moves)
    rows = fetch(connection, _rows(merchant, list(agreed)))
    return [payer for row in rows for payer in _payer(row, agreed[row["price_id"]], costs)]


def monthly_change(payers: list[PricePayer]) -> Fraction:
    """By how much these are worth more or less a month."""
    return sum((payer.monthly for payer in payers), Fraction(0))


def told_of(connection: Connection, merchant: Merchant, migration: PriceMigration) -> int:
    """How many customers have a notice of this migration."""
    step = f"/price_change/{announcement_of(connection, merchant, migration)}"
    key = subscriptions.c.external_id + step
    statement = (
        select(func.count())
        .select_from(subscriptions)
        .join(
            notices,
            (notices.c.merchant_id == subscriptions.c.merchant_id) & (notices.c.dedup_key == key),
        )
        .where(subscriptions.c.merchant_id == merchant.id)
    )
    return int(connection.execute(statement).scalar_one())


def _payer(row: Row, agreed: Terms, costs: _Costs) -> Iterator[PricePayer]:
    moves_on = costs.migration.moves_on(subscribed_on=row["started_on"])
    if moves_on is None:
        return
    found = costs.of(row, agreed, moves_on)
    if found is None:
        return
    old_yen, new_yen, monthly = found
    first_on = _first_on(row, agreed, moves_on)
    if row["cancel_at_period_end"] and row["state"] != "paused":
        return  # it ends with the period that is paid
    yield PricePayer(
        id=row["id"],
        name=row["external_id"],
        state=row["state"],
        quantity=row["quantity"],
        old_yen=old_yen,
        new_yen=new_yen,
        monthly=monthly,
        first_on=first_on,
    )


def _first_on(row: Row, agreed: Terms, moves_on: date) -> date:
    """The first day of the first cycle that is not begun and lies on the day or after it."""
    anchor = agreed.anchor(row["anchor_year"], row["anchor_month"], row["anchor_day"])
    interval = agreed.price.interval
    cycle = cycle_on_or_after(anchor=anchor, interval=interval, on=moves_on)
    return cycle_start(anchor=anchor, interval=interval, cycle=max(cycle, row["next_cycle"]))


def _rows(merchant: Merchant, price_ids: list[int]) -> Select[Any]:
    return (
        select(*(subscriptions.c[name] for name in _COLUMNS))
        .where(subscriptions.c.merchant_id == merchant.id)
        .where(subscriptions.c.price_id.in_(price_ids), subscriptions.c.state.not_in(_ENDED))
        .order_by(subscriptions.c.id)
    )


def _terms(connection: Connection, merchant: Merchant) -> Mapping[int, Terms]:
    statement = (
        select(prices.c.id)
        .join(plan_table, plan_table.c.id == prices.c.plan_id)
        .where(plan_table.c.merchant_id == merchant.id)
    )
    return terms_of(connection, connection.execute(statement).scalars().all())


def _worth(terms: Terms, quantity: int) -> Fraction:
    interval = terms.price.interval
    return monthly_yen(
        amount_yen=terms.price.cycle_yen(quantity=quantity),
        interval_unit=str(interval.unit),
        interval_count=interval.count,
        quantity=1,
    )


def _ref(terms: Terms) -> PriceRef:
    return PriceRef(terms.plan.code, terms.price.valid_from)
