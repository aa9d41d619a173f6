"""Laws of proration, for any prices, dates and settings."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from plans import (
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
    round_yen,
)

laws = settings(deadline=None, max_examples=300)

sides = st.builds(Side, st.integers(0, 200_000), st.integers(1, 40))


@st.composite
def rules(draw: st.DrawFn, *, round_at: RoundAt | None = None) -> ProrationRule:
    return ProrationRule(
        divisor=draw(st.sampled_from(Divisor)),
        change_day=draw(st.sampled_from(ChangeDay)),
        round_at=round_at or draw(st.sampled_from(RoundAt)),
        rounding=draw(st.sampled_from(Rounding)),
        credit_rounding=draw(st.sampled_from(Rounding)),
    )


@st.composite
def periods(draw: st.DrawFn, *, rule: ProrationRule) -> Period:
    start = draw(st.dates(date(1970, 1, 1), date(2100, 1, 1)))
    longest = 31 if rule.divisor is Divisor.THIRTY else 400
    return Period(start, start + timedelta(days=draw(st.integers(1, longest))))


def day_in(period: Period) -> st.SearchStrategy[date]:
    return st.dates(period.start, period.last_day)


@laws
@given(st.data(), rules(), sides, sides)
def test_a_change_and_its_reverse_on_one_day_cost_nothing(data, rule, one, other):
    rule = replace(rule, credit_rounding=rule.rounding)
    period = data.draw(periods(rule=rule))
    on = data.draw(day_in(period))
    there = prorate(period=period, change_on=on, old=one, new=other, rule=rule)
    back = prorate(period=period, change_on=on, old=other, new=one, rule=rule)
    assert there.net_yen + back.net_yen == 0


@laws
@given(st.data(), rules(), sides, sides)
def test_no_side_exceeds_its_cycle(data, rule, old, new):
    period = data.draw(periods(rule=rule))
    result = prorate(
        period=period, change_on=data.draw(day_in(period)), old=old, new=new, rule=rule
    )
    assert 0 <= result.credit_yen <= old.cycle_yen
    assert 0 <= result.charge_yen <= new.cycle_yen


@laws
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


@laws
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


@laws
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


@laws
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


@laws
@given(st.fractions(-(10**9), 10**9), st.sampled_from(Rounding))
def test_rounding_is_by_magnitude_and_within_a_yen(exact, rounding):
    rounded = round_yen(exact, rounding)
    assert rounded == -round_yen(-exact, rounding)
    assert abs(rounded - exact) < 1
    if rounding is Rounding.FLOOR:
        assert abs(rounded) <= abs(exact)
    if rounding is Rounding.CEIL:
        assert abs(rounded) >= abs(exact)
    if rounding is Rounding.HALF_UP:
        assert abs(rounded - exact) <= Fraction(1, 2)
