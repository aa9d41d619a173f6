"""The days from sign-up to a fixed billing day: prorated, whole, or free."""

from datetime import date

import pytest
from proration_cases import APRIL, MARCH, at

from plans import BadInput, Divisor, ProrationRule, Rounding
from plans.catalogue.price_terms import FirstPeriod
from plans.proration.change_effect import settle_change
from plans.proration.first_period import first_period_charge

THIRTY = ProrationRule(divisor=Divisor.THIRTY)
UP = ProrationRule(rounding=Rounding.CEIL)


@pytest.mark.parametrize(
    ("cycle", "on", "setting", "rule", "expected"),
    [
        # 1,000×14/30 = 466.67
        pytest.param(APRIL, 17, FirstPeriod.PRORATE, ProrationRule(), 466, id="prorated"),
        pytest.param(APRIL, 17, FirstPeriod.PRORATE, UP, 467, id="prorated, rounded up"),
        # 1,000×15/30 = 500.0, where 1,000×15/31 would be 483
        pytest.param(MARCH, 17, FirstPeriod.PRORATE, THIRTY, 500, id="30-day divisor"),
        pytest.param(APRIL, 17, FirstPeriod.FULL, ProrationRule(), 1000, id="full"),
        pytest.param(APRIL, 17, FirstPeriod.FREE, ProrationRule(), 0, id="free"),
        pytest.param(APRIL, 1, FirstPeriod.PRORATE, ProrationRule(), 1000, id="no partial period"),
        pytest.param(APRIL, 1, FirstPeriod.FREE, ProrationRule(), 1000, id="a whole one costs"),
        pytest.param(MARCH, 1, FirstPeriod.PRORATE, THIRTY, 1000, id="a whole month by 30 days"),
    ],
)
def test_first_charge(cycle, on, setting, rule, expected):
    starts_on = cycle.start.replace(day=on)
    first = first_period_charge(
        cycle=cycle, starts_on=starts_on, terms=at(1000), setting=setting, rule=rule
    )
    assert first.amount_yen == first.held.paid_yen == expected
    assert first.held.starts_on == starts_on


def test_the_words_hold_the_arithmetic():
    first = first_period_charge(cycle=APRIL, starts_on=date(2026, 4, 17), terms=at(1000))
    assert first.explain_ja == "初回日割り 1,000円×14日÷30日(1円未満切捨て)=466円。"
    assert first.explain_en == "First period: ¥1,000 × 14 ÷ 30 days (rounded down) = ¥466."


@pytest.mark.parametrize(
    ("day", "ja", "en"),
    [
        pytest.param(30, "初回 1日分は無料。", "The first day is free.", id="one day"),
        pytest.param(17, "初回 14日分は無料。", "The first 14 days are free.", id="more"),
    ],
)
def test_free_days_are_said(day, ja, en):
    first = first_period_charge(
        cycle=APRIL, starts_on=date(2026, 4, day), terms=at(1000), setting=FirstPeriod.FREE
    )
    assert (first.explain_ja, first.explain_en) == (ja, en)


@pytest.mark.parametrize(
    ("setting", "credit_yen"),
    [
        # The 14 days cost 466; 7 of them are left: 1,000×7/30 = 233.33
        pytest.param(FirstPeriod.PRORATE, 233, id="prorated"),
        # 1,000 was paid for 14 days, so 7 of them are worth 1,000×7/14 = 500.0
        pytest.param(FirstPeriod.FULL, 500, id="full"),
        pytest.param(FirstPeriod.FREE, 0, id="free time gives nothing back"),
    ],
)
def test_leaving_the_first_period_gives_back_what_it_cost(setting, credit_yen):
    first = first_period_charge(
        cycle=APRIL, starts_on=date(2026, 4, 17), terms=at(1000), setting=setting
    )
    settled = settle_change(held=first.held, change_on=date(2026, 4, 24), to=at(0))
    assert sum(lot.amount_yen for lot in settled.credit_lots) == credit_yen


def test_a_start_outside_the_cycle_is_refused():
    with pytest.raises(BadInput):
        first_period_charge(cycle=APRIL, starts_on=date(2026, 5, 1), terms=at(1000))
