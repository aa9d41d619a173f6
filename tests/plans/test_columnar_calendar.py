"""The calendar over columns says what `plans.calendar` says, row by row."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans import (
    Anchor,
    AnchorRule,
    BadInput,
    BeyondCalendar,
    Interval,
    Unit,
    cycle_on_or_after,
    cycle_start,
)
from plans.columnar_calendar import (
    RULES,
    UNITS,
    Schedules,
    cycles_on_or_after,
    month_numbers,
    starts_of_cycles,
)

laws = settings(deadline=None)

Case = tuple[Anchor, Interval]

dates = st.dates(date(1970, 1, 1), date(2100, 12, 31))
intervals = st.builds(Interval, st.sampled_from(Unit), st.integers(1, 60))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any anchor of 1970-2100, days beyond the month's length included, as its rule allows."""
    interval = draw(intervals)
    by_days = interval.unit in (Unit.DAY, Unit.WEEK)
    rules = [rule for rule in AnchorRule if not (by_days and rule is AnchorRule.LAST_DAY)]
    anchor = Anchor(
        draw(st.integers(1970, 2100)),
        draw(st.integers(1, 12)),
        # The days that some months lack are where the rules differ.
        draw(st.sampled_from([28, 29, 30, 31]) | st.integers(1, 31)),
        draw(st.sampled_from(rules)),
    )
    return anchor, interval


def columns(rows: list[Case]) -> Schedules:
    return Schedules.of(
        year=[anchor.year for anchor, _ in rows],
        month=[anchor.month for anchor, _ in rows],
        day=[anchor.day for anchor, _ in rows],
        rule=[RULES.index(anchor.rule) for anchor, _ in rows],
        unit=[UNITS.index(interval.unit) for _, interval in rows],
        count=[interval.count for _, interval in rows],
    )


def starts(rows: list[Case], cycles: list[int]) -> list[date]:
    found = starts_of_cycles(schedules=columns(rows), cycle=np.array(cycles, dtype=np.int64))
    return found.astype(object).tolist()


@laws
@given(st.lists(st.tuples(cases(), st.integers(0, 130)), max_size=30))
def test_every_start_is_that_of_the_scalar_rule(rows: list[tuple[Case, int]]) -> None:
    expected = [cycle_start(anchor=a, interval=i, cycle=cycle) for (a, i), cycle in rows]
    assert starts([case for case, _ in rows], [cycle for _, cycle in rows]) == expected


@laws
@given(st.lists(st.tuples(cases(), dates), max_size=30))
def test_every_search_is_that_of_the_scalar_rule(rows: list[tuple[Case, date]]) -> None:
    on = np.array([day for _, day in rows], dtype="datetime64[D]")
    found = cycles_on_or_after(schedules=columns([case for case, _ in rows]), on=on)
    expected = [cycle_on_or_after(anchor=a, interval=i, on=day) for (a, i), day in rows]
    assert found.tolist() == expected


@laws
@given(cases(), dates)
def test_cycles_tile_time_and_find_themselves_again(case: Case, on: date) -> None:
    number = cycle_on_or_after(anchor=case[0], interval=case[1], on=on)
    cycles = np.arange(number, number + 40)
    schedules = columns([case] * len(cycles))
    found = starts_of_cycles(schedules=schedules, cycle=cycles)
    assert (np.diff(found).astype(int) > 0).all()
    assert cycles_on_or_after(schedules=schedules, on=found).tolist() == cycles.tolist()
    following = schedules.take(slice(1, None))
    day_after = found[:-1] + np.timedelta64(1, "D")
    assert (cycles_on_or_after(schedules=following, on=day_after) == cycles[1:]).all()


