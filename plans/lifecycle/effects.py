"""What takes effect when: the facts that a change, a payment or the end of a pause brings about."""

from __future__ import annotations

from datetime import date, timedelta
from typing import assert_never

from plans.calendar import AnchorRule, Period, Unit, days_in_month
from plans.lifecycle.calendar_moves import anchor_reaching, first_anchor
from plans.lifecycle.changes import (
    AddOnChange,
    Cancellation,
    Change,
    CouponChange,
    PauseChange,
    PlanChange,
    QuantityChange,
    moves_calendar,
)
from plans.lifecycle.facts import (
    AnchorChanged,
    Canceled,
    CyclePaid,
    Fact,
    Paused,
    Resumed,
    Started,
    TermsChanged,
)
from plans.lifecycle.refusals import Refused
from plans.lifecycle.states import SubscriptionState, cycle_after_resume, trial_end
from plans.lifecycle.subscription import Subscription, cycle_days, first_days_free, start_of
from plans.lifecycle.values import Actor, PauseInForce, ResumeMode, Trial

__all__ = [
    "anchor_moved",
    "cycle_paid",
    "in_effect",
    "resumed",
    "started",
]


_MONTHS = (Unit.MONTH, Unit.YEAR)


def in_effect(
    subscription: Subscription,
    change: Change,
    *,
    on: date,
    by: Actor,
    schedule_id: str | None = None,
) -> tuple[Fact, ...]:
    """Give the facts of a change that takes effect on `on`; raises BadInput when it cannot.

    `by` is who asked for it.
    """
    match change:
        case PlanChange():
            changed = TermsChanged(on, change, schedule_id)
            if not moves_calendar(change):
                return (changed,)
            return (changed, _plan_moves_calendar(subscription, change, on))
        case QuantityChange() | AddOnChange() | CouponChange():
            return (TermsChanged(on, change, schedule_id),)
        case PauseChange():
            return (_paused(subscription, change, on, by, schedule_id),)
        case Cancellation(refund, fee_yen):
            unused = _unused_days(subscription, on)
            return (Canceled(on, refund, unused, fee_yen, schedule_id),)
        case _:
            assert_never(change)


def started(subscription: Subscription, *, on: date) -> Started:
    """Begin service on `on`: the trial, or the first paid cycle; raises BadInput."""
    ends_on = subscription.trial_ends_on or trial_end(
        started_on=on, trial_days=subscription.trial_days
    )
    paid_from = max(on, ends_on)
    anchor = first_anchor(
        paid_from=paid_from,
        interval=subscription.interval,
        rule=subscription.anchor_rule,
        day=subscription.anchor_day,
    )
    return Started(on, Trial(on, paid_from) if paid_from > on else None, anchor, paid_from)


def cycle_paid(subscription: Subscription) -> CyclePaid:
    """Settle the next cycle. Days of it that lie in a pause are banked, if the pause banks."""
    cycle = subscription.next_cycle
    period = cycle_days(subscription, cycle)
    pause, free = subscription.pause, first_days_free(subscription)
    if pause is None or not pause.banks_days:
        return CyclePaid(cycle, period, 0, free)
    banked = max(0, (period.end - max(period.start, pause.began_on)).days)
    return CyclePaid(cycle, period, banked, free)


def anchor_moved(
    subscription: Subscription, *, on: date, first_on: date, day: int | None
) -> AnchorChanged:
    """Let the next cycle start on `first_on`; the running period is stretched or cut to meet it.

    Raises BadInput for a date no anchor reaches, Refused before a cycle that is paid ahead.
    """
    _check_not_before_paid(subscription, first_on)
    anchor = anchor_reaching(
        on=first_on,
        cycle=subscription.next_cycle,
        interval=subscription.interval,
        rule=subscription.anchor_rule,
        day=day,
    )
    period, paid = subscription.period, subscription.paid_through
    return AnchorChanged(
        on=on,
        anchor=anchor,
        interval=subscription.interval,
        period=Period(period.start, first_on) if period and period.start < first_on else None,
        # Days that are added stay open until they are reported as paid.
        paid_through=None if paid is None else min(paid, first_on),
        bridge_days=(first_on - start_of(subscription, subscription.next_cycle)).days,
    )


