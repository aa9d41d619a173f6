"""What one charge is about: its invoice with lines and tax, its parts, and every attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from billing import ChargeHistoryRow, Merchant, SlotRow, charges_of_slots

# The rows of one charge lie in many tables; all are in the one metadata behind any row class.
TABLES = SlotRow.metadata.tables
attempts = TABLES["attempt"]
slots = TABLES["slot"]
invoices = TABLES["invoice"]
lines = TABLES["invoice_line"]
taxes = TABLES["invoice_tax"]
subscriptions = TABLES["subscription"]
customers = TABLES["customer"]
prices = TABLES["price"]
plans = TABLES["plan"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChargeDetail:
    """One attempt, what it pays, and what else was tried for the same invoice."""

    shown: ChargeHistoryRow
    about: Row
    invoice: Row
    lines: Sequence[Row]
    taxes: Sequence[Row]
    parts: Sequence[Row]
    attempts: Sequence[ChargeHistoryRow]
    answers: Mapping[int, Any]

    @property
    def slot(self) -> Row:
        """The part of the invoice that the shown attempt pays."""
        return next(part for part in self.parts if part["reference"] == self.shown.reference)


def load_charge(
    connection: Connection, *, merchant: Merchant, attempt_id: int
) -> ChargeDetail | None:
    """Everything about one attempt; None when this merchant has no such attempt."""
    about = _one(connection, _about(merchant, attempt_id))
    if about is None:
        return None
    invoice_id = about["invoice_id"]
    parts = _rows(
        connection, select(slots).where(slots.c.invoice_id == invoice_id).order_by(slots.c.part)
    )
    tried = charges_of_slots(connection, slot_ids=[part["id"] for part in parts])
    invoice = _rows(connection, select(invoices).where(invoices.c.id == invoice_id))[0]
    invoice["last_day"] = invoice["period_end"] - timedelta(days=1)
    return ChargeDetail(
        shown=next(row for row in tried if row.attempt_id == attempt_id),
        about=about,
        invoice=invoice,
        lines=_rows(
            connection,
            select(lines).where(lines.c.invoice_id == invoice_id).order_by(lines.c.position),
        ),
        taxes=_rows(
            connection,
            select(taxes)
            .where(taxes.c.invoice_id == invoice_id)
            .order_by(taxes.c.tax_category.desc()),
        ),
        parts=parts,
        attempts=tried,
        answers=_answers(connection, [part["id"] for part in parts]),
    )


def _about(merchant: Merchant, attempt_id: int) -> Any:
    return (
        select(
            slots.c.invoice_id,
            subscriptions.c.external_id.label("subscription"),
            customers.c.name.label("customer_name"),
            plans.c.name_ja,
            plans.c.name_en,
        )
        .select_from(attempts)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .join(customers, customers.c.id == subscriptions.c.customer_id)
        .join(invoices, invoices.c.id == slots.c.invoice_id)
        .join(prices, prices.c.id == func.coalesce(invoices.c.price_id, subscriptions.c.price_id))
        .join(plans, plans.c.id == prices.c.plan_id)
        .where(attempts.c.id == attempt_id, attempts.c.merchant_id == merchant.id)
    )


def _answers(connection: Connection, slot_ids: Sequence[int]) -> dict[int, Any]:
    statement = select(attempts.c.id, attempts.c.answered_at).where(
        attempts.c.slot_id.in_(slot_ids)
    )
    return dict(connection.execute(statement).all())


def _rows(connection: Connection, statement: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(statement).mappings()]


def _one(connection: Connection, statement: Any) -> Row | None:
    found = _rows(connection, statement)
    return found[0] if found else None
