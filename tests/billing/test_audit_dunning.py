"""The audit of dunning: a sound retry gives no finding, every planted fault gives its own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from small_books import AT, MERCHANT, SmallBooks, unguarded
from sqlalchemy import Connection, Engine, insert, text

from billing.audit.books import audit_books
from billing.audit.sql_dunning import DUNNING_CHECKS
from billing.store.database import open_engine, reading
from billing.tables import metadata

TOMORROW = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


def a_declined_invoice(connection: Connection) -> None:
    """3,000 yen declined on 20 November, to be tried again on the 23rd."""
    books = SmallBooks(connection)
    permission = books.permission()
    owner = books.subscription(
        "s",
        price=books.price(),
        permission=permission,
        state="past_due",
        next_cycle=0,
        cycles_done=0,
        due_at=None,
    )
    invoice = books.invoice(owner, "i1", 3_000)
    slot = books.slot(
        invoice,
        owner,
        permission,
        due_at=TOMORROW,
        attempts=1,
        declines=1,
        declined_on=date(2026, 11, 20),
        reason="SoftDeclined",
    )
    attempt = books.attempt(slot, permission, state="declined", charge_id=None)
    books.hold(attempt, permission, 3_000, "released")
    books.cap(permission)
    frozen = {"ends_by": "pause", "ends_closed_by": "pause", "terms": "{}"}
    connection.execute(
        insert(metadata.tables["dunning"]).values(
            invoice_id=invoice, merchant_id=MERCHANT, began_on=date(2026, 11, 20), **frozen
        )
    )


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    unguarded().create_all(opened)
    with opened.begin() as connection:
        a_declined_invoice(connection)
    yield opened
    opened.dispose()


def found(engine: Engine, *faults: str) -> list[str]:
    with engine.begin() as connection:
        for fault in faults:
            connection.execute(text(fault))
    with reading(engine) as connection:
        report = audit_books(connection, merchant_id=MERCHANT, at=AT)
    assert all(f.detail_en and f.detail_ja and "{" not in f.detail_ja for f in report.findings)
    return [finding.kind for finding in report.findings]


def test_a_sound_retry_gives_no_finding(engine: Engine) -> None:
    assert found(engine) == []


PLANTED = {
    "dunning_not_frozen": "DELETE FROM dunning",
    "tried_after_the_end": "UPDATE slot SET state = 'uncollectible', settled_at = "
    "'2026-11-19 00:00:00.000000'",
    "tries_miscounted": "UPDATE slot SET declines = 2",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_fault_is_found(engine: Engine, kind: str) -> None:
    assert kind in found(engine, PLANTED[kind])


def test_every_statement_has_a_planted_fault() -> None:
    assert {check.kind for check in DUNNING_CHECKS} == set(PLANTED)
