"""Twelve months that a quote promises, against months that are played, under every rule."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from quote_cases import CATALOGUE
from review_steps import PLANS, Step, steps, walked
from review_walk import START, Walk
from test_review_quotes_money import promises_are_kept

from billing.quotes import CreditAtEnd, OpenDays, QuoteRules
from plans import (
    ChangeDay,
    ChangeEffect,
    ChangeRule,
    NegativeResult,
    ProrationRule,
    RoundAt,
    Rounding,
)

# The plans of the shop that stand for those of the walk; its add-on `snack` has the same name.
MONTHLY = dict(zip(PLANS, ["small", "large", "food", "seats", "year"], strict=True))

prorations = st.builds(
    ProrationRule,
    change_day=st.sampled_from(ChangeDay),
    round_at=st.sampled_from(RoundAt),
    rounding=st.sampled_from(Rounding),
    credit_rounding=st.sampled_from(Rounding),
)
choices = st.builds(
    QuoteRules,
    change=st.builds(
        ChangeRule, st.sampled_from(ChangeEffect), st.sampled_from(NegativeResult), prorations
    ),
    open_days=st.sampled_from(OpenDays),
    credit_at_end=st.sampled_from(CreditAtEnd),
)


def in_months(step: Step) -> Step:
    return replace(step, plan=MONTHLY[step.plan])


@given(
    plan=st.sampled_from(["small", "seats", "year", "term", "fixed"]),
    life=steps,
    rules=choices,
    coupons=st.sampled_from([(), ("tenth",), ("minus",)]),
    trial_days=st.sampled_from([0, 0, 10]),
    later=st.sampled_from([3, 40, 370]),
)
def test_what_a_quote_promises_is_what_comes(plan, life, rules, coupons, trial_days, later):
    sold, price = CATALOGUE.plan(plan), CATALOGUE.price_on(plan, START)
    walk = Walk.begun(
        plan,
        rules=rules,
        catalogue=CATALOGUE,
        anchor_day=sold.anchor_day,
        minimum_cycles=price.minimum_cycles,
        coupons=coupons,
        trial_days=trial_days,
    )
    walked(walk, [in_months(step) for step in life])
    walk.until(walk.on + timedelta(days=later))
    promises_are_kept(walk)
