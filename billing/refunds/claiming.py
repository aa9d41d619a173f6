"""Claims refunds to send, to send again, or to ask about: new, crashed, in doubt, pending.

The same key and the same bytes go every time, within a window after the claim: a key that nobody
has been given for long enough is sealed, and only then may a person say that nothing happened.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, or_, select, update

from billing.dates import SEND_WINDOW
from billing.protocol.checkpoints import reached
from billing.refunds.outcome import OpenRefund
from billing.store.brake import BrakeScope, load_brake
from billing.store.database import reading, writing
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, is_word, table_of
from billing.tables import AttemptRow, RefundRow

refunds = table_of(RefundRow)
attempts = table_of(AttemptRow)

# As long as that of a charge: so long a sender may be silent before anyone else may replay.
LEASE = timedelta(seconds=60)
CLAIMABLE = ("intended", "in_doubt", "pending")


def workers_with_open_refunds(engine: Engine, merchant: Merchant) -> set[str]:
    """Ids of all workers that own an unsettled refund; a dead one's may be claimed at once."""
    statement = select(refunds.c.worker_id).where(
        refunds.c.merchant_id == merchant.id,
        is_word(refunds.c.state, *CLAIMABLE),
        refunds.c.worker_id.is_not(None),
    )
    with reading(engine) as connection:
        return set(connection.execute(statement.distinct()).scalars())


def claim_refunds(
    engine: Engine,
    merchant: Merchant,
    *,
    at: datetime,
    worker_id: str,
    dead_workers: Collection[str] = (),
    request_id: str | None = None,
    limit: int = 200,
) -> list[OpenRefund]:
    """Refunds whose moment has come, and dead workers' ones; of one request only, if given.

    Each belongs to the caller until its lease ends. Call again until none is returned.
    """
    claimed = writing(
        engine,
        lambda c: _claim(c, merchant, at, worker_id, dead_workers, request_id, limit),
    )
    if claimed:
        reached("refund.claimed")
    return claimed


def _claim(
    connection: Connection,
    merchant: Merchant,
    at: datetime,
    worker_id: str,
    dead_workers: Collection[str],
    request_id: str | None,
    limit: int,
) -> list[OpenRefund]:
    brake = load_brake(connection, merchant.id)
    of_the_dead = refunds.c.worker_id.in_(list(dead_workers))
    statement = (
        select(refunds, attempts.c.charge_id)
        .join(attempts, attempts.c.id == refunds.c.attempt_id)
        .where(refunds.c.merchant_id == merchant.id, is_word(refunds.c.state, *CLAIMABLE))
        .where(or_(refunds.c.look_at <= at, of_the_dead))
        .order_by(refunds.c.look_at, refunds.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=refunds)
    )
    if brake.is_pulled and brake.scope is BrakeScope.RESTORED:
        # A key of before the backup may have been found since to have had no effect, and its refund
        # made under the next one: sent now, the money would go back a second time.
        statement = statement.where(refunds.c.refund_id.is_not(None))
    elif brake.is_pulled:
        # What may have reached Amazon is asked about again; nothing new begins.
        statement = statement.where(refunds.c.state != "intended")
    if request_id is not None:
        statement = statement.where(refunds.c.request_id == request_id)
    rows = fetch(connection, statement)
    if rows:
        connection.execute(
            update(refunds)
            .where(refunds.c.id.in_([row["id"] for row in rows]))
            .values(worker_id=worker_id, look_at=at + LEASE)
        )
    return [_open_refund(row, at) for row in rows]


def _open_refund(row: Row, at: datetime) -> OpenRefund:
    return OpenRefund(
        id=row["id"],
        charge_id=row["charge_id"],
        idempotency_key=row["idempotency_key"],
        body=row["body"],
        amount_yen=row["amount_yen"],
        refund_id=row["refund_id"],
        send_by=at + SEND_WINDOW,
    )
