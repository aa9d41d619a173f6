"""The oracle's own calendar and price list; it shares no code with `plans`."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

JAPAN: Final = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class Sold:
    """A plan as the shop's price list says it: yen per cycle, and how long a cycle is."""

    price: int
    months: int = 0
    days: int = 0
    per_seat: bool = False
    first_price: int | None = None
    shipped: bool = False


SOLD: Final = {
    "basic": Sold(1_980, months=1),
    "studio": Sold(29_800, months=1),
    "team": Sold(1_480, months=1, per_seat=True),
    "coffee": Sold(3_240, months=1, first_price=1_980),
    "gift": Sold(1_980, months=1, first_price=0),
    "yearly": Sold(98_000, months=12),
    "week": Sold(777, days=14),
    "quarter": Sold(4_800, months=3),
    "half": Sold(8_700, months=6),
    "annual": Sold(15_800, months=12),
    "beans": Sold(3_780, months=1, shipped=True),
    "crate": Sold(19_440, months=1, shipped=True),
}


def start_of(plan: Sold, *, anchor: date, day: int, cycle: int) -> date:
    """The first day of a cycle, counted from the anchor alone; short months end on their last."""
    if plan.days:
        return anchor + timedelta(days=plan.days * cycle)
    months = anchor.year * 12 + anchor.month - 1 + plan.months * cycle
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day, calendar.monthrange(year, month + 1)[1]))


def due_at(on: date, *, hour: int) -> datetime:
    """The moment that a charge of a day is due."""
    return datetime.combine(on, time(hour), tzinfo=JAPAN).astimezone(UTC)


def price_of(plan: Sold, *, quantity: int, cycle: int, first_cycle: int) -> int:
    """What a cycle costs, tax included."""
    each = plan.price if cycle != first_cycle or plan.first_price is None else plan.first_price
    return each * quantity if plan.per_seat else each
