"""Quotes that were stored, read back: the quote itself and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from billing.agreements import UnknownQuote
from billing.agreements.changing import quote_from_text
from billing.quotes import Quote
from billing.store.merchants import Merchant
from billing.store.rows import fetch, table_of
from billing.tables import QuoteRow

__all__ = ["StoredQuote", "stored_quote"]

_quotes = table_of(QuoteRow)


@dataclass(frozen=True, slots=True)
class StoredQuote:
    """A quote with its state: `open`, `charging`, `confirmed` or `declined`.

    `result` says in a word why a declined one is over; `settled_at` is a UTC instant.
    """

    quote: Quote
    state: str
    result: str | None
    settled_at: datetime | None


def stored_quote(connection: Connection, merchant: Merchant, *, quote_id: str) -> StoredQuote:
    """Read a quote that was kept; raises `UnknownQuote`."""
    statement = select(_quotes).where(
        _quotes.c.merchant_id == merchant.id, _quotes.c.id == quote_id
    )
    rows = fetch(connection, statement)
    if not rows:
        raise UnknownQuote(quote_id)
    (row,) = rows
    quote = quote_from_text(row["body"])
    return StoredQuote(quote, row["state"], row["result"], row["settled_at"])
