"""What can be asked of a subscription: one small value per command.

The first group is for people, the second is what Amazon says, the third what the engine reports.
Every date is the merchant's civil date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from plans.calendar import AnchorRule, Interval
from plans.catalogue.families import Replacement
from plans.catalogue.price_terms import FirstPeriod
from plans.lifecycle.values import DunningOutcome, Refund, ResumeMode, Timing

__all__ = [
    "AddAddOn",
    "AddCoupon",
    "BuyerClosedPermission",
    "Cancel",
    "ChangeAddOn",
    "ChangeAnchor",
    "ChangeNextDate",
    "ChangePlan",
    "ChangeQuantity",
    "ChargeDeclined",
    "ChargeSucceeded",
    "Command",
    "Create",
    "DunningEnded",
    "EndTrialEarly",
    "ExtendTrial",
    "PaidDays",
    "Pause",
    "PermissionChargeable",
    "PermissionNotChargeable",
    "PermissionReplaced",
    "Reactivate",
    "RemoveAddOn",
    "RemoveCoupon",
    "Report",
    "Request",
    "Resume",
    "SkipCycles",
    "TimePassed",
    "Undo",
]


class PaidDays(StrEnum):
    """What becomes of days that were paid and fall into a pause."""

    BANK = "bank"  # given back when the pause ends
    FORFEIT = "forfeit"


@dataclass(frozen=True, slots=True)
class Create:
    """Begin an agreement; service starts on `starts_on`, or when the buyer has consented.

    The trial lasts `trial_days`, or ends on `trial_ends_on` (the first paid day). `anchor_day`
    (1-31) puts cycles of months on a fixed day; otherwise they count from the first paid day.
    `first_period` is the plan's: days before a fixed day that are `free` are no paid cycle.
    `last_trial_on`: when this buyer last began a trial in this family of plans, if ever.
    `follows` names the canceled subscription this one takes up again. Of `add_ons` only code and
    quantity count: they are held from the first cycle on, by the price list of the day.
    """

    kind: ClassVar[str] = "create"
    id: str
    plan_code: str
    price_ref: str
    interval: Interval
    starts_on: date
    quantity: int = 1
    anchor_rule: AnchorRule = AnchorRule.KEEP_DAY
    anchor_day: int | None = None
    trial_days: int = 0
    trial_ends_on: date | None = None
    minimum_cycles: int = 0
    coupons: tuple[str, ...] = ()
    permission_id: str | None = None
    last_trial_on: date | None = None
    follows: str | None = None
    first_period: FirstPeriod = FirstPeriod.PRORATE
    add_ons: tuple[AddAddOn, ...] = ()


@dataclass(frozen=True, slots=True)
class EndTrialEarly:
    """Let the first paid cycle begin on `ends_on`, before the trial's end."""

    kind: ClassVar[str] = "end_trial_early"
    ends_on: date


@dataclass(frozen=True, slots=True)
class ExtendTrial:
    """Let the first paid cycle begin on `ends_on`, after the trial's end."""

    kind: ClassVar[str] = "extend_trial"
    ends_on: date


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """Upgrade, downgrade or cross-grade; `direction` was judged against the plan `replaces`.

    `interval`, `anchor_rule` and `first_period` are given only when the new plan has others.
    `restarts` begins a new cycle with the change. `quantity` changes the seats in the same step.
    """

    kind: ClassVar[str] = "change_plan"
    replaces: str
    plan_code: str
    price_ref: str
    direction: Replacement
    timing: Timing
    on_date: date | None = None
    interval: Interval | None = None
    anchor_rule: AnchorRule | None = None
    quantity: int | None = None
    minimum_cycles: int = 0
    restarts: bool = False
    first_period: FirstPeriod | None = None


@dataclass(frozen=True, slots=True)
class ChangeQuantity:
    """Set the number of seats."""

    kind: ClassVar[str] = "change_quantity"
    quantity: int
    timing: Timing = Timing.NOW
    on_date: date | None = None


@dataclass(frozen=True, slots=True)
class AddAddOn:
    """Take an add-on."""

    kind: ClassVar[str] = "add_add_on"
    code: str
    quantity: int = 1
    timing: Timing = Timing.NOW
    on_date: date | None = None


@dataclass(frozen=True, slots=True)
class ChangeAddOn:
    """Set the number of an add-on that is held."""

    kind: ClassVar[str] = "change_add_on"
    code: str
    quantity: int
    timing: Timing = Timing.NOW
    on_date: date | None = None


@dataclass(frozen=True, slots=True)
class RemoveAddOn:
    """Give an add-on up."""

    kind: ClassVar[str] = "remove_add_on"
    code: str
    timing: Timing = Timing.NOW
    on_date: date | None = None


