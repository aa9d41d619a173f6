"""A bar chart of what was received per day, as figures that a template draws as SVG."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

MOST_DAYS = 31
WIDTH, HEIGHT, GAP = 1000, 100, 6

DayTotal = Callable[[date], tuple[int, int]]
"""A day → how many charges were captured, and their yen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day; `x`, `y`, `width` and `height` are in the chart's own units."""

    day: date
    number: int
    amount_yen: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Daily:
    """Bars from `first` to `last`; `clipped` when the period asked for began earlier."""

    bars: tuple[Bar, ...]
    clipped: bool
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def total_yen(self) -> int:
        """Yen of all bars."""
        return sum(bar.amount_yen for bar in self.bars)

    @property
    def highest(self) -> Bar:
        """The day with the most yen; of several the first."""
        return max(self.bars, key=lambda bar: bar.amount_yen)


def days_drawn(*, date_from: date | None, last: date) -> list[date]:
    """The days of the chart: at most 31 up to `last`."""
    earliest = last - timedelta(days=MOST_DAYS - 1)
    first = max(date_from, earliest) if date_from else earliest
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def draw_daily(*, date_from: date | None, last: date, day_total: DayTotal) -> Daily | None:
    """The chart of at most 31 days up to `last`; None where there is nothing to see."""
    days = days_drawn(date_from=date_from, last=last)
    totals = [day_total(day) for day in days]
    most = max((amount_yen for _, amount_yen in totals), default=0)
    if most == 0:
        return None
    bars = (
        _bar(day, total, position, len(days), most)
        for position, (day, total) in enumerate(zip(days, totals, strict=True))
    )
    return Daily(bars=tuple(bars), clipped=days[:1] != [date_from])


def _bar(day: date, total: tuple[int, int], position: int, days: int, most: int) -> Bar:
    number, amount_yen = total
    left, right = WIDTH * position // days, WIDTH * (position + 1) // days
    # A day with money is never drawn as a day without: one unit at least.
    height = max(1, amount_yen * HEIGHT // most) if amount_yen else 0
    return Bar(
        day=day,
        number=number,
        amount_yen=amount_yen,
        x=left + GAP // 2,
        y=HEIGHT - height,
        width=right - left - GAP,
        height=height,
    )
