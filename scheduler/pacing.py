"""Paces calls under Amazon's throttle: one row per merchant and operation, one UPDATE per grant.

GCRA: `burst` calls may go at once, then one per interval. All workers share the row, so together
they use the quota and do not exceed it. A 429 stretches the interval by 3 %, success creeps back.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, case, select, update

from billing import insert_unless_known, reading, table_of, writing
from scheduler.tables import PacingRow

pacing = table_of(PacingRow)

MICROSECONDS = 1_000_000
SLOWER_PERCENT = 103
# Even then a full window of calls is sent within its lease.
MAX_SLOWDOWN = 4
LONGEST_QUEUE_US = 600 * MICROSECONDS
# Amazon's published limits: (burst, calls per second). Japan's own rows were not readable, so
# they are settings; these are the defaults.
PUBLISHED = {"live": (10, 4), "sandbox": (2, 1)}


@dataclass(frozen=True, slots=True)
class Quota:
    """How many calls at once, and how many per second for ever, of one operation."""

    burst: int
    per_second: int

    @property
    def interval_us(self) -> int:
        """Distance between calls at 99 % of the rate: the last percent is Amazon's jitter."""
        return MICROSECONDS * 100 // (99 * self.per_second)


def take(
    engine: Engine, *, merchant_id: str, operation: str, quota: Quota, calls: int, now: datetime
) -> list[float]:
    """Reserve `calls` calls; returns how many seconds from `now` each of them must wait."""
    if calls == 0:
        return []
    now_us = _microseconds(now)
    last_us, interval_us = writing(
        engine, lambda c: _reserve(c, merchant_id, operation, quota, calls, now_us)
    )
    first_us = last_us - calls * interval_us
    early_us = (quota.burst - 1) * interval_us
    waits = [first_us + n * interval_us - early_us - now_us for n in range(calls)]
    return [max(0, wait) / MICROSECONDS for wait in waits]


def ready(
    engine: Engine,
    *,
    merchant_id: str,
    operation: str,
    quota: Quota,
    within_seconds: int,
    now: datetime,
) -> int:
    """How many calls, taken now, would wait for no longer than `within_seconds`."""
    now_us = _microseconds(now)
    mine = (pacing.c.merchant_id == merchant_id, pacing.c.operation == operation)
    with reading(engine) as connection:
        row = connection.execute(select(pacing.c.next_at_us, pacing.c.interval_us).where(*mine))
        next_us, interval_us = row.first() or (now_us, quota.interval_us)
    start_us = next_us if now_us < next_us <= now_us + LONGEST_QUEUE_US else now_us
    left_us = now_us + within_seconds * MICROSECONDS - start_us
    return max(0, left_us // interval_us + quota.burst)


def _reserve(
    connection: Connection,
    merchant_id: str,
    operation: str,
    quota: Quota,
    calls: int,
    now_us: int,
) -> tuple[int, int]:
    """Move the theoretical arrival time on by `calls`; returns it with the interval in force."""
    # A time further ahead than any queue of ours was written by a clock that ran ahead.
    ahead = pacing.c.next_at_us.between(now_us + 1, now_us + LONGEST_QUEUE_US)
    start = case((ahead, pacing.c.next_at_us), else_=now_us)
    statement = (
        update(pacing)
        .where(pacing.c.merchant_id == merchant_id, pacing.c.operation == operation)
        .values(next_at_us=start + calls * pacing.c.interval_us)
        .returning(pacing.c.next_at_us, pacing.c.interval_us)
    )
    found = connection.execute(statement).first()
    if found is None:
        fresh = {"merchant_id": merchant_id, "operation": operation}
        row = fresh | {"next_at_us": now_us, "interval_us": quota.interval_us}
        insert_unless_known(connection, pacing, [row])
        found = connection.execute(statement).one()
    return found


def learn(
    engine: Engine, *, merchant_id: str, operation: str, quota: Quota, throttled: bool
) -> None:
    """Slow down by 3 % after a 429, or creep back towards the quota after success."""
    writing(engine, lambda c: _learn(c, merchant_id, operation, quota, throttled))


def _learn(
    connection: Connection, merchant_id: str, operation: str, quota: Quota, throttled: bool
) -> None:
    mine = (pacing.c.merchant_id == merchant_id, pacing.c.operation == operation)
    current = connection.execute(select(pacing.c.interval_us).where(*mine)).scalar()
    if current is None:
        return
    fastest = quota.interval_us
    if throttled:
        wanted = min(fastest * MAX_SLOWDOWN, current * SLOWER_PERCENT // 100)
    else:
        wanted = max(fastest, current - max(1, current // 1000))
    if wanted != current:
        connection.execute(update(pacing).where(*mine).values(interval_us=wanted))


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp() * MICROSECONDS)
