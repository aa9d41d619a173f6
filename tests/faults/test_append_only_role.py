"""The role of the workers on PostgreSQL: it charges, and cannot rewrite one row of the books."""

from collections.abc import Iterator
from datetime import date
from secrets import token_hex

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from support.sandbox import Sandbox
from support.shop import MERCHANT, open_shop, subscriber

from app.grants import apply_grants, grant_statements
from app.problems import Refused
from billing import audit_chain, chain_books, open_engine, reading
from billing.books.chain_books import BOOKS
from scheduler import AmazonEndpoint, ShiftedClock, start_engine

DAY = date(2026, 11, 30)
CHAINED = sorted({part.table for book in BOOKS for part in (book.entry, *book.parts)} - {"invoice"})
STATEMENTS = ("UPDATE {t} SET {c} = {c}", "DELETE FROM {t}", "TRUNCATE {t} CASCADE")


@pytest.fixture
def role(postgres_url: str) -> Iterator[str]:
    """A role that may log in and nothing else."""
    name = f"autopay_{token_hex(4)}"
    admin = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg"))
    with admin.begin() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'worker'"))
    yield name
    with admin.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {name}"))
        connection.execute(text(f"DROP ROLE {name}"))
    admin.dispose()


def as_role(url: str, role: str) -> Engine:
    parsed = make_url(url).set(username=role, password="worker")
    return open_engine(parsed.render_as_string(hide_password=False))


def test_workers_charge_under_a_role_that_cannot_rewrite_the_books(
    postgres_url: str, role: str, sandbox: Sandbox
) -> None:
    shop = open_shop(
        database_url=postgres_url,
        amazon=sandbox,
        subscribers=[subscriber(n) for n in range(1, 6)],
        behaviours={"C03-0000002-0000001": ["SoftDeclined"]},
    )
    with shop.database.begin() as connection:
        assert apply_grants(connection, role) == apply_grants(connection, role)
    limited = as_role(postgres_url, role)
    clock = ShiftedClock(shop.go_to(DAY))
    engine = start_engine(
        database=limited,
        merchant_id=MERCHANT,
        master_key=shop.master_key,
        endpoint=AmazonEndpoint(base_url=sandbox.base_url, paced=False),
        clock=clock,
    )
    engine.run_due()
    engine.watch()
    assert chain_books(limited, at=clock.now()) > 0
    assert len(shop.taken()) == 4
    assert shop.faults() == []
    with reading(limited) as connection:
        assert audit_chain(connection, at=clock.now()).findings == ()
    for table in CHAINED:
        for statement in STATEMENTS:
            assert "permission denied" in refused(limited, statement, table)
            # The owner has the right and meets the trigger.
            assert "is append-only" in refused(shop.database, statement, table)
    for table in ("attempt", "slot", "invoice", "refund", "restoration"):
        for statement in STATEMENTS[1:]:
            assert "permission denied" in refused(limited, statement, table)
            # Of an empty table no row can be deleted; nothing can be emptied.
            if table in ("attempt", "slot", "invoice") or "TRUNCATE" in statement:
                assert "never deleted" in refused(shop.database, statement, table)
    for forbidden in ("DROP TABLE posting", "ALTER TABLE journal DISABLE TRIGGER ALL"):
        assert "must be owner" in refused(limited, forbidden, "posting")
    limited.dispose()
    shop.database.dispose()


def refused(engine: Engine, statement: str, table: str) -> str:
    column = WITHOUT_ID.get(table, "id")
    with engine.connect() as connection:
        with pytest.raises(Exception, match=r"permission|append-only|deleted|owner") as error:
            connection.execute(text(statement.format(t=table, c=column)))
        connection.rollback()
    return str(error.value)


WITHOUT_ID = {
    "posting": "account",
    "invoice_line": "kind",
    "invoice_tax": "net_yen",
    "restoration": "state",
}


def test_a_role_that_no_grant_could_hold_is_refused(postgres_url: str) -> None:
    owner = open_engine(postgres_url)
    with owner.connect() as connection:
        with pytest.raises(Refused, match="superuser or owns the tables"):
            grant_statements(connection, make_url(postgres_url).username or "")
        with pytest.raises(Refused, match="'nobody_here' is not on this server"):
            grant_statements(connection, "nobody_here")
    owner.dispose()


def test_sqlite_says_what_it_cannot_do(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with engine.connect() as connection, pytest.raises(Refused, match="SQLite has no roles"):
        grant_statements(connection, "worker")
    engine.dispose()
