"""Changes that can take effect now or wait for their date, and the entries of the waiting queue.

The queue is ordered by date, then by kind and content, never by the order of asking: changes of
one date that commute give one result. Which changes do not commute is told by what they touch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, assert_never

from plans.calendar import AnchorRule, Interval
from plans.catalogue.families import Replacement
from plans.catalogue.price_terms import FirstPeriod
from plans.lifecycle.stored_fields import ADDED_LATER
from plans.lifecycle.values import Actor, PauseCause, Refund, ResumeMode

__all__ = [
    "AddOnChange",
    "AddOnStep",
    "Cancellation",
    "Change",
    "CouponChange",
    "CouponStep",
    "PauseChange",
    "PlanChange",
    "QuantityChange",
    "ScheduledChange",
    "moves_calendar",
    "queue_order",
    "touches",
]


class AddOnStep(StrEnum):
    """What happens to an add-on."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


class CouponStep(StrEnum):
    """What happens to a coupon."""

    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Another plan, or another price of it.

    `interval`, `anchor_rule` and `first_period` are None when they stay; `restarts` begins a cycle
    on the day of the change. `minimum_cycles` is the new plan's term, counted from the change.
    """

    kind: ClassVar[str] = "plan"
    replaces: str
    plan_code: str
    price_ref: str
    direction: Replacement
    interval: Interval | None = None
    anchor_rule: AnchorRule | None = None
    quantity: int | None = None
    minimum_cycles: int = 0
    restarts: bool = False
    first_period: FirstPeriod | None = field(default=None, metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class QuantityChange:
    """Another number of seats."""

    kind: ClassVar[str] = "quantity"
    quantity: int


@dataclass(frozen=True, slots=True)
class AddOnChange:
    """An add-on comes, goes or changes its number; `quantity` is 0 when it goes."""

    kind: ClassVar[str] = "add_on"
    step: AddOnStep
    code: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CouponChange:
    """A coupon comes or goes."""

    kind: ClassVar[str] = "coupon"
    step: CouponStep
    code: str


@dataclass(frozen=True, slots=True)
class PauseChange:
    """A pause, or a skip of whole cycles; `until` is its first day of service again, if known."""

    kind: ClassVar[str] = "pause"
    until: date | None
    mode: ResumeMode
    cause: PauseCause
    banks_days: bool


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The end; `fee_yen` is what the customer agreed to pay for leaving early."""

    kind: ClassVar[str] = "cancellation"
    refund: Refund = Refund.NONE
    fee_yen: int = 0


Change = PlanChange | QuantityChange | AddOnChange | CouponChange | PauseChange | Cancellation


@dataclass(frozen=True, slots=True)
class ScheduledChange:
    """A change that waits for `on`; `bound` when that date or its length came from the calendar."""

    id: str
    on: date
    change: Change
    bound: bool
    actor: Actor
    reason: str
    quote_id: str | None
    asked_at: datetime


# A cancellation goes first: nothing that day happens after it. A pause goes last: what begins
# with the pause is already under the new terms.
_RANK = {Cancellation: 0, PlanChange: 1, QuantityChange: 2, AddOnChange: 3, CouponChange: 4}
_PAUSE_RANK = 5


def queue_order(entry: ScheduledChange) -> tuple[date, int, str]:
    """Sort key of the queue: date, kind, content."""
    change = entry.change
    content = change.code if isinstance(change, AddOnChange | CouponChange) else ""
    return (entry.on, _RANK.get(type(change), _PAUSE_RANK), content)


def touches(change: Change) -> frozenset[str]:
    """Name the terms a change sets; two changes of one date that share one do not commute."""
    match change:
        case PlanChange(quantity=quantity):
            return frozenset({"plan"} if quantity is None else {"plan", "quantity"})
        case QuantityChange():
            return frozenset({"quantity"})
        case AddOnChange(code=code):
            return frozenset({f"add-on {code}"})
        case CouponChange(code=code):
            return frozenset({f"coupon {code}"})
        case PauseChange() | Cancellation():
            return frozenset({change.kind})
        case _:
            assert_never(change)


def moves_calendar(change: Change) -> bool:
    """Tell whether cycles are counted anew from the day of the change."""
    return isinstance(change, PlanChange) and (change.restarts or change.interval is not None)
