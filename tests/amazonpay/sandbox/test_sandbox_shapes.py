"""The answers have Amazon's keys in Amazon's order, with nulls written out (api.md §7–§9)."""

import pytest
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow

CHARGE_KEYS = [
    *("chargeId", "chargeAmount", "chargePermissionId", "captureAmount", "refundedAmount"),
    *("softDescriptor", "providerMetadata", "convertedAmount", "conversionRate", "channel"),
    *("chargeInitiator", "statusDetails", "creationTimestamp", "expirationTimestamp"),
    *("releaseEnvironment", "merchantMetadata", "platformId", "webCheckoutDetails"),
]
PERMISSION_KEYS = [
    *("chargePermissionId", "chargePermissionReferenceId", "chargePermissionType"),
    *("recurringMetadata", "platformId", "buyer", "shippingAddress", "billingAddress"),
    *("paymentPreferences", "statusDetails", "creationTimestamp", "expirationTimestamp"),
    *("merchantMetadata", "releaseEnvironment", "limits", "presentmentCurrency"),
]
REFUND_KEYS = [
    *("refundId", "chargeId", "creationTimestamp", "refundAmount", "statusDetails"),
    *("softDescriptor", "releaseEnvironment"),
]
STATUS_KEYS = ["state", "reasonCode", "reasonDescription", "lastUpdatedTimestamp"]
METADATA_KEYS = ["merchantReferenceId", "merchantStoreName", "noteToBuyer", "customInformation"]


def test_an_authorized_charge(amazon: WireClient) -> None:
    permission = amazon.permission()
    got = amazon.charge(permission, 500, captureNow=False)
    body = got.json
    assert got.status == 201
    assert list(body) == CHARGE_KEYS
    assert list(body["statusDetails"]) == STATUS_KEYS
    assert list(body["merchantMetadata"]) == METADATA_KEYS
    assert body["chargeAmount"] == {"amount": "500", "currencyCode": "JPY"}
    assert (body["captureAmount"], body["refundedAmount"], body["softDescriptor"]) == (None,) * 3
    assert body["providerMetadata"] == {"providerReferenceId": None}
    assert body["releaseEnvironment"] == "Sandbox"
    # Thirty days after 1 April.
    assert body["creationTimestamp"][:8] == "20260401"
    assert body["expirationTimestamp"][:8] == "20260501"


def test_a_captured_charge_and_its_own_order_id(amazon: WireClient) -> None:
    permission = amazon.permission()
    sent = {
        "merchantMetadata": {"merchantReferenceId": "INV-1", "noteToBuyer": "四月分"},
        "chargeInitiator": "MITR",
        "channel": "Web",
        "providerMetadata": {"providerReferenceId": "prov"},
        "platformId": "A1",
    }
    body = amazon.charge(permission, 980, **sent).json
    assert body["captureAmount"] == yen(980)
    assert body["refundedAmount"] == yen(0)
    assert body["softDescriptor"].startswith("AMZ*")
    assert body["merchantMetadata"]["noteToBuyer"] == "四月分"
    assert {name: body[name] for name in ("chargeInitiator", "channel", "platformId")} == {
        "chargeInitiator": "MITR",
        "channel": "Web",
        "platformId": "A1",
    }
    assert body["providerMetadata"] == {"providerReferenceId": "prov"}
    assert body["chargeId"].startswith("S03-")
    assert body["chargePermissionId"] == permission
    assert amazon.api("GET", f"/charges/{body['chargeId']}").json == body


@pytest.mark.parametrize("amount", ["1500", 1500], ids=["string", "number (.NET)"])
def test_amounts_are_answered_as_strings(amazon: WireClient, amount: object) -> None:
    body = {
        "chargePermissionId": amazon.permission(),
        "chargeAmount": {"amount": amount, "currencyCode": "JPY"},
    }
    got = amazon.api("POST", "/charges", body, key="k")
    assert got.json["chargeAmount"]["amount"] == "1500"


def test_a_permission(amazon: WireClient) -> None:
    permission = amazon.permission(id="B01-0000001-0000002", buyerId="amzn1.account.X")
    got = amazon.api("GET", f"/chargePermissions/{permission}")
    body = got.json
    assert got.status == 200
    assert list(body) == PERMISSION_KEYS
    assert list(body["merchantMetadata"]) == METADATA_KEYS
    assert body["chargePermissionId"] == "B01-0000001-0000002"
    assert body["chargePermissionType"] == "Recurring"
    assert body["buyer"]["buyerId"] == "amzn1.account.X"
    assert body["recurringMetadata"] == {
        "frequency": {"unit": "Month", "value": "1"},
        "amount": None,
    }
    assert list(body["statusDetails"]) == ["state", "reasons", "lastUpdatedTimestamp"]
    assert body["statusDetails"]["reasons"] is None
    assert body["limits"] == {"amountLimit": yen(100000), "amountBalance": yen(100000)}
    # Thirteen months after 1 April 2026.
    assert body["expirationTimestamp"][:8] == "20270501"


def test_an_updated_permission(amazon: WireClient) -> None:
    permission = amazon.permission()
    change = {
        "merchantMetadata": {"merchantReferenceId": "SUB-1"},
        "recurringMetadata": {"frequency": {"unit": "Year", "value": 1}, "amount": yen(2980)},
    }
    got = amazon.api("PATCH", f"/chargePermissions/{permission}", change)
    assert got.status == 200
    assert got.json["recurringMetadata"] == {
        "frequency": {"unit": "Year", "value": "1"},
        "amount": yen(2980),
    }
    later = {"merchantMetadata": {"noteToBuyer": "n"}}
    got = amazon.api("PATCH", f"/chargePermissions/{permission}", later)
    assert list(got.json["merchantMetadata"].values()) == ["SUB-1", None, "n", None]


def test_a_closed_permission_tells_why(amazon: WireClient) -> None:
    permission = amazon.permission()
    body = {"closureReason": "退会", "cancelPendingCharges": False}
    got = amazon.api("DELETE", f"/chargePermissions/{permission}/close", body)
    assert got.status == 200
    assert got.json["statusDetails"]["state"] == "Closed"
    assert got.json["statusDetails"]["reasons"] == [
        {"reasonCode": "MerchantClosed", "reasonDescription": "退会"}
    ]


def test_a_refund(amazon: WireClient) -> None:
    charge = amazon.charge(amazon.permission(), 1000).json["chargeId"]
    body = {"chargeId": charge, "refundAmount": yen(300)}
    got = amazon.api("POST", "/refunds", body, key="r1")
    assert got.status == 201
    assert list(got.json) == REFUND_KEYS
    assert list(got.json["statusDetails"]) == STATUS_KEYS
    assert got.json["statusDetails"]["state"] == "RefundInitiated"
    # The order part of the charge id, then R and six digits.
    assert got.json["refundId"][:21] == charge[:19] + "-R"
    assert amazon.api("GET", f"/refunds/{got.json['refundId']}").json == got.json
