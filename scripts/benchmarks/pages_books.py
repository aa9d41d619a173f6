"""Books of a merchant with years of charges, for measuring pages; written by the database itself.

Every customer has one subscription and one permission. Each was charged once a month, one charge
in 33 only at its second try. One in a hundred waits for its buyer now, one is tried again tomorrow,
and two have left. One charge in a hundred was given back, one in a thousand taken back by a bank,
and one in ten has an audit event beside it. Ledger postings are left out: no page reads them.
"""

# ruff: noqa: S608 - every word of these statements is ours, no reader's

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from app.migrations import migrate
from billing import store_merchant, writing
from scripts.benchmarks.due_books import PADDED, SERIES

MERCHANT = "bench"
DAYS = 28
# Slots of a subscription lie side by side or one cycle apart: neither may be chosen as one.
_SPREAD = "(slot_id + slot_id / 10 + slot_id / 1000)"
REASONS = ("SoftDeclined", "HardDeclined", "AmazonRejected", "TransactionTimedOut")
FILLED = (
    *("customer", "charge_permission", "subscription", "subscription_event", "invoice"),
    *("invoice_line", "slot", "attempt", "cap_month", "notice", "refund", "chargeback"),
    "audit_event",
)


@dataclass(frozen=True, slots=True)
class PageBooks:
    """How many subscriptions, and how often each was charged before."""

    subscriptions: int
    months: int
    now: datetime


def write_page_books(database: Engine, books: PageBooks) -> None:
    """Make the books in an empty database."""
    migrate(database)

    def write(connection: Connection) -> None:
        store_merchant(connection, merchant_id=MERCHANT, environment="sandbox", rules={})
        _days(connection, books)
        for statement in _statements(connection, books):
            connection.execute(text(statement))
        if connection.dialect.name == "postgresql":
            _number_on(connection)

    writing(database, write)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in FILLED:
            connection.execute(text(f"ANALYZE {table}"))


def _number_on(connection: Connection) -> None:
    """Let the next rows get numbers behind those that were given by hand."""
    for table in ("plan", "price", "customer", "charge_permission", "subscription"):
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), "
                f"(SELECT max(id) FROM {table}))"
            )
        )


def _days(connection: Connection, books: PageBooks) -> None:
    """When a subscription of a group was charged in a cycle; the last cycle is still to come."""
    instant = "TIMESTAMPTZ" if connection.dialect.name == "postgresql" else "TEXT"
    connection.execute(
        text(
            f"CREATE TABLE bench_day (d INTEGER, c INTEGER, at {instant}, day DATE, until DATE, "
            "month TEXT, y INTEGER, m INTEGER, n INTEGER, PRIMARY KEY (d, c))"
        )
    )
    rows = [
        _day(connection, books, group, cycle)
        for group in range(DAYS)
        for cycle in range(books.months + 1)
    ]
    connection.execute(
        text("INSERT INTO bench_day VALUES (:d, :c, :at, :day, :until, :month, :y, :m, :n)"), rows
    )


def _day(connection: Connection, books: PageBooks, group: int, cycle: int) -> dict[str, Any]:
    at = books.now + timedelta(days=group + 1)
    first = _months_before(at, books.months - cycle)
    days: Mapping[str, date] = {"day": first.date(), "until": _months_before(first, -1).date()}
    is_postgres = connection.dialect.name == "postgresql"
    return {
        "d": group,
        "c": cycle,
        "at": first if is_postgres else first.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "month": f"{first:%Y-%m}",
        "y": first.year,
        "m": first.month,
        "n": first.day,
        **{name: day if is_postgres else day.isoformat() for name, day in days.items()},
    }


def _months_before(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, DAYS))


def _statements(connection: Connection, books: PageBooks) -> Iterator[str]:
    padded = PADDED[connection.dialect.name].format("g")
    each = f"FROM {SERIES[connection.dialect.name].format(1, books.subscriptions)} AS g"
    if connection.dialect.name == "sqlite":
        each = each.removesuffix(" AS g")
    yield from _people(padded, each, books.months)
    yield from _history(books.months)
    yield from _open(books.months)
    yield from _returned()
    yield "DROP TABLE bench_day"


