"""One-time Charge Permissions: one amount, one open charge at a time, 25 charges, then closed."""

from typing import Any

import pytest
from checkout_flow import MONTHLY, Checkout
from wire_client import Got, WireClient, yen

pytestmark = pytest.mark.slow

DAY = 86_400
IN_PROGRESS = ("NonChargeable", "ChargeInProgress")


@pytest.fixture
def shop(amazon: WireClient, ready: dict[str, Any]) -> Checkout:
    return Checkout(amazon, ready["store_id"])


def capture(shop: Checkout, charge: str, amount: int, sim: str | None = None) -> Got:
    return shop.amazon.api(
        "POST", f"/charges/{charge}/capture", {"captureAmount": yen(amount)}, sim=sim
    )


def cancel(shop: Checkout, charge: str) -> Got:
    return shop.amazon.api("DELETE", f"/charges/{charge}/cancel", {"cancellationReason": "x"})


def balance(shop: Checkout, permission: str) -> int:
    return int(shop.permission(permission)["limits"]["amountBalance"]["amount"])


def test_authorize_blocks_and_a_full_capture_closes(shop: Checkout) -> None:
    order = shop.order(3000, "Authorize")
    permission, charge = order["chargePermissionId"], order["chargeId"]
    assert shop.state(permission) == IN_PROGRESS
    assert shop.amazon.charge(permission, 1).reason == "InvalidChargePermissionStatus"
    assert capture(shop, charge, 3000).status == 200
    assert shop.state(permission) == ("Closed", "AmazonClosed")
    assert shop.amazon.charge(permission, 1).reason == "InvalidChargePermissionStatus"


def test_authorize_with_capture_closes_at_once(shop: Checkout) -> None:
    order = shop.order(3000, "AuthorizeWithCapture")
    assert shop.state(order["chargePermissionId"]) == ("Closed", "AmazonClosed")


def test_a_partial_capture_leaves_the_rest_of_the_order(shop: Checkout) -> None:
    order = shop.order(3000, "Authorize")
    permission = order["chargePermissionId"]
    assert balance(shop, permission) == 0
    assert capture(shop, order["chargeId"], 1200).status == 200
    assert shop.state(permission) == ("Chargeable", None)
    assert balance(shop, permission) == 1800
    assert shop.amazon.charge(permission, 1801).reason == "TransactionAmountExceeded"
    rest = shop.amazon.charge(permission, 1800)
    assert rest.status == 201
    assert rest.json["chargeId"].startswith(f"{permission}-C")
    assert rest.json["chargeId"] != order["chargeId"]
    assert shop.state(permission) == ("Closed", "AmazonClosed")


@pytest.mark.parametrize("how", ["canceled", "expired"])
def test_an_ended_authorization_frees_the_order(shop: Checkout, how: str) -> None:
    order = shop.order(3000, "Authorize")
    permission = order["chargePermissionId"]
    if how == "canceled":
        cancel(shop, order["chargeId"])
    else:
        shop.amazon.advance(30 * DAY)
    assert shop.state(permission) == ("Chargeable", None)
    assert balance(shop, permission) == 3000


@pytest.mark.parametrize(
    ("code", "state"),
    [("CaptureInitiated", ("Closed", "AmazonClosed")), ("AmazonRejected", None)],
)
def test_a_slow_capture(shop: Checkout, code: str, state: tuple[str, str] | None) -> None:
    order = shop.order(3000, "Authorize")
    assert capture(shop, order["chargeId"], 3000, code).json["statusDetails"]["state"] == (
        "CaptureInitiated"
    )
    assert shop.state(order["chargePermissionId"]) == IN_PROGRESS
    shop.amazon.advance(30)
    # A rejected capture closes by Amazon's decision (sandbox-simulation.md §4).
    assert shop.state(order["chargePermissionId"]) == (state or ("Closed", "AmazonCanceled"))


def test_another_card_does_not_free_an_order_with_an_open_charge(shop: Checkout) -> None:
    permission = shop.order(3000, "Authorize")["chargePermissionId"]
    shop.amazon.control("PATCH", f"/charge-permissions/{permission}", {"paymentMethod": "updated"})
    assert shop.state(permission) == IN_PROGRESS


def test_a_pending_capture_later(shop: Checkout) -> None:
    session = shop.paid(recurring=False, card="0701", intent="Authorize", pending=True)
    permission = shop.complete(session).json["chargePermissionId"]
    assert shop.state(permission) == IN_PROGRESS
    shop.amazon.advance(30)
    assert shop.state(permission) == IN_PROGRESS


