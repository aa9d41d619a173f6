"""Laws of the calendar over 1970-2100, for every anchor, interval and rule."""

from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from plans import (
    Anchor,
    AnchorRule,
    Interval,
    Unit,
    cycle_on_or_after,
    cycle_period,
    cycle_start,
    days_in_month,
)

dates = st.dates(date(1970, 1, 1), date(2100, 12, 31))
month_intervals = st.builds(Interval, st.sampled_from([Unit.MONTH, Unit.YEAR]), st.integers(1, 18))
day_intervals = st.builds(Interval, st.sampled_from([Unit.DAY, Unit.WEEK]), st.integers(1, 60))
cycles = st.integers(0, 400)


@st.composite
def anchored(draw: st.DrawFn) -> tuple[Anchor, Interval]:
    """Any anchor, days beyond the month's length included, with an interval its rule allows."""
    rule = draw(st.sampled_from(AnchorRule))
    anchor = Anchor(
        draw(st.integers(1970, 2100)), draw(st.integers(1, 12)), draw(st.integers(1, 31)), rule
    )
    allowed = month_intervals if rule is AnchorRule.LAST_DAY else month_intervals | day_intervals
    return anchor, draw(allowed)


@given(anchored(), cycles)
def test_cycles_tile_time_without_gap_or_overlap(case, cycle):
    anchor, interval = case
    this = cycle_period(anchor=anchor, interval=interval, cycle=cycle)
    following = cycle_period(anchor=anchor, interval=interval, cycle=cycle + 1)
    assert this.start < this.end == following.start < following.end


@given(anchored(), dates)
def test_cycle_on_or_after_is_the_smallest(case, on):
    anchor, interval = case
    cycle = cycle_on_or_after(anchor=anchor, interval=interval, on=on)
    assert cycle_start(anchor=anchor, interval=interval, cycle=cycle) >= on
    if cycle > 0:
        assert cycle_start(anchor=anchor, interval=interval, cycle=cycle - 1) < on


@given(anchored(), cycles)
def test_a_start_finds_its_own_cycle(case, cycle):
    anchor, interval = case
    start = cycle_start(anchor=anchor, interval=interval, cycle=cycle)
    assert cycle_on_or_after(anchor=anchor, interval=interval, on=start) == cycle


@given(dates, month_intervals, cycles)
def test_keep_day_agrees_with_dateutil(on, interval, cycle):
    months = interval.count * cycle * (12 if interval.unit is Unit.YEAR else 1)
    assert cycle_start(anchor=Anchor.on(on), interval=interval, cycle=cycle) == (
        on + relativedelta(months=months)
    )


@given(dates, day_intervals, cycles)
def test_days_and_weeks_agree_with_plain_addition(on, interval, cycle):
    days = interval.count * cycle * (7 if interval.unit is Unit.WEEK else 1)
    for rule in (AnchorRule.KEEP_DAY, AnchorRule.STATUTE):
        anchor = Anchor.on(on, rule=rule)
        assert cycle_start(anchor=anchor, interval=interval, cycle=cycle) == (
            on + timedelta(days=days)
        )


@given(st.integers(1970, 2100), st.integers(1, 12), st.integers(1, 31))
def test_the_anchor_day_can_be_recovered_from_two_months(year, month, day):
    # Of two neighbouring months one always has 31 days, so it shows the anchor's day again.
    monthly = Interval(Unit.MONTH, 1)
    anchor = Anchor(year, month, day)
    starts = [cycle_start(anchor=anchor, interval=monthly, cycle=n).day for n in range(2)]
    assert max(starts) == day


@given(dates, month_intervals, cycles)
def test_last_day_is_always_the_last(on, interval, cycle):
    start = cycle_start(
        anchor=Anchor.on(on, rule=AnchorRule.LAST_DAY), interval=interval, cycle=cycle
    )
    assert (start + timedelta(days=1)).day == 1
    assert start.day == days_in_month(start.year, start.month)


@given(dates, cycles)
def test_statute_differs_from_keep_day_only_by_the_day_after_a_short_month(on, cycle):
    monthly = Interval(Unit.MONTH, 1)
    kept = cycle_start(anchor=Anchor.on(on), interval=monthly, cycle=cycle)
    by_law = cycle_start(
        anchor=Anchor.on(on, rule=AnchorRule.STATUTE), interval=monthly, cycle=cycle
    )
    if kept.day == on.day:
        assert by_law == kept
    else:
        assert by_law == kept + timedelta(days=1)
        assert by_law.day == 1
