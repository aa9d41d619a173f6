"""What Amazon tells about the charge permission, and what follows from it."""

from __future__ import annotations

from datetime import date

from plans.lifecycle.changes import Cancellation, PauseChange
from plans.lifecycle.commands import (
    BuyerClosedPermission,
    PermissionChargeable,
    PermissionNotChargeable,
    PermissionReplaced,
)
from plans.lifecycle.context import Context
from plans.lifecycle.effects import in_effect, resumed, started
from plans.lifecycle.evolve import apply, apply_all
from plans.lifecycle.facts import Fact, PermissionChanged, Withdrawn
from plans.lifecycle.policy import WhenBuyerCloses, WhenNotChargeable
from plans.lifecycle.refusals import AlreadyDone, OutOfOrder, Refused
from plans.lifecycle.scheduling import carry_out
from plans.lifecycle.states import SubscriptionState
from plans.lifecycle.subscription import Subscription
from plans.lifecycle.values import Actor, PauseCause, Permission, PermissionState, ResumeMode

__all__ = [
    "buyer_closed",
    "permission_chargeable",
    "permission_not_chargeable",
    "permission_replaced",
]

_S, _P = SubscriptionState, PermissionState


def buyer_closed(
    subscription: Subscription, command: BuyerClosedPermission, context: Context
) -> tuple[Fact, ...]:
    """The permission is closed; by the merchant's rule the subscription ends too."""
    if subscription.permission.state is _P.CLOSED:
        raise AlreadyDone(field="permission", value="closed", rule="it was reported before")
    closed = _permission(subscription, _P.CLOSED, command.reason)
    rule = context.policy.when_buyer_closes
    if rule is WhenBuyerCloses.KEEP:
        return (closed,)
    ends = context.on
    if rule is WhenBuyerCloses.CANCEL_AT_PERIOD_END:
        ends = _end_of_granted_time(subscription, context.on)
    return closed, *_ended(apply(subscription, closed), ends, context)


def permission_not_chargeable(
    subscription: Subscription, command: PermissionNotChargeable, context: Context
) -> tuple[Fact, ...]:
    """The permission is suspended; by the merchant's rule the subscription pauses too."""
    was = subscription.permission
    if was.state is _P.CLOSED:
        raise _closed()
    if (was.state, was.reason) == (_P.NOT_CHARGEABLE, command.reason):
        raise AlreadyDone(field="permission", value=was.state.value, rule="it was reported before")
    changed = _permission(subscription, _P.NOT_CHARGEABLE, command.reason)
    pauses = context.policy.when_not_chargeable is WhenNotChargeable.PAUSE
    if not pauses or subscription.state not in (_S.ACTIVE, _S.PAST_DUE):
        return (changed,)
    pause = PauseChange(None, ResumeMode.SAME_ANCHOR, PauseCause.PERMISSION, banks_days=True)
    return changed, *in_effect(apply(subscription, changed), pause, on=context.on, by=context.actor)


def permission_chargeable(
    subscription: Subscription, command: PermissionChargeable, context: Context
) -> tuple[Fact, ...]:
    """The permission can be charged again: what it had stopped goes on."""
    was = subscription.permission
    if was.state is _P.CLOSED:
        raise _closed()
    if was.state is _P.CHARGEABLE:
        raise AlreadyDone(field="permission", value="chargeable", rule="it was reported before")
    if was.id is None:
        raise OutOfOrder(
            code="out_of_order",
            field="permission",
            value=None,
            rule="the buyer has not consented to any permission yet",
            remedy="report the permission with its id (PermissionReplaced)",
        )
    changed = PermissionChanged(Permission(was.id, _P.CHARGEABLE))
    return changed, *_goes_on(apply(subscription, changed), context.on)


def permission_replaced(
    subscription: Subscription, command: PermissionReplaced, context: Context
) -> tuple[Fact, ...]:
    """The buyer consented anew: what only the lost permission had ended or paused goes on."""
    if not command.permission_id:
        raise Refused(
            code="bad_input",
            field="permission_id",
            value="",
            rule="permission_id is not empty",
            remedy="give Amazon's id of the charge permission",
        )
    new = Permission(command.permission_id, _P.CHARGEABLE)
    if subscription.permission == new:
        raise AlreadyDone(field="permission_id", value=new.id, rule="it is in use")
    facts: tuple[Fact, ...] = (PermissionChanged(new),)
    waiting = subscription.cancellation
    if waiting is not None and waiting.actor is Actor.AMAZON:
        facts += (Withdrawn(waiting.id),)
    return facts + _goes_on(apply_all(subscription, facts), context.on)


def _goes_on(subscription: Subscription, on: date) -> tuple[Fact, ...]:
    if subscription.started_on is None and subscription.starts_on <= on:
        return (started(subscription, on=on),)
    pause = subscription.pause
    if pause is not None and pause.cause is PauseCause.PERMISSION:
        return (resumed(subscription, on=on, mode=ResumeMode.SAME_ANCHOR),)
    return ()


def _ended(subscription: Subscription, ends: date, context: Context) -> tuple[Fact, ...]:
    """Cancel on `ends`, unless a waiting cancellation comes no later anyway."""
    waiting = subscription.cancellation
    if waiting is not None and waiting.on <= ends:
        return ()
    facts: tuple[Fact, ...] = () if waiting is None else (Withdrawn(waiting.id),)
    after = apply_all(subscription, facts)
    return facts + carry_out(after, Cancellation(), due=ends, bound=True, context=context)


def _end_of_granted_time(subscription: Subscription, on: date) -> date:
    """Give the first day that is neither paid nor free any more, today when none is."""
    if subscription.state is _S.TRIALING and subscription.trial is not None:
        return max(on, subscription.trial.ends_on)
    paid = subscription.paid_through
    return on if paid is None else max(on, paid)


def _permission(
    subscription: Subscription, state: PermissionState, reason: str
) -> PermissionChanged:
    return PermissionChanged(Permission(subscription.permission.id, state, reason))


def _closed() -> OutOfOrder:
    return OutOfOrder(
        code="out_of_order",
        field="permission",
        value="closed",
        rule="a closed permission never changes again",
        remedy="ask the customer for a new one",
    )
