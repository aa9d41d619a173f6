"""The day a change takes effect: when it is made, or a day later where that day keeps its terms."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from billing.quotes.settling import moves_calendar
from billing.quotes.values import Situation
from plans import ChangeDay, SubscriptionState, cycle_on_or_after, cycle_start
from plans.lifecycle import (
    AddOnChange,
    Event,
    PlanChange,
    QuantityChange,
    Scheduled,
    Subscription,
    TermsChanged,
)

__all__ = ["effective_on", "lies_inside"]

_SETTLED = (PlanChange, QuantityChange, AddOnChange)


def effective_on(view: Situation, events: Iterable[Event], *, on: date) -> date:
    """Give the first day of what was asked: the day it waits for, or today.

    With `change_day: old` a change inside a cycle leaves its own day to the old terms. The dates
    of the life cycle stay: a pause, an end and a new cycle begin on the day they are asked for.
    """
    day, change, was = on, None, view.subscription
    for event in events:
        fact = event.fact
        if isinstance(fact, Scheduled):
            day, change = fact.entry.on, None if fact.entry.bound else fact.entry.change
            break
        if isinstance(fact, TermsChanged):
            change = fact.change
    keeps_day = view.rules.change.proration.change_day is ChangeDay.OLD
    if was is None or not keeps_day or not isinstance(change, _SETTLED) or moves_calendar(change):
        return day
    active = was.state is SubscriptionState.ACTIVE
    return day + timedelta(days=1) if active and lies_inside(view, was, on=day) else day


def lies_inside(view: Situation, subscription: Subscription, *, on: date) -> bool:
    """Tell whether a date falls into paid time, or will: later cycles are paid as they begin."""
    pieces = view.account.pieces(None)
    if not pieces:
        return False
    if subscription.pause is not None:
        on = min(on, subscription.pause.began_on)  # a change then is about the banked days
    ends = max(time.cycle.end for time in pieces)
    if on < ends:
        return True
    anchor, interval = subscription.anchor, subscription.interval
    cycle = cycle_on_or_after(anchor=anchor, interval=interval, on=on)
    return on > ends and cycle_start(anchor=anchor, interval=interval, cycle=cycle) != on
