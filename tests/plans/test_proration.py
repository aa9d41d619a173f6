"""Proration: vectors of Japanese services, each convention, and chains of changes."""

from datetime import date

import pytest

from plans import (
    BadInput,
    Change,
    ChangeDay,
    Divisor,
    Period,
    ProrationRule,
    RoundAt,
    Rounding,
    Side,
    chain,
    prorate,
)

DEFAULT = ProrationRule()
THIRTY = ProrationRule(divisor=Divisor.THIRTY)
OLD_DAY = ProrationRule(change_day=ChangeDay.OLD)
DAILY = ProrationRule(round_at=RoundAt.DAILY_RATE)


def _period(start: str, end: str) -> Period:
    return Period(date.fromisoformat(start), date.fromisoformat(end))


APRIL = _period("2026-04-01", "2026-05-01")  # 30 days
MARCH = _period("2026-03-01", "2026-04-01")  # 31 days
FEBRUARY = _period("2026-01-31", "2026-02-28")  # 28 days


@pytest.mark.parametrize(
    ("prices", "period", "on", "rule", "expected"),
    [
        # (days, days left, credit, charge, net)
        pytest.param(
            (3000, 10000), APRIL, "2026-04-16", DEFAULT, (30, 15, 1500, 5000, 3500), id="half"
        ),
        # 980×13/28 = 455.0; 1980×13/28 = 919.28
        pytest.param(
            (980, 1980), FEBRUARY, "2026-02-15", DEFAULT, (28, 13, 455, 919, 464), id="28 days"
        ),
        # 980×13/30 = 424.67; 1980×13/30 = 858.0
        pytest.param(
            (980, 1980),
            FEBRUARY,
            "2026-02-15",
            THIRTY,
            (30, 13, 424, 858, 434),
            id="30-day divisor",
        ),
        # 980×12/28 = 420.0; 1980×12/28 = 848.57
        pytest.param(
            (980, 1980),
            FEBRUARY,
            "2026-02-15",
            OLD_DAY,
            (28, 12, 420, 848, 428),
            id="change day to the old plan",
        ),
        # 1980×11/30 = 726.0; 980×11/30 = 359.33
        pytest.param(
            (1980, 980),
            _period("2026-11-22", "2026-12-22"),
            "2026-12-11",
            DEFAULT,
            (30, 11, 726, 359, -367),
            id="downgrade",
        ),
        # 858/31 = 27.67 → 27×30
        pytest.param(
            (0, 858), MARCH, "2026-03-02", DAILY, (31, 30, 0, 810, 810), id="daily rate, 31 days"
        ),
        # 858/30 = 28.6 → 28×15
        pytest.param(
            (0, 858), APRIL, "2026-04-16", DAILY, (30, 15, 0, 420, 420), id="daily rate, 30 days"
        ),
        # 858×30/31 = 830.3 and 858×15/30 = 429.0: what one rounding of the total gives instead
        pytest.param(
            (0, 858), MARCH, "2026-03-02", DEFAULT, (31, 30, 0, 830, 830), id="total, 31 days"
        ),
        pytest.param(
            (0, 858), APRIL, "2026-04-16", DEFAULT, (30, 15, 0, 429, 429), id="total, 30 days"
        ),
        # 31 days left of a 30-day divisor never cost more than the month
        pytest.param(
            (3000, 6000),
            MARCH,
            "2026-03-01",
            THIRTY,
            (30, 31, 3000, 6000, 3000),
            id="lid of one month",
        ),
        pytest.param(
            (3000, 6000), APRIL, "2026-04-30", OLD_DAY, (30, 0, 0, 0, 0), id="nothing left"
        ),
        pytest.param(
            (3000, 6000), APRIL, "2026-04-01", DEFAULT, (30, 30, 3000, 6000, 3000), id="first day"
        ),
    ],
)
def test_vectors(prices, period, on, rule, expected):
    result = prorate(
        period=period,
        change_on=date.fromisoformat(on),
        old=Side(prices[0]),
        new=Side(prices[1]),
        rule=rule,
    )
    assert (
        result.days,
        result.days_left,
        result.credit_yen,
        result.charge_yen,
        result.net_yen,
    ) == expected


