"""From looks to proofs, from proofs to judgements, from judgements to acts.

Each doubt is a transaction of its own: one that cannot be written keeps no other from ending.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from billing.charging.outcome import Outcome
from billing.charging.resting import doubt_of, wake
from billing.evidence.acting import book_outcome, close_without_effect, park
from billing.evidence.known import heard_since, unknown_charges
from billing.evidence.looking import Doubt, Look
from billing.evidence.naming import STANDING, own_charge
from billing.evidence.proofs import KeptProof, is_news, proof_row, proofs_of, weighed, write_proofs
from billing.evidence.readings import balance_movement, write_readings
from billing.evidence.rule import (
    DoubtRules,
    Judgement,
    ProofKind,
    Ruling,
    Verdict,
    judge,
    sealed_from,
)
from billing.protocol.checkpoints import reached
from billing.store.database import writing
from billing.store.merchants import Merchant
from billing.store.rows import table_of
from billing.tables import ChargePermissionRow, SlotRow

log = logging.getLogger(__name__)

permissions = table_of(ChargePermissionRow)
slots = table_of(SlotRow)


@dataclass(slots=True)
class JanitorReport:
    """How many doubts were looked at, and what became of them."""

    looked: int = 0
    booked: int = 0
    closed: int = 0
    parked: int = 0
    woken: int = 0
    failed: int = 0
    rulings: dict[str, str] = field(default_factory=dict)


def record_looks(
    engine: Engine, merchant: Merchant, looks: Sequence[Look], *, rules: DoubtRules, at: datetime
) -> JanitorReport:
    """Write what was seen and do what it proves; what proves nothing waits or goes to a person."""
    report = JanitorReport(looked=len(looks))
    for look in looks:
        try:
            _record_one(engine, merchant, look, rules, at, report)
        except Exception:
            report.failed += 1
            log.exception("doubt of %s cannot be judged", look.doubt.reference)
    return report


def _record_one(
    engine: Engine,
    merchant: Merchant,
    look: Look,
    rules: DoubtRules,
    at: datetime,
    report: JanitorReport,
) -> None:
    doubt = look.doubt
    own = own_charge(
        doubt.attempt, look.charges, reference=doubt.reference, intended_at=doubt.intended_at
    )
    judgement = writing(engine, lambda c: _judge(c, merchant, look, own, rules, at))
    reached("janitor.judged")
    report.rulings[look.doubt.reference] = str(judgement.ruling)
    mine = [o for o in own if o.charge_id == judgement.amazon_id or o.kind not in STANDING]
    if judgement.ruling is Ruling.HAPPENED and judgement.amazon_id is not None and mine:
        book_outcome(engine, merchant, mine[0], at=at)
        report.booked += 1
        log.warning("doubt of %s: charge %s is ours", look.doubt.reference, judgement.amazon_id)
        return
    before = report.parked, report.closed, report.woken
    writing(engine, lambda c: _act(c, merchant, look.doubt, judgement, at, report))
    if before != (report.parked, report.closed, report.woken):
        log.warning("doubt of %s: %s, %s", look.doubt.reference, judgement.ruling, judgement.why)


def _act(
    connection: Connection,
    merchant: Merchant,
    doubt: Doubt,
    judgement: Judgement,
    at: datetime,
    report: JanitorReport,
) -> None:
    match judgement.ruling:
        case Ruling.DID_NOT_HAPPEN:
            closed = close_without_effect(
                connection, merchant, doubt.attempt, why=judgement.why, at=at
            )
            report.closed += int(closed)
        case Ruling.HAPPENED | Ruling.PERSON if _may_replay(connection, doubt, judgement):
            # Amazon may answer again by now: the same key goes through all its replays once more.
            # Of money that moved it names the charge, for keys and answers are kept for ever.
            wake(connection, [doubt.attempt.id], at=at)
            report.woken += 1
        case Ruling.HAPPENED:
            # It is sure that money moved, but not by which charge: nothing can be booked yet.
            report.parked += len(park(connection, [doubt.attempt.id], why="no charge id", at=at))
        case Ruling.PERSON:
            report.parked += len(park(connection, [doubt.attempt.id], why=judgement.why, at=at))
        case Ruling.WAIT:
            pass


def _may_replay(connection: Connection, doubt: Doubt, judgement: Judgement) -> bool:
    """Whether the key may go once more before a person is asked: never past a contradiction, nor
    where the slot waits for a person already, and once only."""
    if doubt.was_woken or (judgement.ruling is Ruling.PERSON and not judgement.is_unknown):
        return False
    statement = select(slots.c.state).where(slots.c.id == doubt.attempt.slot_id)
    return str(connection.execute(statement).scalar_one()) != "quarantined"


def _judge(
    connection: Connection,
    merchant: Merchant,
    look: Look,
    own: Sequence[Outcome],
    rules: DoubtRules,
    at: datetime,
) -> Judgement:
    """Write the proofs of one look and weigh them with all earlier ones."""
    doubt = look.doubt
    lock = select(permissions.c.id).where(permissions.c.id == doubt.permission_id)
    connection.execute(lock.with_for_update()).all()
    found = doubt_of(connection, doubt.attempt.id)
    if found is None or found["rested_at"] is None or found["settled_at"] is not None:
        return Judgement(Ruling.WAIT, "somebody else ended this doubt")
    sealed_at = sealed_from(rested_at=found["rested_at"], rules=rules)
    known = proofs_of(connection, [doubt.attempt.id])[doubt.attempt.id]
    seen = _seen(connection, merchant, look, own, sealed_at, rules, at)
    news = [row for row in seen if is_news(row, known, since=sealed_at)]
    write_proofs(connection, news)
    kept: Sequence[KeptProof] = proofs_of(connection, [doubt.attempt.id])[doubt.attempt.id]
    give_up_at = found["rested_at"] + rules.patience
    judgement = judge(weighed(kept), sealed_at=sealed_at, give_up_at=give_up_at, at=at)
    if judgement.ruling is Ruling.DID_NOT_HAPPEN and _unread(connection, merchant, look):
        # Older proofs may speak against it; a charge that nobody could read may be this one.
        why = "a charge that was named cannot be read"
        return Judgement(Ruling.WAIT if at < give_up_at else Ruling.PERSON, why)
    return judgement


def _unread(connection: Connection, merchant: Merchant, look: Look) -> bool:
    """Whether a charge of the permission is named that this look has not seen."""
    permission = look.doubt.attempt.permission_amazon_id
    named = unknown_charges(connection, merchant, permission_ids=[permission])
    seen = {charge.charge_id for charge in look.charges}
    return not seen.issuperset({*look.doubt.candidates, *named.get(permission, ())})


def _seen(
    connection: Connection,
    merchant: Merchant,
    look: Look,
    own: Sequence[Outcome],
    sealed_at: datetime,
    rules: DoubtRules,
    at: datetime,
) -> list[dict[str, Any]]:
    doubt, attempt_id = look.doubt, look.doubt.attempt.id
    rows = [
        proof_row(
            merchant,
            kind=ProofKind.AMAZON,
            verdict=Verdict.HAPPENED,
            at=at,
            what={"outcome": str(outcome.kind)},
            attempt_id=attempt_id,
            amazon_id=outcome.charge_id,
        )
        for outcome in own
    ]
    if look.permission is not None:
        write_readings(connection, merchant, [(doubt.permission_id, look.permission)], at=at)
        moved = balance_movement(connection, merchant, doubt, look.permission, rules=rules, at=at)
        if moved is not None:
            what = {
                "why": moved.why,
                "extra_yen": moved.extra_yen,
                "balance_yen": look.permission.amount_balance_yen,
                "limit_yen": look.permission.amount_limit_yen,
            }
            rows.append(
                proof_row(
                    merchant,
                    kind=ProofKind.BALANCE,
                    verdict=moved.verdict,
                    at=at,
                    what=what,
                    attempt_id=attempt_id,
                )
            )
    silent = not own and not doubt.candidates and not _unread(connection, merchant, look)
    if silent and heard_since(connection, merchant, moment=sealed_at):
        rows.append(
            proof_row(
                merchant,
                kind=ProofKind.NOTIFICATIONS,
                verdict=Verdict.DID_NOT_HAPPEN,
                at=at,
                what={"why": "messages arrived, and none named a charge of it"},
                attempt_id=attempt_id,
            )
        )
    return rows
