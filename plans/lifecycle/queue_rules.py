"""Which changes can wait beside each other, and what an undo may not take away."""

from __future__ import annotations

from datetime import date

from plans.errors import BadInput
from plans.lifecycle.changes import (
    Cancellation,
    CouponChange,
    PauseChange,
    ScheduledChange,
    moves_calendar,
    touches,
)
from plans.lifecycle.refusals import Conflict, Refused, StillNeeded
from plans.lifecycle.subscription import Subscription, charge_on, start_of
from plans.lifecycle.terms import check_changes_something, with_terms

__all__ = [
    "check_beside",
    "check_bound",
    "check_moved_date",
    "check_sequence",
    "check_settled",
    "check_undo",
]


def check_beside(subscription: Subscription, new: ScheduledChange) -> None:
    """Refuse a change that clashes with a waiting one; raises Conflict that says which to undo."""
    for old in subscription.queue:
        if rule := _clash(new, old):
            raise Conflict(
                code=rule[0],
                field=new.change.kind,
                value=new.on.isoformat(),
                rule=rule[1],
                undo=old.id,
            )


def check_bound(subscription: Subscription, *, on: date, field: str) -> None:
    """Refuse to move the calendar while something waits for a date it gave; raises Conflict."""
    for old in subscription.queue:
        if old.bound and old.on > on:
            raise Conflict(
                code="calendar_bound",
                field=field,
                value=on.isoformat(),
                rule=f"{old.id} waits for {old.on}, a date of the calendar that would move",
                undo=old.id,
            )


def check_moved_date(subscription: Subscription, new: ScheduledChange) -> None:
    """Refuse what crosses a charge date the customer moved; raises Refused.

    A pause and a calendar move do. So do other terms on days of a cycle that is charged later: its
    one charge could not say which days they are about. Coupons count whole cycles and may come.
    """
    moved = subscription.next_on
    if moved is None:
        return
    agreed = start_of(subscription, subscription.next_cycle)
    change = new.change
    across = isinstance(change, PauseChange) and _crosses(new.on, change.until, agreed, moved)
    within = agreed < new.on <= moved and not isinstance(change, Cancellation | CouponChange)
    if across or within or moves_calendar(change):
        raise Refused(
            code="date_moved",
            field="on",
            value=new.on.isoformat(),
            rule=f"the charge of cycle {subscription.next_cycle} was moved to {moved}",
            remedy=(
                f"choose a date after {moved}, or let it be charged today first"
                if within
                else f"move it back to {agreed} first"
            ),
        )


def check_settled(subscription: Subscription, *, on: date, field: str) -> None:
    """Refuse to move the calendar while a charge of the past has no outcome; raises Refused."""
    charge = charge_on(subscription)
    if charge is not None and charge < on:
        raise Refused(
            code="charge_open",
            field=field,
            value=on.isoformat(),
            rule=f"cycle {subscription.next_cycle} was due on {charge} and is not settled",
            remedy="wait for the outcome of its charge",
        )


def check_sequence(subscription: Subscription, *, new: str | None = None) -> None:
    """Refuse a queue whose changes do not fit each other in order.

    `new` is the id of the change just added: what fails with it is its own fault, what fails
    after it conflicts. Raises Refused or Conflict.
    """
    failed = _first_misfit(subscription, new)
    if failed is None:
        return
    entry, why = failed
    if entry.id == new:
        raise why
    raise Conflict(
        code="later_change_depends",
        field=entry.change.kind,
        value=entry.on.isoformat(),
        rule=f"{entry.id} would no longer fit: {why.rule}",
        undo=entry.id,
    )


def check_undo(after: Subscription, *, schedule_id: str) -> None:
    """Refuse an undo that a later change depends on; `after` is without it. Raises StillNeeded."""
    failed = _first_misfit(after, None)
    if failed is not None:
        entry, why = failed
        raise StillNeeded(schedule_id=schedule_id, needed_by=entry.id, why=why.rule)


def _first_misfit(
    subscription: Subscription, new: str | None
) -> tuple[ScheduledChange, BadInput] | None:
    for entry in subscription.queue:
        change = entry.change
        if isinstance(change, Cancellation):
            return None  # nothing after it takes effect
        if isinstance(change, PauseChange):
            continue
        try:
            if entry.id == new:
                check_changes_something(subscription, change)
            subscription = with_terms(subscription, change, on=entry.on)
        except BadInput as refused:
            return entry, refused
    return None


def _clash(new: ScheduledChange, old: ScheduledChange) -> tuple[str, str] | None:
    """Give code and rule of what two waiting changes contradict each other in, or None."""
    if isinstance(new.change, Cancellation):
        # What waits beyond the end lapses with it; nobody must tidy up in order to leave.
        both = isinstance(old.change, Cancellation)
        return ("cancellation_waits", f"{old.id} cancels on {old.on} already") if both else None
    if isinstance(old.change, Cancellation):
        late = new.on >= old.on
        return ("after_cancellation", f"{old.id} cancels on {old.on}") if late else None
    if isinstance(new.change, PauseChange) and isinstance(old.change, PauseChange):
        overlap = _overlap(new, new.change, old, old.change)
        return ("pause_in_pause", f"{old.id} pauses from {old.on}") if overlap else None
    if new.on == old.on and (shared := touches(new.change) & touches(old.change)):
        return "same_date", f"{old.id} sets {', '.join(sorted(shared))} on that date"
    if _unsettles(new, old) or _unsettles(old, new):
        return "calendar_bound", f"{old.id} and this change move and use the same calendar"
    return None


def _overlap(
    new: ScheduledChange, pause: PauseChange, old: ScheduledChange, other: PauseChange
) -> bool:
    starts_before_old_ends = other.until is None or new.on < other.until
    ends_after_old_starts = pause.until is None or old.on < pause.until
    return starts_before_old_ends and ends_after_old_starts


def _unsettles(mover: ScheduledChange, other: ScheduledChange) -> bool:
    """Tell whether a change moves the calendar under a date that came from it."""
    if not moves_calendar(mover.change) or not other.bound:
        return False
    ends = other.change.until if isinstance(other.change, PauseChange) else None
    return other.on > mover.on or (ends is not None and mover.on < ends)


def _crosses(starts: date, ends: date | None, agreed: date, moved: date) -> bool:
    """Tell whether a pause reaches into the days between the agreed and the moved date."""
    low, high = min(agreed, moved), max(agreed, moved)
    return starts <= high and (ends is None or ends > low)
