"""Memory of the worker while very many renewals are due: how high, and whether it grows.

    python -m scripts.benchmarks.memory [--due N] [--renewals N] [--kind KIND] [--every SECONDS]

The renewals that are charged are a small part of what is due. Seen alone, it also prints the memory
every so many seconds.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

from scripts.benchmarks.due_books import DueBooks
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.processes import memory_kb
from scripts.benchmarks.renewals import PATIENCE_SECONDS, WORKERS
from scripts.benchmarks.rig import Kind, opened_rig, stop_postgres

KINDS: tuple[Kind, ...] = ("postgresql", "sqlite")
REQUIRED_MB = 300
# "Flat": the second half of the run may take so much more than the first half.
REQUIRED_GROWTH = 1.1
LOOK_EVERY_SECONDS = 0.5
# Charged before it counts: what a worker needs to start is no growth.
WARM_UP_SHARE = 5


class Memory:
    """Looks at the memory of processes twice a second until it is closed."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self.seen: list[tuple[float, int]] = []
        self._done = Event()
        self._thread = Thread(target=self._look)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        began = time.monotonic()
        while not self._done.wait(LOOK_EVERY_SECONDS):
            self.seen.append((time.monotonic() - began, max(map(memory_kb, self._pids))))

    @property
    def peak_mb(self) -> float | None:
        """The highest memory of one process; None where the system does not tell."""
        return max((kb for _, kb in self.seen), default=0) / 1_000 or None

    @property
    def growth(self) -> float | None:
        """Median of the second half over that of the first; None with too little to see."""
        held = [kb for _, kb in self.seen]
        half = len(held) // 2
        if half < 5 or not self.peak_mb:
            return None
        return statistics.median(held[half:]) / statistics.median(held[:half])


def measure(
    *, folder: Path, due: int, renewals: int, kinds: Sequence[Kind] = KINDS
) -> list[Figure]:
    """The largest worker while it charges `renewals` of `due`, on each database."""
    figures: list[Figure] = []
    for kind in kinds:
        figures += _figures(kind, due, _watched(kind, folder / kind, due, renewals))
    return figures


def _watched(kind: Kind, folder: Path, due: int, renewals: int) -> Memory:
    folder.mkdir(parents=True, exist_ok=True)
    with opened_rig(
        DueBooks(due=due), kind=kind, folder=folder / "due", chargeable=renewals
    ) as rig:
        rig.start_workers(WORKERS[kind])
        rig.wait_until_answered(renewals // WARM_UP_SHARE, seconds=PATIENCE_SECONDS)
        with closing(Memory([process.pid for process in rig.processes])) as memory:
            rig.wait_until_answered(renewals, seconds=PATIENCE_SECONDS)
        rig.end_workers()
    return memory


def _figures(kind: Kind, due: int, memory: Memory) -> list[Figure]:
    name = f"{kind}: {due:,} due"
    return [
        Figure(
            name=f"{name}, memory of the largest worker",
            value=memory.peak_mb,
            unit="MB",
            required=REQUIRED_MB,
            bound="at most",
        ),
        Figure(
            name=f"{name}, memory of the second half ÷ the first",
            value=memory.growth,
            unit="",
            required=REQUIRED_GROWTH,
            bound="at most",
        ),
    ]


def main() -> None:
    """Measure as told, print the memory over time and each figure."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--due", type=int, default=1_000_000)
    asked.add_argument("--renewals", type=int, default=40_000)
    asked.add_argument("--kind", choices=KINDS, default=None)
    asked.add_argument("--every", type=float, default=10.0, metavar="SECONDS")
    given = asked.parse_args()
    kinds: tuple[Kind, ...] = KINDS if given.kind is None else (given.kind,)
    try:
        for kind in kinds:
            with tempfile.TemporaryDirectory(prefix="autopay-bench-") as folder:
                memory = _watched(kind, Path(folder), given.due, given.renewals)
            step = max(1, int(given.every / LOOK_EVERY_SECONDS))
            for second, kb in memory.seen[::step]:
                print(f"{kind}: {second:7.1f} s  {kb / 1_000:6.1f} MB", flush=True)
            for figure in _figures(kind, given.due, memory):
                value = "not measured" if figure.value is None else f"{figure.value:,.2f}"
                print(f"{figure.name}: {value} {figure.unit}", flush=True)
    finally:
        stop_postgres()


if __name__ == "__main__":
    main()
