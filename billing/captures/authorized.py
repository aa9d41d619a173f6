"""Authorised charges as the back office and the acts on them see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, select

from billing.dates import civil_date
from billing.store.locking import lock_rows
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, is_word, table_of
from billing.tables import (
    ActRow,
    AttemptRow,
    ChargePermissionRow,
    InvoiceRow,
    SlotRow,
    SubscriptionRow,
)

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)
invoices = table_of(InvoiceRow)
subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)
acts = table_of(ActRow)

# As many as every database takes in one list.
AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class AwaitedShipment:
    """A charge that Amazon authorised; its money is taken when the goods are shipped. Yen."""

    reference: str
    subscription: str
    amount_yen: int
    authorized_at: datetime
    lapses_at: datetime
    due_on: date


def authorized_charges(merchant: Merchant) -> Select[Any]:
    """Slots that wait for their shipment, with the columns that acts need.

    One whose act a person was asked about is none of them: a charge has one act that did not fail.
    They are found by the index of authorised attempts: by the slots' merchant every slot that ever
    was would be read.
    """
    acted_on = exists().where(
        acts.c.attempt_id == attempts.c.id, ~is_word(acts.c.state, "declined")
    )
    return (
        select(
            slots,
            attempts.c.id.label("attempt_id"),
            attempts.c.number.label("attempt"),
            attempts.c.authorized_yen,
            attempts.c.lapses_at,
            attempts.c.intended_at,
            subscriptions.c.external_id.label("subscription"),
            subscriptions.c.state.label("owner_state"),
            invoices.c.state.label("invoice_state"),
            invoices.c.offset_yen,
        )
        .join(attempts, attempts.c.slot_id == slots.c.id)
        .join(invoices, invoices.c.id == slots.c.invoice_id)
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .where(attempts.c.merchant_id == merchant.id, is_word(attempts.c.state, "authorized"))
        .where(slots.c.state == "authorized", ~acted_on)
    )


def lock_permissions(
    connection: Connection, ids: Collection[int], *, skip_locked: bool = False
) -> list[int]:
    """Lock charge permissions in order; the ids that could be locked."""
    return sorted(lock_rows(connection, permissions, ids, skip_locked=skip_locked))


def awaited_shipments(
    connection: Connection, merchant: Merchant, *, limit: int = 10_000
) -> list[AwaitedShipment]:
    """What waits to be shipped, the soonest to lapse first."""
    statement = authorized_charges(merchant).order_by(attempts.c.lapses_at, slots.c.id)
    return [_awaited(row, merchant) for row in fetch(connection, statement.limit(limit))]


def _awaited(row: Row, merchant: Merchant) -> AwaitedShipment:
    return AwaitedShipment(
        reference=row["reference"],
        subscription=row["subscription"],
        amount_yen=row["amount_yen"],
        authorized_at=row["intended_at"],
        lapses_at=row["lapses_at"],
        due_on=civil_date(at=row["first_due_at"], timezone=merchant.timezone),
    )


def capture_states(
    connection: Connection, merchant: Merchant, references: Sequence[str]
) -> dict[str, str]:
    """The states of acts (captures, cancellations, closings) by their references."""
    found: dict[str, str] = {}
    for start in range(0, len(references), AT_A_TIME):
        some = references[start : start + AT_A_TIME]
        statement = select(acts.c.reference, acts.c.state).where(
            acts.c.merchant_id == merchant.id, acts.c.reference.in_(some)
        )
        found |= {row["reference"]: row["state"] for row in fetch(connection, statement)}
    return found