@pytest.mark.parametrize(
    ("rounding", "credit_rounding", "expected"),
    [
        # credit 980×13/28 = 455.0 exactly; charge 1979×13/28 = 918.82; old 981×13/28 = 455.46
        pytest.param(Rounding.FLOOR, Rounding.FLOOR, (455, 918), id="floor both"),
        pytest.param(Rounding.CEIL, Rounding.FLOOR, (455, 919), id="charge up"),
        pytest.param(Rounding.FLOOR, Rounding.CEIL, (456, 918), id="credit up"),
        pytest.param(Rounding.HALF_UP, Rounding.HALF_UP, (455, 919), id="half up"),
    ],
)
def test_credit_and_charge_are_rounded_by_their_own_rule(rounding, credit_rounding, expected):
    result = prorate(
        period=FEBRUARY,
        change_on=date(2026, 2, 15),
        old=Side(981),
        new=Side(1979),
        rule=ProrationRule(rounding=rounding, credit_rounding=credit_rounding),
    )
    assert (result.credit_yen, result.charge_yen) == expected


def test_half_up_rounds_a_half_up():
    # 1×15/30 = 0.5
    rule = ProrationRule(rounding=Rounding.HALF_UP)
    result = prorate(period=APRIL, change_on=date(2026, 4, 16), old=None, new=Side(1), rule=rule)
    assert result.charge_yen == 1


@pytest.mark.parametrize(
    ("price", "left_from", "credit", "first_full_price", "to_pay"),
    [
        # 3,800×10/30 = 1,266.67
        pytest.param(3800, "2026-04-21", 1266, 6800, 5534, id="upgrade restarts the cycle"),
        # 11,800×21/30 = 8,260.0
        pytest.param(11800, "2026-04-10", 8260, 3800, -4460, id="downgrade restarts the cycle"),
    ],
)
def test_restart_takes_the_unused_part_off_the_first_full_price(
    price, left_from, credit, first_full_price, to_pay
):
    result = prorate(
        period=APRIL, change_on=date.fromisoformat(left_from), old=Side(price), new=None
    )
    assert result.credit_yen == credit
    assert result.charge_yen == 0
    assert first_full_price - result.credit_yen == to_pay


def test_quantity_is_multiplied_before_rounding():
    # 1,480×3×11/30 = 1,628.0, while 3 × floor(542.67) would be 1,626
    result = prorate(
        period=APRIL, change_on=date(2026, 4, 20), old=None, new=Side(1480, quantity=3)
    )
    assert result.charge_yen == 1628


def test_the_words_hold_the_numbers_that_are_charged():
    result = prorate(
        period=FEBRUARY, change_on=date(2026, 2, 15), old=Side(980), new=Side(1980, quantity=2)
    )
    assert "980円×13日÷28日(1円未満切捨て)=455円" in result.explain_ja
    assert "1,980円×2×13日÷28日(1円未満切捨て)=1,838円" in result.explain_ja
    assert result.explain_ja.endswith("差引 1,383円。")
    assert "¥980 × 13 ÷ 28 days (rounded down) = ¥455" in result.explain_en
    assert result.explain_en.endswith("Net ¥1,383.")


def test_the_words_tell_of_daily_rate_lid_and_negative_net():
    rule = ProrationRule(divisor=Divisor.THIRTY, round_at=RoundAt.DAILY_RATE)
    result = prorate(period=MARCH, change_on=date(2026, 3, 1), old=Side(900), new=None, rule=rule)
    assert "(900円÷30日、1円未満切捨て)×31日、1期間分の900円を上限=900円" in result.explain_ja
    assert "at most ¥900 = ¥900" in result.explain_en
    assert result.explain_en.endswith("Net −¥900.")


def _chain(*changes: tuple[str, int], rule: ProrationRule = DEFAULT, period: Period = APRIL):
    return chain(
        period=period,
        start=Side(3000),
        changes=[Change(date.fromisoformat(on), Side(price)) for on, price in changes],
        rule=rule,
    )


