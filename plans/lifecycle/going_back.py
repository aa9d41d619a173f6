"""Going back on the day of a change: what began a new cycle is undone, as if never asked."""

from __future__ import annotations

from datetime import date

from plans.calendar import Anchor, cycle_start
from plans.errors import BadInput
from plans.lifecycle.calendar_moves import anchor_reaching
from plans.lifecycle.changes import PlanChange, moves_calendar
from plans.lifecycle.facts import Fact, RestartUndone
from plans.lifecycle.left_cycle import LeftCycle
from plans.lifecycle.queue_rules import check_bound
from plans.lifecycle.states import SubscriptionState
from plans.lifecycle.subscription import Subscription
from plans.lifecycle.values import CouponHeld

__all__ = ["gone_back"]


def gone_back(subscription: Subscription, change: PlanChange, *, on: date) -> tuple[Fact, ...]:
    """Give the fact that takes up the cycle that was left today; empty when it is another change.

    Raises Conflict while something waits for a date of the calendar that is given up.
    """
    left = subscription.left
    if left is None or left.on != on or not _is_back(subscription, left, change):
        return ()
    anchor = _anchor(subscription, left)
    if anchor is None:
        return ()
    check_bound(subscription, on=on, field="plan")
    undone = RestartUndone(
        on=on,
        change=change,
        quantity=left.quantity,
        anchor=anchor,
        interval=left.interval,
        period=left.period,
        paid_through=left.paid_through,
        minimum_cycles=left.minimum_cycles,
        cycles_done=left.cycles_done,
        coupons=_coupons(subscription, left),
    )
    return (undone,)


def _is_back(was: Subscription, left: LeftCycle, change: PlanChange) -> bool:
    quantity = was.quantity if change.quantity is None else change.quantity
    same = (change.plan_code, change.price_ref, quantity) == (
        left.plan_code,
        left.price_ref,
        left.quantity,
    )
    runs = was.state is SubscriptionState.ACTIVE and was.next_on is None
    return same and runs and moves_calendar(change)


def _anchor(was: Subscription, left: LeftCycle) -> Anchor | None:
    """Give the old dates; the number of the cycle that was begun in between is never used again."""
    starts = cycle_start(anchor=left.anchor, interval=left.interval, cycle=left.next_cycle)
    if was.next_cycle == left.next_cycle:
        return left.anchor
    try:
        return anchor_reaching(
            on=starts,
            cycle=was.next_cycle,
            interval=left.interval,
            rule=left.anchor.rule,
            day=left.anchor.day,
        )
    except BadInput:
        return None  # by the statute a cycle may begin where no anchor leads back to


def _coupons(was: Subscription, left: LeftCycle) -> tuple[CouponHeld, ...]:
    """Give a coupon back the use that the undone cycle made of it."""
    before = {each.code: each for each in left.coupons}
    return tuple(before.get(each.code, each) for each in was.coupons)
