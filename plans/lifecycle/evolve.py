"""Facts applied to the value: mechanical, without judgement; `decide` did the judging."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from plans.calendar import cycle_start
from plans.errors import BadInput
from plans.lifecycle.changes import moves_calendar, queue_order
from plans.lifecycle.facts import (
    AnchorChanged,
    Canceled,
    Created,
    CycleDeclined,
    CyclePaid,
    Event,
    Fact,
    Lapsed,
    NextDateMoved,
    OpenDaysPaid,
    Paused,
    PauseEndMoved,
    PermissionChanged,
    RestartUndone,
    Resumed,
    Scheduled,
    Started,
    TermsChanged,
    TrialEndMoved,
    Withdrawn,
)
from plans.lifecycle.left_cycle import LeftCycle
from plans.lifecycle.states import SubscriptionState, check_transition
from plans.lifecycle.subscription import Subscription
from plans.lifecycle.terms import with_terms
from plans.lifecycle.values import CouponHeld

__all__ = ["apply", "apply_all", "created", "evolve", "replay"]

_S = SubscriptionState


def evolve(subscription: Subscription | None, event: Event) -> Subscription:
    """Apply one event; `subscription` is None for the first.

    Raises BadInput for another subscription's event or a gap in the sequence, ForbiddenTransition
    for a move the state graph does not hold.
    """
    due = 1 if subscription is None else subscription.sequence + 1
    if event.sequence != due:
        raise _bad("sequence", event.sequence, f"the next event is number {due}")
    if subscription is None:
        if not isinstance(event.fact, Created):
            raise _bad("fact", event.fact.kind, "the first event of a subscription creates it")
        return created(event.subscription_id, event.fact, on=event.on)
    if event.subscription_id != subscription.id:
        raise _bad("subscription_id", event.subscription_id, f"this is {subscription.id}")
    return apply(subscription, event.fact)


def replay(events: Iterable[Event]) -> Subscription:
    """Make the value from all its events, oldest first; raises BadInput for none."""
    subscription: Subscription | None = None
    for event in events:
        subscription = evolve(subscription, event)
    if subscription is None:
        raise _bad("events", (), "a subscription has at least the event that created it")
    return subscription


def apply(subscription: Subscription, fact: Fact) -> Subscription:
    """Apply one fact, the next of this subscription's; raises ForbiddenTransition."""
    if isinstance(fact, Created):
        raise _bad("fact", fact.kind, "a subscription is created once")
    after = _APPLY[type(fact)](subscription, fact)
    if after.state is not subscription.state:
        check_transition(subscription.state, after.state)
    return replace(after, sequence=subscription.sequence + 1)


def apply_all(subscription: Subscription, facts: Iterable[Fact]) -> Subscription:
    """Apply facts one after the other."""
    for fact in facts:
        subscription = apply(subscription, fact)
    return subscription


def created(subscription_id: str, fact: Created, *, on: date) -> Subscription:
    """Give the value of an agreement that was made on a date."""
    return Subscription(
        id=subscription_id,
        state=_S.PENDING,
        plan_code=fact.plan_code,
        price_ref=fact.price_ref,
        quantity=fact.quantity,
        add_ons=tuple(sorted(replace(each, since_cycle=0, agreed_on=on) for each in fact.add_ons)),
        coupons=tuple(CouponHeld(code, agreed_on=on) for code in sorted(fact.coupons)),
        interval=fact.interval,
        anchor_rule=fact.anchor_rule,
        anchor_day=fact.anchor_day,
        starts_on=fact.starts_on,
        trial_days=fact.trial_days,
        trial_ends_on=fact.trial_ends_on,
        started_on=None,
        trial=None,
        anchor=fact.anchor,
        service_from=fact.starts_on,
        next_cycle=0,
        next_on=None,
        period=None,
        paid_through=None,
        minimum_cycles=fact.minimum_cycles,
        cycles_done=0,
        last_paid_cycle=None,
        declines=0,
        pause=None,
        queue=(),
        permission=fact.permission,
        follows=fact.follows,
        sequence=1,
        first_period=fact.first_period,
    )


def _started(was: Subscription, fact: Started) -> Subscription:
    return replace(
        was,
        state=was.state if fact.trial is None else _S.TRIALING,
        started_on=fact.on,
        trial=fact.trial,
        anchor=fact.anchor,
        service_from=fact.service_from,
    )


def _trial_end_moved(was: Subscription, fact: TrialEndMoved) -> Subscription:
    return replace(was, trial=fact.trial, anchor=fact.anchor, service_from=fact.trial.ends_on)


def _terms_changed(was: Subscription, fact: TermsChanged) -> Subscription:
    after = _without(with_terms(was, fact.change, on=fact.on), fact.schedule_id)
    if not moves_calendar(fact.change):
        return after
    return replace(after, left=LeftCycle.of(was, on=fact.on))


