"""What can happen to a subscription: one small value per fact, and the event that carries it.

Facts hold results, not intentions: dates and counts are worked out when the command is decided,
so that an old event means for ever what it meant on its day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from plans.calendar import Anchor, AnchorRule, Interval, Period
from plans.catalogue.price_terms import FirstPeriod
from plans.lifecycle.changes import (
    AddOnChange,
    CouponChange,
    PlanChange,
    QuantityChange,
    ScheduledChange,
)
from plans.lifecycle.stored_fields import ADDED_LATER, formerly
from plans.lifecycle.values import (
    Actor,
    AddOnHeld,
    CouponHeld,
    PauseInForce,
    Permission,
    Refund,
    ResumeMode,
    Trial,
)

__all__ = [
    "AnchorChanged",
    "Canceled",
    "Created",
    "CycleDeclined",
    "CyclePaid",
    "Event",
    "Fact",
    "Lapsed",
    "NextDateMoved",
    "OpenDaysPaid",
    "PauseEndMoved",
    "Paused",
    "PermissionChanged",
    "RestartUndone",
    "Resumed",
    "Scheduled",
    "Started",
    "TermsChanged",
    "TrialEndMoved",
    "Withdrawn",
]


@dataclass(frozen=True, slots=True)
class Created:
    """The agreement exists; it waits for consent and its first day."""

    kind: ClassVar[str] = "created"
    plan_code: str
    price_ref: str
    quantity: int
    coupons: tuple[str, ...]
    interval: Interval
    anchor_rule: AnchorRule
    anchor_day: int | None
    anchor: Anchor
    starts_on: date
    trial_days: int
    trial_ends_on: date | None = field(metadata=formerly("trial_until"))
    minimum_cycles: int
    permission: Permission
    follows: str | None
    first_period: FirstPeriod = field(default=FirstPeriod.PRORATE, metadata=ADDED_LATER)
    add_ons: tuple[AddOnHeld, ...] = field(default=(), metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class Started:
    """Service began, with a trial or with the first cycle, which is charged next."""

    kind: ClassVar[str] = "started"
    on: date
    trial: Trial | None
    anchor: Anchor
    service_from: date


@dataclass(frozen=True, slots=True)
class TrialEndMoved:
    """The first paid day is another one."""

    kind: ClassVar[str] = "trial_end_moved"
    trial: Trial
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class TermsChanged:
    """Plan, seats, add-ons or coupons are others from `on` on."""

    kind: ClassVar[str] = "terms_changed"
    on: date
    change: PlanChange | QuantityChange | AddOnChange | CouponChange
    schedule_id: str | None


@dataclass(frozen=True, slots=True)
class AnchorChanged:
    """Cycles are counted anew; the next one keeps its number.

    `period` and `paid_through` are the running period's new ends. `bridge_days` were added to it
    (above 0) or cut from it (below 0); the quote settles them.
    """

    kind: ClassVar[str] = "anchor_changed"
    on: date
    anchor: Anchor
    interval: Interval
    period: Period | None
    paid_through: date | None
    bridge_days: int


@dataclass(frozen=True, slots=True)
class RestartUndone:
    """A change that began a cycle was taken back on its day: terms and calendar are the old ones.

    The next cycle keeps its number, so `anchor` may be another one for the same dates.
    """

    kind: ClassVar[str] = "restart_undone"
    on: date
    change: PlanChange
    quantity: int
    anchor: Anchor
    interval: Interval
    period: Period | None
    paid_through: date | None
    minimum_cycles: int
    cycles_done: int
    coupons: tuple[CouponHeld, ...]


@dataclass(frozen=True, slots=True)
class NextDateMoved:
    """The charge of a cycle has another date; None puts it back where the anchor says."""

    kind: ClassVar[str] = "next_date_moved"
    cycle: int
    to: date | None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A change waits for its date."""

    kind: ClassVar[str] = "scheduled"
    entry: ScheduledChange


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A waiting change was taken back."""

    kind: ClassVar[str] = "withdrawn"
    schedule_id: str


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A waiting change fell due and could not take effect; `why` says so to people."""

    kind: ClassVar[str] = "lapsed"
    schedule_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The pause began."""

    kind: ClassVar[str] = "paused"
    pause: PauseInForce
    schedule_id: str | None


@dataclass(frozen=True, slots=True)
class PauseEndMoved:
    """The pause in force ends on another date or in another way."""

    kind: ClassVar[str] = "pause_end_moved"
    until: date | None
    mode: ResumeMode


@dataclass(frozen=True, slots=True)
class Resumed:
    """The pause ended and its banked days are given back.

    banked = `served_days` (free service from `on`) + `credit_days` (credited on the next charge).
    Days until the next cycle = `served_days` + `open_days` (charged by the quote, or free).
    """

    kind: ClassVar[str] = "resumed"
    on: date
    mode: ResumeMode
    anchor: Anchor
    next_cycle: int
    period: Period | None
    paid_through: date | None
    served_days: int
    credit_days: int
    open_days: int


@dataclass(frozen=True, slots=True)
class Canceled:
    """The end. `unused_days` were paid and not served; `refund` says what becomes of them."""

    kind: ClassVar[str] = "canceled"
    on: date
    refund: Refund
    unused_days: int
    fee_yen: int
    schedule_id: str | None


@dataclass(frozen=True, slots=True)
class PermissionChanged:
    """Amazon's charge permission is another, or in another state."""

    kind: ClassVar[str] = "permission_changed"
    permission: Permission


@dataclass(frozen=True, slots=True)
class CyclePaid:
    """A cycle is settled. Of its days, `banked_days` fall into the pause that is in force.

    `free` tells first days that the plan gives away: no paid cycle, and no coupon is used up.
    """

    kind: ClassVar[str] = "cycle_paid"
    cycle: int
    period: Period
    banked_days: int
    free: bool = field(default=False, metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class CycleDeclined:
    """The charge of a cycle was definitely declined."""

    kind: ClassVar[str] = "cycle_declined"
    cycle: int
    reason_code: str


@dataclass(frozen=True, slots=True)
class OpenDaysPaid:
    """The open days after a pause are paid."""

    kind: ClassVar[str] = "open_days_paid"
    paid_through: date


Fact = (
    Created
    | Started
    | TrialEndMoved
    | TermsChanged
    | AnchorChanged
    | RestartUndone
    | NextDateMoved
    | Scheduled
    | Withdrawn
    | Lapsed
    | Paused
    | PauseEndMoved
    | Resumed
    | Canceled
    | PermissionChanged
    | CyclePaid
    | CycleDeclined
    | OpenDaysPaid
)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact with who, why and when; `sequence` counts a subscription's events from 1.

    `at` is an aware UTC instant, `on` the merchant's date then. `overridden` names the guards that
    staff set aside, by their codes. `version` is the shape of the stored form.
    """

    version: ClassVar[int] = 1
    subscription_id: str
    sequence: int
    at: datetime
    on: date
    actor: Actor
    reason: str
    quote_id: str | None
    overridden: tuple[str, ...]
    fact: Fact
