"""Revision 0004 makes the invoice table anew on SQLite: rows, ids and references must survive."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from app import migrations
from app.migrations import migrate
from billing import open_engine

AT = datetime(2026, 11, 22, tzinfo=UTC)
INVOICES = 300


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def at_revision(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def insert(connection: Connection, table: str, **values: object) -> None:
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


def fill(connection: Connection) -> None:
    """A shop of revision 0003 with paid invoices, each with a line, a tax row and a journal."""
    rules = {"cap_yen": 50_000, "cap_rule": "split", "tax_rounding": "floor"}
    rules |= {"dunning_days": "1", "dunning_end": "pause", "timezone": "Asia/Tokyo"}
    insert(connection, "merchant", id="shop", environment="sandbox", charge_hour=9, **rules)
    names = {"name": "n", "kana": "", "email": "e", "postal_code": "", "note": ""}
    insert(connection, "customer", id=1, merchant_id="shop", external_id="c", **names)
    insert(connection, "plan", id=1, merchant_id="shop", code="p", name_ja="p", name_en="p")
    price = {"amount_yen": 100, "tax_category": "standard", "interval_unit": "day"}
    price |= {"interval_count": 1, "anchor_rule": "keep_day", "per_seat": False, "trial_days": 0}
    price |= {"minimum_cycles": 0, "physical": False, "content_hash": "-"}
    insert(
        connection,
        "price",
        id=1,
        merchant_id="shop",
        plan_id=1,
        valid_from=date(2026, 1, 1),
        **price,
    )
    insert(
        connection,
        "charge_permission",
        id=1,
        merchant_id="shop",
        amazon_id="C",
        buyer_id="b",
        state="Chargeable",
    )
    owner = {"customer_id": 1, "permission_id": 1, "price_id": 1, "quantity": 1, "state": "active"}
    owner |= {"started_on": date(2026, 1, 1), "anchor_year": 2026, "anchor_month": 1}
    owner |= {"anchor_day": 1, "first_cycle": 0, "next_cycle": INVOICES, "cycles_done": INVOICES}
    owner |= {"cancel_at_period_end": False}
    insert(connection, "subscription", id=1, merchant_id="shop", external_id="s", **owner)
    for number in range(1, INVOICES + 1):
        days = {"issued_on": date(2026, 1, 1), "period_start": date(2026, 1, 1)}
        insert(
            connection,
            "invoice",
            id=number,
            merchant_id="shop",
            subscription_id=1,
            cycle=number - 1,
            number=f"s-{number}",
            state="paid",
            period_end=date(2026, 1, 2),
            total_yen=100,
            paid_yen=100,
            **days,
        )
        insert(
            connection,
            "journal",
            id=number,
            merchant_id="shop",
            reference=f"s-{number}/issued",
            kind="invoice_issued",
            booked_on=date(2026, 1, 1),
            invoice_id=number,
        )


def test_invoices_keep_their_ids_and_everything_that_refers_to_them(engine: Engine) -> None:
    at_revision(engine, "0003")
    with engine.begin() as connection:
        fill(connection)
    migrate(engine)
    with engine.begin() as connection:
        told = connection.execute(
            text(
                "SELECT COUNT(*), MIN(purpose), MAX(purpose), SUM(offset_yen), SUM(i.id - j.id) "
                "FROM invoice i JOIN journal j ON j.invoice_id = i.id"
            )
        ).one()
        assert tuple(told) == (INVOICES, "renewal", "renewal", 0, 0)


def test_references_are_still_guarded_afterwards(engine: Engine) -> None:
    at_revision(engine, "0003")
    with engine.begin() as connection:
        fill(connection)
    migrate(engine)
    journal = {"merchant_id": "shop", "kind": "x", "booked_on": date(2026, 1, 1)}
    with pytest.raises(IntegrityError), engine.begin() as connection:
        insert(connection, "journal", id=9_999, reference="r", invoice_id=77_777, **journal)
