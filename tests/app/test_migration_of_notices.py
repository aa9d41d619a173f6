"""Revision 0008 makes the notice table anew on SQLite: rows, ids and constraints must survive."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from test_migration_of_invoices import at_revision, fill, insert

from app.migrations import migrate
from billing import open_engine

AT = datetime(2026, 11, 22, tzinfo=UTC)
NOTICES = 50


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def notice(number: int) -> dict[str, object]:
    return {
        "id": number,
        "merchant_id": "shop",
        "subscription_id": 1,
        "dedup_key": f"s-{number}/charged/0",
        "kind": "charged",
        "written_at": AT,
        "amount_yen": 100,
    }


def test_notices_survive_with_their_ids_and_constraints(engine: Engine) -> None:
    at_revision(engine, "0003")
    with engine.begin() as connection:
        fill(connection)
    at_revision(engine, "0007")
    with engine.begin() as connection:
        for number in range(1, NOTICES + 1):
            insert(connection, "notice", **notice(number))
    migrate(engine)
    with engine.begin() as connection:
        kept = connection.execute(
            text("SELECT id, dedup_key, amount_yen, position, delivered_at FROM notice ORDER BY id")
        ).all()
        ours = {**notice(99), "subscription_id": None}
        insert(connection, "notice", **ours)  # what concerns the merchant alone
    assert kept == [(n, f"s-{n}/charged/0", 100, None, None) for n in range(1, NOTICES + 1)]
    with pytest.raises(IntegrityError), engine.begin() as connection:
        insert(connection, "notice", **{**notice(7), "id": 100})
    with pytest.raises(IntegrityError), engine.begin() as connection:
        insert(connection, "notice", **{**notice(101), "subscription_id": 999})
