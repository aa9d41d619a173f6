"""One line of an invoice: an amount, and the words that explain it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plans.calendar import Period
from plans.errors import BadInput
from plans.tax_category import TaxCategory

__all__ = ["PLAN_KINDS", "Line", "LineKind"]


class LineKind(StrEnum):
    """Why a line is on the invoice, in the order they stand there."""

    PLAN = "plan"  # the price of a cycle
    FIRST_CYCLE = "first_cycle"  # the different price of the first paid cycle (初回価格)
    CYCLE_PRICE = "cycle_price"  # the different price of a later cycle (n回目価格)
    FREE_DAYS = "free_days"  # in place of these: days before the first fixed day, for 0 yen
    SETUP_FEE = "setup_fee"  # once, with the first paid cycle (初期費用)
    ADD_ON = "add_on"  # an option of the plan, each cycle or once
    USAGE = "usage"  # what was used in the cycle before, in arrears
    USAGE_LATE = "usage_late"  # a correction of a cycle whose use was invoiced already
    GIFT = "gift"  # comes with the nth cycle for 0 yen
    DISCOUNT = "discount"  # a coupon's part of one tax category, negative


PLAN_KINDS = frozenset(
    {LineKind.PLAN, LineKind.FIRST_CYCLE, LineKind.CYCLE_PRICE, LineKind.FREE_DAYS}
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `amount_yen` is always `quantity` × `unit_yen` (negative for a credit)."""

    kind: LineKind
    description_ja: str
    description_en: str
    quantity: int
    unit_yen: int
    amount_yen: int
    tax_category: TaxCategory
    period: Period

    def __post_init__(self) -> None:
        if self.amount_yen != self.quantity * self.unit_yen:
            raise BadInput(
                field="amount_yen",
                value=self.amount_yen,
                rule=f"a line's amount is {self.quantity} × {self.unit_yen} yen",
                remedy="make the line from its quantity and unit price",
            )
