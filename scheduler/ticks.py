"""Decides which of many workers acts on a tick: the first to insert its row."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, select

from billing import insert_unless_known, table_of, writing
from scheduler.tables import TickRow

ticks = table_of(TickRow)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# So many ticks ahead of a worker is no other worker that was quicker, but a clock that is fast.
TOO_FAR_AHEAD = 10
LEAST_AHEAD = timedelta(minutes=10)


def slot_of(now: datetime, *, every_seconds: float) -> datetime:
    """The slot of time that `now` falls into, by its beginning: the same for every worker."""
    width = timedelta(seconds=every_seconds)
    return EPOCH + (now - EPOCH) // width * width


def won(engine: Engine, *, job: str, slot: datetime, worker_id: str, every_seconds: float) -> bool:
    """True for exactly one worker per job and slot; also harmless if the job ran twice."""

    def work(connection: Connection) -> bool:
        return wins(
            connection, job=job, slot=slot, worker_id=worker_id, every_seconds=every_seconds
        )

    return writing(engine, work)


def wins(
    connection: Connection, *, job: str, slot: datetime, worker_id: str, every_seconds: float
) -> bool:
    """The same within a transaction of the caller's: what it writes there is written once."""
    row = {"job": job, "slot": slot, "worker_id": worker_id}
    # A tick far ahead was written by a fast clock; nobody else would win until all get there.
    too_far = slot + max(LEAST_AHEAD, TOO_FAR_AHEAD * timedelta(seconds=every_seconds))
    connection.execute(delete(ticks).where(ticks.c.job == job, ticks.c.slot > too_far))
    insert_unless_known(connection, ticks, [row])
    # Only the newest tick decides anything: the table never grows, and who comes late for an
    # older one finds its own row gone as well.
    newest = select(func.max(ticks.c.slot)).where(ticks.c.job == job).scalar_subquery()
    connection.execute(delete(ticks).where(ticks.c.job == job, ticks.c.slot < newest))
    winner = select(ticks.c.worker_id).where(ticks.c.job == job, ticks.c.slot == slot)
    return connection.execute(winner).scalar() == worker_id
