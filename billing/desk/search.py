"""Finds customers by the beginning of what is known of them: name, id, mail, an id of Amazon's.

Each kind of name is looked up by its own index, so that a search costs what it finds. A beginning
is asked for as a range of texts in the order of code points, which an index can answer.
"""

import unicodedata
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    collate,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy.sql.elements import KeyedColumnElement

from billing.store.merchants import Merchant
from billing.store.rows import fetch, table_of
from billing.tables import AttemptRow, ChargePermissionRow, CustomerRow, SlotRow, SubscriptionRow

__all__ = ["FoundCustomer", "search_customers", "subscriptions_named"]

customers = table_of(CustomerRow)
subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)

LAST = "\U0010ffff"

_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_HIRAGANA = {code + 0x60: code for code in range(0x3041, 0x3097)}
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
# Half-width katakana by their full-width forms; the combining marks are letters there.
_NARROW = {
    ord(unicodedata.normalize("NFKC", chr(code))): code
    for code in range(0xFF66, 0xFF9E)
    if len(unicodedata.normalize("NFKC", chr(code))) == 1
} | {0x3099: 0xFF9E, 0x309A: 0xFF9F}


@dataclass(frozen=True, slots=True)
class FoundCustomer:
    """One customer with what a list shows; ids are rows, `external_id` is the merchant's own."""

    id: int
    external_id: str
    name: str
    kana: str
    email: str


def search_customers(
    connection: Connection,
    merchant: Merchant,
    *,
    text: str = "",
    after: int = 0,
    limit: int = 50,
) -> list[FoundCustomer]:
    """Customers whose name, reading, mail, id or Amazon id begins with `text`; all without one.

    Ordered by row, from behind the row `after`. Wide and narrow letters, capitals and small ones,
    hiragana and katakana, and the two kinds of spaces are the same.
    """
    columns = [customers.c[name] for name in FoundCustomer.__slots__]
    statement = select(*columns).where(_is_of(connection, merchant), customers.c.id > after)
    if text:
        found = union(*_ids(connection, merchant, text, after, limit)).subquery()
        statement = statement.where(customers.c.id.in_(select(found.c[0])))
    rows = fetch(connection, statement.order_by(customers.c.id).limit(limit))
    return [FoundCustomer(**row) for row in rows]


def subscriptions_named(
    connection: Connection, merchant: Merchant, *, text: str, most: int
) -> tuple[int, ...] | None:
    """Rows of subscriptions whose id, customer or permission begins with `text`, or one charged so.

    In their order; None for more than `most` of them.
    """
    found = union(*_ids(connection, merchant, text, 0, most + 1)).subquery()
    statement = (
        select(subscriptions.c.id)
        .where(subscriptions.c.merchant_id == merchant.id)
        .where(subscriptions.c.customer_id.in_(select(found.c[0])))
        .limit(most + 1)
    )
    rows = connection.execute(statement).scalars().all()
    return None if len(rows) > most else tuple(sorted(rows))


def _is_of(connection: Connection, merchant: Merchant) -> ColumnElement[bool]:
    """The customer is this merchant's, said so that rows are read in their own order.

    SQLite would take an index of the merchant and then sort all its customers for one page; the
    plus tells it not to.
    """
    if connection.dialect.name == "sqlite":
        return literal_column("+customer.merchant_id", String) == merchant.id
    return customers.c.merchant_id == merchant.id


def _ids(
    connection: Connection, merchant: Merchant, text: str, after: int, limit: int
) -> list[Select[tuple[int]]]:
    """One small question for each kind of name; ids of customers."""

    def begins(column: KeyedColumnElement[str]) -> ColumnElement[bool]:
        return _begins(connection, column, text)

    of_customer = select(customers.c.id).where(customers.c.merchant_id == merchant.id)
    by_name = [
        of_customer.where(begins(customers.c[name]), customers.c.id > after)
        for name in ("external_id", "name", "kana", "email")
    ]
    owned = select(subscriptions.c.customer_id).where(subscriptions.c.merchant_id == merchant.id)
    of_permission = owned.join(permissions, permissions.c.id == subscriptions.c.permission_id)
    of_charge = (
        owned.join(slots, slots.c.subscription_id == subscriptions.c.id)
        .join(attempts, attempts.c.slot_id == slots.c.id)
        .where(attempts.c.merchant_id == merchant.id, attempts.c.charge_id == text)
    )
    others = [
        owned.where(begins(subscriptions.c.external_id)),
        of_permission.where(
            permissions.c.merchant_id == merchant.id, begins(permissions.c.amazon_id)
        ),
        of_charge,
    ]
    # An inner limit keeps a common first letter from gathering every customer there is.
    return [
        select(each.order_by(each.selected_columns[0]).limit(limit).subquery().c[0])
        for each in (
            *by_name,
            *(other.where(subscriptions.c.customer_id > after) for other in others),
        )
    ]


def _begins(
    connection: Connection, column: KeyedColumnElement[str], text: str
) -> ColumnElement[bool]:
    """The column begins with one of the ways to write `text`."""
    return or_(*(_range(connection, column, form) for form in spellings(text)))


def spellings(text: str) -> list[str]:
    """The ways in which a text may stand in the books: as typed first, then each way throughout.

    An index of the column answers every one of them; names that mix the ways in one word are found
    by a shorter beginning.
    """
    plain = unicodedata.normalize("NFKC", text)
    wide_space = plain.replace(" ", "\u3000")
    ways = [text, plain, wide_space, plain.lower(), plain.upper()]
    ways += [each.translate(_KATAKANA) for each in (plain, wide_space)]
    ways += [each.translate(_HIRAGANA) for each in (plain, wide_space)]
    ways += [each.translate(_WIDE) for each in (plain, plain.upper(), plain.lower())]
    ways.append(_half_width(plain))
    return list(dict.fromkeys(ways))


def _half_width(text: str) -> str:
    """Kana as old systems of banks keep them, voiced marks as letters of their own."""
    katakana = unicodedata.normalize("NFD", text.translate(_KATAKANA))
    return katakana.translate(_NARROW)


def _range(
    connection: Connection, column: KeyedColumnElement[str], text: str
) -> ColumnElement[bool]:
    if connection.dialect.name == "postgresql":
        by_code_point = collate(column, "C")
        return and_(by_code_point >= text, by_code_point < text + LAST)
    return and_(column >= text, column < text + LAST)
