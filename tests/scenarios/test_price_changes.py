"""Another price for subscribers: tried dry, announced, told, charged at renewal, withdrawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber

from billing import writing
from billing.bulk_work.price_change import (
    PriceChangeState,
    PriceTrial,
    PriceWish,
    SeenOtherwise,
    price_changes,
    price_payers,
    schedule_price_change,
    told_of,
    try_price_change,
    withdraw_price_change,
)
from billing.deliveries import tell_price_changes
from plans import ALWAYS, BadInput, PriceRef

DAY = date(2026, 11, 30)
BEGINS = date(2026, 12, 31)
SHARED = "C03-0000005-0000001"
SUBSCRIBERS = [
    subscriber(1),
    subscriber(3, plan_code="team", quantity=3),
    subscriber(5, charge_permission_id=SHARED, buyer_id="amzn1.account.SHARED"),
    subscriber(7, plan_code="studio", charge_permission_id=SHARED, buyer_id="amzn1.account.SHARED"),
    subscriber(6, next_charge_on=date(2026, 12, 20), anchor_day=20, started_on=date(2026, 1, 20)),
]


@contextmanager
def played(url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with opening(url, sandbox) as opened:
        made = opened(subscribers=SUBSCRIBERS)
        made.charge_on(DAY)
        made.go_to(DAY, hour=12)
        yield made


@pytest.fixture
def shop(database_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with played(database_url, sandbox) as made:
        yield made


@pytest.fixture
def small_shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    """On one database: what is asked of it does not differ."""
    with played(sqlite_url, sandbox) as made:
        yield made


def wish(**changes: Any) -> PriceWish:
    wanted = {
        "old": PriceRef("basic", ALWAYS),
        "amount_yen": 2_480,
        "effective_on": BEGINS,
        "notice_on": DAY,
        "notice_days": 30,
    }
    return PriceWish(**(wanted | changes))


def ask(shop: Shop, work: Any, *given: Any, **named: Any) -> Any:
    merchant, at = shop.engine.merchant, shop.clock.now()
    return writing(shop.database, lambda c: work(c, merchant, *given, at=at, **named))


def schedule(shop: Shop, wanted: PriceWish, rows: int, yen: int) -> Any:
    return ask(shop, schedule_price_change, wanted, seen_rows=rows, seen_yen=yen, by="owner")


def test_a_price_change_from_its_dry_run_to_its_charge(shop: Shop) -> None:
    before = shop.rows("SELECT id FROM price"), shop.rows("SELECT id FROM offer_version")
    trial: PriceTrial = ask(shop, try_price_change, wish())
    # 1, 5 and 6 pay basic: 3 × (2,480 - 1,980) = 1,500 more a month.
    assert (len(trial.payers), trial.monthly_yen, trial.makes_price) == (3, 1_500, True)
    days = {payer.name: payer.first_on for payer in trial.payers}
    assert days["sub-001"] == date(2027, 1, 30), "30 December lies before the first day"
    assert days["sub-006"] == date(2027, 1, 20)
    after = shop.rows("SELECT id FROM price"), shop.rows("SELECT id FROM offer_version")
    assert after == before, "a dry run keeps nothing"
    with pytest.raises(SeenOtherwise):
        schedule(shop, wish(), 3, 1_499)
    assert shop.rows("SELECT id FROM offer_version") == before[1]
    for _ in range(2):
        made = schedule(shop, wish(), 3, 1_500)
    assert len(shop.rows("SELECT id FROM offer_version")) == 1, "scheduling it twice is once"
    at = shop.clock.now()
    assert tell_price_changes(shop.database, shop.engine.merchant, at=at) == 3
    assert ask_told(shop, made) == 3
    shop.charge_on(date(2026, 12, 20))
    shop.charge_on(date(2026, 12, 30))
    shop.charge_on(date(2027, 1, 20))
    paid = dict(shop.taken())
    assert (paid["sub-006-0011-renewal"], paid["sub-006-0012-renewal"]) == (1_980, 2_480)
    (change,) = ask(shop, price_changes)
    assert change.state is PriceChangeState.IN_FORCE
    with pytest.raises(BadInput, match="took effect"):
        ask(shop, withdraw_price_change, code=made.code, by="owner")
    assert shop.faults() == []


def ask_told(shop: Shop, migration: Any) -> int:
    return writing(shop.database, lambda c: told_of(c, shop.engine.merchant, migration))


def test_a_price_change_is_refused_withdrawn_and_scheduled_anew(small_shop: Shop) -> None:
    what_a_price_change_refuses(small_shop)
    withdrawn_and_scheduled_anew(small_shop)


def withdrawn_and_scheduled_anew(shop: Shop) -> None:
    made = schedule(shop, wish(), 3, 1_500)
    with pytest.raises(BadInput, match="withdraw that one first"):
        ask(shop, try_price_change, wish(amount_yen=2_980))
    for _ in range(2):
        ask(shop, withdraw_price_change, code=made.code, by="owner")
    assert len(shop.rows("SELECT id FROM offer_version")) == 2, "withdrawing it twice is once"
    (change,) = ask(shop, price_changes)
    assert change.state is PriceChangeState.WITHDRAWN
    gone = writing(shop.database, lambda c: price_payers(c, shop.engine.merchant, change.migration))
    assert gone == []
    at = shop.clock.now()
    assert tell_price_changes(shop.database, shop.engine.merchant, at=at) == 0
    # The price list keeps 2,480 from 31 December on: it is chosen as the price that it is.
    later = wish(amount_yen=0, new=PriceRef("basic", BEGINS), effective_on=date(2027, 1, 25))
    again = schedule(shop, later, 3, 1_500)
    assert again.code == made.code
    shop.charge_on(date(2026, 12, 20))
    shop.charge_on(date(2027, 1, 20))
    assert dict(shop.taken())["sub-006-0012-renewal"] == 1_980, "not yet"
    shop.charge_on(date(2027, 1, 30))
    assert dict(shop.taken())["sub-001-0012-renewal"] == 2_480
    kinds = shop.rows("SELECT kind FROM audit_event WHERE kind LIKE 'price_change%' ORDER BY id")
    assert [row["kind"].rpartition("_")[2] for row in kinds] == [
        "scheduled",
        "withdrawn",
        "scheduled",
    ]
    assert shop.faults() == []


def what_a_price_change_refuses(shop: Shop) -> None:
    cases = [
        ({"effective_on": date(2026, 12, 29)}, "effective_on", "30 days after the notice"),
        ({"notice_on": date(2026, 11, 29)}, "notice_on", "past"),
        ({"amount_yen": 1_980}, "amount", "price of now"),
        ({"notice_days": 9, "effective_on": date(2026, 12, 29)}, "notice_days", "Amazon asks"),
        ({"amount_yen": 0, "new": PriceRef("yearly", ALWAYS)}, "to", "keeps the days"),
    ]
    for changes, field, rule in cases:
        with pytest.raises(BadInput) as refused:
            ask(shop, try_price_change, wish(**changes))
        assert (refused.value.field, rule in str(refused.value)) == (field, True), refused.value
    # 29,800 of 7 leave 20,200 of the shared 50,000: 20,300 do not fit any more.
    dear: PriceTrial = ask(shop, try_price_change, wish(amount_yen=20_300))
    assert {met.on for met in dear.cap} == {date(2027, 1, 30)}
