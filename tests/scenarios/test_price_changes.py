"""Another price for subscribers: tried dry, announced, told, charged at renewal, withdrawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber

from billing import load_catalogue, load_price_list, writing
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
from billing.store.notices import write_notices
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
    assert sold_at(shop) == 2_480
    with pytest.raises(BadInput, match="withdraw that one first"):
        ask(shop, try_price_change, wish(amount_yen=2_980))
    assert tell_price_changes(shop.database, shop.engine.merchant, at=shop.clock.now()) == 3
    for _ in range(2):
        ask(shop, withdraw_price_change, code=made.code, by="owner")
    who_was_told_hears_that_it_stays(shop)
    assert sold_at(shop) == 1_980, "a price that was withdrawn is sold to nobody"
    assert len(shop.rows("SELECT id FROM offer_version")) == 2, "withdrawing it twice is once"
    (change,) = ask(shop, price_changes)
    assert change.state is PriceChangeState.WITHDRAWN
    gone = writing(shop.database, lambda c: price_payers(c, shop.engine.merchant, change.migration))
    assert gone == []
    at = shop.clock.now()
    assert tell_price_changes(shop.database, shop.engine.merchant, at=at) == 0
    # The price list keeps 2,480 from 31 December on, off sale: it is chosen as what it is.
    later = wish(amount_yen=0, new=PriceRef("basic", BEGINS), effective_on=date(2027, 1, 25))
    assert ask(shop, try_price_change, later).makes_price, "it is put on sale again"
    again = schedule(shop, later, 3, 1_500)
    assert again.code == made.code
    assert sold_at(shop) == 2_480
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


def sold_at(shop: Shop) -> int:
    """What somebody pays who signs up on the day on which the change would have begun."""
    catalogue = writing(shop.database, lambda c: load_catalogue(c, "shop"))
    listed = writing(shop.database, lambda c: load_price_list(c, "shop"))
    imported = listed.at_start("basic", started_on=BEGINS).terms.price.amount_yen
    assert catalogue.price_on("basic", BEGINS).amount_yen == imported
    return imported


def who_was_told_hears_that_it_stays(shop: Shop) -> None:
    sql = "SELECT dedup_key, facts FROM notice WHERE kind = 'price_stays' ORDER BY subscription_id"
    told = shop.rows(sql)
    assert [row["dedup_key"].partition("/")[0] for row in told] == ["sub-001", "sub-005", "sub-006"]
    assert '"new_yen":2480' in told[0]["facts"]
    assert '"old_yen":1980' in told[0]["facts"]


def test_the_same_day_is_announced_withdrawn_and_announced_again(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each announcement and each withdrawal is told once, however often the worker looks."""
    shop, merchant = small_shop, small_shop.engine.merchant
    monkeypatch.setattr("billing.deliveries.price_changes.SLICE", 2)

    def tell() -> int:
        return tell_price_changes(shop.database, merchant, at=shop.clock.now())

    for _ in range(2):
        made = schedule(shop, wish(), 3, 1_500)
        assert (tell(), tell()) == (3, 0)
        ask(shop, withdraw_price_change, code=made.code, by="owner", keep_on_sale=True)
        assert (tell(), ask_told(shop, made)) == (0, 3)
        assert sold_at(shop) == 2_480, "it is to be kept on sale"
    kinds = shop.rows("SELECT kind FROM notice WHERE kind LIKE 'price_%' ORDER BY id")
    assert [row["kind"] for row in kinds] == [
        *["price_change"] * 3,
        *["price_stays"] * 3,
    ] * 2


def test_who_is_told_while_the_change_is_withdrawn_hears_of_it_at_the_next_look(
    small_shop: Shop,
) -> None:
    shop, merchant, at = small_shop, small_shop.engine.merchant, small_shop.clock.now()
    made = schedule(shop, wish(), 3, 1_500)
    tell_price_changes(shop.database, merchant, at=at)
    late = "SELECT * FROM notice WHERE kind = 'price_change' ORDER BY id DESC LIMIT 1"
    (notice,) = shop.rows(late)
    # The worker had read the price list, and its notice comes after the withdrawal.
    delete = text("DELETE FROM notice WHERE id = :i").bindparams(i=notice["id"])
    writing(shop.database, lambda c: c.execute(delete))
    ask(shop, withdraw_price_change, code=made.code, by="owner")
    again = {name: notice[name] for name in notice if name != "id"} | {"written_at": at}
    writing(shop.database, lambda c: write_notices(c, [again]))
    assert tell_price_changes(shop.database, merchant, at=at) == 1
    assert tell_price_changes(shop.database, merchant, at=at) == 0
    shop.go_to(BEGINS, hour=12)
    assert tell_price_changes(shop.database, merchant, at=shop.clock.now()) == 0


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
