"""The outbox: a notice is written with its cause, and a cause is told once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prepared import migrated, one_invoice
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Engine, select

from billing.store.database import reading, writing
from billing.store.notices import notice_row, write_notices
from billing.store.rows import Row, fetch
from billing.tables import metadata

AT = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
SLOT = {
    "merchant_id": MERCHANT,
    "subscription_id": 1,
    "reference": "one-0001-renewal",
    "amount_yen": 3_000,
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with migrated(database_url) as engine:
        writing(engine, lambda c: one_invoice(SmallBooks(c)) and None)
        yield engine


def outbox(engine: Engine) -> list[Row]:
    notice = metadata.tables["notice"]
    with reading(engine) as connection:
        return fetch(connection, select(notice).order_by(notice.c.id))


def test_a_notice_says_what_happened_to_which_slot(engine: Engine) -> None:
    later = AT + timedelta(days=1)
    row = notice_row(SLOT, kind="failed", at=AT, reason="SoftDeclined", next_try_at=later, step=2)
    writing(engine, lambda c: write_notices(c, [row]))
    (found,) = outbox(engine)
    expected = {
        "dedup_key": "one-0001-renewal/failed/2",
        "kind": "failed",
        "subscription_id": 1,
        "amount_yen": 3_000,
        "reason": "SoftDeclined",
        "delivered_at": None,
    }
    assert {name: found[name] for name in expected} == expected
    instants = (found["written_at"], found["next_try_at"])
    assert [i.replace(tzinfo=i.tzinfo or UTC) for i in instants] == [AT, later]


def test_a_cause_that_was_told_is_not_told_again(engine: Engine) -> None:
    first = notice_row(SLOT, kind="charged", at=AT)
    again = notice_row(SLOT, kind="charged", at=AT + timedelta(hours=1))
    writing(engine, lambda c: write_notices(c, [first]))
    writing(engine, lambda c: write_notices(c, [again, again]))
    assert len(outbox(engine)) == 1


def test_kinds_and_steps_are_told_apart(engine: Engine) -> None:
    rows = [
        notice_row(SLOT, kind="failed", at=AT, step=1),
        notice_row(SLOT, kind="failed", at=AT, step=2),
        notice_row(SLOT, kind="charged", at=AT, step=2),
        notice_row({**SLOT, "reference": "one-0001-renewal:2"}, kind="charged", at=AT, step=2),
    ]
    writing(engine, lambda c: write_notices(c, rows))
    assert len(outbox(engine)) == len(rows)


def test_a_rolled_back_cause_leaves_no_notice(engine: Engine) -> None:
    def fails(connection) -> None:
        write_notices(connection, [notice_row(SLOT, kind="charged", at=AT)])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        writing(engine, fails)
    assert outbox(engine) == []
