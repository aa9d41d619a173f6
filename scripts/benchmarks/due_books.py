"""Books of a merchant with very many renewals due at once, written by the database itself.

Permissions of the first renewals exist at the local Amazon Pay too; the others are never reached.
With `years` every subscription has been charged each month of so many years before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from app.migrations import migrate
from billing import MerchantKeys, chain_books, store_keys, store_merchant, writing

MERCHANT = "bench"
YEN = 1_980
MONTHS = 12
FILLED = ("merchant", "plan", "price", "customer", "charge_permission", "subscription")
PAST = ("invoice", "slot", "attempt")
# A permission's id in SQL, from its number: the only two words in which the databases differ.
PADDED = {"postgresql": "lpad({}::text, 7, '0')", "sqlite": "printf('%07d', {})"}
SERIES = {
    "postgresql": "generate_series({}, {})",
    "sqlite": (
        "(WITH RECURSIVE n(g) AS (SELECT {} UNION ALL SELECT g + 1 FROM n WHERE g < {}) "
        "SELECT g FROM n)"
    ),
}


@dataclass(frozen=True, slots=True)
class DueBooks:
    """How many renewals are due, and how long each subscription has been going on."""

    due: int
    years: int = 0
    environment: str = "sandbox"


def permission_id(number: int) -> str:
    """The id at Amazon of the permission of a subscription."""
    return f"C03-{number:07d}-0000001"


def write_due_books(
    database: Engine,
    books: DueBooks,
    *,
    now: datetime,
    keys: MerchantKeys | None = None,
    master_key: bytes = b"",
) -> None:
    """Make the books in an empty database; all renewals have been due for a day.

    Without keys nothing can be sent.
    """
    migrate(database)
    environment: Any = books.environment

    def write(connection: Connection) -> None:
        store_merchant(connection, merchant_id=MERCHANT, environment=environment, rules={})
        if keys is not None:
            store_keys(connection, merchant_id=MERCHANT, keys=keys, master_key=master_key)
        _write(connection, books, now=now)

    writing(database, write)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # What was just loaded would be cleaned up by the server while it is measured.
        count = "VACUUM (ANALYZE)" if database.dialect.name == "postgresql" else "ANALYZE"
        for table in (*FILLED, *(PAST if books.years else ())):
            # The others are new: a server that was told they are empty would read them whole, row
            # by row, to check each reference into them. No server is told that by itself.
            connection.execute(text(f"{count} {table}"))
    if books.years:
        # Books that are ten years old were chained as they grew. Left to the worker, links of ten
        # years would be made while renewals are timed.
        chain_books(database, at=now)


def _write(connection: Connection, books: DueBooks, *, now: datetime) -> None:
    due_at = now - timedelta(days=1)
    cycles = MONTHS * books.years
    on = due_at.astimezone(UTC).date()
    values = {
        "merchant": MERCHANT,
        "yen": YEN,
        "due_at": _instant(connection, due_at),
        "now": _instant(connection, now),
        "cycles": cycles,
        "started": date(on.year - books.years, on.month, 1).isoformat(),
        "year": on.year - books.years,
        "month": on.month,
        "day": on.day,
    }
    if connection.dialect.name == "postgresql":
        values["started"] = date.fromisoformat(str(values["started"]))
    for statement in _catalogue():
        connection.execute(text(statement), _used(statement, values))
    padded = PADDED[connection.dialect.name].format("g")
    each = f"FROM {SERIES[connection.dialect.name].format(1, books.due)} AS g"
    if connection.dialect.name == "sqlite":
        each = each.removesuffix(" AS g")
    for statement in (*_subscribers(padded, each), *(_history() if cycles else ())):
        connection.execute(text(statement), _used(statement, values))


def _instant(connection: Connection, instant: datetime) -> datetime | str:
    if connection.dialect.name == "postgresql":
        return instant
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _used(statement: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f":{name}" in statement}


def _catalogue() -> tuple[str, ...]:
    return (
        "INSERT INTO plan (id, merchant_id, code, name_ja, name_en) "
        "VALUES (1, :merchant, 'basic', 'ベーシック', 'Basic')",
        "INSERT INTO price (id, merchant_id, plan_id, valid_from, amount_yen, tax_category, "
        "interval_unit, interval_count, anchor_rule, per_seat, trial_days, minimum_cycles, "
        "physical, content_hash) VALUES (1, :merchant, 1, '2010-01-01', :yen, 'standard', "
        "'month', 1, 'keep_day', false, 0, 0, false, '-')",
        "INSERT INTO customer (id, merchant_id, external_id, name, kana, email, postal_code, note) "
        "VALUES (1, :merchant, 'c-1', '顧客', '', 'one@example.jp', '', '')",
    )


def _subscribers(padded: str, each: str) -> tuple[str, ...]:
    return (
        # Read last night, as every permission is before its charge: no sweep runs beside.
        "INSERT INTO charge_permission (id, merchant_id, amazon_id, buyer_id, state, "
        "amount_limit_yen, checked_at) "
        f"SELECT g, :merchant, 'C03-' || {padded} || '-0000001', 'buyer', 'Chargeable', 50000, "
        f":now {each}",
        "INSERT INTO subscription (id, merchant_id, external_id, customer_id, permission_id, "
        "price_id, quantity, state, started_on, anchor_year, anchor_month, anchor_day, "
        "first_cycle, next_cycle, cycles_done, due_at, cancel_at_period_end) "
        f"SELECT g, :merchant, 's-' || {padded}, 1, g, 1, 1, 'active', :started, :year, :month, "
        f":day, 0, :cycles, :cycles, :due_at, false {each}",
    )


def _history() -> tuple[str, ...]:
    """What a past month leaves of the rows that the scheduler looks through."""
    months = (
        "FROM subscription s CROSS JOIN (SELECT id - 1 AS c FROM charge_permission "
        "WHERE id <= :cycles) AS months"
    )
    return (
        "INSERT INTO invoice (merchant_id, subscription_id, cycle, purpose, number, state, "
        "issued_on, period_start, period_end, total_yen, paid_yen, offset_yen, price_id) "
        "SELECT :merchant, s.id, c, 'renewal', s.external_id || '-' || c, 'paid', :started, "
        f":started, :started, :yen, :yen, 0, 1 {months}",
        "INSERT INTO slot (merchant_id, subscription_id, invoice_id, permission_id, cycle, "
        "purpose, part, reference, amount_yen, state, first_due_at, due_at, attempts, declines, "
        "cap_moves) SELECT :merchant, subscription_id, id, subscription_id, cycle, 'renewal', 1, "
        "number || '-renewal', :yen, 'paid', :due_at, :due_at, 1, 0, 0 FROM invoice",
        "INSERT INTO attempt (merchant_id, slot_id, permission_id, number, idempotency_key, body, "
        "amount_yen, state, worker_id, intended_at, look_at, sends, answered_at, charge_id) "
        "SELECT :merchant, id, permission_id, 1, 'k-' || id, '', :yen, 'captured', 'w', :due_at, "
        ":due_at, 1, :due_at, 'S-' || id FROM slot",
    )
