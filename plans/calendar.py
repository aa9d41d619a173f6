"""Cycles of a subscription: `start(n)` is a pure function of the anchor and n, so nothing drifts.

A cycle is never derived from the one before it: 31 January gives 28 February and then 31 March.
Periods are half-open, `[start, end)`; dates are civil dates of the merchant. Rules of the month's
end: `keep_day` (commercial habit), `last_day` (末日), `statute` (Civil Code art. 143, 応当日).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta
from enum import StrEnum
from typing import NamedTuple

from plans.errors import BadInput, BeyondCalendar

__all__ = [
    "INTERVAL_COUNT_MAX",
    "Anchor",
    "AnchorRule",
    "Interval",
    "Month",
    "Period",
    "Unit",
    "cycle_on_or_after",
    "cycle_period",
    "cycle_start",
    "cycle_starts",
    "days_in_month",
]

# Looked up rather than computed: this runs once per subscription and forecast day.
_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LAST_MONTH_INDEX = MAXYEAR * 12 + 11
_LAST_ORDINAL = date.max.toordinal()

# The largest count of units in an interval: beyond it a price list has a slip of the keyboard.
INTERVAL_COUNT_MAX = 999


class Unit(StrEnum):
    """What an interval counts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_DAYS_PER_UNIT = {Unit.DAY: 1, Unit.WEEK: 7}
_MONTHS_PER_UNIT = {Unit.MONTH: 1, Unit.YEAR: 12}
_UNIT_WORDS = {
    Unit.DAY: ("日", "day"),
    Unit.WEEK: ("週間", "week"),
    Unit.MONTH: ("か月", "month"),
    Unit.YEAR: ("年", "year"),
}


class AnchorRule(StrEnum):
    """Where a cycle starts in a month that lacks the anchor's day."""

    KEEP_DAY = "keep_day"  # on the last day of that month
    LAST_DAY = "last_day"  # always on the last day, whatever the anchor's day (末日)
    STATUTE = "statute"  # the period ends with that month, the next starts on the 1st (art. 143)


class Month(NamedTuple):
    """A calendar month; sorts in time."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> Month:
        """Name the month a date lies in."""
        return cls(day.year, day.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, slots=True)
class Interval:
    """`count` units, the length of one cycle; count is 1 to 999."""

    unit: Unit
    count: int = 1

    def __post_init__(self) -> None:
        # A float would pass the comparison and break the arithmetic of cycles later on.
        if type(self.count) is not int or not 1 <= self.count <= INTERVAL_COUNT_MAX:
            raise BadInput(
                field="count",
                value=self.count,
                rule=f"a count of units is a whole number from 1 to {INTERVAL_COUNT_MAX}",
                remedy="give a number in this range, or another unit",
            )

    @property
    def text_ja(self) -> str:
        """Say the interval in Japanese, as in 「1か月ごと」."""
        return f"{self.count}{_UNIT_WORDS[self.unit][0]}ごと"

    @property
    def text_en(self) -> str:
        """Say the interval in English, as in "every 4 weeks"."""
        word = _UNIT_WORDS[self.unit][1]
        return f"every {word}" if self.count == 1 else f"every {self.count} {word}s"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The date all cycles are counted from; `day` may exceed the month's length (31 in February).

    A subscription that means "the 31st" but began in a short month keeps its 31 that way.
    """

    year: int
    month: int
    day: int
    rule: AnchorRule = AnchorRule.KEEP_DAY

    def __post_init__(self) -> None:
        _check_range("year", self.year, MINYEAR, MAXYEAR)
        _check_range("month", self.month, 1, 12)
        _check_range("day", self.day, 1, 31)

    @classmethod
    def on(cls, day: date, *, rule: AnchorRule = AnchorRule.KEEP_DAY) -> Anchor:
        """Anchor on an existing date, usually the day of sign-up."""
        return cls(day.year, day.month, day.day, rule)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Days from `start` up to, but not including, `end`; never empty."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise BadInput(
                field="end",
                value=self.end.isoformat(),
                rule=f"a period ends after its start ({self.start.isoformat()})",
                remedy="give an end at least one day later",
            )

    @property
    def days(self) -> int:
        """Number of days in the period."""
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """The last day that belongs to the period, the one people are shown."""
        return self.end - timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    @property
    def text_ja(self) -> str:
        """Say the period in Japanese, both days included: 「2026年11月22日〜2026年12月21日」."""
        first, last = self.start, self.last_day
        return (
            f"{first.year}年{first.month}月{first.day}日〜{last.year}年{last.month}月{last.day}日"
        )

    @property
    def text_en(self) -> str:
        """Say the period in English, both days included: "2026-11-22 to 2026-12-21"."""
        return f"{self.start.isoformat()} to {self.last_day.isoformat()}"


def days_in_month(year: int, month: int) -> int:
    """Count the days of a month, leap years included."""
    if month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        return 29
    return _DAYS_IN_MONTH[month - 1]