def _people(padded: str, each: str, months: int) -> Iterator[str]:
    yield (
        "INSERT INTO plan (id, merchant_id, code, name_ja, name_en) VALUES "
        f"(1, '{MERCHANT}', 'basic', 'ベーシック', 'Basic')"
    )
    for number, yen in ((1, 1_980), (2, 3_240)):
        yield (
            "INSERT INTO price (id, merchant_id, plan_id, valid_from, amount_yen, tax_category, "
            "interval_unit, interval_count, anchor_rule, per_seat, trial_days, minimum_cycles, "
            f"physical, content_hash) VALUES ({number}, '{MERCHANT}', 1, '201{number}-01-01', "
            f"{yen}, 'standard', 'month', 1, 'keep_day', false, 0, 0, false, '-')"
        )
    yield (
        "INSERT INTO customer (id, merchant_id, external_id, name, kana, email, postal_code, note) "
        f"SELECT g, '{MERCHANT}', 'c-' || {padded}, '山田 ' || g, 'ヤマダ ' || g, "
        f"'user' || g || '@example.jp', '', '' {each}"
    )
    yield (
        "INSERT INTO charge_permission (id, merchant_id, amazon_id, buyer_id, state, "
        f"amount_limit_yen) SELECT g, '{MERCHANT}', 'C03-' || {padded} || '-0000001', 'b' || g, "
        f"CASE WHEN g % 100 = 0 THEN 'NonChargeable' ELSE 'Chargeable' END, 50000 {each}"
    )
    yield (
        "INSERT INTO subscription (id, merchant_id, external_id, customer_id, permission_id, "
        "price_id, quantity, state, started_on, anchor_year, anchor_month, anchor_day, "
        "first_cycle, next_cycle, cycles_done, due_at, cancel_at_period_end) "
        f"SELECT g, '{MERCHANT}', 's-' || {padded}, g, g, 1 + g % 2, 1, "
        "CASE WHEN g % 100 < 2 THEN 'past_due' WHEN g % 50 = 7 THEN 'canceled' ELSE 'active' END, "
        "f.day, f.y, f.m, f.n, 0, "
        f"{months}, {months}, "
        "CASE WHEN g % 100 < 2 OR g % 50 = 7 THEN NULL ELSE l.at END, false "
        f"{each} JOIN bench_day f ON f.d = g % {DAYS} AND f.c = 0 "
        f"JOIN bench_day l ON l.d = g % {DAYS} AND l.c = {months}"
    )
    yield (
        "INSERT INTO subscription_event (merchant_id, subscription_id, at, kind, state_before, "
        "state_after, actor, reason) SELECT merchant_id, s.id, f.at, 'imported', 'active', "
        "'active', 'import', 'subscribers file' FROM subscription s "
        f"JOIN bench_day f ON f.d = s.id % {DAYS} AND f.c = 0"
    )
    yield (
        "INSERT INTO subscription_event (merchant_id, subscription_id, at, kind, state_before, "
        "state_after, actor, reason) SELECT merchant_id, s.id, f.at, 'canceled', 'active', "
        "'canceled', 'engine', 'asked' FROM subscription s "
        f"JOIN bench_day f ON f.d = s.id % {DAYS} AND f.c = {months} - 1 WHERE s.id % 50 = 7"
    )


def _history(months: int) -> Iterator[str]:
    of_cycle = f"FROM subscription s JOIN bench_day b ON b.d = s.id % {DAYS} AND b.c < {months}"
    yield (
        "INSERT INTO invoice (merchant_id, subscription_id, cycle, purpose, number, state, "
        "issued_on, period_start, period_end, total_yen, paid_yen, offset_yen, price_id) "
        "SELECT s.merchant_id, s.id, b.c, 'renewal', s.external_id || '-' || b.c, 'paid', b.day, "
        f"b.day, b.until, p.amount_yen, p.amount_yen, 0, p.id {of_cycle} "
        "JOIN price p ON p.id = s.price_id"
    )
    yield (
        "INSERT INTO invoice_line (invoice_id, position, kind, description_ja, description_en, "
        "quantity, unit_yen, amount_yen, tax_category) SELECT id, 1, 'plan', 'ベーシック', "
        "'Basic', 1, total_yen, total_yen, 'standard' FROM invoice"
    )
    yield (
        "INSERT INTO slot (merchant_id, subscription_id, invoice_id, permission_id, cycle, "
        "purpose, part, reference, amount_yen, state, first_due_at, due_at, attempts, declines, "
        "cap_moves, settled_at) SELECT i.merchant_id, subscription_id, id, subscription_id, cycle, "
        "'renewal', 1, number || '-renewal', total_yen, 'paid', b.at, b.at, "
        "1 + CASE WHEN id % 33 = 0 THEN 1 ELSE 0 END, CASE WHEN id % 33 = 0 THEN 1 ELSE 0 END, 0, "
        f"b.at FROM invoice i JOIN bench_day b ON b.d = subscription_id % {DAYS} AND b.c = cycle"
    )
    reasons = " ".join(f"WHEN {n} THEN '{reason}'" for n, reason in enumerate(REASONS))
    yield _attempts("1", "'declined'", f"CASE id % 4 {reasons} END", "NULL", "WHERE declines = 1")
    yield _attempts("attempts", "'captured'", "NULL", "'S03-' || id || '-C000001'", "")
    yield (
        "INSERT INTO cap_month (permission_id, month, limit_yen, used_yen, held_yen) "
        f"SELECT s.id, b.month, 50000, 3240, 0 {of_cycle} WHERE true ON CONFLICT DO NOTHING"
    )
    yield (
        "INSERT INTO notice (merchant_id, subscription_id, dedup_key, kind, written_at, "
        "amount_yen, delivered_at, reference, position) SELECT merchant_id, subscription_id, "
        "reference || '/charged/0', 'charged', due_at, amount_yen, due_at, reference, id FROM slot"
    )