@pytest.mark.parametrize(
    ("changes", "rule", "amounts"),
    [
        pytest.param([], DEFAULT, [3000], id="no change"),
        # 3000 − 1500, then 10000×15/30
        pytest.param([("2026-04-16", 10000)], DEFAULT, [1500, 5000], id="one"),
        # 10000×15/30 − 10000×11/30 (3666.67) = 5000 − 3666; 3000×11/30 = 1100
        pytest.param(
            [("2026-04-16", 10000), ("2026-04-20", 3000)],
            DEFAULT,
            [1500, 1334, 1100],
            id="there and back",
        ),
        pytest.param(
            [("2026-04-16", 10000), ("2026-04-16", 3000)],
            DEFAULT,
            [3000],
            id="there and back on one day",
        ),
        pytest.param(
            [("2026-04-16", 10000), ("2026-04-16", 6000)],
            DEFAULT,
            [1500, 3000],
            id="the last of one day counts",
        ),
        pytest.param([("2026-04-01", 10000)], DEFAULT, [10000], id="on the first day"),
        pytest.param(
            [("2026-04-30", 10000)], OLD_DAY, [3000], id="takes effect after the last day"
        ),
        pytest.param(
            [("2026-04-15", 10000)], OLD_DAY, [1500, 5000], id="change day to the old plan"
        ),
        # 3000/30 = 100 a day; 10000/30 → 333 × 15
        pytest.param([("2026-04-16", 10000)], DAILY, [1500, 4995], id="daily rate"),
    ],
)
def test_chain(changes, rule, amounts):
    result = _chain(*changes, rule=rule)
    assert [line.amount_yen for line in result.lines] == amounts
    assert result.total_yen == sum(amounts)


def test_chain_lines_cover_the_period():
    lines = _chain(("2026-04-16", 10000), ("2026-04-20", 3000)).lines
    assert [(line.period.start.day, line.period.days) for line in lines] == [
        (1, 15),
        (16, 4),
        (20, 11),
    ]


def test_a_generous_credit_never_gives_back_more_than_was_taken():
    # 1×15/30 is charged as 0; crediting 1×14/30 as 1 would hand out a yen.
    rule = ProrationRule(credit_rounding=Rounding.CEIL)
    result = chain(
        period=APRIL,
        start=Side(0),
        changes=[Change(date(2026, 4, 16), Side(1)), Change(date(2026, 4, 17), Side(0))],
        rule=rule,
    )
    assert [line.amount_yen for line in result.lines] == [0, 0, 0]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        pytest.param(lambda: Side(-1), "price", id="negative price"),
        pytest.param(lambda: Side(100, quantity=0), "quantity", id="no quantity"),
        pytest.param(
            lambda: prorate(period=APRIL, change_on=date(2026, 5, 1), old=None, new=Side(1)),
            "change_on",
            id="on the period's end",
        ),
        pytest.param(
            lambda: prorate(period=APRIL, change_on=date(2026, 3, 31), old=None, new=Side(1)),
            "change_on",
            id="before the period",
        ),
        pytest.param(
            lambda: prorate(period=APRIL, change_on=date(2026, 4, 1), old=None, new=None),
            "old",
            id="nothing to nothing",
        ),
        pytest.param(
            lambda: prorate(
                period=_period("2026-01-01", "2026-02-02"),
                change_on=date(2026, 1, 1),
                old=None,
                new=Side(1),
                rule=THIRTY,
            ),
            "divisor",
            id="30-day divisor over 32 days",
        ),
        pytest.param(
            lambda: _chain(("2026-04-20", 1), ("2026-04-16", 2)), "changes[1].on", id="unsorted"
        ),
        pytest.param(lambda: _chain(("2026-05-01", 1)), "changes[0].on", id="outside"),
    ],
)
def test_refused(call, field):
    with pytest.raises(BadInput) as refused:
        call()
    assert refused.value.field == field
