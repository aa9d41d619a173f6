"""Changes of the calendar: skip cycles, move the next charge, move the anchor."""

from __future__ import annotations

from plans.calendar import cycle_on_or_after
from plans.lifecycle.changes import (
    Cancellation,
    CouponChange,
    PauseChange,
    ScheduledChange,
    moves_calendar,
)
from plans.lifecycle.commands import ChangeAnchor, ChangeNextDate, SkipCycles
from plans.lifecycle.context import Context
from plans.lifecycle.effects import anchor_moved
from plans.lifecycle.facts import Fact, NextDateMoved
from plans.lifecycle.queue_rules import check_bound, check_settled
from plans.lifecycle.refusals import AlreadyDone, Conflict, Refused, WrongMoment
from plans.lifecycle.scheduling import carry_out, check_not_past
from plans.lifecycle.subscription import Subscription, charge_on, start_of
from plans.lifecycle.terms import check_count
from plans.lifecycle.values import PauseCause, ResumeMode

__all__ = ["change_anchor", "change_next_date", "skip_cycles"]


def skip_cycles(
    subscription: Subscription, command: SkipCycles, context: Context
) -> tuple[Fact, ...]:
    """Leave cycles out; the ones after them keep their numbers and dates."""
    check_count("count", command.count)
    first = command.from_cycle
    if first is None:
        first = _next_not_paused(subscription)
    if first < subscription.next_cycle or (starts := start_of(subscription, first)) < context.on:
        raise Refused(
            code="cycle_begun",
            field="from_cycle",
            value=first,
            rule=f"it has begun; cycle {subscription.next_cycle} is charged next",
            remedy="skip a cycle that has not begun",
        )
    change = PauseChange(
        until=start_of(subscription, first + command.count),
        mode=ResumeMode.SAME_ANCHOR,
        cause=PauseCause.SKIP,
        banks_days=True,
    )
    return carry_out(subscription, change, due=starts, bound=True, context=context)


def change_next_date(
    subscription: Subscription, command: ChangeNextDate, context: Context
) -> tuple[Fact, ...]:
    """Move the charge of the next cycle; its days, and every date after it, stay."""
    check_not_past("to", command.to, on=context.on)
    check_settled(subscription, on=context.on, field="to")
    cycle = subscription.next_cycle
    agreed, following = start_of(subscription, cycle), start_of(subscription, cycle + 1)
    if command.to == charge_on(subscription):
        raise AlreadyDone(field="to", value=command.to.isoformat(), rule="it is charged that day")
    if command.to >= following:
        raise WrongMoment(
            field="to",
            value=command.to.isoformat(),
            rule=f"cycle {cycle + 1} starts on {following}",
            remedy="give an earlier date, skip the cycle, or change the anchor",
        )
    for entry in subscription.queue:
        if _hinders_move(entry, command, subscription):
            raise Conflict(
                code="date_taken",
                field="to",
                value=command.to.isoformat(),
                rule=f"{entry.id} takes effect on {entry.on}",
                undo=entry.id,
            )
    return (NextDateMoved(cycle, None if command.to == agreed else command.to),)


def change_anchor(
    subscription: Subscription, command: ChangeAnchor, context: Context
) -> tuple[Fact, ...]:
    """Let the next cycle start on another date and count all later ones from there."""
    check_not_past("first_on", command.first_on, on=context.on)
    check_settled(subscription, on=context.on, field="first_on")
    following = start_of(subscription, subscription.next_cycle + 1)
    if command.first_on >= following:
        raise WrongMoment(
            field="first_on",
            value=command.first_on.isoformat(),
            rule=f"the next cycle would end on {following} as anchored now",
            remedy="give an earlier date, or skip a cycle first",
        )
    check_bound(subscription, on=context.on, field="first_on")
    for entry in subscription.queue:
        if moves_calendar(entry.change):
            raise Conflict(
                code="calendar_bound",
                field="first_on",
                value=command.first_on.isoformat(),
                rule=f"{entry.id} moves the calendar on {entry.on}",
                undo=entry.id,
            )
    moved = anchor_moved(subscription, on=context.on, first_on=command.first_on, day=command.day)
    if moved.anchor == subscription.anchor and subscription.next_on is None:
        raise AlreadyDone(
            field="first_on", value=command.first_on.isoformat(), rule="it is anchored so"
        )
    return (moved,)


def _next_not_paused(subscription: Subscription) -> int:
    """Find the first cycle that no waiting pause covers."""
    cycle = subscription.next_cycle
    for entry in subscription.queue:
        change = entry.change
        if isinstance(change, PauseChange) and entry.on <= start_of(subscription, cycle):
            if change.until is None:
                raise Conflict(
                    code="pause_in_pause",
                    field="from_cycle",
                    value=cycle,
                    rule=f"{entry.id} pauses from {entry.on} until resumed",
                    undo=entry.id,
                )
            resumes = cycle_on_or_after(
                anchor=subscription.anchor, interval=subscription.interval, on=change.until
            )
            cycle = max(cycle, resumes)
    return cycle


def _hinders_move(
    entry: ScheduledChange, command: ChangeNextDate, subscription: Subscription
) -> bool:
    change = entry.change
    agreed = start_of(subscription, subscription.next_cycle)
    if isinstance(change, Cancellation):
        # A cycle that will not be served is not charged, on no date.
        return entry.on <= agreed or command.to >= entry.on
    if isinstance(change, PauseChange):
        low, high = min(agreed, command.to), max(agreed, command.to)
        return entry.on <= high and (change.until is None or change.until > low)
    within = agreed < entry.on <= command.to and not isinstance(change, CouponChange)
    return within or moves_calendar(change)
