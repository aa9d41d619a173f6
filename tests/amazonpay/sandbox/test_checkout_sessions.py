"""Create, Get and Update Checkout Session: shapes, constraints, and everything that is refused."""

from typing import Any

import pytest
from checkout_flow import MONTHLY, RESULT, REVIEW, Checkout
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow

KEYS = [
    *("checkoutSessionId", "webCheckoutDetails", "chargePermissionType", "recurringMetadata"),
    *("productType", "paymentDetails", "merchantMetadata", "supplementaryData", "buyer"),
    *("billingAddress", "paymentPreferences", "statusDetails", "shippingAddress", "platformId"),
    *("chargePermissionId", "chargeId", "constraints", "creationTimestamp", "expirationTimestamp"),
    *("storeId", "deliverySpecifications", "providerMetadata", "releaseEnvironment"),
    *("checkoutButtonText", "multiAddressesCheckoutMetadata"),
]
NOTHING_PAID = {
    "paymentIntent": None,
    "canHandlePendingAuthorization": False,
    "chargeAmount": None,
    "totalOrderAmount": None,
    "softDescriptor": None,
    "presentmentCurrency": None,
    "allowOvercharge": None,
    "extendExpiration": None,
    "estimateOrderTotal": None,
}


@pytest.fixture
def shop(amazon: WireClient, ready: dict[str, Any]) -> Checkout:
    return Checkout(amazon, ready["store_id"])


def missing(body: Any) -> list[str]:
    return [entry["constraintId"] for entry in body["constraints"]]


def test_a_new_session_answers_every_field(shop: Checkout) -> None:
    got = shop.create()
    body = got.json
    assert got.status == 201
    assert list(body) == KEYS
    assert body["paymentDetails"] == NOTHING_PAID
    assert list(body["paymentDetails"]) == list(NOTHING_PAID)
    assert body["paymentPreferences"] == [None]
    assert body["providerMetadata"] == {"providerReferenceId": None}
    assert body["statusDetails"]["state"] == "Open"
    assert body["storeId"] == shop.store_id
    assert (body["buyer"], body["productType"], body["chargeId"]) == (None, None, None)
    # One day after 1 April 09:00 in Japan.
    assert body["creationTimestamp"][:9] == "20260401T"
    assert body["expirationTimestamp"][:9] == "20260402T"
    assert shop.get(body["checkoutSessionId"]) == body


def test_the_constraints_go_one_by_one(shop: Checkout) -> None:
    session = shop.create(chargePermissionType="Recurring").json["checkoutSessionId"]
    left = [
        *("BuyerNotAssociated", "ChargeAmountNotSet", "CheckoutResultReturnUrlNotSet"),
        *("PaymentIntentNotSet", "RecurringFrequencyNotSet"),
    ]
    steps: list[tuple[str, dict[str, Any]]] = [
        ("RecurringFrequencyNotSet", {"recurringMetadata": MONTHLY}),
        ("ChargeAmountNotSet", {"paymentDetails": {"chargeAmount": yen(500)}}),
        ("PaymentIntentNotSet", {"paymentDetails": {"paymentIntent": "Confirm"}}),
        (
            "CheckoutResultReturnUrlNotSet",
            {"webCheckoutDetails": {"checkoutResultReturnUrl": RESULT}},
        ),
    ]
    assert missing(shop.get(session)) == left
    for constraint, change in steps:
        left.remove(constraint)
        body = shop.update(session, **change).json
        assert missing(body) == left
        assert body["webCheckoutDetails"]["amazonPayRedirectUrl"] is None
    shop.buyer(session)
    body = shop.get(session)
    assert body["constraints"] == []
    assert body["webCheckoutDetails"]["amazonPayRedirectUrl"] == (
        f"{shop.amazon.base_url}/checkout/processing?amazonCheckoutSessionId={session}"
    )
    assert body["webCheckoutDetails"]["checkoutReviewReturnUrl"] == REVIEW
    assert body["paymentDetails"]["chargeAmount"] == yen(500)


def test_update_merges_children(shop: Checkout) -> None:
    session = shop.create(merchantMetadata={"merchantReferenceId": "A-1"}).json["checkoutSessionId"]
    shop.update(session, merchantMetadata={"noteToBuyer": "四月分"}, platformId="P1")
    body = shop.update(
        session, providerMetadata={"providerReferenceId": "x"}, supplementaryData="s"
    ).json
    assert body["merchantMetadata"]["merchantReferenceId"] == "A-1"
    assert body["merchantMetadata"]["noteToBuyer"] == "四月分"
    assert body["providerMetadata"] == {"providerReferenceId": "x"}
    assert (body["platformId"], body["supplementaryData"]) == ("P1", "s")


