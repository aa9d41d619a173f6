"""The books as a person would compare them: without row ids, and times by the day only."""

from typing import Any

from sqlalchemy import text
from support.shop import Shop

from billing import reading

BOOKS = {
    "slot": "SELECT reference, amount_yen, state, attempts, declines, cap_moves, reason FROM slot",
    "attempt": "SELECT idempotency_key, amount_yen, state, reason_code FROM attempt",
    "invoice": "SELECT number, state, total_yen, paid_yen FROM invoice",
    "journal": (
        "SELECT invoice.number, journal.kind, account, amount_yen FROM posting "
        "JOIN journal ON journal.id = journal_id JOIN invoice ON invoice.id = invoice_id"
    ),
    "subscription": (
        "SELECT external_id, state, next_cycle, cycles_done, "
        "SUBSTR(CAST(due_at AS TEXT), 1, 10) FROM subscription"
    ),
    "cap_month": "SELECT month, used_yen, held_yen FROM cap_month",
    "notice": "SELECT dedup_key, kind, amount_yen, reason FROM notice",
    "event": "SELECT subscription_id, kind, state_before, state_after FROM subscription_event",
    "refund": "SELECT reference, amount_yen, state, reason_code FROM refund",
}


def books_of(shop: Shop) -> dict[str, list[str]]:
    """Our books, what the audit finds in them, and Amazon's own list."""
    with reading(shop.database) as connection:
        books: dict[str, list[Any]] = {
            name: sorted(map(repr, connection.execute(text(sql)))) for name, sql in BOOKS.items()
        }
    books["audit"] = shop.faults()
    books["amazon"] = sorted(
        repr((charge["merchantReferenceId"], charge["amount"], charge["state"]))
        for charge in shop.amazon.charges()
    )
    books["given back"] = sorted(
        repr((refund["amount"], refund["state"])) for refund in shop.amazon.refunds()
    )
    return books
