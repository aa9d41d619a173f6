"""Cancel, undo, and going on after all."""

from __future__ import annotations

from datetime import date

from plans.lifecycle.changes import Cancellation
from plans.lifecycle.commands import Cancel, Reactivate, Undo
from plans.lifecycle.context import Context
from plans.lifecycle.effects import resumed
from plans.lifecycle.evolve import apply_all
from plans.lifecycle.facts import Fact, NextDateMoved, Withdrawn
from plans.lifecycle.pausing import check_can_charge_again
from plans.lifecycle.queue_rules import check_undo
from plans.lifecycle.refusals import AlreadyDone, Refused, UnknownSchedule
from plans.lifecycle.scheduling import carry_out, effective_date
from plans.lifecycle.subscription import Subscription, start_of
from plans.lifecycle.values import PauseCause, PermissionState, Timing

__all__ = ["cancel", "reactivate", "undo"]

_LIFTED = (PauseCause.DUNNING, PauseCause.PERMISSION)


def cancel(subscription: Subscription, command: Cancel, context: Context) -> tuple[Fact, ...]:
    """End the agreement today or on a later date; paid days before that date are served."""
    if command.pays_fee and command.fee_yen is None:
        raise _bad_fee(None, "agreeing to a fee needs its amount")
    if command.fee_yen is not None and command.fee_yen < 0:
        raise _bad_fee(command.fee_yen, "a fee is 0 yen or more")
    due = effective_date(
        subscription, timing=command.timing, on_date=command.on_date, on=context.on
    )
    fee = (command.fee_yen or 0) if command.pays_fee else 0
    change = Cancellation(command.refund, fee)
    bound = command.timing is Timing.PERIOD_END
    first = _not_charged_ahead(subscription, due)
    subscription = apply_all(subscription, first)
    return first + carry_out(subscription, change, due=due, bound=bound, context=context)


def _not_charged_ahead(subscription: Subscription, due: date) -> tuple[Fact, ...]:
    """Put back a charge that was moved forward, when its cycle will not be served any more."""
    moved, cycle = subscription.next_on, subscription.next_cycle
    if moved is None or not moved < due <= start_of(subscription, cycle):
        return ()
    return (NextDateMoved(cycle, None),)


def undo(subscription: Subscription, command: Undo, context: Context) -> tuple[Fact, ...]:
    """Take back a change that waits; what depends on it must be undone first."""
    if subscription.waiting(command.schedule_id) is None:
        raise UnknownSchedule(
            schedule_id=command.schedule_id,
            waiting=tuple(each.id for each in subscription.queue),
        )
    facts = (Withdrawn(command.schedule_id),)
    check_undo(apply_all(subscription, facts), schedule_id=command.schedule_id)
    return facts


def reactivate(
    subscription: Subscription, command: Reactivate, context: Context
) -> tuple[Fact, ...]:
    """Withdraw the waiting cancellation, or lift a pause that dunning or Amazon brought about."""
    waiting = subscription.cancellation
    pause = subscription.pause
    if subscription.permission.state is PermissionState.CLOSED:
        check_can_charge_again(subscription)
    if waiting is not None:
        return (Withdrawn(waiting.id),)
    if pause is None or pause.cause not in _LIFTED:
        raise AlreadyDone(
            field="state",
            value=subscription.state.value,
            rule="no cancellation waits and nothing was paused by dunning or by Amazon",
        )
    check_can_charge_again(subscription)
    return (resumed(subscription, on=context.on, mode=command.mode),)


def _bad_fee(value: int | None, rule: str) -> Refused:
    return Refused(
        code="bad_fee",
        field="fee_yen",
        value=value,
        rule=rule,
        remedy="give what the catalogue's formula says",
    )
