"""The beginning: create, and the trial that ends earlier or later than agreed."""

from __future__ import annotations

from datetime import date

from plans.lifecycle.calendar_moves import first_anchor
from plans.lifecycle.commands import Create, EndTrialEarly, ExtendTrial
from plans.lifecycle.context import Context
from plans.lifecycle.effects import started
from plans.lifecycle.evolve import created
from plans.lifecycle.facts import Created, Fact, TrialEndMoved
from plans.lifecycle.queue_rules import check_bound
from plans.lifecycle.refusals import Refused, WrongMoment
from plans.lifecycle.scheduling import check_not_past
from plans.lifecycle.subscription import Subscription, present
from plans.lifecycle.terms import check_count
from plans.lifecycle.values import AddOnHeld, Permission, PermissionState, Trial

__all__ = ["create", "end_trial_early", "extend_trial", "successor"]


def create(command: Create, context: Context) -> tuple[Fact, ...]:
    """Begin an agreement, and its service too when consent is there and the day has come."""
    _check(command)
    fact = Created(
        plan_code=command.plan_code,
        price_ref=command.price_ref,
        quantity=command.quantity,
        coupons=command.coupons,
        interval=command.interval,
        anchor_rule=command.anchor_rule,
        anchor_day=command.anchor_day,
        anchor=first_anchor(
            paid_from=command.starts_on,
            interval=command.interval,
            rule=command.anchor_rule,
            day=command.anchor_day,
        ),
        starts_on=command.starts_on,
        trial_days=command.trial_days,
        trial_ends_on=command.trial_ends_on,
        minimum_cycles=command.minimum_cycles,
        permission=_permission(command.permission_id),
        follows=command.follows,
        first_period=command.first_period,
        add_ons=tuple(AddOnHeld(each.code, each.quantity, 0) for each in command.add_ons),
    )
    after = created(command.id, fact, on=context.on)
    if after.chargeable and command.starts_on <= context.on:
        return fact, started(after, on=command.starts_on)
    return (fact,)


def end_trial_early(
    subscription: Subscription, command: EndTrialEarly, context: Context
) -> tuple[Fact, ...]:
    """Let the first paid cycle begin sooner."""
    trial = present(subscription.trial, field="trial")
    check_not_past("ends_on", command.ends_on, on=context.on)
    if command.ends_on >= trial.ends_on:
        raise _not_between(command.ends_on, f"the trial ends on {trial.ends_on}", "an earlier date")
    return _moved(subscription, trial, command.ends_on, context)


def extend_trial(
    subscription: Subscription, command: ExtendTrial, context: Context
) -> tuple[Fact, ...]:
    """Let the first paid cycle begin later."""
    trial = present(subscription.trial, field="trial")
    check_not_past("ends_on", command.ends_on, on=context.on)
    if command.ends_on <= trial.ends_on:
        raise _not_between(command.ends_on, f"the trial ends on {trial.ends_on}", "a later date")
    return _moved(subscription, trial, command.ends_on, context)


def successor(
    subscription: Subscription, *, id: str, starts_on: date, permission_id: str | None
) -> Create:
    """Give the command that signs a canceled subscription up anew, on the same terms.

    Canceled is final, so this is a new agreement with its own consent and cycles. It has no trial
    and no coupons; add-ons are taken with `AddAddOn`.
    """
    return Create(
        id=id,
        plan_code=subscription.plan_code,
        price_ref=subscription.price_ref,
        interval=subscription.interval,
        starts_on=starts_on,
        quantity=subscription.quantity,
        anchor_rule=subscription.anchor_rule,
        anchor_day=subscription.anchor_day,
        permission_id=permission_id,
        follows=subscription.id,
        first_period=subscription.first_period,
    )


def _check(command: Create) -> None:
    check_count("quantity", command.quantity)
    for field in ("id", "plan_code", "price_ref"):
        if not getattr(command, field):
            raise _bad(field, "", f"{field} is not empty", "give one")
    for field in ("trial_days", "minimum_cycles"):
        if getattr(command, field) < 0:
            raise _bad(field, getattr(command, field), f"{field} is 0 or more", "correct it")
    if command.trial_ends_on is not None and command.trial_days:
        raise _bad("trial_ends_on", command.trial_ends_on, "a trial has days or an end", "give one")
    if len(set(command.coupons)) < len(command.coupons):
        raise _bad("coupons", command.coupons, "a coupon is on once", "name each once")
    codes = tuple(each.code for each in command.add_ons)
    if len(set(codes)) < len(codes):
        raise _bad("add_ons", codes, "an add-on is held once", "give its number instead")
    for each in command.add_ons:
        check_count("quantity", each.quantity)


def _permission(permission_id: str | None) -> Permission:
    if permission_id is None:
        return Permission(None, PermissionState.NOT_CHARGEABLE, "consent is awaited")
    return Permission(permission_id, PermissionState.CHARGEABLE)


def _moved(
    subscription: Subscription, trial: Trial, ends_on: date, context: Context
) -> tuple[Fact, ...]:
    check_bound(subscription, on=context.on, field="ends_on")
    anchor = first_anchor(
        paid_from=ends_on,
        interval=subscription.interval,
        rule=subscription.anchor_rule,
        day=subscription.anchor_day,
    )
    return (TrialEndMoved(Trial(trial.starts_on, ends_on), anchor),)


def _not_between(value: date, rule: str, remedy: str) -> WrongMoment:
    return WrongMoment(field="ends_on", value=value.isoformat(), rule=rule, remedy=f"give {remedy}")


def _bad(field: str, value: object, rule: str, remedy: str) -> Refused:
    return Refused(code="bad_input", field=field, value=value, rule=rule, remedy=remedy)
