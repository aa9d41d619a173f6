"""Virtual time and simulated processes: one thread, one heap of moments, greenlets that take turns.

A task runs until it waits; then the earliest next one runs, at its own moment. A process is a set
of tasks with a clock of its own; killing it throws `Killed` into each of its tasks, which undoes
an open transaction and nothing else, as the end of a real process does.
"""

from __future__ import annotations

import heapq
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from greenlet import greenlet

from simulation.tape import Tape

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_LINES: Final = 200


class Killed(BaseException):  # no Exception: nothing in a dying process may catch it
    """The process ends here and now."""


def instant(microseconds: int) -> datetime:
    """A moment of virtual time as an aware instant."""
    return _EPOCH + timedelta(microseconds=microseconds)


def moment(at: datetime) -> int:
    """An aware instant as microseconds of virtual time."""
    return (at - _EPOCH) // timedelta(microseconds=1)


@dataclass(slots=True, eq=False)
class Process:
    """One running program: a scheduler, or what somebody does at a screen."""

    name: str
    incarnation: int = 1
    skew: int = 0  # microseconds that its clock is ahead of the true time
    dead: bool = False
    tasks: set[Task] = field(default_factory=set)

    @property
    def worker_id(self) -> str:
        """Its name in the books; a process started anew is another worker."""
        return f"{self.name}/{self.incarnation}/sim"


@dataclass(slots=True, eq=False)
class Task:
    """One thread of a process; `ticket` tells its latest wake-up from those it outlived."""

    process: Process
    thread: greenlet
    ticket: int = 0


class World:
    """The clock, the tape and everything that runs."""

    def __init__(self, *, start: datetime, tape: Tape) -> None:
        self.now = moment(start)
        self.tape = tape
        self.current: Task | None = None
        self.killed: set[str] = set()
        self._lines: deque[tuple[int, str]] = deque(maxlen=_LAST_LINES)
        self.events = 0
        self._fingerprint = 0
        self._heap: list[tuple[int, int, Task | Callable[[], None], int]] = []
        self._sequence = 0
        self._hub = greenlet.getcurrent()
        self._dying: list[Process] = []
        self.failure: BaseException | None = None
        self.on_death: Callable[[Process], None] = lambda process: None
        self.on_turn: Callable[[Process], None] | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of the whole trace: the same tape gives the same."""
        return f"{self._fingerprint:08x}"

    def trace(self, line: str) -> None:
        """Note what happened; the last lines go into a failure's file."""
        self._fingerprint = zlib.crc32(f"{self.now} {line}".encode(), self._fingerprint)
        self._lines.append((self.now, line))

    @property
    def lines(self) -> list[str]:
        """The last lines of the trace, with their moments."""
        return [f"{instant(at):%Y-%m-%d %H:%M:%S.%f} {line}" for at, line in self._lines]

    def clock(self) -> datetime:
        """What the running process takes for the time."""
        task = self.current
        return instant(self.now + (task.process.skew if task else 0))

    def at(self, when: int, act: Callable[[], None]) -> None:
        """Have `act` called by the world itself at a moment."""
        self._push(when, act, 0)

    def spawn(self, process: Process, work: Callable[[], None]) -> Task:
        """A new task of a process; it begins after what is ready now."""
        task: Task

        def body() -> None:
            try:
                work()
            except Killed:
                pass
            except BaseException as error:
                # The hub raises it again: a fault of engine or world must not pass unseen.
                self.failure = self.failure or error
            finally:
                process.tasks.discard(task)

        task = Task(process, greenlet(body, self._hub))
        process.tasks.add(task)
        self.wake(task, self.now)
        return task

    def wake(self, task: Task, when: int) -> None:
        """Let a waiting task go on at a moment, whatever else it was waiting for."""
        task.ticket += 1
        self._push(when, task, task.ticket)

    def sleep(self, microseconds: int) -> None:
        """Let time pass for the running task. Raises `Killed` when its process ends meanwhile."""
        task = self.running()
        self.wake(task, self.now + max(0, microseconds))
        self.park(task)

    def give_way(self) -> None:
        """Let tasks that are ready now go first."""
        if self._heap and self._heap[0][0] <= self.now:
            self.sleep(0)

    def park(self, task: Task) -> None:
        """Stop until somebody wakes the running task."""
        self._hub.switch()
        if task.process.dead:
            raise Killed

    def running(self) -> Task:
        """The task whose turn it is."""
        if self.current is None:
            raise AssertionError("only a task of a process can wait")
        return self.current

    def die(self) -> None:
        """End the process of the running task."""
        self._mark_dead(self.running().process)
        raise Killed

    def kill(self, process: Process) -> None:
        """End a process from outside; called by the world, never by one of its own tasks."""
        if not process.dead:
            self._mark_dead(process)

    def run(self, *, until: int) -> None:
        """Let everything happen up to a moment."""
        while self._heap and self._heap[0][0] <= until:
            when, _, what, ticket = heapq.heappop(self._heap)
            if isinstance(what, Task):
                if ticket != what.ticket or what.thread.dead:
                    continue
                self._turn(when, what)
            else:
                self.now = max(self.now, when)
                what()
            self._bury()
            if self.failure is not None:
                raise self.failure
        self.now = max(self.now, until)

    def _turn(self, when: int, task: Task) -> None:
        self.now = max(self.now, when)
        self.events += 1
        self.current = task
        if self.on_turn is not None:
            self.on_turn(task.process)
        task.thread.switch()
        self.current = None

    def _push(self, when: int, what: Task | Callable[[], None], ticket: int) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (when, self._sequence, what, ticket))

    def _mark_dead(self, process: Process) -> None:
        process.dead = True
        self.killed.add(process.worker_id)
        self._dying.append(process)

    def _bury(self) -> None:
        """Unwind every task of dead processes; each comes back here when it is done."""
        while self._dying:
            process = self._dying.pop()
            for task in sorted(process.tasks, key=lambda task: task.ticket):
                self.current = task
                task.ticket += 1
                if self.on_turn is not None:
                    self.on_turn(process)
                if task.thread:
                    task.thread.throw(Killed)
                self.current = None
            process.tasks.clear()
            self.on_death(process)

    def tasks(self) -> list[Task]:
        """Those that wait for a moment, in the order of it."""
        return [
            what
            for _, _, what, _ in sorted(self._heap, key=lambda e: e[:2])
            if isinstance(what, Task)
        ]

    def end(self) -> None:
        """Unwind everything that still waits, so that no frame outlives the world."""
        self.on_death = lambda process: None
        processes = {what.process for _, _, what, _ in self._heap if isinstance(what, Task)}
        for process in sorted(processes, key=lambda process: process.name):
            self.kill(process)
        self._bury()
        self._heap.clear()
