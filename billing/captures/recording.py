"""Records what calls meant for acts; what follows for the charge is recorded as for every charge.

A capture that is done pays its slot, one that Amazon declines goes to dunning, a cancellation
gives the slot back: all in the transaction of the act, by `billing.charging.record`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from billing.captures.outcome import ActOutcome, ActOutcomeKind
from billing.charging.outcome import Outcome, OutcomeKind
from billing.charging.record import record_in
from billing.charging.stored_attempt import open_attempt
from billing.protocol.checkpoints import reached
from billing.protocol.recording import cannot_be_recorded, record_together
from billing.store.database import writing
from billing.store.locking import lock_rows
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of, update_many
from billing.tables import ActRow, AttemptRow, ChargePermissionRow

log = logging.getLogger(__name__)

acts = table_of(ActRow)
attempts = table_of(AttemptRow)
permissions = table_of(ChargePermissionRow)

UNSETTLED = frozenset({"intended", "in_doubt", "pending"})
# Waits in minutes before an act is looked at again, by how often that was done; then hourly.
LOOK_MINUTES = (1, 2, 5, 10, 30, 60)
THROTTLED_WAIT = timedelta(seconds=2)
# So long Amazon may work on a capture, or say nothing definite, before a person asks.
PENDING_AT_MOST = timedelta(days=30)
ENDLESS = (ActOutcomeKind.PENDING, ActOutcomeKind.UNCHANGED, ActOutcomeKind.UNKNOWN)

OF_THE_CHARGE = {
    ("capture", ActOutcomeKind.DONE): OutcomeKind.CAPTURED,
    ("capture", ActOutcomeKind.DECLINED): OutcomeKind.DECLINED,
    ("cancel", ActOutcomeKind.DONE): OutcomeKind.RELEASED,
    ("capture", ActOutcomeKind.CONTRADICTION): OutcomeKind.CONTRADICTION,
    ("cancel", ActOutcomeKind.CONTRADICTION): OutcomeKind.CONTRADICTION,
}
"""What the definite answer to an act is for its charge."""


@dataclass(slots=True)
class _Work:
    """Everything one transaction of this module writes."""

    at: datetime
    acts: list[dict[str, Any]] = field(default_factory=list)
    permissions: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


def record_acts(
    engine: Engine, merchant: Merchant, outcomes: Sequence[ActOutcome], *, at: datetime
) -> None:
    """Write what calls to Amazon meant; safe to call twice with the same outcomes.

    One outcome that cannot be written does not keep the others from being written: its act and
    its slot are set aside for a person.
    """
    if not outcomes:
        return
    reached("act.before_record")
    record_together(
        outcomes,
        write=lambda some: writing(engine, lambda c: _record(c, merchant, some, at)),
        set_aside=lambda outcome, error: _set_aside(engine, merchant, outcome, error, at),
    )
    reached("act.recorded")


def _set_aside(
    engine: Engine, merchant: Merchant, outcome: ActOutcome, error: Exception, at: datetime
) -> None:
    log.critical("outcome of act %d cannot be recorded", outcome.act.id, exc_info=error)
    detail = cannot_be_recorded(f"{outcome.kind} ({outcome.reason_code})", error)
    contradiction = replace(outcome, kind=ActOutcomeKind.CONTRADICTION, detail=detail)
    writing(engine, lambda connection: _record(connection, merchant, [contradiction], at))


def _record(
    connection: Connection, merchant: Merchant, outcomes: Sequence[ActOutcome], at: datetime
) -> None:
    known = _locked(connection, [outcome.act.id for outcome in outcomes])
    charges = _charges(connection, known)
    work = _Work(at)
    for outcome in outcomes:
        row = known[outcome.act.id]
        if row["state"] in UNSETTLED:
            _handle(_impatient(outcome, row, at), row, charges, work)
        elif row["state"] == "declined" and outcome.kind is ActOutcomeKind.DONE:
            # Another answer to the same act says that it happened after all.
            log.critical("act %s was declined and now is done", row["reference"])
            work.outcomes += _of_the_charge(outcome, row, charges, at)
    update_many(connection, acts, work.acts)
    update_many(connection, permissions, work.permissions)
    if work.outcomes:
        record_in(connection, merchant, work.outcomes, at=at)


def _locked(connection: Connection, ids: Sequence[int]) -> dict[int, Row]:
    """The acts under the locks of their permissions: permission first, as everywhere."""
    concerned = select(acts.c.permission_id).where(acts.c.id.in_(ids))
    lock_rows(connection, permissions, set(connection.execute(concerned).scalars()))
    statement = select(acts).where(acts.c.id.in_(ids)).order_by(acts.c.id).with_for_update()
    return {row["id"]: row for row in fetch(connection, statement)}


def _charges(connection: Connection, known: Mapping[int, Row]) -> dict[int, Row]:
    """The attempts that the acts are about, by id, each with its permission's Amazon id."""
    ids = [row["attempt_id"] for row in known.values() if row["attempt_id"] is not None]
    statement = (
        select(attempts, permissions.c.amazon_id)
        .join(permissions, permissions.c.id == attempts.c.permission_id)
        .where(attempts.c.id.in_(ids))
    )
    return {row["id"]: row for row in fetch(connection, statement)}


