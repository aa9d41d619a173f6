"""The lines of one cycle: what is charged and, by the same arithmetic, the words that explain it.

Amounts are whole yen with tax included. Free trial time is not a cycle and makes no line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plans.calendar import Period
from plans.catalogue import Plan, Price, TaxCategory
from plans.errors import BadInput

__all__ = ["Line", "LineKind", "check_quantity", "cycle_lines"]


class LineKind(StrEnum):
    """Why a line is on the invoice."""

    PLAN = "plan"  # the price of a cycle
    FIRST_CYCLE = "first_cycle"  # the different price of the first paid cycle (初回価格)


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


def cycle_lines(
    *, plan: Plan, price: Price, quantity: int, cycle: int, first_cycle: int, period: Period
) -> tuple[Line, ...]:
    """Price one paid cycle of a subscription.

    `first_cycle` is the number of the subscription's first paid cycle, the one that may have a
    price of its own. Raises BadInput for a quantity the price does not allow, or when `cycle`
    lies before `first_cycle`.
    """
    check_quantity(price=price, quantity=quantity)
    if cycle < first_cycle:
        raise BadInput(
            field="cycle",
            value=cycle,
            rule=f"the first paid cycle is number {first_cycle}",
            remedy="ask for that cycle or a later one",
        )
    if cycle == first_cycle and price.first_amount_yen is not None:
        return (_line(LineKind.FIRST_CYCLE, plan, price, price.first_amount_yen, quantity, period),)
    return (_line(LineKind.PLAN, plan, price, price.amount_yen, quantity, period),)


def check_quantity(*, price: Price, quantity: int) -> None:
    """Refuse a quantity the price does not allow: seats start at 1, a flat plan is sold once.

    A quantity on a flat plan is refused, not ignored: charging it once may lose the merchant
    money, multiplying may take too much from the customer.
    """
    if quantity < 1:
        raise BadInput(
            field="quantity",
            value=quantity,
            rule="at least 1 is sold",
            remedy="give a whole number from 1 up",
        )
    if quantity > 1 and not price.per_seat:
        raise BadInput(
            field="quantity",
            value=quantity,
            rule=f"plan {price.plan_code!r} is not sold per seat",
            remedy="use quantity 1, or set per_seat: true in the price list",
        )


def _line(
    kind: LineKind, plan: Plan, price: Price, unit_yen: int, quantity: int, period: Period
) -> Line:
    mark_ja, mark_en = (
        ("(初回価格)", " (first-cycle price)") if kind is not LineKind.PLAN else ("", "")
    )
    seats_ja, seats_en = (f" {quantity}席", _seats_en(quantity)) if price.per_seat else ("", "")
    return Line(
        kind=kind,
        description_ja=f"{plan.name_ja}{mark_ja}{seats_ja} {period.text_ja}",
        description_en=f"{plan.name_en}{mark_en}{seats_en}, {period.text_en}",
        quantity=quantity,
        unit_yen=unit_yen,
        amount_yen=unit_yen * quantity,
        tax_category=price.tax_category,
        period=period,
    )


def _seats_en(quantity: int) -> str:
    return ", 1 seat" if quantity == 1 else f", {quantity} seats"
