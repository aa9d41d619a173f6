"""The nth paid cycle of a subscriber of a price list: its days, its price, its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from app.calc.catalogue_reading import (
    QUANTITY_MOST,
    blamed_on,
    dated,
    price_agreed_to,
    price_list,
)
from app.calc.reading import Input
from plans import (
    AddOnInForce,
    Anchor,
    BadInput,
    Catalogue,
    CouponInForce,
    FirstPeriod,
    Line,
    Period,
    Plan,
    Price,
    PriceRef,
    Side,
    Terms,
    UsageCharge,
    check_quantity,
    cycle_lines,
    cycle_period,
    cycle_start,
    discount_lines,
    first_period_charge,
    plan_anchor,
)

__all__ = ["CYCLE_MOST", "Agreement", "Cycle"]

# Twenty-seven years of days; the calendar ends earlier for longer cycles.
CYCLE_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Cycle:
    """The nth paid cycle: the days it is charged for, lying in the nominal ones."""

    plan: Plan
    price: Price
    quantity: int
    nth: int
    nominal: Period
    days: Period

    def lines(
        self, *, add_ons: Sequence[AddOnInForce] = (), usage: Sequence[UsageCharge] = ()
    ) -> tuple[Line, ...]:
        """List what is sold, before any coupon."""
        found = cycle_lines(
            plan=self.plan,
            price=self.price,
            quantity=self.quantity,
            cycle=self.nth,
            first_cycle=1,
            period=self.days,
            add_ons=add_ons,
            usage=usage,
        )
        return found if self.days == self.nominal else (self._partial(found[0]), *found[1:])

    def discounts(
        self, sold: Sequence[Line], redeemed: Sequence[CouponInForce]
    ) -> tuple[Line, ...]:
        """List what the coupons that are live in this cycle take off; raises CouponsDoNotStack."""
        code = self.plan.code
        live = [each.coupon for each in redeemed if each.is_live and each.coupon.is_for(code)]
        return discount_lines(lines=sold, coupons=live, period=self.days)

    def _partial(self, line: Line) -> Line:
        """Price the days before the first fixed day by the plan's `first_period`."""
        side = Side(line.unit_yen, line.quantity)
        names = self.plan.name_ja, self.plan.name_en
        first = first_period_charge(
            cycle=self.nominal,
            starts_on=self.days.start,
            terms=Terms(side, self.price.interval, line.tax_category, *names),
            setting=self.plan.first_period,
        )
        return replace(
            line,
            description_ja=f"{line.description_ja} {first.explain_ja}",
            description_en=f"{line.description_en}. {first.explain_en}",
            quantity=1,
            unit_yen=first.amount_yen,
            amount_yen=first.amount_yen,
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a subscriber agreed to, when, and the calendar that follows from it."""

    catalogue: Catalogue
    agreed: Price
    started_on: date
    paid_from: date
    quantity: int
    anchor: Anchor

    @classmethod
    def read(cls, request: Input, *, on_key: str) -> Agreement:
        catalogue = price_list(request)
        started_on = dated(request, on_key)
        agreed = price_agreed_to(request, catalogue, on_key=on_key)
        quantity = request.whole("quantity", least=1, most=QUANTITY_MOST, default=1)
        with blamed_on("quantity"):
            check_quantity(price=agreed, quantity=quantity)
        paid_from = agreed.paid_from(started_on)
        plan = catalogue.plan(agreed.plan_code)
        anchor = plan_anchor(plan=plan, interval=agreed.interval, paid_from=paid_from)
        return cls(catalogue, agreed, started_on, paid_from, quantity, anchor)

    @property
    def _free_before(self) -> int:
        """Count the cycle that is only free days before the first fixed day: it is no paid one."""
        free = self.catalogue.plan(self.agreed.plan_code).first_period is FirstPeriod.FREE
        starts = cycle_start(anchor=self.anchor, interval=self.agreed.interval, cycle=0)
        return int(free and starts < self.paid_from)

    def cycle(self, nth: int) -> Cycle:
        """Give the nth paid cycle, none skipped or paused; raises BadInput past the calendar."""
        number = nth - 1 + self._free_before
        nominal = cycle_period(anchor=self.anchor, interval=self.agreed.interval, cycle=number)
        days = Period(max(nominal.start, self.paid_from), nominal.end)
        price = self.catalogue.price_agreed(
            PriceRef(self.agreed.plan_code, self.agreed.valid_from),
            subscribed_on=self.started_on,
            on=days.start,
        )
        check_quantity(price=price, quantity=self.quantity)
        if price.interval != self.agreed.interval:
            raise BadInput(
                field="cycle",
                value=nth,
                rule=f"a migration moves this cycle to a price {price.interval.text_en}",
                remedy="ask with the new plan and the day it starts as started_on",
            )
        plan = self.catalogue.plan(price.plan_code)
        return Cycle(plan, price, self.quantity, nth, nominal, days)
