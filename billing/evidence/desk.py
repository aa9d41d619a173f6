"""What waits for a person, and all that is known about each: charges without an answer or that the
cap refused for good, refunds, bad rows, and chargebacks that Amazon has told of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, union

from billing.charging.poison import set_aside_rows
from billing.evidence.proofs import DECISION, KeptProof, proofs_of, proofs_of_refunds
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, is_word, table_of
from billing.tables import (
    AttemptRow,
    ChargebackRow,
    ChargePermissionRow,
    DoubtRow,
    InvoiceRow,
    NotificationRow,
    RefundRow,
    SlotRow,
)
from plans import BadInput

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)
refunds = table_of(RefundRow)
doubts = table_of(DoubtRow)
permissions = table_of(ChargePermissionRow)
notifications = table_of(NotificationRow)
chargebacks = table_of(ChargebackRow)
invoices = table_of(InvoiceRow)


REFUSED = "refused"
"""State of a charge that the cap and the merchant's rule refused: nothing of it is under way."""


class DeskKind(StrEnum):
    """What kind of thing waits."""

    CHARGE = "charge"
    REFUND = "refund"
    ROW = "row"
    CHARGEBACK = "chargeback"


@dataclass(frozen=True, slots=True)
class DeskItem:
    """One thing on the desk; `state` is parked, resting, quarantined or refused, yen are whole.

    `attempt_id` is the attempt in question, `refund_row_id` the refund; a bad row has neither.
    """

    kind: DeskKind
    name: str
    state: str
    reason: str
    amount_yen: int
    since: datetime
    proofs: tuple[KeptProof, ...] = ()
    attempt_id: int | None = None
    attempt_state: str | None = None
    refund_row_id: int | None = None
    slot_id: int | None = None
    permission: str | None = None
    idempotency_key: str | None = None
    sends: int = 0
    rested_at: datetime | None = None


def list_desk(connection: Connection, merchant: Merchant) -> list[DeskItem]:
    """Everything that waits for a person or for proofs, the oldest first."""
    found = [
        *_charges(connection, merchant),
        *_refunds(connection, merchant),
        *_rows(connection, merchant),
        *_chargebacks(connection, merchant),
    ]
    return sorted(found, key=lambda item: (item.since, item.name))


def desk_item(connection: Connection, merchant: Merchant, *, name: str) -> DeskItem:
    """One thing on the desk by its reference; raises `BadInput` when nothing waits by that name."""
    for item in list_desk(connection, merchant):
        if item.name == name:
            return item
    raise BadInput(
        field="reference",
        value=name,
        rule="nothing of this name waits for a person or for proofs",
        remedy="see what does with: autopay doubt list",
    )


def _charges(connection: Connection, merchant: Merchant) -> list[DeskItem]:
    """Slots that are set aside or refused for good, and attempts whose key rests."""
    latest = attempts.alias("latest")
    statement = (
        select(
            slots.c.id.label("slot_id"),
            slots.c.reference,
            slots.c.state.label("slot_state"),
            slots.c.reason,
            slots.c.amount_yen,
            slots.c.due_at,
            permissions.c.amazon_id,
            attempts.c.id.label("attempt_id"),
            attempts.c.state.label("attempt_state"),
            attempts.c.idempotency_key,
            attempts.c.intended_at,
            attempts.c.sends,
            doubts.c.rested_at,
            doubts.c.parked_at,
            doubts.c.parked_reason,
            doubts.c.settled_at,
        )
        .join(permissions, permissions.c.id == slots.c.permission_id)
        .outerjoin(
            attempts,
            (attempts.c.slot_id == slots.c.id)
            & (
                attempts.c.number
                == select(latest.c.number)
                .where(latest.c.slot_id == slots.c.id)
                .order_by(latest.c.number.desc())
                .limit(1)
                .scalar_subquery()
            ),
        )
        .outerjoin(doubts, doubts.c.attempt_id == attempts.c.id)
        .where(slots.c.merchant_id == merchant.id)
        .where(slots.c.id.in_(_waiting(merchant)))
    )
    rows = fetch(connection, statement)
    kept = proofs_of(connection, [r["attempt_id"] for r in rows if r["attempt_id"] is not None])
    return [_charge(row, kept.get(row["attempt_id"], [])) for row in rows]


