"""Claims attempts whose outcome is not known: crashed, timed out, or still pending at Amazon.

The same key and the same bytes are sent again, never a new key. A replay may reach Amazon in a
later month than the first send, so it takes room in the months of now as well before it goes.

What replays do not settle rests for the janitor (`billing.evidence`), and what kills one worker
after another is first tried alone and then set aside for a person.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, or_, select, update

from billing.charging.intend import LEASE, UNSETTLED
from billing.charging.outcome import OpenAttempt
from billing.charging.poison import POISON, SENDING, count_takeovers, set_aside, takeovers
from billing.charging.resting import FAR, NOBODY, rest, tired
from billing.charging.stored_attempt import open_attempt
from billing.dates import possible_months
from billing.protocol.checkpoints import reached
from billing.store.brake import BrakeScope, load_brake
from billing.store.cap_room import CapMonth, effective_limit_yen, hold, load_cap_months
from billing.store.database import writing
from billing.store.merchants import Merchant
from billing.store.notices import notice_row, write_notices
from billing.store.rows import Row, among, fetch, is_word, table_of, update_many
from billing.tables import AttemptRow, CapHoldRow, ChargePermissionRow, SlotRow

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
cap_holds = table_of(CapHoldRow)

# A replay that finds no room in the months of now waits; the doubt itself loses nothing by it.
NO_ROOM_WAIT = timedelta(hours=1)
# An attempt that so many workers died with is sent by itself: another may have killed them. After
# as many deaths again it is this one.
ALONE_AFTER_DEATHS = 3
ASIDE_AFTER_DEATHS = 6
CLAIMED_COLUMNS = (
    *("id", "merchant_id", "slot_id", "permission_id", "idempotency_key", "body", "amount_yen"),
    *("state", "sends", "worker_id", "intended_at", "charge_id"),
)


def workers_with_unsettled(engine: Engine, merchant: Merchant) -> set[str]:
    """Ids of all workers that own an unsettled attempt; a dead one's may be claimed at once."""
    statement = select(attempts.c.worker_id).where(
        attempts.c.merchant_id == merchant.id, is_word(attempts.c.state, *UNSETTLED)
    )
    with engine.connect().execution_options(autopay_reading=True) as connection:
        return set(connection.execute(statement.distinct()).scalars()) - {NOBODY}


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
    dead = [worker for worker in dead_workers if worker != NOBODY]
    ready: ColumnElement[bool] = attempts.c.look_at <= at
    if dead:
        # Only then: with it the index by due moment cannot give the rows in order.
        ready = or_(ready, attempts.c.worker_id.in_(dead))
    unsettled = (
        attempts.c.merchant_id == merchant.id,
        is_word(attempts.c.state, *UNSETTLED),
        slots.c.state != "quarantined",
        ready,
        *_only_asked(connection, merchant),
    )
    found = _ready(connection, unsettled, limit)
    locked = _lock_permissions(connection, set(found.values())) if found else {}
    if not locked:
        return []
    ours = [attempt_id for attempt_id, permission_id in found.items() if permission_id in locked]
    still = _still_unsettled(connection, ours, unsettled)
    rows = _that_go_again(connection, merchant, still, at)
    roomless = _hold_months_of_now(connection, merchant, at, rows, locked)
    going = [row for row in rows if row["id"] not in roomless]
    _mark_claimed(connection, [row["id"] for row in going], worker_id, at + LEASE)
    _mark_claimed(connection, roomless, worker_id, at + NO_ROOM_WAIT)
    died = _taken_over(going, besides=_process(worker_id))
    count_takeovers(connection, merchant, subjects=died, at=at)
    return [open_attempt(row, locked[row["permission_id"]], at=at) for row in going]


def _only_asked(connection: Connection, merchant: Merchant) -> tuple[ColumnElement[bool], ...]:
    """SQL: while books from a backup are compared with Amazon, what has a charge's id.

    Such books may hold a key as unknown that was proved later to have had no effect, and whose slot
    was then charged under its next key. Sent now it would be charged a second time.
    """
    brake = load_brake(connection, merchant.id)
    restored = brake.is_pulled and brake.scope is BrakeScope.RESTORED
    return (attempts.c.charge_id.is_not(None),) if restored else ()


