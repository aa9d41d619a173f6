"""From a timing to a date, and from a change to facts: it takes effect at once, or it waits."""

from __future__ import annotations

from datetime import date

from plans.lifecycle.changes import Cancellation, Change, ScheduledChange, moves_calendar
from plans.lifecycle.context import Context
from plans.lifecycle.effects import in_effect
from plans.lifecycle.evolve import apply_all
from plans.lifecycle.facts import Fact, Scheduled, TermsChanged
from plans.lifecycle.queue_rules import (
    check_beside,
    check_moved_date,
    check_sequence,
    check_settled,
)
from plans.lifecycle.refusals import WrongMoment
from plans.lifecycle.subscription import Subscription, period_end
from plans.lifecycle.terms import check_changes_something
from plans.lifecycle.values import Timing

__all__ = ["carry_out", "check_not_past", "effective_date"]


def effective_date(
    subscription: Subscription, *, timing: Timing, on_date: date | None, on: date
) -> date:
    """Give the date a timing means today; raises WrongMoment for a missing, odd or past date."""
    if (timing is Timing.ON_DATE) is (on_date is None):
        raise WrongMoment(
            field="on_date",
            value=on_date,
            rule="a date goes with the timing on_date, and only with it",
            remedy="give on_date a date, or leave the date out",
        )
    if on_date is not None:
        check_not_past("on_date", on_date, on=on)
        return on_date
    return on if timing is Timing.NOW else period_end(subscription, on=on)


def check_not_past(field: str, value: date, *, on: date) -> None:
    """Refuse a date before today; raises WrongMoment."""
    if value < on:
        raise WrongMoment(
            field=field,
            value=value.isoformat(),
            rule=f"it lies in the past; today is {on}",
            remedy="give today or a later date",
        )


def carry_out(
    subscription: Subscription, change: Change, *, due: date, bound: bool, context: Context
) -> tuple[Fact, ...]:
    """Let a change take effect today, or wait for `due`, if it fits what waits already.

    Raises Refused, Conflict or BadInput.
    """
    entry = ScheduledChange(
        id=f"chg-{subscription.sequence + 1}",
        on=due,
        change=change,
        bound=bound,
        actor=context.actor,
        reason=context.reason,
        quote_id=context.quote_id,
        asked_at=context.at,
    )
    if due == context.on:
        return _at_once(subscription, entry)
    check_beside(subscription, entry)
    check_moved_date(subscription, entry)
    if moves_calendar(change):
        in_effect(
            subscription, change, on=due, by=entry.actor
        )  # a calendar that cannot begin then is refused now
    facts = (Scheduled(entry),)
    check_sequence(apply_all(subscription, facts), new=entry.id)
    return facts


def _at_once(subscription: Subscription, entry: ScheduledChange) -> tuple[Fact, ...]:
    if moves_calendar(entry.change):
        check_settled(subscription, on=entry.on, field=entry.change.kind)
    facts = in_effect(subscription, entry.change, on=entry.on, by=entry.actor)
    if isinstance(entry.change, Cancellation):
        return facts  # whatever waits lapses with it
    check_beside(subscription, entry)
    check_moved_date(subscription, entry)
    for fact in facts:
        if isinstance(fact, TermsChanged):
            check_changes_something(subscription, fact.change)
    check_sequence(apply_all(subscription, facts))
    return facts
