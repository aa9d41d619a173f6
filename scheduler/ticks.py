"""Decides which of many workers acts on a tick: the first to insert its row."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, select

from billing import insert_unless_known, table_of, writing
from scheduler.tables import TickRow

ticks = table_of(TickRow)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def slot_of(now: datetime, *, every_seconds: float) -> datetime:
    """The slot of time that `now` falls into, by its beginning: the same for every worker."""
    width = timedelta(seconds=every_seconds)
    return EPOCH + (now - EPOCH) // width * width


def won(engine: Engine, *, job: str, slot: datetime, worker_id: str) -> bool:
    """True for exactly one worker per job and slot; also harmless if the job ran twice."""
    return writing(engine, lambda c: wins(c, job=job, slot=slot, worker_id=worker_id))


def wins(connection: Connection, *, job: str, slot: datetime, worker_id: str) -> bool:
    """The same within a transaction of the caller's: what it writes there is written once."""
    row = {"job": job, "slot": slot, "worker_id": worker_id}
    # A tick of tomorrow was written by a clock that ran ahead; it must not win for ever.
    tomorrow = slot + timedelta(days=1)
    connection.execute(delete(ticks).where(ticks.c.job == job, ticks.c.slot > tomorrow))
    insert_unless_known(connection, ticks, [row])
    # Only the newest tick decides anything: the table never grows, and who comes late for an
    # older one finds its own row gone as well.
    newest = select(func.max(ticks.c.slot)).where(ticks.c.job == job).scalar_subquery()
    connection.execute(delete(ticks).where(ticks.c.job == job, ticks.c.slot < newest))
    winner = select(ticks.c.worker_id).where(ticks.c.job == job, ticks.c.slot == slot)
    return connection.execute(winner).scalar() == worker_id
