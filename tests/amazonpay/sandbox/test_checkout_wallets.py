"""The buyer's side without HTTP: wallets, address books, agreements and the upgrade."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from amazonpay.sandbox.charges import create_charge
from amazonpay.sandbox.checkout import buyer_side, completion
from amazonpay.sandbox.checkout.buyer_side import Permission, Session
from amazonpay.sandbox.checkout.operations import get_buyer
from amazonpay.sandbox.options import Options
from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.store import Store
from amazonpay.sandbox.world import Request, World

NOW = 1_775_000_000_000
YEN = {"amount": "980", "currencyCode": "JPY"}
CYCLE = {"frequency": {"unit": "Month", "value": "1"}, "amount": YEN}
PAYLOAD = {
    "storeId": "store",
    "webCheckoutDetails": {
        "checkoutReviewReturnUrl": "https://shop.example.jp/?a=1#top",
        "checkoutResultReturnUrl": "https://shop.example.jp/result",
    },
    "paymentDetails": {"chargeAmount": YEN, "paymentIntent": "Confirm"},
}
RECURRING = PAYLOAD | {"chargePermissionType": "Recurring", "recurringMetadata": CYCLE}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = Store(tmp_path / "state.db")
    options = Options(buyer_token_reusable=False)
    yield World(store=store, options=options, environment="sandbox", store_id="store")
    store.close()


def chosen(world: World, payload: dict[str, object], card: str = "card-1111") -> Session:
    opened = buyer_side.open_session(world, payload, product_type="PayAndShip", now=NOW)
    owner = buyer_side.test_buyers(world)[0]
    return buyer_side.attach(
        world, opened, buyer=owner, instrument_id=card, address_id="address-1", now=NOW
    )


def completed(world: World, session: Session) -> Session:
    buyer_side.approve(world, session, now=NOW)
    completion.complete(world, Request(now=NOW, target_id=session.id, body={"chargeAmount": YEN}))
    return buyer_side.session(world, session.id)


def agreement(world: World, card: str = "card-1111") -> Permission:
    ended = completed(world, chosen(world, RECURRING, card))
    return world.permission(ended.charge_permission_id or "")


def test_the_session_id_goes_before_the_fragment(world: World) -> None:
    session = chosen(world, PAYLOAD)
    assert buyer_side.review_url(session) == (
        f"https://shop.example.jp/?a=1&amazonCheckoutSessionId={session.id}#top"
    )
    assert buyer_side.cancel_url(session) is None


def test_an_upgrade_changes_an_open_session(world: World) -> None:
    session = chosen(world, PAYLOAD)
    up = buyer_side.upgrade(world, session, {"recurringMetadata": CYCLE}, now=NOW)
    assert (up.id, up.charge_permission_type) == (session.id, "Recurring")
    assert completed(world, up).charge_permission_id[:3] == "C03"  # type: ignore[index]  # is set


@pytest.mark.parametrize("from_session", [True, False], ids=["session", "permission"])
def test_an_upgrade_after_the_checkout_opens_a_second_one(world: World, from_session: bool) -> None:
    first = completed(world, chosen(world, PAYLOAD))
    order = world.permission(first.charge_permission_id or "")
    payload = {
        "storeId": "store",
        "webCheckoutDetails": PAYLOAD["webCheckoutDetails"],
        "chargePermissionType": "Recurring",
        "recurringMetadata": CYCLE,
    }
    second = buyer_side.upgrade(world, first if from_session else order, payload, now=NOW)
    assert second.id != first.id
    assert (second.buyer_id, second.instrument_id) == (first.buyer_id, first.instrument_id)
    ended = completed(world, second)
    made = world.permission(ended.charge_permission_id or "")
    assert (made.kind, made.buyer_id) == ("Recurring", order.buyer_id)
    with pytest.raises(Refused, match="recurring already"):
        buyer_side.upgrade(world, made, payload, now=NOW)


@pytest.mark.parametrize(
    "payload", [{"chargePermissionType": "OneTime"}, {"colour": 1}], ids=["type", "unknown"]
)
def test_an_upgrade_is_recurring(world: World, payload: dict[str, object]) -> None:
    with pytest.raises(Refused):
        buyer_side.upgrade(world, chosen(world, PAYLOAD), payload, now=NOW)


def test_a_deleted_card_stops_its_agreements_until_another_is_chosen(world: World) -> None:
    mine, other = agreement(world, "card-1111"), agreement(world, "card-4444")
    owner = buyer_side.buyer(world, mine.buyer_id)
    owner = buyer_side.delete_card(world, owner, "card-1111", NOW + 1)
    stopped = world.permission(mine.id)
    assert (stopped.state, stopped.reason_code) == ("NonChargeable", "PaymentMethodDeleted")
    assert world.permission(other.id).state == "Chargeable"
    assert owner.instrument("card-1111") is None
    assert len(buyer_side.buyer(world, mine.buyer_id).instruments) == 8
    with pytest.raises(Refused):
        buyer_side.change_payment_method(world, stopped, instrument_id="card-1111", now=NOW)
    back = buyer_side.change_payment_method(world, stopped, instrument_id="card-0005", now=NOW + 2)
    assert (back.state, back.reason_code, back.changed_at) == ("Chargeable", None, NOW + 2)
    assert json.loads(back.details)["paymentDescriptor"].startswith("American Express")
    assert buyer_side.add_card(world, owner, "1111").instrument("card-1111") is not None


def test_an_agreement_is_ended_once(world: World) -> None:
    row = agreement(world)
    ended = buyer_side.end_agreement(world, row, now=NOW + 5)
    assert (ended.state, ended.reason_code) == ("Closed", "BuyerClosed")
    for act in (
        lambda: buyer_side.end_agreement(world, ended, now=NOW),
        lambda: buyer_side.change_payment_method(world, ended, instrument_id="card-0005", now=NOW),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.status == 422
    charge = {"chargePermissionId": ended.id, "chargeAmount": YEN}
    with pytest.raises(Refused, match="Closed"):
        create_charge(world, Request(now=NOW, target_id="", body=charge))


def test_agreements_are_the_recurring_ones_newest_first(world: World) -> None:
    first = agreement(world)
    completed(world, chosen(world, PAYLOAD))
    second = agreement(world)
    found = buyer_side.agreements(world, first.buyer_id)
    assert [row.id for row in found] == [second.id, first.id]


def test_an_address_is_added_to_the_book(world: World) -> None:
    owner = buyer_side.test_buyers(world)[1]
    given = {
        "name": "倉庫",
        "addressLine1": "1-1",
        "postalCode": "100-0001",
        "stateOrRegion": "東京都",
    }
    more = buyer_side.add_address(world, owner, given)
    entry = more.addresses[-1]
    assert (entry.id, entry.address["countryCode"]) == ("address-3", "JP")
    assert buyer_side.buyer(world, owner.buyer_id) == more
    with pytest.raises(Refused, match="postalCode"):
        buyer_side.add_address(world, owner, given | {"postalCode": ""})


def test_buyers_are_found_by_mail_in_any_case(world: World) -> None:
    found = buyer_side.find_buyer(world, " Hanako.Yamada@EXAMPLE.jp ")
    assert found is not None
    assert found.name == "山田 花子"
    assert buyer_side.find_buyer(world, "nobody@example.jp") is None
    assert buyer_side.find_buyer_by_id(world, "nobody") is None


def test_a_token_that_may_be_used_once(world: World) -> None:
    owner = buyer_side.test_buyers(world)[0]
    token = buyer_side.issue_token(world, owner, scopes=("name",), now=NOW)
    request = Request(now=NOW, target_id=token, body={})
    assert get_buyer(world, request).object_id == owner.buyer_id
    with pytest.raises(Refused) as refused:
        get_buyer(world, request)
    assert refused.value.status == 404


def test_approve_needs_everything(world: World) -> None:
    opened = buyer_side.open_session(world, PAYLOAD, product_type="PayOnly", now=NOW)
    with pytest.raises(Refused, match="BuyerNotAssociated"):
        buyer_side.approve(world, opened, now=NOW)
    with pytest.raises(Refused, match="productType"):
        buyer_side.open_session(world, PAYLOAD, product_type="Gift", now=NOW)
