"""Stands in for the threads of `scheduler.senders`: the same promises, but tasks of the world."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from simulation.world import SECOND, Task, World

_LONGEST_STRETCH = 4 * SECOND
_DROPPED = object()


class SimulatedSenders:
    """So many calls at once; results come back in the order in which they were answered."""

    world: World

    def __class_getitem__(cls, _result: Any) -> type:
        return cls

    def __init__(self, make_client: Callable[[], Any], *, threads: int = 16) -> None:
        self._client = make_client()
        self._threads = threads
        self._jobs: deque[tuple[Any, Any, int]] = deque()
        self._results: list[Any] = []
        self._running = 0
        self._waiting: Task | None = None
        self._stretch = 0
        self._dropping = False
        self._asleep: list[Task] = []
        self.outstanding = 0

    def submit(
        self,
        call: Callable[[Any], Any],
        *,
        failed: Callable[[Exception], Any],
        wait_seconds: float = 0.0,
    ) -> None:
        self.outstanding += 1
        self._jobs.append((call, failed, self.world.now + int(wait_seconds * SECOND)))
        self._start()

    def collect(self, *, wait_seconds: float) -> list[Any]:
        self._start()
        if not self._results and wait_seconds > 0:
            self._wait(int(wait_seconds * SECOND))
        results, self._results = self._results, []
        self.outstanding -= len(results)
        if results:
            self._stretch = 0
        if not self.outstanding:
            self._dropping = False
        return [result for result in results if result is not _DROPPED]

    def drop_waiting(self) -> None:
        self._dropping = True
        for task in self._asleep:
            self.world.wake(task, self.world.now)

    def settle(self) -> None:
        self.drop_waiting()
        while self.outstanding:
            self.collect(wait_seconds=1.0)

    def _wait(self, microseconds: int) -> None:
        # A thread may oversleep. Doing so makes hours of waiting cost few turns of the run.
        self._stretch = min(_LONGEST_STRETCH, max(microseconds, 2 * self._stretch))
        task = self.world.running()
        self._waiting = task if self._running else None
        self.world.wake(task, self.world.now + self._stretch)
        self.world.park(task)
        self._waiting = None

    def _start(self) -> None:
        process = self.world.running().process
        while self._jobs and self._running < self._threads:
            self._running += 1
            self.world.spawn(process, partial(self._work, self._jobs.popleft()))

    def _work(self, job: tuple[Any, Any, int]) -> None:
        call, failed, not_before = job
        if not_before > self.world.now and not self._dropping:
            self._asleep.append(self.world.running())
            self.world.sleep(not_before - self.world.now)
            self._asleep.remove(self.world.running())
        if self._dropping and not_before > self.world.now:
            result = _DROPPED
        else:
            result = self._result(call, failed)
        # Only now: the call may have slept, and the list may be another one since.
        self._results.append(result)
        self._running -= 1
        self._next()

    def _result(self, call: Callable[[Any], Any], failed: Callable[[Exception], Any]) -> Any:
        try:
            return call(self._client)
        except Exception as error:
            return failed(error)

    def _next(self) -> None:
        if self._jobs:
            self._running += 1
            self.world.spawn(
                self.world.running().process, partial(self._work, self._jobs.popleft())
            )
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.world.wake(waiting, self.world.now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the threads finish what they have, as joining them does."""
        self._start()
        while self._running and not self.world.running().process.dead:
            self.world.sleep(SECOND)


def senders_of(world: World) -> type:
    """A class with the interface of `scheduler.senders.Senders`, for one world."""
    return type("SendersOfWorld", (SimulatedSenders,), {"world": world})
