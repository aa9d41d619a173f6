"""Two programs at once: while a release is rolled out, some workers still run the old one.

The old program is this one with what releases change: waits, leases, batches, and how it spells
the bytes of a request. Whenever a task of an old process has its turn, its values are in place.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any, Final

from simulation.world import Process

Older = Callable[[Any], Any]


def _was(value: Any) -> Older:
    return lambda real: value


def respelled(body: bytes) -> bytes:
    """The same request as the old program spells it."""
    return json.dumps(json.loads(body), indent=1, sort_keys=True).encode()


def _spells(real: Any) -> Any:
    return lambda **said: respelled(real(**said))


OLD: Final[dict[str, Older]] = {
    "billing.charging.intend.LEASE": _was(timedelta(seconds=120)),
    "billing.charging.intend.charge_body": _spells,
    "billing.captures.intending.capture_body": _spells,
    "billing.captures.recording.LOOK_MINUTES": _was((10, 60)),
    "billing.charging.record.REPLAY_MINUTES": _was((5, 30)),
    "scheduler.run.REPLAY_WAITS": _was((1.0,)),
    "scheduler.run.SLICE": _was(50),
    "scheduler.run.RECORD_AT": _was(8),
    "scheduler.run.SILENCE_AFTER": _was(8),
    "scheduler.captures.REPLAY_WAITS": _was(()),
}


class Versions:
    """Puts the program of a process in place for its turn; processes with odd numbers are old."""

    def __init__(self) -> None:
        self._places: list[tuple[ModuleType, str, Any, Any]] = []
        self._old_is_in_place = False
        self.healed = False
        for dotted, older in OLD.items():
            module_name, _, name = dotted.rpartition(".")
            module = importlib.import_module(module_name)
            new = getattr(module, name)
            self._places.append((module, name, new, older(new)))

    def is_old(self, process: Process) -> bool:
        """Until the rollout is over."""
        return not self.healed and process.name in ("s1", "s3")

    def turn(self, process: Process) -> None:
        """Called before each turn of a task."""
        old = self.is_old(process)
        if old is not self._old_is_in_place:
            self._put(old=old)

    def end(self) -> None:
        """The newest program is in place again."""
        self._put(old=False)

    def _put(self, *, old: bool) -> None:
        self._old_is_in_place = old
        for module, name, new, older in self._places:
            setattr(module, name, older if old else new)
