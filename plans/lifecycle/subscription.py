"""The subscription as a value, and the dates that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from plans.calendar import Anchor, AnchorRule, Interval, Period, cycle_on_or_after, cycle_start
from plans.catalogue.price_terms import FirstPeriod
from plans.lifecycle.changes import Cancellation, ScheduledChange
from plans.lifecycle.left_cycle import LeftCycle
from plans.lifecycle.refusals import OutOfOrder
from plans.lifecycle.states import SubscriptionState
from plans.lifecycle.stored_fields import ADDED_LATER, formerly
from plans.lifecycle.values import (
    AddOnHeld,
    CouponHeld,
    PauseInForce,
    Permission,
    PermissionState,
    Trial,
)

_Part = TypeVar("_Part")

__all__ = [
    "Subscription",
    "charge_on",
    "cycle_days",
    "first_days_free",
    "period_end",
    "present",
    "start_of",
]


@dataclass(frozen=True, slots=True)
class Subscription:
    """All that the next decision needs to know; made from events only, see `replay`.

    `next_cycle` is charged next; its number counts from `anchor` and is never used twice.
    `next_on` is a charge date the customer moved. `period` is the last one paid for or granted,
    `paid_through` the first day that is not paid. `service_from` is the first day of the first
    paid cycle, which may be shorter than the calendar's. `left` is the cycle that a change of plan
    left when it began another one; it can be taken up again on that day. `first_period` is what
    days before the first fixed day cost.
    """

    id: str
    state: SubscriptionState
    plan_code: str
    price_ref: str
    quantity: int
    add_ons: tuple[AddOnHeld, ...]
    coupons: tuple[CouponHeld, ...]
    interval: Interval
    anchor_rule: AnchorRule
    anchor_day: int | None
    starts_on: date
    trial_days: int
    trial_ends_on: date | None = field(metadata=formerly("trial_until"))
    started_on: date | None
    trial: Trial | None
    anchor: Anchor
    service_from: date
    next_cycle: int
    next_on: date | None
    period: Period | None
    paid_through: date | None
    minimum_cycles: int
    cycles_done: int
    last_paid_cycle: int | None
    declines: int
    pause: PauseInForce | None
    queue: tuple[ScheduledChange, ...]
    permission: Permission
    follows: str | None
    sequence: int
    left: LeftCycle | None = None
    first_period: FirstPeriod = field(default=FirstPeriod.PRORATE, metadata=ADDED_LATER)

    @property
    def chargeable(self) -> bool:
        """Whether Amazon lets us charge."""
        return self.permission.state is PermissionState.CHARGEABLE

    @property
    def cancellation(self) -> ScheduledChange | None:
        """The cancellation that waits for its date, if there is one."""
        return next((each for each in self.queue if isinstance(each.change, Cancellation)), None)

    @property
    def cycles_owed(self) -> int:
        """Paid cycles of the minimum term that are still to come."""
        return max(0, self.minimum_cycles - self.cycles_done)

    def waiting(self, schedule_id: str) -> ScheduledChange | None:
        """Find a waiting change by its id."""
        return next((each for each in self.queue if each.id == schedule_id), None)


def present(value: _Part | None, *, field: str) -> _Part:
    """Give what the state promises to be there; raises OutOfOrder for books that contradict it."""
    if value is None:
        raise OutOfOrder(
            code="out_of_order",
            field=field,
            value=None,
            rule="the state of the subscription promises it, and it is not there",
            remedy="replay all events of the subscription from the books",
        )
    return value


def start_of(subscription: Subscription, cycle: int) -> date:
    """Give the day a cycle starts by the anchor; raises BeyondCalendar."""
    return cycle_start(anchor=subscription.anchor, interval=subscription.interval, cycle=cycle)


def cycle_days(subscription: Subscription, cycle: int) -> Period:
    """Give the days a cycle serves; the first one may begin later than by the anchor."""
    start = max(start_of(subscription, cycle), subscription.service_from)
    return Period(start, start_of(subscription, cycle + 1))


def first_days_free(subscription: Subscription) -> bool:
    """Tell whether the next cycle is only days before the first fixed day, which the plan gives.

    They are no paid cycle: prices, gifts, coupons and the minimum term count from the next one.
    """
    starts = start_of(subscription, subscription.next_cycle)
    return subscription.first_period is FirstPeriod.FREE and starts < subscription.service_from


def charge_on(subscription: Subscription) -> date | None:
    """Give the date of the next charge as things stand, None when none is due.

    Waiting changes are not looked at; `coming_charges` does that.
    """
    match subscription.state:
        case SubscriptionState.CANCELED | SubscriptionState.PAUSED:
            return None
        case SubscriptionState.PENDING if subscription.started_on is None:
            return None
        case _:
            starts = max(start_of(subscription, subscription.next_cycle), subscription.service_from)
            return subscription.next_on or starts


def period_end(subscription: Subscription, *, on: date) -> date:
    """Give the first day after the period that runs on `on`: `on` itself when none is running."""
    state = subscription.state
    if state is SubscriptionState.PAUSED or subscription.started_on is None:
        return on
    if state is SubscriptionState.TRIALING and subscription.trial is not None:
        return max(on, subscription.trial.ends_on)
    if state is SubscriptionState.PENDING:
        return on
    reached = cycle_on_or_after(anchor=subscription.anchor, interval=subscription.interval, on=on)
    return start_of(subscription, max(subscription.next_cycle, reached))
