"""One slice of one merchant's work: so many renewals or so many seconds, then somebody else's turn.

The same slice is worked in-process on SQLite and by any worker of any machine on PostgreSQL. It may
be worked twice at once or given up anywhere: claims keep two apart, constraints guard the money.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from billing import Outcome
from scheduler.engine import BillingEngine
from scheduler.identity import one_run
from scheduler.senders import Senders

log = logging.getLogger(__name__)

# Long enough that starting and draining do not count, short enough that others wait little. Under
# Amazon's throttle the seconds end a slice, without it the number.
SLICE, SLICE_SECONDS = 600, 15.0
# A connection that nobody has used for so long is closed with its sender.
IDLE_SECONDS = 60.0

Stopping = Callable[[], bool]


@dataclass(slots=True)
class _Idle:
    """Senders that wait for the next slice of their merchant; they have the keys of `engine`."""

    senders: Senders[Outcome]
    engine: BillingEngine
    since: float


@dataclass(slots=True)
class SenderPool:
    """Keeps senders between slices: their connections to Amazon stay open."""

    _idle: dict[str, list[_Idle]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def borrowed(self, engine: BillingEngine) -> Iterator[Senders[Outcome]]:
        """Senders of the merchant, with nothing under way before and after."""
        senders = self._waiting_for(engine) or engine.new_senders()
        try:
            yield senders
        finally:
            senders.settle()
            with self._lock:
                mine = self._idle.setdefault(engine.merchant.id, [])
                mine.append(_Idle(senders, engine, time.monotonic()))
            self.close(idle_seconds=IDLE_SECONDS)

    def _waiting_for(self, engine: BillingEngine) -> Senders[Outcome] | None:
        """Those of this very engine: one that was made again may have other keys, and what the
        old ones have is perhaps revoked. The others end when nobody has used them for long."""
        with self._lock:
            waiting = self._idle.get(engine.merchant.id, [])
            for number, one in enumerate(waiting):
                if one.engine is engine:
                    return waiting.pop(number).senders
        return None

    def close(self, *, idle_seconds: float = 0.0) -> None:
        """End senders that have been idle for so long; all of them by default."""
        before = time.monotonic() - idle_seconds
        with self._lock:
            old = [one for idle in self._idle.values() for one in idle if one.since <= before]
            self._idle = {
                name: left
                for name, idle in self._idle.items()
                if (left := [one for one in idle if one.since > before])
            }
        for one in old:
            one.senders.close()


def work_charges(engine: BillingEngine, *, pool: SenderPool, stopping: Stopping) -> bool:
    """Work one slice of charges; true when there is more.

    Raises `RunStopped`, `AmazonSilent`, and what the database raises; what was begun is taken over
    by the next run of this process, or by others once this worker counts as dead.
    """
    with one_run() as run_id, pool.borrowed(engine) as senders:
        return engine.run_slice(
            senders, run_id=run_id, limit=SLICE, seconds=SLICE_SECONDS, stopping=stopping
        )


def work_refunds(engine: BillingEngine, *, stopping: Stopping) -> bool:
    """Send refunds that are due for the time of a slice; true when there may be more."""
    until = time.monotonic() + SLICE_SECONDS
    with one_run() as run_id:
        engine.send_refunds(run_id=run_id, stopping=lambda: stopping() or time.monotonic() >= until)
    return time.monotonic() >= until and not stopping()
