"""Keeps answers that took long, for a time in proportion to what they cost.

A shop whose figures are read in a few milliseconds always sees the newest ones. Where a question
costs a second, it is asked once in a while and by one reader, while the others see the last answer;
`oldest_shown` says of what time that is, and every page repeats it at its foot. On a server nobody
waits for a new answer where there is one that is not too old: it is made aside.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)

# Below this nothing is kept; above, an answer is kept for so many times what it took.
QUICK_SECONDS = 0.025
KEPT_TIMES = 100
LONGEST_SECONDS = 600.0
MOST_KEPT = 200
# Readers wait so long, in parts of its time, for whoever keeps an answer warm before they ask.
GRACE = 0.5
# An answer is shown for so many times its time while a new one is made aside; then readers wait.
AGED = 2.0

# Every request is handled in a context of its own.
_oldest: ContextVar[datetime | None] = ContextVar("oldest_shown", default=None)


def oldest_shown() -> datetime | None:
    """Of what moment the oldest kept answer on this page is; None when all were asked just now."""
    return _oldest.get()


@dataclass(slots=True)
class _Kept:
    answer: Any
    since: float
    until: float
    at: datetime | None
    asked: bool = False
    is_warm: bool = False


def aside(work: Callable[[], None]) -> None:
    """Do it in a thread of its own, which nobody waits for."""
    threading.Thread(target=work, daemon=True).start()


@dataclass(slots=True)
class Remembered:
    """Answers of one process; safe to use from any thread.

    `renew` begins to make a new answer while the old one is shown, as `aside` does; without it
    the reader who finds an answer too old waits for the new one.
    """

    seconds: Callable[[], float] = time.monotonic
    renew: Callable[[Callable[[], None]], None] | None = None
    _kept: dict[Hashable, _Kept] = field(default_factory=dict)
    _locks: dict[Hashable, threading.Lock] = field(default_factory=dict)
    _all: threading.Lock = field(default_factory=threading.Lock)

    def get(
        self,
        key: Hashable,
        ask: Callable[[], Answer],
        *,
        at: datetime | None = None,
        ahead_seconds: float = 0.0,
    ) -> Answer:
        """The answer to a question that `key` names: a kept one, or a new one.

        Of several who want an old answer renewed one asks, the others get the old one; with `renew`
        all of them do, unless it is older than `AGED` times its time. `at` is the moment that a
        new answer is of. Who keeps answers warm renews them `ahead_seconds`
        before they are too old for readers; where that is late, readers are shown the old one for
        half of its time more, and ask then.
        """
        kept = self._fresh_or_asked(key, ahead_seconds)
        if kept is None:
            kept = None if ahead_seconds else self._aged(key)
            if kept is None or not self._begun(lambda: self._renewed(key, ask, at)):
                kept = self._asked(key, ask, at, ahead_seconds)
        _note(kept.at)
        answer: Answer = kept.answer
        return answer

    def _asked(
        self, key: Hashable, ask: Callable[[], Any], at: datetime | None, ahead_seconds: float
    ) -> _Kept:
        with self._lock(key):
            kept = self._kept.get(key)
            if kept is None or kept.until - ahead_seconds <= self.seconds():
                kept = self._ask(key, ask, at)
                kept.is_warm = ahead_seconds > 0
            return kept

    def _begun(self, work: Callable[[], None]) -> bool:
        """Whether somebody else makes the new answer."""
        if self.renew is None:
            return False
        try:
            self.renew(work)
        except RuntimeError:  # no thread is to be had: whoever asks must wait
            return False
        return True

    def _renewed(self, key: Hashable, ask: Callable[[], Any], at: datetime | None) -> None:
        try:
            self._asked(key, ask, at, 0.0)
        except Exception:
            # The old answer is forgotten: the next reader asks, and is told what went wrong.
            log.exception("an answer could not be renewed aside")

    def _aged(self, key: Hashable) -> _Kept | None:
        """An answer that may still be shown while a new one is made."""
        with self._all:
            kept = self._kept.get(key)
            if kept is None or kept.since + AGED * (kept.until - kept.since) <= self.seconds():
                return None
            return kept

    def knows(self, key: Hashable) -> bool:
        """Whether an answer to this question is kept, fresh or old."""
        return key in self._kept

    def _fresh_or_asked(self, key: Hashable, ahead_seconds: float) -> _Kept | None:
        """What need not be asked for now: it is fresh, or somebody is just asking."""
        with self._all:
            kept = self._kept.get(key)
            if kept is None or kept.asked:
                return kept
            grace = kept.until - kept.since if kept.is_warm and not ahead_seconds else 0.0
            if kept.until + GRACE * grace - ahead_seconds > self.seconds():
                return kept
            kept.asked = True
            return None

    def _ask(self, key: Hashable, ask: Callable[[], Any], at: datetime | None) -> _Kept:
        began = self.seconds()
        before = _oldest.set(None)
        try:
            answer = ask()
        except BaseException:
            self._kept.pop(key, None)
            raise
        finally:
            inside = _oldest.get()
            _oldest.reset(before)
        # An answer made of kept ones is as old as the oldest of them.
        at = min((each for each in (at, inside) if each is not None), default=None)
        took = self.seconds() - began
        kept_for = min(LONGEST_SECONDS, took * KEPT_TIMES)
        found = _Kept(answer, began + took, began + took + kept_for, at)
        with self._all:
            if took < QUICK_SECONDS:
                self._kept.pop(key, None)
                return _Kept(answer, 0.0, 0.0, inside)
            self._forget(began)
            self._kept[key] = found
        return found

    def _forget(self, now: float) -> None:
        """Drop what nobody has asked for in long, as the forecasts of days that are over."""
        for key in [k for k, kept in self._kept.items() if kept.until + LONGEST_SECONDS < now]:
            del self._kept[key]
        while len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))

    def _lock(self, key: Hashable) -> threading.Lock:
        with self._all:
            return self._locks.setdefault(key, threading.Lock())


def _note(at: datetime | None) -> None:
    known = _oldest.get()
    if at is not None and (known is None or at < known):
        _oldest.set(at)
