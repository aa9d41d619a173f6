"""What follows from a judgement: booked as every charge is, closed without effect, or parked.

Only here may an attempt end without an answer of Amazon's to its own key.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from billing.agreements.reports import ReportKind, book_reports
from billing.charging.outcome import OpenAttempt, Outcome, OutcomeKind
from billing.charging.record import record_outcomes
from billing.charging.record_cases import Case, load_cases
from billing.charging.resting import FAR, NOBODY, settle, wake
from billing.store.cap_room import settle_holds
from billing.store.database import writing
from billing.store.merchants import Merchant
from billing.store.notices import notice_row, write_notices
from billing.store.rows import fetch, is_word, table_of, update_many
from billing.tables import AttemptRow, ChargePermissionRow, DoubtRow, SlotRow

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
doubts = table_of(DoubtRow)
permissions = table_of(ChargePermissionRow)

NO_EFFECT = "NoEffect"
"""Reason code of an attempt that was proved to have had no effect at Amazon."""

UNKNOWN = "unknown"
"""Reason of a slot that waits for a person because nothing definite is known."""

UNSETTLED = ("intended", "in_doubt", "pending")


def book_outcome(engine: Engine, merchant: Merchant, outcome: Outcome, *, at: datetime) -> None:
    """Record what Amazon said of a doubt's own charge, by the one path of all charges."""
    writing(engine, lambda c: _unpark(c, outcome.attempt, at))
    record_outcomes(engine, merchant, [outcome], at=at)


def name_charges(connection: Connection, *, charges: Mapping[int, str], at: datetime) -> set[int]:
    """Tell open attempts the charges that Amazon made for their slots (slot → charge id).

    From then on they are asked about and never sent. Returns the slots whose attempt had no charge
    yet; another charge of the rest is a second one.
    """
    statement = (
        select(attempts.c.id, attempts.c.slot_id, attempts.c.permission_id)
        .where(attempts.c.slot_id.in_(list(charges)), is_word(attempts.c.state, *UNSETTLED))
        .where(attempts.c.charge_id.is_(None))
    )
    concerned = {row["permission_id"] for row in fetch(connection, statement)}
    lock = select(permissions.c.id).where(permissions.c.id.in_(concerned))
    connection.execute(lock.order_by(permissions.c.id).with_for_update()).all()
    rows = fetch(connection, statement)
    named = [{"id": row["id"], "charge_id": charges[row["slot_id"]]} for row in rows]
    update_many(connection, attempts, named)
    wake(connection, [row["id"] for row in rows], at=at)
    return {row["slot_id"] for row in rows}


def _unpark(connection: Connection, attempt: OpenAttempt, at: datetime) -> None:
    """Give the slot back to the machine: what is known has a rule again."""
    connection.execute(
        update(slots)
        .where(slots.c.id == attempt.slot_id, is_word(slots.c.state, "quarantined"))
        .values(state="open", reason=None)
    )
    settle(connection, [attempt.id], at=at)


def close_without_effect(
    connection: Connection, merchant: Merchant, attempt: OpenAttempt, *, why: str, at: datetime
) -> bool:
    """End an attempt that is proved to have had no effect; its slot is due again with a new key.

    A one-off, and a change that waited for this charge, is called off instead, as after a decline.
    False when somebody else settled the attempt meanwhile.
    """
    (case,) = load_cases(connection, [Outcome(attempt, OutcomeKind.UNKNOWN)])
    settle(connection, [attempt.id], at=at)
    if case.attempt["state"] not in UNSETTLED:
        return False
    ended = {"state": "refused", "reason_code": NO_EFFECT, "detail": why, "answered_at": at}
    connection.execute(
        update(attempts).where(attempts.c.id == attempt.id).values(ended | {"worker_id": NOBODY})
    )
    settle_holds(connection, [attempt.id], captured=False)
    if case.is_now_or_never:
        _call_off(connection, merchant, case, at)
    else:
        again = {"id": attempt.slot_id, "state": "due", "due_at": at, "reason": "no_effect"}
        update_many(connection, slots, [again])
    return True


def _call_off(connection: Connection, merchant: Merchant, case: Case, at: datetime) -> None:
    slot_id = case.slot["id"]
    off = {"id": slot_id, "state": "refused", "reason": NO_EFFECT, "settled_at": at}
    update_many(connection, slots, [off])
    report, told = ReportKind.CHANGE_OFF, "change_declined"
    if case.is_one_off:
        report, told = ReportKind.ONE_OFF_OFF, "one_off_declined"
    book_reports(connection, merchant, [case.report(report, NO_EFFECT)], at=at)
    notice = notice_row(case.slot, kind=told, at=at, reason=NO_EFFECT)
    write_notices(connection, [notice])


def park(
    connection: Connection, attempt_ids: Sequence[int], *, why: str, at: datetime
) -> list[int]:
    """Put doubts before a person: nothing is sent, the room stays held; returns the new ones.

    One that Amazon answered meanwhile (a message told of its charge) is no doubt any more.
    """
    fresh = (
        select(doubts.c.attempt_id)
        .join(attempts, attempts.c.id == doubts.c.attempt_id)
        .where(doubts.c.attempt_id.in_(list(attempt_ids)), doubts.c.parked_at.is_(None))
        .where(is_word(attempts.c.state, *UNSETTLED))
    )
    ids = list(connection.execute(fresh).scalars())
    connection.execute(
        update(doubts).where(doubts.c.attempt_id.in_(ids)).values(parked_at=at, parked_reason=why)
    )
    of_them = select(attempts.c.slot_id).where(attempts.c.id.in_(ids))
    rows = fetch(connection, select(slots).where(slots.c.id.in_(of_them)))
    update_many(connection, slots, [_aside(row["id"]) for row in rows])
    still = [{"id": key, "look_at": at + FAR, "worker_id": NOBODY} for key in ids]
    update_many(connection, attempts, still)
    write_notices(
        connection, [notice_row(row, kind="quarantined", at=at, reason=UNKNOWN) for row in rows]
    )
    return ids


def _aside(slot_id: int) -> dict[str, Any]:
    return {"id": slot_id, "state": "quarantined", "reason": UNKNOWN}
