"""How long the hash chain of a million rows takes to verify, and what a head row would cost.

    python -m scripts.benchmarks.chain [--rows N] [--database-url URL] [--contention SECONDS]

Without a URL the books are a SQLite file. The limit is SHA-256 of just the same bytes.
"""

import argparse
import hashlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import TypeVar

from sqlalchemy import Engine, text

from app.migrations import migrate
from billing import ChainReport, audit_chain, chain_books, open_engine, reading
from scripts.benchmarks.figures import Figure

ROWS = 1_000_000
ROWS_PER_ENTRY = 3  # a journal and its two postings
SECONDS_PER_MILLION = 30.0
WORKERS = 4
JOURNALS_PER_COMMIT = 64
AT = datetime(2026, 11, 22, tzinfo=UTC)

R = TypeVar("R")

_JOURNALS = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :n)
INSERT INTO journal (id, merchant_id, reference, kind, booked_on, invoice_id)
SELECT i, 'large', 'B01-1234567-7654321-C' || i || '/captured', 'charge_captured',
{day}, i FROM n"""
_POSTINGS = """INSERT INTO posting (journal_id, account, amount_yen)
SELECT id, 'amazon_receivable', 1980 FROM journal UNION ALL
SELECT id, 'customer_receivable', -1980 FROM journal"""


def measure(*, folder: Path, rows: int = ROWS) -> list[Figure]:
    """The figures for `make bench`, on SQLite."""
    folder.mkdir(parents=True, exist_ok=True)
    return measure_database(f"sqlite:///{folder / 'chain.sqlite3'}", rows=rows)


def measure_database(url: str, *, rows: int) -> list[Figure]:
    """Write books of so many rows, chain them, verify them; bare hashing in the same run."""
    engine = open_engine(url)
    migrate(engine)
    entries = rows // ROWS_PER_ENTRY
    _write(engine, entries)
    made, chained = _timed(lambda: chain_books(engine, at=AT))
    before = getrusage(RUSAGE_SELF).ru_maxrss
    spent, report = _timed(lambda: _verified(engine))
    if (report.verified, report.findings) != (entries, ()) or chained != entries:
        raise AssertionError(f"the chain is not whole: {report}")
    grown_mb = (getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024
    bare, _ = _timed(lambda: _bare(entries))
    engine.dispose()
    name = engine.dialect.name
    million = 1_000_000 / rows
    return [
        Figure(
            name=f"verify the hash chain, {name}",
            value=spent * million,
            unit="seconds per million rows",
            required=SECONDS_PER_MILLION,
            bound="at most",
            ratio=spent / bare,
            ratio_to="SHA-256 of the same bytes",
        ),
        Figure(name=f"make the hash chain, {name}", value=made * million, unit="s per million"),
        Figure(
            name=f"memory it grew by, {name}",
            value=grown_mb,
            unit="MB",
            required=64.0,
            bound="at most",
        ),
    ]


def contention(url: str, *, seconds: float) -> list[Figure]:
    """Journals per second of four workers: alone, with the job beside them, with a hot head row."""
    engine = open_engine(url)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE hot_head (id int PRIMARY KEY, digest text)"))
        connection.execute(text("INSERT INTO hot_head VALUES (1, '')"))
    alone = _booked_per_second(engine, seconds, hot=False)
    with ThreadPoolExecutor(1) as beside:
        going = [True]
        job = beside.submit(_chain_all_the_time, engine, going)
        chained = _booked_per_second(engine, seconds, hot=False)
        going[0] = False
        job.result()
    hot = _booked_per_second(engine, seconds, hot=True)
    engine.dispose()
    names = (("alone", alone), ("links made meanwhile", chained), ("a head row per commit", hot))
    return [
        Figure(
            name=f"journals booked, {name}",
            value=rate,
            unit="per second",
            ratio=rate / alone,
            ratio_to="alone",
        )
        for name, rate in names
    ]


def _write(engine: Engine, entries: int) -> None:
    postgresql = engine.dialect.name == "postgresql"
    day = "DATE '2026-11-30'" if postgresql else "'2026-11-30'"
    with engine.connect() as connection:
        _without_references(engine, connection.exec_driver_sql)
        connection.execute(text(_JOURNALS.format(day=day)), {"n": entries})
        connection.execute(text(_POSTINGS))
        connection.commit()


def _without_references(engine: Engine, execute: Callable[[str], object]) -> None:
    if engine.dialect.name == "postgresql":
        execute("SET session_replication_role = replica")
    else:
        execute("COMMIT")
        execute("PRAGMA foreign_keys = OFF")
        execute("BEGIN IMMEDIATE")


def _verified(engine: Engine) -> ChainReport:
    with reading(engine) as connection:
        return audit_chain(connection, at=AT)


def _bare(entries: int) -> int:
    one = b'["journal", 1, [1, "large", "B01-1234567-7654321-C1/captured", "charge_captured", '
    one += b'"2026-11-30", 1], [[1, "amazon_receivable", 1980], [1, "customer_receivable", -1980]]]'
    return sum(len(hashlib.sha256(one).digest()) for _ in range(entries))


def _booked_per_second(engine: Engine, seconds: float, *, hot: bool) -> float:
    began = perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        done = [pool.submit(_book, engine, began + seconds, hot) for _ in range(WORKERS)]
        commits = sum(each.result() for each in done)
    return commits * JOURNALS_PER_COMMIT / (perf_counter() - began)


def _book(engine: Engine, until: float, hot: bool) -> int:
    commits = 0
    row = text(
        "INSERT INTO audit_event (at, kind, actor, reason) "
        "SELECT now(), 'k', 'a', repeat('r', 80) FROM generate_series(1, :rows)"
    )
    head = "UPDATE hot_head SET digest = md5(digest) WHERE id = 1"
    while perf_counter() < until:
        with engine.begin() as connection:
            if hot:
                # Where a charge books it is not at its end: the slot's cycle and notices follow.
                connection.exec_driver_sql(head)
            connection.execute(row, {"rows": JOURNALS_PER_COMMIT})
        commits += 1
    return commits


def _chain_all_the_time(engine: Engine, going: list[bool]) -> None:
    while going[0]:
        chain_books(engine, at=AT)


def _timed(work: Callable[[], R]) -> tuple[float, R]:
    began = perf_counter()
    result = work()
    return perf_counter() - began, result


def main() -> None:
    """Measure as told and print each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--database-url", default=None)
    parser.add_argument("--contention", type=float, default=None, metavar="SECONDS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.database_url or f"sqlite:///{folder}/chain.sqlite3"
        figures = (
            measure_database(url, rows=options.rows)
            if options.contention is None
            else contention(url, seconds=options.contention)
        )
    for figure in figures:
        print(figure.as_json())


if __name__ == "__main__":
    main()
