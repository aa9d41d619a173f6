"""Proration faults that other billing engines had; each name says what went wrong there."""

from datetime import date

import pytest
from proration_cases import APRIL, MONTHLY, Purse, at

from plans import (
    BadInput,
    Change,
    Interval,
    Period,
    Rounding,
    Side,
    TaxCategory,
    Unit,
    chain,
    prorate,
)
from plans.proration.change_effect import settle_change
from plans.proration.change_rule import ChangeEffect, ChangeRule
from plans.proration.first_period import first_period_charge
from plans.proration.paid_time import PaidTime, Terms

YEARLY = Interval(Unit.YEAR)
RESTART = ChangeRule(ChangeEffect.RESTART_CYCLE)


def april(day: int) -> date:
    return date(2026, 4, day)


def paid(yen: int) -> PaidTime:
    return PaidTime.of_cycle(cycle=APRIL, terms=at(yen))


def credit_of(settled) -> int:
    return -sum(line.amount_yen for line in settled.lines if line.amount_yen < 0)


def test_a_second_upgrade_credits_the_whole_price_of_the_first_not_its_increment():
    # 3,000 → 10,000 on the 16th costs 5,000 − 1,500 = 3,500. On the 21st a third of it is unused:
    # 10,000×10/30 = 3,333 comes back, not 3,500×10/15 = 2,333.
    first = settle_change(held=paid(3000), change_on=april(16), to=at(10000))
    second = settle_change(held=first.held, change_on=april(21), to=at(20000))
    assert credit_of(second) == 3333
    assert second.due_today_yen == 6666 - 3333  # 20,000×10/30 = 6,666.67


def test_two_upgrades_never_give_a_credit_above_what_was_charged():
    held, purse = paid(3000), Purse()
    for day, yen in ((5, 5000), (6, 9000), (6, 30000), (7, 60000)):
        charged_yen = held.paid_yen
        settled = settle_change(held=held, change_on=april(day), to=at(yen))
        assert credit_of(settled) <= charged_yen
        held = purse.book(settled)
    assert purse.given_back_yen == 0


def test_an_upgrade_in_a_short_first_period_divides_by_the_whole_cycle_not_the_stub():
    # From the 16th: 3,000×15/30 = 1,500. On the 21st 10 days are left: 3,000×10/30, not ×10/15.
    first = first_period_charge(cycle=APRIL, starts_on=april(16), terms=at(3000))
    settled = settle_change(held=first.held, change_on=april(21), to=at(6000))
    assert (credit_of(settled), settled.due_today_yen) == (1000, 1000)


def test_a_preview_is_the_run():
    # The same values in, the same value out: there is no second code path, and no clock.
    runs = [settle_change(held=paid(3000), change_on=april(17), to=at(980)) for _ in range(2)]
    assert runs[0] == runs[1]


def test_the_last_day_is_a_day():
    # On 30 April one day is left: 3,000×1/30 and 9,000×1/30.
    result = prorate(period=APRIL, change_on=april(30), old=Side(3000), new=Side(9000))
    assert (result.days_left, result.credit_yen, result.charge_yen) == (1, 100, 300)


def test_a_downgrade_from_month_to_year_gives_its_credit():
    # 10,000×15/30 = 5,000 off the year's 60,000
    yearly = at(60000, interval=YEARLY)
    settled = settle_change(held=paid(10000), change_on=april(16), to=yearly, rule=RESTART)
    assert settled.due_today_yen == 55000
    assert settled.cycle == Period(april(16), date(2027, 4, 16))


def test_from_seats_to_a_flat_price_gives_a_credit_for_all_seats():
    # 5 seats of 1,000: 5,000×15/30 = 2,500; flat 2,000×15/30 = 1,000
    seats = PaidTime.of_cycle(cycle=APRIL, terms=Terms(Side(1000, 5), MONTHLY))
    settled = settle_change(held=seats, change_on=april(16), to=at(2000))
    assert (credit_of(settled), settled.credit_lots[0].amount_yen) == (2500, 1500)


def test_a_discount_is_counted_once_when_seats_are_added():
    # 3 seats of 1,000 were paid with 2,400. 2,400×15/30 = 1,200 back, 5,000×15/30 = 2,500 due.
    seats = Terms(Side(1000, 3), MONTHLY)
    held = PaidTime.of_cycle(cycle=APRIL, terms=seats, paid_yen=2400)
    settled = settle_change(held=held, change_on=april(16), to=Terms(Side(1000, 5), MONTHLY))
    assert (credit_of(settled), settled.due_today_yen) == (1200, 1300)


def test_a_discount_of_everything_divides_by_nothing():
    held = PaidTime.of_cycle(cycle=APRIL, terms=at(3000), paid_yen=0)
    later = settle_change(held=held, change_on=april(16), to=at(0)).held
    settled = settle_change(held=later, change_on=april(20), to=at(3000))
    assert (credit_of(settled), settled.due_today_yen) == (0, 1100)


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        # 1,099,000/92 = 11,945.65
        pytest.param(Rounding.FLOOR, 11945, id="floor"),
        pytest.param(Rounding.HALF_UP, 11946, id="half up"),
        pytest.param(Rounding.CEIL, 11946, id="ceil"),
    ],
)
def test_a_day_of_a_quarter_is_whole_yen(rounding, expected):
    rule = ChangeRule().proration
    rule = type(rule)(rounding=rounding)
    quarter = Period(date(2026, 7, 1), date(2026, 10, 1))
    result = prorate(
        period=quarter, change_on=date(2026, 9, 30), old=None, new=Side(1_099_000), rule=rule
    )
    assert result.charge_yen == expected


def test_a_period_without_days_is_refused_not_charged_in_full():
    with pytest.raises(BadInput):
        Period(april(1), april(1))


def test_a_change_that_costs_nothing_makes_no_line_to_invoice():
    settled = settle_change(held=paid(0), change_on=april(16), to=at(1))  # 1×15/30 → 0
    assert (settled.lines, settled.due_today_yen, settled.next_invoice_yen) == ((), 0, 0)


def test_yen_have_no_hundredths_on_the_proration_path():
    result = prorate(period=APRIL, change_on=april(1), old=None, new=Side(3000))
    assert result.charge_yen == 3000


def test_changes_between_two_plans_never_walk_away_from_the_price():
    # Thirty changes to and fro: each boundary errs below one yen, and errors do not add up in
    # one direction. Half the days cost 980, half 1,980, to within the 29 boundaries.
    sides = (Side(980), Side(1980))
    changes = [Change(april(day), sides[day % 2]) for day in range(2, 31)]
    total = chain(period=APRIL, start=sides[1], changes=changes).total_yen
    assert abs(total - (980 + 1980) // 2) <= 29


def test_credit_goes_back_at_the_old_rate():
    food = PaidTime.of_cycle(cycle=APRIL, terms=Terms(Side(1080), MONTHLY, TaxCategory.REDUCED))
    settled = settle_change(held=food, change_on=april(16), to=at(1080))
    # Equal prices: the sum is 0, and still each rate has its own line.
    assert [(each.tax_category.value, each.amount_yen) for each in settled.by_category] == [
        ("standard", 540),
        ("reduced", -540),
    ]
