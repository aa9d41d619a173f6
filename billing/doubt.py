"""Claims attempts whose outcome is not known: crashed, timed out, or still pending at Amazon.

The same key and the same bytes are sent again, never a new key. A replay may reach Amazon in a
later month than the first send, so it takes room in the months of now as well before it goes.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, or_, select

from billing.cap_room import CapMonth, effective_limit_yen, hold, load_cap_months
from billing.checkpoints import reached
from billing.database import writing
from billing.dates import SEND_WINDOW, possible_months
from billing.intend import LEASE, UNSETTLED
from billing.merchants import Merchant
from billing.outcome import OpenAttempt
from billing.rows import Row, fetch, is_word, table_of, update_many
from billing.tables import AttemptRow, CapHoldRow, ChargePermissionRow, SlotRow

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
cap_holds = table_of(CapHoldRow)

# A replay that finds no room in the months of now waits; the doubt itself loses nothing by it.
NO_ROOM_WAIT = timedelta(hours=1)


def workers_with_unsettled(engine: Engine, merchant: Merchant) -> set[str]:
    """Ids of all workers that own an unsettled attempt; a dead one's may be claimed at once."""
    statement = select(attempts.c.worker_id).where(
        attempts.c.merchant_id == merchant.id, is_word(attempts.c.state, *UNSETTLED)
    )
    with engine.connect().execution_options(autopay_reading=True) as connection:
        return set(connection.execute(statement.distinct()).scalars())


def claim_unsettled(
    engine: Engine,
    merchant: Merchant,
    *,
    at: datetime,
    worker_id: str,
    dead_workers: Collection[str] = (),
    limit: int = 200,
) -> list[OpenAttempt]:
    """Attempts to send or ask about again: those whose moment has come, and dead workers' ones."""
    claimed = writing(
        engine,
        lambda connection: _claim(connection, merchant, at, worker_id, dead_workers, limit),
    )
    if claimed:
        reached("doubt.claimed")
    return claimed


def _claim(
    connection: Connection,
    merchant: Merchant,
    at: datetime,
    worker_id: str,
    dead_workers: Collection[str],
    limit: int,
) -> list[OpenAttempt]:
    ready = or_(attempts.c.look_at <= at, attempts.c.worker_id.in_(list(dead_workers)))
    unsettled = (
        attempts.c.merchant_id == merchant.id,
        is_word(attempts.c.state, *UNSETTLED),
        slots.c.state != "quarantined",
        ready,
    )
    locked = _lock_permissions(connection, unsettled, limit)
    statement = (
        select(attempts)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(*unsettled, attempts.c.permission_id.in_(list(locked)))
        .order_by(attempts.c.id)
    )
    rows = fetch(connection, statement)
    roomless = _hold_months_of_now(connection, merchant, at, rows, locked)
    update_many(connection, attempts, [_claimed(row, at, worker_id, roomless) for row in rows])
    return [
        _open_attempt(row, locked[row["permission_id"]], at)
        for row in rows
        if row["id"] not in roomless
    ]


def _lock_permissions(
    connection: Connection, unsettled: Sequence[Any], limit: int
) -> dict[int, Row]:
    wanted = (
        select(attempts.c.permission_id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(*unsettled)
        .order_by(attempts.c.look_at, attempts.c.id)
        .limit(limit)
    )
    ids = sorted(set(connection.execute(wanted).scalars()))
    statement = (
        select(permissions)
        .where(permissions.c.id.in_(ids))
        .order_by(permissions.c.id)
        .with_for_update(skip_locked=True)
    )
    return {row["id"]: row for row in fetch(connection, statement)}


def _hold_months_of_now(
    connection: Connection,
    merchant: Merchant,
    at: datetime,
    rows: Sequence[Row],
    locked: Mapping[int, Row],
) -> set[int]:
    """Hold room in months that an attempt does not hold yet; returns attempts without room."""
    months = possible_months(at=at, timezone=merchant.timezone)
    lacking = _lacking_months(connection, [row for row in rows if not row["charge_id"]], months)
    if not lacking:
        return set()
    limits = {
        row["permission_id"]: effective_limit_yen(
            merchant=merchant, amount_limit_yen=locked[row["permission_id"]]["amount_limit_yen"]
        )
        for row, _ in lacking
    }
    caps = load_cap_months(connection, limits=limits, months=months)
    roomless: set[int] = set()
    holds: list[dict[str, Any]] = []
    for row, missing in lacking:
        wanted = [caps[row["permission_id"], month] for month in missing]
        if _take(wanted, row["amount_yen"]):
            holds.extend(_hold_row(row, month) for month in missing)
        else:
            roomless.add(row["id"])
    hold(connection, holds)
    return roomless


def _lacking_months(
    connection: Connection, rows: Sequence[Row], months: Sequence[str]
) -> list[tuple[Row, list[str]]]:
    statement = select(cap_holds.c.attempt_id, cap_holds.c.month).where(
        cap_holds.c.attempt_id.in_([row["id"] for row in rows])
    )
    held = set(connection.execute(statement))
    lacking = [(row, [m for m in months if (row["id"], m) not in held]) for row in rows]
    return [(row, missing) for row, missing in lacking if missing]


def _take(wanted: Sequence[CapMonth], amount_yen: int) -> bool:
    if any(month.room_yen < amount_yen for month in wanted):
        return False
    for month in wanted:
        month.held_yen += amount_yen
    return True


def _hold_row(row: Row, month: str) -> dict[str, Any]:
    return {
        "attempt_id": row["id"],
        "month": month,
        "permission_id": row["permission_id"],
        "amount_yen": row["amount_yen"],
        "state": "held",
    }


def _claimed(row: Row, at: datetime, worker_id: str, roomless: Collection[int]) -> dict[str, Any]:
    wait = NO_ROOM_WAIT if row["id"] in roomless else LEASE
    return {"id": row["id"], "worker_id": worker_id, "look_at": at + wait}


def _open_attempt(row: Row, permission: Row, at: datetime) -> OpenAttempt:
    return OpenAttempt(
        id=row["id"],
        slot_id=row["slot_id"],
        permission_amazon_id=permission["amazon_id"],
        idempotency_key=row["idempotency_key"],
        body=row["body"],
        amount_yen=row["amount_yen"],
        send_by=at + SEND_WINDOW,
        charge_id=row["charge_id"],
    )
