"""The engine at work: durable renewals a second, their memory, and claims a second.

Worker processes charge renewals that are all due at once, through the stock client with signing,
at a local Amazon Pay of its own process that verifies every signature. Throttle and pacing off.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import Connection, Engine, text

from billing import claim_unsettled, load_merchant, reading, writing
from scripts.benchmarks.due_books import MERCHANT, DueBooks
from scripts.benchmarks.figures import Figure, per_second
from scripts.benchmarks.machine import SIGNING_LIMIT, MachineLimit
from scripts.benchmarks.processes import memory_kb
from scripts.benchmarks.rig import Kind, Rig, RigFailed, opened_rig

REQUIRED_PER_SECOND = 400
REQUIRED_CLAIMS = 15_000
REQUIRED_MB = 300
# Ten years of history may not cost more than turns side by side differ on a busy machine.
REQUIRED_SHARE_OLD = 0.8
# "Flat": the second half of the run may take so much more than the first half.
REQUIRED_GROWTH = 1.1
WORKERS: dict[Kind, int] = {"postgresql": 2, "sqlite": 1}
REQUIRED_FAST = 550
FAST = {"AUTOPAY_TRANSPORT": "fast"}
BARE_COMMITS = "bare commits/s of the same database"
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is played: renewals that are charged, and renewals due while memory is watched."""

    renewals: int
    due: int
    old: int


def measure(*, folder: Path, size: Size, limit: MachineLimit) -> list[Figure]:
    """All figures on both databases."""
    kinds: Sequence[Kind] = ("postgresql", "sqlite")
    return [
        figure
        for kind in kinds
        for figure in (
            *_renewals(kind, folder / kind, size, limit),
            *_many_due(kind, folder / kind, size),
        )
    ]


def _renewals(kind: Kind, folder: Path, size: Size, limit: MachineLimit) -> list[Figure]:
    books = DueBooks(due=size.renewals)
    with opened_rig(books, kind=kind, folder=folder / "new", chargeable=size.renewals) as rig:
        commits = _bare_commits(rig.database)
        rate = _rate(rig, size.renewals)
    with opened_rig(books, kind=kind, folder=folder / "fast", chargeable=size.renewals) as rig:
        rig.environment |= FAST
        fast = _rate(rig, size.renewals)
    with opened_rig(
        DueBooks(due=size.old, years=10), kind=kind, folder=folder / "old", chargeable=size.old
    ) as rig:
        old = _rate(rig, size.old)
    return [
        Figure(name=f"{kind}: bare commits", value=commits, unit="per second"),
        Figure(
            name=f"{kind}: durable renewals, {WORKERS[kind]} workers",
            value=rate,
            unit="per second",
            required=REQUIRED_PER_SECOND,
            ratio=rate / limit.signs_per_second,
            ratio_to=SIGNING_LIMIT,
        ),
        Figure(
            name=f"{kind}: the same with the fast transport",
            value=fast,
            unit="per second",
            # One process has one interpreter: on SQLite it is that which sets the pace.
            required=REQUIRED_FAST if kind == "postgresql" else None,
            ratio=fast / limit.signs_per_second,
            ratio_to=SIGNING_LIMIT,
        ),
        Figure(
            name=f"{kind}: the same ÷ bare commits",
            value=rate / commits,
            unit="",
            ratio=rate / commits,
            ratio_to=BARE_COMMITS,
        ),
        Figure(
            name=f"{kind}: speed with ten years of history ÷ speed of new ones",
            value=old / rate,
            unit="",
            required=REQUIRED_SHARE_OLD,
        ),
    ]


def _rate(rig: Rig, renewals: int) -> float:
    """Renewals a second between the first and the last tenth: starting up is not what counts."""
    rig.start_workers(WORKERS["sqlite" if "sqlite" in rig.url else "postgresql"])
    done = rig.wait_until_answered(renewals, seconds=PATIENCE_SECONDS)
    rig.end_workers()
    first, last = done[renewals // 10], done[renewals * 9 // 10]
    return (renewals * 9 // 10 - renewals // 10) / (last - first).total_seconds()


def _bare_commits(database: Engine) -> float:
    """One row, one transaction, one thread: what the database itself takes for being durable."""
    create = "CREATE TABLE bare (n INTEGER)"
    writing(database, lambda connection: connection.execute(text(create)) and None)
    insert = text("INSERT INTO bare VALUES (1)")
    return per_second(
        lambda: writing(database, lambda connection: connection.execute(insert) and None),
        seconds=1.5,
    )


def _many_due(kind: Kind, folder: Path, size: Size) -> list[Figure]:
    """Charge a few thousand while very many are due, and claim what was left in doubt."""
    with opened_rig(
        DueBooks(due=size.due), kind=kind, folder=folder / "due", chargeable=size.renewals
    ) as rig:
        rig.start_workers(WORKERS[kind])
        # What a worker needs to start does not count.
        rig.wait_until_answered(size.renewals // 5, seconds=PATIENCE_SECONDS)
        with closing(_Memory([process.pid for process in rig.processes])) as memory:
            rig.wait_until_answered(size.renewals, seconds=PATIENCE_SECONDS)
        rig.end_workers()
        claims = _claims(rig)
    name = f"{kind}: {size.due:,} due"
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
        Figure(
            name=f"{name}, claims",
            value=claims,
            unit="per second",
            required=REQUIRED_CLAIMS if kind == "postgresql" else None,
        ),
    ]


def _claims(rig: Rig) -> float:
    """Attempts that a dead worker left, claimed 200 at a time by their due moment."""
    with reading(rig.database) as connection:
        merchant = load_merchant(connection, MERCHANT)
    now = datetime.now(UTC)
    wanted = "UPDATE attempt SET state = 'in_doubt', charge_id = 'S' || id WHERE state = 'captured'"

    def leave(connection: Connection) -> int:
        return connection.execute(text(wanted)).rowcount

    left = writing(rig.database, leave)
    began, claimed = time.perf_counter(), 0
    at = now + timedelta(days=1)
    while found := claim_unsettled(
        rig.database, merchant, at=at, worker_id="bench", dead_workers=(), limit=200
    ):
        claimed += len(found)
    if claimed < left:
        raise RigFailed(f"{claimed} of {left} attempts were claimed")
    return claimed / (time.perf_counter() - began)


class _Memory:
    """Looks at the memory of processes twice a second until it is closed."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._seen: list[int] = []
        self._done = Event()
        self._thread = Thread(target=self._look)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.5):
            self._seen.append(max(map(memory_kb, self._pids)))

    @property
    def peak_mb(self) -> float | None:
        """The highest memory of one process; None where the system does not tell."""
        return max(self._seen, default=0) / 1_000 or None

    @property
    def growth(self) -> float | None:
        """Median of the second half over that of the first; None with too little to see."""
        half = len(self._seen) // 2
        if half < 5 or not self.peak_mb:
            return None
        return statistics.median(self._seen[half:]) / statistics.median(self._seen[:half])
