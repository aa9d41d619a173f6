"""Time that was paid for, and what is given back when a part of it will not be used.

Every change inside a cycle closes the piece of paid time that was running and opens the next one,
so a second change credits what the first one charged, never the first price again and never only
the difference. What was not paid gives nothing back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from plans.calendar import Interval, Period
from plans.errors import BadInput
from plans.proration.rule import (
    ProrationRule,
    Side,
    cycle_divisor,
    days_price,
    days_price_without_lid,
)
from plans.proration.words import Share
from plans.rounding import Rounding, divide_yen
from plans.tax_category import TaxCategory

__all__ = ["PaidTime", "SameDay", "Terms", "days_share", "unused_share"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed: price and units of a cycle, its length, and how consumption tax sees it."""

    side: Side
    interval: Interval
    tax_category: TaxCategory = TaxCategory.STANDARD
    name_ja: str = ""
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class SameDay:
    """What already changed on the day a piece began, so that undoing it costs nothing.

    `net_yen` is what the day's changes come to, `taken_yen` what was really taken for them (the
    two differ when a credit was forfeited), `credited_yen` what the piece `before` gave back.
    """

    before: PaidTime
    credited_yen: int
    net_yen: int
    taken_yen: int


@dataclass(frozen=True, slots=True)
class PaidTime:
    """Days from `starts_on` to the end of `cycle`, and the yen paid for exactly these days.

    `paid_yen` is after discounts and counts credit that was used; 0 while nothing was paid.
    `pending_yen` is how much of the cycle's changes waits on the next invoice: what a later
    change gives back is taken off that first, for it was never received. `cycle` is the whole
    nominal cycle, also when the first one began in its middle.
    """

    cycle: Period
    starts_on: date
    terms: Terms
    paid_yen: int
    pending_yen: int = 0
    same_day: SameDay | None = None

    def __post_init__(self) -> None:
        if self.starts_on not in self.cycle:
            raise BadInput(
                field="starts_on",
                value=self.starts_on.isoformat(),
                rule=f"paid time starts in its cycle, {self.cycle.text_en}",
                remedy="give a date in it",
            )
        if not 0 <= self.paid_yen <= self.terms.side.cycle_yen:
            raise BadInput(
                field="paid_yen",
                value=self.paid_yen,
                rule="what was paid lies between 0 and the price of a cycle, "
                f"{self.terms.side.cycle_yen} yen",
                remedy="give the amount after discounts, without other lines",
            )

    @classmethod
    def of_cycle(cls, *, cycle: Period, terms: Terms, paid_yen: int | None = None) -> PaidTime:
        """Make a whole cycle's; without `paid_yen` its price was paid."""
        paid = terms.side.cycle_yen if paid_yen is None else paid_yen
        return cls(cycle, cycle.start, terms, paid)

    @property
    def days(self) -> Period:
        """The days that were paid for."""
        return Period(self.starts_on, self.cycle.end)

    def without_payment(self, *, yen: int) -> PaidTime:
        """Give the piece as it is when the charge of so many yen for it failed.

        Raises BadInput for more than was paid.
        """
        day = self.same_day
        if day is not None:
            day = replace(day, net_yen=day.net_yen - yen, taken_yen=day.taken_yen - yen)
        return replace(self, paid_yen=self.paid_yen - yen, same_day=day)


def unused_share(held: PaidTime, *, on: date, rule: ProrationRule) -> Share:
    """Work out what the days from `on` to the cycle's end give back, rounded by the credit's rule.

    A piece paid in full gives its price back day by day, a discounted one what was paid, spread
    over its days. Never more than was paid for those days, counted up to the whole yen: a rate
    rounded up could otherwise hand out money that was never taken.
    """
    bought, unused = held.days.days, (held.cycle.end - on).days
    side, paid_yen, rounding = held.terms.side, held.paid_yen, rule.credit_rounding
    if unused == bought:  # Not a day of it was used, so all of it comes back.
        return Share(
            side, unused, bought, rule.round_at, rounding, paid_yen, False, paid_yen, whole=True
        )
    base_yen, days = _credit_base(held, rule)
    bare_yen = days_price_without_lid(base_yen, unused, days, rule.round_at, rounding)
    # Counted as the convention counts: with a divisor of 30, the 31st is free.
    most = cycle_divisor(held.cycle, rule)
    lid_yen = divide_yen(paid_yen * min(unused, most), min(bought, most), Rounding.CEIL)
    amount_yen = min(bare_yen, lid_yen)
    shown_yen = None if base_yen == side.cycle_yen else base_yen
    capped = amount_yen < bare_yen
    return Share(side, unused, days, rule.round_at, rounding, amount_yen, capped, shown_yen)


def days_share(side: Side, *, cycle: Period, on: date, rule: ProrationRule) -> Share:
    """Price the days from `on` to the cycle's end; from its first day on, the whole price."""
    left = (cycle.end - on).days
    if on == cycle.start:
        return Share(
            side, left, left, rule.round_at, rule.rounding, side.cycle_yen, False, whole=True
        )
    days = cycle_divisor(cycle, rule)
    bare_yen = days_price_without_lid(side.cycle_yen, left, days, rule.round_at, rule.rounding)
    amount_yen = days_price(side.cycle_yen, left, days, rule.round_at, rule.rounding)
    capped = amount_yen < bare_yen
    return Share(side, left, days, rule.round_at, rule.rounding, amount_yen, capped)


def _credit_base(held: PaidTime, rule: ProrationRule) -> tuple[int, int]:
    """Give the yen and the days whose quotient is the credit of a day."""
    side, days = held.terms.side, cycle_divisor(held.cycle, rule)
    if held.starts_on == held.cycle.start:
        return held.paid_yen, days
    asked_yen = days_share(side, cycle=held.cycle, on=held.starts_on, rule=rule).amount_yen
    if held.paid_yen == asked_yen:
        return side.cycle_yen, days
    return held.paid_yen, held.days.days
