"""The calendar as an auditor plays it: its last days, and the two calendars side by side."""

from datetime import date, timedelta

import numpy as np
import pytest

from plans import (
    Anchor,
    AnchorRule,
    BeyondCalendar,
    Interval,
    Unit,
    cycle_on_or_after,
    cycle_start,
)
from plans.columnar_calendar import UNITS, Schedules, cycles_on_or_after


@pytest.mark.parametrize("unit", Unit)
def test_no_cycle_is_found_after_the_last_date_there_is(unit):
    # The next start after 9999-12-31 would be in the year 10000, whatever is counted.
    anchor, interval, on = Anchor(9999, 12, 25), Interval(unit, 8), date(9999, 12, 31)
    with pytest.raises(BeyondCalendar):
        cycle_on_or_after(anchor=anchor, interval=interval, on=on)
    row = Schedules.of(
        year=[9999], month=[12], day=[25], rule=[0], unit=[UNITS.index(unit)], count=[8]
    )
    with pytest.raises(BeyondCalendar):
        cycles_on_or_after(schedules=row, on=np.array([on], dtype="datetime64[D]"))


@pytest.mark.parametrize("on", [date(9999, 12, 24), date(9999, 12, 25)])
def test_the_last_cycle_is_still_found(on):
    anchor = Anchor(9999, 12, 25)
    assert cycle_on_or_after(anchor=anchor, interval=Interval(Unit.DAY, 8), on=on) == 0


@pytest.mark.parametrize("rule", AnchorRule)
@pytest.mark.parametrize("day", [1, 28, 29, 30, 31])
@pytest.mark.parametrize("months", [1, 2, 12, 13])
def test_the_search_is_right_around_every_start(rule, day, months):
    # By statute the 31st of February starts on 1 March: the search must look a month back.
    anchor, interval = Anchor(2023, 12, day, rule), Interval(Unit.MONTH, months)
    for cycle in range(60):
        start = cycle_start(anchor=anchor, interval=interval, cycle=cycle)
        for on, expected in ((start, cycle), (start + timedelta(days=1), cycle + 1)):
            assert cycle_on_or_after(anchor=anchor, interval=interval, on=on) == expected
