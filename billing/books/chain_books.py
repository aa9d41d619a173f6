"""Which books the hash chain covers, and how their entries are read, the same on every database.

An entry is a row with the rows that belong to it: a journal with its postings, an invoice with its
lines and taxes. Only columns that never change are covered. Of an invoice that leaves out its
state, what was paid of it, and what needs no charge (a short shipment takes that off later):
slots and journals prove those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from billing.books.chain import Entry, leaf

__all__ = ["BOOKS", "Book", "Part", "entries_of", "newest_id", "row_name"]

_INSTANTS = frozenset({"at"})
_FLAGS = frozenset({"per_seat", "physical"})
_NUMBERS = frozenset({"position"})
_DATES = frozenset({"booked_on", "issued_on", "period_start", "period_end", "valid_from"})


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of one table; `key` is the column that holds the id of the entry."""

    table: str
    key: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """One chained book. `name_column` is what people call an entry; None for its id alone."""

    name: str
    entry: Part
    parts: tuple[Part, ...] = ()
    name_column: str | None = None


BOOKS = (
    Book(
        "journal",
        Part("journal", "id", ("merchant_id", "reference", "kind", "booked_on", "invoice_id")),
        (Part("posting", "journal_id", ("account", "amount_yen")),),
        "reference",
    ),
    Book(
        "invoice",
        Part(
            "invoice",
            "id",
            (
                *("merchant_id", "subscription_id", "cycle", "purpose", "number", "issued_on"),
                *("period_start", "period_end", "total_yen", "price_id"),
            ),
        ),
        (
            Part(
                "invoice_line",
                "invoice_id",
                (
                    *("position", "kind", "description_ja", "description_en", "quantity"),
                    *("unit_yen", "amount_yen", "tax_category"),
                ),
            ),
            Part(
                "invoice_tax",
                "invoice_id",
                ("tax_category", "rate_percent", "gross_yen", "tax_yen", "net_yen"),
            ),
        ),
        "number",
    ),
    Book(
        "subscription_event",
        Part(
            "subscription_event",
            "id",
            (
                *("merchant_id", "subscription_id", "at", "kind", "state_before", "state_after"),
                *("actor", "reason", "sequence", "body", "quote_id"),
            ),
        ),
    ),
    Book(
        "price",
        Part(
            "price",
            "id",
            (
                *("merchant_id", "plan_id", "valid_from", "amount_yen", "tax_category"),
                *("interval_unit", "interval_count", "anchor_rule", "per_seat", "trial_days"),
                *("minimum_cycles", "first_amount_yen", "physical", "usage_meter"),
                *("usage_included", "usage_unit_price", "terms", "content_hash"),
            ),
        ),
    ),
    Book(
        "offer_version",
        Part(
            "offer_version",
            "id",
            ("merchant_id", "offer_id", "valid_from", "terms", "content_hash"),
        ),
    ),
    Book(
        "audit_event",
        Part("audit_event", "id", ("merchant_id", "at", "kind", "actor", "reason", "detail")),
    ),
)
"""Every chained book. A column added to one of these tables later is a new version of its book."""


def entries_of(connection: Connection, book: Book, *, after: int, upto: int) -> list[Entry]:
    """The entries with `after` < id ≤ `upto`, ids ascending.

    A part without its entry (somebody deleted the one and left the other) counts as an entry.
    """
    rows = {row[0]: row for row in _rows(connection, book.entry, after, upto)}
    parts = [_grouped(_rows(connection, part, after, upto)) for part in book.parts]
    lost = {key for part in parts for key in part.keys() - rows.keys()}
    ids = [*rows] if not lost else sorted(rows.keys() | lost)
    return [
        (key, leaf((book.name, key, rows.get(key), *[part.get(key) for part in parts])))
        for key in ids
    ]


def newest_id(connection: Connection, book: Book) -> int:
    """The largest id of a book; 0 for an empty one."""
    part = book.entry
    statement = f"SELECT COALESCE(MAX({part.key}), 0) FROM {part.table}"  # noqa: S608 - our own names
    return int(connection.execute(text(statement)).scalar_one())


def row_name(connection: Connection, book: Book, entry_id: int) -> str:
    """An entry as a person looks for it: table, id, and its reference or number if it has one."""
    name = f"{book.entry.table} {entry_id}"
    if book.name_column is None:
        return name
    statement = f"SELECT {book.name_column} FROM {book.entry.table} WHERE id = :id"  # noqa: S608 - our own names
    found = connection.execute(text(statement), {"id": entry_id}).scalar()
    return name if found is None else f"{name} ({found})"


def _grouped(rows: Sequence[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        # Not setdefault: it would make a list for every row, and there are millions.
        if row[0] in found:
            found[row[0]].append(row)
        else:
            found[row[0]] = [row]
    return found


def _rows(connection: Connection, part: Part, after: int, upto: int) -> Sequence[tuple[Any, ...]]:
    """Rows as the driver gives them: the objects around them would take most of the time."""
    postgresql = connection.dialect.name == "postgresql"
    columns = ", ".join(_read(column, postgresql=postgresql) for column in part.columns)
    # PostgreSQL would sort texts by a language's rules, which an upgrade of the system can change.
    bytewise = ' COLLATE "C"' if postgresql and part.columns[0] not in _NUMBERS else ""
    order = part.key if part.key == "id" else f"{part.key}, {part.columns[0]}{bytewise}"
    statement = (
        f"SELECT {part.key}, {columns} FROM {part.table} "  # noqa: S608 - our own names
        f"WHERE {part.key} > :after AND {part.key} <= :upto ORDER BY {order}"
    )
    result = connection.execute(text(statement), {"after": after, "upto": upto})
    if result.cursor is None:
        raise AssertionError("a query without rows to fetch")
    return result.cursor.fetchall()


def _read(column: str, *, postgresql: bool) -> str:
    """Every value as text or whole number, as SQLite keeps it: a moved database has one chain."""
    if not postgresql:
        return column
    if column in _INSTANTS:
        return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    if column in _DATES:
        return f"to_char({column}, 'YYYY-MM-DD')"
    return f"{column}::int" if column in _FLAGS else column
