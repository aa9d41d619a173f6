"""Keeps answers that took long, for a time in proportion to what they cost.

A shop whose figures are read in a few milliseconds always sees the newest ones. Where a question
costs a second, it is asked once in a while and by one reader, while the others see the last answer.
"""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Answer = TypeVar("Answer")

# Below this nothing is kept; above, an answer is kept for so many times what it took.
QUICK_SECONDS = 0.025
KEPT_TIMES = 100
LONGEST_SECONDS = 600.0
MOST_KEPT = 200


@dataclass(slots=True)
class _Kept:
    answer: Any
    until: float
    asked: bool = False


@dataclass(slots=True)
class Remembered:
    """Answers of one process; safe to use from any thread."""

    seconds: Callable[[], float] = time.monotonic
    _kept: dict[Hashable, _Kept] = field(default_factory=dict)
    _locks: dict[Hashable, threading.Lock] = field(default_factory=dict)
    _all: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, ask: Callable[[], Answer]) -> Answer:
        """The answer to a question that `key` names: a kept one, or a new one.

        Of several who want an old answer renewed one asks, the others get the old one.
        """
        kept = self._fresh_or_asked(key)
        if kept is not None:
            answer: Answer = kept.answer
            return answer
        with self._lock(key):
            kept = self._kept.get(key)
            if kept is not None and kept.until > self.seconds():
                answer = kept.answer
                return answer
            return self._ask(key, ask)

    def _fresh_or_asked(self, key: Hashable) -> _Kept | None:
        """What need not be asked for now: it is fresh, or somebody is just asking."""
        with self._all:
            kept = self._kept.get(key)
            if kept is None or kept.until > self.seconds() or kept.asked:
                return kept
            kept.asked = True
            return None

    def _ask(self, key: Hashable, ask: Callable[[], Answer]) -> Answer:
        began = self.seconds()
        try:
            answer = ask()
        except BaseException:
            self._kept.pop(key, None)
            raise
        took = self.seconds() - began
        with self._all:
            if took < QUICK_SECONDS:
                self._kept.pop(key, None)
            else:
                while len(self._kept) >= MOST_KEPT:
                    self._kept.pop(next(iter(self._kept)))
                kept_for = min(LONGEST_SECONDS, took * KEPT_TIMES)
                self._kept[key] = _Kept(answer, began + took + kept_for)
        return answer

    def _lock(self, key: Hashable) -> threading.Lock:
        with self._all:
            return self._locks.setdefault(key, threading.Lock())