def cycle_start(*, anchor: Anchor, interval: Interval, cycle: int) -> date:
    """Give the first day of the cycle-th period, counted from 0 at the anchor.

    Raises BadInput for a cycle below 0 or `last_day` with days or weeks, BeyondCalendar after
    year 9999.
    """
    if cycle < 0:
        raise BadInput(
            field="cycle",
            value=cycle,
            rule="cycles are counted from 0",
            remedy="give a whole number from 0 up",
        )
    months = _MONTHS_PER_UNIT.get(interval.unit)
    if months is not None:
        index = _month_index(anchor) + months * interval.count * cycle
        if index > _LAST_MONTH_INDEX:
            raise _beyond_calendar("cycle", cycle)
        return _in_month(anchor, index)
    ordinal = _origin(anchor, interval) + _length_in_days(interval) * cycle
    if ordinal > _LAST_ORDINAL:
        raise _beyond_calendar("cycle", cycle)
    return date.fromordinal(ordinal)


def cycle_period(*, anchor: Anchor, interval: Interval, cycle: int) -> Period:
    """Give the days of the cycle-th period; it ends where the next one starts.

    Raises as `cycle_start` does.
    """
    return Period(
        start=cycle_start(anchor=anchor, interval=interval, cycle=cycle),
        end=cycle_start(anchor=anchor, interval=interval, cycle=cycle + 1),
    )


def cycle_on_or_after(*, anchor: Anchor, interval: Interval, on: date) -> int:
    """Find the smallest cycle that starts on `on` or later, without walking through history.

    Raises as `cycle_start` does.
    """
    months = _MONTHS_PER_UNIT.get(interval.unit)
    if months is None:
        origin, length = _origin(anchor, interval), _length_in_days(interval)
        cycle = max(0, -((origin - on.toordinal()) // length))
        if origin + length * cycle > _LAST_ORDINAL:
            raise _beyond_calendar("cycle", cycle)
        return cycle
    elapsed = (on.year - anchor.year) * 12 + on.month - anchor.month
    # The start lies in its nominal month or, by statute, on the 1st of the next one; the cycle
    # of the month before `on` is therefore the earliest that can reach it.
    cycle = max(0, (elapsed - 1) // (months * interval.count))
    while cycle_start(anchor=anchor, interval=interval, cycle=cycle) < on:
        cycle += 1  # at most twice
    return cycle


def cycle_starts(*, anchor: Anchor, interval: Interval, n: int) -> tuple[date, ...]:
    """List the first `n` starts, the anchor's own included (n at least 1).

    Raises as `cycle_start` does, before any date is made.
    """
    _check_range("n", n, 1, None)
    try:
        cycle_start(anchor=anchor, interval=interval, cycle=n - 1)
    except BeyondCalendar:
        raise _beyond_calendar("n", n) from None
    return tuple(cycle_start(anchor=anchor, interval=interval, cycle=cycle) for cycle in range(n))


def _in_month(anchor: Anchor, month_index: int) -> date:
    """Place the anchor's day in the month numbered `year * 12 + month - 1`."""
    year, month = divmod(month_index, 12)
    last = days_in_month(year, month + 1)
    if anchor.rule is AnchorRule.LAST_DAY:
        return date(year, month + 1, last)
    if anchor.day <= last:
        return date(year, month + 1, anchor.day)
    if anchor.rule is AnchorRule.STATUTE:
        # A month that lacks a day is never December, so the 1st after it is in the same year.
        return date(year, month + 2, 1)
    return date(year, month + 1, last)


def _origin(anchor: Anchor, interval: Interval) -> int:
    """Give the ordinal of the first start for intervals of days and weeks."""
    if anchor.rule is AnchorRule.LAST_DAY:
        raise BadInput(
            field="rule",
            value=anchor.rule.value,
            rule=f"a cycle of {interval.unit.value}s cannot start on every month's last day",
            remedy="use keep_day, or count in months or years",
        )
    return _in_month(anchor, _month_index(anchor)).toordinal()


def _month_index(anchor: Anchor) -> int:
    return anchor.year * 12 + anchor.month - 1


def _length_in_days(interval: Interval) -> int:
    return _DAYS_PER_UNIT[interval.unit] * interval.count


def _beyond_calendar(field: str, value: int) -> BeyondCalendar:
    return BeyondCalendar(
        field=field,
        value=value,
        rule="a cycle would start after 9999-12-31",
        remedy="ask for fewer cycles or an earlier anchor",
    )


def _check_range(field: str, value: int, low: int, high: int | None) -> None:
    if value < low or (high is not None and value > high):
        allowed = f"from {low} up" if high is None else f"from {low} to {high}"
        raise BadInput(
            field=field,
            value=value,
            rule=f"{field} is a whole number {allowed}",
            remedy="correct it",
        )
