"""The engine at work: durable renewals a second, of new subscriptions and of old ones.

Worker processes charge renewals that are all due at once, through the stock client with signing,
at a local Amazon Pay of its own process that verifies every signature. Throttle and pacing off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from billing import writing
from scripts.benchmarks.due_books import DueBooks
from scripts.benchmarks.figures import Figure, per_second
from scripts.benchmarks.machine import SIGNING_LIMIT, MachineLimit
from scripts.benchmarks.rig import Kind, Rig, opened_rig

REQUIRED_PER_SECOND = 400
# Ten years of history may not cost more than turns side by side differ on a busy machine.
REQUIRED_SHARE_OLD = 0.8
WORKERS: dict[Kind, int] = {"postgresql": 2, "sqlite": 1}
REQUIRED_FAST = 550
FAST = {"AUTOPAY_TRANSPORT": "fast"}
BARE_COMMITS = "bare commits/s of the same database"
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Size:
    """How many renewals are charged of new subscriptions, and of those ten years old."""

    renewals: int
    old: int


def measure(*, folder: Path, size: Size, limit: MachineLimit) -> list[Figure]:
    """All figures on both databases."""
    kinds: Sequence[Kind] = ("postgresql", "sqlite")
    return [figure for kind in kinds for figure in _renewals(kind, folder / kind, size, limit)]


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
