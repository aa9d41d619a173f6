"""CV1 agreements and orders: ids that stay, figures that are not told, planted money."""

from typing import Any

import pytest
from checkout_flow import Checkout
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow

AGREEMENT, ORDER = "C01-8824045-7416542", "S01-5797829-1888777"
CHARGE, REFUND = f"{ORDER}-C043451", f"{ORDER}-R043451"


@pytest.fixture
def shop(amazon: WireClient, ready: dict[str, Any]) -> Checkout:
    return Checkout(amazon, ready["store_id"])


def plant(shop: Checkout, **changes: Any) -> Any:
    body = {"id": CHARGE, "chargePermissionId": AGREEMENT, "amount": 3000} | changes
    return shop.amazon.control("POST", "/charges", body)


@pytest.mark.parametrize("agreement", [AGREEMENT, "B01-8824045-7416542", "B03-8824045-7416542"])
def test_a_migrated_agreement_tells_little_and_charges(shop: Checkout, agreement: str) -> None:
    shop.amazon.permission(id=agreement, migrated=True)
    body = shop.permission(agreement)
    assert body["chargePermissionType"] == "Recurring"
    for name in ("limits", "recurringMetadata", "expirationTimestamp"):
        assert body[name] is None
    assert shop.amazon.charge(agreement, 50_000).status == 201
    # The cap of CV1 counts although it is not told: 50,000 a calendar month.
    assert shop.amazon.charge(agreement, 1).reason == "PeriodicAmountExceeded"
    assert shop.permission(agreement)["expirationTimestamp"] is None


def test_what_is_not_told_can_be_chosen(shop: Checkout) -> None:
    shop.amazon.permission(id=AGREEMENT, migrated=True, nulls=["limits"], amountLimit=7000)
    body = shop.permission(AGREEMENT)
    assert body["limits"] is None
    assert body["recurringMetadata"]["frequency"] == {"unit": "Month", "value": "1"}
    assert body["expirationTimestamp"] is not None
    shop.amazon.permission(id="C01-0000000-0000001", migrated=True, nulls=[])
    assert shop.permission("C01-0000000-0000001")["limits"]["amountLimit"] == yen(50_000)


@pytest.mark.parametrize(
    "body",
    [
        {"nulls": ["limits"]},
        {"migrated": True, "nulls": ["buyer"]},
        {"migrated": "yes"},
        {"id": "S01-5797829-1888777", "chargePermissionType": "Recurring"},
        {"id": "X01-5797829-1888777"},
    ],
)
def test_wrong_migrations_are_refused(shop: Checkout, body: dict[str, Any]) -> None:
    assert shop.amazon.control_raw("POST", "/charge-permissions", body).status == 400


def test_an_authorization_of_cv1_is_captured_by_its_rewritten_id(shop: Checkout) -> None:
    shop.amazon.permission(id=AGREEMENT, migrated=True)
    plant(shop)
    got = shop.amazon.api("GET", f"/charges/{CHARGE}").json
    assert got["chargePermissionId"] == AGREEMENT
    assert got["statusDetails"]["state"] == "Authorized"
    # It uses the cap: 50,000 less 3,000.
    assert shop.amazon.charge(AGREEMENT, 47_001).reason == "PeriodicAmountExceeded"
    old = CHARGE.replace("-C", "-A")
    assert shop.amazon.api("GET", f"/charges/{old}").status == 404
    taken = shop.amazon.api("POST", f"/charges/{CHARGE}/capture", {"captureAmount": yen(2000)})
    assert taken.json["captureAmount"] == yen(2000)
    back = shop.amazon.api(
        "POST", "/refunds", {"chargeId": CHARGE, "refundAmount": yen(1)}, key="r"
    )
    assert back.status == 201
    assert back.json["refundId"].startswith(f"{ORDER}-R")


def test_an_authorization_of_cv1_is_canceled(shop: Checkout) -> None:
    shop.amazon.permission(id=AGREEMENT, migrated=True)
    plant(shop)
    path = f"/charges/{CHARGE}/cancel"
    got = shop.amazon.api("DELETE", path, {"cancellationReason": "x"})
    assert got.json["statusDetails"]["reasonCode"] == "MerchantCanceled"
    assert shop.amazon.charge(AGREEMENT, 50_000).status == 201


