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
    """The first charge, and the paid time that it buys.

    The words belong on a line: they say the amount once, so nobody says it behind them.
    """

    amount_yen: int
    held: PaidTime
    words_ja: str
    words_en: str

    @property
    def explain_ja(self) -> str:
        """Explain the charge in a Japanese sentence."""
        return f"{self.words_ja}。"

    @property
    def explain_en(self) -> str:
        """Explain the charge in an English sentence."""
        return f"{self.words_en[0].upper()}{self.words_en[1:]}."


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
    setting. The first day counts. Raises BadInput for a start outside the cycle.
    """
    share = days_share(terms.side, cycle=cycle, on=starts_on, rule=rule)
    whole_yen = terms.side.cycle_yen
    if starts_on == cycle.start or setting is FirstPeriod.FULL:
        amount_yen = whole_yen
        words = (
            f"初回 1期間分 {yen_ja(whole_yen)}",
            f"first period, whole: {yen_en(whole_yen)}",
        )
    elif setting is FirstPeriod.FREE:
        amount_yen = 0
        words = (f"初回 {share.left}日分は無料", f"{_first_days_en(share.left)} free")
    else:
        amount_yen = share.amount_yen
        words = (f"初回日割り {formula_ja(share)}", f"first period: {formula_en(share)}")
    return FirstCharge(amount_yen, PaidTime(cycle, starts_on, terms, amount_yen), *words)


def _first_days_en(days: int) -> str:
    return "the first day is" if days == 1 else f"the first {days} days are"