def _anchor_changed(was: Subscription, fact: AnchorChanged) -> Subscription:
    return replace(
        was,
        anchor=fact.anchor,
        anchor_rule=fact.anchor.rule,
        interval=fact.interval,
        period=fact.period,
        paid_through=fact.paid_through,
        next_on=None,
        left=was.left if was.left is not None and _restarts(was, fact) else None,
    )


def _restarts(was: Subscription, fact: AnchorChanged) -> bool:
    """Tell a cycle that begins with a change of plan from one that somebody moved."""
    starts = cycle_start(anchor=fact.anchor, interval=fact.interval, cycle=was.next_cycle)
    return was.left is not None and was.left.on == fact.on == starts


def _restart_undone(was: Subscription, fact: RestartUndone) -> Subscription:
    return replace(
        was,
        plan_code=fact.change.plan_code,
        price_ref=fact.change.price_ref,
        quantity=fact.quantity,
        anchor=fact.anchor,
        anchor_rule=fact.anchor.rule,
        interval=fact.interval,
        period=fact.period,
        paid_through=fact.paid_through,
        minimum_cycles=fact.minimum_cycles,
        cycles_done=fact.cycles_done,
        coupons=fact.coupons,
        left=None,
    )


def _next_date_moved(was: Subscription, fact: NextDateMoved) -> Subscription:
    return replace(was, next_on=fact.to)


def _scheduled(was: Subscription, fact: Scheduled) -> Subscription:
    return replace(was, queue=tuple(sorted((*was.queue, fact.entry), key=queue_order)))


def _withdrawn(was: Subscription, fact: Withdrawn | Lapsed) -> Subscription:
    return _without(was, fact.schedule_id)


def _paused(was: Subscription, fact: Paused) -> Subscription:
    began_on = fact.pause.began_on
    paid = was.paid_through
    after = replace(
        was,
        state=_S.PAUSED,
        pause=fact.pause,
        # Paid days of the pause are banked or given up; either way they are not paid time now.
        paid_through=None if paid is None else min(paid, began_on),
        next_on=None,
    )
    return _without(after, fact.schedule_id)


def _pause_end_moved(was: Subscription, fact: PauseEndMoved) -> Subscription:
    if was.pause is None:
        raise _bad("fact", fact.kind, "no pause is in force")
    return replace(was, pause=replace(was.pause, until=fact.until, mode=fact.mode))


def _resumed(was: Subscription, fact: Resumed) -> Subscription:
    return replace(
        was,
        state=_S.ACTIVE,
        pause=None,
        anchor=fact.anchor,
        next_cycle=fact.next_cycle,
        period=fact.period,
        paid_through=fact.paid_through,
        declines=0,
    )


def _canceled(was: Subscription, _: Canceled) -> Subscription:
    return replace(was, state=_S.CANCELED, pause=None, queue=(), next_on=None)


def _permission_changed(was: Subscription, fact: PermissionChanged) -> Subscription:
    return replace(was, permission=fact.permission)


def _cycle_paid(was: Subscription, fact: CyclePaid) -> Subscription:
    paid = 0 if fact.free else 1
    after = replace(
        was,
        next_cycle=fact.cycle + 1,
        next_on=None,
        cycles_done=was.cycles_done + paid,
        last_paid_cycle=fact.cycle,
        declines=0,
        period=fact.period,
        coupons=tuple(replace(each, cycles_used=each.cycles_used + paid) for each in was.coupons),
    )
    if was.pause is None:
        return replace(after, state=_S.ACTIVE, paid_through=fact.period.end)
    banked = was.pause.banked_days + fact.banked_days
    return replace(after, pause=replace(was.pause, banked_days=banked))


def _cycle_declined(was: Subscription, _: CycleDeclined) -> Subscription:
    moves = was.state in (_S.TRIALING, _S.ACTIVE)
    return replace(was, state=_S.PAST_DUE if moves else was.state, declines=was.declines + 1)


def _open_days_paid(was: Subscription, fact: OpenDaysPaid) -> Subscription:
    return replace(was, paid_through=fact.paid_through)


def _without(was: Subscription, schedule_id: str | None) -> Subscription:
    return replace(was, queue=tuple(each for each in was.queue if each.id != schedule_id))


# One function per fact; the facts of a union without an entry here fail the first test of any.
_APPLY: dict[type, Callable[[Subscription, Any], Subscription]] = {
    Started: _started,
    TrialEndMoved: _trial_end_moved,
    TermsChanged: _terms_changed,
    AnchorChanged: _anchor_changed,
    RestartUndone: _restart_undone,
    NextDateMoved: _next_date_moved,
    Scheduled: _scheduled,
    Withdrawn: _withdrawn,
    Lapsed: _withdrawn,
    Paused: _paused,
    PauseEndMoved: _pause_end_moved,
    Resumed: _resumed,
    Canceled: _canceled,
    PermissionChanged: _permission_changed,
    CyclePaid: _cycle_paid,
    CycleDeclined: _cycle_declined,
    OpenDaysPaid: _open_days_paid,
}


def _bad(field: str, value: object, rule: str) -> BadInput:
    return BadInput(
        field=field, value=value, rule=rule, remedy="replay this subscription's own events in order"
    )
