"""The open invoice of an agreement that stops: written off, unless its money is under way."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from billing.books.write_off import write_off
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import InvoiceRow, SlotRow

__all__ = ["charge_under_way", "give_up_open_invoices"]

_invoices = table_of(InvoiceRow)
_slots = table_of(SlotRow)


def charge_under_way(connection: Connection, row: Row) -> str | None:
    """Give the reference of a charge for an open invoice whose money may still arrive."""
    statement = (
        select(_slots.c.reference)
        .join(_invoices, _invoices.c.id == _slots.c.invoice_id)
        .where(_invoices.c.subscription_id == row["id"], _invoices.c.state == "open")
        .where(_slots.c.state.in_(("open", "quarantined")))
        .limit(1)
    )
    reference: str | None = connection.execute(statement).scalar()
    return reference


def give_up_open_invoices(
    connection: Connection, merchant: Merchant, row: Row, *, at: datetime
) -> None:
    """Write off what the customer still owes; ask `charge_under_way` first."""
    statement = select(_invoices).where(
        _invoices.c.subscription_id == row["id"], _invoices.c.state == "open"
    )
    unpaid = fetch(connection, statement)
    write_off(connection, merchant, unpaid, reason="the agreement ended", at=at)
