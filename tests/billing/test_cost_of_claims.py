"""A claim reads what it takes, however much is in doubt: after an outage that is everything.

Held by counting rows, steps and statements, not by the clock of a busy machine.
"""

from datetime import UTC, datetime, timedelta

from prepared import migrated
from sqlalchemy import Connection, Engine, text, update
from work_counted import reads_counted, statements_counted

from billing import (
    Merchant,
    claim_unsettled,
    intend_due_slots,
    load_merchant,
    open_due_cycles,
    reading,
    writing,
)
from billing.store.rows import table_of
from billing.tables import AttemptRow
from scripts.benchmarks.due_books import MERCHANT, DueBooks, write_due_books

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
IN_DOUBT, TAKEN = 1_200, 60
# Of 20 times as many in doubt: what a taller index costs, never a multiple.
MORE_AT_MOST = 1.5
# The brake, a look, the locks, a second look under them, the room they hold; then one write.
STATEMENTS = 6

attempts = table_of(AttemptRow)


def test_a_claim_reads_what_it_takes_not_all_that_is_in_doubt(database_url: str) -> None:
    with migrated(database_url) as database:
        merchant = books_in_doubt(database)
        few = reads_of_a_claim(database, merchant, in_doubt=TAKEN)
        many = reads_of_a_claim(database, merchant, in_doubt=IN_DOUBT)
        some, most = statements_of_a_claim(database, merchant)
    assert 0 < many <= few * MORE_AT_MOST
    assert some == most <= STATEMENTS


def books_in_doubt(database: Engine) -> Merchant:
    """Every renewal was sent once and never answered."""
    write_due_books(database, DueBooks(due=IN_DOUBT), now=NOW)
    with reading(database) as connection:
        merchant = load_merchant(connection, MERCHANT)
    while open_due_cycles(database, merchant, at=NOW).handled:
        pass
    while intend_due_slots(database, merchant, at=NOW, worker_id="gone")[0]:
        pass
    return merchant


def bring_back(database: Engine, *, in_doubt: int) -> None:
    """So many wait for a replay now, the others tomorrow."""

    def write(connection: Connection) -> None:
        doubted = update(attempts).values(state="in_doubt", sends=1)
        connection.execute(doubted.values(look_at=NOW + timedelta(days=1)))
        connection.execute(
            doubted.where(attempts.c.slot_id <= in_doubt).values(look_at=NOW, worker_id="gone")
        )

    writing(database, write)
    if database.dialect.name == "postgresql":
        # As a server does by itself: only then it knows that the table is no small one.
        with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM attempt"))


def claim(database: Engine, merchant: Merchant, *, limit: int) -> None:
    found = claim_unsettled(database, merchant, at=LATER, worker_id="w-1", limit=limit)
    assert len(found) == limit


def reads_of_a_claim(database: Engine, merchant: Merchant, *, in_doubt: int) -> int:
    bring_back(database, in_doubt=in_doubt)
    with reads_counted(database, table="attempt") as count:
        claim(database, merchant, limit=TAKEN)
    return count[0]


def statements_of_a_claim(database: Engine, merchant: Merchant) -> tuple[int, int]:
    """Of a claim of one, and of many."""
    counts = []
    for limit in (1, TAKEN):
        bring_back(database, in_doubt=IN_DOUBT)
        with statements_counted(database) as seen:
            claim(database, merchant, limit=limit)
        counts.append(len([each for each in seen if not each.startswith("BEGIN")]))
    return counts[0], counts[1]
