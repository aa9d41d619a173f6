"""Buyers, their wallets and tokens, delivery trackers and authorization tokens, over HTTP."""

from typing import Any

import pytest
from checkout_flow import CANCEL, RESULT, REVIEW, Checkout
from wire_client import WireClient

pytestmark = pytest.mark.slow

BUYER_KEYS = [
    *("name", "email", "postalCode", "countryCode", "buyerId", "phoneNumber", "shippingAddress"),
    *("billingAddress", "primeMembershipTypes"),
]


@pytest.fixture
def shop(amazon: WireClient, ready: dict[str, Any]) -> Checkout:
    return Checkout(amazon, ready["store_id"])


def token(shop: Checkout, **wish: Any) -> str:
    return str(shop.amazon.control("POST", "/buyer-tokens", wish)["buyerToken"])


def test_every_test_buyer_has_all_cards_and_two_addresses(shop: Checkout) -> None:
    buyers = shop.amazon.control("GET", "/buyers")["items"]
    assert len({buyer["buyerId"] for buyer in buyers}) == len(buyers) == 3
    for buyer in buyers:
        assert {card["last4"] for card in buyer["instruments"]} == {
            *("1111", "0005", "4444", "9424", "0000", "3064", "3434", "0701", "4354")
        }
        assert len(buyer["addresses"]) >= 2


@pytest.mark.parametrize(
    ("scopes", "filled"),
    [
        ([], set()),
        (["name"], {"name"}),
        (["email", "phoneNumber"], {"email", "phoneNumber"}),
        (["postalCode"], {"postalCode", "countryCode"}),
        (["shippingAddress", "billingAddress"], {"shippingAddress", "billingAddress"}),
        (["primeStatus"], set()),
    ],
    ids=lambda value: "+".join(sorted(value)) or "none",
)
def test_get_buyer_answers_what_the_scopes_allow(
    shop: Checkout, scopes: list[str], filled: set[str]
) -> None:
    got = shop.amazon.api("GET", f"/buyers/{token(shop, scopes=scopes)}")
    assert got.status == 200
    assert list(got.json) == BUYER_KEYS
    assert {name for name, value in got.json.items() if value is not None} == filled | {"buyerId"}


def test_a_token_lives_five_minutes_and_can_be_read_again(shop: Checkout) -> None:
    path = f"/buyers/{token(shop, scopes=['name'])}"
    assert shop.amazon.api("GET", path).raw == shop.amazon.api("GET", path).raw
    shop.amazon.advance(290)
    assert shop.amazon.api("GET", path).status == 200
    shop.amazon.advance(10)
    assert shop.amazon.api("GET", path).reason == "ResourceNotFound"
    assert shop.amazon.api("GET", "/buyers/nobody").reason == "ResourceNotFound"


def test_the_buyer_id_is_the_same_everywhere(shop: Checkout) -> None:
    who = {"email": "ichiro.suzuki@example.jp"}
    session = shop.chosen(intent="Confirm")
    shop.buyer(session, **who)
    seen = shop.get(session)["buyer"]["buyerId"]
    shop.pay(session)
    permission = shop.complete(session).json["chargePermissionId"]
    signed_in = shop.amazon.api("GET", f"/buyers/{token(shop, **who)}").json["buyerId"]
    assert seen == signed_in == shop.permission(permission)["buyer"]["buyerId"]


def test_where_the_browser_goes(shop: Checkout) -> None:
    session = shop.chosen()
    query = f"amazonCheckoutSessionId={session}"
    assert shop.buyer(session)["returnUrl"] == f"{REVIEW}?{query}"
    assert shop.pay(session)["returnUrl"] == f"{RESULT}&{query}"
    left = shop.amazon.control("POST", f"/checkout-sessions/{session}/cancel")
    assert left["returnUrl"] == f"{CANCEL}?{query}"
    assert (left["state"], left["reasonCode"]) == ("Canceled", "BuyerCanceled")


