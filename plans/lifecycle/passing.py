"""Time passes: what waited takes effect in the order of its dates, however late it is told.

The same steps, with every charge assumed to succeed, answer which charges are coming.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from plans.errors import BadInput, BeyondCalendar
from plans.lifecycle.changes import Cancellation, PauseChange, ScheduledChange
from plans.lifecycle.effects import cycle_paid, in_effect, resumed, started
from plans.lifecycle.evolve import apply, apply_all
from plans.lifecycle.facts import Fact, Lapsed
from plans.lifecycle.states import SubscriptionState
from plans.lifecycle.subscription import Subscription, charge_on
from plans.lifecycle.values import PauseInForce, ResumeMode

__all__ = ["coming_charges", "fallen_due", "next_due"]

_S = SubscriptionState
_Due = tuple[date, int, ScheduledChange | PauseInForce | None]

# Order of what falls due on one day.
_START, _END, _RESUME, _CHANGE = range(4)


def fallen_due(subscription: Subscription, *, on: date) -> tuple[Fact, ...]:
    """Give the facts of everything due up to `on`, oldest first; empty when nothing is due."""
    facts: list[Fact] = []
    while (due := _earliest(subscription)) is not None and due[0] <= on:
        step = _step(subscription, due)
        facts.extend(step)
        subscription = apply_all(subscription, step)
    return tuple(facts)


def next_due(subscription: Subscription) -> date | None:
    """Give the next date on which `TimePassed` must be reported, None when nothing waits."""
    due = _earliest(subscription)
    return None if due is None else due[0]


def coming_charges(subscription: Subscription, *, before: date) -> Iterator[tuple[int, date]]:
    """List (cycle, date) of charges up to the day before `before`, waiting changes counted in."""
    try:
        while (step := _next_step(subscription, before)) is not None:
            charge, subscription = step
            if charge is not None:
                yield charge
    except BeyondCalendar:
        return


def _next_step(
    subscription: Subscription, before: date
) -> tuple[tuple[int, date] | None, Subscription] | None:
    due, charge = _earliest(subscription), charge_on(subscription)
    if due is not None and due[0] < before and (charge is None or due[0] <= charge):
        return None, apply_all(subscription, _step(subscription, due))
    if charge is None or charge >= before:
        return None
    paid = apply(subscription, cycle_paid(subscription))
    return (subscription.next_cycle, charge), paid


def _earliest(subscription: Subscription) -> _Due | None:
    return min(_candidates(subscription), key=lambda each: each[:2], default=None)


def _candidates(subscription: Subscription) -> Iterator[_Due]:
    if subscription.state is _S.CANCELED:
        return
    if subscription.started_on is None and subscription.chargeable:
        yield subscription.starts_on, _START, None
    if subscription.pause is not None and subscription.pause.until is not None:
        yield subscription.pause.until, _RESUME, subscription.pause
    for entry in subscription.queue:
        if not _waits_for_payment(subscription, entry):
            ends = isinstance(entry.change, Cancellation)
            yield entry.on, _END if ends else _CHANGE, entry
            return


def _waits_for_payment(subscription: Subscription, entry: ScheduledChange) -> bool:
    """Tell whether an unsettled cycle holds a change back: it concerns what comes after that."""
    if isinstance(entry.change, Cancellation | PauseChange):
        return False
    charge = charge_on(subscription)
    return subscription.state is _S.PAST_DUE or (charge is not None and charge < entry.on)


def _step(subscription: Subscription, due: _Due) -> tuple[Fact, ...]:
    on, _, what = due
    if what is None:
        return (started(subscription, on=on),)
    if isinstance(what, PauseInForce):
        return (_resumed_as_agreed(subscription, on, what.mode),)
    if isinstance(what.change, PauseChange) and subscription.state is not _S.ACTIVE:
        return (Lapsed(what.id, f"it is {subscription.state.value} on that date"),)
    try:
        facts = in_effect(subscription, what.change, on=on, by=what.actor, schedule_id=what.id)
        apply_all(subscription, facts)
    except BadInput as refused:
        return (Lapsed(what.id, str(refused)),)
    return facts


def _resumed_as_agreed(subscription: Subscription, on: date, mode: ResumeMode) -> Fact:
    try:
        return resumed(subscription, on=on, mode=mode)
    except BadInput:
        # A plan change during the pause can bring a calendar that cannot restart on any day; the
        # customer gets service back on the agreed date all the same.
        return resumed(subscription, on=on, mode=ResumeMode.SAME_ANCHOR)
