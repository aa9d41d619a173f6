"""Guards: rules that hold for customers, and that staff may override with a reason.

Each guard looks at the subscription before and after the decided facts and yields refusals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from plans.catalogue.families import Replacement
from plans.lifecycle import commands as c
from plans.lifecycle.changes import Cancellation, Change
from plans.lifecycle.context import Context
from plans.lifecycle.facts import Fact, Scheduled
from plans.lifecycle.passing import coming_charges
from plans.lifecycle.policy import EarlyLeave
from plans.lifecycle.refusals import DeadlinePassed, GuardRefused, MinimumTermOpen
from plans.lifecycle.states import SubscriptionState
from plans.lifecycle.subscription import Subscription, first_days_free, present
from plans.lifecycle.values import Actor, Timing

__all__ = ["broken_guards", "guards_of_creation", "remaining_cycles"]

_S = SubscriptionState
_TERMS = (
    c.ChangePlan,
    c.ChangeQuantity,
    c.AddAddOn,
    c.ChangeAddOn,
    c.RemoveAddOn,
    c.AddCoupon,
    c.RemoveCoupon,
)
_CALENDAR = (c.SkipCycles, c.ChangeNextDate, c.ChangeAnchor, c.Pause)
_BEFORE_FIRST_CHARGE = (_S.PENDING, _S.TRIALING)


@dataclass(frozen=True, slots=True)
class Case:
    """What a guard looks at: before, the command, after, and the day it takes effect."""

    before: Subscription
    command: c.Command
    after: Subscription
    effective_on: date
    context: Context


def broken_guards(
    before: Subscription,
    command: c.Command,
    facts: tuple[Fact, ...],
    after: Subscription,
    context: Context,
) -> tuple[GuardRefused, ...]:
    """Give every guard the command breaks, the weightiest first."""
    waits = (fact.entry.on for fact in facts if isinstance(fact, Scheduled))
    case = Case(before, command, after, next(waits, context.on), context)
    guards = (_term, _shortened_term, _direction, _smaller, _deadline, _limits, _refund, _others)
    return tuple(refusal for guard in guards for refusal in guard(case))


def guards_of_creation(command: c.Create, context: Context) -> tuple[GuardRefused, ...]:
    """Give the guards that a new agreement breaks: trial used before, quantity."""
    return (*_trial_again(command, context), *_quantity(command.quantity, context))


def remaining_cycles(subscription: Subscription, *, on: date) -> int:
    """Count paid cycles of the minimum term that would still be owed on a date.

    Charges until the day before are assumed to succeed. The term binds from the first paid cycle
    on: a trial is free to leave.
    """
    owed = subscription.cycles_owed
    free = subscription.next_cycle if first_days_free(subscription) else None
    charges = (cycle for cycle, _ in coming_charges(subscription, before=on) if cycle != free)
    coming = sum(1 for _ in islice(charges, owed))
    if subscription.state in _BEFORE_FIRST_CHARGE and coming == 0:
        return 0
    return owed - coming


def _term(case: Case) -> Iterator[GuardRefused]:
    """Leaving inside the minimum term."""
    command = case.command
    if not isinstance(command, c.Cancel):
        return
    remaining = remaining_cycles(case.before, on=case.effective_on)
    for_fee = case.context.policy.leave_early is EarlyLeave.FOR_FEE
    if remaining == 0 or (for_fee and command.pays_fee):
        return
    remedy = "agree to the fee, or" if for_fee and command.fee_yen is not None else "please"
    yield MinimumTermOpen(
        remaining_cycles=remaining,
        fee_yen=command.fee_yen,
        remedy=f"{remedy} cancel for a date after these cycles are paid",
    )


def _shortened_term(case: Case) -> Iterator[GuardRefused]:
    """A skip, pause or later date that leaves a waiting cancellation inside the minimum term."""
    waiting = case.after.cancellation
    if waiting is None or isinstance(case.command, c.Cancel):
        return
    if waiting.actor is not Actor.CUSTOMER or _paid_for(waiting.change):
        return
    remaining = remaining_cycles(case.after, on=waiting.on)
    if remaining > remaining_cycles(case.before, on=waiting.on):
        yield MinimumTermOpen(
            remaining_cycles=remaining,
            fee_yen=None,
            remedy=f"undo {waiting.id} first, which cancels on {waiting.on}",
        )


def _paid_for(change: Change) -> bool:
    return isinstance(change, Cancellation) and change.fee_yen > 0


def _direction(case: Case) -> Iterator[GuardRefused]:
    """When plans may be changed upwards, downwards and sideways."""
    command, policy = case.command, case.context.policy
    if not isinstance(command, c.ChangePlan):
        return
    offered = {
        Replacement.UPGRADE: policy.upgrade_timings,
        Replacement.DOWNGRADE: policy.downgrade_timings,
        Replacement.CROSS_GRADE: policy.cross_grade_timings,
    }[command.direction]
    if command.timing not in offered:
        names = ", ".join(each.value for each in Timing if each in offered) or "never"
        yield GuardRefused(
            code="direction",
            field="timing",
            value=command.timing.value,
            rule=f"this {command.direction.value} is offered {names}",
            remedy="choose another timing" if offered else "choose another plan",
        )


def _smaller(case: Case) -> Iterator[GuardRefused]:
    """A smaller agreement before the minimum term is done."""
    command = case.command
    if case.context.policy.downgrade_in_minimum_term or not _is_smaller(case.before, command):
        return
    remaining = remaining_cycles(case.before, on=case.effective_on)
    if remaining:
        yield MinimumTermOpen(
            remaining_cycles=remaining,
            fee_yen=None,
            remedy="make it smaller on a date after these cycles are paid",
        )


def _is_smaller(before: Subscription, command: c.Command) -> bool:
    match command:
        case c.ChangePlan(direction=Replacement.DOWNGRADE):
            return True
        case c.ChangePlan(quantity=int(quantity)) | c.ChangeQuantity(quantity=quantity):
            return quantity < before.quantity
        case _:
            return False


def _deadline(case: Case) -> Iterator[GuardRefused]:
    """Too late for the coming charge. Owing one, or being paused, is no reason to wait."""
    before, on, policy = case.before, case.context.on, case.context.policy
    effective_on = _reaches_charges_from(case)
    if before.state not in (_S.TRIALING, _S.ACTIVE) or effective_on is None:
        return
    charge_on = _coming_charge(case)
    if charge_on is None or effective_on > charge_on:
        return
    settled_by_itself = isinstance(case.command, _TERMS) and case.command.timing is Timing.NOW
    if settled_by_itself and policy.now_after_deadline and on < charge_on:
        return
    deadline = charge_on - timedelta(days=policy.cutoff_days)
    if on > deadline:
        yield DeadlinePassed(deadline=deadline, charge_on=charge_on)


def _reaches_charges_from(case: Case) -> date | None:
    """Give the day from which the command changes charges, None when the deadline spares it."""
    command = case.command
    if isinstance(command, c.Undo):
        undone = present(case.before.waiting(command.schedule_id), field="schedule_id")
        # Staying a customer is never too late.
        return None if isinstance(undone.change, Cancellation) else undone.on
    bound = isinstance(command, (*_TERMS, *_CALENDAR, c.Cancel))
    return case.effective_on if bound else None


def _coming_charge(case: Case) -> date | None:
    """Give the next charge; a command that moves dates is judged by the earlier of old and new."""
    moves_dates = isinstance(case.command, (*_CALENDAR, c.Undo))
    sides = (case.before, case.after) if moves_dates else (case.before,)
    charges = (next(coming_charges(side, before=date.max), None) for side in sides)
    return min((charge[1] for charge in charges if charge is not None), default=None)


def _limits(case: Case) -> Iterator[GuardRefused]:
    """How much, how long, how far ahead."""
    command, policy, on = case.command, case.context.policy, case.context.on
    match command:
        case c.ChangeQuantity(quantity=quantity) | c.ChangePlan(quantity=int(quantity)):
            yield from _quantity(quantity, case.context)
        case c.SkipCycles(count=count):
            yield from _at_most("count", count, policy.skip_cycles_max, "cycles are left out")
        case c.Pause() | c.Resume() if (ends := _pause_end(case)) is not None:
            days = (ends - case.effective_on).days
            yield from _at_most("until", days, policy.pause_days_max, "days are paused")
        case c.Pause() if policy.pause_days_max is not None:
            yield _too_much("until", "until resumed", f"{policy.pause_days_max} days are paused")
        case c.ExtendTrial():
            yield GuardRefused(
                code="not_offered",
                field="ends_on",
                value=command.ends_on.isoformat(),
                rule="customers do not extend their own trial",
                remedy="ask the shop",
            )
        case _:
            pass
    ahead = (case.effective_on - on).days
    yield from _at_most("on_date", ahead, policy.schedule_days_max, "days ahead can be planned")


def _pause_end(case: Case) -> date | None:
    if case.after.pause is not None:
        return case.after.pause.until
    old = {each.id for each in case.before.queue}
    new = (each.change for each in case.after.queue if each.id not in old)
    return next((getattr(each, "until", None) for each in new), None)


def _quantity(quantity: int, context: Context) -> Iterator[GuardRefused]:
    low, high = context.policy.quantity_min, context.policy.quantity_max
    if quantity < low or (high is not None and quantity > high):
        allowed = f"from {low} up" if high is None else f"from {low} to {high}"
        yield GuardRefused(
            code="quantity_limit",
            field="quantity",
            value=quantity,
            rule=f"the shop sells {allowed}",
            remedy="choose a quantity in that range, or ask the shop",
        )


def _at_most(field: str, value: int, limit: int | None, what: str) -> Iterator[GuardRefused]:
    if limit is not None and value > limit:
        yield _too_much(field, value, f"{limit} {what}")


def _too_much(field: str, value: object, limit: str) -> GuardRefused:
    return GuardRefused(
        code="limit",
        field=field,
        value=value,
        rule=f"at most {limit}",
        remedy="choose less, or ask the shop",
    )


def _refund(case: Case) -> Iterator[GuardRefused]:
    """Which refunds customers choose themselves."""
    command = case.command
    if isinstance(command, c.Cancel) and command.refund not in case.context.policy.refunds:
        yield GuardRefused(
            code="refund_not_offered",
            field="refund",
            value=command.refund.value,
            rule="the shop's terms do not offer this refund",
            remedy="cancel without it, or ask the shop",
        )


def _others(case: Case) -> Iterator[GuardRefused]:
    """What the shop or Amazon brought about is not the customer's to undo."""
    command = case.command
    if isinstance(command, c.Resume):
        yield from _pause_of_staff(case)
    if not isinstance(command, c.Undo | c.Reactivate | c.ChangePlan):
        return
    kept = {each.id for each in case.after.queue}
    for entry in case.before.queue:
        if entry.id not in kept and entry.actor is not Actor.CUSTOMER:
            yield GuardRefused(
                code="not_yours",
                field="schedule_id",
                value=entry.id,
                rule=f"it was asked for by {entry.actor.value}",
                remedy="ask the shop",
            )


def _pause_of_staff(case: Case) -> Iterator[GuardRefused]:
    """Ending a pause that staff made. For staff it is no override: the pause is the shop's own."""
    pause = case.before.pause
    by_staff = pause is not None and pause.by is Actor.STAFF
    if by_staff and case.context.actor is Actor.CUSTOMER:
        yield GuardRefused(
            code="not_yours",
            field="pause",
            value=Actor.STAFF.value,
            rule="the pause was made by staff",
            remedy="ask the shop",
        )


def _trial_again(command: c.Create, context: Context) -> Iterator[GuardRefused]:
    days = context.policy.trial_again_after_days
    last = command.last_trial_on
    wants_one = command.trial_days > 0 or command.trial_ends_on is not None
    if last is None or not wants_one:
        return
    again_on = None if days is None else last + timedelta(days=days)
    if again_on is None or context.on < again_on:
        when = "never again" if again_on is None else f"again from {again_on}"
        yield GuardRefused(
            code="trial_used",
            field="trial_days",
            value=command.trial_days,
            rule=f"a trial of these plans began on {last}; one is offered {when}",
            remedy="sign up without a trial",
        )