def _waiting(merchant: Merchant) -> Any:
    """Slots that are set aside, those of keys that rest, and refused ones that are still owed (what
    was called off has a void invoice). Three questions of one index each: one question with an OR
    would look at every slot that ever was."""
    set_aside = select(slots.c.id).where(
        slots.c.merchant_id == merchant.id, is_word(slots.c.state, "quarantined")
    )
    resting = (
        select(attempts.c.slot_id)
        .join(doubts, doubts.c.attempt_id == attempts.c.id)
        .where(doubts.c.merchant_id == merchant.id)
        .where(doubts.c.settled_at.is_(None), doubts.c.rested_at.is_not(None))
    )
    owed = (
        select(slots.c.id)
        .join(invoices, invoices.c.id == slots.c.invoice_id)
        .where(slots.c.merchant_id == merchant.id, is_word(slots.c.state, "refused"))
        .where(is_word(invoices.c.state, "open"))
    )
    return union(set_aside, resting, owed)


def _charge(row: Row, kept: Sequence[KeptProof]) -> DeskItem:
    of_slot = row["slot_state"] if row["slot_state"] in ("quarantined", REFUSED) else "resting"
    state = "parked" if row["parked_at"] and of_slot != REFUSED else of_slot
    return DeskItem(
        kind=DeskKind.CHARGE,
        name=row["reference"],
        state=state,
        reason=row["parked_reason"] or row["reason"] or "replays gave no definite answer",
        amount_yen=row["amount_yen"],
        since=row["intended_at"] or row["due_at"],
        proofs=tuple(kept),
        attempt_id=row["attempt_id"],
        attempt_state=row["attempt_state"],
        slot_id=row["slot_id"],
        permission=row["amazon_id"],
        idempotency_key=row["idempotency_key"],
        sends=row["sends"] or 0,
        rested_at=row["rested_at"],
    )


def _refunds(connection: Connection, merchant: Merchant) -> list[DeskItem]:
    statement = select(refunds).where(
        refunds.c.merchant_id == merchant.id, is_word(refunds.c.state, "quarantined")
    )
    rows = fetch(connection, statement)
    kept = proofs_of_refunds(connection, [row["id"] for row in rows])
    return [
        DeskItem(
            kind=DeskKind.REFUND,
            name=row["reference"],
            state="quarantined",
            reason=row["reason_code"] or row["detail"] or "contradiction",
            amount_yen=row["amount_yen"],
            since=row["requested_at"],
            proofs=tuple(kept[row["id"]]),
            refund_row_id=row["id"],
            idempotency_key=row["idempotency_key"],
            sends=row["sends"],
            rested_at=_rested_since(row, kept[row["id"]]),
        )
        for row in rows
    ]


def _rested_since(refund: Row, kept: Sequence[KeptProof]) -> datetime | None:
    """Nobody sends what is set aside: from when a person first decided about it, but not from
    before its last lease, for it may have been released and sent again after that."""
    decided_at = next((proof.seen_at for proof in kept if proof.kind == DECISION), None)
    return None if decided_at is None else max(decided_at, refund["look_at"])


def _rows(connection: Connection, merchant: Merchant) -> list[DeskItem]:
    """Subscriptions whose cycle cannot be opened; other bad rows are on the desk as slots."""
    return [
        DeskItem(
            kind=DeskKind.ROW,
            name=row["subject"],
            state="quarantined",
            reason=f"{row['step']} failed {row['tries']} times: {row['error']}",
            amount_yen=0,
            since=row["set_aside_at"],
        )
        for row in set_aside_rows(connection, merchant)
        if row["step"] == "opening"
    ]


def _chargebacks(connection: Connection, merchant: Merchant) -> list[DeskItem]:
    """Chargebacks that a message named and nobody has booked; its id is the case to book it by.

    No call of Amazon's tells the charge or the sum: only Seller Central shows them.
    """
    booked = select(chargebacks.c.case_id).where(chargebacks.c.merchant_id == merchant.id)
    statement = (
        select(notifications)
        .where(notifications.c.merchant_id == merchant.id)
        .where(notifications.c.object_type == "CHARGEBACK")
        .where(is_word(notifications.c.state, "attention"))
        .order_by(notifications.c.id)
    )
    known = set(connection.execute(booked).scalars())
    found: dict[str, DeskItem] = {}
    for row in fetch(connection, statement):
        name = row["object_id"] or row["message_id"]
        if name in known or name in found:
            continue
        found[name] = DeskItem(
            kind=DeskKind.CHARGEBACK,
            name=name,
            state="quarantined",
            reason=f"Amazon told of a chargeback of {row['permission_amazon_id'] or 'unknown'}",
            amount_yen=0,
            since=row["received_at"],
            permission=row["permission_amazon_id"],
        )
    return list(found.values())
