"""Complete and Finalize: what a checkout leads to, by card, by header and by state."""

from typing import Any

import pytest
from checkout_flow import MONTHLY, RESULT, Checkout
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(amazon: WireClient, ready: dict[str, Any]) -> Checkout:
    return Checkout(amazon, ready["store_id"])


def status(shop: Checkout, session: str) -> tuple[str, str | None]:
    details = shop.get(session)["statusDetails"]
    return details["state"], details["reasonCode"]


def charge_state(shop: Checkout, charge: str) -> tuple[str, str | None]:
    details = shop.amazon.api("GET", f"/charges/{charge}").json["statusDetails"]
    return details["state"], details["reasonCode"]


@pytest.mark.parametrize(
    ("intent", "state"),
    [("Confirm", None), ("Authorize", "Authorized"), ("AuthorizeWithCapture", "Captured")],
)
@pytest.mark.parametrize("recurring", [True, False], ids=["recurring", "one-time"])
def test_what_complete_makes(
    shop: Checkout, recurring: bool, intent: str, state: str | None
) -> None:
    session = shop.paid(recurring=recurring, intent=intent, amount=3000)
    got = shop.complete(session, 3000)
    body = got.json
    assert got.status == 200
    assert body["statusDetails"]["state"] == "Completed"
    assert body["chargePermissionId"].startswith("C03-" if recurring else "S03-")
    if state is None:
        assert body["chargeId"] is None
    else:
        assert charge_state(shop, body["chargeId"]) == (state, None)
        assert body["chargeId"].startswith("S03-")
        assert body["chargeId"].startswith(body["chargePermissionId"]) is not recurring
    assert shop.get(session) == body


def test_a_completed_session_tells_only_how_it_ended(shop: Checkout) -> None:
    session = shop.paid()
    before, after = shop.get(session), shop.complete(session).json
    assert before["buyer"]["name"] == "山田 花子"
    assert before["paymentPreferences"] == [{"paymentDescriptor": "Visa ****1111 (Amazon Pay)"}]
    assert list(before) == list(after)
    for name in (
        "buyer",
        "shippingAddress",
        "billingAddress",
        "paymentDetails",
        "recurringMetadata",
    ):
        assert after[name] is None
    assert after["paymentPreferences"] == [None]
    assert after["constraints"] == []


def test_the_permission_keeps_what_the_buyer_shared(shop: Checkout) -> None:
    session = shop.paid(merchantMetadata={"merchantReferenceId": "SUB-1"}, card="4444")
    seen = shop.get(session)
    body = shop.permission(shop.complete(session).json["chargePermissionId"])
    assert body["buyer"] == seen["buyer"]
    assert body["shippingAddress"] == seen["shippingAddress"]
    assert body["shippingAddress"]["stateOrRegion"] == "東京都"
    assert list(body["shippingAddress"]) == [
        *("name", "addressLine1", "addressLine2", "addressLine3", "city", "county", "district"),
        *("stateOrRegion", "postalCode", "countryCode", "phoneNumber"),
    ]
    assert body["billingAddress"] is None
    assert body["paymentPreferences"][0]["paymentDescriptor"].startswith("MasterCard")
    assert (body["chargePermissionType"], body["recurringMetadata"]) == ("Recurring", MONTHLY)
    assert body["merchantMetadata"]["merchantReferenceId"] == "SUB-1"
    # 100,000 a month; the first charge of 980 counts.
    assert body["limits"] == {"amountLimit": yen(100_000), "amountBalance": yen(99_020)}
    # Thirteen months after 1 April 2026.
    assert body["expirationTimestamp"][:8] == "20270501"


@pytest.mark.parametrize(
    ("scopes", "product", "shared"),
    [
        (None, "PayAndShip", {"name", "email", "phoneNumber", "shippingAddress"}),
        (["name"], "PayAndShip", {"name", "shippingAddress"}),
        (["email", "billingAddress"], "PayOnly", {"email", "billingAddress"}),
    ],
    ids=["default", "name only", "billing"],
)
def test_scopes_limit_what_is_shared(
    shop: Checkout, scopes: list[str] | None, product: str, shared: set[str]
) -> None:
    session = shop.button(product, scopes=scopes)
    shop.buyer(session)
    body = shop.get(session)
    given = {name for name in ("name", "email", "phoneNumber") if body["buyer"][name]}
    given |= {name for name in ("shippingAddress", "billingAddress") if body[name]}
    assert given == shared
    assert body["buyer"]["buyerId"].startswith("amzn1.account.")
    assert body["productType"] == product


