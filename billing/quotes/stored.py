"""A stored subscription as the value of the life cycle: what its row says, no more.

The row is older than the life cycle's events and keeps less; dates come from the anchor, and what
waits is only a cancellation at the period's end or a day to resume.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from billing.catalogue.terms import Terms
from billing.dates import civil_date
from billing.quotes.agreed import price_ref_text
from billing.store.rows import Row
from plans import Anchor, Period, Price, SubscriptionState, cycle_period, cycle_start
from plans.lifecycle import (
    Actor,
    Cancellation,
    PauseCause,
    PauseInForce,
    Permission,
    PermissionState,
    ResumeMode,
    ScheduledChange,
    Subscription,
    Trial,
)

__all__ = ["lifecycle_value", "permission_of"]

_S = SubscriptionState
_PERMISSION_STATES = {
    "Chargeable": PermissionState.CHARGEABLE,
    "NonChargeable": PermissionState.NOT_CHARGEABLE,
}


def lifecycle_value(row: Row, terms: Terms, *, timezone: str, events: int) -> Subscription:
    """Make the value of a row joined with its permission (`amazon_id`, `permission_state`).

    `events` counts the stored events, so that whatever happens to the subscription makes another
    value.
    """
    state, price = SubscriptionState(row["state"]), terms.price
    anchor = terms.anchor(row["anchor_year"], row["anchor_month"], row["anchor_day"])
    number = row["next_cycle"]
    starts = cycle_start(anchor=anchor, interval=price.interval, cycle=number)
    first_on = cycle_start(anchor=anchor, interval=price.interval, cycle=row["first_cycle"])
    due_on = _civil(row["due_at"], timezone)
    period = _paid_period(row, anchor, price)
    trialing = state is _S.TRIALING
    return Subscription(
        id=row["external_id"],
        state=state,
        plan_code=price.plan_code,
        price_ref=price_ref_text(price),
        quantity=row["quantity"],
        add_ons=(),
        coupons=(),
        interval=price.interval,
        anchor_rule=anchor.rule,
        anchor_day=terms.plan.anchor_day,
        starts_on=row["started_on"],
        trial_days=price.trial_days,
        trial_ends_on=None if price.trial_until is None else price.paid_from(row["started_on"]),
        started_on=None if state is _S.PENDING else row["started_on"],
        trial=_trial(row["started_on"], starts) if trialing else None,
        anchor=anchor,
        service_from=starts if trialing else first_on,
        next_cycle=number,
        next_on=due_on if _is_moved(row, due_on, starts) else None,
        period=period,
        paid_through=None if period is None or state is _S.PAUSED else period.end,
        minimum_cycles=price.minimum_cycles,
        cycles_done=row["cycles_done"],
        last_paid_cycle=None if period is None else number - 1,
        declines=1 if state is _S.PAST_DUE else 0,
        pause=_pause(row, due_on, period) if state is _S.PAUSED else None,
        queue=_queue(row, due_on or starts),
        permission=permission_of(row),
        follows=None,
        sequence=max(1, events),
    )


def _civil(instant: datetime | None, timezone: str) -> date | None:
    return None if instant is None else civil_date(at=instant, timezone=timezone)


def _paid_period(row: Row, anchor: Anchor, price: Price) -> Period | None:
    """Give the cycle before the one that is charged next, when it was a paid one."""
    if row["next_cycle"] <= row["first_cycle"]:
        return None
    return cycle_period(anchor=anchor, interval=price.interval, cycle=row["next_cycle"] - 1)


def _trial(starts_on: date, ends_on: date) -> Trial | None:
    return Trial(starts_on, ends_on) if starts_on < ends_on else None


def _is_moved(row: Row, due_on: date | None, starts: date) -> bool:
    """The scheduler goes by the due time; it is the cycle's start unless somebody moved it."""
    charges = row["state"] in ("active", "trialing", "past_due")
    return charges and not row["cancel_at_period_end"] and due_on not in (None, starts)


def _pause(row: Row, due_on: date | None, period: Period | None) -> PauseInForce:
    """Nobody recorded how many paid days the pause banked, so none are given back."""
    until = None if due_on is None else row["resume_on"] or due_on
    return PauseInForce(
        began_on=row["started_on"] if period is None else period.start,
        until=until,
        mode=ResumeMode.SAME_ANCHOR,
        cause=PauseCause.REQUESTED,
        banks_days=False,
        banked_days=0,
    )


def _queue(row: Row, ends_on: date) -> tuple[ScheduledChange, ...]:
    if not row["cancel_at_period_end"] or row["state"] == "canceled":
        return ()
    entry = ScheduledChange(
        id="chg-end",
        on=ends_on,
        change=Cancellation(),
        bound=True,
        actor=Actor.CUSTOMER,
        reason="cancellation at the end of the period",
        quote_id=None,
        # The row does not keep when it was asked; a fixed instant keeps the value the same.
        asked_at=datetime.combine(row["started_on"], time(), UTC),
    )
    return (entry,)


def permission_of(row: Row) -> Permission:
    """Give the charge permission of a row joined with it, as it was last heard of."""
    state = _PERMISSION_STATES.get(row["permission_state"], PermissionState.CLOSED)
    return Permission(row["amazon_id"], state, row["state_reason"] or "")
