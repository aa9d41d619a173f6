"""On which days charges come, in the figures that the words of a last screen need."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from billing.checkouts import Offer
from billing.quotes import Bill, Quote, TermsAfter
from plans import AnchorRule, Interval, Unit, cycle_start
from plans.lifecycle import Subscription

# A month has these days at least; later ones need a word about short months.
SHORTEST_MONTH = 28
# Of so many cycles of one or more months one begins in a month of 31 days.
TELLING = 4


@dataclass(frozen=True, slots=True)
class ChargeDays:
    """The rule of the charge dates.

    `day` is the day of the month (0 for cycles of weeks and days, and at a month's end),
    `at_month_end` when it is the last one. Where short months do not have it `may_lack` says so,
    and `lacks_to_next` that the 1st of the month after stands for it. `free_from` is the first
    day on which the minimum term is done.
    """

    day: int
    at_month_end: bool
    may_lack: bool
    lacks_to_next: bool
    free_from: date | None

    @classmethod
    def of(cls, offer: Offer) -> "ChargeDays":
        """Of an offer, by its own anchor."""
        cycles = [day for _, day in _cycles((*offer.quote.today, *offer.quote.coming))]
        minimum = offer.price.minimum_cycles
        return _said(
            offer.price.interval,
            offer.plan.anchor_rule,
            offer.plan.anchor_day or (cycles[0].day if cycles else 0),
            free_from=cycles[minimum] if 0 < minimum < len(cycles) else None,
        )

    @classmethod
    def after(cls, was: Subscription, terms: TermsAfter, quote: Quote) -> "ChargeDays":
        """Of an agreement once a change is made: by its anchor where its charges keep to it."""
        interval, cycles = terms.price.interval, _cycles(quote.coming)
        # The first one may be on a day that the customer moved, or of a shorter first period.
        regular = cycles[1:] or cycles
        if all(
            cycle_start(anchor=was.anchor, interval=interval, cycle=cycle) == day
            for cycle, day in regular
        ):
            rule, of_month = was.anchor.rule, was.anchor.day
        else:
            rule = terms.plan.anchor_rule
            of_month = max(day.day for _, day in regular[-TELLING:])
        return _said(interval, rule, of_month, free_from=terms.free_from)


def _said(interval: Interval, rule: AnchorRule, day: int, *, free_from: date | None) -> ChargeDays:
    monthly = interval.unit in (Unit.MONTH, Unit.YEAR)
    at_month_end = monthly and rule is AnchorRule.LAST_DAY
    may_lack = monthly and not at_month_end and day > SHORTEST_MONTH
    return ChargeDays(
        day=day if monthly and not at_month_end else 0,
        at_month_end=at_month_end,
        may_lack=may_lack,
        lacks_to_next=may_lack and rule is AnchorRule.STATUTE,
        free_from=free_from,
    )


def _cycles(bills: Iterable[Bill]) -> list[tuple[int, date]]:
    return [(bill.cycle, bill.on) for bill in bills if bill.cycle is not None]
