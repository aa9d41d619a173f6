"""A failover that loses the last commits, and two primaries at once: the keys are the same again.

The database that takes over is a copy of the first one as it was at a named point of the run.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, open_shop, subscriber

from billing import audit_books, checkpoints, open_engine, reading
from scheduler import AmazonEndpoint, BillingEngine, start_engine

DAY = date(2026, 11, 30)
SUBSCRIBERS = 12


@pytest.fixture
def shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    shop = open_shop(
        database_url=sqlite_url,
        amazon=sandbox,
        subscribers=[subscriber(number) for number in range(1, SUBSCRIBERS + 1)],
        behaviours={"C03-0000003-0000001": ["SoftDeclined"]},
    )
    shop.go_to(DAY)
    yield shop
    shop.database.dispose()


@contextmanager
def replica(shop: Shop, file: Path) -> Iterator[BillingEngine]:
    """An engine on the copy, as the machine that took over."""
    database = open_engine(f"sqlite:///{file}")
    yield start_engine(
        database=database,
        merchant_id=shop.engine.merchant.id,
        master_key=shop.master_key,
        endpoint=AmazonEndpoint(base_url=shop.amazon.base_url, paced=False, in_flight=4),
        clock=shop.clock,
    )
    database.dispose()


def copied_at(shop: Shop, point: str, file: Path) -> None:
    """Run what is due and copy the database when `point` is reached for the first time."""

    def copy(reached: str) -> None:
        if reached == point and not file.exists():
            source = sqlite3.connect(shop.database.url.database or "")
            target = sqlite3.connect(file)
            source.backup(target)
            source.close()
            target.close()

    checkpoints.observe(copy)
    try:
        shop.engine.run_due()
    finally:
        checkpoints._observers.remove(copy)


def audited(database: Engine, shop: Shop) -> list[str]:
    """What the audit finds in books that are not the shop's own."""
    with reading(database) as connection:
        report = audit_books(connection, merchant_id=MERCHANT, at=shop.clock.now())
    return [f"{finding.kind} {finding.subject}" for finding in report.findings]


EXPECTED = sorted(
    (f"sub-{number:03d}-0010-renewal", 1980)
    for number in range(1, SUBSCRIBERS + 1)
    if number != 3  # softly declined on the first try
)


@pytest.mark.parametrize("point", ["cycle.opened", "charge.intended", "charge.recorded"])
def test_a_failover_that_loses_the_last_commits_charges_nothing_again(
    shop: Shop, tmp_path: Path, point: str
) -> None:
    """Failure mode 60: what the lost commits had asked for is asked for again, by the same keys."""
    copied_at(shop, point, tmp_path / "replica.db")
    assert shop.taken() == EXPECTED
    with replica(shop, tmp_path / "replica.db") as engine:
        engine.run_due()
        assert shop.taken() == EXPECTED
        assert audited(engine.database, shop) == []


def test_two_primaries_at_once_charge_everything_once(shop: Shop, tmp_path: Path) -> None:
    """Failure mode 62: the old primary still takes writes while the new one works."""
    copy = sqlite3.connect(tmp_path / "replica.db")
    with sqlite3.connect(shop.database.url.database or "") as source:
        source.backup(copy)
    copy.close()
    source.close()
    with replica(shop, tmp_path / "replica.db") as engine:
        both = [threading.Thread(target=e.run_due) for e in (shop.engine, engine)]
        for one in both:
            one.start()
        for one in both:
            one.join(timeout=60)
        # Who is told that the other's charge is under way asks again later.
        shop.go_to(date(2026, 12, 1))
        shop.engine.run_due()
        engine.run_due()
        assert shop.faults() == []
        assert audited(engine.database, shop) == []
    once = [reference for reference, _ in shop.taken()]
    assert len(once) == len(set(once)) == SUBSCRIBERS
