"""Puts the real engine on the simulated stage: virtual time, simulated threads, named workers.

Every module of the engine that looks at a clock, draws lots or starts threads does so through a
name that is replaced here, and put back afterwards. Nothing of the engine is copied.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

import scheduler.senders
from amazonpay import exchange
from billing.protocol import checkpoints
from scheduler import identity
from simulation.senders import senders_of
from simulation.telling import AtOnce
from simulation.world import SECOND, World

ROOMS: Final = ("scheduler", "billing", "amazonpay")


class VirtualTime:
    """Looks like the module `time`, as far as the engine uses it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        return self._world.now / SECOND

    def monotonic_ns(self) -> int:
        """The same in nanoseconds."""
        return self._world.now * 1_000

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._world.sleep(int(seconds * SECOND))


class VirtualLots:
    """Looks like the module `random`, as far as the engine uses it: always the same."""

    def uniform(self, low: float, high: float) -> float:
        """The middle."""
        return (low + high) / 2


@contextmanager
def on_stage(world: World, *, one_host: bool, point: Any) -> Iterator[None]:
    """Run the engine's modules on this world's time until the block ends."""

    def this_worker() -> str:
        return world.running().process.worker_id

    def dead_workers(worker_ids: Iterable[str], *_said: Any, **_more: Any) -> set[str]:
        if not one_host:
            return set()
        return {worker for worker in worker_ids if worker.partition("#")[0] in world.killed}

    stand_ins = {
        id(time): VirtualTime(world),
        id(random): VirtualLots(),
        id(scheduler.senders.Senders): senders_of(world),
        id(identity.this_worker): this_worker,
        id(identity.dead_workers): dead_workers,
        id(ThreadPoolExecutor): AtOnce,
        # The real one gives what is done by its place in memory.
        id(as_completed): list,
        # The request as it was signed goes to the network: no httpx object is made of it.
        id(exchange._outgoing): lambda request: request,
    }
    put_back = [*_replaced(stand_ins)]
    observer = lambda name: point(name)  # noqa: E731 - a fresh object, to be removed by identity
    checkpoints.observe(observer)
    try:
        yield
    finally:
        checkpoints._observers.remove(observer)
        for module, name, value in put_back:
            setattr(module, name, value)


def _replaced(stand_ins: dict[int, Any]) -> Iterator[tuple[ModuleType, str, Any]]:
    for module_name, module in sorted(sys.modules.items()):
        if module is None or module_name.partition(".")[0] not in ROOMS:
            continue
        if module_name.startswith("amazonpay.sandbox"):
            continue
        for name, value in list(vars(module).items()):
            stand_in = stand_ins.get(id(value))
            if stand_in is not None:
                yield module, name, value
                setattr(module, name, stand_in)
