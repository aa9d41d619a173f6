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
    awaited_shipments,
    claim_acts,
    claim_authorized,
    claim_unsettled,
    intend_cancellations,
    intend_due_slots,
    load_merchant,
    open_due_cycles,
    reading,
    record_outcomes,
    workers_with_open_acts,
)
from scripts.benchmarks.due_books import MERCHANT, DueBooks, write_due_books

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DUE = 120
# Taller trees of an index: a few more pages, never a multiple.
MORE_AT_MOST = 1.5
# PostgreSQL rightly reads a table of a page whole; of 14,400 slots it must not.
A_PAGE = 200


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


def settle_what_was_shipped(database: Engine) -> None:
    """All that a run asks about authorised charges and acts, with none of them there."""
    with reading(database) as connection:
        merchant = load_merchant(connection, MERCHANT)
        assert awaited_shipments(connection, merchant) == []
    assert intend_cancellations(database, merchant, at=NOW) == 0
    assert claim_acts(database, merchant, at=NOW, worker_id="w-1") == []
    assert claim_authorized(database, merchant, at=NOW) == []
    assert workers_with_open_acts(database, merchant) == set()


def reads_of_a_run(url: str, *, years: int) -> tuple[int, int]:
    """What charging reads, and what settling shipments does."""
    with migrated(url) as database:
        write_due_books(database, DueBooks(due=DUE, years=years), now=NOW)
        with reads_counted(database) as settling:
            settle_what_was_shipped(database)
        with reads_counted(database) as charging:
            assert charge_what_is_due(database) == DUE
    return charging[0], settling[0]


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
    charging, settling = reads_of_a_run(two_databases[0], years=0)
    later, settling_later = reads_of_a_run(two_databases[1], years=10)  # 14,400 slots more
    assert charging > 0
    assert later <= charging * MORE_AT_MOST
    assert settling_later <= settling * MORE_AT_MOST + A_PAGE