def resumed(subscription: Subscription, *, on: date, mode: ResumeMode) -> Resumed:
    """End the pause on `on` and give its banked days back, each exactly once."""
    banked = subscription.pause.banked_days if subscription.pause else 0
    if mode is ResumeMode.RESTART:
        return _restarted(subscription, on, banked)
    cycle = cycle_after_resume(
        anchor=subscription.anchor,
        interval=subscription.interval,
        next_cycle=subscription.next_cycle,
        resume_on=on,
    )
    starts = start_of(subscription, cycle)
    bridge = (starts - on).days
    served = min(banked, bridge)
    return Resumed(
        on=on,
        mode=mode,
        anchor=subscription.anchor,
        next_cycle=cycle,
        period=Period(on, starts) if bridge else subscription.period,
        paid_through=on + timedelta(days=served) if served else subscription.paid_through,
        served_days=served,
        credit_days=banked - served,
        open_days=bridge - served,
    )


def _restarted(subscription: Subscription, on: date, banked: int) -> Resumed:
    first_on = on + timedelta(days=banked)
    # A cycle whose charge failed until the pause has its invoice: no number is used twice.
    cycle = subscription.next_cycle + (1 if subscription.declines else 0)
    anchor = anchor_reaching(
        on=first_on,
        cycle=cycle,
        interval=subscription.interval,
        rule=subscription.anchor_rule,
    )
    return Resumed(
        on=on,
        mode=ResumeMode.RESTART,
        anchor=anchor,
        next_cycle=cycle,
        period=Period(on, first_on) if banked else subscription.period,
        paid_through=first_on if banked else subscription.paid_through,
        served_days=banked,
        credit_days=0,
        open_days=0,
    )


def _paused(
    subscription: Subscription, change: PauseChange, on: date, by: Actor, schedule_id: str | None
) -> Paused:
    banked = _unused_days(subscription, on) if change.banks_days else 0
    pause = PauseInForce(
        began_on=on,
        until=change.until,
        mode=change.mode,
        cause=change.cause,
        banks_days=change.banks_days,
        banked_days=banked,
        by=by,
    )
    return Paused(pause, schedule_id)


def _unused_days(subscription: Subscription, on: date) -> int:
    """Count days that were paid and are not served: those ahead, or those a pause has banked."""
    if subscription.pause is not None:
        return subscription.pause.banked_days
    paid = subscription.paid_through
    return 0 if paid is None else max(0, (paid - on).days)


def _plan_moves_calendar(subscription: Subscription, change: PlanChange, on: date) -> AnchorChanged:
    """Count cycles anew from the change; where nothing runs, from the date already agreed."""
    interval = change.interval or subscription.interval
    rule = change.anchor_rule or subscription.anchor_rule
    period, paid = subscription.period, subscription.paid_through
    if subscription.state is SubscriptionState.TRIALING:
        anchor = first_anchor(
            paid_from=subscription.service_from,
            interval=interval,
            rule=rule,
            day=subscription.anchor_day if interval.unit in _MONTHS else None,
        )
        return AnchorChanged(on, anchor, interval, period, paid, 0)
    agreed = max(start_of(subscription, subscription.next_cycle), subscription.service_from)
    runs = subscription.state is SubscriptionState.ACTIVE
    first_on = on if runs else agreed
    if runs:
        _check_not_before_paid(subscription, first_on)
    anchor = anchor_reaching(
        on=first_on,
        cycle=subscription.next_cycle,
        interval=interval,
        rule=rule,
        day=_intended_day(subscription, first_on) if first_on == agreed else None,
    )
    if not runs or paid is None or paid <= first_on:
        return AnchorChanged(on, anchor, interval, period, paid, 0)
    cut = Period(period.start, first_on) if period and period.start < first_on else None
    return AnchorChanged(on, anchor, interval, cut, first_on, (first_on - paid).days)


def _check_not_before_paid(subscription: Subscription, first_on: date) -> None:
    """Refuse a cycle that would begin before the one that was paid before it."""
    period = subscription.period
    if period is not None and first_on < period.start:
        raise Refused(
            code="paid_ahead",
            field="on",
            value=first_on.isoformat(),
            rule=f"cycle {subscription.last_paid_cycle} from {period.start} on is paid already",
            remedy=f"choose {period.start} or a later date",
        )


def _intended_day(subscription: Subscription, first_on: date) -> int | None:
    """Give the day a short month hides: a cycle on 28 February that means the 31st still does."""
    anchor = subscription.anchor
    hidden = (
        anchor.rule is AnchorRule.KEEP_DAY
        and subscription.interval.unit in _MONTHS
        and first_on.day == days_in_month(first_on.year, first_on.month)
        and anchor.day > first_on.day
    )
    return anchor.day if hidden else None