def _attempts(number: str, state: str, reason: str, charge_id: str, chosen: str) -> str:
    return (
        "INSERT INTO attempt (merchant_id, slot_id, permission_id, number, idempotency_key, body, "
        "amount_yen, state, reason_code, worker_id, intended_at, look_at, sends, answered_at, "
        f"charge_id) SELECT merchant_id, id, permission_id, {number}, "
        f"'k-' || id || '-' || {number}, '', amount_yen, {state}, {reason}, 'w', due_at, due_at, "
        f"1, due_at, {charge_id} FROM slot {chosen}"
    )


def _open(months: int) -> Iterator[str]:
    """Cycles that were declined yesterday: half wait for their buyers, half are tried again."""
    day = f"JOIN bench_day b ON b.d = 0 AND b.c = {months}"
    chosen = f"FROM subscription s {day} WHERE s.id % 100 < 2"
    yield (
        "INSERT INTO invoice (merchant_id, subscription_id, cycle, purpose, number, state, "
        "issued_on, period_start, period_end, total_yen, paid_yen, offset_yen, price_id) "
        f"SELECT s.merchant_id, s.id, {months}, 'renewal', s.external_id || '-{months}', 'open', "
        f"b.day, b.day, b.until, 1980, 0, 0, 1 {chosen}"
    )
    yield (
        "INSERT INTO slot (merchant_id, subscription_id, invoice_id, permission_id, cycle, "
        "purpose, part, reference, amount_yen, state, first_due_at, due_at, attempts, declines, "
        "cap_moves, reason) SELECT i.merchant_id, i.subscription_id, i.id, i.subscription_id, "
        f"{months}, 'renewal', 1, i.number || '-renewal', 1980, "
        "CASE WHEN i.subscription_id % 100 = 0 THEN 'waiting_buyer' ELSE 'due' END, b.at, b.at, 1, "
        "1, 0, CASE WHEN i.subscription_id % 100 = 0 THEN 'HardDeclined' ELSE 'SoftDeclined' END "
        f"FROM invoice i JOIN bench_day b ON b.d = 0 AND b.c = {months} WHERE i.state = 'open'"
    )


def _returned() -> Iterator[str]:
    """Refunds, chargebacks and audit events, spread over all of the history."""
    captured = "FROM attempt WHERE state = 'captured'"
    yield (
        "INSERT INTO refund_room (attempt_id, limit_yen, refunded_yen, held_yen) "
        f"SELECT id, amount_yen, 0, 0 {captured} AND {_SPREAD} % 100 = 0"
    )
    yield (
        "INSERT INTO refund (merchant_id, attempt_id, request_id, part, number, reference, "
        "idempotency_key, body, origin, amount_yen, owed_before_yen, taxes, state, reason, actor, "
        "requested_at, look_at, sends, answered_at, refund_id) SELECT merchant_id, id, "
        "'r-' || id, 1, 1, 'r-' || id, 'r-' || id, '', 'desk', amount_yen, 0, '[]', 'refunded', "
        "'returned', 'staff', intended_at, intended_at, 1, intended_at, 'S03-' || id || '-R1' "
        f"{captured} AND {_SPREAD} % 100 = 0"
    )
    yield (
        "INSERT INTO chargeback (merchant_id, attempt_id, case_id, amount_yen, happened_on, "
        "reason, actor, booked_at) SELECT a.merchant_id, a.id, 'case-' || a.id, "
        "a.amount_yen, b.day, 'fraud', 'staff', a.intended_at FROM attempt a "
        f"JOIN slot s ON s.id = a.slot_id JOIN bench_day b ON b.d = s.subscription_id % {DAYS} "
        f"AND b.c = s.cycle WHERE a.state = 'captured' AND {_SPREAD} % 1000 = 500"
    )
    yield (
        "INSERT INTO audit_event (merchant_id, at, kind, actor, reason) SELECT merchant_id, "
        "intended_at, 'kind.' || (id % 7), 'staff ' || (id % 23), 'as agreed' FROM attempt "
        f"WHERE {_SPREAD} % 10 = 0 ORDER BY intended_at, id"
    )


def now_of_books() -> datetime:
    """The moment at which the books are looked at: today at noon, UTC."""
    return datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0)
