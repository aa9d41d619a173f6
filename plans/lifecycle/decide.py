"""The one door for changes: a command and its circumstances go in, events come out, or a refusal.

Nothing is written and no clock is read. The same input gives the same events, so a command can be
asked as "what if" and decided again when it is confirmed.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import assert_never

from plans.lifecycle import (
    amazon_inputs,
    changing,
    dates,
    engine_reports,
    leaving,
    pausing,
    starting,
)
from plans.lifecycle import commands as c
from plans.lifecycle.context import Context
from plans.lifecycle.evolve import apply_all
from plans.lifecycle.facts import Event, Fact
from plans.lifecycle.guards import broken_guards, guards_of_creation
from plans.lifecycle.policy import Policy
from plans.lifecycle.refusals import GuardRefused, ReasonNeeded
from plans.lifecycle.subscription import Subscription, present
from plans.lifecycle.table import check_possible
from plans.lifecycle.values import Actor

__all__ = ["decide"]

_DEFAULT_POLICY = Policy()


def decide(
    subscription: Subscription | None,
    command: c.Command,
    *,
    actor: Actor,
    reason: str,
    at: datetime,
    on: date,
    policy: Policy = _DEFAULT_POLICY,
    quote_id: str | None = None,
) -> tuple[Event, ...]:
    """Say what a command brings about, as events to append; empty only when time brought nothing.

    `at` is an aware UTC instant and `on` the merchant's civil date then; `subscription` is None for
    `Create`. Guards hold for customers; staff override them with a reason, which the events record.
    Raises Refused (its classes say what to do), BadInput or BeyondCalendar.
    """
    context = Context(actor, reason, at, on, policy, quote_id)
    check_possible(type(command), None if subscription is None else subscription.state, actor=actor)
    if isinstance(command, c.Create):
        facts = starting.create(command, context)
        overridden = _judged(guards_of_creation(command, context), context)
        return _events(command.id, 0, facts, overridden, context)
    subscription = present(subscription, field="subscription")
    facts = _facts(subscription, command, context)
    after = apply_all(subscription, facts)
    overridden = ()
    if actor in (Actor.CUSTOMER, Actor.STAFF):
        broken = broken_guards(subscription, command, facts, after, context)
        overridden = _judged(broken, context)
    return _events(subscription.id, subscription.sequence, facts, overridden, context)


def _judged(broken: tuple[GuardRefused, ...], context: Context) -> tuple[str, ...]:
    """Raise for customers; for staff, name the guards that they set aside."""
    if context.actor is Actor.CUSTOMER and broken:
        raise broken[0]
    if context.actor is not Actor.STAFF:
        return ()
    codes = tuple(dict.fromkeys(each.code for each in broken))
    if codes and not context.reason.strip():
        raise ReasonNeeded(guards=codes)
    return codes


def _events(
    subscription_id: str,
    sequence: int,
    facts: tuple[Fact, ...],
    overridden: tuple[str, ...],
    context: Context,
) -> tuple[Event, ...]:
    return tuple(
        Event(
            subscription_id=subscription_id,
            sequence=number,
            at=context.at,
            on=context.on,
            actor=context.actor,
            reason=context.reason,
            quote_id=context.quote_id,
            overridden=overridden,
            fact=fact,
        )
        for number, fact in enumerate(facts, start=sequence + 1)
    )


def _facts(was: Subscription, command: c.Request | c.Report, context: Context) -> tuple[Fact, ...]:
    match command:
        case c.EndTrialEarly():
            return starting.end_trial_early(was, command, context)
        case c.ExtendTrial():
            return starting.extend_trial(was, command, context)
        case c.ChangePlan():
            return changing.change_plan(was, command, context)
        case c.ChangeQuantity():
            return changing.change_quantity(was, command, context)
        case c.AddAddOn() | c.ChangeAddOn() | c.RemoveAddOn():
            return changing.change_add_ons(was, command, context)
        case c.AddCoupon() | c.RemoveCoupon():
            return changing.change_coupons(was, command, context)
        case c.SkipCycles():
            return dates.skip_cycles(was, command, context)
        case c.ChangeNextDate():
            return dates.change_next_date(was, command, context)
        case c.ChangeAnchor():
            return dates.change_anchor(was, command, context)
        case c.Pause():
            return pausing.pause(was, command, context)
        case c.Resume():
            return pausing.resume(was, command, context)
        case c.Cancel():
            return leaving.cancel(was, command, context)
        case c.Undo():
            return leaving.undo(was, command, context)
        case c.Reactivate():
            return leaving.reactivate(was, command, context)
        case _:
            return _reported(was, command, context)


def _reported(was: Subscription, command: c.Report, context: Context) -> tuple[Fact, ...]:
    match command:
        case c.BuyerClosedPermission():
            return amazon_inputs.buyer_closed(was, command, context)
        case c.PermissionNotChargeable():
            return amazon_inputs.permission_not_chargeable(was, command, context)
        case c.PermissionChargeable():
            return amazon_inputs.permission_chargeable(was, command, context)
        case c.PermissionReplaced():
            return amazon_inputs.permission_replaced(was, command, context)
        case c.ChargeSucceeded():
            return engine_reports.charge_succeeded(was, command, context)
        case c.ChargeDeclined():
            return engine_reports.charge_declined(was, command, context)
        case c.DunningEnded():
            return engine_reports.dunning_ended(was, command, context)
        case c.TimePassed():
            return engine_reports.time_passed(was, command, context)
        case _:
            assert_never(command)
