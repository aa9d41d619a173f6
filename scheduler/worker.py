"""A scheduler worker: APScheduler is its clock, queries decide what is due.

The job store is in memory on purpose: a clock needs no store, and shared job stores fire twice. On
SQLite the work is done here, merchant by merchant in turn. On PostgreSQL the one worker that wins a
tick puts errands into the queue, in the transaction of the tick, and all workers take them from it.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from billing import count_due, workers_with_open_work, writing
from scheduler.deliveries import Delivering, deliver_all
from scheduler.ending import Ending
from scheduler.engine import BillingEngine
from scheduler.fair import hand_out, take_turns
from scheduler.fleet import Fleet, OneMerchant
from scheduler.heartbeat import HEARTBEAT_SECONDS, Heart, silent_workers
from scheduler.identity import dead_workers, this_worker
from scheduler.jobs import JOBS, PeriodicJob
from scheduler.queue import Errand, QueueWorker, give, queue_of
from scheduler.run import AmazonSilent, RunStopped
from scheduler.slices import SenderPool, work_charges, work_refunds
from scheduler.ticks import slot_of, wins

log = logging.getLogger(__name__)

CHARGE_EVERY_SECONDS = 60
DELIVER_EVERY_SECONDS = 10
# Slices that one process works on at a time; while they wait for Amazon they cost next to nothing.
SLICES_AT_ONCE = 4
# Slices of one merchant at a time, on all machines together. Under the throttle one could use the
# quota up; the second one goes on while a dead worker's is being noticed.
LANES, LANES_PACED = 8, 2
# A further lane of a merchant for so many due.
LANE_FOR = 50
# A deploy need not wait any longer: what is unfinished then is taken over like a dead worker's.
DRAIN_SECONDS = 30.0
# Waits before a slice is worked again after the database did not answer.
RETRY_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)

CHARGES, REFUNDS = "charges", "refunds"


class Worker:
    """Serves one merchant or many until stopped; start as many as you like on PostgreSQL."""

    def __init__(
        self,
        served: BillingEngine | Fleet,
        *,
        charge_every_seconds: int = CHARGE_EVERY_SECONDS,
        slices_at_once: int = SLICES_AT_ONCE,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        on_stopped: Callable[[str], None] = lambda reason: None,
        delivering: Delivering | None = None,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        self._fleet = OneMerchant(served) if isinstance(served, BillingEngine) else served
        self._on_stopped = on_stopped
        self._delivering = delivering
        # Held while an errand is worked on: somebody else of this process may take a turn too.
        self._turn = turn or nullcontext()
        self._charge_every = charge_every_seconds
        self._ending = Ending()
        self._done = threading.Event()
        self._is_first_tick = True
        self._pool = SenderPool()
        self._heart = Heart(self._fleet.database, every_seconds=heartbeat_seconds)
        self._queue = self._new_queue(slices_at_once, heartbeat_seconds)
        self._clock = BackgroundScheduler(timezone="UTC")
        # A missed tick is run once, late, never stacked: what is due is found by query.
        habits = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._clock.add_job(
            self.charge, "interval", seconds=charge_every_seconds, id="charge", **habits
        )
        self._clock.add_job(
            self.deliver, "interval", seconds=DELIVER_EVERY_SECONDS, id="deliver", **habits
        )
        for job in JOBS:
            self._clock.add_job(
                partial(self.act, job),
                "interval",
                seconds=job.every_seconds,
                id=job.name,
                **habits,
            )

    def _new_queue(self, slices_at_once: int, heartbeat_seconds: float) -> QueueWorker | None:
        if self._fleet.database.dialect.name != "postgresql":
            return None
        return QueueWorker(
            self._fleet.database,
            work=self._run_errand,
            queues=[queue_of(self._only)] if self._only is not None else None,
            at_once=slices_at_once,
            heartbeat_seconds=heartbeat_seconds,
        )

    @property
    def _only(self) -> str | None:
        """The merchant of a worker that serves one only."""
        return self._fleet.only.merchant.id if isinstance(self._fleet, OneMerchant) else None

    def start(self) -> None:
        """Run what is due at once (and resolve what a crash left), then at every tick."""
        self._heart.start()
        if self._queue is not None:
            self._queue.start()
        self._clock.start()
        for job in self._clock.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))

    def wait(self) -> None:
        """Block until `end` or `stop` is called or Amazon refuses our credentials."""
        self._ending.wait()
        self._done.set()

    def end(self) -> None:
        """Make `wait` return; safe to call from a signal handler."""
        self._ending.ask()

    def stop(self, *, within_seconds: float = DRAIN_SECONDS) -> bool:
        """Let what is under way finish and end; false when it took too long.

        Whatever is unfinished then is found again by query, and taken over once this process is
        gone.
        """
        self._done.set()
        self._ending.ask()
        ending = threading.Thread(target=self._end, name="end", daemon=True)
        ending.start()
        ending.join(within_seconds)
        return not ending.is_alive()

    def _end(self) -> None:
        if self._clock.running:
            self._clock.shutdown(wait=True)
        if self._queue is not None:
            self._queue.stop()
        self._pool.close()
        self._heart.stop()

    def charge(self) -> None:
        """A tick: work what is due, or hand it out to all workers."""
        if self._queue is not None:
            self._hand_out(
                "charge", self._charge_every, self._due_errands, anyway=self._is_first_tick
            )
            self._is_first_tick = False
            return
        take_turns(self._fleet.names(), lambda name: self._worked(Errand(CHARGES, name)))
        take_turns(self._fleet.names(), lambda name: self._worked(Errand(REFUNDS, name)))

    def deliver(self) -> None:
        """A tick: send what is to be told. No errand, so that no mail server holds a charge up."""
        if self._delivering is not None:
            deliver_all(self._delivering, self._fleet, stopping=self._done.is_set)

    def act(self, job: PeriodicJob) -> None:
        """A tick of a job of `scheduler.jobs`: do it for each merchant, or hand that out."""
        self._hand_out(job.name, job.every_seconds, lambda c: self._job_errands(job, c))

    def _hand_out(
        self,
        tick: str,
        every_seconds: int,
        errands: Callable[[Connection], list[Errand]],
        *,
        anyway: bool = False,
    ) -> None:
        """Let the worker that wins the tick see to the errands; without a database nobody does."""
        slot = slot_of(self._fleet.clock.now(), every_seconds=every_seconds)
        name = tick if self._only is None else f"{tick}/{self._only}"

        def to_work(connection: Connection) -> list[Errand]:
            mine = wins(
                connection,
                job=name,
                slot=slot,
                worker_id=this_worker(),
                every_seconds=every_seconds,
            )
            if not mine and not anyway:
                return []
            wanted = errands(connection)
            return give(connection, wanted) if self._queue is not None else wanted

        try:
            given = writing(self._fleet.database, to_work)
        except (DBAPIError, PoolTimeout) as error:
            log.warning("%s: the database did not answer; the next tick asks it: %s", tick, error)
            return
        except Exception:
            # The clock must go on whatever happens: the next tick looks again.
            log.exception("%s: the tick failed; the next one tries again", tick)
            return
        if self._queue is None:
            for errand in given:
                self._worked(errand)

    def _job_errands(self, job: PeriodicJob, connection: Connection) -> list[Errand]:
        names = self._fleet.names()
        if job.wanted_by is not None:
            wanting = job.wanted_by(connection, self._fleet.clock.now())
            names = [name for name in names if name in wanting]
        return [Errand(job.name, name) for name in names]

    def _due_errands(self, connection: Connection) -> list[Errand]:
        """The slices that are to be worked now, in a fair order."""
        names = self._fleet.names()
        lanes = max((self._lanes(name) for name in names), default=1)
        owners = workers_with_open_work(connection)
        due = count_due(
            connection,
            names,
            at=self._fleet.clock.now(),
            dead_workers=dead_workers(owners) | silent_workers(self._fleet.database, owners),
            most=lanes * LANE_FOR,
        )
        shares = hand_out(
            {name: work.charges for name, work in due.items()}, per_lane=LANE_FOR, lanes=lanes
        )
        return [
            *(Errand(CHARGES, share.merchant_id, share.lane) for share in shares),
            *(Errand(REFUNDS, name) for name, work in due.items() if work.refunds),
        ]

    def _lanes(self, merchant_id: str) -> int:
        engine = self._fleet.engine(merchant_id)
        return LANES_PACED if engine is None or engine.endpoint.paced else LANES

    def _run_errand(self, errand: Errand, job_id: int) -> None:
        """Work on an errand of the queue; where there is more, it goes to the end of the queue."""
        if self._worked(errand) and not self._done.is_set():
            writing(
                self._fleet.database, lambda connection: give(connection, [errand], besides=job_id)
            )

    def _worked(self, errand: Errand) -> bool:
        """Do it, again after a while when the database is away; true when there is more to do."""
        for wait in (0.0, *RETRY_WAITS):
            if self._done.wait(wait):
                return False
            try:
                with self._turn:
                    return self._work(errand)
            except (DBAPIError, PoolTimeout) as error:
                log.warning("%s: the database did not answer: %s", errand.name, error)
            except Exception:
                log.exception("%s failed; the next tick tries again", errand.name)
                return False
        return False

    def _work(self, errand: Errand) -> bool:
        engine = self._fleet.engine(errand.merchant_id)
        if engine is None:
            return False
        try:
            if errand.kind == CHARGES:
                return work_charges(engine, pool=self._pool, stopping=self._done.is_set)
            if errand.kind == REFUNDS:
                return work_refunds(engine, stopping=self._done.is_set)
        except RunStopped as stop:
            self._refused(errand, str(stop))
            return False
        except AmazonSilent as silence:
            log.error("%s: %s", errand.merchant_id, silence)
            return False
        done = [job.run(engine, self._done.is_set) for job in JOBS if job.name == errand.kind]
        # Most looks find nothing; they come every few seconds.
        log.log(logging.INFO if any(done) else logging.DEBUG, "%s: %s", errand.name, *done)
        return False

    def _refused(self, errand: Errand, reason: str) -> None:
        """Amazon refuses a merchant's key or account: a worker of that merchant alone ends."""
        log.error("charging of %s is stopped: %s", errand.merchant_id, reason)
        if self._only is not None:
            self._on_stopped(reason)
            self._done.set()
            self._ending.ask()
