"""Anchors for calendars that move: the next cycle gets a new date and keeps its number.

A number is never used twice, because a cycle is charged at most once. So a new anchor is laid
back in time by as many intervals as cycles were counted: `start(n)` stays a function of anchor
and n, and nothing drifts.
"""

from __future__ import annotations

from datetime import date, timedelta

from plans.calendar import Anchor, AnchorRule, Interval, Unit, cycle_start
from plans.errors import BadInput

__all__ = ["anchor_reaching", "first_anchor"]

_DAYS = {Unit.DAY: 1, Unit.WEEK: 7}
_MONTHS = {Unit.MONTH: 1, Unit.YEAR: 12}


def anchor_reaching(
    *, on: date, cycle: int, interval: Interval, rule: AnchorRule, day: int | None = None
) -> Anchor:
    """Give the anchor from which `cycle` starts on `on`.

    `day` is the intended day of the month where the month of `on` lacks it. Raises BadInput when
    no such anchor exists: a `last_day` rule on another day, or so many cycles that it would lie
    before year 1.
    """
    anchor = _laid_back(on, cycle, interval, rule, on.day if day is None else day)
    if cycle_start(anchor=anchor, interval=interval, cycle=cycle) != on:
        raise BadInput(
            field="on",
            value=on.isoformat(),
            rule=f"a cycle of rule {rule.value} for day {anchor.day} cannot start on that date",
            remedy="choose the day itself, or the last day of a month that lacks it",
        )
    return anchor


def first_anchor(
    *, paid_from: date, interval: Interval, rule: AnchorRule, day: int | None
) -> Anchor:
    """Give the anchor whose cycle 0 holds the first paid day; it may have begun before.

    `day` is a fixed day of the month, None for the day of sign-up. Raises BadInput for a fixed
    day or `last_day` with days or weeks.
    """
    if day is None and rule is not AnchorRule.LAST_DAY:
        return Anchor.on(paid_from, rule=rule)
    if interval.unit not in _MONTHS:
        raise BadInput(
            field="anchor_day",
            value=day,
            rule=f"a cycle of {interval.unit.value}s has no fixed day of the month",
            remedy="leave the day out, or count in months or years",
        )
    wanted = paid_from.day if day is None else day
    anchor = Anchor(paid_from.year, paid_from.month, wanted, rule)
    if cycle_start(anchor=anchor, interval=interval, cycle=0) <= paid_from:
        return anchor
    return _in_month(paid_from.year * 12 + paid_from.month - 2, wanted, rule)


def _laid_back(on: date, cycle: int, interval: Interval, rule: AnchorRule, day: int) -> Anchor:
    months = _MONTHS.get(interval.unit)
    if months is not None:
        return _in_month(on.year * 12 + on.month - 1 - months * interval.count * cycle, day, rule)
    try:
        origin = on - timedelta(days=_DAYS[interval.unit] * interval.count * cycle)
    except OverflowError:
        raise _before_year_1(cycle) from None
    return Anchor.on(origin, rule=rule)


def _in_month(index: int, day: int, rule: AnchorRule) -> Anchor:
    if index < 12:
        raise _before_year_1(index)
    return Anchor(index // 12, index % 12 + 1, day, rule)


def _before_year_1(value: int) -> BadInput:
    return BadInput(
        field="cycle",
        value=value,
        rule="so many cycles of this length would have begun before year 1",
        remedy="keep the interval, or cancel and sign up anew",
    )
