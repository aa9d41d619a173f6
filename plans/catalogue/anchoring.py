"""Which anchor a new subscriber gets: the day of sign-up, a fixed day, or the last day."""

from __future__ import annotations

from datetime import date

from plans.calendar import Anchor, Interval, cycle_start
from plans.catalogue.prices import Plan, anchor_faults

__all__ = ["plan_anchor"]


def plan_anchor(*, plan: Plan, interval: Interval, paid_from: date) -> Anchor:
    """Give the anchor whose cycle 0 holds `paid_from`, the first paid day.

    On a fixed day or the last day of months, cycle 0 may have begun before: what its remaining
    days cost is the plan's `first_period`. Raises BadInput for an anchor the interval cannot have.
    """
    for fault in anchor_faults(plan, interval):
        raise fault
    if not plan.has_fixed_day:
        return Anchor.on(paid_from, rule=plan.anchor_rule)
    day = paid_from.day if plan.anchor_day is None else plan.anchor_day
    anchor = Anchor(paid_from.year, paid_from.month, day, plan.anchor_rule)
    if cycle_start(anchor=anchor, interval=interval, cycle=0) <= paid_from:
        return anchor
    year, month = divmod(paid_from.year * 12 + paid_from.month - 2, 12)
    return Anchor(year, month + 1, day, plan.anchor_rule)
