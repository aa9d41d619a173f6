"""What the days from sign-up to a fixed billing day cost: a share, the whole price, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from plans.calendar import Period
from plans.catalogue.price_terms import FirstPeriod
from plans.money_words import yen_en, yen_ja
from plans.proration.paid_time import PaidTime, Terms, days_share
from plans.proration.rule import ProrationRule
from plans.proration.words import formula_en, formula_ja

__all__ = ["FirstCharge", "first_period_charge"]

_DEFAULT_RULE = ProrationRule()


@dataclass(frozen=True, slots=True)
class FirstCharge:
    """The first charge, and the paid time that it buys."""

    amount_yen: int
    held: PaidTime
    explain_ja: str
    explain_en: str


def first_period_charge(
    *,
    cycle: Period,
    starts_on: date,
    terms: Terms,
    setting: FirstPeriod = FirstPeriod.PRORATE,
    rule: ProrationRule = _DEFAULT_RULE,
) -> FirstCharge:
    """Price the days from `starts_on` to the end of `cycle`, the whole nominal cycle around it.

    Starting on the cycle's own first day is no partial period: the whole price, whatever the
    setting. The first day counts. Raises BadInput for a start outside the cycle, or a 30-day
    divisor over more than 31 days.
    """
    share = days_share(terms.side, cycle=cycle, on=starts_on, rule=rule)
    whole_yen = terms.side.cycle_yen
    if starts_on == cycle.start or setting is FirstPeriod.FULL:
        amount_yen = whole_yen
        words = (
            f"初回 1期間分 {yen_ja(whole_yen)}。",
            f"First period, whole: {yen_en(whole_yen)}.",
        )
    elif setting is FirstPeriod.FREE:
        amount_yen = 0
        words = (f"初回 {share.left}日分は無料。", f"The first {share.left} days are free.")
    else:
        amount_yen = share.amount_yen
        words = (f"初回日割り {formula_ja(share)}。", f"First period: {formula_en(share)}.")
    return FirstCharge(amount_yen, PaidTime(cycle, starts_on, terms, amount_yen), *words)
