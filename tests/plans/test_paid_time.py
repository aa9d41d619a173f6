"""What paid time gives back: a share of what was really paid for it, never more."""

from datetime import date

import pytest
from proration_cases import APRIL, MARCH, at

from plans import BadInput, Divisor, Period, ProrationRule, RoundAt, Rounding, Side, prorate
from plans.proration.paid_time import PaidTime, unused_share

TWO_MONTHS = Period(date(2026, 3, 1), date(2026, 5, 1))
DEFAULT = ProrationRule()
UP = ProrationRule(credit_rounding=Rounding.CEIL)
THIRTY = ProrationRule(divisor=Divisor.THIRTY)
DAILY_UP = ProrationRule(round_at=RoundAt.DAILY_RATE, credit_rounding=Rounding.CEIL)


@pytest.mark.parametrize(
    ("cycle", "price", "starts", "paid", "on", "rule", "expected"),
    [
        pytest.param(APRIL, 3000, 1, 3000, 16, DEFAULT, 1500, id="paid in full"),  # ×15/30
        pytest.param(APRIL, 3000, 1, 1500, 16, DEFAULT, 750, id="half off"),  # 1,500×15/30
        pytest.param(APRIL, 3000, 1, 0, 16, DEFAULT, 0, id="unpaid"),
        pytest.param(APRIL, 3000, 1, 999, 24, DEFAULT, 233, id="discounted, down"),  # ×7/30=233.1
        pytest.param(APRIL, 3000, 1, 999, 24, UP, 234, id="discounted, up"),
        # 10,000×15/30 = 5,000 were paid from the 16th; 10,000×11/30 = 3,666.67
        pytest.param(APRIL, 10000, 16, 5000, 20, DEFAULT, 3666, id="a later piece"),
        # 2,500 were paid for 15 days; 2,500×11/15 = 1,833.33
        pytest.param(APRIL, 10000, 16, 2500, 20, DEFAULT, 1833, id="a later piece, half off"),
        pytest.param(APRIL, 3000, 16, 700, 16, DEFAULT, 700, id="not a day used"),
        # 3,000×30/30: by this convention the 31st costs nothing
        pytest.param(MARCH, 3000, 1, 3000, 2, THIRTY, 3000, id="30-day divisor, 30 days left"),
        pytest.param(MARCH, 3000, 1, 3000, 12, THIRTY, 2000, id="30-day divisor"),  # ×20/30
        # 61 days are no month: 6,100 × 50 ÷ 61
        pytest.param(TWO_MONTHS, 6100, 1, 6100, 12, THIRTY, 5000, id="30 over two months"),
        # ceil(100/30) = 4 a day; 4×29 = 116, but only 100×29/30 = 96.67 were paid for these days
        pytest.param(APRIL, 100, 1, 100, 2, DAILY_UP, 97, id="a rate rounded up has a lid"),
    ],
)
def test_unused_share(cycle, price, starts, paid, on, rule, expected):
    held = PaidTime(cycle, cycle.start.replace(day=starts), at(price), paid)
    assert unused_share(held, on=cycle.start.replace(day=on), rule=rule).amount_yen == expected


def test_prorate_credits_a_share_of_what_was_paid():
    # 1,500×15/30 of a cycle that would have cost 3,000
    result = prorate(
        period=APRIL, change_on=date(2026, 4, 16), old=Side(3000), new=None, paid_yen=1500
    )
    assert result.credit_yen == result.exact_credit_yen == 750
    assert "お支払い済みの1,500円×15日÷30日(1円未満切捨て)=750円" in result.explain_ja
    assert "¥1,500 paid × 15 ÷ 30 days (rounded down) = ¥750" in result.explain_en


def test_prorate_keeps_the_fractions_it_rounded():
    result = prorate(period=APRIL, change_on=date(2026, 4, 20), old=Side(1000), new=Side(10000))
    assert (result.exact_credit_yen * 30, result.exact_charge_yen * 30) == (11_000, 110_000)
    assert result.effective_on == date(2026, 4, 20)


def test_a_failed_charge_leaves_only_what_credit_had_paid():
    held = PaidTime(APRIL, date(2026, 4, 16), at(10000), 5000)
    assert held.without_payment(yen=3500).paid_yen == 1500


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(
            lambda: PaidTime(APRIL, date(2026, 5, 1), at(1), 1), "starts_on", id="outside"
        ),
        pytest.param(
            lambda: PaidTime.of_cycle(cycle=APRIL, terms=at(1), paid_yen=-1), "paid_yen", id="below"
        ),
        pytest.param(
            lambda: PaidTime.of_cycle(cycle=APRIL, terms=at(1), paid_yen=2), "paid_yen", id="above"
        ),
        pytest.param(
            lambda: PaidTime.of_cycle(cycle=APRIL, terms=at(9)).without_payment(yen=10),
            "paid_yen",
            id="more fails than was paid",
        ),
        pytest.param(
            lambda: prorate(period=APRIL, change_on=APRIL.start, old=Side(1), new=None, paid_yen=2),
            "paid_yen",
            id="prorate, above",
        ),
        pytest.param(
            lambda: prorate(period=APRIL, change_on=APRIL.start, old=None, new=Side(1), paid_yen=0),
            "paid_yen",
            id="prorate, nothing before",
        ),
    ],
)
def test_refused(make, field):
    with pytest.raises(BadInput) as refused:
        make()
    assert refused.value.field == field