def test_one_time_becomes_recurring_by_update_and_back(shop: Checkout) -> None:
    session = shop.create().json["checkoutSessionId"]
    up = shop.update(session, chargePermissionType="Recurring", recurringMetadata=MONTHLY).json
    assert (up["chargePermissionType"], up["recurringMetadata"]) == ("Recurring", MONTHLY)
    down = shop.update(session, chargePermissionType="OneTime").json
    assert (down["chargePermissionType"], down["recurringMetadata"]) == ("OneTime", None)


ADDRESSED = {
    "type": "Allowed",
    "restrictions": {"JP": {"statesOrRegions": ["東京都"], "zipCodes": ["900-*"]}},
}
DOCUMENTED: list[dict[str, Any]] = [
    {"scopes": ["name", "email", "phoneNumber", "billingAddress", "postalCode", "primeStatus"]},
    {"deliverySpecifications": {"specialRestrictions": ["RestrictPOBoxes"]}},
    {"deliverySpecifications": {"addressRestrictions": ADDRESSED}},
    {"addressDetails": {"name": "山田", "districtOrCounty": "x", "countryCode": "JP"}},
    {"paymentDetails": {"allowOvercharge": True, "extendExpiration": True}},
    {"paymentDetails": {"softDescriptor": "SHOP", "presentmentCurrency": "JPY"}},
    {"paymentDetails": {"chargeAmount": {"amount": 980, "currencyCode": "JPY"}}},
    {"paymentDetails": {"estimateOrderTotal": yen(900), "presentmentCurrency": ""}},
    {"paymentDetails": {}, "providerMetadata": {}, "recurringMetadata": {}},
    {"multiAddressesCheckoutMetadata": [{"addressId": "a", "price": yen(33)}]},
    {"webCheckoutDetails": {"checkoutReviewReturnUrl": "http://localhost:8000/r?x=1"}},
    {"webCheckoutDetails": {"checkoutMode": "ProcessOrder", "checkoutResultReturnUrl": RESULT}},
]


@pytest.mark.parametrize("field", DOCUMENTED, ids=lambda field: "+".join(field))
def test_documented_fields_are_accepted(shop: Checkout, field: dict[str, Any]) -> None:
    got = shop.create(**field)
    assert got.status == 201, got.raw


def web(**fields: Any) -> dict[str, Any]:
    return {"webCheckoutDetails": {"checkoutReviewReturnUrl": REVIEW, **fields}}


def pay(**fields: Any) -> dict[str, Any]:
    return {"paymentDetails": fields}


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("unknown field", {"colour": "red"}, 400, "UnrecognizedField"),
    ("unknown in web", web(url="x"), 400, "UnrecognizedField"),
    ("redirect url is Amazon's", web(amazonPayRedirectUrl=REVIEW), 400, "UnrecognizedField"),
    ("unknown in payment", pay(tip=yen(1)), 400, "UnrecognizedField"),
    ("unknown in price", pay(chargeAmount=yen(1) | {"x": 1}), 400, "UnrecognizedField"),
    ("no store", {"storeId": None}, 400, "MissingParameterValue"),
    ("a stranger's store", {"storeId": "amzn1.x"}, 400, "InvalidParameterValue"),
    ("no web", {"webCheckoutDetails": None}, 400, "MissingParameterValue"),
    ("no result in ProcessOrder", web(checkoutMode="ProcessOrder"), 400, "MissingParameterValue"),
    ("another mode", web(checkoutMode="Quick"), 400, "InvalidParameterValue"),
    ("http", web(checkoutCancelUrl="http://shop.example.jp"), 400, "InvalidParameterValue"),
    ("javascript", web(checkoutCancelUrl="javascript:alert(1)"), 400, "InvalidParameterValue"),
    ("no host", web(checkoutCancelUrl="https:///x"), 400, "InvalidParameterValue"),
    ("bad port", web(checkoutCancelUrl="https://a:99999/"), 400, "InvalidParameterValue"),
    ("url too long", web(checkoutCancelUrl=RESULT + "x" * 3000), 400, "InvalidParameterValue"),
    ("not a string", web(checkoutCancelUrl=7), 400, "InvalidRequestFormat"),
    ("dollars", pay(chargeAmount={"amount": "1", "currencyCode": "USD"}), 400, "CurrencyMismatch"),
    ("shown in dollars", pay(presentmentCurrency="USD"), 400, "CurrencyMismatch"),
    ("no currency", pay(presentmentCurrency="yen"), 400, "InvalidParameterValue"),
    ("zero yen", pay(chargeAmount=yen(0)), 400, "InvalidParameterValue"),
    ("half a yen", pay(chargeAmount={"amount": 0.5, "currencyCode": "JPY"}), 400, ""),
    ("too much", pay(chargeAmount=yen(10_000_001)), 400, "InvalidParameterValue"),
    ("total below charge", pay(chargeAmount=yen(2), totalOrderAmount=yen(1)), 400, ""),
    ("intent", pay(paymentIntent="Sell"), 400, "InvalidParameterValue"),
    ("flag", pay(canHandlePendingAuthorization="yes"), 400, "InvalidRequestFormat"),
    ("long descriptor", pay(softDescriptor="x" * 17), 400, "InvalidParameterValue"),
    (
        "pending capture",
        pay(paymentIntent="AuthorizeWithCapture", canHandlePendingAuthorization=True),
        400,
        "InvalidParameterCombination",
    ),
    ("cycle of one-time", {"recurringMetadata": MONTHLY}, 400, "InvalidParameterCombination"),
    ("type", {"chargePermissionType": "Weekly"}, 400, "InvalidParameterValue"),
    (
        "saved wallet",
        {"chargePermissionType": "PaymentMethodOnFile"},
        405,
        "UnsupportedOperation",
    ),
    ("saved wallet set-up", {"paymentMethodOnFileMetadata": {"setupOnly": True}}, 405, ""),
    ("scope", {"scopes": ["name", "shoeSize"]}, 400, "InvalidParameterValue"),
    ("scopes", {"scopes": "name"}, 400, "InvalidRequestFormat"),
    ("special", {"deliverySpecifications": {"specialRestrictions": ["X"]}}, 400, ""),
    (
        "restriction type",
        {"deliverySpecifications": {"addressRestrictions": {"type": "Maybe"}}},
        400,
        "InvalidParameterValue",
    ),
    (
        "country",
        {
            "deliverySpecifications": {
                "addressRestrictions": {"type": "Allowed", "restrictions": {"Japan": {}}}
            }
        },
        400,
        "InvalidParameterValue",
    ),
    ("long note", {"merchantMetadata": {"noteToBuyer": "x" * 256}}, 400, "InvalidParameterValue"),
    ("provider", {"providerMetadata": {"id": "x"}}, 400, "UnrecognizedField"),
    ("address", {"addressDetails": {"planet": "Mars"}}, 400, "UnrecognizedField"),
    ("shares", {"multiAddressesCheckoutMetadata": [{"address": 1}]}, 400, "UnrecognizedField"),
]


