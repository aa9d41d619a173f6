"""The pure parts: calendar, proration, and the forecast of a year of the demo's books."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import perf_counter

from billing import forecast, latest_moment, load_merchant, open_engine, reading
from plans import Anchor, Interval, Period, Side, Unit, cycle_start, prorate
from scripts.benchmarks.figures import Figure, per_second
from scripts.benchmarks.machine import SIGNING_LIMIT, MachineLimit

MERCHANT = "demo"
YEAR_DAYS = 365
BATCH = 1_000
# Proration is needed in every quote, preview and forecast row; slower, it would be felt there.
PRORATIONS_REQUIRED = 200_000
BARE_LIMIT = "bare pairs of divisions/s of one core"
APRIL = Period(start=date(2026, 4, 1), end=date(2026, 5, 1))


def measure(*, folder: Path, seconds: float, limit: MachineLimit) -> list[Figure]:
    """Calendar and proration for so many seconds each; one forecast of `folder / "demo"`."""
    return [
        _rate("cycle_start, 31st of the month", _cycle_starts(), seconds, limit),
        _proration(seconds),
        _forecast(folder / "demo", limit),
    ]


def _rate(name: str, work: Callable[[], None], seconds: float, limit: MachineLimit) -> Figure:
    rate = per_second(work, seconds=seconds, batch=BATCH)
    return _figure(name, rate, limit)


def _proration(seconds: float) -> Figure:
    """Compare with the arithmetic alone: two products and two divisions of whole numbers."""
    rate = per_second(_prorations(), seconds=seconds, batch=BATCH)
    bare = per_second(_bare_divisions(), seconds=seconds, batch=BATCH)
    return Figure(
        name="prorate, one change in April",
        value=rate,
        unit="per second",
        required=PRORATIONS_REQUIRED,
        ratio=rate / bare,
        ratio_to=BARE_LIMIT,
    )


def _figure(name: str, rate: float, limit: MachineLimit) -> Figure:
    ratio = rate / limit.signs_per_second
    return Figure(name=name, value=rate, unit="per second", ratio=ratio, ratio_to=SIGNING_LIMIT)


def _cycle_starts() -> Callable[[], None]:
    anchor, monthly = Anchor(2026, 1, 31), Interval(Unit.MONTH, 1)

    def work() -> None:
        for number in range(BATCH):
            cycle_start(anchor=anchor, interval=monthly, cycle=number)

    return work


def _prorations() -> Callable[[], None]:
    old, new = Side(3_000), Side(10_000)

    def work() -> None:
        for _ in range(BATCH):
            prorate(period=APRIL, change_on=date(2026, 4, 16), old=old, new=new)

    return work


def _bare_divisions() -> Callable[[], None]:
    old, new, left, days = 3_000, 10_000, 15, 30

    def work() -> None:
        for _ in range(BATCH):
            _ = new * left // days - old * left // days

    return work


def _forecast(demo: Path, limit: MachineLimit) -> Figure:
    database = open_engine(f"sqlite:///{demo / 'autopay.db'}")
    try:
        with reading(database) as connection:
            merchant = load_merchant(connection, MERCHANT)
            began = perf_counter()
            at = latest_moment(connection, merchant.id)
            charges = len(forecast(connection, merchant, at=at, days=YEAR_DAYS).charges)
            rate = charges / (perf_counter() - began)
    finally:
        database.dispose()
    return _figure(f"forecast of a year, {charges:,} charges", rate, limit)
