"""Changes of what is bought: plan, seats, add-ons, coupons."""

from __future__ import annotations

from datetime import date

from plans.lifecycle.changes import (
    AddOnChange,
    AddOnStep,
    CouponChange,
    CouponStep,
    PlanChange,
    QuantityChange,
)
from plans.lifecycle.commands import (
    AddAddOn,
    AddCoupon,
    ChangeAddOn,
    ChangePlan,
    ChangeQuantity,
    RemoveAddOn,
    RemoveCoupon,
)
from plans.lifecycle.context import Context
from plans.lifecycle.evolve import apply_all
from plans.lifecycle.facts import Fact, Withdrawn
from plans.lifecycle.going_back import gone_back
from plans.lifecycle.policy import WhenCanceling
from plans.lifecycle.queue_rules import check_sequence
from plans.lifecycle.refusals import Conflict, Refused
from plans.lifecycle.scheduling import carry_out, effective_date
from plans.lifecycle.subscription import Subscription
from plans.lifecycle.terms import TermsChange, check_count
from plans.lifecycle.values import Timing

__all__ = ["change_add_ons", "change_coupons", "change_plan", "change_quantity"]


def change_plan(
    subscription: Subscription, command: ChangePlan, context: Context
) -> tuple[Fact, ...]:
    """Move to another plan or price."""
    if command.minimum_cycles < 0:
        raise Refused(
            code="bad_count",
            field="minimum_cycles",
            value=command.minimum_cycles,
            rule="minimum_cycles is 0 or more",
            remedy="correct it",
        )
    same_length = command.interval == subscription.interval
    same_rule = command.anchor_rule == subscription.anchor_rule
    change = PlanChange(
        replaces=command.replaces,
        plan_code=command.plan_code,
        price_ref=command.price_ref,
        direction=command.direction,
        interval=None if same_length else command.interval,
        anchor_rule=None if same_rule else command.anchor_rule,
        quantity=command.quantity,
        minimum_cycles=command.minimum_cycles,
        restarts=command.restarts,
        first_period=command.first_period,
    )
    first = _of_waiting_cancellation(subscription, context)
    subscription = apply_all(subscription, first)
    due = effective_date(
        subscription, timing=command.timing, on_date=command.on_date, on=context.on
    )
    if due == context.on and (back := gone_back(subscription, change, on=due)):
        check_sequence(apply_all(subscription, back))
        return first + back
    return first + _carry_out(subscription, change, command.timing, command.on_date, context)


def change_quantity(
    subscription: Subscription, command: ChangeQuantity, context: Context
) -> tuple[Fact, ...]:
    """Set the number of seats."""
    check_count("quantity", command.quantity)
    change = QuantityChange(command.quantity)
    return _carry_out(subscription, change, command.timing, command.on_date, context)


def change_add_ons(
    subscription: Subscription, command: AddAddOn | ChangeAddOn | RemoveAddOn, context: Context
) -> tuple[Fact, ...]:
    """Take an add-on, change its number, give it up."""
    match command:
        case AddAddOn(code, quantity):
            change = AddOnChange(AddOnStep.ADD, code, quantity)
        case ChangeAddOn(code, quantity):
            change = AddOnChange(AddOnStep.CHANGE, code, quantity)
        case RemoveAddOn(code):
            change = AddOnChange(AddOnStep.REMOVE, code, 0)
    return _carry_out(subscription, change, command.timing, command.on_date, context)


def change_coupons(
    subscription: Subscription, command: AddCoupon | RemoveCoupon, context: Context
) -> tuple[Fact, ...]:
    """Put a coupon on, take it off."""
    step = CouponStep.ADD if isinstance(command, AddCoupon) else CouponStep.REMOVE
    change = CouponChange(step, command.code)
    return _carry_out(subscription, change, command.timing, command.on_date, context)


def _carry_out(
    subscription: Subscription,
    change: TermsChange,
    timing: Timing,
    on_date: date | None,
    context: Context,
) -> tuple[Fact, ...]:
    due = effective_date(subscription, timing=timing, on_date=on_date, on=context.on)
    bound = timing is Timing.PERIOD_END
    return carry_out(subscription, change, due=due, bound=bound, context=context)


def _of_waiting_cancellation(subscription: Subscription, context: Context) -> tuple[Fact, ...]:
    """Say what a plan change does to a cancellation that waits; never left in place by accident."""
    waiting = subscription.cancellation
    rule = context.policy.plan_change_while_canceling
    if waiting is None or rule is WhenCanceling.KEEP:
        return ()
    if rule is WhenCanceling.WITHDRAW:
        return (Withdrawn(waiting.id),)
    raise Conflict(
        code="cancellation_waits",
        field="plan",
        value=waiting.on.isoformat(),
        rule=f"{waiting.id} cancels on {waiting.on}",
        undo=waiting.id,
    )