def _impatient(outcome: ActOutcome, row: Row, at: datetime) -> ActOutcome:
    """What has no end for too long is put before a person."""
    waited = at - row["requested_at"] > PENDING_AT_MOST
    if outcome.kind not in ENDLESS or not waited:
        return outcome
    return replace(outcome, kind=ActOutcomeKind.CONTRADICTION, reason_code="pending_too_long")


def _handle(outcome: ActOutcome, row: Row, charges: Mapping[int, Row], work: _Work) -> None:
    match outcome.kind:
        case ActOutcomeKind.DONE:
            work.acts.append(_changed(outcome, row, state="done", answered_at=work.at))
            if row["kind"] == "close":
                work.permissions.append(_closed(outcome, row))
        case ActOutcomeKind.DECLINED:
            work.acts.append(_changed(outcome, row, state="declined", answered_at=work.at))
        case ActOutcomeKind.CONTRADICTION:
            log.critical("act %s needs a person: %s", row["reference"], outcome.detail)
            work.acts.append(_changed(outcome, row, state="quarantined"))
        case ActOutcomeKind.PENDING:
            work.acts.append(_later(outcome, row, work, state="pending"))
        case ActOutcomeKind.UNKNOWN | ActOutcomeKind.UNCHANGED:
            state = "pending" if row["state"] == "pending" else "in_doubt"
            work.acts.append(_later(outcome, row, work, state=state))
        case ActOutcomeKind.THROTTLED:
            work.acts.append(_changed(outcome, row, look_at=work.at + THROTTLED_WAIT))
        case ActOutcomeKind.MISCONFIGURED:
            work.acts.append(_later(outcome, row, work, state=row["state"]))
    work.outcomes += _of_the_charge(outcome, row, charges, work.at)


def _of_the_charge(
    outcome: ActOutcome, row: Row, charges: Mapping[int, Row], at: datetime
) -> list[Outcome]:
    kind = OF_THE_CHARGE.get((row["kind"], outcome.kind))
    charge = charges.get(row["attempt_id"])
    if kind is None or charge is None:
        return []
    return [
        Outcome(
            open_attempt(charge, charge, at=at),
            kind,
            charge_id=charge["charge_id"],
            reason_code=outcome.reason_code,
            request_id=outcome.amazon_request_id,
            detail=outcome.detail,
            captured_yen=row["amount_yen"],
        )
    ]


def _closed(outcome: ActOutcome, row: Row) -> dict[str, Any]:
    reason = outcome.reason_code or "MerchantClosed"
    return {"id": row["permission_id"], "state": "Closed", "state_reason": reason}


def _later(outcome: ActOutcome, row: Row, work: _Work, *, state: str) -> dict[str, Any]:
    minutes = LOOK_MINUTES[min(row["sends"], len(LOOK_MINUTES) - 1)]
    return _changed(outcome, row, state=state, look_at=work.at + timedelta(minutes=minutes))


def _changed(outcome: ActOutcome, row: Row, **changes: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "state": row["state"],
        "look_at": row["look_at"],
        "sends": row["sends"] + 1,
        "reason_code": outcome.reason_code,
        "amazon_request_id": outcome.amazon_request_id,
        "detail": outcome.detail,
        "answered_at": None,
        # Nobody's any more: a worker that dies later leaves nothing undone here.
        "worker_id": None,
    } | changes
