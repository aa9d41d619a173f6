"""Subscribers in the database: what each row becomes, all or nothing, and again without effect."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from small_books import AT, MERCHANT, SmallBooks
from sqlalchemy import Engine, insert

from app.subscribers_file import read_subscribers
from billing.catalogue.catalogue_store import load_price_list, store_catalogue
from billing.catalogue.subscribers_store import (
    ImportStatus,
    SubscriberRow,
    SubscribersChange,
    store_subscribers,
)
from billing.charging.opening import open_due_cycles
from billing.store.database import open_engine, reading, writing
from billing.store.merchants import Merchant, load_merchant
from billing.store.rows import Row, fetch
from billing.tables import metadata
from plans import UnknownPlan, parse_catalogue

DATA = Path(__file__).parent.parent / "data"
TABLES = ("customer", "charge_permission", "subscription", "subscription_event")

ROW = SubscriberRow(
    line=2,
    external_id="a1",
    name="髙木 健一",
    kana="タカギ ケンイチ",
    email="a1@example.jp",
    plan_code="light",
    quantity=1,
    started_on=date(2026, 1, 31),
    anchor_day=31,
    next_charge_on=date(2026, 11, 30),
    status=ImportStatus.ACTIVE,
    resume_on=None,
    charge_permission_id="B03-1234567-1234567",
    buyer_id="amzn1.account.A",
    postal_code="153-0064",
    minimum_cycles_done=None,
    note="=1+1 ではない",
)
# January is cycle 0, so 30 November is cycle 10. 9 o'clock in Tokyo is midnight UTC.
DUE = datetime(2026, 11, 30, tzinfo=UTC)


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    metadata.create_all(engine)
    text = (DATA / "catalogue.yaml").read_text(encoding="utf-8")
    with engine.begin() as connection:
        SmallBooks(connection)
        store_catalogue(connection, MERCHANT, parse_catalogue(text))
    yield engine
    engine.dispose()


@pytest.fixture
def books(database_url: str) -> Iterator[Engine]:
    with opened(database_url) as engine:
        yield engine


def merchant_of(books: Engine) -> Merchant:
    with reading(books) as connection:
        return load_merchant(connection, MERCHANT)


def store(books: Engine, *rows: SubscriberRow) -> SubscribersChange:
    merchant = merchant_of(books)
    return writing(books, lambda c: store_subscribers(c, merchant, rows, at=AT))


def dump(books: Engine, *names: str) -> list[Row]:
    with reading(books) as connection:
        return [
            row
            for name in names or TABLES
            for row in fetch(connection, metadata.tables[name].select().order_by("id"))
        ]


def sample_rows(books: Engine) -> Sequence[SubscriberRow]:
    merchant = merchant_of(books)
    with reading(books) as connection:
        prices = load_price_list(connection, MERCHANT)
    return read_subscribers(
        (DATA / "subscribers.csv").read_bytes(),
        prices=prices,
        cap_yen=merchant.cap_yen,
        cap_rule=merchant.cap_rule,
    ).rows


@pytest.mark.parametrize(
    ("changes", "stored"),
    [
        pytest.param(
            {},
            {"state": "active", "first_cycle": 0, "next_cycle": 10, "cycles_done": 10}
            | {"due_at": DUE, "anchor_month": 1, "anchor_day": 31, "cancel_at_period_end": False},
            id="active",
        ),
        pytest.param(
            {"status": ImportStatus.TRIALING},
            {"state": "trialing", "first_cycle": 10, "next_cycle": 10, "cycles_done": 0},
            id="trialing",
        ),
        pytest.param(
            {"status": ImportStatus.PAST_DUE, "minimum_cycles_done": 2},
            {"state": "past_due", "next_cycle": 10, "cycles_done": 2, "due_at": DUE},
            id="past-due",
        ),
        pytest.param(
            {"status": ImportStatus.CANCEL_SCHEDULED},
            {"state": "active", "cancel_at_period_end": True, "due_at": DUE},
            id="cancel-scheduled",
        ),
        pytest.param(
            {"status": ImportStatus.PAUSED},
            {"state": "paused", "next_cycle": 10, "due_at": None, "resume_on": None},
            id="paused",
        ),
        pytest.param(
            {"status": ImportStatus.PAUSED, "resume_on": date(2027, 1, 3)},
            {"due_at": datetime(2027, 1, 3, tzinfo=UTC), "resume_on": date(2027, 1, 3)},
            id="paused-until",
        ),
        pytest.param(
            {"status": ImportStatus.CANCELED, "next_charge_on": None, "minimum_cycles_done": 4},
            {"state": "canceled", "due_at": None, "next_cycle": 4, "cycles_done": 4},
            id="canceled",
        ),
        pytest.param(
            # 28 × 11 = 308 days after 26 January is 30 November.
            {"plan_code": "rice", "started_on": date(2026, 1, 26), "anchor_day": None},
            {"next_cycle": 11, "anchor_day": 26, "due_at": DUE},
            id="four-weeks",
        ),
    ],
)
def test_what_a_row_becomes(
    sqlite_url: str, changes: dict[str, Any], stored: dict[str, Any]
) -> None:
    with opened(sqlite_url) as books:
        assert store(books, replace(ROW, **changes)) == SubscribersChange(1, 0, ())
        (subscription,) = dump(books, "subscription")
        assert {name: subscription[name] for name in stored} == stored
        (event,) = dump(books, "subscription_event")
        assert (event["kind"], event["actor"], event["at"]) == ("imported", "import", AT)
        assert event["state_before"] == event["state_after"] == subscription["state"]


def test_the_sample_is_stored_fast_once_and_as_typed(books: Engine) -> None:
    rows = sample_rows(books)
    began = time.monotonic()
    assert store(books, *rows) == SubscribersChange(2_000, 0, ())
    assert time.monotonic() - began < 3
    before = dump(books)
    # 1,952 buyers: some have two or three subscriptions on one charge permission.
    assert len(before) == 2_000 + 1_952 + 2_000 + 2_000
    assert store(books, *rows) == SubscribersChange(0, 2_000, ())
    assert dump(books) == before
    first = dump(books, "customer")[0]
    assert (first["name"], first["note"]) == ("髙木 健一", "配送は玄関前")


def test_what_was_imported_is_charged_on_its_day(books: Engine) -> None:
    store(books, ROW)
    assert open_due_cycles(books, merchant_of(books), at=DUE).handled == 1
    (invoice,) = dump(books, "invoice")
    assert (invoice["number"], invoice["total_yen"]) == ("a1-0010", 980)
    assert (invoice["period_start"], invoice["period_end"]) == (
        date(2026, 11, 30),
        date(2026, 12, 31),
    )


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"external_id": "a1", "quantity": 2}, "external_id"),
        ({"external_id": "a1", "note": ""}, "external_id"),
        ({"external_id": "a2", "buyer_id": "amzn1.account.B"}, "buyer_id"),
        ({"external_id": "shopper"}, "external_id"),
    ],
    ids=["other-terms", "other-note", "other-buyer", "customer-of-that-id"],
)
def test_a_row_that_differs_stops_the_whole_import(
    books: Engine, changes: dict[str, Any], column: str
) -> None:
    store(books, ROW)
    someone = {"merchant_id": MERCHANT, "external_id": "shopper", "name": "A", "email": "a@b.jp"}
    with books.begin() as connection:
        connection.execute(insert(metadata.tables["customer"]), [someone])
    before = dump(books)
    other = replace(ROW, **changes)
    fresh = replace(ROW, external_id="fresh")
    change = store(books, fresh, other)
    ((row, refused),) = change.differing
    assert (row, refused.column, change.added) == (other, column, 0)
    assert dump(books) == before


def test_subscriptions_of_one_buyer_share_the_permission_also_across_files(books: Engine) -> None:
    store(books, ROW, replace(ROW, external_id="a2"))
    assert store(books, replace(ROW, external_id="a3")) == SubscribersChange(1, 0, ())
    assert len(dump(books, "charge_permission")) == 1
    assert {row["permission_id"] for row in dump(books, "subscription")} == {
        dump(books, "charge_permission")[0]["id"]
    }


def test_a_failure_halfway_leaves_nothing(books: Engine) -> None:
    before = dump(books)
    with pytest.raises(UnknownPlan):
        store(books, ROW, replace(ROW, external_id="a2", plan_code="gold"))
    assert dump(books) == before


def test_the_line_is_no_part_of_what_a_row_says() -> None:
    moved = replace(ROW, line=99)
    assert (moved, moved.content_hash) == (ROW, ROW.content_hash)
    assert replace(ROW, quantity=2).content_hash != ROW.content_hash