def test_the_26th_charge_is_one_too_many(shop: Checkout) -> None:
    permission = shop.order(1000)["chargePermissionId"]
    ids = set()
    for _ in range(25):
        got = shop.amazon.charge(permission, 10)
        ids.add(got.json["chargeId"])
    assert len(ids) == 25
    got = shop.amazon.charge(permission, 10)
    assert (got.status, got.reason) == (422, "TransactionCountExceeded")


@pytest.mark.parametrize(
    ("payment", "amount", "limit"),
    [
        ({}, 3000, 3000),
        ({"totalOrderAmount": yen(5000)}, 3000, 5000),
        # 15 % of 3,000 is 450; of 100,000 it is 15,000, more than 8,400.
        ({"allowOvercharge": True}, 3000, 3450),
        ({"allowOvercharge": True}, 100_000, 108_400),
    ],
    ids=["order", "total", "15 %", "8,400 yen"],
)
def test_the_limit_of_an_order(
    shop: Checkout, payment: dict[str, Any], amount: int, limit: int
) -> None:
    permission = shop.order(amount, payment=payment)["chargePermissionId"]
    assert shop.permission(permission)["limits"]["amountLimit"] == yen(limit)
    assert shop.amazon.charge(permission, limit + 1).reason == "TransactionAmountExceeded"
    assert shop.amazon.charge(permission, limit).status == 201


def test_an_order_is_not_bound_to_months(shop: Checkout) -> None:
    permission = shop.order(150_000)["chargePermissionId"]
    assert shop.amazon.charge(permission, 100_000).status == 201
    shop.amazon.advance(31 * DAY)
    assert balance(shop, permission) == 50_000


@pytest.mark.parametrize(
    ("extended", "last"),
    [(False, "2026-09-28T00:00:00Z"), (True, "2027-05-01T00:00:00Z")],
    ids=["180 days", "13 months"],
)
def test_expiry_of_an_order(shop: Checkout, extended: bool, last: str) -> None:
    order = shop.order(payment={"extendExpiration": extended})["chargePermissionId"]
    shop.amazon.charge(order, 100)
    stated = shop.permission(order)["expirationTimestamp"]
    # A charge does not restart the clock of an order.
    assert stated[:8] == last[:10].replace("-", "")
    shop.amazon.set_clock(last.replace("T00:00:00Z", "T02:00:00Z"))
    assert shop.state(order) == ("Closed", "Expired")


def test_metadata_of_a_closed_order(shop: Checkout) -> None:
    metadata = {"merchantReferenceId": "O-1", "noteToBuyer": ""}
    order = shop.order(3000, "AuthorizeWithCapture", merchantMetadata=metadata)
    path = f"/chargePermissions/{order['chargePermissionId']}"
    taken = shop.amazon.api("PATCH", path, {"merchantMetadata": {"merchantReferenceId": "O-2"}})
    assert (taken.status, taken.reason) == (422, "ChargePermissionNotModifiable")
    empty = {"merchantMetadata": {"noteToBuyer": "ありがとう", "customInformation": "c"}}
    assert shop.amazon.api("PATCH", path, empty).status == 200
    assert shop.amazon.api("PATCH", path, empty).reason == "ChargePermissionNotModifiable"
    body = shop.permission(order["chargePermissionId"])
    assert body["merchantMetadata"]["merchantReferenceId"] == "O-1"
    assert body["merchantMetadata"]["noteToBuyer"] == "ありがとう"


def test_an_order_has_no_cycle(shop: Checkout) -> None:
    path = f"/chargePermissions/{shop.order()['chargePermissionId']}"
    got = shop.amazon.api("PATCH", path, {"recurringMetadata": MONTHLY})
    assert (got.status, got.reason) == (422, "ChargePermissionNotModifiable")


def test_closing_an_order_with_its_open_charge(shop: Checkout) -> None:
    order = shop.order(3000, "Authorize")
    permission = order["chargePermissionId"]
    body = {"closureReason": "売り切れ", "cancelPendingCharges": True}
    got = shop.amazon.api("DELETE", f"/chargePermissions/{permission}/close", body)
    assert got.json["statusDetails"]["reasons"][0]["reasonCode"] == "MerchantClosed"
    assert shop.state(permission) == ("Closed", "MerchantClosed")


def test_updating_a_charge_is_for_payment_service_providers(shop: Checkout) -> None:
    charge = shop.order(3000, "Authorize")["chargeId"]
    got = shop.amazon.api("PATCH", f"/charges/{charge}", {"statusDetails": {}})
    assert (got.status, got.reason) == (405, "UnsupportedOperation")
    assert shop.amazon.api("PATCH", f"/charges/{charge[:-1]}", {}).status == 404
