"""What customers are told before it happens: the next charge, another price; once each."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from prepared import migrated
from sqlalchemy import Engine, text
from support.shop import CATALOGUE, MERCHANT, subscriber

from billing import (
    ImportStatus,
    charge_instant,
    load_merchant,
    reading,
    store_catalogue,
    store_merchant,
    store_subscribers,
    writing,
)
from billing.deliveries import store_notice_rules, tell_price_changes, tell_upcoming
from billing.store.merchants import Merchant
from plans import parse_catalogue

MOVED = """
plans:
  - code: basic
    name: {ja: ベーシック, en: Basic}
    tax: standard
    every: {unit: month, count: 1}
    prices: [{price: 1980, valid_from: 2020-01-01}, {price: 2200, valid_from: 2027-01-01}]
  - {code: studio, name: {ja: スタジオ, en: Studio}, price: 29800, tax: standard,
     every: {unit: month, count: 1}}
migrations:
  - {code: rise, from: {plan: basic, valid_from: 2020-01-01},
     to: {plan: basic, valid_from: 2027-01-01},
     notice_on: 2026-12-01, effective_on: 2027-02-01}
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with migrated(database_url) as engine:
        yield engine


@pytest.fixture
def quick(sqlite_url: str) -> Iterator[Engine]:
    with migrated(sqlite_url) as engine:
        yield engine


def opened(engine: Engine, *subscribers: Any, catalogue: str = CATALOGUE, **rules: Any) -> Merchant:
    def fill(connection: Any) -> Merchant:
        store_merchant(connection, merchant_id=MERCHANT, environment="sandbox", rules={})
        store_notice_rules(connection, MERCHANT, rules)
        store_catalogue(connection, MERCHANT, parse_catalogue(catalogue))
        merchant = load_merchant(connection, MERCHANT)
        at = charge_instant(on=date(2026, 11, 1), timezone="Asia/Tokyo", hour=12)
        assert store_subscribers(connection, merchant, subscribers, at=at).differing == ()
        return merchant

    return writing(engine, fill)


def noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 3, tzinfo=UTC)  # 12:00 in Tokyo


def told(engine: Engine) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT * FROM notice ORDER BY id")).mappings()
        return [dict(row) for row in rows]


def test_a_charge_is_told_of_ten_days_before_and_once(engine: Engine) -> None:
    merchant = opened(engine, subscriber(1), subscriber(2, plan_code="team", quantity=3))
    due = date(2026, 11, 30)
    assert tell_upcoming(engine, merchant, at=noon(due - timedelta(days=11))) == 0
    assert tell_upcoming(engine, merchant, at=noon(due - timedelta(days=10))) == 2
    for day in (10, 9, 1):
        assert tell_upcoming(engine, merchant, at=noon(due - timedelta(days=day))) == 0
    one, three = told(engine)
    assert (one["kind"], one["amount_yen"], one["dedup_key"]) == (
        "upcoming",
        1_980,
        "sub-001/upcoming/10",
    )
    assert '"deadline":"2026-11-29"' in one["facts"]
    # 1,480 × 3 = 4,440
    assert three["amount_yen"] == 4_440
    assert "1,480円×3=4,440円" in three["facts"]


@pytest.mark.parametrize(
    ("changes", "days", "yen"),
    [
        pytest.param({}, 7, [1_980], id="days of the merchant's choice"),
        pytest.param({}, 0, [], id="nobody"),
        pytest.param({"status": ImportStatus.PAUSED}, 10, [], id="paused"),
        pytest.param(
            {"plan_code": "coffee", "started_on": date(2026, 11, 30)},
            10,
            [1_980],
            id="the first price",
        ),
        pytest.param(
            {"plan_code": "gift", "started_on": date(2026, 11, 30)}, 10, [], id="a free cycle"
        ),
    ],
)
def test_who_is_told_and_of_how_much(
    quick: Engine, changes: dict[str, Any], days: int, yen: list[int]
) -> None:
    merchant = opened(quick, subscriber(1, **changes), upcoming_days=days)
    tell_upcoming(quick, merchant, at=noon(date(2026, 11, 30) - timedelta(days=7)))
    assert [row["amount_yen"] for row in told(quick)] == yen


def test_many_are_told_slice_by_slice(quick: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.deliveries import upcoming

    monkeypatch.setattr(upcoming, "SLICE", 3)
    merchant = opened(quick, *(subscriber(n) for n in range(1, 9)))
    assert tell_upcoming(quick, merchant, at=noon(date(2026, 11, 25))) == 8
    assert tell_upcoming(quick, merchant, at=noon(date(2026, 11, 25))) == 0


def test_the_day_after_the_last_minute_no_deadline_is_promised(quick: Engine) -> None:
    merchant = opened(quick, subscriber(1))
    tell_upcoming(quick, merchant, at=noon(date(2026, 11, 29)) + timedelta(hours=12))
    (row,) = told(quick)
    assert "deadline" not in row["facts"]


def test_a_new_price_is_told_of_from_its_day_to_those_it_moves(engine: Engine) -> None:
    merchant = opened(engine, subscriber(1), subscriber(2, plan_code="studio"), catalogue=MOVED)
    assert tell_price_changes(engine, merchant, at=noon(date(2026, 11, 30))) == 0
    assert tell_price_changes(engine, merchant, at=noon(date(2026, 12, 1))) == 1
    assert tell_price_changes(engine, merchant, at=noon(date(2026, 12, 2))) == 0
    (row,) = told(engine)
    assert row["kind"] == "price_change"
    assert '"old_yen":1980' in row["facts"]
    assert '"new_yen":2200' in row["facts"]
    assert '"on":"2027-02-01"' in row["facts"]


def test_nobody_is_told_of_a_price_that_moved_long_ago(quick: Engine) -> None:
    merchant = opened(quick, subscriber(1), catalogue=MOVED)
    assert tell_price_changes(quick, merchant, at=noon(date(2027, 2, 1))) == 0
