"""Charts as figures that a template draws as SVG on the server: bars, stacked bars, lines, sparks.

Coordinates are whole numbers in the chart's own units; the style sheet stretches them. Every chart
is drawn by `ui.chart`, with a title, a description and the same figures as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 240
SPARK_WIDTH, SPARK_HEIGHT = 120, 32
MOST_TICKS = 4


@dataclass(frozen=True, slots=True)
class Series:
    """One row of figures with its name; whole numbers, 0 or more."""

    name: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rect:
    """One bar, or one layer of a stacked one; `series` and `item` are positions."""

    series: int
    item: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart at a round value."""

    value: int
    y: int


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar chart; with several series the layers are stacked. `links` open the rows behind."""

    items: tuple[str, ...]
    series: tuple[Series, ...]
    rects: tuple[Rect, ...]
    ticks: tuple[Tick, ...]
    links: tuple[str, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    kind: str = "bars"

    def total(self, item: int) -> int:
        """The sum of all layers of one bar."""
        return sum(series.values[item] for series in self.series)


@dataclass(frozen=True, slots=True)
class Lines:
    """A line chart; `paths` holds the points of each series as SVG takes them."""

    items: tuple[str, ...]
    series: tuple[Series, ...]
    paths: tuple[str, ...]
    ticks: tuple[Tick, ...]
    links: tuple[str, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    kind: str = "lines"


@dataclass(frozen=True, slots=True)
class Spark:
    """A small line beside a figure."""

    points: str
    values: tuple[int, ...]
    width: int = SPARK_WIDTH
    height: int = SPARK_HEIGHT


def bar_chart(
    *, items: Sequence[str], series: Sequence[Series], links: Sequence[str] = ()
) -> Bars | None:
    """Bars from left to right; None where there is nothing to see."""
    sums = [sum(each.values[position] for each in series) for position in range(len(items))]
    top = max(sums, default=0)
    if top <= 0:
        return None
    ticks = _ticks(top)
    scale = ticks[-1].value
    rects: list[Rect] = []
    for position in range(len(items)):
        rects += _stack(position, len(items), series, scale)
    return Bars(tuple(items), tuple(series), tuple(rects), ticks, tuple(links))


def line_chart(
    *, items: Sequence[str], series: Sequence[Series], links: Sequence[str] = ()
) -> Lines | None:
    """Lines from left to right; None where there are fewer than two points or only zeros."""
    top = max((value for each in series for value in each.values), default=0)
    if top <= 0 or len(items) < 2:
        return None
    ticks = _ticks(top)
    paths = tuple(_points(each.values, WIDTH, HEIGHT, 0, ticks[-1].value) for each in series)
    return Lines(tuple(items), tuple(series), paths, ticks, tuple(links))


def sparkline(values: Sequence[int]) -> Spark | None:
    """A line without an axis, from its least to its most; None for fewer than two values."""
    if len(values) < 2:
        return None
    least, most = min(values), max(values)
    # Room for the width of the line itself at the top and at the bottom.
    points = _points(
        [value - least for value in values], SPARK_WIDTH, SPARK_HEIGHT, 2, (most - least) or 1
    )
    return Spark(points, tuple(values))


def _stack(item: int, items: int, series: Sequence[Series], scale: int) -> list[Rect]:
    left, right = WIDTH * item // items, WIDTH * (item + 1) // items
    gap = min(12, (right - left) // 4)
    rects, below = [], 0
    for position, each in enumerate(series):
        value = each.values[item]
        bottom, top = HEIGHT * below // scale, HEIGHT * (below + value) // scale
        # What is there is never drawn as nothing: one unit at least.
        height = max(1, top - bottom) if value else 0
        below += value
        if height:
            y = HEIGHT - bottom - height
            rects.append(Rect(position, item, left + gap // 2, y, right - left - gap, height))
    return rects


def _points(values: Sequence[int], width: int, height: int, edge: int, scale: int) -> str:
    inner = height - 2 * edge
    steps = len(values) - 1
    return " ".join(
        f"{width * position // steps},{height - edge - value * inner // scale}"
        for position, value in enumerate(values)
    )


def _ticks(top: int) -> tuple[Tick, ...]:
    """Round values from 0 to just above the highest: 1, 2 or 5 times a power of ten apart."""
    step = next(
        factor * 10**power
        for power in range(len(str(top)) + 1)
        for factor in (1, 2, 5)
        if factor * 10**power * MOST_TICKS >= top
    )
    highest = -(-top // step) * step
    return tuple(
        Tick(value, HEIGHT - HEIGHT * value // highest) for value in range(0, highest + 1, step)
    )
