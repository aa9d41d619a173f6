"""Rows that fail: what waits for other reasons stands in nobody's way, and nobody counts twice."""

import threading
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Engine, text
from support.schema import at_head
from support.shop import MERCHANT, OpenShop, subscriber

from billing import open_engine, reading, writing
from billing.charging import opening
from billing.charging.intend_around import intend_around_poison
from billing.charging.poison import OPENING, note_failures
from billing.store.merchants import load_merchant, store_merchant

DAY = date(2026, 11, 15)
MIDMONTH = {"started_on": date(2026, 1, 15), "anchor_day": 15, "next_charge_on": DAY}


def test_paused_agreements_do_not_hide_what_is_due_behind_them(opened: OpenShop) -> None:
    """Two charges of paused agreements are the oldest, the third fails, the fourth is good."""
    shop = opened(subscribers=[subscriber(n, **MIDMONTH) for n in (1, 2, 3, 4)])
    shop.go_to(DAY)
    merchant, at = shop.engine.merchant, shop.clock.now()
    opening.open_due_cycles(shop.database, merchant, at=at)
    with shop.database.begin() as connection:
        for sql in (
            "UPDATE subscription SET state = 'paused' WHERE external_id IN ('sub-001', 'sub-002')",
            f"UPDATE slot SET reference = '{'r' * 300}' WHERE reference LIKE 'sub-003%'",
        ):
            connection.execute(text(sql))
    handled, attempts = intend_around_poison(shop.database, merchant, at=at, worker_id="w", limit=2)
    assert (handled, len(attempts)) == (2, 1)
    assert shop.slot("sub-004-0010-renewal")["state"] == "open"


@pytest.fixture
def books(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url)
    at_head(engine)
    writing(
        engine, lambda c: store_merchant(c, merchant_id=MERCHANT, environment="sandbox", rules={})
    )
    yield engine
    engine.dispose()


def test_two_workers_that_fail_with_the_same_row_at_once(books: Engine) -> None:
    """The second one waits for the first one's count and must not fail because of it."""
    at = opening.charge_instant(on=DAY, timezone="Asia/Tokyo", hour=9)
    with reading(books) as connection:
        merchant = load_merchant(connection, MERCHANT)
    counted: list[set[str]] = []

    def fail() -> None:
        errors = {"sub-001": ValueError("no such day")}
        counted.append(
            writing(books, lambda c: note_failures(c, merchant, step=OPENING, errors=errors, at=at))
        )

    with books.connect() as first:
        errors = {"sub-001": ValueError("no such day")}
        note_failures(first, merchant, step=OPENING, errors=errors, at=at)
        second = threading.Thread(target=fail)
        second.start()
        second.join(timeout=0.5)  # it has read that nothing is known, and waits for our row
        first.commit()
        second.join(timeout=10)
    assert counted == [set()]
