"""Somebody else's open session holds rows or a table: all else is charged, and that later."""

import time
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError
from support.sandbox import Sandbox
from support.shop import OpenShop, Shop, opening, subscriber

from billing.store import database

DAY = date(2026, 11, 30)
ALL = [f"sub-{number:03d}-0010-renewal" for number in range(1, 7)]


@pytest.fixture
def shop(postgres_url: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Six due subscribers; waits for locks a hundred times as short."""
    options = "-c timezone=UTC -c lock_timeout=100ms -c statement_timeout=5s"
    monkeypatch.setitem(database.POSTGRES_ARGUMENTS, "options", options)
    with opening(postgres_url, sandbox) as open_one:
        shop = opened(open_one)
        shop.go_to(DAY)
        yield shop


def opened(open_one: OpenShop) -> Shop:
    return open_one(subscribers=[subscriber(number) for number in range(1, 7)])


def references(shop: Shop) -> list[str]:
    return [reference for reference, _ in shop.taken()]


def test_every_session_of_ours_has_its_limits(postgres_url: str) -> None:
    engine = database.open_engine(postgres_url)
    with engine.connect() as connection:
        said = {
            name: connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in database.POSTGRES_SETTINGS
        }
    engine.dispose()
    assert said == {
        "timezone": "UTC",
        "lock_timeout": "10s",
        "statement_timeout": "2min",
        "idle_in_transaction_session_timeout": "20s",
    }


def test_a_permission_that_an_operator_looks_at_is_left_out_and_charged_later(shop: Shop) -> None:
    """Failure mode 66, rows."""
    with shop.database.connect() as operator:
        held = "UPDATE charge_permission SET state = state WHERE amazon_id LIKE 'C03-0000001%'"
        operator.execute(text(held))
        shop.engine.run_due()
        assert references(shop) == ALL[1:]
        operator.rollback()
    shop.engine.run_due()
    assert references(shop) == ALL
    assert shop.faults() == []


def test_a_table_that_an_operator_has_locked_stops_the_run_and_nothing_else(shop: Shop) -> None:
    """Failure mode 66, a table: the run gives up in time, the next one charges everything once."""
    with shop.database.connect() as operator:
        operator.execute(text("LOCK TABLE attempt IN ACCESS EXCLUSIVE MODE"))
        began = time.monotonic()
        with pytest.raises(OperationalError, match="lock timeout"):
            shop.engine.run_due()
        assert time.monotonic() - began < 10
        operator.rollback()
    shop.engine.run_due()
    assert references(shop) == ALL
    assert shop.faults() == []


def test_a_frozen_session_of_ours_loses_its_rows(shop: Shop) -> None:
    """A worker that is frozen in the middle of a transaction holds its rows for a while only."""
    with shop.database.connect() as frozen:
        frozen.execute(text("SET idle_in_transaction_session_timeout = '500ms'"))
        frozen.execute(text("SELECT merchant_id FROM brake FOR UPDATE"))
        frozen.execute(text("SELECT id FROM charge_permission FOR UPDATE"))
        time.sleep(0.8)
        shop.engine.run_due()
        assert references(shop) == ALL
        with pytest.raises(DBAPIError, match=r"idle-in-transaction|closed|terminating"):
            frozen.execute(text("SELECT 1"))
        frozen.invalidate()


def test_a_transaction_that_the_server_ended_is_the_database_away(shop: Shop) -> None:
    """It must not look like an outcome that cannot be recorded, which sets a slot aside."""

    def frozen(connection: Connection) -> None:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '200ms'"))
        time.sleep(0.5)
        connection.execute(text("SELECT 1"))

    with pytest.raises(OperationalError):
        database.writing(shop.database, frozen)


def test_who_only_reads_may_think_for_long(shop: Shop) -> None:
    with database.reading(shop.database) as connection:
        limit = "SHOW idle_in_transaction_session_timeout"
        assert connection.execute(text(limit)).scalar_one() == "0"
