"""Life of a subscription: its states, the moves between them, and the dates around them.

Only what the table below allows may happen; every move is an event with actor and reason, which
other rooms record. Paused and lost cycles keep their numbers, so the anchor never moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

from plans.calendar import Anchor, Interval, cycle_on_or_after
from plans.errors import BadInput, PlansError

__all__ = [
    "TRANSITIONS",
    "ForbiddenTransition",
    "SubscriptionState",
    "check_transition",
    "cycle_after_resume",
    "minimum_term_remaining",
    "trial_end",
]


class SubscriptionState(StrEnum):
    """Where a subscription stands."""

    PENDING = "pending"  # agreed, not started: consent or start date is awaited
    TRIALING = "trialing"  # in the free time before the first paid cycle
    ACTIVE = "active"  # renewed cycle by cycle
    PAST_DUE = "past_due"  # the last charge was definitely declined; dunning decides
    PAUSED = "paused"  # no charges until resumed
    CANCELED = "canceled"  # final


_S = SubscriptionState

# Design page, "Life of a subscription". A scheduled cancellation is a date on the subscription,
# not a state: undoing it is no move here.
TRANSITIONS: Mapping[SubscriptionState, frozenset[SubscriptionState]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.TRIALING, _S.ACTIVE, _S.CANCELED}),
        # To past due at once when the very first charge after the trial is declined.
        _S.TRIALING: frozenset({_S.ACTIVE, _S.PAST_DUE, _S.CANCELED}),
        _S.ACTIVE: frozenset({_S.PAST_DUE, _S.PAUSED, _S.CANCELED}),
        _S.PAST_DUE: frozenset({_S.ACTIVE, _S.PAUSED, _S.CANCELED}),
        _S.PAUSED: frozenset({_S.ACTIVE, _S.CANCELED}),
        _S.CANCELED: frozenset(),
    }
)


class ForbiddenTransition(PlansError):
    """A subscription may not go from one state to the other."""

    def __init__(self, *, old: SubscriptionState, new: SubscriptionState) -> None:
        self.old = old
        self.new = new
        allowed = ", ".join(sorted(TRANSITIONS[old])) or "nothing: this state is final"
        super().__init__(
            f"state {new.value!r}: a subscription that is {old.value} cannot become {new.value}; "
            f"from here it may become {allowed}"
        )


def check_transition(old: SubscriptionState, new: SubscriptionState) -> None:
    """Refuse a move the table does not hold; staying in a state is no move and refused too.

    Raises ForbiddenTransition.
    """
    if new not in TRANSITIONS[old]:
        raise ForbiddenTransition(old=old, new=new)


def cycle_after_resume(
    *, anchor: Anchor, interval: Interval, next_cycle: int, resume_on: date
) -> int:
    """Find the first cycle to charge after a pause: it starts on the resume date or later.

    `next_cycle` is the one that was due next when the pause began; an earlier one is never
    charged again, however early the pause ends.
    """
    resumed = cycle_on_or_after(anchor=anchor, interval=interval, on=resume_on)
    return max(next_cycle, resumed)


def minimum_term_remaining(*, minimum_cycles: int, cycles_done: int) -> int:
    """Count the paid cycles still owed before a subscription may end; 0 when it is free to."""
    _check_not_negative("minimum_cycles", minimum_cycles)
    _check_not_negative("cycles_done", cycles_done)
    return max(0, minimum_cycles - cycles_done)


def trial_end(*, started_on: date, trial_days: int) -> date:
    """Give the first day after the free time: the day the first paid cycle starts.

    The day of sign-up is the first trial day. Without a trial it is that day itself.
    """
    _check_not_negative("trial_days", trial_days)
    return started_on + timedelta(days=trial_days)


def _check_not_negative(field: str, value: int) -> None:
    if value < 0:
        raise BadInput(
            field=field,
            value=value,
            rule=f"{field} is a whole number from 0 up",
            remedy="correct it",
        )