@pytest.mark.parametrize("rule", [AnchorRule.KEEP_DAY, AnchorRule.LAST_DAY, AnchorRule.STATUTE])
@pytest.mark.parametrize("day", [1, 28, 29, 30, 31])
def test_every_month_of_1970_to_2100(rule: AnchorRule, day: int) -> None:
    """131 years × 12 = 1,572 months, leap years and 2100 (which is none) included."""
    case = (Anchor(1970, 1, day, rule), Interval(Unit.MONTH, 1))
    expected = [cycle_start(anchor=case[0], interval=case[1], cycle=n) for n in range(1_572)]
    assert starts([case] * 1_572, list(range(1_572))) == expected


def test_every_day_of_1970_to_2100() -> None:
    case = (Anchor(1970, 1, 1), Interval(Unit.DAY, 1))
    days = (date(2100, 12, 31) - date(1970, 1, 1)).days
    assert starts([case], [days]) == [date(2100, 12, 31)]
    found = np.arange("1970-01-01", "2101-01-01", dtype="datetime64[D]")
    expected = [day.year * 12 + day.month - 1 for day in found.astype(object)]
    assert month_numbers(found).tolist() == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("keep_day", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("last_day", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("statute", ["2026-01-31", "2026-03-01", "2026-03-31", "2026-05-01"]),
    ],
)
def test_the_31st(rule: str, expected: list[str]) -> None:
    case = (Anchor(2026, 1, 31, AnchorRule(rule)), Interval(Unit.MONTH, 1))
    assert [day.isoformat() for day in starts([case] * 4, [0, 1, 2, 3])] == expected


def test_no_rows_no_dates() -> None:
    assert starts([], []) == []
    nothing = np.array([], dtype="datetime64[D]")
    assert cycles_on_or_after(schedules=columns([]), on=nothing).tolist() == []


DAYS_LEFT = (date.max - date(2026, 1, 31)).days
GOOD = {"year": 2026, "month": 1, "day": 31, "rule": 0, "unit": 2, "count": 1}


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"year": 0}, "year[1]"),
        ({"year": 10_000}, "year[1]"),
        ({"month": 13}, "month[1]"),
        ({"day": 0}, "day[1]"),
        ({"day": 32}, "day[1]"),
        ({"rule": 3}, "rule[1]"),
        ({"unit": 4}, "unit[1]"),
        ({"count": 0}, "count[1]"),
        pytest.param({"rule": 1, "unit": 0}, "rule[1]", id="the last day of every day"),
        pytest.param({"rule": 1, "unit": 1}, "rule[1]", id="the last day of every week"),
    ],
)
def test_a_row_at_fault_is_named(row: dict[str, int], field: str) -> None:
    assert [RULES[1], UNITS[2]] == [AnchorRule.LAST_DAY, Unit.MONTH]
    with pytest.raises(BadInput) as refused:
        Schedules.of(**{name: [good, (GOOD | row)[name]] for name, good in GOOD.items()})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("interval", "cycle", "error"),
    [
        pytest.param(Interval(Unit.MONTH), -1, BadInput, id="before the anchor"),
        pytest.param(Interval(Unit.MONTH), 95_688, BeyondCalendar, id="month 1 of 10000"),
        pytest.param(Interval(Unit.DAY), DAYS_LEFT + 1, BeyondCalendar, id="day 1 of 10000"),
        pytest.param(Interval(Unit.YEAR, 999), 9, BeyondCalendar, id="a step of ages"),
        pytest.param(Interval(Unit.WEEK), 2**62, BeyondCalendar, id="a cycle of ages"),
    ],
)
def test_the_calendar_ends(interval: Interval, cycle: int, error: type[BadInput]) -> None:
    case = (Anchor(2026, 1, 31), interval)
    with pytest.raises(error) as refused:
        starts([case, case], [0, cycle])
    assert refused.value.field == "cycle[1]"
    if cycle > 0 and interval.count == 1 and cycle < 2**62:
        before = starts([case], [cycle - 1])
        assert before == [cycle_start(anchor=case[0], interval=interval, cycle=cycle - 1)]
        assert before[0].isoformat() == "9999-12-31"
