"""One-off charges: by a reference, once, under the cap, and never mixed up with the cycle."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from support.shop import OpenShop, Shop, subscriber

from billing import ImportStatus, OutcomeKind, pull_brake, release_brake, writing
from billing.one_off import (
    OneOff,
    OneOffCharge,
    OneOffItem,
    preview_one_off,
    request_one_off,
)
from plans import BadInput, TaxCategory

BEANS = OneOffItem("豆 200g", "Beans 200 g", 1_080, 2, TaxCategory.REDUCED)
MILL = OneOffItem("ミル", "Mill", 3_300)
ORDER = OneOff("sub-001", "order-77", (BEANS, MILL))  # 2 × 1,080 + 3,300 = 5,460
NUMBER = "sub-001-one_off-order-77"
DAY = date(2026, 11, 25)
PERMISSION = "C03-0000001-0000001"


def ask(shop: Shop, order: OneOff = ORDER) -> OneOffCharge:
    """Staff ask for a one-off; nothing is sent."""
    merchant, at = shop.engine.merchant, shop.clock.now()
    return writing(
        shop.database,
        lambda c: request_one_off(
            c, merchant, order=order, actor="sato", reason="by telephone", at=at
        ),
    )


def charged(shop: Shop, order: OneOff = ORDER) -> OneOffCharge:
    """Ask, charge it now, and see how it stands."""
    shop.engine.charge_now([ask(shop, order).slot_id])
    return ask(shop, order)


@pytest.fixture
def shop(opened: OpenShop) -> Shop:
    shop = opened(subscribers=[subscriber(1)])
    shop.go_to(DAY)
    return shop


def test_the_same_reference_is_charged_once_and_leaves_the_cycle_alone(shop: Shop) -> None:
    before = shop.subscription("sub-001")
    first = charged(shop)
    again = charged(shop)
    assert first.is_paid
    assert replace(again, repeated=False) == replace(first, repeated=False)
    assert shop.taken() == [(NUMBER, 5_460)]
    assert shop.subscription("sub-001") == before
    # 2,160 at 8 % holds 160 of tax, 3,300 at 10 % holds 300.
    assert shop.balances() == {
        "amazon_receivable": 5_460,
        "sales:reduced": -2_000,
        "sales:standard": -3_000,
        "consumption_tax:reduced": -160,
        "consumption_tax:standard": -300,
    }
    shop.charge_on(date(2026, 11, 30))
    assert shop.taken() == [("sub-001-0010-renewal", 1_980), (NUMBER, 5_460)]
    assert shop.subscription("sub-001")["next_cycle"] == before["next_cycle"] + 1
    assert shop.rows("SELECT used_yen FROM cap_month") == [{"used_yen": 7_440}]
    assert shop.faults() == []


def test_a_reference_stands_for_one_order(shop: Shop) -> None:
    charged(shop)
    with pytest.raises(BadInput, match="2 × 1080 yen, 1 × 3300 yen"):
        ask(shop, replace(ORDER, items=(MILL,)))


def test_a_lost_answer_is_found_under_the_same_key(shop: Shop) -> None:
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 1}])
    assert charged(shop).is_paid
    assert shop.taken() == [(NUMBER, 5_460)]


def test_a_process_that_dies_after_asking_leaves_it_to_the_next_run(shop: Shop) -> None:
    asked = ask(shop)
    assert asked.state == "due"
    shop.engine.run_due()
    assert ask(shop).is_paid


@pytest.mark.parametrize("behaviour", ["SoftDeclined", "HardDeclined"])
def test_a_decline_calls_it_off_and_the_agreement_goes_on(opened: OpenShop, behaviour: str) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: [behaviour]})
    shop.go_to(DAY)
    declined = charged(shop)
    assert (declined.state, declined.reason) == ("refused", behaviour)
    assert shop.subscription("sub-001")["state"] == "active"
    assert shop.rows("SELECT state FROM invoice") == [{"state": "void"}]
    assert shop.balances() == {}
    assert shop.rows("SELECT kind FROM notice") == [{"kind": "one_off_declined"}]
    assert shop.rows("SELECT invoice_id FROM dunning") == []
    assert shop.faults() == []


def test_the_cap_is_shared_and_nothing_beyond_it_is_asked(shop: Shop) -> None:
    big = OneOff("sub-001", "big", (OneOffItem("機械", "Machine", 49_000),))
    assert charged(shop, big).is_paid
    with pytest.raises(BadInput, match=r"room for 1000 yen now.*from 2026-12-01 on") as caught:
        ask(shop)
    assert caught.value.field == "total_yen"
    with shop.database.connect() as connection:
        seen = preview_one_off(connection, shop.engine.merchant, order=ORDER, at=shop.clock.now())
    assert (seen.total_yen, seen.room_yen, seen.room_from) == (5_460, 1_000, date(2026, 12, 1))
    assert len(shop.taken()) == 1
    # The renewal of the 30th finds the room taken and is split by the merchant's rule.
    shop.charge_on(date(2026, 11, 30))
    assert dict(shop.taken())["sub-001-0010-renewal"] == 1_000


def test_amazons_own_lower_limit_calls_it_off(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], amount_limit_yen=3_000)
    shop.go_to(DAY)
    off = charged(shop)
    assert (off.state, off.reason) == ("refused", "cap")
    assert shop.balances() == {}
    shop.charge_on(date(2026, 11, 30))
    assert shop.taken() == [("sub-001-0010-renewal", 1_980)]


def test_two_charges_of_a_permission_go_one_after_another(shop: Shop) -> None:
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 4}])
    first = charged(shop)
    assert first.state == "open"
    second = OneOff("sub-001", "order-78", (MILL,))
    shop.engine.charge_now([ask(shop, second).slot_id])
    assert ask(shop, second).state == "due"
    shop.clock.set(shop.clock.now() + timedelta(minutes=10))
    report = shop.engine.run_due()
    assert report.outcomes == {OutcomeKind.CAPTURED: 2}
    assert shop.taken() == [(NUMBER, 5_460), ("sub-001-one_off-order-78", 3_300)]


def test_the_brake_and_a_paused_agreement_refuse_it(opened: OpenShop) -> None:
    rows = [subscriber(1), subscriber(2, status=ImportStatus.PAUSED, next_charge_on=None)]
    shop = opened(subscribers=rows)
    with pytest.raises(BadInput, match="paused, and nothing is charged"):
        ask(shop, replace(ORDER, subscription_id="sub-002"))
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(shop.database, lambda c: pull_brake(c, merchant, by="sato", reason="test", at=at))
    with pytest.raises(BadInput, match="brake"):
        ask(shop)
    writing(shop.database, lambda c: release_brake(c, merchant, reason="over", at=at))
    assert charged(shop).is_paid


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reference": "a:b"}, "reference"),
        ({"reference": ""}, "reference"),
        ({"reference": "x" * 41}, "reference"),
        ({"items": ()}, "items"),
    ],
    ids=["colon", "empty", "long", "nothing"],
)
def test_what_is_no_order(changes: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        replace(ORDER, **changes)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"unit_yen": 0}, "unit_yen"),
        ({"unit_yen": -5}, "unit_yen"),
        ({"quantity": 0}, "quantity"),
        ({"description_ja": " "}, "name_ja"),
        ({"description_en": "a\nb"}, "name_en"),
    ],
)
def test_what_is_no_item(changes: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        replace(MILL, **changes)
    assert caught.value.field == field


def test_who_and_why_are_in_the_chained_events(shop: Shop) -> None:
    ask(shop)
    (event,) = shop.rows("SELECT kind, actor, reason, detail FROM audit_event")
    assert event == {
        "kind": "one_off_requested",
        "actor": "sato",
        "reason": "by telephone",
        "detail": '{"amount_yen":5460,"reference":"sub-001-one_off-order-77"}',
    }
