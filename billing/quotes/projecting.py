"""Time passing ahead: the very machine of `plans.lifecycle`, with every charge paid on its day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from billing.quotes.bills import Bill, BillPurpose
from billing.quotes.renewing import renewed
from billing.quotes.settling import booked
from billing.quotes.values import Account, Situation
from plans import Anchor, BeyondCalendar, Interval, Unit, cycle_start
from plans.lifecycle import (
    Actor,
    ChargeSucceeded,
    Event,
    Policy,
    Refused,
    Subscription,
    TimePassed,
    charge_on,
    decide,
    evolve,
    next_due,
)

__all__ = ["happened", "open_days_settled", "projected", "year_after"]

# Some instant of the day that is that date nearly everywhere on earth: decisions ahead need one.
_NOON_IN_JAPAN = time(3)


def year_after(on: date) -> date:
    """Give the first day after twelve months from `on`."""
    return cycle_start(anchor=Anchor.on(on), interval=Interval(Unit.YEAR), cycle=1)


def happened(
    view: Situation, account: Account, was: Subscription | None, events: Iterable[Event]
) -> tuple[Account, Subscription, tuple[Bill, ...]]:
    """Let decided events happen: account, subscription and bills after them."""
    bills: tuple[Bill, ...] = ()
    for event in events:
        after = evolve(was, event)
        if was is not None:
            account, more = booked(view, account, was, after, event.fact)
            bills += more
        was = after
    if was is None:
        raise AssertionError("a decision has at least one event, or a subscription before it")
    return account, was, bills


def projected(
    view: Situation,
    account: Account,
    subscription: Subscription,
    *,
    on: date,
    until: date,
    policy: Policy,
) -> tuple[Bill, ...]:
    """List every bill from `on` up to the day before `until`, oldest first."""
    bills: list[Bill] = []
    try:
        while (day := _next_day(subscription, on, until)) is not None:
            due, is_charge = day
            if is_charge:
                account, bill = renewed(view, account, subscription, on=due)
                bills.extend([bill] if bill is not None else [])
                command: ChargeSucceeded | TimePassed = ChargeSucceeded(subscription.next_cycle)
            else:
                command = TimePassed()
            events = _decided(subscription, command, due, policy)
            account, subscription, more = happened(view, account, subscription, events)
            bills.extend(more)
            subscription = open_days_settled(subscription, more, on=due, policy=policy)
    except BeyondCalendar:
        pass  # what would be charged after the year 9999 is not charged
    return tuple(bills)


def open_days_settled(
    subscription: Subscription, bills: Iterable[Bill], *, on: date, policy: Policy
) -> Subscription:
    """Give the subscription once the open days among some bills are paid, as the engine reports."""
    if all(bill.purpose is not BillPurpose.OPEN_DAYS for bill in bills):
        return subscription
    try:
        events = _decided(subscription, ChargeSucceeded(None), on, policy)
    except Refused:
        return subscription  # a later step of the same day took the open days away again
    for event in events:
        subscription = evolve(subscription, event)
    return subscription


def _next_day(subscription: Subscription, on: date, until: date) -> tuple[date, bool] | None:
    """Give the next day on which something happens, and whether it is a charge.

    What is overdue happens on the first day. What waits for a day goes before its charge.
    """
    due, charge = next_due(subscription), charge_on(subscription)
    if due is not None and max(due, on) < until and (charge is None or due <= charge):
        return max(due, on), False
    if charge is not None and max(charge, on) < until:
        return max(charge, on), True
    return None


def _decided(
    subscription: Subscription, command: ChargeSucceeded | TimePassed, on: date, policy: Policy
) -> tuple[Event, ...]:
    return decide(
        subscription,
        command,
        actor=Actor.ENGINE,
        reason="",
        at=datetime.combine(on, _NOON_IN_JAPAN, UTC),
        on=on,
        policy=policy,
    )
