"""Any cycle leads back to the anchor; nothing depends on the machine's time zone."""

import hashlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import Anchor, AnchorRule, Interval, Unit, cycle_start

ROOT = Path(__file__).resolve().parents[2]
MONTHS = {Unit.MONTH: 1, Unit.YEAR: 12}

anchors = st.builds(
    Anchor,
    st.integers(1970, 2100),
    st.integers(1, 12),
    st.integers(1, 31),
    st.sampled_from(AnchorRule),
)
dates = st.dates(date(1970, 1, 1), date(2100, 12, 31))
month_intervals = st.builds(Interval, st.sampled_from([Unit.MONTH, Unit.YEAR]), st.integers(1, 18))


@given(anchors, month_intervals, st.integers(0, 200), st.integers(0, 200))
def test_counting_on_from_any_cycle_is_counting_from_the_anchor(anchor, interval, cycle, more):
    # The anchor moved to the month of any cycle, its day kept, gives the very same starts.
    months = MONTHS[interval.unit] * interval.count * cycle
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    moved = Anchor(year, month + 1, anchor.day, anchor.rule)
    assert cycle_start(anchor=moved, interval=interval, cycle=more) == cycle_start(
        anchor=anchor, interval=interval, cycle=cycle + more
    )


@given(
    dates,
    month_intervals,
    st.integers(0, 200),
)
def test_the_anchor_is_recovered_from_any_cycle(on, interval, cycle):
    anchor = Anchor.on(on)
    start = cycle_start(anchor=anchor, interval=interval, cycle=cycle)
    # Months: counted back. Day: the longest of the coming starts, a leap year's among them.
    months = MONTHS[interval.unit] * interval.count * cycle
    assert divmod(start.year * 12 + start.month - 1 - months, 12) == (on.year, on.month - 1)
    coming = [
        cycle_start(anchor=anchor, interval=interval, cycle=cycle + ahead) for ahead in range(24)
    ]
    assert max(day.day for day in coming) == on.day


@given(
    dates,
    st.sampled_from([Unit.DAY, Unit.WEEK]),
    st.integers(1, 60),
    st.integers(0, 400),
)
def test_days_and_weeks_lead_back_to_the_anchor(on, unit, count, cycle):
    start = cycle_start(anchor=Anchor.on(on), interval=Interval(unit, count), cycle=cycle)
    length = count * (7 if unit is Unit.WEEK else 1)
    assert start.toordinal() - length * cycle == on.toordinal()


ANSWERS = """
from datetime import date, timedelta
from plans import *
months = Interval(Unit.MONTH, 1)
for year in (1970, 2026, 2099):
    for day in range(0, 365, 13):
        on = date(year, 1, 1) + timedelta(days=day)
        for rule in AnchorRule:
            print(*cycle_starts(anchor=Anchor.on(on, rule=rule), interval=months, n=13))
        period = cycle_period(anchor=Anchor.on(on), interval=months, cycle=1)
        change_on = period.start + timedelta(days=day % 28)
        print(prorate(period=period, change_on=change_on, old=Side(980), new=Side(1980)))
        print(chain(period=period, start=Side(980), changes=[Change(change_on, Side(1980))]))
        old, new = (Terms(Side(yen), months) for yen in (980, 1980))
        first = first_period_charge(cycle=period, starts_on=change_on, terms=old)
        for rule in map(ChangeRule, ChangeEffect):
            print(settle_change(held=first.held, change_on=change_on, to=new, rule=rule))
ranks = tuple(frozenset(codes) for codes in (("a", "b", "c"), ("d", "e"), ("f",)))
family = PlanFamily("f", date(2026, 1, 1), ranks)
print(family.content_hash, offer_text(family))
"""


def answers_in(zone: str, *, seed: int = 0) -> str:
    """Run the same questions in a process of its own, on a machine of that zone and hash seed."""
    ran = subprocess.run(
        [sys.executable, "-c", ANSWERS],
        cwd=ROOT,
        env={**os.environ, "TZ": zone, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    return hashlib.sha256(ran.stdout).hexdigest()


@pytest.mark.parametrize(
    "zone", ["UTC", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"]
)
def test_no_answer_depends_on_the_machines_time_zone(zone):
    assert answers_in(zone, seed=len(zone)) == answers_in("Asia/Tokyo")
