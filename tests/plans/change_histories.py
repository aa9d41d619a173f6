"""Whole histories of one cycle, over all effects, settings and tax categories, for the laws."""

from dataclasses import dataclass, replace
from datetime import date

from hypothesis import strategies as st
from proration_cases import MONTHLY, Purse, periods, rules

from plans import FirstPeriod, Interval, Side, TaxCategory, Unit
from plans.proration.change_effect import settle_change
from plans.proration.change_rule import ChangeEffect, ChangeRule, NegativeResult, Settlement
from plans.proration.first_period import first_period_charge
from plans.proration.paid_time import PaidTime, Terms
from plans.proration.rule import ProrationRule

INSIDE = [ChangeEffect.CHARGE_NOW, ChangeEffect.NEXT_INVOICE]
ANY_EFFECT = list(ChangeEffect)

sides = st.builds(Side, st.integers(0, 100_000), st.integers(1, 40))
terms_of = st.builds(Terms, sides, st.just(MONTHLY), st.sampled_from(TaxCategory))


@dataclass(frozen=True)
class Step:
    """One change that was asked for, and what was said to it."""

    held: PaidTime
    on: date
    to: Terms
    rule: ChangeRule
    settled: Settlement


@st.composite
def started(draw: st.DrawFn, rule: ProrationRule) -> PaidTime:
    """The paid time a cycle begins with: whole or first period; paid, discounted or unpaid."""
    agreed, cycle = draw(terms_of), draw(periods(rule=rule))
    starts_on = draw(st.just(cycle.start) | st.dates(cycle.start, cycle.last_day))
    first = first_period_charge(
        cycle=cycle,
        starts_on=starts_on,
        terms=agreed,
        setting=draw(st.sampled_from(FirstPeriod)),
        rule=rule,
    ).held
    paid = st.just(first.paid_yen) | st.just(0) | st.integers(0, first.paid_yen)
    return replace(first, paid_yen=draw(paid))


@st.composite
def step_from(
    draw: st.DrawFn,
    held: PaidTime,
    on: date,
    pool: list[Terms],
    rule: ProrationRule,
    effects: list[ChangeEffect],
) -> Step:
    """One change on a day, to terms of a small pool, so that coming back is likely."""
    to = draw(st.sampled_from(pool))
    choice = ChangeRule(draw(st.sampled_from(effects)), draw(st.sampled_from(NegativeResult)), rule)
    settled = settle_change(held=held, change_on=on, to=to, rule=choice)
    return Step(held, on, to, choice, settled)


@st.composite
def histories(
    draw: st.DrawFn, *, effects: list[ChangeEffect] = ANY_EFFECT, most: int = 4
) -> list[Step]:
    """Up to `most` changes of one subscription, each from what the one before it left."""
    rule = draw(rules())
    held = draw(started(rule))
    pool = [held.terms, *draw(st.lists(terms_of, min_size=2, max_size=3))]
    steps: list[Step] = []
    earliest = held.starts_on
    for _ in range(draw(st.integers(1, most))):
        on = draw(st.just(earliest) | st.dates(earliest, held.cycle.last_day))
        step = draw(step_from(held, on, pool, rule, effects))
        steps.append(step)
        held = step.settled.held
        # With the day of change on the old terms, the last change took effect a day later.
        earliest = max(on, held.starts_on) if held is not step.held else on
        if earliest >= held.cycle.end:
            break
    return steps


def purse_of(steps: list[Step]) -> Purse:
    """What the customer paid and got back in the end."""
    purse = Purse()
    for step in steps:
        purse.book(step.settled)
    return purse


def yearly(terms: Terms) -> Terms:
    """The same terms for a year."""
    return replace(terms, interval=Interval(Unit.YEAR))