def test_a_migrated_order_is_closed_by_its_first_capture(shop: Checkout) -> None:
    shop.amazon.permission(id=ORDER, migrated=True, amountLimit=9000)
    assert shop.permission(ORDER)["chargePermissionType"] == "OneTime"
    plant(shop, chargePermissionId=ORDER)
    assert shop.state(ORDER) == ("NonChargeable", "ChargeInProgress")
    shop.amazon.api("POST", f"/charges/{CHARGE}/capture", {"captureAmount": yen(3000)})
    assert shop.state(ORDER) == ("Closed", "AmazonClosed")


def test_planted_ids_do_not_collide_with_new_ones(shop: Checkout) -> None:
    shop.amazon.permission(id=ORDER, amountLimit=9000)
    first = shop.amazon.charge(ORDER, 100).json["chargeId"]
    shop.amazon.control("POST", "/reset", {"now": "2026-04-01T00:00:00Z"})
    shop.amazon.permission(id=ORDER, amountLimit=9000)
    plant(shop, id=CHARGE, chargePermissionId=ORDER, amount=1, state="Canceled")
    second = shop.amazon.charge(ORDER, 100).json["chargeId"]
    assert len({first, second, CHARGE}) == 3


@pytest.mark.parametrize(
    ("state", "reason", "later"),
    [
        ("AuthorizationInitiated", None, "Authorized"),
        ("Authorized", None, "Authorized"),
        ("CaptureInitiated", None, "Captured"),
        ("Captured", None, "Captured"),
        ("Canceled", "ExpiredUnused", "Canceled"),
        ("Declined", "HardDeclined", "Declined"),
    ],
)
def test_planted_states(shop: Checkout, state: str, reason: str | None, later: str) -> None:
    shop.amazon.permission(id=AGREEMENT)
    plant(shop, state=state)
    path = f"/charges/{CHARGE}"
    status = shop.amazon.api("GET", path).json["statusDetails"]
    assert (status["state"], status["reasonCode"]) == (state, reason)
    shop.amazon.advance(30)
    assert shop.amazon.api("GET", path).json["statusDetails"]["state"] == later


def test_a_planted_charge_of_last_month_leaves_this_month_alone(shop: Checkout) -> None:
    shop.amazon.permission(id=AGREEMENT, migrated=True, nulls=[])
    plant(shop, state="Captured", createdAt="2026-03-05T00:00:00Z", merchantReferenceId="OLD")
    body = shop.permission(AGREEMENT)
    assert body["limits"]["amountBalance"] == yen(50_000)
    charge = shop.amazon.api("GET", f"/charges/{CHARGE}").json
    assert charge["creationTimestamp"] == "20260305T000000Z"
    assert charge["merchantMetadata"]["merchantReferenceId"] == "OLD"


def test_planted_refunds(shop: Checkout) -> None:
    shop.amazon.permission(id=AGREEMENT)
    plant(shop, state="Captured")
    refund = {"id": REFUND, "chargeId": CHARGE, "amount": 1000, "state": "RefundInitiated"}
    shop.amazon.control("POST", "/refunds", refund)
    path = f"/refunds/{REFUND}"
    assert shop.amazon.api("GET", path).json["statusDetails"]["state"] == "RefundInitiated"
    shop.amazon.advance(30)
    assert shop.amazon.api("GET", path).json["statusDetails"]["state"] == "Refunded"
    assert shop.amazon.api("GET", f"/charges/{CHARGE}").json["refundedAmount"] == yen(1000)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/charges", {"id": CHARGE.replace("-C", "-A")}),
        ("/charges", {"id": None}),
        ("/charges", {"chargePermissionId": "C01-0000000-0000000"}),
        ("/charges", {"amount": 0}),
        ("/charges", {"amount": None}),
        ("/charges", {"state": "Open"}),
        ("/charges", {"createdAt": "2030-01-01T00:00:00Z"}),
        ("/charges", {"colour": "red"}),
        ("/refunds", {"id": REFUND, "chargeId": "x", "amount": 1}),
    ],
)
def test_wrong_plants_are_refused(shop: Checkout, path: str, body: dict[str, Any]) -> None:
    shop.amazon.permission(id=AGREEMENT)
    base = {"id": CHARGE, "chargePermissionId": AGREEMENT, "amount": 3000}
    sent = {k: v for k, v in (base | body).items() if v is not None} if path == "/charges" else body
    assert shop.amazon.control_raw("POST", path, sent).status == 400


def test_plants_are_unique(shop: Checkout) -> None:
    shop.amazon.permission(id=AGREEMENT)
    body = {"id": CHARGE, "chargePermissionId": AGREEMENT, "amount": 3000}
    shop.amazon.control("POST", "/charges", body)
    assert shop.amazon.control_raw("POST", "/charges", body).status == 400
