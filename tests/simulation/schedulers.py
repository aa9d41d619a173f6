"""The scheduler processes: each runs the real engine again and again, dies, and is started anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import DBAPIError

from scheduler import AmazonSilent, RunStopped
from simulation.books import instant_of
from simulation.setting import Setting
from simulation.shop import Shop
from simulation.store import Store
from simulation.world import DAY, SECOND, Process, World, moment

_LONGEST_IDLE: Final = {"live": 20 * 3_600 * SECOND, "sandbox": 5 * DAY}
"""In live a run must come before the clock counts as one that jumped."""

_LOOKS_PER_CHAINING: Final = 16
_RESTARTS: Final = tuple(seconds * SECOND for seconds in (2, 60, 600, 7_200, 100_000))

_MOMENTS: Final = (
    "SELECT MIN(due_at) AS at FROM subscription WHERE due_at IS NOT NULL AND due_at {} ?",
    "SELECT MIN(due_at) AS at FROM slot WHERE state = 'due' AND due_at {} ?",
    "SELECT MIN(look_at) AS at FROM attempt "
    "WHERE state IN ('intended', 'in_doubt', 'pending') AND look_at {} ?",
    "SELECT MIN(look_at) AS at FROM refund "
    "WHERE state IN ('intended', 'in_doubt', 'pending') AND look_at {} ?",
    "SELECT MIN(look_at) AS at FROM act "
    "WHERE state IN ('intended', 'in_doubt', 'pending') AND look_at {} ?",
    "SELECT MIN(look_at) AS at FROM attempt WHERE state = 'authorized' AND look_at {} ?",
)
_UNSETTLED = "SELECT 1 FROM attempt WHERE state IN ('intended', 'in_doubt', 'pending') LIMIT 1"
_WAITING = "SELECT 1 FROM slot WHERE state = 'waiting_buyer' LIMIT 1"


class Schedulers:
    """Keeps `setting.schedulers` processes going."""

    def __init__(self, *, world: World, shop: Shop, store: Store, setting: Setting) -> None:
        self._world = world
        self._shop = shop
        self._store = store
        self._setting = setting
        self.running: dict[str, Process] = {}
        self.starts = 0
        self.quiet = False
        self.counts: dict[str, int] = {}
        self.deliver: Callable[[Shop], None] = lambda shop: None
        self._looks = 0

    def start(self) -> None:
        """Start every process; later ones a little later."""
        for number in range(self._setting.schedulers):
            name = f"s{number}"
            self._world.at(self._world.now + number * SECOND, lambda n=name: self._begin(n, 1))

    def restarted(self, process: Process) -> None:
        """A process died: a supervisor starts it anew, sooner or later."""
        if self.running.get(process.name) is not process:
            return
        late = 0 if self.quiet else self._world.tape.choose("restart", len(_RESTARTS))
        self._world.at(
            self._world.now + _RESTARTS[late],
            lambda: self._begin(process.name, process.incarnation + 1),
        )

    def stop_all(self) -> None:
        """No process is started anew until `start`: somebody works at the books."""
        self.running.clear()

    def look_into_inbox(self) -> None:
        """Let the first process that runs look into what notifications name."""
        process = next((each for each in self.running.values() if not each.dead), None)
        if process is not None:
            self._world.spawn(process, self._look_into_inbox)

    def _look_into_inbox(self) -> None:
        try:
            self._shop.engine.process_notifications()
        except (RunStopped, AmazonSilent, DBAPIError) as problem:
            self._count(type(problem).__name__)

    def heal(self) -> None:
        """From now on every clock is right."""
        self.quiet = True
        for process in self.running.values():
            process.skew = 0

    def _begin(self, name: str, incarnation: int) -> None:
        process = Process(name, incarnation, skew=self._skew(name))
        self.running[name] = process
        self.starts += 1
        self._world.trace(f"{name} starts, clock {process.skew // SECOND:+d} s")
        self._world.spawn(process, self._charge_for_ever)
        self._world.spawn(process, self._watch_for_ever)
        if self._setting.mails is not None:
            self._world.spawn(process, lambda: self.deliver(self._shop))

    def _skew(self, name: str) -> int:
        most = 0 if self.quiet else self._setting.skew_seconds
        choice = self._world.tape.choose(f"skew {name}", 3) if most else 0
        return (0, most, -most)[choice] * SECOND

    def _charge_for_ever(self) -> None:
        idle = self._tick
        while True:
            self._maybe_jump()
            idle = self._tick if self._charge() else min(2 * idle, self._longest_idle)
            self._world.sleep(self._until_next(idle))

    @property
    def _tick(self) -> int:
        return self._setting.tick_seconds * SECOND

    @property
    def _longest_idle(self) -> int:
        return _LONGEST_IDLE[self._setting.environment]

    def _charge(self) -> bool:
        """One tick; True when there was something to do."""
        try:
            report = self._shop.engine.run_due()
        except (RunStopped, AmazonSilent, DBAPIError) as problem:
            self._count(type(problem).__name__)
            self._world.trace(f"{self._name()} run ends: {type(problem).__name__}")
            return False
        done = report.cycles_opened + report.slots_handled + sum(report.outcomes.values())
        done += sum(report.acts.values())
        if done:
            self._world.trace(f"{self._name()} ran: {done}")
        return bool(done or report.refunds)

    def _watch_for_ever(self) -> None:
        while True:
            self._world.sleep(self._setting.watch_hours * 3_600 * SECOND)
            try:
                self._look_around()
            except (RunStopped, AmazonSilent, DBAPIError) as problem:
                self._count(type(problem).__name__)

    def _look_around(self) -> None:
        """The jobs beside charging, each where it has something to do."""
        engine = self._shop.engine
        if self._store.rows(_WAITING):
            engine.watch_and_charge()
        if self._store.rows(_UNSETTLED):
            engine.clear_doubts()
        # Every minute in earnest; here it only has to meet crashes and rivals now and then.
        self._looks += 1
        if self._looks % _LOOKS_PER_CHAINING == 0:
            engine.chain_books()

    def _until_next(self, idle: int) -> int:
        """How long there is nothing to do: ticks that would find nothing are not played."""
        now = f"{self._world.clock():%Y-%m-%d %H:%M:%S.%f}"
        if not any(self._moments("<=", now)):
            idle = self._longest_idle
        coming = [at for at in self._moments(">", now) if at]
        if not coming:
            return idle
        ahead = moment(instant_of(min(coming))) - moment(self._world.clock())
        # A tick comes at its own second of the minute, so processes do not march in step.
        phase = sum(self._name().encode()) % 7 if self._setting.schedulers > 1 else 0
        return min(idle, max(self._tick, ahead + (1 + phase) * SECOND))

    def _moments(self, which: str, now: str) -> list[str | None]:
        return [self._store.rows(sql.format(which), now)[0]["at"] for sql in _MOMENTS]

    def _maybe_jump(self) -> None:
        if self.quiet or not self._setting.clock_jump:
            return
        process = self._world.running().process
        rate = self._setting.clock_jump
        jump = self._world.tape.choose(f"jump {process.name}", 3, permille=rate)
        if not jump or process.skew > DAY or process.skew < -DAY // 2:
            return
        ahead = self._setting.environment == "live" and jump == 1
        before, process.skew = process.skew, 30 * 3_600 * SECOND if ahead else -DAY
        self._count("clock jumped ahead" if ahead else "clock jumped back")
        self._world.trace(f"{process.name} clock jumps {'ahead' if ahead else 'back'}")
        self._world.at(self._world.now + 1_200 * SECOND, lambda: _repair(process, before))

    def _name(self) -> str:
        return self._world.running().process.name

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _repair(process: Process, skew: int) -> None:
    process.skew = skew
