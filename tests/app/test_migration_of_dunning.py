"""Revision 0009 freezes the dunning that is under way, and keeps offers with their versions."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from test_migration_of_invoices import at_revision, fill, insert

from app.migrations import migrate
from billing import open_engine, reading
from billing.catalogue.dunning_store import dunning_of
from billing.store.merchants import load_merchant

AT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    at_revision(engine, "0003")
    with engine.begin() as connection:
        fill(connection)
    at_revision(engine, "0008")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE merchant SET dunning_days = '2, 5', dunning_end = 'cancel'")
        )
        connection.execute(text("UPDATE invoice SET state = 'open', paid_yen = 0 WHERE id < 5"))
        for number, changes in enumerate(
            [
                {"state": "due", "declines": 1, "declined_on": date(2026, 1, 3)},
                {"state": "waiting_buyer", "declines": 0},
                {"state": "due", "declines": 0},
            ],
            start=1,
        ):
            row = {"cycle": number, "purpose": "renewal", "part": 1, "amount_yen": 100}
            row |= {"reference": f"r{number}", "first_due_at": AT, "due_at": AT, "attempts": 0}
            owner = {"merchant_id": "shop", "subscription_id": 1, "permission_id": 1}
            insert(connection, "slot", invoice_id=number, cap_moves=0, **row, **owner, **changes)
        offer = {"merchant_id": "shop", "section": "coupons", "code": "half"}
        insert(connection, "offer", id=7, name_ja="半", name_en="Half", **offer)
        version = {"valid_from": date(2026, 1, 1), "terms": "{}", "content_hash": "-"}
        insert(connection, "offer_version", id=3, merchant_id="shop", offer_id=7, **version)
    yield engine
    engine.dispose()


def test_running_dunning_is_frozen_under_the_rules_of_the_day(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE merchant SET dunning_days = '9', dunning_end = 'pause'"))
    with reading(engine) as connection:
        rows = connection.execute(
            text("SELECT invoice_id, began_on, ends_by, terms FROM dunning ORDER BY invoice_id")
        ).all()
        assert [(row[0], str(row[1]), row[2]) for row in rows] == [
            (1, "2026-01-03", "cancel"),  # of its first decline
            (2, "2026-01-01", "cancel"),  # it never was declined: the day of issue
        ]
        merchant = load_merchant(connection, "shop")
        schedules = dunning_of(connection, merchant, [1, 2], at=AT)
    assert {s.schedule.soft.days for s in schedules.values()} == {(2, 5)}
    assert {s.row for s in schedules.values()} == {None}


def test_offers_keep_their_versions_and_may_be_schedules_now(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        found = connection.execute(
            text("SELECT o.id, o.code, v.id FROM offer o JOIN offer_version v ON v.offer_id = o.id")
        ).all()
        assert [tuple(row) for row in found] == [(7, "half", 3)]
        names = {"merchant_id": "shop", "name_ja": "", "name_en": ""}
        insert(connection, "offer", id=8, section="dunning", code="s", **names)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        insert(connection, "offer", id=9, section="gifts", code="s", **names)
