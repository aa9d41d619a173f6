"""The calendar over columns: the same cycles as `plans.calendar`, for a million rows at once.

One formula holds for every rule and unit, so nothing branches per row. It is a door of its own,
because numpy is only loaded by who plans many subscriptions. Dates are `datetime64[D]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plans.calendar import AnchorRule, Unit
from plans.errors import BadInput, BeyondCalendar

__all__ = [
    "RULES",
    "UNITS",
    "Bools",
    "Dates",
    "Ints",
    "Schedules",
    "cycles_on_or_after",
    "month_numbers",
    "starts_of_cycles",
]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Dates = NDArray[np.datetime64]

# A column of rules or units holds positions in these.
RULES = tuple(AnchorRule)
UNITS = tuple(Unit)

_YEAR_OF_EPOCH = 1970
_LAST_MONTH = MAXYEAR * 12 + 11
_LAST_DAY = int(np.datetime64(date.max).astype(np.int64))
# No cycle and no step beyond this stays inside the calendar, so cutting them off here changes no
# answer, and no product below can overflow.
_FAR = date.max.toordinal() + 1
_MONTHS_PER_UNIT = np.array([{Unit.MONTH: 1, Unit.YEAR: 12}.get(unit, 0) for unit in UNITS])
_DAYS_PER_UNIT = np.array([{Unit.DAY: 1, Unit.WEEK: 7}.get(unit, 0) for unit in UNITS])


def _first_days() -> Ints:
    """The first day of every month as a day number, by `year * 12 + month - 1`, and one more."""
    months = np.arange(_LAST_MONTH + 2, dtype=np.int64) - _YEAR_OF_EPOCH * 12
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


# A megabyte; looking a month up is several times faster than working out its first day.
_FIRST_DAY = _first_days()
_LENGTH = np.diff(_FIRST_DAY)


@dataclass(frozen=True, slots=True, eq=False)
class Schedules:
    """Anchor and interval of many subscriptions, one row each; make them with `of`.

    `day` and `slack` say where in its month a cycle starts: on `day`, but at most `slack` days
    after the month's last one. Of the two steps one is 0.
    """

    month: Ints
    day: Ints
    slack: Ints
    step_months: Ints
    step_days: Ints

    @classmethod
    def of(
        cls,
        *,
        year: ArrayLike,
        month: ArrayLike,
        day: ArrayLike,
        rule: ArrayLike,
        unit: ArrayLike,
        count: ArrayLike,
    ) -> Schedules:
        """Make schedules from columns of anchors and intervals.

        `rule` and `unit` are positions in `RULES` and `UNITS`. Raises BadInput, naming the first
        row at fault, for what `Anchor`, `Interval` and `cycle_start` refuse.
        """
        columns = {"year": year, "month": month, "day": day, "count": count}
        years, months, days, counts = (np.asarray(c, dtype=np.int64) for c in columns.values())
        rules, units = np.asarray(rule, dtype=np.int64), np.asarray(unit, dtype=np.int64)
        _check("year", years, MINYEAR, MAXYEAR)
        _check("month", months, 1, 12)
        _check("day", days, 1, 31)
        _check("rule", rules, 0, len(RULES) - 1)
        _check("unit", units, 0, len(UNITS) - 1)
        _check("count", counts, 1, None)
        on_last_day = rules == RULES.index(AnchorRule.LAST_DAY)
        _check_last_day(on_last_day, units)
        steps = np.minimum(counts, _FAR)
        return cls(
            month=years * 12 + months - 1,
            day=np.where(on_last_day, 31, days),
            slack=(rules == RULES.index(AnchorRule.STATUTE)).astype(np.int64),
            step_months=np.minimum(steps * _MONTHS_PER_UNIT[units], _FAR),
            step_days=np.minimum(steps * _DAYS_PER_UNIT[units], _FAR),
        )

    def __len__(self) -> int:
        return len(self.month)

    def take(self, rows: Ints | slice) -> Schedules:
        """The given rows, in that order."""
        return Schedules(
            self.month[rows],
            self.day[rows],
            self.slack[rows],
            self.step_months[rows],
            self.step_days[rows],
        )


def starts_of_cycles(*, schedules: Schedules, cycle: Ints) -> Dates:
    """The first day of each row's `cycle`, counted from 0 at the anchor.

    Raises BadInput for a cycle below 0, BeyondCalendar when one starts after year 9999.
    """
    if len(cycle) and int(cycle.min()) < 0:
        row = int(np.argmin(cycle))
        raise BadInput(
            field=f"cycle[{row}]",
            value=int(cycle[row]),
            rule="cycles are counted from 0",
            remedy="give whole numbers from 0 up",
        )
    nth = np.minimum(cycle, _FAR)
    months = schedules.month + schedules.step_months * nth
    _check_calendar(months, _LAST_MONTH, cycle)
    days = _in_month(schedules, months) + schedules.step_days * nth
    _check_calendar(days, _LAST_DAY, cycle)
    return days.view("datetime64[D]")


def cycles_on_or_after(*, schedules: Schedules, on: Dates) -> Ints:
    """The smallest cycle of each row that starts on its `on` or later.

    Raises BeyondCalendar when that is after year 9999.
    """
    by_days = np.maximum(schedules.step_days, 1)
    origin = _in_month(schedules, schedules.month)
    in_days = -((origin - on.astype(np.int64)) // by_days)
    # As in `calendar.cycle_on_or_after`: the cycle of the month before `on` is the earliest that
    # can reach it, and at most two more are needed.
    elapsed = month_numbers(on) - schedules.month - 1
    in_months = elapsed // np.maximum(schedules.step_months, 1)
    cycle: Ints = np.maximum(np.where(schedules.step_months > 0, in_months, in_days), 0)
    while (early := starts_of_cycles(schedules=schedules, cycle=cycle) < on).any():
        cycle = cycle + early
    return cycle


def month_numbers(on: Dates) -> Ints:
    """Number each date's month as `year * 12 + month - 1`."""
    return on.astype("datetime64[M]").astype(np.int64) + _YEAR_OF_EPOCH * 12


def _in_month(schedules: Schedules, months: Ints) -> Ints:
    """Place the anchors' days in months; by statute a missing day is the 1st of the next one."""
    reach = np.minimum(schedules.day, _LENGTH[months] + schedules.slack)
    return _FIRST_DAY[months] + reach - 1


def _check_calendar(values: Ints, last: int, cycle: Ints) -> None:
    if len(values) and int(values.max()) > last:
        row = int(np.argmax(values))
        raise BeyondCalendar(
            field=f"cycle[{row}]",
            value=int(cycle[row]),
            rule="a cycle would start after 9999-12-31",
            remedy="ask for fewer cycles or an earlier anchor",
        )


def _check(field: str, values: Ints, low: int, high: int | None) -> None:
    wrong = values < low if high is None else (values < low) | (values > high)
    if wrong.any():
        row = int(np.argmax(wrong))
        allowed = f"from {low} up" if high is None else f"from {low} to {high}"
        raise BadInput(
            field=f"{field}[{row}]",
            value=int(values[row]),
            rule=f"{field} is a whole number {allowed}",
            remedy="correct this row",
        )


def _check_last_day(on_last_day: Bools, units: Ints) -> None:
    wrong = on_last_day & (_MONTHS_PER_UNIT[units] == 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadInput(
            field=f"rule[{row}]",
            value=AnchorRule.LAST_DAY.value,
            rule=f"a cycle of {UNITS[units[row]].value}s cannot start on every month's last day",
            remedy="use keep_day, or count in months or years",
        )
