"""Which doubts are to be looked at now, with what the janitor must read at Amazon for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from amazonpay import Charge, ChargePermission
from billing.charging.outcome import OpenAttempt
from billing.charging.stored_attempt import open_attempt
from billing.evidence.known import unknown_charges
from billing.evidence.proofs import KeptProof, proofs_of
from billing.protocol.checkpoints import reached
from billing.store.database import writing
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import AttemptRow, ChargePermissionRow, DoubtRow, SlotRow

doubts = table_of(DoubtRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)

LOOK_EVERY = timedelta(hours=1)
MOST_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Doubt:
    """One attempt whose key rests; `candidates` are charges that may be its own."""

    attempt: OpenAttempt
    permission_id: int
    reference: str
    intended_at: datetime
    rested_at: datetime
    was_woken: bool
    candidates: tuple[str, ...]
    proofs: tuple[KeptProof, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What Amazon said about a doubt: its permission and the candidates that could be read."""

    doubt: Doubt
    permission: ChargePermission | None
    charges: tuple[Charge, ...] = ()


def doubts_to_look_at(
    engine: Engine, merchant: Merchant, *, at: datetime, limit: int = 100
) -> list[Doubt]:
    """Claim the resting doubts whose moment has come; a look that dies is made an hour later."""
    found = writing(engine, lambda connection: _claim(connection, merchant, at, limit))
    if found:
        reached("janitor.claimed")
    return found


def _claim(connection: Connection, merchant: Merchant, at: datetime, limit: int) -> list[Doubt]:
    statement = (
        select(doubts.c.attempt_id)
        .where(doubts.c.merchant_id == merchant.id, doubts.c.settled_at.is_(None))
        .where(doubts.c.look_at <= at, doubts.c.rested_at.is_not(None))
        .order_by(doubts.c.look_at, doubts.c.attempt_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(statement).scalars())
    connection.execute(
        update(doubts).where(doubts.c.attempt_id.in_(ids)).values(look_at=at + LOOK_EVERY)
    )
    return load_doubts(connection, merchant, ids, at=at)


def load_doubts(
    connection: Connection, merchant: Merchant, attempt_ids: Sequence[int], *, at: datetime
) -> list[Doubt]:
    """The doubts of these attempts, with all that is known about each."""
    statement = (
        select(
            attempts,
            permissions.c.amazon_id,
            slots.c.reference,
            doubts.c.opened_at,
            doubts.c.rested_at,
            doubts.c.parked_at,
        )
        .join(doubts, doubts.c.attempt_id == attempts.c.id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .join(permissions, permissions.c.id == attempts.c.permission_id)
        .where(attempts.c.id.in_(list(attempt_ids)))
        .order_by(attempts.c.id)
    )
    rows = fetch(connection, statement)
    kept = proofs_of(connection, [row["id"] for row in rows])
    named = unknown_charges(connection, merchant, permission_ids=[row["amazon_id"] for row in rows])
    return [_doubt(row, kept[row["id"]], named.get(row["amazon_id"], []), at) for row in rows]


def _doubt(row: Row, kept: Sequence[KeptProof], named: Sequence[str], at: datetime) -> Doubt:
    told = [proof.amazon_id for proof in kept if proof.amazon_id is not None]
    # A person may put a charge to rest that Amazon gave an id before.
    mine = [] if row["charge_id"] is None else [row["charge_id"]]
    return Doubt(
        attempt=open_attempt(row, row, at=at),
        permission_id=row["permission_id"],
        reference=row["reference"],
        intended_at=row["intended_at"],
        rested_at=row["rested_at"],
        was_woken=row["opened_at"] < row["rested_at"] or row["parked_at"] is not None,
        candidates=tuple(dict.fromkeys([*mine, *told, *named]))[:MOST_CANDIDATES],
        proofs=tuple(kept),
    )