CARDS = [
    # card, header, intent, pending → HTTP, session, reason, charge at once, charge 30 s later
    ("1111", None, "Authorize", False, 200, "Completed", None, "Authorized", "Authorized"),
    ("0005", None, "Authorize", True, 200, "Completed", None, "Authorized", "Authorized"),
    ("4444", None, "Authorize", False, 200, "Completed", None, "Authorized", "Authorized"),
    ("9424", None, "Authorize", False, 200, "Completed", None, "Authorized", "Authorized"),
    ("0000", None, "Authorize", False, 200, "Completed", None, "Authorized", "Authorized"),
    ("3064", None, "Authorize", False, 422, "Canceled", "BuyerCanceled", None, None),
    ("3434", None, "Confirm", False, 422, "Canceled", "Declined", None, None),
    (
        "0701",
        None,
        "Authorize",
        True,
        202,
        "Completed",
        None,
        "AuthorizationInitiated",
        "Authorized",
    ),
    ("4354", None, "Authorize", True, 202, "Completed", None, "AuthorizationInitiated", "Declined"),
    ("1111", "BuyerCanceled", "Confirm", False, 422, "Canceled", "BuyerCanceled", None, None),
    ("1111", "AmazonCanceled", "Authorize", False, 422, "Canceled", "AmazonCanceled", None, None),
    ("0701", "Declined", "Authorize", True, 422, "Canceled", "Declined", None, None),
    (
        *("4354", "AuthorizationInitiated", "Authorize", True, 202, "Completed", None),
        *("AuthorizationInitiated", "Authorized"),
    ),
]


@pytest.mark.parametrize("row", CARDS, ids=[f"{row[0]}-{row[1]}" for row in CARDS])
@pytest.mark.parametrize("recurring", [True, False], ids=["recurring", "one-time"])
def test_cards_and_codes(shop: Checkout, recurring: bool, row: tuple[Any, ...]) -> None:
    card, header, intent, pending, http, state, reason, at_once, later = row
    session = shop.paid(recurring=recurring, intent=intent, card=card, pending=pending)
    got = shop.complete(session, sim=header)
    assert got.status == http, got.raw
    assert status(shop, session) == (state, reason)
    if http == 422:
        assert got.reason == "CheckoutSessionCanceled"
        assert list(shop.amazon.control("GET", "/charge-permissions")["items"]) == []
        return
    assert charge_state(shop, got.json["chargeId"])[0] == at_once
    shop.amazon.advance(30)
    assert charge_state(shop, got.json["chargeId"])[0] == later
    if later == "Declined":
        permission = got.json["chargePermissionId"]
        assert charge_state(shop, got.json["chargeId"]) == ("Declined", "HardDeclined")
        assert shop.state(permission) == ("NonChargeable", "PaymentMethodInvalid")


@pytest.mark.parametrize(
    ("card", "header", "intent", "pending"),
    [
        ("0701", None, "Authorize", False),
        ("4354", None, "Confirm", True),
        ("1111", "AuthorizationInitiated", "Authorize", False),
        ("1111", "AuthorizationInitiated", "AuthorizeWithCapture", False),
        ("1111", "SoftDeclined", "Authorize", True),
    ],
)
def test_unmet_prerequisites(
    shop: Checkout, card: str, header: str | None, intent: str, pending: bool
) -> None:
    session = shop.paid(intent=intent, card=card, pending=pending)
    got = shop.complete(session, sim=header)
    assert (got.status, got.reason) == (400, "InvalidSandboxSimulationSpecified")
    assert status(shop, session) == ("Open", None)


def test_complete_before_the_buyer_paid(shop: Checkout) -> None:
    bare = shop.button()
    chosen = shop.chosen()
    for session in (bare, chosen):
        assert shop.complete(session).reason == "InvalidCheckoutSessionStatus"
    shop.pay(chosen)
    shop.update(chosen, paymentDetails={"chargeAmount": yen(500)})
    # A changed amount must be approved again.
    assert shop.complete(chosen, 500).reason == "InvalidCheckoutSessionStatus"
    shop.pay(chosen)
    assert shop.complete(chosen, 500).status == 200


def test_the_amount_must_be_the_approved_one(shop: Checkout) -> None:
    session = shop.paid(amount=980)
    got = shop.complete(session, 981)
    assert (got.status, got.reason) == (409, "AmountMismatch")
    assert status(shop, session) == ("Open", None)
    assert shop.complete(session, 980).status == 200


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "MissingParameterValue"),
        ({"chargeAmount": yen(980), "note": "x"}, "UnrecognizedField"),
        ({"chargeAmount": {"amount": "980", "currencyCode": "USD"}}, "CurrencyMismatch"),
        ({"chargeAmount": yen(980), "totalOrderAmount": yen(1)}, "InvalidParameterValue"),
    ],
    ids=["no amount", "unknown", "dollars", "total"],
)
def test_complete_bodies(shop: Checkout, body: dict[str, Any], reason: str) -> None:
    session = shop.paid()
    got = shop.amazon.api("POST", f"/checkoutSessions/{session}/complete", body)
    assert (got.status, got.reason) == (400, reason)