def _that_go_again(
    connection: Connection, merchant: Merchant, rows: Sequence[Row], at: datetime
) -> list[Row]:
    """The attempts to send now: neither tired of replays, nor killers of their workers."""
    resting = tired(connection, rows, at=at)
    rest(connection, merchant, resting, at=at)
    deaths = takeovers(connection, merchant, subjects=_taken_over(rows))
    if not resting and not deaths:
        return list(rows)
    _set_aside(
        connection, merchant, [r for r in rows if _deaths(r, deaths) >= ASIDE_AFTER_DEATHS], at
    )
    others = [
        row
        for row in rows
        if row["id"] not in resting and _deaths(row, deaths) < ASIDE_AFTER_DEATHS
    ]
    harmless = [row for row in others if _deaths(row, deaths) < ALONE_AFTER_DEATHS]
    # Those left out now are still nobody's: the next claim finds them.
    return harmless or others[:1]


def _taken_over(rows: Sequence[Row], *, besides: str | None = None) -> set[str]:
    """Keys that were never answered nor given up: whoever had them before is dead or asleep.

    Those of the process `besides` are left out.
    """
    return {
        row["idempotency_key"]
        for row in rows
        if row["state"] == "intended"
        and row["sends"] == 0
        and (besides is None or _process(row["worker_id"]) != besides)
    }


def _deaths(row: Row, deaths: Mapping[str, int]) -> int:
    return deaths.get(row["idempotency_key"], 0)


def _set_aside(
    connection: Connection, merchant: Merchant, rows: Sequence[Row], at: datetime
) -> None:
    if not rows:
        return
    keys = [row["idempotency_key"] for row in rows]
    set_aside(connection, merchant, step=SENDING, subjects=keys, at=at)
    reason = f"{POISON} {ASIDE_AFTER_DEATHS} workers died with it"
    found = fetch(connection, select(slots).where(slots.c.id.in_([r["slot_id"] for r in rows])))
    quarantined = [{"id": slot["id"], "state": "quarantined", "reason": reason} for slot in found]
    update_many(connection, slots, quarantined)
    left = [{"id": row["id"], "worker_id": NOBODY, "look_at": at + FAR} for row in rows]
    update_many(connection, attempts, left)
    write_notices(
        connection, [notice_row(s, kind="quarantined", at=at, reason=reason) for s in found]
    )


def _ready(connection: Connection, unsettled: Sequence[Any], limit: int) -> dict[int, int]:
    """The `limit` oldest attempts that meet the conditions: attempt id → permission id."""
    statement = (
        select(attempts.c.id, attempts.c.permission_id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(*unsettled)
        .order_by(attempts.c.look_at, attempts.c.id)
        .limit(limit)
    )
    return {row.id: row.permission_id for row in connection.execute(statement).all()}


def _lock_permissions(connection: Connection, ids: Collection[int]) -> dict[int, Row]:
    statement = (
        select(permissions.c.id, permissions.c.amazon_id, permissions.c.amount_limit_yen)
        .where(among(connection, permissions.c.id, ids))
        .order_by(permissions.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return {row["id"]: row for row in fetch(connection, statement)}


def _still_unsettled(
    connection: Connection, ids: Collection[int], unsettled: Sequence[Any]
) -> list[Row]:
    """Of attempts whose permissions are locked now, those that still meet the conditions."""
    # Found by their ids alone, whence the CASE: by their moment all that is in doubt would be read
    # for each slice, after an outage a hundred thousand rows for two hundred.
    still = case((and_(*unsettled), 1), else_=0) == 1
    statement = (
        select(*(attempts.c[name] for name in CLAIMED_COLUMNS))
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(among(connection, attempts.c.id, ids), still)
        .order_by(attempts.c.id)
    )
    return fetch(connection, statement)


def _hold_months_of_now(
    connection: Connection,
    merchant: Merchant,
    at: datetime,
    rows: Sequence[Row],
    locked: Mapping[int, Row],
) -> set[int]:
    """Hold room in months that an attempt does not hold yet; returns attempts without room."""
    months = possible_months(at=at, timezone=merchant.timezone)
    to_send = [row for row in rows if not row["charge_id"]]
    lacking = _lacking_months(connection, to_send, months) if to_send else []
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
        among(connection, cap_holds.c.attempt_id, [row["id"] for row in rows])
    )
    held = {tuple(row) for row in connection.execute(statement)}
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


def _mark_claimed(
    connection: Connection, ids: Collection[int], worker_id: str, look_at: datetime
) -> None:
    if ids:
        mine = update(attempts).where(among(connection, attempts.c.id, ids))
        connection.execute(mine.values(worker_id=worker_id, look_at=look_at))


def _process(worker_id: str) -> str:
    """A worker id names its process before the #; a run that ended there is no worker's death."""
    return worker_id.partition("#")[0]
