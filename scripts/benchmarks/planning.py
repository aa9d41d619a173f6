"""A year of a million subscriptions under the cap, read from their database and planned.

    python -m scripts.benchmarks.planning DATABASE_URL [CAP_YEN]

plans the books that `large_books` wrote, under their own cap or another one, and prints what it
saw; `measure` runs that as a program of its own, so that its memory is its own.
"""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, text

from billing import forecast, load_merchant, open_engine, reading
from billing.mass_forecast import forecast_in_mass
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.large_books import FIRST_DAY, MERCHANT, write_books
from scripts.benchmarks.processes import run_watched

REQUIRED_SECONDS, REQUIRED_MB = 20, 600
REQUIRED_FOR = 1_000_000
LIMIT_SECONDS = 10 * REQUIRED_SECONDS
YEAR_DAYS = 365
AT = datetime.combine(FIRST_DAY, time(3), tzinfo=UTC)  # noon in Tokyo
FEW = 2_000
# About half of the cheapest price: no charge fits, and a year's are split over up to decades.
WORST_CAP_YEN = 500
READ_ALL = """
    SELECT * FROM subscription JOIN charge_permission
    ON charge_permission.id = subscription.permission_id ORDER BY permission_id, subscription.id
"""


class PlanningFailed(Exception):
    """The pass ended with a fault; its speed would mean nothing."""


def measure(*, folder: Path, subscriptions: int) -> list[Figure]:
    """Write the books, plan them in processes of their own, and a few by the exact rule alone."""
    folder.mkdir()
    url = write_books(folder / "many.db", subscriptions=subscriptions)
    usual, usual_mb = _planned([url])
    worst, worst_mb = _planned([url, str(WORST_CAP_YEN)])
    exact = _exact_rate(write_books(folder / "few.db", subscriptions=FEW))
    above = f"all of it above a cap of {WORST_CAP_YEN} yen"
    return [
        _time(_name(usual), usual),
        _memory("plan, peak memory", usual_mb),
        *_shares(usual, exact),
        _time(f"plan a year, {above}", worst),
        _memory(f"plan, peak memory, {above}", worst_mb),
    ]


def _planned(arguments: list[str]) -> tuple[dict[str, Any], float | None]:
    command = [sys.executable, "-m", "scripts.benchmarks.planning", *arguments]
    ended = run_watched(command, folder=Path(__file__).parents[2], limit_seconds=LIMIT_SECONDS)
    if ended.exit_code != 0:
        raise PlanningFailed(f"planning ended with {ended.exit_code}: {ended.errors.strip()}")
    seen: dict[str, Any] = json.loads(ended.output)
    return seen, ended.peak_mb


def _time(name: str, seen: dict[str, Any]) -> Figure:
    whole = seen["subscriptions"] == REQUIRED_FOR
    return Figure(
        name=name,
        value=seen["seconds"],
        unit="seconds",
        required=REQUIRED_SECONDS if whole else None,
        bound="at most",
        ratio=seen["seconds"] / seen["reading_seconds"],
        ratio_to="only reading the rows",
    )


def _memory(name: str, peak_mb: float | None) -> Figure:
    return Figure(name=name, value=peak_mb, unit="MB", required=REQUIRED_MB, bound="at most")


def _shares(seen: dict[str, Any], exact: float) -> list[Figure]:
    rate = seen["charges"] / seen["seconds"]
    return [
        Figure(
            name="plan, charges",
            value=rate,
            unit="per second",
            ratio=rate / exact,
            ratio_to="forecast, charge by charge",
        ),
        Figure(
            name="plan, permissions with a month above the cap",
            value=100 * seen["tight"] / seen["permissions"],
            unit="%",
        ),
    ]


def _name(seen: dict[str, Any]) -> str:
    return f"plan a year, {seen['subscriptions']:,} subscriptions, {seen['charges']:,} charges"


def _exact_rate(url: str) -> float:
    """Charges per second of the forecast that people read, on books of the same mixture."""
    database = open_engine(url)
    try:
        with reading(database) as connection:
            merchant = load_merchant(connection, MERCHANT)
            began = perf_counter()
            found = forecast(connection, merchant, at=AT, days=YEAR_DAYS)
            return len(found.charges) / (perf_counter() - began)
    finally:
        database.dispose()


def main(url: str, cap_yen: int | None = None) -> None:
    """Plan the books at `url`, then only read them; prints both times."""
    database = open_engine(url)
    try:
        with reading(database) as connection:
            print(json.dumps(_seen(connection, cap_yen)))
    finally:
        database.dispose()


def _seen(connection: Connection, cap_yen: int | None) -> dict[str, Any]:
    merchant = load_merchant(connection, MERCHANT)
    if cap_yen is not None:
        merchant = replace(merchant, cap_yen=cap_yen)
    began = perf_counter()
    found = forecast_in_mass(connection, merchant, at=AT, days=YEAR_DAYS)
    planned = perf_counter()
    rows = sum(1 for _ in connection.execute(text(READ_ALL).execution_options(yield_per=1_000)))
    return {
        "subscriptions": rows,
        "permissions": found.permissions,
        "tight": found.tight,
        "planned_singly": found.planned_singly,
        "charges": found.charges,
        "amount_yen": found.amount_yen,
        "seconds": planned - began,
        "reading_seconds": perf_counter() - planned,
    }


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
