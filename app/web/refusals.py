"""Counts refused deliveries in memory and writes the counts once a second, whatever comes.

A flood of forgeries costs one small transaction a second, a few numbers of memory and one line of
log per kind; what they contain is kept nowhere.
"""

import logging
import threading

from sqlalchemy import Engine

from billing.notifications import add_refused
from scheduler import Clock

log = logging.getLogger(__name__)

WRITE_AFTER_SECONDS = 1.0


class RefusalCounter:
    """Counts by kind; safe to share between threads."""

    def __init__(self, database: Engine, merchant_id: str, clock: Clock) -> None:
        self._database = database
        self._merchant_id = merchant_id
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, str]] = {}

    def count(self, kind: str, reason: str) -> None:
        """Add one; `reason` must hold no text of the sender's choice."""
        with self._lock:
            is_first = not self._counts
            self._counts[kind] = self._counts.get(kind, (0, ""))[0] + 1, reason
        if is_first:
            timer = threading.Timer(WRITE_AFTER_SECONDS, self.write)
            timer.daemon = True
            timer.start()

    def write(self) -> None:
        """Write what was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, {}
        for kind, (number, reason) in sorted(counts.items()):
            log.warning("%d notifications refused, %s: %s", number, kind, reason)
        try:
            add_refused(self._database, self._merchant_id, counts, at=self._clock.now())
        except Exception:
            log.exception("refused notifications could not be counted")
