"""Plans and prices as stored, read back as the values of `plans`."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, select

from billing.store.rows import Row, fetch, table_of
from billing.tables import PlanRow, PriceRow
from plans import (
    Anchor,
    AnchorRule,
    Interval,
    Plan,
    Price,
    TaxCategory,
    Unit,
    UsageTerms,
    price_from_text,
)

prices = table_of(PriceRow)
plan_table = table_of(PlanRow)


@dataclass(frozen=True, slots=True)
class Terms:
    """What one price means: the plan's words and the price's arithmetic."""

    plan: Plan
    price: Price

    def anchor(self, year: int, month: int, day: int) -> Anchor:
        """The anchor of a subscription to these terms."""
        return Anchor(year, month, day, self.plan.anchor_rule)


def terms_of(connection: Connection, price_ids: Iterable[int]) -> dict[int, Terms]:
    """Terms by price id."""
    return _found(connection, prices.c.id.in_(sorted(price_ids)))


def terms_of_merchant(connection: Connection, merchant_id: str) -> dict[int, Terms]:
    """Terms of all prices of a merchant, by price id."""
    return _found(connection, prices.c.merchant_id == merchant_id)


def _found(connection: Connection, chosen: ColumnElement[bool]) -> dict[int, Terms]:
    words = (plan_table.c.code, plan_table.c.name_ja, plan_table.c.name_en, plan_table.c.dunning)
    statement = (
        select(prices, *words)
        .join(plan_table, plan_table.c.id == prices.c.plan_id)
        .where(chosen)
        .order_by(prices.c.id)
    )
    return {row["id"]: _terms(row) for row in fetch(connection, statement)}


def _terms(row: Row) -> Terms:
    plan = Plan(
        code=row["code"],
        name_ja=row["name_ja"],
        name_en=row["name_en"],
        anchor_rule=AnchorRule(row["anchor_rule"]),
        dunning=row["dunning"],
    )
    usage = None
    if row["usage_meter"] is not None:
        usage = UsageTerms(
            meter=row["usage_meter"],
            included=row["usage_included"],
            unit_price=Decimal(row["usage_unit_price"]),
        )
    price = Price(
        plan_code=row["code"],
        valid_from=row["valid_from"],
        amount_yen=row["amount_yen"],
        tax_category=TaxCategory(row["tax_category"]),
        interval=Interval(Unit(row["interval_unit"]), row["interval_count"]),
        per_seat=row["per_seat"],
        trial_days=row["trial_days"],
        minimum_cycles=row["minimum_cycles"],
        first_amount_yen=row["first_amount_yen"],
        physical=row["physical"],
        usage=usage,
    )
    return Terms(*price_from_text(plan, price, row["terms"]))
