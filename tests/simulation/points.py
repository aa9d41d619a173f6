"""Scheduling points and crash points: wherever the real engine touches the world outside.

Each call to Amazon, each transaction's beginning and each named checkpoint of the engine is one.
There a process may be slow, may be frozen for longer than its lease, or may die.
"""

from __future__ import annotations

from typing import Final

from simulation.setting import Setting
from simulation.world import SECOND, World

DELAYS: Final = tuple(
    int(seconds * SECOND) for seconds in (0.001, 0.05, 1, 8, 30, 61, 62, 300, 540)
)
"""Longer ones are past the lease of 60 seconds; the longest ends before the window to send."""

FROZEN: Final = (700 * SECOND, 4_000 * SECOND)
"""Only where a process is outside of its sending window's check."""

_SENDING: Final = frozenset({"charge.before_send", "send", "refund.before_send"})


class Points:
    """Called with the name of a point that the running task has reached."""

    def __init__(self, *, world: World, setting: Setting) -> None:
        self._world = world
        self._setting = setting
        self.quiet = False
        self.counts: dict[str, int] = {}

    def __call__(self, name: str) -> None:
        task = self._world.current
        if task is None:
            return
        if name == "begin":
            self._world.give_way()
        if self.quiet:
            return
        who, tape = task.process.name, self._world.tape
        if tape.choose(f"kill {who} {name}", 2, permille=self._setting.kill):
            self._told("kill", who, name)
            self._world.die()
        if self._setting.delay_only_at and name not in self._setting.delay_only_at:
            return
        delays = DELAYS if name in _SENDING else DELAYS + FROZEN
        late = tape.choose(f"delay {who} {name}", len(delays) + 1, permille=self._setting.delay)
        if late:
            self._told("freeze" if delays[late - 1] > 60 * SECOND else "delay", who, name)
            self._world.sleep(delays[late - 1])

    def _told(self, what: str, who: str, name: str) -> None:
        self._world.trace(f"{who} {what} at {name}")
        key = f"{what} at {name}"
        self.counts[key] = self.counts.get(key, 0) + 1
