"""Asks what takes long before a reader does, and again before the answer is too old.

Each question of a large shop is kept for a hundred times what it cost (`Remembered`), so that
keeping all of them warm takes one part in a hundred of a processor; with small books next to
nothing.
"""

import gc
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine

from app.web.shell.remembered import LONGEST_SECONDS
from billing import refresh_statistics

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
# Between two looks no reader finds an answer that is too old.
AHEAD_SECONDS = 15.0
# Books whose questions take no longer need no warmth; they may grow.
SMALL_SECONDS = 0.2
SMALL_LOOK_SECONDS = 120.0
LONGEST_END_SECONDS = 5.0
DAY_SECONDS = 86_400.0

Question = Callable[[float], object]
"""Asks for something with `ahead_seconds`, and throws the answer away."""


@dataclass(frozen=True, slots=True)
class Warm:
    """The questions of all rooms; each room adds its own."""

    questions: list[Question] = field(default_factory=list)

    def ask(self) -> float:
        """Ask every question once; returns the seconds that it took."""
        began = time.monotonic()
        for question in self.questions:
            try:
                question(AHEAD_SECONDS)
            except Exception:
                # A reader of the page will be told; until then the others stay warm.
                log.exception("a page's figures could not be worked out ahead")
        return time.monotonic() - began

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the answers warm, in a thread of its own, until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._keep, args=(ended,), name="warm", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=LONGEST_END_SECONDS)

    def _keep(self, ended: threading.Event) -> None:
        pace, wait, is_first = Pace(), 0.0, True
        _keep_for_good()
        while not ended.wait(wait):
            wait = pace.after(self.ask(), at=time.monotonic())
            if is_first:
                _keep_for_good()
            is_first = False


@dataclass(slots=True)
class Pace:
    """How long to wait between two looks; every moment and length in seconds."""

    _slow_at: float = -math.inf

    def after(self, took: float, *, at: float) -> float:
        """The wait after a look that ended at `at`.

        One that was quick says little while answers may still be kept: all were fresh.
        """
        if took >= SMALL_SECONDS:
            self._slow_at = at
        return LOOK_SECONDS if at - self._slow_at <= LONGEST_SECONDS else SMALL_LOOK_SECONDS


def _keep_for_good() -> None:
    """Spare what is loaded by now from the search for garbage: every page waits for its end.

    With all modules and words among it, one search takes a fifth of a second.
    """
    gc.collect()
    gc.freeze()


@dataclass(slots=True)
class DailyStatistics:
    """Lets the database count its rows, at the start of the pages and once a day after that."""

    database: Engine
    _due: float = 0.0

    def __call__(self, _ahead_seconds: float) -> None:
        """Count when a day is over."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + DAY_SECONDS
            refresh_statistics(self.database)
