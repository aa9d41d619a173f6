"""Senders without threads: the calls of a run are made one after another, in its own thread.

So a death at a named point, raised as an exception that nothing catches, ends the whole run, as
SIGKILL ends the whole process; and a cell of the crash matrix costs milliseconds.
"""

import sys
from collections import deque
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, Self

import pytest

import scheduler.refunds
import scheduler.run
from billing import checkpoints
from billing.store import database, merchants
from scheduler.senders import Senders


class Killed(BaseException):
    """The process dies here: nothing of it is caught, recorded or cleaned up."""


class Killer:
    """Dies at the named points, one after another, each the first time it is reached."""

    def __init__(self) -> None:
        self.points: list[str] = []
        self.passed: set[str] = set()

    def __call__(self, name: str) -> None:
        self.passed.add(name)
        if self.points and self.points[0] == name:
            self.points.pop(0)
            raise Killed(name)


KILLER = Killer()
checkpoints.observe(KILLER)


class TurnSenders:
    """The interface of `scheduler.senders.Senders`; a call is made when its result is wanted."""

    def __class_getitem__(cls, _result: Any) -> type:
        return cls

    def __init__(self, make_client: Callable[[], Any], *, threads: int = 16) -> None:
        self._client = make_client()
        self._jobs: deque[tuple[Callable[[Any], Any], Callable[[Exception], Any]]] = deque()
        self.outstanding = 0

    def submit(
        self,
        call: Callable[[Any], Any],
        *,
        failed: Callable[[Exception], Any],
        wait_seconds: float = 0.0,
    ) -> None:
        self.outstanding += 1
        self._jobs.append((call, failed))

    def collect(self, *, wait_seconds: float) -> list[Any]:
        if not self._jobs:
            return []
        call, failed = self._jobs.popleft()
        try:
            result = call(self._client)
        except Exception as error:
            result = failed(error)
        self.outstanding -= 1
        return [result]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        while self._jobs and kind is not Killed:
            self.collect(wait_seconds=0.0)
        self.close()

    def close(self) -> None:
        self._client.close()


def users() -> list[ModuleType]:
    """Every module of the scheduler that makes senders."""
    loaded = [m for name, m in sys.modules.items() if name.startswith("scheduler.")]
    return [m for m in loaded if getattr(m, "Senders", None) is Senders]


def install(patch: pytest.MonkeyPatch) -> None:
    """No threads, no real waiting, and no waiting for a disk that nobody unplugs."""
    for module in users():
        patch.setattr(module, "Senders", TurnSenders)
    patch.setattr(scheduler.run, "REPLAY_WAITS", ())
    patch.setattr(scheduler.refunds, "REPLAY_WAITS", ())
    patch.setattr(scheduler.run, "THROTTLED_WAIT", 0.0)
    # A killed process loads its key anew; that takes 60 ms and is not what is tried here.
    patch.setattr(merchants, "load_private_key", cache(merchants.load_private_key))
    quick = [p for p in database.PRAGMAS if not p.startswith(("synchronous", "journal_mode"))]
    patch.setattr(database, "PRAGMAS", (*quick, "synchronous=OFF", "journal_mode=MEMORY"))