@pytest.mark.parametrize(
    ("changes", "status", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_create_refuses(shop: Checkout, changes: dict[str, Any], status: int, reason: str) -> None:
    body = shop.payload()
    body.update(changes)
    got = shop.amazon.api("POST", "/checkoutSessions", body, key="refused")
    assert got.status == status, got.raw
    assert list(got.json) == ["reasonCode", "message"]
    if reason:
        assert got.reason == reason


def test_create_needs_a_key_and_replays(shop: Checkout) -> None:
    body = shop.payload()
    assert shop.amazon.api("POST", "/checkoutSessions", body).reason == "MissingHeader"
    first = shop.amazon.api("POST", "/checkoutSessions", body, key="k1")
    again = shop.amazon.api("POST", "/checkoutSessions", body, key="k1")
    other = shop.amazon.api("POST", "/checkoutSessions", body | {"platformId": "x"}, key="k1")
    assert first.raw == again.raw
    assert other.reason == "DuplicateIdempotencyKey"


@pytest.mark.parametrize(
    "body",
    [{"storeId": "x"}, {"scopes": ["name"]}, {"addressDetails": {}}],
    ids=["store", "scopes", "address"],
)
def test_update_refuses_what_only_create_takes(shop: Checkout, body: dict[str, Any]) -> None:
    session = shop.create().json["checkoutSessionId"]
    assert shop.update(session, **body).reason == "UnrecognizedField"


def test_a_refused_update_changes_nothing(shop: Checkout) -> None:
    session = shop.create().json["checkoutSessionId"]
    before = shop.get(session)
    shop.amazon.advance(5)
    assert shop.update(session, paymentDetails={"chargeAmount": yen(0)}).status == 400
    assert shop.get(session) == before


def test_unknown_sessions_are_404(shop: Checkout) -> None:
    nobody = "0" * 8 + "-0000-0000-0000-" + "0" * 12
    assert shop.get(nobody)["reasonCode"] == "ResourceNotFound"
    assert shop.update(nobody).reason == "ResourceNotFound"
    assert shop.complete(nobody).reason == "ResourceNotFound"


def test_a_simulation_code_does_not_go_with_get_or_update(shop: Checkout) -> None:
    session = shop.create().json["checkoutSessionId"]
    for method in ("GET", "PATCH"):
        got = shop.amazon.api(method, f"/checkoutSessions/{session}", sim="BuyerCanceled")
        assert got.reason == "InvalidSandboxSimulationSpecified"