@pytest.mark.parametrize(
    ("restriction", "reachable"),
    [
        ({"type": "Allowed", "restrictions": {"JP": {}}}, True),
        ({"type": "Allowed", "restrictions": {"JP": {"statesOrRegions": ["東京都"]}}}, True),
        ({"type": "Allowed", "restrictions": {"JP": {"zipCodes": ["153*"]}}}, True),
        ({"type": "Allowed", "restrictions": {"JP": {"zipCodes": ["154*"]}}}, False),
        ({"type": "Allowed", "restrictions": {"US": {}}}, False),
        ({"type": "NotAllowed", "restrictions": {"JP": {"statesOrRegions": ["沖縄県"]}}}, True),
        ({"type": "NotAllowed", "restrictions": {"JP": {"statesOrRegions": ["東京都"]}}}, False),
    ],
)
def test_delivery_restrictions(
    shop: Checkout, restriction: dict[str, Any], reachable: bool
) -> None:
    # The first address of the first buyer is in Tokyo, 153-0064.
    session = shop.button(deliverySpecifications={"addressRestrictions": restriction})
    got = shop.amazon.control_raw("POST", f"/checkout-sessions/{session}/buyer", {})
    assert (got.status == 200) is reachable
    pay_only = shop.button("PayOnly", deliverySpecifications={"addressRestrictions": restriction})
    shop.buyer(pay_only)
    assert shop.get(pay_only)["shippingAddress"] is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/buyers", {"name": "x"}),
        ("/buyers", {"name": "x", "email": "hanako.yamada@example.jp"}),
        ("/buyer-tokens", {"email": "nobody@example.jp"}),
        ("/buyer-tokens", {"scopes": ["shoeSize"]}),
        ("/buyer-tokens", {"scopes": "name"}),
        ("/checkout-sessions", {}),
        ("/checkout-sessions", {"payload": {"storeId": "x"}}),
        ("/checkout-sessions", {"payload": {}, "productType": "SignIn"}),
    ],
)
def test_wrong_control_input_is_400(shop: Checkout, path: str, body: dict[str, Any]) -> None:
    got = shop.amazon.control_raw("POST", path, body)
    assert got.status == 400
    assert list(got.json["error"]) == ["field", "reason"]


def test_sessions_are_listed_in_pages(shop: Checkout) -> None:
    made = [shop.button() for _ in range(5)]
    found: list[str] = []
    after = ""
    while after is not None:
        page = shop.amazon.control("GET", f"/checkout-sessions?limit=2&after={after}")
        found += [item["checkoutSessionId"] for item in page["items"]]
        after = page["next"]
    assert found == made


def tracker(shop: Checkout, permission: str, *numbers: str, **changes: Any) -> Any:
    details = [{"trackingNumber": number, "carrierCode": "YAMATO"} for number in numbers]
    body = {"chargePermissionId": permission, "deliveryDetails": details} | changes
    return shop.amazon.api("POST", "/deliveryTrackers", body)


def test_a_delivery_tracker_is_echoed_and_taken_once(shop: Checkout) -> None:
    permission = shop.order()["chargePermissionId"]
    got = tracker(shop, permission, "1Z")
    assert got.status == 200
    assert got.json == {
        "amazonOrderReferenceId": None,
        "chargePermissionId": permission,
        "deliveryDetails": [{"trackingNumber": "1Z", "carrierCode": "YAMATO"}],
    }
    assert tracker(shop, permission, "2Z", "1Z").reason == "InvalidParameterValue"
    # Nothing of the refused call was taken.
    assert tracker(shop, permission, "2Z").status == 200


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"chargePermissionId": None}, 400, "MissingParameterValue"),
        ({"chargePermissionId": "S03-0000000-0000000"}, 404, "ResourceNotFound"),
        ({"amazonOrderReferenceId": "S01-1"}, 400, "InvalidParameterCombination"),
        ({"deliveryDetails": []}, 400, "MissingParameterValue"),
        ({"deliveryDetails": "x"}, 400, "InvalidRequestFormat"),
        ({"deliveryDetails": [{"trackingNumber": "1"}]}, 400, "MissingParameterValue"),
        (
            {"deliveryDetails": [{"trackingNumber": "1", "carrierCode": "ヤマト"}]},
            400,
            "InvalidParameterValue",
        ),
        ({"deliveryDetails": [{"trackingId": "1"}]}, 400, "UnrecognizedField"),
        ({"note": "x"}, 400, "UnrecognizedField"),
    ],
)
def test_delivery_trackers_refuse(
    shop: Checkout, changes: dict[str, Any], status: int, reason: str
) -> None:
    permission = shop.amazon.permission()
    got = tracker(shop, permission, "9Z", **changes)
    assert (got.status, got.reason) == (status, reason)


def test_authorization_tokens(shop: Checkout, ready: dict[str, Any]) -> None:
    path, mine = "/authorizationTokens/amzn.mws.1", f"merchantId={ready['merchant_id']}"
    got = shop.get_with_query(path, mine)
    assert got.status == 200
    assert list(got.json) == ["authorizationToken", "createTimestamp", "expireTimestamp"]
    assert shop.get_with_query(path, "merchantId=A0").reason == "UnauthorizedAccess"
    assert shop.get_with_query(path, mine + "&x=1").reason == "InvalidParameterValue"
    assert shop.get_with_query("/authorizationTokens/x", mine).reason == "ResourceNotFound"
    assert shop.amazon.api("GET", path).reason == "MissingParameterValue"
