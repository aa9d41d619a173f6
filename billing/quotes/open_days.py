"""Days that are charged by themselves: what they cost, for the plan and each add-on, in words."""

from __future__ import annotations

from datetime import date

from billing.quotes.agreed import add_on_terms, agreed, plan_terms
from billing.quotes.values import QuoteLine, Situation
from plans import Period, ProrationRule, Terms, days_share, formula_en, formula_ja
from plans.lifecycle import Subscription

__all__ = ["open_day_line", "terms_of_parts"]


def terms_of_parts(
    view: Situation, subscription: Subscription, on: date
) -> dict[str | None, Terms]:
    """Give what is agreed on a day: the plan (None) and each recurring add-on by its code."""
    terms = agreed(view.catalogue, subscription, on=on)
    recurring = (entry for entry in terms.add_ons if entry.add_on.recurring)
    return {None: plan_terms(terms, subscription.quantity)} | {
        entry.add_on.code: add_on_terms(entry, terms) for entry in recurring
    }


def open_day_line(
    terms: Terms, on: date, nominal: Period, days: Period, rule: ProrationRule
) -> QuoteLine:
    """Price the days from `on` to the end of a whole cycle; `days` are those they stand for."""
    share = days_share(terms.side, cycle=nominal, on=on, rule=rule)
    return QuoteLine(
        kind="open_days",
        text_ja=f"{terms.name_ja}: 日割り {days.text_ja} {formula_ja(share)}",
        text_en=f"{terms.name_en}: by the day, {days.text_en}: {formula_en(share)}",
        amount_yen=share.amount_yen,
        tax_category=terms.tax_category,
        period=days,
    )
