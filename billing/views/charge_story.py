"""Everything about one slot: why it is owed, each try to charge it, its refunds, its journals."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, or_, select

from billing.refunds import StoredRefund, refunds_of_slot
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import (
    AttemptRow,
    ChargePermissionRow,
    InvoiceLineRow,
    InvoiceRow,
    JournalRow,
    PostingRow,
    RefundRow,
    SlotRow,
    SubscriptionRow,
)
from plans import BadInput

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)
refunds = table_of(RefundRow)
subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)
invoices = table_of(InvoiceRow)
lines = table_of(InvoiceLineRow)
journals = table_of(JournalRow)
postings = table_of(PostingRow)


@dataclass(frozen=True, slots=True)
class AttemptStory:
    """One try to charge the slot; instants are UTC, yen are whole."""

    number: int
    at: datetime
    amount_yen: int
    state: str
    charge_id: str | None
    reason_code: str | None
    detail: str | None
    idempotency_key: str
    sends: int


@dataclass(frozen=True, slots=True)
class BookedJournal:
    """One journal of the slot's invoice; `postings` maps an account to its signed yen."""

    booked_on: date
    kind: str
    reference: str
    postings: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ChargeStory:
    """A slot with all that belongs to it; `why` are the invoice's lines, (Japanese, English)."""

    slot_id: int
    reference: str
    subscription: str
    subscription_state: str
    charge_permission_id: str
    permission_id: int
    permission_state: str
    invoice: str
    cycle: int
    purpose: str
    amount_yen: int
    state: str
    reason: str | None
    due_at: datetime
    declines: int
    cap_moves: int
    why: tuple[tuple[str, str], ...]
    attempts: tuple[AttemptStory, ...]
    refunds: tuple[StoredRefund, ...]
    ledger: tuple[BookedJournal, ...]


def charge_story(connection: Connection, merchant: Merchant, *, reference: str) -> ChargeStory:
    """The slot of a reference, a charge id, a refund's reference or Amazon's refund id.

    Raises `BadInput` when the merchant has nothing of that name.
    """
    row = _slot(connection, merchant, reference)
    return ChargeStory(
        slot_id=row["id"],
        subscription=row["subscription"],
        subscription_state=row["subscription_state"],
        charge_permission_id=row["amazon_id"],
        permission_state=row["permission_state"],
        invoice=row["invoice"],
        why=_why(connection, row["invoice_id"]),
        attempts=_attempts(connection, row["id"]),
        refunds=tuple(refunds_of_slot(connection, merchant, reference=row["reference"])),
        ledger=_ledger(connection, row["invoice_id"]),
        **{name: row[name] for name in _AS_STORED},
    )


_AS_STORED = (
    *("reference", "permission_id", "cycle", "purpose", "amount_yen", "state", "reason"),
    *("due_at", "declines", "cap_moves"),
)


def _slot(connection: Connection, merchant: Merchant, name: str) -> Row:
    of_attempt = select(attempts.c.slot_id).where(
        attempts.c.merchant_id == merchant.id, attempts.c.charge_id == name
    )
    of_refund = (
        select(attempts.c.slot_id)
        .join(refunds, refunds.c.attempt_id == attempts.c.id)
        .where(refunds.c.merchant_id == merchant.id)
        .where(or_(refunds.c.reference == name, refunds.c.refund_id == name))
    )
    statement = (
        select(
            slots,
            subscriptions.c.external_id.label("subscription"),
            subscriptions.c.state.label("subscription_state"),
            permissions.c.amazon_id,
            permissions.c.state.label("permission_state"),
            invoices.c.number.label("invoice"),
        )
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .join(permissions, permissions.c.id == slots.c.permission_id)
        .join(invoices, invoices.c.id == slots.c.invoice_id)
        .where(slots.c.merchant_id == merchant.id)
    )
    if found := fetch(connection, statement.where(slots.c.reference == name)):
        return found[0]
    # Looked up first: one statement for both would begin with every slot of the merchant.
    for named in (of_attempt, of_refund):
        slot_id = connection.execute(named.limit(1)).scalar()
        if slot_id is not None:
            return fetch(connection, statement.where(slots.c.id == slot_id))[0]
    raise BadInput(
        field="reference",
        value=name,
        rule="no slot, charge or refund of this merchant has that name",
        remedy="look it up with: autopay charges --search TEXT",
    )


def _why(connection: Connection, invoice_id: int) -> tuple[tuple[str, str], ...]:
    statement = select(lines.c.description_ja, lines.c.description_en).where(
        lines.c.invoice_id == invoice_id
    )
    return tuple((ja, en) for ja, en in connection.execute(statement.order_by(lines.c.position)))


def _attempts(connection: Connection, slot_id: int) -> tuple[AttemptStory, ...]:
    statement = (
        select(
            attempts.c.number,
            attempts.c.intended_at.label("at"),
            attempts.c.amount_yen,
            attempts.c.state,
            attempts.c.charge_id,
            attempts.c.reason_code,
            attempts.c.detail,
            attempts.c.idempotency_key,
            attempts.c.sends,
        )
        .where(attempts.c.slot_id == slot_id)
        .order_by(attempts.c.number)
    )
    return tuple(AttemptStory(**row) for row in fetch(connection, statement))


def _ledger(connection: Connection, invoice_id: int) -> tuple[BookedJournal, ...]:
    statement = (
        select(journals, postings.c.account, postings.c.amount_yen)
        .join(postings, postings.c.journal_id == journals.c.id)
        .where(journals.c.invoice_id == invoice_id)
        .order_by(journals.c.id, postings.c.account)
    )
    booked: dict[int, list[Row]] = {}
    for row in fetch(connection, statement):
        booked.setdefault(row["id"], []).append(row)
    return tuple(
        BookedJournal(
            booked_on=rows[0]["booked_on"],
            kind=rows[0]["kind"],
            reference=rows[0]["reference"],
            postings=tuple((row["account"], row["amount_yen"]) for row in rows),
        )
        for rows in booked.values()
    )
