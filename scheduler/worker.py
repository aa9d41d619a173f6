"""A scheduler worker: APScheduler is its clock, queries decide what is due.

The job store is in memory on purpose: a clock needs no store, and shared job stores fire twice.
Charge runs need no winner, because claims and constraints keep any number of workers apart; the
watch over waiting permissions runs once per slot of time for all workers.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import DBAPIError

from scheduler.engine import BillingEngine
from scheduler.identity import this_worker
from scheduler.run import AmazonSilent, RunStopped
from scheduler.ticks import won

log = logging.getLogger(__name__)

CHARGE_EVERY_SECONDS = 60
WATCH_EVERY_SECONDS = 3600


class Worker:
    """Serves one merchant until stopped; start as many as you like on PostgreSQL."""

    def __init__(
        self,
        engine: BillingEngine,
        *,
        charge_every_seconds: int = CHARGE_EVERY_SECONDS,
        watch_every_seconds: int = WATCH_EVERY_SECONDS,
        on_stopped: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._engine = engine
        self._on_stopped = on_stopped
        self._watch_every = watch_every_seconds
        self._done = threading.Event()
        self._clock = BackgroundScheduler(timezone="UTC")
        # A missed tick is run once, late, never stacked: what is due is found by query.
        habits = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._clock.add_job(
            self.charge, "interval", seconds=charge_every_seconds, id="charge", **habits
        )
        self._clock.add_job(
            self.watch, "interval", seconds=watch_every_seconds, id="watch", **habits
        )

    def start(self) -> None:
        """Run what is due at once (and resolve what a crash left), then at every tick."""
        self._clock.start()
        for job in self._clock.get_jobs():
            job.modify(next_run_time=datetime.now(job.trigger.timezone))

    def wait(self) -> None:
        """Block until `stop` is called or Amazon refuses our credentials."""
        self._done.wait()

    def end(self) -> None:
        """Make `wait` return; safe to call from a signal handler."""
        self._done.set()

    def stop(self) -> None:
        """Let running jobs finish and end; whatever is unfinished is found again by query."""
        self._done.set()
        if self._clock.running:
            self._clock.shutdown(wait=True)

    def charge(self) -> None:
        """One charge run; a database that is away is tried again at the next tick."""
        try:
            report = self._engine.run_due(stopping=self._done.is_set)
            log.info("charge run: %s", report)
        except RunStopped as stop:
            log.error("charging is stopped: %s", stop)
            self._on_stopped(str(stop))
            self._done.set()
        except AmazonSilent as silence:
            log.error("%s", silence)
        except DBAPIError:
            log.exception("the database did not answer; the next tick tries again")

    def watch(self) -> None:
        """Look at waiting permissions, if no other worker does in this slot of time."""
        now = self._engine.clock.now()
        slot = now - timedelta(seconds=now.timestamp() % self._watch_every)
        job = f"watch/{self._engine.merchant.id}"
        try:
            mine = won(
                self._engine.database,
                job=job,
                slot=slot.replace(microsecond=0),
                worker_id=this_worker(),
            )
            if mine:
                log.info("watched %d permissions", self._engine.watch())
        except Exception:
            # The clock must go on whatever happens: the next tick looks again.
            log.exception("the watch failed; the next tick tries again")
