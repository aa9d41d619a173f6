"""Laws of proration, for any prices, dates and settings."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from proration_cases import day_in, periods, rules, sides

from plans import (
    Change,
    ChangeDay,
    Divisor,
    Period,
    ProrationRule,
    RoundAt,
    Side,
    chain,
    prorate,
    round_yen,
)


@given(st.data(), rules(), sides, sides)
def test_a_change_and_its_reverse_on_one_day_cost_nothing(data, rule, one, other):
    rule = replace(rule, credit_rounding=rule.rounding)
    period = data.draw(periods(rule=rule))
    on = data.draw(day_in(period))
    there = prorate(period=period, change_on=on, old=one, new=other, rule=rule)
    back = prorate(period=period, change_on=on, old=other, new=one, rule=rule)
    assert there.net_yen + back.net_yen == 0


@given(st.data(), rules(), sides, sides)
def test_no_side_exceeds_its_cycle(data, rule, old, new):
    period = data.draw(periods(rule=rule))
    result = prorate(
        period=period, change_on=data.draw(day_in(period)), old=old, new=new, rule=rule
    )
    assert 0 <= result.credit_yen <= old.cycle_yen
    assert 0 <= result.charge_yen <= new.cycle_yen


@given(st.data(), rules(), sides, st.integers(0, 5000))
def test_a_later_change_or_a_lower_price_never_costs_more(data, rule, side, dearer_by):
    period = data.draw(periods(rule=rule))
    early, late = sorted([data.draw(day_in(period)), data.draw(day_in(period))])
    dearer = Side(side.price_yen + dearer_by, side.quantity)

    def charge(on: date, to: Side) -> int:
        return prorate(period=period, change_on=on, old=None, new=to, rule=rule).charge_yen

    assert charge(late, side) <= charge(early, side) <= charge(early, dearer)


@st.composite
def chains(draw: st.DrawFn, rule: ProrationRule) -> tuple[Period, Side, list[Change]]:
    period = draw(periods(rule=rule))
    days = sorted(draw(st.lists(day_in(period), max_size=8)))
    return period, draw(sides), [Change(on, draw(sides)) for on in days]


@given(st.data(), rules(round_at=RoundAt.TOTAL))
def test_a_chain_stays_within_one_yen_per_boundary_of_the_exact_sum(data, rule):
    period, start, changes = data.draw(chains(rule))
    result = chain(period=period, start=start, changes=changes, rule=rule)

    # first price + Σ (new − old) × days left ÷ days, written down independently
    days = period.days if rule.divisor is Divisor.ACTUAL else 30
    late = timedelta(days=0 if rule.change_day is ChangeDay.NEW else 1)
    in_force, exact = start, Fraction(start.cycle_yen)
    for change in changes:
        begins = change.on + late
        left = (period.end - begins).days
        part = Fraction(1) if begins == period.start else Fraction(left, days)
        exact += (change.to.cycle_yen - in_force.cycle_yen) * part
        in_force = change.to

    boundaries = len({change.on for change in changes})
    yen_each = 1 if rule.rounding is rule.credit_rounding else 2
    assert abs(result.total_yen - exact) <= yen_each * boundaries


@given(st.data(), rules())
def test_chain_lines_tile_the_period_and_sum_to_the_total(data, rule):
    period, start, changes = data.draw(chains(rule))
    result = chain(period=period, start=start, changes=changes, rule=rule)
    assert result.lines[0].period.start == period.start
    assert result.lines[-1].period.end == period.end
    for line, following in zip(result.lines, result.lines[1:], strict=False):
        assert line.period.end == following.period.start
        assert line.side != following.side
    assert result.total_yen == sum(line.amount_yen for line in result.lines)
    assert all(0 <= line.amount_yen <= line.side.cycle_yen for line in result.lines)


@given(st.data(), rules(), sides, sides)
def test_a_chain_of_one_costs_what_the_change_says(data, rule, old, new):
    period = data.draw(periods(rule=rule))
    on = data.draw(day_in(period))
    alone = prorate(period=period, change_on=on, old=old, new=new, rule=rule)
    chained = chain(period=period, start=old, changes=[Change(on, new)], rule=rule)
    if on == period.start and rule.change_day is ChangeDay.NEW:
        assert chained.total_yen == new.cycle_yen
    elif old != new:
        assert chained.total_yen == old.cycle_yen + alone.net_yen


@given(st.data(), rules(round_at=RoundAt.TOTAL, one_rounding=True), sides, st.integers(0, 6))
def test_a_chain_that_comes_back_never_drifts(data, rule, start, rounds):
    # A → B → A, again and again on the same two days, costs what the last one says.
    period = data.draw(periods(rule=rule))
    first, second = sorted([data.draw(day_in(period)), data.draw(day_in(period))])
    other = data.draw(sides)
    once = [Change(first, other), Change(second, start)]
    again = [Change(first, other)] * (rounds + 1) + [Change(second, start)] * (rounds + 1)
    assert chain(period=period, start=start, changes=again, rule=rule) == chain(
        period=period, start=start, changes=once, rule=rule
    )


@given(st.data(), rules(), sides)
def test_a_chain_without_a_new_price_costs_the_price(data, rule, side):
    period = data.draw(periods(rule=rule))
    days = sorted(data.draw(st.lists(day_in(period), max_size=8)))
    result = chain(period=period, start=side, changes=[Change(on, side) for on in days], rule=rule)
    assert (result.total_yen, len(result.lines)) == (side.cycle_yen, 1)


@given(st.data(), rules(), sides, sides)
def test_the_amounts_are_the_rounded_fractions(data, rule, old, new):
    rule = replace(rule, round_at=RoundAt.TOTAL)
    period = data.draw(periods(rule=rule))
    on = data.draw(day_in(period))
    paid_yen = data.draw(st.integers(0, old.cycle_yen))
    result = prorate(period=period, change_on=on, old=old, new=new, rule=rule, paid_yen=paid_yen)
    assert result.exact_credit_yen == Fraction(paid_yen * result.days_left, result.days)
    credit_yen = round_yen(result.exact_credit_yen, rule.credit_rounding)
    charge_yen = round_yen(result.exact_charge_yen, rule.rounding)
    assert result.credit_yen == min(paid_yen, credit_yen)
    assert result.charge_yen == min(new.cycle_yen, charge_yen)
