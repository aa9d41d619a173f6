"""The cycle that a change of plan left today, and going back to it as if nothing had been asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from plans.calendar import Anchor, Interval, Period
from plans.lifecycle.values import CouponHeld

if TYPE_CHECKING:
    from plans.lifecycle.subscription import Subscription

__all__ = ["LeftCycle"]


@dataclass(frozen=True, slots=True)
class LeftCycle:
    """Terms, calendar and counts as they were before the calendar began anew on `on`."""

    on: date
    plan_code: str
    price_ref: str
    quantity: int
    interval: Interval
    anchor: Anchor
    next_cycle: int
    period: Period | None
    paid_through: date | None
    minimum_cycles: int
    cycles_done: int
    coupons: tuple[CouponHeld, ...]

    @classmethod
    def of(cls, was: Subscription, *, on: date) -> LeftCycle:
        """Keep what is left on a date; of several changes that day, what was left first."""
        if was.left is not None and was.left.on == on:
            return was.left
        return cls(
            on=on,
            plan_code=was.plan_code,
            price_ref=was.price_ref,
            quantity=was.quantity,
            interval=was.interval,
            anchor=was.anchor,
            next_cycle=was.next_cycle,
            period=was.period,
            paid_through=was.paid_through,
            minimum_cycles=was.minimum_cycles,
            cycles_done=was.cycles_done,
            coupons=was.coupons,
        )
