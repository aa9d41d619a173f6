"""Small values of a subscription's life: who acts, when it takes effect, pauses, permission."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from plans.lifecycle.stored_fields import ADDED_LATER

__all__ = [
    "Actor",
    "AddOnHeld",
    "CouponHeld",
    "DunningOutcome",
    "PauseCause",
    "PauseInForce",
    "Permission",
    "PermissionState",
    "Refund",
    "ResumeMode",
    "Timing",
    "Trial",
]


class Actor(StrEnum):
    """Who makes something happen; guards hold for customers, staff may override them."""

    CUSTOMER = "customer"
    STAFF = "staff"
    ENGINE = "engine"
    AMAZON = "amazon"


class Timing(StrEnum):
    """When a change takes effect."""

    NOW = "now"
    PERIOD_END = "period_end"  # the day the running period ends and the next would begin
    ON_DATE = "on_date"


class ResumeMode(StrEnum):
    """What a pause does to the calendar when it ends."""

    SAME_ANCHOR = "same_anchor"  # the next cycle is the first one anchored as before
    RESTART = "restart"  # cycles are counted anew from the day the banked days are used up


class PauseCause(StrEnum):
    """Why a subscription is paused; what a person did not ask for is lifted by reactivating."""

    REQUESTED = "requested"
    SKIP = "skip"
    DUNNING = "dunning"
    PERMISSION = "permission"


class Refund(StrEnum):
    """What a cancellation gives back of the last payment."""

    NONE = "none"
    PRORATED = "prorated"  # the unused days
    FULL = "full"


class DunningOutcome(StrEnum):
    """What the merchant's policy does when dunning has ended without payment."""

    PAUSE = "pause"
    CANCEL = "cancel"


class PermissionState(StrEnum):
    """What Amazon's charge permission allows."""

    CHARGEABLE = "chargeable"
    NOT_CHARGEABLE = "not_chargeable"  # for now: the buyer can cure it, or has not consented yet
    CLOSED = "closed"  # for ever: only a new permission helps


@dataclass(frozen=True, slots=True)
class Permission:
    """The charge permission as last heard; `id` is None until the buyer has consented."""

    id: str | None
    state: PermissionState
    reason: str = ""


@dataclass(frozen=True, slots=True, order=True)
class AddOnHeld:
    """An add-on of the price list that the subscription has: how many, since which cycle.

    `agreed_on` is the day whose version of the price list was agreed; later ones do not count.
    None, for what was agreed elsewhere, means the first day of `since_cycle`.
    """

    code: str
    quantity: int
    since_cycle: int
    agreed_on: date | None = None


@dataclass(frozen=True, slots=True, order=True)
class CouponHeld:
    """A coupon that is on, and how many cycles were charged with it.

    `agreed_on` is the day whose version of the price list was agreed; None means whatever is valid.
    """

    code: str
    cycles_used: int = 0
    agreed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """Free days from `starts_on` up to, not including, `ends_on`: the first paid day."""

    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class PauseInForce:
    """No charges from `began_on` until `until`, or until somebody resumes when that is None.

    `banked_days` were paid for and are given back, once, when the pause ends. `by` made it: a
    customer does not end a pause that staff made. None, in older books, is anybody.
    """

    began_on: date
    until: date | None
    mode: ResumeMode
    cause: PauseCause
    banks_days: bool
    banked_days: int
    by: Actor | None = field(default=None, metadata=ADDED_LATER)
