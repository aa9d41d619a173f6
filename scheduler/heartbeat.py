"""Signs of life of workers on PostgreSQL, so that machines need not see each other's processes.

A worker moves its row's `alive_until` on, by the database's clock: app clocks may differ. When the
moment is past it counts as dead, whether it was killed, frozen or cut off. Should it wake up after
that, what it still sends carries keys that its successors use as well.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, DateTime, Engine, delete, func, select, update

from billing import insert_unless_known, table_of, writing
from scheduler.identity import process_of, this_worker
from scheduler.tables import WorkerRow

log = logging.getLogger(__name__)

workers = table_of(WorkerRow)

HEARTBEAT_SECONDS = 5.0
# Two beats may be lost before the third counts.
SILENT_BEATS = 3
# A day after the last sign of life nobody asks about a worker any more.
FORGET_AFTER = timedelta(days=1)


def silent_workers(engine: Engine, worker_ids: Iterable[str]) -> set[str]:
    """Those of the given workers and runs whose process has told the database of its end, or
    has not beaten for too long. Of one that never beat nothing is known."""
    owners = {worker: process_of(worker) for worker in worker_ids}
    if not owners or engine.dialect.name != "postgresql":
        return set()
    silent = select(workers.c.id).where(
        workers.c.id.in_(sorted(set(owners.values()))), workers.c.alive_until < _now()
    )
    with engine.connect() as connection:
        found = set(connection.execute(silent).scalars())
    return {worker for worker, process in owners.items() if process in found}


class Heart:
    """Beats for this process in a thread of its own until `stop`; does nothing on SQLite."""

    def __init__(self, engine: Engine, *, every_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._engine = engine
        self._every = every_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heart", daemon=True)

    def start(self) -> None:
        """Beat once, so that the row is there before any work is claimed, and go on beating."""
        if self._engine.dialect.name == "postgresql":
            self._try(self._beat)
            self._thread.start()

    def stop(self) -> None:
        """Tell everybody that this worker has ended: what it left may be taken over at once."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
            self._try(lambda c: _set(c, this_worker(), alive_for=timedelta(0)))

    def _beat_on(self) -> None:
        while not self._ended.wait(self._every):
            self._try(self._beat)

    def _beat(self, connection: Connection) -> None:
        _set(connection, this_worker(), alive_for=timedelta(seconds=SILENT_BEATS * self._every))

    def _try(self, work: Callable[[Connection], None]) -> None:
        try:
            writing(self._engine, work)
        except Exception as error:
            # Others take over meanwhile what this worker has in hand; it does no harm to go on.
            log.warning("no sign of life could be given: %s", error)


def _set(connection: Connection, worker: str, *, alive_for: timedelta) -> None:
    until = {"alive_until": _now() + alive_for}
    mine = update(workers).where(workers.c.id == worker).values(until)
    if connection.execute(mine).rowcount == 0:
        now = connection.execute(select(_now())).scalar_one()
        row = {"id": worker, "started_at": now, "alive_until": now + alive_for}
        insert_unless_known(connection, workers, [row])
        connection.execute(delete(workers).where(workers.c.alive_until < _now() - FORGET_AFTER))


def _now() -> ColumnElement[datetime]:
    return func.clock_timestamp(type_=DateTime(timezone=True))
