"""Claims a second: attempts without an answer, taken over 200 at a time by one process.

    python -m scripts.benchmarks.claims [--number N] [--kind KIND]

The limit of the same run is one UPDATE of as many rows of the same table in a transaction of its
own, found by their ids: a claim that looks for nothing, checks nothing and brings nothing back.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from billing import (
    Merchant,
    claim_unsettled,
    intend_due_slots,
    load_merchant,
    open_due_cycles,
    open_engine,
    reading,
    writing,
)
from scripts.benchmarks.due_books import MERCHANT, DueBooks, write_due_books
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.rig import Kind, RigFailed, database_of, stop_postgres

KINDS: tuple[Kind, ...] = ("postgresql", "sqlite")
REQUIRED_PER_SECOND = 15_000
AT_ONCE = 200
BARE_LIMIT = "bare UPDATEs of 200 rows in the same run"
IN_DOUBT = (
    "UPDATE attempt SET state = 'in_doubt', sends = 1, charge_id = 'S' || id, look_at = intended_at"
)
DEAD = "UPDATE attempt SET state = 'intended', sends = 0, charge_id = NULL, look_at = intended_at"
BARE = "UPDATE attempt SET worker_id = 'bare', look_at = :at WHERE id > :after AND id <= :upto"


@dataclass(frozen=True, slots=True)
class Claimed:
    """How fast `number` rows were taken, and the processor time of this process for each."""

    number: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Rows a second."""
        return self.number / self.seconds


def measure(*, folder: Path, number: int, kinds: Sequence[Kind] = KINDS) -> list[Figure]:
    """Claims of both kinds of attempts on each database, as ratios to bare UPDATEs."""
    folder.mkdir(parents=True, exist_ok=True)
    return [f for kind in kinds for f in _measure(kind, folder / kind, number)]


def _measure(kind: Kind, folder: Path, number: int) -> list[Figure]:
    with _attempts(kind, folder, number) as (database, merchant):
        bare = _prepared(database, DEAD, lambda: _bare(database, number))
        in_doubt = _prepared(database, IN_DOUBT, lambda: _claims(database, merchant, number))
        dead = _prepared(database, DEAD, lambda: _claims(database, merchant, number))
    required = REQUIRED_PER_SECOND if kind == "postgresql" else None
    return [
        Figure(name=f"{kind}: {BARE_LIMIT}", value=bare.per_second, unit="rows per second"),
        _figure(f"{kind}: claims of what is in doubt", in_doubt, bare, required),
        _figure(f"{kind}: claims of what a dead worker never sent", dead, bare, None),
    ]


def _figure(name: str, seen: Claimed, bare: Claimed, required: float | None) -> Figure:
    rate = seen.per_second
    return Figure(
        name=name,
        value=rate,
        unit="per second",
        required=required,
        ratio=rate / bare.per_second,
        ratio_to=BARE_LIMIT,
    )


@contextmanager
def _attempts(kind: Kind, folder: Path, number: int) -> Iterator[tuple[Engine, Merchant]]:
    """Books with so many attempts that a worker intended and never sent."""
    folder.mkdir(parents=True, exist_ok=True)
    with database_of(kind, folder) as url:
        database = open_engine(url)
        now = datetime.now(UTC)
        write_due_books(database, DueBooks(due=number), now=now)
        with reading(database) as connection:
            merchant = load_merchant(connection, MERCHANT)
        while open_due_cycles(database, merchant, at=now, limit=AT_ONCE).handled:
            intend_due_slots(database, merchant, at=now, worker_id="dead", limit=AT_ONCE)
        yield database, merchant
        database.dispose()


def _prepared(database: Engine, statement: str, work: Callable[[], int]) -> Claimed:
    """Bring the attempts into a state, let a server clean up behind, and take the time."""
    writing(database, lambda connection: connection.execute(text(statement)) and None)
    if database.dialect.name == "postgresql":
        with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # What rewriting every row at once leaves behind is this program's own doing.
            connection.execute(text("VACUUM attempt"))
    used, began = resource.getrusage(resource.RUSAGE_SELF).ru_utime, time.perf_counter()
    number = work()
    took = time.perf_counter() - began
    return Claimed(number, took, resource.getrusage(resource.RUSAGE_SELF).ru_utime - used)


def _claims(database: Engine, merchant: Merchant, number: int) -> int:
    at, claimed = datetime.now(UTC) + timedelta(hours=1), 0
    while found := claim_unsettled(
        database, merchant, at=at, worker_id="bench", dead_workers=(), limit=AT_ONCE
    ):
        claimed += len(found)
    if claimed != number:
        raise RigFailed(f"{claimed} of {number} attempts were claimed")
    return claimed


def _bare(database: Engine, number: int) -> int:
    at = datetime.now(UTC) + timedelta(hours=2)
    given = at if database.dialect.name == "postgresql" else at.strftime("%Y-%m-%d %H:%M:%S.%f")
    for after in range(0, number, AT_ONCE):
        values = {"at": given, "after": after, "upto": after + AT_ONCE}

        def one(connection: Connection, values: Mapping[str, object] = values) -> None:
            connection.execute(text(BARE), values)

        writing(database, one)
    return number


def main() -> None:
    """Measure as told and print each figure."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--number", type=int, default=20_000)
    asked.add_argument("--kind", choices=KINDS, default=None)
    given = asked.parse_args()
    kinds: tuple[Kind, ...] = KINDS if given.kind is None else (given.kind,)
    try:
        with tempfile.TemporaryDirectory(prefix="autopay-bench-") as folder:
            for figure in measure(folder=Path(folder), number=given.number, kinds=kinds):
                ratio = "" if figure.ratio is None else f"  {figure.ratio:.2f} of {figure.ratio_to}"
                print(f"{figure.name}: {figure.value:,.0f} {figure.unit}{ratio}", flush=True)
    finally:
        stop_postgres()


if __name__ == "__main__":
    main()
