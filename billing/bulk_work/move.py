"""Moves many agreements: the dry run, the move, and the way back for what has not taken effect.

Every row goes the way of a single change: a quote is kept and confirmed, with the same refusals
and the same one charge where something is due today. Its note and its change are one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing.agreements import act, confirm_quote, keep_quote, load_agreements
from billing.bulk_work.move_question import Answer, LeftOut, ask_agreement, staff_reason
from billing.bulk_work.move_refusals import why_not_moved
from billing.bulk_work.move_terms import MoveTerms
from billing.bulk_work.values import BulkJob, BulkRow, PlannedRow, RowOutcome, RowState
from billing.dates import civil_date
from billing.quotes import CapRefuses, StaleQuote
from billing.store.locking import lock_rows
from billing.store.merchants import Merchant
from billing.store.rows import Row, among, fetch, table_of
from billing.tables import AttemptRow, ChargePermissionRow, QuoteRow, SlotRow, SubscriptionRow
from plans import PlansError
from plans.lifecycle import Actor, Undo

__all__ = ["BULK_MOVE", "MEETS_CAP", "look_at_moves", "move", "move_back"]

BULK_MOVE = "bulk_move"
MEETS_CAP = "move_meets_cap"
"""Of a row that is moved all the same: a later charge of it is moved or split by the cap."""

subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)
quotes = table_of(QuoteRow)
slots = table_of(SlotRow)
attempts = table_of(AttemptRow)

_REFUSALS = (PlansError, CapRefuses, StaleQuote, LeftOut)


def look_at_moves(
    connection: Connection, merchant: Merchant, job: BulkJob, rows: Sequence[BulkRow], at: datetime
) -> list[PlannedRow]:
    """Try each row dry; nothing is written."""
    return [_looked(connection, merchant, job, row, at) for row in rows]


def move(
    connection: Connection, merchant: Merchant, job: BulkJob, rows: Sequence[BulkRow], at: datetime
) -> list[RowOutcome]:
    """Move each agreement, or say why not; one whose answer is another by now is left alone."""
    _lock(connection, rows)
    return [_moved(connection, merchant, job, row, at) for row in rows]


def move_back(
    connection: Connection, merchant: Merchant, job: BulkJob, rows: Sequence[BulkRow], at: datetime
) -> list[RowOutcome]:
    """Withdraw what still waits; what took effect is kept, with the yen that it was charged."""
    _lock(connection, rows)
    charged = _charged_since(connection, rows)
    agreements = load_agreements(connection, [row.subject_id or 0 for row in rows])
    outcomes = []
    for row in rows:
        found = agreements.get(row.subject_id or 0)
        waits = found is not None and found.subscription.waiting(row.after["schedule"] or "")
        if waits:
            outcomes.append(_withdrawn(connection, merchant, job, row, at))
        else:
            outcomes.append(_kept(connection, merchant, row, charged.get(row.position, 0), at))
    return outcomes


def _looked(
    connection: Connection, merchant: Merchant, job: BulkJob, row: BulkRow, at: datetime
) -> PlannedRow:
    try:
        answer = ask_agreement(connection, merchant, job, subscription_id=row.subject, at=at)
    except _REFUSALS as refused:
        reason, detail = why_not_moved(refused)
        return PlannedRow(row.subject, row.subject_id, None, reason, detail, before={})
    facts = answer.before | {"will": answer.will}
    amount = answer.monthly_yen
    if answer.cap is None:
        return PlannedRow(row.subject, row.subject_id, amount, before=facts)
    on = answer.cap.charge.on.isoformat()
    return PlannedRow(row.subject, row.subject_id, amount, MEETS_CAP, on, facts, goes=True)


def _moved(
    connection: Connection, merchant: Merchant, job: BulkJob, row: BulkRow, at: datetime
) -> RowOutcome:
    try:
        # What a refusal leaves half written is taken back; the other rows of the slice stay.
        with connection.begin_nested():
            answer = ask_agreement(connection, merchant, job, subscription_id=row.subject, at=at)
            if answer.before | {"will": answer.will} != row.before:
                raise LeftOut("move_changed", str(answer.will["today_yen"]))
            return _confirmed(connection, merchant, row, answer, at)
    except _REFUSALS as refused:
        reason, detail = why_not_moved(refused)
        return RowOutcome(row.position, RowState.REFUSED, reason, detail)


def _confirmed(
    connection: Connection, merchant: Merchant, row: BulkRow, answer: Answer, at: datetime
) -> RowOutcome:
    had = _waiting(connection, row)
    keep_quote(connection, merchant, answer.quote)
    done = confirm_quote(connection, merchant, quote_id=answer.quote.quote_id, at=at)
    new = sorted(_waiting(connection, row) - had)
    after = {
        "quote": done.quote_id,
        "state": done.state,
        "schedule": new[0] if new else None,
        "slots": list(done.slot_ids),
        "today_yen": answer.quote.charge_today_yen,
    }
    return RowOutcome(row.position, RowState.DONE, after=after)


def _withdrawn(
    connection: Connection, merchant: Merchant, job: BulkJob, row: BulkRow, at: datetime
) -> RowOutcome:
    terms = MoveTerms.of(job.terms)
    try:
        with connection.begin_nested():
            act(
                connection,
                merchant,
                subscription_id=row.subject,
                command=Undo(row.after["schedule"]),
                actor=Actor.STAFF,
                reason=staff_reason(job, terms.reason),
                at=at,
            )
    except _REFUSALS as refused:
        reason, detail = why_not_moved(refused)
        return RowOutcome(row.position, RowState.KEPT, reason, detail)
    return RowOutcome(row.position, RowState.UNDONE)


def _kept(
    connection: Connection, merchant: Merchant, row: BulkRow, charged_yen: int, at: datetime
) -> RowOutcome:
    """Of a change that does not wait: it took effect, is being charged, or was declined."""
    statement = select(quotes.c.state).where(
        quotes.c.merchant_id == merchant.id, quotes.c.id == row.after["quote"]
    )
    state = connection.execute(statement).scalar_one()
    if state == "declined":  # the terms of before hold: there is nothing to take back
        return RowOutcome(row.position, RowState.UNDONE, "move_declined")
    if state == "charging":
        return RowOutcome(row.position, RowState.KEPT, "move_charging")
    begins = row.before["will"]["on"]
    today = civil_date(at=at, timezone=merchant.timezone).isoformat()
    if row.after["schedule"] is not None and begins > today:
        return RowOutcome(row.position, RowState.KEPT, "move_gone")
    return RowOutcome(row.position, RowState.KEPT, "move_took_effect", str(charged_yen))


def _waiting(connection: Connection, row: BulkRow) -> set[str]:
    found = load_agreements(connection, [row.subject_id or 0])
    return {entry.id for each in found.values() for entry in each.subscription.queue}


def _lock(connection: Connection, rows: Sequence[BulkRow]) -> None:
    """Lock permissions and subscriptions of a slice as every transaction that charges does."""
    ids = [row.subject_id for row in rows if row.subject_id is not None]
    owners = select(subscriptions.c.permission_id).where(among(connection, subscriptions.c.id, ids))
    lock_rows(connection, permissions, set(connection.execute(owners).scalars()))
    lock_rows(connection, subscriptions, ids)


def _charged_since(connection: Connection, rows: Sequence[BulkRow]) -> dict[int, int]:
    """Yen that Amazon captured of each row's subscription since the row was done, by position."""
    ids = [row.subject_id for row in rows if row.subject_id is not None]
    statement = (
        select(slots.c.subscription_id, attempts.c.amount_yen, attempts.c.intended_at)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(among(connection, slots.c.subscription_id, ids), attempts.c.state == "captured")
    )
    captured: dict[int, list[Row]] = {}
    for found in fetch(connection, statement):
        captured.setdefault(found["subscription_id"], []).append(found)
    return {row.position: _sum_since(row, captured.get(row.subject_id or 0, ())) for row in rows}


def _sum_since(row: BulkRow, captured: Sequence[Any]) -> int:
    if row.done_at is None:
        return 0
    return sum(each["amount_yen"] for each in captured if each["intended_at"] >= row.done_at)
