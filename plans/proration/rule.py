"""The conventions of proration as named settings, and the two sides a change has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from plans.calendar import Period
from plans.errors import BadInput
from plans.rounding import Rounding, divide_yen

__all__ = [
    "ChangeDay",
    "Divisor",
    "ProrationRule",
    "RoundAt",
    "Side",
    "cycle_divisor",
    "days_price",
    "days_price_without_lid",
    "divisor_days",
    "takes_effect",
]

# A fixed 30-day divisor speaks of months; over a longer period it would mean nothing.
_LONGEST_MONTH_DAYS = 31
_ONE_DAY = timedelta(days=1)


class Divisor(StrEnum):
    """What a cycle's price is divided by to get a day's."""

    ACTUAL = "actual"  # the days of the period
    THIRTY = "30"  # 30, whatever the month; what is longer than one keeps its own days


class ChangeDay(StrEnum):
    """Which terms the day of the change belongs to."""

    NEW = "new"
    OLD = "old"


class RoundAt(StrEnum):
    """Where the one rounding happens."""

    TOTAL = "total"  # after price × days ÷ divisor
    DAILY_RATE = "daily_rate"  # after price ÷ divisor, before × days


# Looking a member up on its class costs as much as a division on Python 3.11.
_ACTUAL = Divisor.ACTUAL
_NEW = ChangeDay.NEW
_TOTAL = RoundAt.TOTAL


@dataclass(frozen=True, slots=True)
class ProrationRule:
    """A merchant's conventions; the defaults are those of the design page."""

    divisor: Divisor = Divisor.ACTUAL
    change_day: ChangeDay = ChangeDay.NEW
    round_at: RoundAt = RoundAt.TOTAL
    rounding: Rounding = Rounding.FLOOR
    credit_rounding: Rounding = Rounding.FLOOR


@dataclass(frozen=True, slots=True)
class Side:
    """Terms before or after a change: yen per cycle and unit (0 or more), and units (1 or more)."""

    price_yen: int
    quantity: int = 1

    def __post_init__(self) -> None:
        if self.price_yen < 0:
            raise _too_small("price", self.price_yen, 0)
        if self.quantity < 1:
            raise _too_small("quantity", self.quantity, 1)

    @property
    def cycle_yen(self) -> int:
        """What a whole cycle costs."""
        return self.price_yen * self.quantity


def divisor_days(period: Period, rule: ProrationRule) -> int:
    """Count the days a price is divided by; raises BadInput for 30 over more than 31 days."""
    actual = (period.end - period.start).days
    if rule.divisor is _ACTUAL:
        return actual
    if actual > _LONGEST_MONTH_DAYS:
        raise BadInput(
            field="divisor",
            value=rule.divisor.value,
            rule=f"a 30-day divisor goes with periods up to {_LONGEST_MONTH_DAYS} days, "
            f"this one has {actual}",
            remedy="use divisor actual",
        )
    return 30


def cycle_divisor(cycle: Period, rule: ProrationRule) -> int:
    """Count the days the price of a cycle is divided by; more than 31 days count as they are.

    The habit of 30 days is one of months (japan.md §3.4). A price list may hold a plan by the
    year beside it, and that must stay changeable.
    """
    actual = (cycle.end - cycle.start).days
    return actual if actual > _LONGEST_MONTH_DAYS else divisor_days(cycle, rule)


def takes_effect(on: date, rule: ProrationRule) -> date:
    """Give the first day of the new terms when a change is made on `on`."""
    return on if rule.change_day is _NEW else on + _ONE_DAY


def days_price(cycle_yen: int, left: int, days: int, round_at: RoundAt, rounding: Rounding) -> int:
    """Price `left` of `days` days in whole yen, never above the whole cycle.

    The lid matters when 31 days are left of a 30-day divisor, or a daily rate was rounded up.
    """
    amount_yen = days_price_without_lid(cycle_yen, left, days, round_at, rounding)
    return amount_yen if amount_yen < cycle_yen else cycle_yen


def days_price_without_lid(
    cycle_yen: int, left: int, days: int, round_at: RoundAt, rounding: Rounding
) -> int:
    """Price `left` of `days` days in whole yen; may exceed the cycle."""
    if round_at is _TOTAL:
        return divide_yen(cycle_yen * left, days, rounding)
    return divide_yen(cycle_yen, days, rounding) * left


def _too_small(field: str, value: int, least: int) -> BadInput:
    return BadInput(
        field=field,
        value=value,
        rule=f"{field} is at least {least}",
        remedy=f"give a whole number from {least} up",
    )
