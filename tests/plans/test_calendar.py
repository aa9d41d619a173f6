"""Cycles counted from an anchor: the vectors of Japanese practice and law, and what is refused."""

from datetime import date

import pytest

from plans import (
    Anchor,
    AnchorRule,
    BadInput,
    BeyondCalendar,
    Interval,
    Month,
    Period,
    Unit,
    cycle_on_or_after,
    cycle_period,
    cycle_start,
    cycle_starts,
)

MONTHLY = Interval(Unit.MONTH, 1)
YEARLY = Interval(Unit.YEAR, 1)


def _starts(anchor: str, interval: Interval, n: int, rule: AnchorRule = AnchorRule.KEEP_DAY) -> str:
    on = Anchor.on(date.fromisoformat(anchor), rule=rule)
    return " ".join(start.isoformat() for start in cycle_starts(anchor=on, interval=interval, n=n))


@pytest.mark.parametrize(
    ("anchor", "interval", "expected"),
    [
        pytest.param(
            "2026-01-31",
            MONTHLY,
            "2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31 2026-06-30 2026-07-31 "
            "2026-08-31 2026-09-30 2026-10-31 2026-11-30 2026-12-31 2027-01-31 2027-02-28",
            id="31st comes back after every short month",
        ),
        pytest.param(
            "2026-08-30",
            MONTHLY,
            "2026-08-30 2026-09-30 2026-10-30 2026-11-30 2026-12-30 2027-01-30 2027-02-28 "
            "2027-03-30",
            id="30th is not the month's end",
        ),
        pytest.param(
            "2024-02-29",
            YEARLY,
            "2024-02-29 2025-02-28 2026-02-28 2027-02-28 2028-02-29",
            id="leap day returns in leap years",
        ),
        pytest.param(
            "2026-11-30",
            Interval(Unit.MONTH, 3),
            "2026-11-30 2027-02-28 2027-05-30 2027-08-30",
            id="quarters",
        ),
        pytest.param(
            "2026-12-20",
            Interval(Unit.WEEK, 4),
            "2026-12-20 2027-01-17 2027-02-14 2027-03-14",
            id="four weeks",
        ),
        pytest.param(
            "2028-02-28", Interval(Unit.DAY, 1), "2028-02-28 2028-02-29 2028-03-01", id="days"
        ),
        pytest.param("1899-12-31", Interval(Unit.YEAR, 100), "1899-12-31 1999-12-31", id="century"),
        pytest.param(
            "2000-02-29",
            Interval(Unit.YEAR, 100),
            "2000-02-29 2100-02-28 2200-02-28 2300-02-28 2400-02-29",
            id="centuries are leap years only by 400",
        ),
    ],
)
def test_keep_day(anchor, interval, expected):
    assert _starts(anchor, interval, len(expected.split())) == expected


@pytest.mark.parametrize(
    ("anchor", "interval", "expected"),
    [
        pytest.param("2026-01-15", MONTHLY, "2026-01-31 2026-02-28 2026-03-31", id="the first too"),
        pytest.param("2026-02-28", MONTHLY, "2026-02-28 2026-03-31 2026-04-30", id="from February"),
        pytest.param(
            "2027-02-01", YEARLY, "2027-02-28 2028-02-29 2029-02-28", id="yearly follows leap years"
        ),
    ],
)
def test_last_day(anchor, interval, expected):
    assert _starts(anchor, interval, 3, AnchorRule.LAST_DAY) == expected


@pytest.mark.parametrize(
    ("anchor", "interval", "expected"),
    [
        pytest.param(
            "2026-01-31", MONTHLY, "2026-01-31 2026-03-01 2026-03-31 2026-05-01", id="art. 143"
        ),
        pytest.param("2028-01-30", MONTHLY, "2028-01-30 2028-03-01 2028-03-30", id="leap February"),
        pytest.param("2028-01-29", MONTHLY, "2028-01-29 2028-02-29 2028-03-29", id="29 exists"),
        pytest.param("2024-02-29", YEARLY, "2024-02-29 2025-03-01 2026-03-01", id="leap day"),
        pytest.param(
            "2026-01-31", Interval(Unit.WEEK, 1), "2026-01-31 2026-02-07", id="weeks are counted"
        ),
        pytest.param(
            "2026-01-31", Interval(Unit.DAY, 30), "2026-01-31 2026-03-02", id="days are counted"
        ),
    ],
)
def test_statute(anchor, interval, expected):
    assert _starts(anchor, interval, len(expected.split()), AnchorRule.STATUTE) == expected


