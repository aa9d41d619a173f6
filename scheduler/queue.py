"""Carries errands to whichever worker is free, on any machine: procrastinate on PostgreSQL.

The queue only says where to look. What is due is in the books, so an errand that is lost, doubled
or late costs a look and never a charge. What a silent worker has in hand is given to others.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from sqlalchemy import Connection, Engine, text

from billing import connect_arguments
from scheduler.heartbeat import HEARTBEAT_SECONDS, SILENT_BEATS
from scheduler.identity import this_worker
from scheduler.ticks import slot_of, won

if TYPE_CHECKING:
    from procrastinate.app import WorkerOptions

log = logging.getLogger(__name__)

TASK = "autopay.errand"
RECONNECT_SECONDS = 1.0
# Rows of procrastinate's own workers that nobody will hear of again.
PRUNE_SECONDS = 600.0

WAITING = text(
    "SELECT queueing_lock FROM procrastinate_jobs "
    "WHERE status IN ('todo', 'doing') AND queueing_lock = ANY(:names) AND id <> :besides"
)


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to look after: a slice of a merchant's charges, its refunds, or a periodic job.

    Lane 0 of everybody comes before lane 1 of anybody.
    """

    kind: str
    merchant_id: str
    lane: int = 0

    @property
    def name(self) -> str:
        """No two errands of one name wait at a time."""
        return f"{self.kind}/{self.merchant_id}/{self.lane}"


def give(connection: Connection, errands: Sequence[Errand], *, besides: int = 0) -> list[Errand]:
    """Put errands into the queue within the caller's transaction; returns those that were new.

    One that waits or is being worked on is left out; the job `besides` does not count as such.
    """
    names = [errand.name for errand in errands]
    known = set(connection.execute(WAITING, {"names": names, "besides": besides}).scalars())
    fresh = [errand for errand in errands if errand.name not in known]
    if not fresh or _given(connection, fresh):
        return fresh
    # Somebody gave one of them at the same moment: one by one, so that only that one is left out.
    return [errand for errand in fresh if _given(connection, [errand])]


def _given(connection: Connection, errands: Sequence[Errand]) -> bool:
    app = App(connector=SyncPsycopgConnector())
    driver = connection.connection.driver_connection
    try:
        with connection.begin_nested():
            app.job_manager.batch_defer_jobs([_job(e) for e in errands], connection=driver)
    except AlreadyEnqueued:
        return False
    return True


def _job(errand: Errand) -> Job:
    return Job(
        queue=queue_of(errand.merchant_id),
        task_name=TASK,
        priority=-errand.lane,
        lock=None,
        queueing_lock=errand.name,
        task_kwargs={
            "kind": errand.kind,
            "merchant_id": errand.merchant_id,
            "lane": errand.lane,
        },
    )


def queue_of(merchant_id: str) -> str:
    """Where the errands of a merchant wait, so that a worker may serve it alone."""
    return f"autopay/{merchant_id}"


class QueueWorker:
    """Takes errands from the queue and works on so many at once, in threads, until stopped."""

    def __init__(
        self,
        database: Engine,
        *,
        work: Callable[[Errand, int], None],
        queues: Sequence[str] | None = None,
        at_once: int,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._database = database
        self._work = work
        self._queues = queues
        self._at_once = at_once
        self._beat = heartbeat_seconds
        self._ending = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="queue", daemon=True)

    def start(self) -> None:
        """Begin to take errands."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more errands and wait until those at work are done."""
        self._ending.set()
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._cancel)
        if self._thread.is_alive():
            self._thread.join()

    def _cancel(self) -> None:
        if self._serving is not None:
            self._serving.cancel()

    def _run(self) -> None:
        asyncio.run(self._serve_on())

    async def _serve_on(self) -> None:
        """Serve, and begin anew when the database was away, until stopped."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(self._at_once + 2, "errand"))
        while not self._ending.is_set():
            self._serving = asyncio.create_task(self._serve())
            try:
                await self._serving
            except asyncio.CancelledError:
                break
            except Exception as error:
                log.warning("the queue is away (%s); trying again", error)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _serve(self) -> None:
        app = App(connector=_connector(self._database))
        app.task(name=TASK, pass_context=True)(self._errand)
        async with app.open_async():
            rescuing = asyncio.create_task(self._rescue_on(app))
            try:
                await app.run_worker_async(**self._options())
            finally:
                rescuing.cancel()

    def _options(self) -> "WorkerOptions":
        options: WorkerOptions = {
            "concurrency": self._at_once,
            "install_signal_handlers": False,
            "delete_jobs": "always",
            # Of a new errand one hears at once; the look is for those that were given back.
            "fetch_job_polling_interval": self._beat,
            "update_heartbeat_interval": self._beat,
            "stalled_worker_timeout": PRUNE_SECONDS,
        }
        if self._queues is not None:
            options["queues"] = self._queues
        return options

    def _errand(self, context: JobContext, *, kind: str, merchant_id: str, lane: int) -> None:
        self._work(Errand(kind, merchant_id, lane), context.job.id or 0)

    async def _rescue_on(self, app: App) -> None:
        """Give to others, again and again, what workers hold that beat no more."""
        while True:
            await asyncio.sleep(self._beat)
            try:
                if await asyncio.to_thread(self._is_mine_to_rescue):
                    await _rescue(app, silent_seconds=SILENT_BEATS * self._beat)
            except Exception as error:
                log.warning("stalled errands were not looked at; the next beat does: %s", error)

    def _is_mine_to_rescue(self) -> bool:
        slot = slot_of(datetime.now(UTC), every_seconds=self._beat)
        return won(
            self._database,
            job="rescue",
            slot=slot,
            worker_id=this_worker(),
            every_seconds=self._beat,
        )


async def _rescue(app: App, *, silent_seconds: float) -> None:
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=silent_seconds):
        log.warning("%s is given to another worker: its own is silent", job.queueing_lock)
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:
            # Its worker had given the same errand again before it fell silent: that one waits.
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
        except ConnectorException as error:
            # It ended at this moment, say; the others are not to wait because of it.
            log.warning("%s was not given to another worker: %s", job.queueing_lock, error)


def _connector(database: Engine) -> PsycopgConnector:
    return PsycopgConnector(
        min_size=1, max_size=3, timeout=10.0, kwargs=connect_arguments(database)
    )
