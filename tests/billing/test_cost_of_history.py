"""Charging reads what is due, never what was: ten years of history cost nothing.

Held by counting what the databases read, not by the clock of a busy machine.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from prepared import migrated
from sqlalchemy import Engine, event
from support.postgres import fresh_database

from billing import (
    MerchantKeys,
    Outcome,
    OutcomeKind,
    claim_unsettled,
    decode_master_key,
    intend_due_slots,
    load_merchant,
    new_master_key,
    open_due_cycles,
    reading,
    record_outcomes,
)
from scripts.benchmarks.due_books import MERCHANT, DueBooks, write_due_books

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DUE = 120
# Taller trees of an index: a few more pages, never a multiple.
MORE_AT_MOST = 1.5


@pytest.fixture(scope="module")
def keys() -> MerchantKeys:
    """A key pair of nobody's."""
    key = generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return MerchantKeys(
        seller_id="A1", store_id="s", public_key_id="SANDBOX-" + "A" * 24, private_key_pem=pem
    )


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


@contextmanager
def reads_counted(database: Engine) -> Iterator[list[int]]:
    """Counts work: steps of SQLite's machine, rows that PostgreSQL's plans read."""
    count = [0]
    if database.dialect.name == "postgresql":
        listened = ("before_cursor_execute", _explained(count))
        event.listen(database, *listened)
    else:
        listened = ("connect", _stepped(count))
        event.listen(database, *listened)
        database.dispose()
    try:
        yield count
    finally:
        event.remove(database, *listened)


def _stepped(count: list[int]) -> Any:
    def step() -> int:
        count[0] += 1
        return 0

    return lambda connection, _record: connection.set_progress_handler(step, 10)


def _explained(count: list[int]) -> Any:
    def explain(_c: Any, cursor: Any, text: str, given: Any, _x: Any, many: bool) -> None:
        if many or not text.lstrip().startswith("SELECT"):
            return
        beside = cursor.connection.cursor()
        beside.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {text}", given)
        plan = beside.fetchone()[0]
        count[0] += _rows_read((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])

    return explain


def _rows_read(node: dict[str, Any]) -> int:
    below = sum(_rows_read(each) for each in node.get("Plans", ()))
    if "Scan" not in node["Node Type"]:
        return below
    left_out = node.get("Rows Removed by Filter", 0)
    return below + int((node["Actual Rows"] + left_out) * node["Actual Loops"])


def reads_of_a_run(url: str, keys: MerchantKeys, *, years: int) -> int:
    books = DueBooks(due=DUE, years=years)
    master_key = decode_master_key(new_master_key())
    with migrated(url) as database:
        write_due_books(database, books, keys=keys, master_key=master_key, now=NOW)
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


def test_ten_years_of_history_are_not_read(
    two_databases: tuple[str, str], keys: MerchantKeys
) -> None:
    new = reads_of_a_run(two_databases[0], keys, years=0)
    old = reads_of_a_run(two_databases[1], keys, years=10)  # 14,400 slots and attempts more
    assert new > 0
    assert old <= new * MORE_AT_MOST
