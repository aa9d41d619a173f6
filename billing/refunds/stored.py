"""Refunds as they stand in the books, for screens and for the request that is made twice."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from billing.refunds.returned_tax import TaxPart, taxes_from_json
from billing.store.merchants import Merchant
from billing.store.rows import fetch, table_of
from billing.tables import AttemptRow, RefundRow, SlotRow

refunds = table_of(RefundRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)

COLUMNS = (
    *("reference", "request_id", "amount_yen", "state", "reason", "actor", "requested_at"),
    *("answered_at", "refund_id", "reason_code", "detail", "idempotency_key"),
)


@dataclass(frozen=True, slots=True)
class StoredRefund:
    """One refund of one charge. `taxes` is what it newly reversed, per rate; yen are whole."""

    id: int
    reference: str
    charge_id: str
    request_id: str
    amount_yen: int
    state: str
    reason: str
    actor: str
    requested_at: datetime
    answered_at: datetime | None
    refund_id: str | None
    reason_code: str | None
    detail: str | None
    idempotency_key: str
    taxes: tuple[TaxPart, ...]


def refunds_of_request(
    connection: Connection, merchant: Merchant, *, request_id: str
) -> list[StoredRefund]:
    """The refunds of a request in their order; none when it was never made."""
    wanted = (refunds.c.merchant_id == merchant.id, refunds.c.request_id == request_id)
    return _stored(connection, *wanted)


def refunds_of_slot(
    connection: Connection, merchant: Merchant, *, reference: str
) -> list[StoredRefund]:
    """The refunds of the charge that paid a slot, oldest first."""
    # Said of the slot too: a reference is found by its index only together with the merchant.
    wanted = (
        refunds.c.merchant_id == merchant.id,
        slots.c.merchant_id == merchant.id,
        slots.c.reference == reference,
    )
    return _stored(connection, *wanted)


def _stored(connection: Connection, *wanted: ColumnElement[bool]) -> list[StoredRefund]:
    statement = (
        select(refunds, attempts.c.charge_id)
        .join(attempts, attempts.c.id == refunds.c.attempt_id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(*wanted)
        .order_by(refunds.c.part, refunds.c.number, refunds.c.id)
    )
    return [
        StoredRefund(
            id=row["id"],
            charge_id=row["charge_id"],
            taxes=taxes_from_json(row["taxes"]),
            **{name: row[name] for name in COLUMNS},
        )
        for row in fetch(connection, statement)
    ]
