"""Books of very many subscriptions, written in seconds: the same rows at every run."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from app.migrations import migrate
from billing import insert_many, open_engine, writing
from billing.tables import metadata
from plans.columnar_calendar import RULES, UNITS, Ints, Schedules, cycles_on_or_after
from plans.columnar_calendar import starts_of_cycles as starts

MERCHANT = "large"
FIRST_DAY = date(2026, 11, 22)
ROWS_AT_ONCE = 50_000
# Unit, count, rule, yen, per seat, subscriptions of a hundred. The cap is 50,000 yen a month.
PRICES = (
    ("month", 1, "keep_day", 980, False, 40),
    ("month", 1, "keep_day", 2_980, False, 22),
    ("month", 1, "last_day", 5_500, False, 8),
    ("month", 1, "statute", 12_800, False, 5),
    ("month", 2, "keep_day", 3_240, False, 8),
    ("week", 2, "keep_day", 1_480, False, 5),
    ("year", 1, "keep_day", 39_800, False, 6),
    ("year", 1, "keep_day", 98_000, False, 2),
    ("month", 1, "keep_day", 500, True, 4),
)
SHARED_BY_TWO = 10  # every tenth subscription pays from the permission of the one before it


def write_books(file: Path, *, subscriptions: int) -> str:
    """Make the books in a new SQLite file; returns its URL."""
    url = f"sqlite:///{file}"
    database = open_engine(url)
    try:
        migrate(database)
        writing(database, lambda connection: _write(connection, subscriptions))
    finally:
        database.dispose()
    return url


def _write(connection: Connection, subscriptions: int) -> None:
    insert_many(connection, metadata.tables["merchant"], [_merchant()])
    customer = {"id": 1, "merchant_id": MERCHANT, "external_id": "c-1", "name": "顧客"}
    email = {"email": "one@example.jp", "kana": "", "postal_code": "", "note": ""}
    insert_many(connection, metadata.tables["customer"], [customer | email])
    insert_many(connection, metadata.tables["plan"], [_plan(n) for n in range(len(PRICES))])
    insert_many(connection, metadata.tables["price"], [_price(n) for n in range(len(PRICES))])
    for begin in range(1, subscriptions + 1, ROWS_AT_ONCE):
        numbers = np.arange(begin, min(begin + ROWS_AT_ONCE, subscriptions + 1))
        _insert(connection, "charge_permission", _permissions(numbers))
        _insert(connection, "cap_month", _cap_months(numbers))
        _insert(connection, "subscription", _subscriptions(numbers))


def _merchant() -> dict[str, Any]:
    rules = {"timezone": "Asia/Tokyo", "charge_hour": 9, "cap_yen": 50_000, "cap_rule": "split"}
    dunning = {"dunning_days": "1,3,7,14", "dunning_end": "pause", "tax_rounding": "floor"}
    return {"id": MERCHANT, "environment": "sandbox", **rules, **dunning}


def _plan(number: int) -> dict[str, Any]:
    words = {"code": f"plan-{number}", "name_ja": f"プラン{number}", "name_en": f"Plan {number}"}
    return {"id": number + 1, "merchant_id": MERCHANT, **words}


def _price(number: int) -> dict[str, Any]:
    unit, count, rule, yen, per_seat, _ = PRICES[number]
    return {
        "id": number + 1,
        "merchant_id": MERCHANT,
        "plan_id": number + 1,
        "valid_from": date(1970, 1, 1),
        "amount_yen": yen,
        "tax_category": "standard",
        "interval_unit": unit,
        "interval_count": count,
        "anchor_rule": rule,
        "per_seat": per_seat,
        "trial_days": 0,
        "minimum_cycles": 0,
        "physical": False,
        "content_hash": "-",
    }


Rows = tuple[dict[str, Iterable[Any]], dict[str, object]]
"""Columns that differ from row to row, and those that do not."""


def _permissions(numbers: Ints) -> Rows:
    own = numbers[numbers % SHARED_BY_TWO != 0]
    ids = (f"B01-0000000-{number:07d}" for number in own.tolist())
    same = {"merchant_id": MERCHANT, "buyer_id": "-", "state": "Chargeable"}
    return {"id": own.tolist(), "amazon_id": ids}, same | {"amount_limit_yen": 100_000}


def _cap_months(numbers: Ints) -> Rows:
    """A tenth of the permissions have been charged this month."""
    used = numbers[numbers % SHARED_BY_TWO == 1]
    taken = (used * 7_919 % 45_000).tolist()
    same = {"month": "2026-11", "limit_yen": 50_000, "held_yen": 0}
    return {"permission_id": used.tolist(), "used_yen": taken}, same


def _subscriptions(numbers: Ints) -> Rows:
    price = np.repeat(np.arange(len(PRICES)), [share for *_, share in PRICES])[numbers * 37 % 100]
    of_price = [np.array(column)[price] for column in zip(*PRICES, strict=True)]
    unit, count, rule, _, per_seat, _ = of_price
    anchor = {"month": numbers * 5 % 12 + 1, "day": numbers * 11 % 31 + 1}
    schedules = Schedules.of(
        year=np.full(len(numbers), 2_025),
        rule=[RULES.index(name) for name in rule.tolist()],
        unit=[UNITS.index(name) for name in unit.tolist()],
        count=count,
        **anchor,
    )
    tomorrow = np.full(len(numbers), np.datetime64(FIRST_DAY, "D") + 1)
    cycle = cycles_on_or_after(schedules=schedules, on=tomorrow)
    due_on = starts(schedules=schedules, cycle=cycle)
    columns = {
        "id": numbers.tolist(),
        "external_id": (f"s-{number}" for number in numbers.tolist()),
        "permission_id": (numbers - (numbers % SHARED_BY_TWO == 0)).tolist(),
        "price_id": (price + 1).tolist(),
        "quantity": np.where(per_seat, numbers % 20 + 1, 1).tolist(),
        "anchor_month": anchor["month"].tolist(),
        "anchor_day": anchor["day"].tolist(),
        "next_cycle": cycle.tolist(),
        "cycles_done": cycle.tolist(),
        "due_at": (f"{day} 00:00:00.000000" for day in due_on.tolist()),
    }
    same = {"merchant_id": MERCHANT, "customer_id": 1, "state": "active", "anchor_year": 2_025}
    return columns, same | {"started_on": "2025-01-01", "first_cycle": 0, "cancel_at_period_end": 0}


def _insert(connection: Connection, table: str, rows: Rows) -> None:
    """Past the type conversions of SQLAlchemy, which would take most of the time."""
    columns, same = rows
    names = ", ".join([*columns, *same])
    marks = ", ".join("?" for _ in [*columns, *same])
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
    connection.exec_driver_sql(statement, list(_tuples(columns, tuple(same.values()))))


def _tuples(
    columns: dict[str, Iterable[Any]], same: tuple[object, ...]
) -> Iterator[tuple[object, ...]]:
    for values in zip(*columns.values(), strict=True):
        yield values + same
