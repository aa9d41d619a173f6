"""Charging reads what is due, never what was: ten years of history cost nothing.

Held by counting what the databases read, not by the clock of a busy machine.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prepared import migrated
from sqlalchemy import Engine
from support.postgres import fresh_database
from work_counted import reads_counted

from billing import (
    Outcome,
    OutcomeKind,
    claim_unsettled,
    intend_due_slots,
    load_merchant,
    open_due_cycles,
    reading,
    record_outcomes,
)
from scripts.benchmarks.due_books import MERCHANT, DueBooks, write_due_books

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DUE = 120
# Taller trees of an index: a few more pages, never a multiple.
MORE_AT_MOST = 1.5


def charge_what_is_due(database: Engine) -> int:
    """Open, look for doubts, intend and record, as a run does; returns the charges."""
    with reading(database) as connection:
        merchant = load_merchant(connection, MERCHANT)
    open_due_cycles(database, merchant, at=NOW)
    claim_unsettled(database, merchant, at=NOW, worker_id="w-1")
    _, opened = intend_due_slots(database, merchant, at=NOW, worker_id="w-1", limit=DUE)
    # While these are under way the next look must be as cheap.
    intend_due_slots(database, merchant, at=NOW, worker_id="w-1", limit=DUE)
    captured = OutcomeKind.CAPTURED
    outcomes = [Outcome(one, captured, charge_id=f"S03-{one.id}-C") for one in opened]
    record_outcomes(database, merchant, outcomes, at=NOW)
    return len(opened)


def reads_of_a_run(url: str, *, years: int) -> int:
    with migrated(url) as database:
        write_due_books(database, DueBooks(due=DUE, years=years), now=NOW)
        with reads_counted(database) as count:
            assert charge_what_is_due(database) == DUE
    return count[0]


@pytest.fixture(
    params=[
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgresql", id="postgresql", marks=pytest.mark.slow),
    ]
)
def two_databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of two empty databases of one kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}", f"sqlite:///{tmp_path / 'old.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    with fresh_database(server) as new, fresh_database(server) as old:
        yield new, old


def test_ten_years_of_history_are_not_read(two_databases: tuple[str, str]) -> None:
    new = reads_of_a_run(two_databases[0], years=0)
    old = reads_of_a_run(two_databases[1], years=10)  # 14,400 slots and attempts more
    assert new > 0
    assert old <= new * MORE_AT_MOST
