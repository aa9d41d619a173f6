"""Many rows in one round trip, on both databases alike."""

from collections.abc import Iterator

import pytest
from prepared import migrated
from small_books import SmallBooks
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from billing.store.database import reading, writing
from billing.store.rows import (
    fetch,
    insert_many,
    insert_returning_ids,
    insert_unless_known,
    is_word,
    table_of,
    update_many,
)
from billing.tables import CustomerRow, PostingRow, metadata

customers = table_of(CustomerRow)


def customer(number: int, **changes: object) -> dict[str, object]:
    row = {"merchant_id": "shop", "external_id": f"c{number:03}", "name": f"髙木{number}"}
    return {**row, "kana": "", "email": "a@example.jp", "postal_code": "", "note": "", **changes}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Books with a merchant and nothing else."""
    with migrated(database_url) as engine:
        writing(engine, lambda c: SmallBooks(c) and None)
        yield engine


def names(engine: Engine) -> dict[str, str]:
    statement = select(customers.c.external_id, customers.c.name)
    with reading(engine) as connection:
        return {row["external_id"]: row["name"] for row in fetch(connection, statement)}


def test_ids_come_in_the_order_of_the_rows(engine: Engine) -> None:
    rows = [customer(n) for n in (3, 1, 2, *range(4, 301))]
    ids = writing(engine, lambda c: insert_returning_ids(c, customers, rows))
    with reading(engine) as connection:
        found = {row["id"]: row["external_id"] for row in fetch(connection, select(customers))}
    assert [found[i] for i in ids] == [row["external_id"] for row in rows]


def test_no_rows_are_no_statement(engine: Engine) -> None:
    def nothing(connection) -> list[int]:
        insert_many(connection, customers, [])
        insert_unless_known(connection, customers, [])
        update_many(connection, customers, [])
        return insert_returning_ids(connection, customers, [])

    assert writing(engine, nothing) == []
    assert names(engine) == {}


def test_a_known_row_is_left_as_it_is(engine: Engine) -> None:
    writing(engine, lambda c: insert_many(c, customers, [customer(1)]))
    again = [customer(1, name="another"), customer(2)]
    writing(engine, lambda c: insert_unless_known(c, customers, again))
    assert names(engine) == {"c001": "髙木1", "c002": "髙木2"}


def test_only_uniqueness_is_forgiven(engine: Engine) -> None:
    orphan = [customer(1, merchant_id="nobody")]
    with pytest.raises(IntegrityError):
        writing(engine, lambda c: insert_unless_known(c, customers, orphan))
    zero = [{"journal_id": 1, "account": "a", "amount_yen": 0}]
    with pytest.raises(IntegrityError):
        writing(engine, lambda c: insert_unless_known(c, table_of(PostingRow), zero))


def test_each_row_gets_its_own_values(engine: Engine) -> None:
    first, second, third = writing(
        engine, lambda c: insert_returning_ids(c, customers, [customer(n) for n in (1, 2, 3)])
    )
    changes = [{"id": first, "name": "A", "note": "a"}, {"id": third, "note": "c", "name": "C"}]
    writing(engine, lambda c: update_many(c, customers, changes))
    assert names(engine) == {"c001": "A", "c002": "髙木2", "c003": "C"}
    assert second not in (first, third)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"id": 2, "name": "B"}, id="a column is missing"),
        pytest.param({"id": 2, "name": "B", "note": "b", "kana": "b"}, id="a column too many"),
    ],
)
def test_rows_of_different_columns_are_refused_not_half_written(
    engine: Engine, second: dict[str, object]
) -> None:
    rows = [{"id": 1, "name": "A", "note": "a"}, second]
    with pytest.raises(ValueError, match="every row must name the same columns"):
        writing(engine, lambda c: update_many(c, customers, rows))


@pytest.mark.parametrize(
    ("column", "words", "index"),
    [
        ("slot", ("due",), "slot_due"),
        ("attempt", ("intended", "in_doubt", "pending"), "attempt_unsettled"),
    ],
)
def test_finding_what_is_due_reads_only_what_is_due(
    sqlite_url: str, column: str, words: tuple[str, ...], index: str
) -> None:
    """Cost must not grow with history: the partial index of open rows has to be used."""
    table = metadata.tables[column]
    due = table.c.due_at if column == "slot" else table.c.look_at
    statement = (
        select(table.c.id)
        .where(table.c.merchant_id == "m", is_word(table.c.state, *words))
        .order_by(due, table.c.id)
    )
    with migrated(sqlite_url) as engine, reading(engine) as connection:
        compiled = statement.compile(engine, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    assert index in plan[0][3]
