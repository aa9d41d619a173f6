"""What is written in bulk is read back as it was given, whichever way the database got it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from prepared import migrated
from small_books import SmallBooks
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError, StatementError

from billing.store.database import reading, writing
from billing.store.rows import (
    add_many,
    fetch,
    insert_many,
    insert_returning_ids,
    rows_by_id,
    table_of,
    update_many,
)
from billing.tables import CapMonthRow, JournalRow, MerchantRow, NoticeRow

notices = table_of(NoticeRow)
months = table_of(CapMonthRow)
merchants = table_of(MerchantRow)
AT = datetime(2026, 11, 30, 9, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Books with a merchant, one permission and nothing else."""
    with migrated(database_url) as engine:
        writing(engine, lambda c: SmallBooks(c).permission() and None)
        yield engine


def notice(number: int, **changes: object) -> dict[str, object]:
    row = {"merchant_id": "shop", "subscription_id": None, "dedup_key": f"k-{number}"}
    return {**row, "kind": "charged", "written_at": AT, "amount_yen": number, **changes}


def read(engine: Engine, table) -> list[dict[str, object]]:
    with reading(engine) as connection:
        return fetch(connection, select(table))


def test_texts_numbers_instants_and_nothing_come_back_as_they_were(engine: Engine) -> None:
    text = '髙﨑 "quoted" \\ back\nline 𠮷 %s ? :name'
    writing(engine, lambda c: insert_many(c, notices, [notice(7, reason=text, next_try_at=None)]))
    (row,) = read(engine, notices)
    assert (row["reason"], row["amount_yen"], row["next_try_at"]) == (text, 7, None)
    assert row["written_at"] == datetime(2026, 11, 30, 0, 0, 0, 123456, tzinfo=UTC)


def test_bytes_come_back_as_they_were(engine: Engine) -> None:
    sealed = bytes(range(256))
    row = {"id": "shop", "sealed_private_key": sealed}
    writing(engine, lambda c: update_many(c, merchants, [row]))
    assert read(engine, merchants)[0]["sealed_private_key"] == sealed


def test_an_instant_without_a_zone_is_refused(engine: Engine) -> None:
    naive = notice(1, written_at=AT.replace(tzinfo=None))
    with pytest.raises((ValueError, StatementError), match="timezone"):
        writing(engine, lambda c: insert_many(c, notices, [naive]))
    assert read(engine, notices) == []


def test_one_row_that_cannot_be_stored_stores_none(engine: Engine) -> None:
    rows = [notice(1), notice(2, merchant_id="nobody")]
    with pytest.raises(IntegrityError):
        writing(engine, lambda c: insert_many(c, notices, rows))
    assert read(engine, notices) == []


def test_ids_go_on_where_they_ended_and_find_their_rows(engine: Engine) -> None:
    first = writing(engine, lambda c: insert_returning_ids(c, notices, [notice(1)]))
    more = writing(engine, lambda c: insert_returning_ids(c, notices, [notice(3), notice(2)]))
    assert first + more == sorted({*first, *more})
    with reading(engine) as connection:
        found = rows_by_id(connection, notices, more)
        assert [found[i]["dedup_key"] for i in more] == ["k-3", "k-2"]
        assert rows_by_id(connection, notices, []) == {}


def test_rows_of_different_columns_are_not_inserted(engine: Engine) -> None:
    with pytest.raises(ValueError, match="every row must name the same columns"):
        writing(engine, lambda c: insert_many(c, notices, [notice(1), notice(2, reason="r")]))
    assert read(engine, notices) == []


def test_of_two_rows_with_one_id_the_last_holds(engine: Engine) -> None:
    (number,) = writing(engine, lambda c: insert_returning_ids(c, notices, [notice(1)]))
    rows = [{"id": number, "amount_yen": 5}, {"id": number, "amount_yen": 6}]
    writing(engine, lambda c: update_many(c, notices, rows))
    assert read(engine, notices)[0]["amount_yen"] == 6


def test_what_is_added_to_one_row_twice_adds_up(engine: Engine) -> None:
    """Two holds of one month end together: 1,000 + 500 are given back of 2,000."""
    room = {"permission_id": 1, "month": "2026-11", "limit_yen": 50_000}
    full = room | {"learned_limit_yen": None, "used_yen": 0, "held_yen": 2_000}
    other = full | {"month": "2026-12"}
    writing(engine, lambda c: insert_many(c, months, [full, other]))
    given = [
        {"permission_id": 1, "month": "2026-11", "held_yen": -1_000, "used_yen": 1_000},
        {"permission_id": 1, "month": "2026-11", "held_yen": -500, "used_yen": 0},
    ]
    writing(engine, lambda c: add_many(c, months, given, key=("permission_id", "month")))
    held = {row["month"]: (row["held_yen"], row["used_yen"]) for row in read(engine, months)}
    assert held == {"2026-11": (500, 1_000), "2026-12": (2_000, 0)}


def test_nothing_to_add_is_no_statement(engine: Engine) -> None:
    writing(engine, lambda c: add_many(c, table_of(JournalRow), [], key=("id",)))
