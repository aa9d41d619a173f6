"""Claims acts to send, to send again, or to ask about; and authorised charges to look at."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, or_, select, update

from billing.captures.outcome import OpenAct
from billing.charging.outcome import OpenAttempt
from billing.charging.stored_attempt import open_attempt
from billing.protocol.checkpoints import reached
from billing.store.brake import BrakeScope, load_brake
from billing.store.database import reading, writing
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, is_word, table_of
from billing.tables import ActRow, AttemptRow, ChargePermissionRow, SlotRow

acts = table_of(ActRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)

# As long as that of a charge: so long a sender may be silent before anyone else may replay.
LEASE = timedelta(seconds=60)
CLAIMABLE = ("intended", "in_doubt", "pending")


def workers_with_open_acts(engine: Engine, merchant: Merchant) -> set[str]:
    """Ids of all workers that own an unsettled act; a dead one's may be claimed at once."""
    statement = select(acts.c.worker_id).where(
        acts.c.merchant_id == merchant.id,
        is_word(acts.c.state, *CLAIMABLE),
        acts.c.worker_id.is_not(None),
    )
    with reading(engine) as connection:
        return set(connection.execute(statement.distinct()).scalars())


def claim_acts(
    engine: Engine,
    merchant: Merchant,
    *,
    at: datetime,
    worker_id: str,
    dead_workers: Collection[str] = (),
    only: Collection[str] | None = None,
    limit: int = 200,
) -> list[OpenAct]:
    """Acts whose moment has come, and dead workers' ones; of the references `only`, if given.

    Each belongs to the caller until its lease ends. Call again until none is returned. While the
    brake is pulled nothing new begins.
    """
    claimed = writing(
        engine, lambda c: _claim(c, merchant, at, worker_id, dead_workers, only, limit)
    )
    if claimed:
        reached("act.claimed")
    return claimed


def _claim(
    connection: Connection,
    merchant: Merchant,
    at: datetime,
    worker_id: str,
    dead_workers: Collection[str],
    only: Collection[str] | None,
    limit: int,
) -> list[OpenAct]:
    of_the_dead = acts.c.worker_id.in_(list(dead_workers))
    statement = (
        select(acts, attempts.c.charge_id, permissions.c.amazon_id)
        .join(permissions, permissions.c.id == acts.c.permission_id)
        .outerjoin(attempts, attempts.c.id == acts.c.attempt_id)
        .where(acts.c.merchant_id == merchant.id, is_word(acts.c.state, *CLAIMABLE))
        .where(or_(acts.c.look_at <= at, of_the_dead))
        .order_by(acts.c.look_at, acts.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=acts)
    )
    brake = load_brake(connection, merchant.id)
    if brake.is_pulled and brake.scope is BrakeScope.RESTORED:
        # As of charges and refunds: nothing that Amazon may not know, after books were restored.
        statement = statement.where(acts.c.state == "pending")
    elif brake.is_pulled:
        statement = statement.where(acts.c.state != "intended")
    if only is not None:
        statement = statement.where(acts.c.reference.in_(list(only)))
    rows = fetch(connection, statement)
    if rows:
        connection.execute(
            update(acts)
            .where(acts.c.id.in_([row["id"] for row in rows]))
            .values(worker_id=worker_id, look_at=at + LEASE)
        )
    return [_open_act(row) for row in rows]


def _open_act(row: Row) -> OpenAct:
    return OpenAct(
        id=row["id"],
        kind=row["kind"],
        charge_id=row["charge_id"] or "",
        permission_amazon_id=row["amazon_id"],
        idempotency_key=row["idempotency_key"],
        body=row["body"],
        amount_yen=row["amount_yen"],
        asks=row["state"] == "pending",
    )


def claim_authorized(
    engine: Engine, merchant: Merchant, *, at: datetime, limit: int = 200
) -> list[OpenAttempt]:
    """Authorised charges that were not looked at for a day and that nobody acts on.

    A reading moves nothing at Amazon, so a worker that dies with one costs a minute.
    """
    return writing(engine, lambda c: _claim_authorized(c, merchant, at, limit))


def _claim_authorized(
    connection: Connection, merchant: Merchant, at: datetime, limit: int
) -> list[OpenAttempt]:
    statement = (
        select(attempts, permissions.c.amazon_id)
        .join(permissions, permissions.c.id == attempts.c.permission_id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(attempts.c.merchant_id == merchant.id, is_word(attempts.c.state, "authorized"))
        .where(attempts.c.look_at <= at, slots.c.state == "authorized")
        .order_by(attempts.c.look_at, attempts.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=attempts)
    )
    rows = fetch(connection, statement)
    if rows:
        connection.execute(
            update(attempts)
            .where(attempts.c.id.in_([row["id"] for row in rows]))
            .values(look_at=at + LEASE)
        )
    return [open_attempt(row, row, at=at) for row in rows]