@dataclass(frozen=True, slots=True)
class AddCoupon:
    """Put a coupon on; whether it may be used is the catalogue's answer."""

    kind: ClassVar[str] = "add_coupon"
    code: str
    timing: Timing = Timing.NOW
    on_date: date | None = None


@dataclass(frozen=True, slots=True)
class RemoveCoupon:
    """Take a coupon off."""

    kind: ClassVar[str] = "remove_coupon"
    code: str
    timing: Timing = Timing.NOW
    on_date: date | None = None


@dataclass(frozen=True, slots=True)
class SkipCycles:
    """Leave out `count` whole cycles from `from_cycle` on, or from the next that is charged."""

    kind: ClassVar[str] = "skip_cycles"
    count: int = 1
    from_cycle: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeNextDate:
    """Move the next charge to `to`; its cycle, and all dates after it, stay as anchored."""

    kind: ClassVar[str] = "change_next_date"
    to: date


@dataclass(frozen=True, slots=True)
class ChangeAnchor:
    """Let the next cycle start on `first_on` and count all later ones from there.

    `day` keeps an intent the month lacks: 31 with a `first_on` of 28 February. The days between
    the running period's end and `first_on` are settled by the quote.
    """

    kind: ClassVar[str] = "change_anchor"
    first_on: date
    day: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop charging and serving: for `cycles`, until a date, or, with neither, until resumed."""

    kind: ClassVar[str] = "pause"
    timing: Timing
    on_date: date | None = None
    cycles: int | None = None
    until: date | None = None
    paid_days: PaidDays = PaidDays.BANK
    mode: ResumeMode = ResumeMode.SAME_ANCHOR


@dataclass(frozen=True, slots=True)
class Resume:
    """End the pause now, or set the date it ends on; `mode` None keeps what the pause said."""

    kind: ClassVar[str] = "resume"
    on_date: date | None = None
    mode: ResumeMode | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the agreement. `fee_yen` is what leaving early costs by the catalogue's formula.

    `pays_fee` says that the customer agreed to that very fee.
    """

    kind: ClassVar[str] = "cancel"
    timing: Timing
    on_date: date | None = None
    refund: Refund = Refund.NONE
    fee_yen: int | None = None
    pays_fee: bool = False


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back a change that is still waiting."""

    kind: ClassVar[str] = "undo"
    schedule_id: str


@dataclass(frozen=True, slots=True)
class Reactivate:
    """Go on after all: withdraw the waiting cancellation, or lift a pause nobody asked for."""

    kind: ClassVar[str] = "reactivate"
    mode: ResumeMode = ResumeMode.SAME_ANCHOR


@dataclass(frozen=True, slots=True)
class BuyerClosedPermission:
    """The buyer, or Amazon, closed the charge permission; it never charges again."""

    kind: ClassVar[str] = "buyer_closed_permission"
    reason: str = "BuyerClosed"


@dataclass(frozen=True, slots=True)
class PermissionNotChargeable:
    """Amazon suspends the permission until the buyer does something."""

    kind: ClassVar[str] = "permission_not_chargeable"
    reason: str


@dataclass(frozen=True, slots=True)
class PermissionChargeable:
    """The suspended permission can be charged again."""

    kind: ClassVar[str] = "permission_chargeable"


@dataclass(frozen=True, slots=True)
class PermissionReplaced:
    """The buyer consented to a (new) permission."""

    kind: ClassVar[str] = "permission_replaced"
    permission_id: str


@dataclass(frozen=True, slots=True)
class ChargeSucceeded:
    """Cycle `cycle` is settled, by money or because it cost nothing.

    None: the open days of a resumed period were paid.
    """

    kind: ClassVar[str] = "charge_succeeded"
    cycle: int | None


@dataclass(frozen=True, slots=True)
class ChargeDeclined:
    """A definite decline of cycle `cycle`; an unknown outcome is never reported as one."""

    kind: ClassVar[str] = "charge_declined"
    cycle: int
    reason_code: str


@dataclass(frozen=True, slots=True)
class DunningEnded:
    """The retries are used up; the merchant's policy says what follows."""

    kind: ClassVar[str] = "dunning_ended"
    outcome: DunningOutcome


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A day has come: everything that waited for it, or for an earlier day, takes effect."""

    kind: ClassVar[str] = "time_passed"


Request = (
    EndTrialEarly
    | ExtendTrial
    | ChangePlan
    | ChangeQuantity
    | AddAddOn
    | ChangeAddOn
    | RemoveAddOn
    | AddCoupon
    | RemoveCoupon
    | SkipCycles
    | ChangeNextDate
    | ChangeAnchor
    | Pause
    | Resume
    | Cancel
    | Undo
    | Reactivate
)
Report = (
    BuyerClosedPermission
    | PermissionNotChargeable
    | PermissionChargeable
    | PermissionReplaced
    | ChargeSucceeded
    | ChargeDeclined
    | DunningEnded
    | TimePassed
)
Command = Create | Request | Report
