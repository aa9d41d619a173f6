"""A merchant's rules for what customers may do themselves; every default is written down here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plans.errors import BadInput
from plans.lifecycle.values import Refund, Timing

__all__ = ["EarlyLeave", "Policy", "WhenBuyerCloses", "WhenCanceling", "WhenNotChargeable"]


class EarlyLeave(StrEnum):
    """Whether a customer may leave inside the minimum term."""

    REFUSED = "refused"
    FOR_FEE = "for_fee"


class WhenCanceling(StrEnum):
    """What a plan change does while a cancellation is waiting."""

    REFUSE = "refuse"  # the customer says first which of the two is meant
    KEEP = "keep"
    WITHDRAW = "withdraw"  # the change means going on


class WhenBuyerCloses(StrEnum):
    """What follows when the buyer closes the permission at Amazon."""

    CANCEL_AT_PERIOD_END = "cancel_at_period_end"  # paid days are still served
    CANCEL_NOW = "cancel_now"
    KEEP = "keep"  # wait for a new permission


class WhenNotChargeable(StrEnum):
    """What follows when Amazon suspends the permission."""

    HOLD = "hold"  # the next charge finds out whether the buyer has cured it
    PAUSE = "pause"


_ALL_TIMINGS = frozenset(Timing)
_AT_PERIOD_END = frozenset({Timing.PERIOD_END})
_NO_REFUND = frozenset({Refund.NONE})


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules. Counts are whole; None means without limit (`trial_again_after_days`: never)."""

    # The coming charge can be changed until 23:59 of the day this many days before it.
    cutoff_days: int = 1
    # Terms changed with immediate effect are settled by themselves, so the deadline spares them.
    now_after_deadline: bool = True
    # The habit of the trade: up at once, down and sideways with the next period.
    upgrade_timings: frozenset[Timing] = _ALL_TIMINGS
    downgrade_timings: frozenset[Timing] = _AT_PERIOD_END
    cross_grade_timings: frozenset[Timing] = _AT_PERIOD_END
    # A smaller plan or fewer seats before the minimum term is done would hollow it out.
    downgrade_in_minimum_term: bool = False
    leave_early: EarlyLeave = EarlyLeave.REFUSED
    refunds: frozenset[Refund] = _NO_REFUND
    quantity_min: int = 1
    quantity_max: int | None = 1_000
    trial_again_after_days: int | None = 365
    skip_cycles_max: int | None = None
    pause_days_max: int | None = None
    # Two years: nobody can quote prices further ahead.
    schedule_days_max: int | None = 731
    plan_change_while_canceling: WhenCanceling = WhenCanceling.REFUSE
    when_buyer_closes: WhenBuyerCloses = WhenBuyerCloses.CANCEL_AT_PERIOD_END
    when_not_chargeable: WhenNotChargeable = WhenNotChargeable.HOLD

    def __post_init__(self) -> None:
        _check("cutoff_days", self.cutoff_days, least=0)
        _check("quantity_min", self.quantity_min, least=1)
        _check("quantity_max", self.quantity_max, least=self.quantity_min)
        for field in ("trial_again_after_days", "skip_cycles_max", "pause_days_max"):
            _check(field, getattr(self, field), least=0)
        _check("schedule_days_max", self.schedule_days_max, least=0)


def _check(field: str, value: int | None, *, least: int) -> None:
    if value is not None and value < least:
        raise BadInput(
            field=field,
            value=value,
            rule=f"{field} is a whole number from {least} up",
            remedy="correct the merchant's rule",
        )
