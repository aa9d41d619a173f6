"""The conventions of proration as named settings, and the two sides a change has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plans.errors import BadInput
from plans.rounding import Rounding

__all__ = ["ChangeDay", "Divisor", "ProrationRule", "RoundAt", "Side"]


class Divisor(StrEnum):
    """What a cycle's price is divided by to get a day's."""

    ACTUAL = "actual"  # the days of the period
    THIRTY = "30"  # 30, whatever the month


class ChangeDay(StrEnum):
    """Which terms the day of the change belongs to."""

    NEW = "new"
    OLD = "old"


class RoundAt(StrEnum):
    """Where the one rounding happens."""

    TOTAL = "total"  # after price × days ÷ divisor
    DAILY_RATE = "daily_rate"  # after price ÷ divisor, before × days


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


def _too_small(field: str, value: int, least: int) -> BadInput:
    return BadInput(
        field=field,
        value=value,
        rule=f"{field} is at least {least}",
        remedy=f"give a whole number from {least} up",
    )