def test_a_31st_that_began_in_february_stays_a_31st():
    anchor = Anchor(2026, 2, 31)
    assert cycle_starts(anchor=anchor, interval=MONTHLY, n=3) == (
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
    )


def test_period_ends_where_the_next_starts():
    period = cycle_period(anchor=Anchor(2026, 1, 31), interval=MONTHLY, cycle=1)
    assert period == Period(date(2026, 2, 28), date(2026, 3, 31))
    assert period.days == 31
    assert period.last_day == date(2026, 3, 30)
    assert date(2026, 2, 28) in period
    assert date(2026, 3, 31) not in period


def test_period_and_interval_are_said_in_both_languages():
    period = Period(date(2026, 11, 22), date(2026, 12, 22))
    assert period.text_ja == "2026年11月22日〜2026年12月21日"
    assert period.text_en == "2026-11-22 to 2026-12-21"
    assert (MONTHLY.text_ja, MONTHLY.text_en) == ("1か月ごと", "every month")
    assert Interval(Unit.WEEK, 4).text_en == "every 4 weeks"


@pytest.mark.parametrize(
    ("on", "cycle"),
    [
        pytest.param("2025-06-01", 0, id="before the anchor"),
        pytest.param("2026-01-31", 0, id="on the anchor"),
        pytest.param("2026-02-01", 1, id="the day after"),
        pytest.param("2026-02-28", 1, id="on a clamped start"),
        pytest.param("2026-03-01", 2, id="after a clamped start"),
        pytest.param("2126-01-31", 1200, id="a century on"),
    ],
)
def test_cycle_on_or_after(on, cycle):
    found = cycle_on_or_after(
        anchor=Anchor(2026, 1, 31), interval=MONTHLY, on=date.fromisoformat(on)
    )
    assert found == cycle


def test_months_sort_and_are_written_as_iso():
    assert Month.of(date(2026, 12, 31)) < Month.of(date(2027, 1, 1))
    assert str(Month(2026, 2)) == "2026-02"


@pytest.mark.parametrize(
    ("call", "field"),
    [
        pytest.param(lambda: Interval(Unit.MONTH, 0), "count", id="count 0"),
        pytest.param(lambda: Anchor(2026, 13, 1), "month", id="month 13"),
        pytest.param(lambda: Anchor(2026, 1, 32), "day", id="day 32"),
        pytest.param(lambda: Anchor(0, 1, 1), "year", id="year 0"),
        pytest.param(lambda: Period(date(2026, 1, 1), date(2026, 1, 1)), "end", id="empty period"),
        pytest.param(
            lambda: cycle_start(anchor=Anchor(2026, 1, 1), interval=MONTHLY, cycle=-1),
            "cycle",
            id="cycle -1",
        ),
        pytest.param(
            lambda: _starts("2026-01-01", MONTHLY, 0),
            "n",
            id="no dates asked for",
        ),
        pytest.param(
            lambda: _starts("2026-01-01", Interval(Unit.WEEK, 1), 1, AnchorRule.LAST_DAY),
            "rule",
            id="last day of weeks",
        ),
        pytest.param(
            lambda: cycle_on_or_after(
                anchor=Anchor(2026, 1, 1, AnchorRule.LAST_DAY),
                interval=Interval(Unit.DAY, 10),
                on=date(2026, 5, 1),
            ),
            "rule",
            id="last day of days",
        ),
    ],
)
def test_refused(call, field):
    with pytest.raises(BadInput) as refused:
        call()
    assert refused.value.field == field
    assert str(refused.value).startswith(field)


@pytest.mark.parametrize("interval", [Interval(unit, 1) for unit in Unit], ids=str)
def test_the_calendar_ends_in_9999(interval):
    with pytest.raises(BeyondCalendar):
        cycle_starts(anchor=Anchor(2026, 1, 1), interval=interval, n=10**15)


def test_an_error_never_floods_the_log():
    with pytest.raises(BadInput) as refused:
        Interval(Unit.MONTH, -(10**5000))
    assert len(str(refused.value)) < 300