def test_ended_sessions_refuse_everything(shop: Checkout) -> None:
    completed, canceled = shop.paid(), shop.paid()
    assert shop.complete(completed).status == 200
    shop.amazon.control("POST", f"/checkout-sessions/{canceled}/cancel")
    assert shop.complete(completed).reason == "InvalidCheckoutSessionStatus"
    assert shop.complete(canceled).reason == "CheckoutSessionCanceled"
    for session in (completed, canceled):
        assert shop.update(session, platformId="x").reason == "InvalidCheckoutSessionStatus"
        for act in ("buyer", "pay", "cancel"):
            got = shop.amazon.control_raw("POST", f"/checkout-sessions/{session}/{act}", {})
            assert got.status == 422


def test_a_key_on_complete_replays_the_answer(shop: Checkout) -> None:
    session = shop.paid()
    path, body = f"/checkoutSessions/{session}/complete", {"chargeAmount": yen(980)}
    first = shop.amazon.api("POST", path, body, key="c1")
    assert shop.amazon.api("POST", path, body, key="c1").raw == first.raw
    assert shop.amazon.control("GET", "/stats")["charges"] == 1


def test_the_monthly_cap_holds_for_the_first_charge(shop: Checkout) -> None:
    session = shop.paid(amount=100_001)
    assert shop.complete(session, 100_001).reason == "PeriodicAmountExceeded"
    confirmed = shop.paid(amount=100_001, intent="Confirm")
    assert shop.complete(confirmed, 100_001).status == 200


@pytest.mark.parametrize(
    ("outcome", "http", "reason", "state"),
    [
        ("HardDeclined", 422, "HardDeclined", ("Canceled", "Declined")),
        ("AmazonRejected", 422, "AmazonRejected", ("Canceled", "Declined")),
        ("MFANotCompleted", 422, "MFANotCompleted", ("Canceled", "Declined")),
        ("ProcessingFailure", 500, "ProcessingFailure", ("Open", None)),
    ],
)
def test_scripted_failures(
    shop: Checkout, outcome: str, http: int, reason: str, state: tuple[str, str | None]
) -> None:
    session = shop.chosen()
    shop.pay(session, outcome=outcome)
    got = shop.complete(session)
    assert (got.status, got.reason) == (http, reason)
    assert status(shop, session) == state


def test_process_order_and_finalize(shop: Checkout) -> None:
    session = shop.button(
        webCheckoutDetails={"checkoutMode": "ProcessOrder", "checkoutResultReturnUrl": RESULT},
        paymentDetails={"estimateOrderTotal": yen(3000)},
        addressDetails={"name": "佐藤", "addressLine1": "1-1", "countryCode": "JP"},
    )
    shop.buyer(session)
    path = f"/checkoutSessions/{session}/finalize"
    wish = {"chargeAmount": yen(2800), "paymentIntent": "Authorize"}
    assert shop.amazon.api("POST", path, wish).reason == "InvalidCheckoutSessionStatus"
    paid = shop.pay(session)
    assert paid["returnUrl"] == f"{RESULT}&amazonCheckoutSessionId={session}"
    assert shop.amazon.api("POST", path, {}).reason == "MissingParameterValue"
    bad = wish | {"giftWrap": True}
    assert shop.amazon.api("POST", path, bad).reason == "UnrecognizedField"
    got = shop.amazon.api("POST", path, wish)
    assert got.status == 200, got.raw
    permission = shop.permission(got.json["chargePermissionId"])
    assert permission["shippingAddress"]["name"] == "佐藤"
    assert permission["limits"]["amountLimit"] == yen(2800)


def test_process_order_goes_straight_to_complete(shop: Checkout) -> None:
    session = shop.button(
        webCheckoutDetails={"checkoutMode": "ProcessOrder", "checkoutResultReturnUrl": RESULT},
        paymentDetails={"chargeAmount": yen(700), "paymentIntent": "Authorize"},
    )
    chosen = shop.buyer(session)
    assert chosen["returnUrl"] is None
    shop.pay(session)
    assert shop.complete(session, 700).status == 200


def test_faults_strike_complete(shop: Checkout) -> None:
    session = shop.paid()
    rule = {"operation": "CompleteCheckoutSession", "kind": "processing_failure_but_charged"}
    shop.amazon.control("POST", "/faults", [rule])
    assert shop.complete(session).reason == "ProcessingFailure"
    assert status(shop, session) == ("Completed", None)
    assert shop.amazon.control("GET", "/stats")["charges"] == 1
