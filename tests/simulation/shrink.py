"""Makes a failing world small: fewer days, fewer people, fewer and lower choices.

What is left out becomes 0, the boring choice; every step is kept only if the same invariant is
still broken. Order: horizon, people, choices (in ever smaller lumps), values.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from simulation.play import Played, play
from simulation.setting import Setting

Item = TypeVar("Item")


@dataclass(slots=True)
class Shrinker:
    """Holds the smallest failure so far; `seconds` bounds the whole search."""

    best: Played
    seconds: float = 60.0
    play: Callable[..., Played] = play
    tries: int = 0
    _started: float = field(default_factory=time.monotonic)

    def shrink(self) -> Played:
        """The smallest failure that the time allows; at worst the first one."""
        self._horizon()
        self._people()
        for _ in range(3):
            before = len(self.best.tape)
            self._choices()
            if len(self.best.tape) == before:
                break
        self._values()
        return self.best

    @property
    def _out_of_time(self) -> bool:
        return time.monotonic() - self._started > self.seconds

    def _holds(self, setting: Setting, tape: dict[str, int]) -> bool:
        if self._out_of_time:
            return False
        self.tries += 1
        played = self.play(setting, tape=tape)
        if played.violation != self.best.violation:
            return False
        self.best = played
        return True

    def _horizon(self) -> None:
        setting, days = self.best.setting, self.best.days_played + 1
        if days < setting.days:
            self._holds(replace(setting, days=days, settle_days=0), self.best.tape)
        elif days - setting.days < setting.settle_days:
            self._holds(replace(setting, settle_days=days - setting.days), self.best.tape)
        later = self.best.setting
        for days in (later.days // 4, later.days // 2):
            if days and self._holds(replace(later, days=days), self.best.tape):
                return

    def _people(self) -> None:
        setting = self.best.setting
        everybody = setting.only or tuple(range(setting.subscriptions))
        self._minimise(
            everybody,
            lambda some: self._holds(
                replace(self.best.setting, only=tuple(sorted(some))), self.best.tape
            ),
        )

    def _choices(self) -> None:
        def holds(some: Sequence[str]) -> bool:
            return self._holds(self.best.setting, {k: tape[k] for k in some})

        tape = self.best.tape
        self._minimise(tuple(tape), holds)

    def _minimise(self, items: Sequence[Item], holds: Callable[[Sequence[Item]], bool]) -> None:
        """Leave out lumps of items: first halves, at last single ones."""
        kept = list(items)
        lump = max(1, len(kept) // 2)
        while lump and not self._out_of_time:
            at = 0
            while at < len(kept):
                rest = kept[:at] + kept[at + lump :]
                if rest and holds(rest):
                    kept = rest
                else:
                    at += lump
            lump //= 2

    def _values(self) -> None:
        for label in list(self.best.tape):
            value = self.best.tape.get(label, 0)
            for lower in (1, value // 2):
                if 0 < lower < value and self._holds(
                    self.best.setting, self.best.tape | {label: lower}
                ):
                    break
