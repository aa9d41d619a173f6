"""Records what calls meant for refunds: state, ledger and notices in one transaction.

The money counts as given back when Amazon says Refunded, not when it begins. A refund that Amazon
declines stays owed: nothing is taken back in the ledger, and a person is told.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from billing.books import ledger
from billing.dates import civil_date
from billing.protocol.checkpoints import reached
from billing.protocol.recording import cannot_be_recorded, record_together
from billing.refunds.by_hand import GIVEN_UP
from billing.refunds.outcome import RefundOutcome, RefundOutcomeKind
from billing.store.database import writing
from billing.store.merchants import Merchant
from billing.store.notices import notice_row, write_notices
from billing.store.rows import Row, fetch, table_of, update_many
from billing.tables import AttemptRow, RefundRow, SlotRow

log = logging.getLogger(__name__)

refunds = table_of(RefundRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)

UNSETTLED = frozenset({"intended", "in_doubt", "pending"})
# What a person said that Amazon never made, or gave up waiting for.
ENDED_BY_PEOPLE = ("NoEffect", GIVEN_UP)

# Waits in minutes before a refund is looked at again, by how often that was done; then hourly.
LOOK_MINUTES = (1, 2, 5, 10, 30, 60)
THROTTLED_WAIT = timedelta(seconds=2)


@dataclass(slots=True)
class _Work:
    """Everything one transaction of this module writes."""

    merchant: Merchant
    at: datetime
    refunds: list[dict[str, Any]] = field(default_factory=list)
    journals: list[ledger.Journal] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)


def record_refunds(
    engine: Engine, merchant: Merchant, outcomes: Sequence[RefundOutcome], *, at: datetime
) -> None:
    """Write what calls to Amazon meant; safe to call twice with the same outcomes.

    One outcome that cannot be written does not keep the others from being written: its refund is
    set aside for a person, with its room held.
    """
    if not outcomes:
        return
    reached("refund.before_record")
    record_together(
        outcomes,
        write=lambda some: writing(engine, lambda c: _record(c, merchant, some, at)),
        set_aside=lambda outcome, error: _set_aside(engine, merchant, outcome, error, at),
    )
    reached("refund.recorded")


def _set_aside(
    engine: Engine, merchant: Merchant, outcome: RefundOutcome, error: Exception, at: datetime
) -> None:
    log.critical("outcome of refund %d cannot be recorded", outcome.refund.id, exc_info=error)
    said = f"{outcome.kind} ({outcome.refund_id or outcome.reason_code})"
    detail = cannot_be_recorded(said, error)
    kind = RefundOutcomeKind.CONTRADICTION
    contradiction = replace(outcome, kind=kind, refund_id=None, detail=detail)
    writing(engine, lambda connection: _record(connection, merchant, [contradiction], at))


def _record(
    connection: Connection, merchant: Merchant, outcomes: Sequence[RefundOutcome], at: datetime
) -> None:
    rows = _locked(connection, [outcome.refund.id for outcome in outcomes])
    work = _Work(merchant, at)
    for outcome in outcomes:
        row = rows[outcome.refund.id]
        if row["state"] in UNSETTLED:
            _handle(outcome, row, work)
        elif _contradicts_what_was_recorded(outcome, row):
            _tell_person(outcome, row, work, reason="answered twice")
    update_many(connection, refunds, work.refunds)
    ledger.book(connection, work.journals)
    write_notices(connection, work.notices)


def _locked(connection: Connection, ids: Sequence[int]) -> dict[int, Row]:
    statement = (
        select(
            refunds,
            slots.c.subscription_id,
            slots.c.invoice_id,
        )
        .join(attempts, attempts.c.id == refunds.c.attempt_id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(refunds.c.id.in_(ids))
        .order_by(refunds.c.id)
        .with_for_update(of=refunds)
    )
    return {row["id"]: row for row in fetch(connection, statement)}


def _contradicts_what_was_recorded(outcome: RefundOutcome, row: Row) -> bool:
    """Money moved where the first answer to the same key said that it would not."""
    if row["state"] != "declined":
        return False
    if row["reason_code"] in ENDED_BY_PEOPLE:
        # They may have paid it another way since.
        return outcome.kind is RefundOutcomeKind.REFUNDED
    moved = outcome.kind in (RefundOutcomeKind.REFUNDED, RefundOutcomeKind.PENDING)
    return moved and row["refund_id"] is None


def _handle(outcome: RefundOutcome, row: Row, work: _Work) -> None:
    match outcome.kind:
        case RefundOutcomeKind.REFUNDED:
            _refunded(outcome, row, work)
        case RefundOutcomeKind.DECLINED:
            work.refunds.append(_changed(outcome, row, state="declined", answered_at=work.at))
            reason = outcome.reason_code or "declined"
            work.notices.append(_notice(row, "refund_declined", work.at, reason))
        case RefundOutcomeKind.CONTRADICTION:
            work.refunds.append(_changed(outcome, row, state="quarantined"))
            _tell_person(outcome, row, work, reason=outcome.reason_code or "contradiction")
        case RefundOutcomeKind.PENDING:
            work.refunds.append(_later(outcome, row, work, state="pending"))
        case RefundOutcomeKind.UNKNOWN:
            state = "pending" if row["state"] == "pending" else "in_doubt"
            work.refunds.append(_later(outcome, row, work, state=state))
        case RefundOutcomeKind.THROTTLED:
            work.refunds.append(_changed(outcome, row, look_at=work.at + THROTTLED_WAIT))
        case RefundOutcomeKind.MISCONFIGURED:
            work.refunds.append(_later(outcome, row, work, state=row["state"]))


def _refunded(outcome: RefundOutcome, row: Row, work: _Work) -> None:
    if outcome.refund_id is None:
        raise AssertionError("a refunded outcome without a refund id")
    work.refunds.append(_changed(outcome, row, state="refunded", answered_at=work.at))
    work.journals.append(
        ledger.charge_refunded(
            merchant_id=work.merchant.id,
            invoice_id=row["invoice_id"],
            refund_id=outcome.refund_id,
            on=civil_date(at=work.at, timezone=work.merchant.timezone),
            amount_yen=row["amount_yen"],
        )
    )
    work.notices.append(_notice(row, "refunded", work.at, None))


def _later(outcome: RefundOutcome, row: Row, work: _Work, *, state: str) -> dict[str, Any]:
    minutes = LOOK_MINUTES[min(row["sends"], len(LOOK_MINUTES) - 1)]
    return _changed(outcome, row, state=state, look_at=work.at + timedelta(minutes=minutes))


def _changed(outcome: RefundOutcome, row: Row, **changes: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "state": row["state"],
        "look_at": row["look_at"],
        "sends": row["sends"] + 1,
        "refund_id": outcome.refund_id or row["refund_id"],
        "reason_code": outcome.reason_code,
        "amazon_request_id": outcome.amazon_request_id,
        "detail": outcome.detail,
        "answered_at": None,
        # Nobody's any more: a worker that dies later leaves nothing undone here.
        "worker_id": None,
    } | changes


def _tell_person(outcome: RefundOutcome, row: Row, work: _Work, *, reason: str) -> None:
    log.critical("refund %s needs a person: %s %s", row["reference"], reason, outcome.detail)
    work.notices.append(_notice(row, "refund_quarantined", work.at, reason))


def _notice(row: Row, kind: str, at: datetime, reason: str | None) -> dict[str, Any]:
    return notice_row(row, kind=kind, at=at, reason=reason)
