"""Moves the clock of the books and that of the local Amazon Pay, and lets happen what is due.

A move is written down before it begins. It stops at each charge hour: Amazon's clock first, then
that of the books, then the work that workers do. A process that dies on the way leaves a move
that the next one carries on; what Amazon already knows of the time, the books catch up with.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import IO

from app.problems import Refused
from app.travel.clock import VirtualClock
from app.travel.control import LocalControl
from app.travel.journal import Journal, Move
from app.travel.route import NEXT_DAYS, stops
from scheduler import AmazonSilent, BillingEngine, RunStopped

log = logging.getLogger(__name__)

FURTHEST = timedelta(days=NEXT_DAYS)
# The sweep reads many permissions; what one stop leaves out, the next one reads.
SWEEP_SECONDS = 2.0


class AlreadyMoving(Exception):
    """Another move is under way."""


class NoSuchTime(Exception):
    """The clock never goes back, and at most about a year ahead at once."""


Work = Callable[[BillingEngine, Callable[[], bool]], None]


@dataclass(slots=True)
class TimeMachine:
    """One local Amazon Pay and the books that belong to it.

    `turn` is held at each stop, so that the worker of this process waits meanwhile; `besides` is
    what else is done then, such as delivering notices.
    """

    clock: VirtualClock
    amazon: LocalControl
    journal: Journal
    engine: Callable[[], BillingEngine]
    turn: AbstractContextManager[object] = field(default_factory=threading.Lock)
    besides: Work = lambda engine, stopping: None
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, *, to: datetime, by: str) -> Move:
        """Begin a move in the background; raises `AlreadyMoving`, `NoSuchTime`."""
        lock = self._locked()
        now = self.clock.now()
        if not now < to <= now + FURTHEST:
            lock.close()
            raise NoSuchTime
        move = self.journal.begin(by=by, from_at=now, to_at=to)
        self._carry_on(move, lock)
        return move

    def resume(self) -> None:
        """Bring both clocks together and carry on what a process left, unless another one does.

        To be called before anything is sent: Amazon refuses what was signed at another time.
        Raises `Refused` when Amazon does not answer.
        """
        lock = self.journal.lock()
        if lock is None:
            return
        try:
            self._arrive(self.clock.now())
            last = self.journal.last()
        except Refused:
            lock.close()
            raise
        if last is None or not last.is_under_way:
            lock.close()
            return
        self._carry_on(last, lock)

    def stop(self) -> None:
        """Begin no further stop and wait for the one under way; `resume` goes on from there."""
        self._ending.set()
        self.wait()

    def wait(self) -> None:
        """Wait until the move of this process is over."""
        if self._thread is not None:
            self._thread.join()

    def _locked(self) -> IO[str]:
        lock = self.journal.lock()
        if lock is None:
            raise AlreadyMoving
        last = self.journal.last()
        if last is not None and last.is_under_way:
            self._carry_on(last, lock)
            raise AlreadyMoving
        return lock

    def _carry_on(self, move: Move, lock: IO[str]) -> None:
        self._thread = threading.Thread(
            target=self._run, args=(move, lock), name="time-machine", daemon=True
        )
        self._thread.start()

    def _run(self, move: Move, lock: IO[str]) -> None:
        with lock:
            try:
                self._travel(move)
            except (Refused, RunStopped, AmazonSilent) as told:
                self._stopped(str(told))
            except Exception as error:
                log.exception("the move to %s ended early", move.to_at)
                self._stopped(f"{type(error).__name__}: {error}")

    def _travel(self, move: Move) -> None:
        engine = self.engine()
        # Here as well: who died on arriving had not yet worked on what was due at this stop.
        here = self.clock.now()
        for at in (here, *stops(engine.merchant, after=here, until=move.to_at)):
            with self.turn:
                if self._ending.is_set():
                    return
                self._arrive(at)
                work_everything(engine, self._ending.is_set)
                self.besides(engine, self._ending.is_set)
            move = self.journal.reached(move, self.clock.now())
        self.journal.ended(move)

    def _arrive(self, at: datetime) -> None:
        """Be there with both clocks; a death between them leaves Amazon ahead, never the books."""
        self.amazon.move_to(at)
        self.clock.move_to(max(at, self.amazon.now()))

    def _stopped(self, why: str) -> None:
        last = self.journal.last()
        if last is not None:
            self.journal.ended(replace(last, reached_at=self.clock.now()), why=why)


def work_everything(engine: BillingEngine, stopping: Callable[[], bool]) -> None:
    """What workers do at their ticks, once, in the order that a morning has."""
    engine.process_notifications(stopping=stopping)
    engine.sweep(seconds=SWEEP_SECONDS, stopping=stopping)
    engine.watch_and_charge(stopping=stopping)
    engine.run_due(stopping=stopping)
    engine.finish_checkouts()
    engine.clear_doubts(stopping=stopping)
    engine.chain_books()
