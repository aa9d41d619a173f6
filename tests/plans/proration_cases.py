"""Prices, periods, rules and paid time for the laws of proration and of settled changes."""

from dataclasses import dataclass
from datetime import date, timedelta

from hypothesis import strategies as st

from plans import (
    ChangeDay,
    Divisor,
    Interval,
    Period,
    ProrationRule,
    RoundAt,
    Rounding,
    Side,
    TaxCategory,
    Unit,
)
from plans.proration.change_rule import ChangeEffect, ChangeRule, NegativeResult, Settlement
from plans.proration.paid_time import PaidTime, Terms

MONTHLY = Interval(Unit.MONTH)
APRIL = Period(date(2026, 4, 1), date(2026, 5, 1))  # 30 days
MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))  # 31 days
FEBRUARY = Period(date(2026, 1, 31), date(2026, 2, 28))  # 28 days

sides = st.builds(Side, st.integers(0, 200_000), st.integers(1, 40))
terms = st.builds(Terms, sides, st.just(MONTHLY), st.sampled_from(TaxCategory))


def at(yen: int, *, tax: TaxCategory = TaxCategory.STANDARD, interval: Interval = MONTHLY) -> Terms:
    """Terms of one unit at a price."""
    return Terms(Side(yen), interval, tax)


@st.composite
def rules(
    draw: st.DrawFn, *, round_at: RoundAt | None = None, one_rounding: bool = False
) -> ProrationRule:
    """Any conventions; `one_rounding` gives credit and charge the same."""
    rounding = draw(st.sampled_from(Rounding))
    return ProrationRule(
        divisor=draw(st.sampled_from(Divisor)),
        change_day=draw(st.sampled_from(ChangeDay)),
        round_at=round_at or draw(st.sampled_from(RoundAt)),
        rounding=rounding,
        credit_rounding=rounding if one_rounding else draw(st.sampled_from(Rounding)),
    )


@st.composite
def change_rules(draw: st.DrawFn, proration: ProrationRule) -> ChangeRule:
    """Any effect that keeps the cycle and moves money, and any negative result."""
    keeps = st.sampled_from([ChangeEffect.CHARGE_NOW, ChangeEffect.NEXT_INVOICE])
    return ChangeRule(draw(keeps), draw(st.sampled_from(NegativeResult)), proration)


@st.composite
def periods(draw: st.DrawFn, *, rule: ProrationRule) -> Period:
    """Any period from 1970 to 2100 that the rule's divisor allows."""
    start = draw(st.dates(date(1970, 1, 1), date(2100, 1, 1)))
    longest = 31 if rule.divisor is Divisor.THIRTY else 400
    return Period(start, start + timedelta(days=draw(st.integers(1, longest))))


def day_in(period: Period) -> st.SearchStrategy[date]:
    """Any day of a period."""
    return st.dates(period.start, period.last_day)


@st.composite
def paid_cycles(draw: st.DrawFn, rule: ProrationRule) -> PaidTime:
    """A whole cycle, paid in full, in part, or not at all."""
    agreed = draw(terms)
    full = agreed.side.cycle_yen
    paid_yen = draw(st.one_of(st.just(full), st.just(0), st.integers(0, full)))
    return PaidTime.of_cycle(cycle=draw(periods(rule=rule)), terms=agreed, paid_yen=paid_yen)


@dataclass
class Purse:
    """What one customer paid and got back, one settlement after the other."""

    paid_yen: int = 0
    given_back_yen: int = 0
    next_invoice_yen: int = 0
    forfeited_yen: int = 0

    def book(self, settled: Settlement) -> PaidTime:
        """Add one settlement; gives the paid time afterwards."""
        self.paid_yen += settled.due_today_yen
        lots = (*settled.credit_lots, *settled.refunds)
        self.given_back_yen += sum(lot.amount_yen for lot in lots)
        self.next_invoice_yen += settled.next_invoice_yen
        self.forfeited_yen += settled.forfeited_yen
        return settled.held

    @property
    def cost_yen(self) -> int:
        """What all changes cost the customer."""
        return self.paid_yen + self.next_invoice_yen - self.given_back_yen
