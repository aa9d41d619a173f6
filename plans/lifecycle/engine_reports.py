"""What the engine reports: charges, the end of dunning, and that time has passed."""

from __future__ import annotations

from datetime import date

from plans.lifecycle.changes import Cancellation, PauseChange
from plans.lifecycle.commands import ChargeDeclined, ChargeSucceeded, DunningEnded, TimePassed
from plans.lifecycle.context import Context
from plans.lifecycle.effects import cycle_paid, in_effect
from plans.lifecycle.facts import CycleDeclined, Fact, OpenDaysPaid
from plans.lifecycle.passing import fallen_due
from plans.lifecycle.refusals import AlreadyDone, OutOfOrder
from plans.lifecycle.states import SubscriptionState
from plans.lifecycle.subscription import Subscription
from plans.lifecycle.values import DunningOutcome, PauseCause, ResumeMode

__all__ = ["charge_declined", "charge_succeeded", "dunning_ended", "time_passed"]


def charge_succeeded(
    subscription: Subscription, command: ChargeSucceeded, context: Context
) -> tuple[Fact, ...]:
    """Settle the next cycle; money that came is recorded whatever the date."""
    if command.cycle is None:
        return (_open_days_paid(subscription),)
    _check_next(subscription, command.cycle)
    return (cycle_paid(subscription),)


def charge_declined(
    subscription: Subscription, command: ChargeDeclined, context: Context
) -> tuple[Fact, ...]:
    """Record a definite decline."""
    _check_next(subscription, command.cycle)
    return (CycleDeclined(command.cycle, command.reason_code),)


def dunning_ended(
    subscription: Subscription, command: DunningEnded, context: Context
) -> tuple[Fact, ...]:
    """End the wait for payment; what never began cannot be paused and is canceled."""
    never_began = subscription.state is SubscriptionState.PENDING
    if command.outcome is DunningOutcome.CANCEL or never_began:
        return in_effect(subscription, Cancellation(), on=context.on, by=context.actor)
    # Days are banked: a payment that arrives after all still buys its service.
    pause = PauseChange(None, ResumeMode.SAME_ANCHOR, PauseCause.DUNNING, banks_days=True)
    return in_effect(subscription, pause, on=context.on, by=context.actor)


def time_passed(
    subscription: Subscription, command: TimePassed, context: Context
) -> tuple[Fact, ...]:
    """Let everything take effect that waited for today or an earlier day; maybe nothing."""
    return fallen_due(subscription, on=context.on)


def _check_next(subscription: Subscription, cycle: int) -> None:
    last = subscription.last_paid_cycle
    if last is not None and cycle <= last:
        raise AlreadyDone(
            field="cycle", value=cycle, rule="it is settled, or lies before one that is"
        )
    if cycle != subscription.next_cycle:
        left_out = cycle < subscription.next_cycle
        raise OutOfOrder(
            code="cycle_left_out" if left_out else "out_of_order",
            field="cycle",
            value=cycle,
            rule=f"the next cycle is {subscription.next_cycle}"
            + ("; this one was skipped or paused away" if left_out else ""),
            remedy="refund the charge" if left_out else "report the cycles in their order",
        )


def _open_days_paid(subscription: Subscription) -> OpenDaysPaid:
    period, paid = subscription.period, subscription.paid_through
    through: date | None = None if period is None else period.end
    if through is None or (paid is not None and paid >= through) or subscription.pause is not None:
        raise AlreadyDone(field="cycle", value=None, rule="no day of the running period is open")
    return OpenDaysPaid(through)
